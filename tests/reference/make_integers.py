#!/usr/bin/env python3
"""Writes integers.txt: integers of every type at the ends of their ranges.

One line a tensor: name, shape, dtype, numbers. For each type t there are t.a and t.b, all pairs of some numbers, and
what functions make of them: t.add … Narrow types are computed as int32 (docs/support.md). PyTorch computes signed
integers; it has few operations for unsigned ones, so these are NumPy's. Quotients by zero, and of the least integer by
-1, are left out of both: b is 1 there. t.to.u are the numbers t.numbers as type u, PyTorch's; floating-point numbers
are in the range of u.

Run with PyTorch and NumPy installed: python3 make_integers.py > integers.txt
"""
import numpy as np
import torch

SIGNED, UNSIGNED = ["int8", "int16", "int32", "int64"], ["uint8", "uint16", "uint32", "uint64"]
FLOATING = ["float16", "bfloat16", "float32", "float64"]
np.seterr(all="ignore")


def show(name, t):
    if isinstance(t, np.ndarray):
        dtype, elements = t.dtype.name, t.flatten().tolist()
    else:
        dtype, elements = str(t.dtype).removeprefix("torch."), t.flatten().tolist()
    shape = "[" + ",".join(map(str, t.shape)) + "]"
    print(name, shape, dtype, *(repr(float(x)) if "float" in dtype else int(x) for x in elements))


def numbers(t):
    i = np.iinfo(t)
    some = [0, 1, 2, 3, 7, i.max, i.max - 1, i.max // 2, i.max // 2 + 1]
    return np.array(some + ([-1, -7, i.min, i.min + 1] if i.min < 0 else [100, 64, 10, i.max // 10]), dtype=t)


for t in SIGNED + UNSIGNED:
    n = numbers(t)
    a, b = (x.flatten() for x in np.meshgrid(n, n, indexing="ij"))
    show(f"{t}.a", a)
    show(f"{t}.b", b)
    overflows = (t in SIGNED) & (a == np.iinfo(t).min) & (b == np.array(-1).astype(t))
    divisor = np.where((b == 0) | overflows, 1, b).astype(t)
    show(f"{t}.divisor", divisor)
    wide = "int32" if np.iinfo(t).bits < 32 else t
    if t in SIGNED:
        c, d, q = (torch.from_numpy(x.astype(wide)) for x in (a, b, divisor))
        results = {
            "add": c + d, "sub": c - d, "mul": c * d, "div": torch.div(c, q, rounding_mode="trunc"),
            "remainder": torch.remainder(c, q), "maximum": torch.maximum(c, d), "minimum": torch.minimum(c, d),
            "less": c < d, "at_least": c >= d, "equal": c == d, "neg": -c, "abs": c.abs(), "sign": c.sign(),
        }
    else:
        c, d, q = a.astype(wide), b.astype(wide), divisor.astype(wide)
        results = {
            "add": c + d, "sub": c - d, "mul": c * d, "div": c // q, "remainder": c % q, "maximum": np.maximum(c, d),
            "minimum": np.minimum(c, d), "less": c < d, "at_least": c >= d, "equal": c == d,
            "neg": np.negative(c), "abs": np.abs(c), "sign": np.sign(c),
        }
    rows = torch.from_numpy(np.array([[n[1 + (i * j + i) % 12] for j in range(11)] for i in range(13)], dtype=t))
    show(f"{t}.rows", rows)
    results["sum"] = rows.sum(1)
    results["prod"] = rows.prod(1)
    results["cumsum"] = rows.cumsum(1)
    results["mean"] = rows.double().mean(1).float()
    results["amax"] = rows.numpy().max(1)
    results["amin"] = rows.numpy().min(1)
    results["argmax"] = rows.numpy().argmax(1).astype("int32")
    for name, y in results.items():
        show(f"{t}.{name}", y)

types = ["bool"] + SIGNED + UNSIGNED + FLOATING
for t in types:
    if t in FLOATING:
        some = [0, 1, -1, 2.5, -2.5, 0.99, -0.99, 100.25, -100.75, 127, -128, 200, 255, 30000, -30000]
        whole = torch.tensor(some, dtype=getattr(torch, t))
    else:
        whole = torch.tensor([False, True]) if t == "bool" else torch.from_numpy(numbers(t))
    show(f"{t}.numbers", whole)
    for u in types:
        from_t = whole
        if t in FLOATING and u in SIGNED + UNSIGNED:
            least, above = float(np.iinfo(u).min), 2.0 * (int(np.iinfo(u).max) // 2 + 1)
            x = whole.double()
            more = torch.tensor([3e9, -2e9, 4294967040.0, 2.0**62, -(2.0**63), 2.0**63, 1.5 * 2.0**63]).double()
            if t in ("float32", "float64"):
                x = torch.cat([x, more])
            from_t = x[(x > least - 1 if least > -1e9 else x >= least) & (x < above)].to(getattr(torch, t))
            show(f"{t}.in.{u}", from_t)
        show(f"{t}.to.{u}", from_t.to(getattr(torch, u)))
