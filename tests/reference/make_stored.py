#!/usr/bin/env python3
"""Tensors of every element type of the safetensors format that PyTorch has, and what PyTorch makes of them in float32.

python3 make_stored.py         writes stored.safetensors and stored.txt

Made with PyTorch 2.15 and safetensors 0.8. Types of one byte have all 256 values, others the first and the last, zeros,
ones, halves and what rounds. A line of stored.txt is the name of a type, which is that of its tensor, the shape and the
elements `copy_` gives a float32 tensor."""

import json
import pathlib
import struct

import safetensors
import torch

here = pathlib.Path(__file__).parent
bytes_ = torch.arange(256, dtype=torch.uint8)
floats = torch.tensor(
    [
        0.0,
        -0.0,
        1,
        -1.5,
        3.140625,
        1 + 2**-24,
        1 + 2**-23 + 2**-24,
        65504,
        65536,
        1e-8,
        3e38,
        1e300,
        -1e-300,
        float("inf"),
        -float("inf"),
        float("nan"),
    ],
    dtype=torch.float64,
)
whole = torch.tensor([0, 1, 2, 100, 127], dtype=torch.int64)


def ends(dtype):
    i = torch.iinfo(dtype)
    return torch.tensor([i.min, i.min + 1, 0, 1, 2**24 + 1 if i.max > 2**24 + 1 else 3, i.max - 1, i.max], dtype=dtype)


stored = {"BOOL": torch.tensor([False, True, True, False])}
for name, dtype in {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}.items():
    stored[name] = floats.to(dtype)
for name, dtype in {
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
}.items():
    stored[name] = ends(dtype)
for name, dtype in {
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
}.items():
    stored[name] = bytes_.view(dtype)

header, data = {}, b""
for name, t in stored.items():  # by hand, since safetensors.torch does not write all of them
    raw = t.view(torch.uint8).numpy().tobytes()
    header[name] = {"dtype": name, "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
file = struct.pack("<Q", len(text)) + text + data
assert len(safetensors.deserialize(file)) == len(stored)
(here / "stored.safetensors").write_bytes(file)
with open(here / "stored.txt", "w") as out:
    for name, t in stored.items():
        x = torch.empty(t.shape, dtype=torch.float32).copy_(t)
        print("stored." + name, f"[{len(t)}]", *(format(float(v), ".9g") for v in x), file=out)
