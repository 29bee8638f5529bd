#!/usr/bin/env python3
"""gzip files, and what Python's gzip reads from them, into gzip.txt for tests/data/gzip.cpp.

python3 make_gzip.py > gzip.txt

A line is a case: name, the file in hexadecimal, and its content in hexadecimal after "=", or "error". Made with Python
3.11."""

import gzip
import io
import struct
import zlib

TEXT, HCRC, EXTRA, NAME, COMMENT = 1, 2, 4, 8, 16


def member(content, flags=0, *fields, level=9, damage=lambda raw: raw):
    """A member with these header fields, raw, in the order of the format."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\x12\x34\x56\x78\x00\x03" + b"".join(fields)
    if flags & HCRC:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    pack = zlib.compressobj(level, zlib.DEFLATED, -15)
    return damage(
        head
        + pack.compress(content)
        + pack.flush()
        + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    )


def case(name, file):
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(file)) as f:
            read = "=" + f.read().hex()
    except (EOFError, gzip.BadGzipFile, zlib.error):
        read = "error"
    print(name, file.hex(), read, sep="\t")


def flip(position):
    return lambda raw: raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]


extra = struct.pack("<H", 7) + b"ab\x03\x00xyz"
a, b = member(b"grains, "), member(b"fused")
case("one member", a)
case("what Python writes", gzip.compress(b"grains", mtime=1))
case("stored, not compressed", member(b"grains", level=0))
case("nothing in it", member(b""))
case("two members", a + b)
case("an empty member between", a + member(b"") + b)
case("the name of a file", member(b"grains", NAME, b"a.txt\0"))
case("a comment", member(b"grains", COMMENT, b"by hand\0"))
case("an extra field", member(b"grains", EXTRA, extra))
case("marked as text", member(b"grains", TEXT))
case("the checksum of the header", member(b"grains", HCRC))
case("all fields", member(b"grains", TEXT | HCRC | EXTRA | NAME | COMMENT, extra, b"a.txt\0", b"by hand\0"))
case(
    "all fields twice",
    member(b"grains", HCRC | EXTRA | NAME | COMMENT, extra, b"a.txt\0", b"by hand\0") + member(b"x", NAME, b"\0"),
)
case("zeros at the end", a + bytes(512))
case("zeros between members", a + bytes(3) + b)
case("zeros everywhere", a + bytes(1) + b + bytes(1000))
case("another byte at the end", a + b"x")
case("another byte after zeros", a + bytes(3) + b"x")
case("half a magic number at the end", a + b"\x1f")
case("a second member without an end", a + b[:-1])
case("a wrong checksum", member(b"grains", damage=flip(-8)))
case("a wrong size", member(b"grains", damage=flip(-1)))
case("a wrong byte of data", member(b"grains", level=0, damage=flip(17)))
case("another method", member(b"grains", damage=flip(2)))
case("cut in the header", member(b"grains", NAME, b"a.txt\0")[:13])
case("cut in the data", a[:14])
case("cut in the checksum", a[:-6])
