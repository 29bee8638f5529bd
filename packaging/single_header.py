#!/usr/bin/env python3
"""One header in place of include/sinter.

single_header.py [--with PART…] [--output FILE]

sinter.hpp and all that needs no other library than xsimd; with `--with safetensors` (nlohmann-json), `gzip` (zlib) or
`thrust` that part too. Without --output it goes to standard output. The headers' own #includes become the order in
which they stand; a comment names each one's file, so a compiler's message still leads to the source.
"""

import argparse
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
headers = root / "include" / "sinter"
# What a part includes from elsewhere: whatever needs it is left out unless it is asked for.
parts = {"safetensors": "<nlohmann/json.hpp>", "gzip": "<zlib.h>", "thrust": "<thrust/for_each.h>"}
# What headers that users include begin and end with: the one header too.
brackets = [headers / "tensor" / f"optimised_{end}.hpp" for end in ("begin", "end")]
elsewhere = ("backend/cuda/", "backend/reference/")  # what nvcc compiles, and what only tests use
local = re.compile(r'\s*#\s*include\s+"([^"]+)"')
system = re.compile(r"\s*#\s*include\s+(<[^>]+>)")


class Folded:
    """Headers in an order in which none needs a later one."""

    def __init__(self):
        self.order = []
        self.open = []
        self.system = []  # those that no #if surrounds

    def add(self, header):
        if header in self.order or header in brackets:
            return
        if header in self.open:
            raise SystemExit(f"single_header.py: {header.relative_to(headers)} includes itself")
        self.open.append(header)
        depth = 0
        for line in header.read_text(encoding="utf-8").splitlines():
            depth += bool(re.match(r"\s*#\s*if", line)) - bool(re.match(r"\s*#\s*endif", line))
            if m := local.match(line):
                self.add((header.parent / m[1]).resolve())
            elif (m := system.match(line)) and depth == 0 and m[1] not in self.system:
                self.system.append(m[1])
        self.open.pop()
        self.order.append(header)

    def text(self, header):
        depth = 0
        lines = []
        for line in header.read_text(encoding="utf-8").splitlines():
            depth += bool(re.match(r"\s*#\s*if", line)) - bool(re.match(r"\s*#\s*endif", line))
            if local.match(line) or line.strip() == "#pragma once" or (system.match(line) and depth == 0):
                continue
            lines.append(line)
        return "\n".join(lines).strip("\n")


def is_wanted(header, chosen):
    """Whether it and what it includes need no part that was not asked for."""
    folded = Folded()
    folded.add(header)
    text = "\n".join(h.read_text(encoding="utf-8") for h in folded.order)
    return not header.relative_to(headers).as_posix().startswith(elsewhere) and not any(
        f"#include {library}" in text for part, library in parts.items() if part not in chosen
    )


def fold(chosen):
    folded = Folded()
    folded.add(headers / "sinter.hpp")
    for header in sorted(headers.rglob("*.hpp")):
        if is_wanted(header, chosen):
            folded.add(header)
    version = ".".join(
        re.findall(r"#define SINTER_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", (headers / "version.hpp").read_text())
    )
    licence = "\n".join(("// " + line).rstrip() for line in (root / "LICENSE").read_text().splitlines())
    with_parts = " with " + ", ".join(chosen) if chosen else ""
    text = [
        f"// sinter {version}{with_parts}, all of it in one header, made by packaging/single_header.py.\n//\n{licence}",
        "#pragma once",
    ]
    begin, end = (h.read_text(encoding="utf-8").strip("\n") for h in brackets)
    text.append(begin)
    text.append("\n".join(f"#include {name}" for name in sorted(folded.system)))
    for header in folded.order:
        text.append(f"// ---- sinter/{header.relative_to(headers).as_posix()}\n{folded.text(header)}")
    text.append(end)
    return "\n\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--with", dest="chosen", action="append", choices=parts, default=[], metavar="PART", help=" or ".join(parts)
    )
    parser.add_argument("--output", "-o", type=pathlib.Path)
    options = parser.parse_args()
    text = fold(sorted(set(options.chosen)))
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


main()
