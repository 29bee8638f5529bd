"""The house: include levels within compile/, lines of a header, rooms that name no backend, and rooms that are written
with the public surface alone. house.py INCLUDE"""
import functools
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]).resolve() / "sinter"
most_levels, most_lines = 9, 400
# Rooms of the compiler itself. All others, nn/ as well as vision/, use what users use.
inner_rooms = {"tensor", "graph", "ops", "transform", "compile", "backend", "eager", "runtime", "train"}
# Recurrent layers build their steps as nodes: a list of them has no public name yet.
not_yet_public = {"nn/recurrent.hpp"}
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
    if len(name.parts) > 1 and name.parts[0] not in inner_rooms and str(name) not in not_yet_public:
        code = re.sub(r"//[^\n]*", "", text)
        inner = r"\b(graph|compile|backend|internals)(::|\b(?= *\{))|(graph|compile|backend)/[\w/]+\.hpp"
        if found := re.search(inner, code):
            wrong.append(f"{name}: expected names of the public surface alone, found {found.group(0)}")
    lines = len(text.splitlines())
    if lines > most_lines:
        wrong.append(f"{name}: expected at most {most_lines} lines, found {lines}")
for line in wrong:
    print(line)
sys.exit(len(wrong) > 0)
