#!/usr/bin/env python3
"""Quern and other frameworks side by side on this machine; `python` is Quern itself from Python.

    run.py --setup                      build/peers-venv with PyTorch, MLX, ONNX Runtime and OpenVINO
    run.py [--peers torch,openvino]     measure and print a table

Each side is one long-lived process with the same number of threads, which answers "run WORKLOAD VARIANT N" with the
median seconds of N runs. Rounds go through the sides forwards, then backwards (A B B A); the median over the rounds
counts, and of a side's variants the best one. It judges speed only: results are not compared."""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "peers-venv"
PACKAGES = ["numpy", "torch", "mlx[cpu]", "onnxruntime", "onnx", "openvino"]
PEERS = ["torch", "onnxruntime", "openvino", "mlx", "python"]
WORKLOADS = ["train_64", "train_256", "classify_10k", "single", "matmul_1024", "matmul_64", "conv2d", "add_1m",
             "softmax", "layer_norm"]


def setup():
    subprocess.check_call([sys.executable, "-m", "venv", str(VENV)])
    subprocess.check_call([str(VENV / "bin" / "pip"), "install", "-q", *PACKAGES])


class Side:
    """The other end of the line protocol."""

    def __init__(self, name, command, threads, **environment):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), **environment)
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

    def run(self, workload, variant, n):
        return float(self.ask(f"run {workload} {variant} {n}"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def cpu_name():
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def duration(s):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if s * scale >= 1:
            return f"{s * scale:.3g} {unit}" if s * scale < 1000 else f"{s * scale:.0f} {unit}"
    return f"{s * 1e9:.0f} ns"


def measure(sides, workload, rounds, turn_s, slow_s):
    """Side name -> (seconds, variant): medians over interleaved rounds, best variant."""
    entries = []
    for side in sides:
        for variant in side.variants.get(workload, []):
            side.run(workload, variant, 1)
            once = side.run(workload, variant, 1)
            if once < 0:
                continue
            n = max(1, min(5000, int(turn_s / max(once, 1e-6))))
            entries.append((side, variant, n, [once] if once > slow_s else []))
    for r in range(rounds):
        for side, variant, n, times in entries if r % 2 == 0 else reversed(entries):
            if times and times[0] > slow_s:
                continue  # too slow to repeat: one run after a warm-up stands
            times.append(side.run(workload, variant, n))
            time.sleep(0.02)  # lets the other sides' spinning threads go to sleep
    best = {}
    for side, variant, _, times in entries:
        t = statistics.median(times)
        if side.name not in best or t < best[side.name][0]:
            best[side.name] = (t, variant)
    return best


def drive(options):
    python = str(VENV / "bin" / "python")
    if not Path(python).exists():
        sys.exit(f"run.py: {VENV} is missing; run it with --setup first")
    ours = Path(options.build) / "bin" / "quern_side"
    if not ours.exists():
        sys.exit(f"run.py: {ours} is missing; configure with -DQUERN_BUILD_BENCHMARKS=ON")
    sides = [Side("quern", [str(ours), str(options.threads)], options.threads)]
    for peer in options.peers.split(","):
        if peer not in PEERS:
            sys.exit(f"run.py: no peer is called '{peer}'; expected some of {','.join(PEERS)}")
        command = [python, __file__, "--side", peer, "--threads", str(options.threads)]
        found = {"PYTHONPATH": str(Path(options.build) / "python")} if peer == "python" else {}
        sides.append(Side(peer, command + ([] if options.torch_compile else ["--no-torch-compile"]), options.threads, **found))
    about = {k: v for side in sides for k, v in side.about.items()}
    print(f"{cpu_name()}, {options.threads} threads; " + ", ".join(f"{k} {v}" for k, v in about.items()))
    print("time of each side (its best variant); ours / theirs in brackets: below 1, ours is faster\n")
    rows = [["workload"] + [s.name for s in sides]]
    results = {}
    for workload in options.workloads.split(","):
        if workload not in WORKLOADS:
            sys.exit(f"run.py: no workload is called '{workload}'; expected some of {','.join(WORKLOADS)}")
        best = measure(sides, workload, options.rounds, options.turn, options.slow)
        ours_s = best["quern"][0]
        row = [workload]
        for side in sides:
            if side.name not in best:
                row.append("-")
                continue
            t, variant = best[side.name]
            ratio = "" if side is sides[0] else f" [{ours_s / t:.2f}]"
            row.append(f"{duration(t)} {variant}{ratio}")
        rows.append(row)
        results[workload] = {k: {"seconds": t, "variant": v} for k, (t, v) in best.items()}
        print("measured " + "  ".join(row), file=sys.stderr, flush=True)
    width = [max(len(r[c]) for r in rows) for c in range(len(rows[0]))]
    for r in rows:
        print("  ".join(cell.ljust(w) for cell, w in zip(r, width)).rstrip())
    if options.json:
        Path(options.json).write_text(json.dumps({"cpu": cpu_name(), "threads": options.threads, "versions": about,
                                                  "results": results}, indent=1) + "\n")
    for side in sides:
        side.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--setup", action="store_true", help="create the virtual environment and leave")
    p.add_argument("--side", choices=PEERS, help=argparse.SUPPRESS)
    p.add_argument("--build", default=str(ROOT / "build" / "release"), help="build tree with bin/quern_side")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--peers", default="torch,onnxruntime,openvino", help="of torch,onnxruntime,openvino,mlx (mlx takes minutes)")
    p.add_argument("--workloads", default=",".join(WORKLOADS))
    p.add_argument("--rounds", type=int, default=6)
    p.add_argument("--turn", type=float, default=0.4, help="aim of one turn in seconds")
    p.add_argument("--slow", type=float, default=8, help="a run above this many seconds is not repeated")
    p.add_argument("--no-torch-compile", dest="torch_compile", action="store_false")
    p.add_argument("--json", help="also write the results there")
    options = p.parse_args()
    if options.setup:
        return setup()
    if options.side:
        sys.path.insert(0, str(Path(__file__).parent))
        import sides
        return sides.serve(options.side, options.threads, options.torch_compile)
    drive(options)


if __name__ == "__main__":
    main()
