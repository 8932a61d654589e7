#!/usr/bin/env python3
"""Memory of the CNN's training step, each side in a fresh process that does nothing else.

    memory.py SIDE VARIANT BATCH STEPS      one measurement, a line of JSON (run.py starts these)

All in bytes of resident memory (Linux): "base" after the imports; "built" what model, weights and data add to it; "peak"
the most that was resident during the first 30 steps, above base; "growth" what STEPS steps more left behind."""
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

WARM = 30  # steps after which nothing may grow


def resident(key="VmRSS"):
    for line in open("/proc/self/status"):
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no {key} in /proc/self/status")


def measure(name, variant, batch, steps):
    import rows
    import side
    made = side.make(name, len(os.sched_getaffinity(0)), variant == "compile")
    row = rows.Row(f"train_{batch}", "", "train", dict(net=rows.Net(), batch=batch))
    if variant not in made.variants(row):
        return None
    gc.collect()
    base = resident()
    step, _ = made.build(row, variant)
    gc.collect()
    built = resident()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts here
    for _ in range(WARM):
        step()
    peak, warm = resident("VmHWM"), resident()
    for _ in range(steps):
        step()
    return {"base": base, "built": built - base, "peak": peak - base, "growth": resident() - warm}


def in_fresh_process(command, environment):
    """What a process that prints one line of JSON says; None when it fails."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
    except (IndexError, json.JSONDecodeError):
        return None


if __name__ == "__main__":
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(os.environ.get("OMP_NUM_THREADS", "2"))])
    answers = os.fdopen(os.dup(1), "w")  # libraries may print
    os.dup2(2, 1)
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))), file=answers)
