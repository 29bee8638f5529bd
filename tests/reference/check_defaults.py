#!/usr/bin/env python3
"""Compares defaults.txt, which the tests hold the library's defaults against, with the signatures and the initial
parameters of the PyTorch that is installed. Prints what differs and fails where anything does. Run with PyTorch
installed: python3 check_defaults.py
"""

import ast
import inspect
import pathlib
import re
import sys

import torch

differences = 0


def differ(line, found):
    global differences
    differences += 1
    print(f"{line.strip()}: PyTorch {torch.__version__} has {found}")


def default(name, parameter):
    thing = eval(name)
    try:
        return inspect.signature(thing.__init__ if inspect.isclass(thing) else thing).parameters[parameter].default
    except ValueError:  # written in C++: the signature is the first line of its documentation
        return ast.literal_eval(re.search(rf"\b{parameter}=([^,)\s]+)", thing.__doc__)[1])


def starts(module, parameter, kind, value):
    values = torch.cat([m.state_dict()[parameter].flatten() for m in (eval(module) for _ in range(100))])
    if kind == "constant":
        return bool((values == value).all())
    if kind == "uniform":
        return (
            values.abs().max() <= value
            and values.abs().max() > 0.97 * value
            and abs(values.std() - value / 3**0.5) < 0.1 * value
        )
    return abs(values.mean()) < 0.1 * value and abs(values.std() - value) < 0.1 * value


torch.manual_seed(0)
lines = [
    line
    for line in pathlib.Path(__file__).with_name("defaults.txt").read_text().splitlines()
    if not line.startswith("#")
]
for line in lines:
    words = line.split()
    if len(words) == 4:
        if not starts(*words[:3], float(words[3])):
            differ(line, "another start")
        continue
    name, parameter, text = words
    found = default(name, parameter)
    found = getattr(found, "__name__", found)
    try:
        expected = ast.literal_eval(text)
    except ValueError:
        expected = text
    if found != expected:
        differ(line, found)
print(f"{len(lines)} defaults, {differences} differ")
sys.exit(differences != 0)
