"""The house: include levels within compile/, and lines of a header. house.py INCLUDE"""
import functools
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]).resolve() / "sinter"
most_levels, most_lines = 9, 400
includes = {
    f: [(f.parent / m).resolve() for m in re.findall(r'#include "([^"]+)"', f.read_text())] for f in root.rglob("*.hpp")
}


@functools.cache
def levels(file: pathlib.Path) -> int:
    below = [levels(f) for f in includes[file] if (root / "compile") in f.parents]
    return 1 + max(below, default=0)


wrong = []
for file in sorted(includes):
    name = file.relative_to(root)
    if name.parts[0] == "compile" and levels(file) > most_levels:
        wrong.append(f"{name}: expected at most {most_levels} levels of includes within compile/, found {levels(file)}")
    lines = len(file.read_text().splitlines())
    if lines > most_lines:
        wrong.append(f"{name}: expected at most {most_lines} lines, found {lines}")
print("\n".join(wrong))
sys.exit(len(wrong) > 0)
