#!/usr/bin/env python3
"""Writes vision.txt: functions of images as torchvision (float64) computes them. Lines are those of make.py.

Run with torchvision installed: python3 make_vision.py > vision.txt"""
import torch
import torchvision.transforms.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)


def show(name, t):
    print(name, "[" + ",".join(map(str, t.shape)) + "]", *(format(float(x), ".9g") for x in t.flatten()))


def function(name, f, *arguments):
    arguments = [torch.round(a * 256) / 256 for a in arguments]
    leaves = [a.clone().requires_grad_() for a in arguments]
    y = f(*leaves)
    w = torch.round(torch.randn(y.shape) * 256) / 256
    for i, a in enumerate(arguments):
        show(f"{name}.{i}", a)
    show(f"{name}.y", y.detach())
    show(f"{name}.w", w)
    (y * w).sum().backward()
    for i, a in enumerate(leaves):
        show(f"{name}.d{i}", a.grad)


r = torch.rand
mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
function("normalize", lambda x: F.normalize(x, mean, std), r(2, 3, 2, 3))
function("normalize_one", lambda x: F.normalize(x, mean, std), r(3, 2, 2))
function("normalize_gray", lambda x: F.normalize(x, [0.1307], [0.3081]), r(2, 1, 2, 2))
for height, width in [(2, 2), (5, 4), (4, 7), (1, 3), (8, 9), (9, 2)]:
    function(f"center_crop_{height}_{width}", lambda x: F.center_crop(x, [height, width]), r(2, 5, 6))
for size in (1, 2, 3, 4):  # halves are rounded to even numbers
    function(f"center_crop_{size}", lambda x: F.center_crop(x, size), r(4, 7))
