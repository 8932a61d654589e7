"""Every public name of MLX is there, with the same parameters; the count of each module is printed at the end of a run."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from oracle import mlx

import quern.core

# What nanobind or Python adds by itself.
INHERITED = {"__array_priority__"}


def blocks():
    found, name = {}, None
    for line in (Path(__file__).parent / "mlx_names.txt").read_text().splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = []
        elif line and not line.startswith("#"):
            found[name] += line.split()
    return found


BLOCKS = blocks()


def holder(block):
    if block.startswith("core.array"):
        return quern.core.array
    try:
        return importlib.import_module(f"quern.{block}")
    except ModuleNotFoundError as error:
        if not error.name.startswith("quern."):
            raise
        return None


@pytest.mark.parametrize("block", BLOCKS)
def test_names(block, record_property):
    there = holder(block)
    if there is None:
        pytest.skip(f"quern.{block} is not part of this build")
    missing = [n for n in BLOCKS[block] if not hasattr(there, n) and n not in INHERITED]
    total = len(BLOCKS[block])
    record_property("surface", [block, total - len(missing), total])
    assert not missing


def parameters(line):
    """(name, kind) of each parameter in a signature as MLX prints it."""
    text = line[line.index("(") + 1 : line.rindex(")")] if "->" not in line else line[line.index("(") + 1 : line.rindex("->")].rstrip()[:-1]
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "([{"
        depth -= c in ")]}"
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    parts.append(text[start:])
    names = [re.split(r"[:=]", p.strip())[0].strip() for p in parts if p.strip()]
    out, keyword_only = [], False
    for n in names:
        if n == "/":
            out = [(m, "positional") for m, _ in out]
        elif n == "*":
            keyword_only = True
        elif n.startswith("*"):
            keyword_only = True
        else:
            out.append((n, "keyword" if keyword_only else "any"))
    return out


def signatures(module_name):
    theirs = mlx
    for part in module_name.split(".")[1:]:
        theirs = getattr(theirs, part)
    for name in BLOCKS[module_name]:
        lines = getattr(getattr(theirs, name), "__nb_signature__", None)
        if lines and len(lines) == 1:
            yield name, re.sub(r"\\\d+", "0", lines[0][0])


MODULES = ["core", "core.linalg", "core.fft", "core.random", "core.fast", "core.distributed"]
# MLX prints these as positional and takes them by name as well.
ALSO_BY_NAME = {"roll": {"shift", "axis"}}
CASES = [(m, n, s) for m in MODULES for n, s in signatures(m)]


@pytest.mark.parametrize("module,name,line", CASES, ids=[f"{m}.{n}" for m, n, _ in CASES])
def test_signature(module, name, line):
    ours = inspect.signature(getattr(importlib.import_module(f"quern.{module}"), name))
    kinds = {
        inspect.Parameter.POSITIONAL_ONLY: "positional",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "any",
        inspect.Parameter.KEYWORD_ONLY: "keyword",
    }
    got = [(p.name, kinds[p.kind]) for p in ours.parameters.values() if p.kind in kinds]
    also = ALSO_BY_NAME.get(name, ())
    assert got == [(p, "any" if p in also else kind) for p, kind in parameters(line)]
