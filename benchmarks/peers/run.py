#!/usr/bin/env python3
"""Quern and other frameworks side by side on this machine.

    run.py --setup                      build/peers-venv with the peers
    run.py [--peers torch,openvino]     measure and print a table
    run.py --report [FOLDER]            also write FOLDER/report.md and report.png (default build/peers-report)
    run.py --only memory,scaling        those parts alone (rows, memory, scaling; --report has all)

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

import memory
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


def environment_of(threads, more=None):
    # A bounded spin at OpenMP's barriers: threads that spin on while other work runs cost them whole time slices.
    return {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "10000", **os.environ,
            **(more or {})}


class Side:
    """The other end of the line protocol."""

    def __init__(self, name, command, threads, environment=None):
        env = environment_of(threads, environment)
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


class Tools:
    """The interpreter of the peers, our package and our program in C."""

    def __init__(self, options):
        self.python = str(VENV / "bin" / "python")
        if not Path(self.python).exists():
            sys.exit(f"run.py: {VENV} is missing; run it with --setup first")
        package = Path(options.build) / "python"
        if not (package / "quern").exists():
            sys.exit(f"run.py: {package} is missing; ./dev build makes it")
        self.environment = {"PYTHONPATH": os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))}
        program = Path(options.build) / "bin" / "quern_side"
        self.program = str(program) if program.exists() else None


def open_sides(options, tools):
    """(sides with Quern's first, the float64 reference)."""

    def side(name, environment=None):
        command = [tools.python, str(HERE / "side.py"), name, str(options.threads),
                   "compile" if options.torch_compile else "eager"]
        return Side(name, command, options.threads, environment)

    sides = [side("quern", tools.environment)]
    if tools.program:
        sides.append(Side("quern C", [tools.program, str(options.threads)], options.threads))
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
    return {**old, **new, "rows": rows, "versions": {**old["versions"], **new["versions"]},
            "minutes": old["minutes"] + new["minutes"]}


def row_names(options):
    names = json.loads(subprocess.check_output(
        [str(VENV / "bin" / "python"), "-c", "import json, rows; print(json.dumps(list(rows.BY_NAME)))"], cwd=HERE))
    wanted = names if options.workloads == "all" else options.workloads.split(",")
    for row in wanted:
        if row not in names:
            sys.exit(f"run.py: no workload is called '{row}'; expected some of {','.join(names)}")
    return names, wanted


def measure_rows(options, tools, wanted, told):
    """Yields (name, entries) and fills told with the versions of all sides."""
    sides, reference = open_sides(options, tools)
    told.update({k: v for side in sides for k, v in side.about.items()})
    with tempfile.TemporaryDirectory() as folder:
        for row in wanted:
            yield row, measured(sides, reference if options.errors else None, row, options, folder)
    for side in [*sides, reference]:
        side.close()


def measure_memory(options, tools):
    """Yields {side, variant, batch, steps, base, built, peak, growth}, each from a process of its own."""
    peers = [p for p in options.peers.split(",") if p in ("torch", "jax", "mlx")]
    variants = {"torch": ["eager", "channels_last"], "jax": ["jit"], "quern C": ["lazy", "compiled"]}
    ours = ["quern", *(["quern C"] if tools.program else [])]
    # The step's memory at the batches of the rows; then whether it grows, with many small steps.
    for batch, steps, sides in ((64, 0, [*ours, *peers]), (256, 0, [*ours, *peers]), (4, options.steps, ours)):
        for side in sides:
            for variant in variants.get(side, ["lazy", "compile"]):
                if side == "quern C":
                    command = [tools.program, str(options.threads), "memory", variant, str(batch), str(steps)]
                else:
                    command = [tools.python, str(HERE / "memory.py"), side, variant, str(batch), str(steps)]
                env = environment_of(options.threads, tools.environment if side == "quern" else None)
                if found := memory.in_fresh_process(command, env):
                    yield {"side": side, "variant": variant, "batch": batch, "steps": steps, **found}


def measure_scaling(options, tools, wanted):
    """Yields (name, {threads: seconds}) of Quern's package: the best variant on one thread and on all of --threads."""
    def side(n):
        return Side(f"{n} threads", [tools.python, str(HERE / "side.py"), "quern", str(n), "eager"], n, tools.environment)
    one, all_ = side(1), side(options.threads)
    for row in wanted:
        entries = timed([one, all_], row, options)
        best = {}
        for n, s in ((1, one), (options.threads, all_)):
            if times := [statistics.median(e["times"]) for e in entries if e["side"] is s]:
                best[n] = min(times)
        if len(best) == 2:
            yield row, best
    one.close()
    all_.close()


def drive(options):
    tools = Tools(options)
    known, wanted = row_names(options)
    parts = (options.only or ("rows,memory,scaling" if options.report else "rows")).split(",")
    for part in parts:
        if part not in ("rows", "memory", "scaling"):
            sys.exit(f"run.py: no part is called '{part}'; expected some of rows,memory,scaling")
    kept = Path(options.report) / "results.json" if options.report else None
    old = json.loads(kept.read_text()) if kept and options.add and kept.exists() else None
    result = {"cpu": report.cpu_name(), "threads": options.threads, "rows": {}, "minutes": 0, "versions": {}}
    start = time.time()

    def keep(text):
        """After every row: a run that is cut short keeps what it has."""
        result["minutes"] = (time.time() - start) / 60
        print(f"{time.time() - start:5.0f} s  {text}", file=sys.stderr, flush=True)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(joined(old, result, known) if old else result, indent=1) + "\n")

    if "rows" in parts:
        for row, entries in measure_rows(options, tools, wanted, result["versions"]):
            result["rows"][row] = entries
            keep(report.line(row, entries))
    if "memory" in parts:
        result["memory"] = []
        for found in measure_memory(options, tools):
            result["memory"].append(found)
            keep(report.memory_line(found))
    if "scaling" in parts:
        result["scaling"] = {}
        for row, seconds in measure_scaling(options, tools, wanted):
            result["scaling"][row] = {"one": seconds[1], "all": seconds[options.threads]}
            keep(report.scaling_line(row, result["scaling"][row]))
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
    p.add_argument("--only", metavar="PARTS", help="some of rows,memory,scaling (default rows; with --report all)")
    p.add_argument("--steps", type=int, default=1000, help="steps over which memory may not grow")
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
