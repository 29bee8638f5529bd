#!/usr/bin/env python3
"""Small sound files to begin with: seeds.py FOLDER writes them into FOLDER/csv, FOLDER/idx, FOLDER/gzip,
FOLDER/safetensors and FOLDER/archives. Those of tests/reference are among them: cases of csv.txt and gzip.txt, and the checkpoints."""

import gzip, json, pathlib, struct, sys, zipfile

reference = pathlib.Path(__file__).parents[2] / "reference"
folder = pathlib.Path(sys.argv[1])


def seed(target, content):
    path = folder / target
    path.mkdir(parents=True, exist_ok=True)
    (path / f"{len(list(path.iterdir())):03}").write_bytes(content)


def safetensors(tensors, data):
    header = json.dumps(tensors).encode()
    return struct.pack("<Q", len(header)) + header + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


delimiters = {44: 0, 59: 1, 9: 2, 32: 3, 124: 4}
for line in open(reference / "csv.txt"):
    name, options, text, *_ = line.rstrip("\n").split("\t")
    choice = (
        delimiters[int(dict(o.split("=") for o in options.split("|") if "=" in o).get("delimiter", 44))]
        + (16 if "header" in options else 0)
        + (40 if "decimal" in options else 0)
    )
    seed("csv", bytes([choice, 0, 5]) + text.encode("latin-1").decode("unicode_escape").encode("latin-1"))
for number in ("1", "-12.5e-3", "+.5", "340282356779733661637539395458142568448", "1.17549429e-38", "16777217"):
    seed("csv", bytes(3) + number.encode())
for extents in ([], [3], [2, 3], [0, 28], [1, 1, 5]):
    size = 1
    for e in extents:
        size *= e
    seed("idx", bytes([0, 0, 8, len(extents)]) + b"".join(struct.pack(">I", e) for e in extents) + bytes(size))
for line in open(reference / "gzip.txt"):
    seed("gzip", b"\3" + bytes.fromhex(line.split("\t")[1])[:600])
seed("gzip", b"\0not compressed")
seed("gzip", b"\0" + gzip.compress(bytes(300_000)))
w, n, b = {"w": entry("F32", [2], 0, 8)}, {"n": entry("I64", [], 8, 16)}, {"b": entry("BOOL", [2], 16, 18)}
seed("safetensors", safetensors({**w, **n, **b}, bytes(16) + b"\1\0"))
seed(
    "safetensors",
    safetensors({"__metadata__": {"format": "pt"}, **w, **n, **b, "e": entry("F4", [0, 7], 18, 18)}, bytes(18)),
)
for dtype, bytes_each in (("BF16", 2), ("F16", 2), ("F64", 8), ("I8", 1), ("U64", 8), ("F8_E4M3", 1), ("F8_E8M0", 1)):
    end = 2 * bytes_each
    seed(
        "safetensors",
        safetensors(
            {
                "w": entry(dtype, [2], 0, end),
                "n": entry("I32", [], end, end + 4),
                "b": entry("U8", [2], end + 4, end + 6),
            },
            bytes(end + 6),
        ),
    )
for name in ("checkpoint", "cnn", "saved_by_sinter"):
    seed("safetensors", (reference / f"{name}.safetensors").read_bytes())
for path in sorted((reference / "archives").iterdir()):
    seed("archives", b"\0" + path.read_bytes())
    with zipfile.ZipFile(path) as z:
        for name in z.namelist():
            if name.endswith("data.pkl"):
                seed("archives", b"\1" + z.read(name))
