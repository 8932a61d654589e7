"""One side of the comparison as a process: answers "about", "list", "run ROW VARIANT N" (seconds of one run, from N),
"save ROW VARIANT FILE" (the result as .npy) and, for the reference, "error ROW FILE" with a line of JSON each.
Started by run.py, which holds the timing rules."""
import gc
import json
import os
import statistics
import sys
import time


def make(name, threads, with_compile):
    if name in ("quern", "mlx"):
        import mlx_rows
        return mlx_rows.Side(name)
    if name == "jax":
        import jax_rows
        return jax_rows.Side()
    if name in ("onnxruntime", "openvino"):
        import onnx_rows
        return onnx_rows.Side(name, threads)
    import torch
    import torch_rows
    return torch_rows.Side(threads, with_compile and name == "torch", torch.float64 if name == "reference" else torch.float32)


class Server:
    def __init__(self, side):
        import rows
        self.side, self.rows = side, rows.BY_NAME
        self.made, self.reference = {}, {}

    def ready(self, name, variant):
        """(run, result); only the row in use is kept."""
        if any(n != name for n, _ in self.made):
            self.made.clear()
            gc.collect()
        if (name, variant) not in self.made:
            self.made[name, variant] = self.side.build(self.rows[name], variant)
        return self.made[name, variant]

    def run(self, name, variant, n):
        """The median of n runs, as the program in C answers: what other work takes from some runs does not count."""
        f, _ = self.ready(name, variant)
        times = []
        for _ in range(int(n)):
            start = time.perf_counter()
            f()
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    def save(self, name, variant, path):
        import numpy as np
        np.save(path, self.ready(name, variant)[1]())
        return 0

    def error(self, name, path):
        """Largest absolute error against this side's result, relative to the largest absolute value."""
        import numpy as np
        if name not in self.reference:
            self.reference = {name: self.ready(name, "eager")[1]()}
        right, got = self.reference[name], np.load(path)
        if got.shape != right.shape:
            raise ValueError(f"shape {got.shape}, the reference has {right.shape}")
        return float(np.abs(got - right).max() / np.abs(right).max())

    def answer(self, words):
        if words == ["about"]:
            return self.side.about()
        if words == ["list"]:
            return {name: self.side.variants(row) for name, row in self.rows.items()}
        return getattr(self, words[0])(*words[1:])


def serve(name, threads, with_compile):
    answers = os.fdopen(os.dup(1), "w")  # libraries may print; the protocol has a descriptor of its own
    os.dup2(2, 1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    server = Server(make(name, threads, with_compile))
    for line in sys.stdin:
        try:
            answer = server.answer(line.split())
        except Exception as e:  # a variant that cannot run here is left out, not fatal
            print(f"{name}: {line.strip()}: {type(e).__name__}: {e}", file=sys.stderr)
            answer = -1
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "compile")
