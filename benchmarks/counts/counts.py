#!/usr/bin/env python3
"""Instructions of the runtime's hot paths, counted by valgrind and held against counts.json.

    counts.py PROGRAM            compare; more than 3 % above or below fails
    counts.py PROGRAM --update   write what was counted (PROGRAM is build/release/bin/count_paths)

Instructions, not seconds: the same on a busy machine. They depend on the compiler, so with another one than that of
counts.json nothing is compared (exit 77)."""
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

RECORD = Path(__file__).with_name("counts.json")
# Path: (what one round is, rounds that settle, rounds counted)
PATHS = {
    "record": ("an add of two arrays recorded and released", 50, 1000),
    "replay": ("the same, evaluated: 16 numbers", 50, 500),
    "fingerprint_100": ("100 nodes recorded and evaluated by a plan at hand", 10, 50),
    "plan_miss_100": ("the same, planned anew", 5, 10),
    "compiled_100": ("a compiled function of 100 nodes called and evaluated", 10, 50),
}
TOLERANCE = 0.03


def instructions(program, path, rounds):
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", program, path, str(rounds)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return int(re.search(r"I\s+refs:\s+([\d,]+)", told)[1].replace(",", ""))


def compiler():
    cache = Path(sys.argv[1]).resolve().parents[1] / "CMakeCache.txt"
    name = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache.read_text(), re.M)[1]
    version = subprocess.run([name, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0]
    return f"{version}, {platform.machine()}"


def main():
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    here, update = compiler(), "--update" in sys.argv
    if not update and record.get("compiler") != here:
        print(f"counts.json is of another compiler ({record.get('compiler')}) than this one ({here}): not compared")
        return 77
    counts, off = {}, []
    for path, (what, settle, rounds) in PATHS.items():
        few, many = (instructions(sys.argv[1], path, n) for n in (settle, settle + rounds))
        counts[path] = round((many - few) / rounds)
        line = f"{path:16} {counts[path]:10} instructions: {what}"
        if not update:
            want = record["instructions"][path]
            ratio = counts[path] / want
            line += f" ({want} recorded, {ratio:.3f})"
            if abs(ratio - 1) > TOLERANCE:
                off.append(path)
        print(line, flush=True)
    if update:
        RECORD.write_text(json.dumps({"compiler": here, "instructions": counts}, indent=1) + "\n")
    if off:
        print(f"{', '.join(off)}: more than {TOLERANCE:.0%} from the record. If that is meant, write the new one with --update.")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
