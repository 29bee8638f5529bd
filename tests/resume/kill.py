"""Kills a training run at random moments and resumes it, until that many kills are spent: its last words must be those of a
run that nobody killed. kill.py PROGRAM KILLS [SEED]"""

import pathlib
import random
import subprocess
import sys
import tempfile
import time

program, kills = sys.argv[1], int(sys.argv[2])
draw = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
with tempfile.TemporaryDirectory() as folder:
    whole, killed = pathlib.Path(folder, "whole.safetensors"), pathlib.Path(folder, "killed.safetensors")
    begin = time.monotonic()
    expected = subprocess.run([program, whole], check=True, capture_output=True, text=True).stdout
    seconds = time.monotonic() - begin
    spent = runs = moments = 0
    while spent < kills:
        killed.unlink(missing_ok=True)
        found = None
        while found is None:
            run = subprocess.Popen([program, killed], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                # most kills fall into the run, some into its start
                found, errors = run.communicate(timeout=draw.uniform(0, seconds / 4) if spent < kills else None)
            except subprocess.TimeoutExpired:
                run.kill()
                run.communicate()
                spent += 1
                continue
            if run.returncode != 0:
                sys.exit(f"after {spent} kills: expected success, found exit status {run.returncode}: {errors}")
        runs += 1
        if found != expected:
            sys.exit(f"after {spent} kills: expected {expected.strip()}, found {found.strip()}")
    print(f"{spent} kills in {runs} runs: {expected.strip()}")
