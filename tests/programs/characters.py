"""Characters that are not blank of each program and its PyTorch twin, between the marks; fails above 1.3. characters.py"""

import pathlib
import re
import sys

here = pathlib.Path(__file__).parent
worst = 1.3


def count(file: pathlib.Path, comment: str) -> int:
    body = re.search(rf"^{comment} program$(.*)^{comment} end$", file.read_text(), re.M | re.S)
    return len(re.sub(r"\s", "", body[1]))


wrong = False
for program in sorted(here.glob("*.hpp")):
    twin = program.with_suffix(".py")
    if program.stem == "data":
        continue
    ours, theirs = count(program, "//"), count(twin, "#")
    print(f"{program.stem}: {ours} characters, PyTorch {theirs}, ratio {ours / theirs:.2f}")
    wrong = wrong or ours > worst * theirs
if wrong:
    sys.exit(f"expected at most {worst} times the characters")
