#!/usr/bin/env python3
"""Writes npy/*.npy with NumPy, which tests/io/npy.cpp reads. Run with NumPy installed: python3 make_npy.py"""

import pathlib

import numpy as np

folder = pathlib.Path(__file__).parent / "npy"
x = np.arange(6).reshape(2, 3)
for name, array in {
    "float": x.astype("f4"),
    "fortran": np.asfortranarray(x.astype("f8")),
    "big_endian": x.astype(">i4"),
    "half": x.astype("f2"),
    "scalar": np.float32(3.5),
    "bools": np.array([True, False, True]),
    "empty": np.zeros((0, 3), "f4"),
    "fractions": np.array([1, 2.5], "f4"),
    "complex": np.zeros(2, "c8"),
    "records": np.zeros(2, [("a", "f4"), ("b", "i4")]),
}.items():
    np.save(folder / f"{name}.npy", array)
with open(folder / "version_2.npy", "wb") as file:
    np.lib.format.write_array(file, x.astype("i8"), version=(2, 0))
