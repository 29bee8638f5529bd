"""The house: include levels within compile/, lines of a header, rooms that name no backend, and element types that stand
in one place. house.py INCLUDE"""
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
    text = file.read_text()
    if name.parts[0] in ("eager", "train"):
        code = re.sub(r"//[^\n]*", "", text)
        found = re.search(r"\b(cpu::|Cpu\b|Thrust\b|on_thrust|on_cuda)|backend/(cpu|thrust|cuda|generic|reference)/", code)
        if found:
            wrong.append(f"{name}: expected no name of a backend, found {found.group(0)}; say backend::Host or the policy's")
    # A new element type is a row of the table in tensor/dtype.hpp and nothing else: these are the proof.
    one = re.search(r"\bDtype::(int16|uint16|uint32|uint64)\b", text)
    if one and name.as_posix() != "tensor/dtype.hpp":
        wrong.append(f"{name}: expected no name of this element type but in tensor/dtype.hpp, found {one.group(0)}")
    lines = len(text.splitlines())
    if lines > most_lines:
        wrong.append(f"{name}: expected at most {most_lines} lines, found {lines}")
for line in wrong:
    print(line)
sys.exit(len(wrong) > 0)
