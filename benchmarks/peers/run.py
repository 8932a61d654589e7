#!/usr/bin/env python3
"""Quern and other frameworks side by side on this machine.

    run.py --setup                      build/peers-venv with the peers
    run.py [--peers torch,openvino]     measure and print a table
    run.py --report [FOLDER]            also write FOLDER/report.md and report.png (default build/peers-report)

Each side is one long-lived process with the same number of threads, which answers "run ROW VARIANT N" with the
seconds of one of N runs. Rounds go through the sides forwards, then backwards (A B B A); the median over the rounds
counts, and of a side's variants the best one. Beside each time stands the largest error against float64, relative to
the largest value. "quern" is the Python package, "quern C" the C interface where a row has a program in C."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import report
from report import PEERS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
VENV = ROOT / "build" / "peers-venv"
PACKAGES = ["numpy", "matplotlib", "torch", "mlx[cpu]", "onnxruntime", "onnx", "openvino", "jax[cpu]", "mlx-bigvgan"]


def setup():
    subprocess.check_call([sys.executable, "-m", "venv", str(VENV)])
    pip = [str(VENV / "bin" / "pip"), "install", "-q"]
    for package in PACKAGES:
        if subprocess.call([*pip, package]):
            print(f"run.py: {package} cannot be installed here; its rows will be missing", file=sys.stderr)


class Side:
    """The other end of the line protocol."""

    def __init__(self, name, command, threads, environment=None):
        # A bounded spin at OpenMP's barriers: threads that spin on while other work runs cost them whole time slices.
        env = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "10000", **os.environ,
               **(environment or {})}
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.about = self.ask("about")
        self.variants = self.ask("list")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        while True:
            answer = self.process.stdout.readline()
            if not answer:
                raise RuntimeError(f"{self.name} ended at '{line}'")
            try:
                return json.loads(answer)
            except json.JSONDecodeError:
                continue  # chatter of a library

    def run(self, row, variant, n):
        return float(self.ask(f"run {row} {variant} {n}"))

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def open_sides(options):
    """(sides with Quern's first, the float64 reference)."""
    python = str(VENV / "bin" / "python")
    if not Path(python).exists():
        sys.exit(f"run.py: {VENV} is missing; run it with --setup first")
    package, program = Path(options.build) / "python", Path(options.build) / "bin" / "quern_side"
    if not (package / "quern").exists():
        sys.exit(f"run.py: {package} is missing; ./dev build makes it")
    paths = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))

    def side(name, environment=None):
        command = [python, str(HERE / "side.py"), name, str(options.threads), "compile" if options.torch_compile else "eager"]
        return Side(name, command, options.threads, environment)

    sides = [side("quern", {"PYTHONPATH": paths})]
    if program.exists():
        sides.append(Side("quern C", [str(program), str(options.threads)], options.threads))
    for peer in options.peers.split(","):
        if peer not in PEERS:
            sys.exit(f"run.py: no peer is called '{peer}'; expected some of {','.join(PEERS)}")
        try:
            sides.append(side(peer))
        except RuntimeError:
            print(f"run.py: {peer} does not start here and is left out", file=sys.stderr)
    return sides, side("reference")


def timed(sides, row, options):
    """[{side, variant, times}] of interleaved rounds; what cannot run is absent."""
    entries = []
    for side in sides:
        for variant in side.variants.get(row, []):
            if options.variants and side.name == "torch" and variant not in options.variants.split(","):
                continue
            once = side.run(row, variant, 1)
            if once > options.slow and variant in ("compile", "jit"):
                once = side.run(row, variant, 1)  # the first one compiled
            if 0 <= once <= options.slow:
                once = min(side.run(row, variant, 1) for _ in range(2))
            if once < 0:
                continue
            n = max(1, min(20_000, int(options.turn / max(once, 1e-7))))
            entries.append({"side": side, "variant": variant, "n": n, "once": once, "times": [once] if once > options.slow else []})
    spent = sum(max(options.turn, e["once"]) + 0.02 for e in entries if not e["times"])
    rounds = max(options.least, min(options.rounds, int(options.seconds / max(spent, 1e-3))))
    for r in range(rounds):
        for e in entries if r % 2 == 0 else reversed(entries):
            if e["once"] > options.slow:
                continue  # too slow to repeat: the one run stands
            e["times"].append(e["side"].run(row, e["variant"], e["n"]))
            time.sleep(0.02)  # lets the other sides' spinning threads go to sleep
    return entries


def measured(sides, reference, row, options, folder):
    """Side and variant -> median, quartiles, rounds, error."""
    out = []
    for e in timed(sides, row, options):
        times, error = e["times"], None
        low, _, high = statistics.quantiles(times, n=4) if len(times) > 1 else (times[0],) * 3
        if reference and e["side"].name != "quern C" and e["once"] <= options.slow:
            path = Path(folder) / "result.npy"
            if e["side"].ask(f"save {row} {e['variant']} {path}") == 0:
                error = reference.ask(f"error {row} {path}")
        out.append({"side": e["side"].name, "variant": e["variant"], "seconds": statistics.median(times), "low": low,
                    "high": high, "rounds": len(times), "error": None if error in (None, -1) else error})
    ours = [e["seconds"] for e in out if e["side"] == "quern"]
    for e in out:  # ratios are taken within a run, also when results of several are put together
        e["ours"] = min(ours) if ours else None
    return out


def joined(old, new, order):
    """new, with what only old has: rows not measured now and, in the rows measured now, peers left out now."""
    rows = {}
    for name in order:
        now = new["rows"].get(name, [])
        seen = {e["side"] for e in now}
        entries = now + [e for e in old["rows"].get(name, []) if e["side"] not in seen]
        if entries:
            rows[name] = entries
    return {**new, "rows": rows, "versions": {**old["versions"], **new["versions"]}, "minutes": old["minutes"] + new["minutes"]}


def drive(options):
    sides, reference = open_sides(options)
    reference_or_none = reference if options.errors else None
    known = list(reference.variants)
    wanted = known if options.workloads == "all" else options.workloads.split(",")
    for row in wanted:
        if row not in known:
            sys.exit(f"run.py: no workload is called '{row}'; expected some of {','.join(known)}")
    kept = Path(options.report) / "results.json" if options.report else None
    old = json.loads(kept.read_text()) if kept and options.add and kept.exists() else None
    result = {"cpu": report.cpu_name(), "threads": options.threads, "rows": {}, "minutes": 0,
              "versions": {k: v for side in sides for k, v in side.about.items()}}
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        for row in wanted:
            result["rows"][row] = measured(sides, reference_or_none, row, options, folder)
            result["minutes"] = (time.time() - start) / 60
            print(f"{time.time() - start:5.0f} s  " + report.line(row, result["rows"][row]), file=sys.stderr, flush=True)
            if kept:  # after every row: a run that is cut short keeps what it has
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(joined(old, result, known) if old else result, indent=1) + "\n")
    for side in [*sides, reference]:
        side.close()
    if options.json:
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    if kept:
        # Titles and the plot need NumPy and matplotlib, which the peers' environment has.
        subprocess.check_call([str(VENV / "bin" / "python"), str(HERE / "report.py"), str(kept.parent)])
    else:
        print(report.markdown(result))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--setup", action="store_true", help="create the virtual environment and leave")
    p.add_argument("--report", nargs="?", const=str(ROOT / "build" / "peers-report"), metavar="FOLDER",
                   help="write report.md, report.png and results.json there")
    p.add_argument("--add", action="store_true", help="keep what results.json of --report holds of other rows and peers")
    p.add_argument("--build", default=str(ROOT / "build" / "release"), help="build tree with python/ and bin/quern_side")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--peers", default="torch,onnxruntime,openvino,jax", help=f"of {','.join(PEERS)} (mlx takes half an hour)")
    p.add_argument("--workloads", default="all", help="names of rows (rows.py), separated by commas")
    p.add_argument("--variants", help="only these variants of PyTorch: eager,channels_last,compile")
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--least", type=int, default=3, help="rounds of a row that takes longer than --seconds")
    p.add_argument("--seconds", type=float, default=10, help="aim for one row")
    p.add_argument("--turn", type=float, default=0.05, help="aim of one turn in seconds")
    p.add_argument("--slow", type=float, default=8, help="a run above this many seconds is not repeated")
    p.add_argument("--no-torch-compile", dest="torch_compile", action="store_false")
    p.add_argument("--no-errors", dest="errors", action="store_false")
    p.add_argument("--json", help="also write the results there")
    options = p.parse_args()
    if options.setup:
        return setup()
    drive(options)


if __name__ == "__main__":
    main()
