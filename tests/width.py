"""No line of C++ or of prose is wider than 120 characters, except tables in Markdown: width.py FOLDER"""
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
folders = ("include", "tests", "benchmarks", "examples", "docs")
files = sorted(f for d in folders for f in (root / d).rglob("*") if f.suffix in (".hpp", ".cpp", ".cu", ".md"))
wide = 0
for file in files + sorted(root.glob("*.md")):
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if len(line) > 120 and not (file.suffix == ".md" and line.startswith("|")):
            print(f"{file.relative_to(root)}:{number}: expected at most 120 characters, found {len(line)}")
            wide += 1
sys.exit(wide > 0)
