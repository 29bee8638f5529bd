#!/usr/bin/env python3
"""Reading a table of 1,000,000 x 11 numbers, this library and pandas.read_csv (C engine) in turn, on one core:
read_csv.py PATH/TO/read_csv [ROUNDS]

Prints, for several ways to write numbers, the median seconds of both and the median of the rounds' ratios, pandas' time
divided by ours. Each round of pandas is a process of its own, as ours is; only reading is timed, and all values are
summed. Needs pandas."""

import os, pathlib, statistics, subprocess, sys, tempfile

PANDAS = """
import sys, time, pandas
start = time.perf_counter()
t = pandas.read_csv(sys.argv[1], header=None, dtype="float32").to_numpy()
print(time.perf_counter() - start, *t.shape, t.sum(dtype="float64"))
"""


def tables(folder):
    import numpy, pandas

    r = numpy.random.default_rng(0)
    x = pandas.DataFrame(r.standard_normal((1_000_000, 11)))
    yield "doubles as pandas writes them", x, {}
    yield "floats as pandas writes them", x.astype("float32"), {}
    yield "six decimals", x, {"float_format": "%.6f"}
    yield "eighteen decimals with exponents", x, {"float_format": "%.18e"}
    yield "whole numbers below 1,000", pandas.DataFrame(r.integers(0, 1000, x.shape)), {}


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.csv"
        for name, table, how in tables(folder):
            table.to_csv(path, index=False, header=False, **how)
            seconds = ([], [])
            for _ in range(rounds):
                said = []
                for times, command in zip(seconds, ([program], [sys.executable, "-c", PANDAS])):
                    said.append(
                        subprocess.run([*command, path], check=True, capture_output=True, text=True).stdout.split()
                    )
                    times.append(float(said[-1][0]))
                assert said[0][1:3] == said[1][1:3] and abs(float(said[0][3]) - float(said[1][3])) < 1e-3 * (
                    1 + abs(float(said[1][3]))
                ), said
            ratios = [theirs / ours for ours, theirs in zip(*seconds)]
            print(
                f"{name:34} {statistics.median(seconds[0]):6.3f} s   pandas {statistics.median(seconds[1]):6.3f} s   ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} … {max(ratios):.2f})",
                flush=True,
            )


main()
