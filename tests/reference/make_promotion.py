#!/usr/bin/env python3
"""Writes promotion.txt: the element type of an operation on two tensors, for every pair of integer, floating and bool
types, one line each: a, b, the type of both, and who says so.

PyTorch's promote_types where it is defined. It does not promote unsigned integers of more than 8 bits with other
integers; NumPy does. uint64 with a signed integer is float64 in NumPy, which is no integer: "none".

Run with PyTorch and NumPy installed: python3 make_promotion.py > promotion.txt
"""
import numpy
import torch

names = ["bool"] + [sign + "int" + bits for bits in ("8", "16", "32", "64") for sign in ("", "u")]
names += ["float16", "bfloat16", "float32", "float64"]


def promoted(a, b):
    try:
        return str(torch.promote_types(getattr(torch, a), getattr(torch, b))).removeprefix("torch."), "torch"
    except RuntimeError:
        c = numpy.promote_types(a, b)
        return c.name if c.kind in "iub" else "none", "numpy"


for a in names:
    for b in names:
        print(a, b, *promoted(a, b))
