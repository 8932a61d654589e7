"""What Python adds: recording an op, and computing a small one, beside PyTorch where it is installed.

Each figure is the median over rounds of the mean of many calls; the sides take turns. Training steps and single pictures
from Python beside the same in C are rows of ../peers/run.py. It judges speed only."""

import argparse
import statistics
import time

import quern.core as mx

SIZE = 64


def cases():
    """Name -> function, in the order in which they take turns."""
    a, b = mx.random.normal((SIZE, SIZE)), mx.random.normal((SIZE, SIZE))
    mx.eval(a, b)
    found = {
        "record a + b": lambda: a + b,
        "eval a + b": lambda: mx.eval(a + b),
        "(a + b)[0, 0].item()": lambda: (a + b)[0, 0].item(),
        "(a + b).sum().item()": lambda: (a + b).sum().item(),
    }
    try:
        import torch
    except ModuleNotFoundError:
        return found
    x, y = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    found["PyTorch a + b"] = lambda: x + y
    found["PyTorch (a + b)[0, 0].item()"] = lambda: (x + y)[0, 0].item()
    found["PyTorch (a + b).sum().item()"] = lambda: (x + y).sum().item()
    return found


def mean_ns(function, calls):
    start = time.perf_counter_ns()
    for _ in range(calls):
        function()
    return (time.perf_counter_ns() - start) / calls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--calls", type=int, default=300, help="in a turn")
    options = parser.parse_args()
    table = cases()
    times = {name: [] for name in table}
    for r in range(options.rounds + 1):
        for name in list(table) if r % 2 else reversed(table):
            took = mean_ns(table[name], options.calls)
            if r:  # the first round warms up
                times[name].append(took)
    print(f"{SIZE}x{SIZE} float32, ns a call")
    for name, taken in times.items():
        print(f"{name:32} {statistics.median(taken):8.0f}")


if __name__ == "__main__":
    main()
