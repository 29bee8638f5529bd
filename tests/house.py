"""The house. house.py INCLUDE

- include levels within compile/, and lines of a header;
- eager/ and train/ name no backend;
- element types stand in one place;
- one header throws, and none needs run-time type information;
- rooms after train/ and the layers are written with the public surface alone;
- no header includes itself; a folder of ops/ is one unit, which one header outside of it includes;
- a function that one header declares is defined by it, or in ops/ by another of the same unit;
- passes and backends ask the properties of `graph::Primitive` and name no primitive, but for those that lower
  primitives and the files below.
"""

import functools
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1]).resolve() / "sinter"
most_levels, most_lines = 9, 400
# Rooms of the compiler itself. All others, nn/ as well as vision/, use what users use.
inner_rooms = {"tensor", "graph", "ops", "transform", "compile", "backend", "eager", "runtime", "train"}
includes = {
    f: [(f.parent / m).resolve() for m in re.findall(r'#include "([^"]+)"', f.read_text())] for f in root.rglob("*.hpp")
}
# Files that exist for these primitives.
own_files = {
    "transform/rematerialize.hpp": "Later",  # what a checkpoint marks waits for the backward pass
    "backend/cpu/custom_kernels.hpp": "Attention AttentionGradient Recurrence RecurrenceGradient",
    "backend/cpu/target.hpp": "Attention AttentionGradient Recurrence RecurrenceGradient",  # the custom kernels
    "backend/generic/kernels.hpp": "Attention AttentionGradient Recurrence RecurrenceGradient",  # registers them
    "backend/cpu/attend.hpp": "Attention",
    "backend/cpu/attend_gradient.hpp": "AttentionGradient Sum",
    "backend/cpu/recur.hpp": "Recurrence",
    "backend/cpu/recur_gradient.hpp": "Recurrence RecurrenceGradient",
    "compile/simplify.hpp": "Copy",  # inserted where no strides can express a view
    # kernels that fold their own lanes, or begin their sums with a bias
    "backend/cpu/attend_few.hpp": "Amax Sum",
    "backend/cpu/direct_sums.hpp": "Sum",
    "backend/cpu/small.hpp": "Add",
    "backend/cpu/streamed.hpp": "Sum",
}


def without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def primitives() -> set[str]:
    """The structs of ops/ and nn/ that are primitives: they give a base their own name."""
    texts = [without_comments(f.read_text()) for f in includes if f.relative_to(root).parts[0] in ("ops", "nn")]
    return {m[1] for t in texts for m in re.finditer(r"\bstruct (\w+)\s*:\s*[\w:]+<\1\b", t)}


@functools.cache
def levels(file: pathlib.Path) -> int:
    below = [levels(f) for f in includes[file] if (root / "compile") in f.parents]
    return 1 + max(below, default=0)


signature = re.compile(
    r"^(?:template <[^\n]*>\s)?(?:inline |constexpr |consteval )+[\w:<>&* ,]+?[\s&*](\w+)\([^;{}]*?\)\s*([;{])", re.M
)


def declared_elsewhere():
    """Functions that a header declares and another one defines, unless both are parts of one unit."""
    declared, defined = {}, {}
    for f in includes:
        for m in signature.finditer(without_comments(f.read_text())):
            (declared if m[2] == ";" else defined).setdefault(m[1], set()).add(f)
    for name, files in sorted(declared.items()):
        for f in sorted(files - defined.get(name, set())):
            if (name, f.name) == ("part", "sym.hpp"):  # what `x(0)` calls: a symbol's indices are an operation
                continue
            if f.parent.parent != root / "ops" or all(g.parent != f.parent for g in defined.get(name, ())):
                yield f"{f.relative_to(root)}: expected a definition of {name}, found a declaration alone"


def circles():
    """Headers that include themselves by way of others."""
    done, path = set(), []

    def visit(f):
        if f in path:
            yield " includes ".join(str(g.relative_to(root)) for g in [*path[path.index(f) :], f])
        elif f not in done:
            path.append(f)
            for g in includes.get(f, ()):
                yield from visit(g)
            done.add(path.pop())

    for f in includes:
        yield from visit(f)


def split_units():
    """Folders of ops/ that several headers outside of them include."""
    users = {}
    for f, parts in includes.items():
        for part in parts:
            if part.parent.parent == root / "ops" and f.parent != part.parent:
                users.setdefault(part.parent.name, set()).add(f)
    for unit, files in users.items():
        if len(files) > 1:
            yield f"ops/{unit}/: expected one header that includes it, found {sorted(f.name for f in files)}"


wrong = [*circles(), *split_units(), *declared_elsewhere()]
names = re.compile(rf"\b(?:ops|nn)::({'|'.join(sorted(primitives()))})\b")
for file in sorted(includes):
    name = file.relative_to(root)
    if name.parts[0] == "compile" and levels(file) > most_levels:
        wrong.append(f"{name}: expected at most {most_levels} levels of includes within compile/, found {levels(file)}")
    text = file.read_text()
    lowers = "lowering" in name.parts  # writes primitives with others
    if name.parts[0] in ("graph", "transform", "compile", "backend", "eager", "train") and not lowers:
        found, own = set(names.findall(without_comments(text))), set(own_files.get(name.as_posix(), "").split())
        for primitive in sorted(found - own):
            wrong.append(f"{name}: expected properties of primitives (graph/primitive.hpp), found ops::{primitive}")
        for primitive in sorted(own - found):
            wrong.append(f"{name}: {primitive} is listed in house.py and not named")
    if name.parts[0] in ("eager", "train"):
        code = without_comments(text)
        found = re.search(
            r"\b(cpu::|Cpu\b|Thrust\b|on_thrust|on_cuda)|backend/(cpu|thrust|cuda|generic|reference)/", code
        )
        if found:
            wrong.append(
                f"{name}: expected no name of a backend, found {found.group(0)}; say backend::Host or the policy's"
            )
    if len(name.parts) > 1 and name.parts[0] not in inner_rooms:
        code = re.sub(r"//[^\n]*", "", text)
        inner = r"\b(graph|compile|backend|internals)(::|\b(?= *\{))|(graph|compile|backend)/[\w/]+\.hpp"
        if found := re.search(inner, code):
            wrong.append(f"{name}: expected names of the public surface alone, found {found.group(0)}")
    # A new element type is a row of the table in tensor/dtype.hpp and nothing else: these are the proof.
    one = re.search(r"\bDtype::(int16|uint16|uint32|uint64)\b", without_comments(text))
    if one and name.as_posix() != "tensor/dtype.hpp":
        wrong.append(f"{name}: expected this element type in tensor/dtype.hpp alone, found {one.group(0)}")
    # Programs without exceptions: whoever throws calls throw_error.
    throws = re.search(r"\bthrow\b(?!\.hpp)|\btypeid\b|\bdynamic_cast\b", without_comments(text))
    if throws and name.as_posix() != "tensor/throw.hpp":
        wrong.append(f"{name}: expected throw_error in place of throw, and no run-time type information")
    lines = len(text.splitlines())
    if lines > most_lines:
        wrong.append(f"{name}: expected at most {most_lines} lines, found {lines}")
for line in wrong:
    print(line)
sys.exit(len(wrong) > 0)
