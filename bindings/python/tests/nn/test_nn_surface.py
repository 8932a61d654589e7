"""Every public name of MLX is there, with the same arguments and defaults."""

import inspect

import pytest
from peer import MLX, QUERN, public_names

PARTS = ["nn", "nn.init", "nn.losses", "optim", "utils"]


def part_of(side, part):
    return side.eval(part)


@pytest.mark.parametrize("part", PARTS)
def test_every_name_is_there(part):
    wanted = public_names(part_of(MLX, part))
    present = [name for name in wanted if hasattr(part_of(QUERN, part), name)]
    assert sorted(present) == sorted(wanted)


def callables():
    for part in PARTS:
        module = part_of(MLX, part)
        for name in public_names(module):
            if not callable(getattr(module, name)) or not hasattr(
                part_of(QUERN, part), name
            ):
                continue
            yield part, name
            value = getattr(module, name)
            if isinstance(value, type):
                for method in vars(value):
                    if not method.startswith("_") and callable(getattr(value, method)):
                        yield part, f"{name}.{method}"


def resolve(side, part, name):
    value = part_of(side, part)
    for step in name.split("."):
        value = getattr(value, step)
    return value


def parameters_of(value):
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return [p for p in signature.parameters.values() if p.name != "self"]


def same_default(ours, theirs):
    if callable(theirs) or "Dtype" in type(theirs).__name__:
        return callable(ours) or str(ours).endswith(str(theirs).rsplit(".", 1)[-1])
    return ours == theirs


@pytest.mark.parametrize("part, name", list(callables()), ids=lambda value: value)
def test_arguments(part, name):
    theirs = parameters_of(resolve(MLX, part, name))
    ours = parameters_of(resolve(QUERN, part, name))
    if theirs is None or any(p.kind == p.VAR_KEYWORD for p in ours):
        return
    for a, b in zip(ours, theirs):
        assert a.name == b.name
        assert a.kind == b.kind
        assert same_default(a.default, b.default), a.name
    assert len(ours) >= len(theirs)
    for extra in ours[len(theirs) :]:
        assert extra.kind == extra.KEYWORD_ONLY, f"{extra.name} is not of MLX"
        assert extra.default is not extra.empty


@pytest.mark.parametrize("part", PARTS)
def test_everything_is_documented(part):
    module = part_of(QUERN, part)
    names = [name for name in public_names(module) if callable(getattr(module, name))]
    without = [name for name in names if not inspect.getdoc(getattr(module, name))]
    assert without == []
