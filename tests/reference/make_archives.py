#!/usr/bin/env python3
"""Writes archives/*.pt and *.npz, which tests/io/archives.cpp reads. The .pt files are made as torch.save makes them,
by Python's pickle and zipfile with stand-ins for PyTorch's functions, so that PyTorch need not be installed; NumPy is:
python3 make_archives.py"""
import collections
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

folder = pathlib.Path(__file__).parent / "archives"
folder.mkdir(exist_ok=True)

# PyTorch's names, for the pickles
torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})


def function(module, name):
    def f(*_):
        raise RuntimeError("a stand-in")

    f.__module__, f.__name__, f.__qualname__ = module.__name__, name, name
    setattr(module, name, f)
    return f


rebuild_tensor = function(utils, "_rebuild_tensor_v2")
rebuild_parameter = function(utils, "_rebuild_parameter")
kinds = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "BFloat16Storage": "<u2",
         "LongStorage": "<i8", "BoolStorage": "|b1", "ByteStorage": "|u1"}
for name in kinds:
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


class Storage:
    def __init__(self, kind, numbers):
        self.kind, self.array = kind, np.asarray(numbers, kinds[kind])


class Tensor:
    """A view of a storage."""

    def __init__(self, storage, shape, strides=None, offset=0):
        dense = tuple(int(np.prod(shape[i + 1:])) for i in range(len(shape)))
        self.fields = storage, offset, tuple(shape), tuple(dense if strides is None else strides)

    def __reduce__(self):
        return rebuild_tensor, (*self.fields, False, collections.OrderedDict())


class Parameter(Tensor):
    def __reduce__(self):
        return rebuild_parameter, (Tensor(self.fields[0], self.fields[2], self.fields[3], self.fields[1]), True,
                                   collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, file):
        super().__init__(file, 2)
        self.storages = []

    def persistent_id(self, x):
        if not isinstance(x, Storage):
            return None
        if x not in self.storages:
            self.storages.append(x)
        return "storage", getattr(torch, x.kind), str(self.storages.index(x)), "cpu", x.array.size


def save(name, value):
    text = io.BytesIO()
    pickler = Pickler(text)
    pickler.dump(value)
    with zipfile.ZipFile(folder / f"{name}.pt", "w") as z:

        def add(member, data):
            z.writestr(zipfile.ZipInfo(f"{name}/{member}"), data)

        add("data.pkl", text.getvalue())
        add("byteorder", b"little")
        for i, s in enumerate(pickler.storages):
            add(f"data/{i}", s.array.tobytes())
        add("version", b"3\n")


def counted(kind, n):
    return Storage(kind, np.arange(n))


def bfloat16(numbers):
    return Storage("BFloat16Storage", [struct.unpack("<I", struct.pack("<f", x))[0] >> 16 for x in numbers])


class StateDict(collections.OrderedDict):
    """With the attribute _metadata, as PyTorch's."""

    def __reduce__(self):
        return collections.OrderedDict, (), {"_metadata": {"": {"version": 1}}}, None, iter(self.items())


shared = counted("FloatStorage", 20)
state = StateDict()
state["weight"] = Parameter(shared, (2, 3))
state["transposed"] = Tensor(shared, (3, 2), (1, 3))
state["column"] = Tensor(shared, (4,), (5,), 2)
state["row"] = Tensor(shared, (5,), (1,), 10)
state["repeated"] = Tensor(shared, (2, 3), (0, 1), 4)
state["half"] = Tensor(counted("HalfStorage", 3), (3,))
state["bfloat16"] = Tensor(bfloat16([0, 1, 2]), (3,))
state["double"] = Tensor(counted("DoubleStorage", 3), (3,))
state["bools"] = Tensor(Storage("BoolStorage", [True, False, True]), (3,))
state["num_batches_tracked"] = Tensor(Storage("LongStorage", [7]), ())
state["empty"] = Tensor(counted("FloatStorage", 0), (0, 4))
save("state", state)

fc = StateDict(weight=Parameter(counted("FloatStorage", 6), (2, 3)), bias=Parameter(counted("FloatStorage", 2), (2,)))
moment = Tensor(counted("FloatStorage", 6), (2, 3))
save("nested", {"epoch": 3, "best": 0.25, "name": "run é", "done": True, "none": None, "large": 1 << 80,
                "state_dict": {"fc." + k: v for k, v in fc.items()},
                "optimizer": {"state": {0: {"exp_avg": moment, "step": 12}},
                              "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0, 1]}]}})


class Executes:
    def __reduce__(self):
        return print, ("this must not be printed",)


save("executes", {"weight": Tensor(counted("FloatStorage", 3), (3,)), "other": Executes()})
knot = {"weight": Tensor(counted("FloatStorage", 3), (3,))}
knot["self"] = knot
save("knot", knot)

counting = np.arange(6, dtype=np.float32).reshape(2, 3)
np.savez(folder / "arrays.npz", float=counting, fortran=np.asfortranarray(counting), big=counting.astype(">f8"),
         scalar=np.int64(5), empty=np.zeros((0, 2), np.float32))
np.savez_compressed(folder / "compressed.npz", x=counting)
np.savez(folder / "linear.npz", weight=counting, bias=np.arange(2, dtype=np.float64))
