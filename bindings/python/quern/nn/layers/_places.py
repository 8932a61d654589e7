"""Matching nested dicts and lists with the places of a module: what an update would write,
and whether weights fit.

It changes nothing, so that an update that fails has changed nothing either.
"""

from __future__ import annotations

from quern import core as mx


def parameter_writes(module, parameters, strict: bool) -> list:
    """The (holder, key, array) for every array of `parameters` that has a place in `module`."""
    writes: list = []
    _collect(module, parameters, strict, "parameter", _parameter, writes)
    return writes


def module_writes(module, modules, strict: bool) -> list:
    """The (holder, key, module) for every module of `modules` that has a place in `module`."""
    writes: list = []
    _collect(module, modules, strict, "sub-module", _module, writes)
    return writes


def check_weights(offered: dict, expected: dict):
    """ValueError unless both have the same names, and arrays of the same shapes."""
    if extras := sorted(offered.keys() - expected.keys()):
        names = ",\n".join(extras)
        raise ValueError(f"Received {len(extras)} parameters not in model: \n{names}.")
    if missing := sorted(expected.keys() - offered.keys()):
        names = ",\n".join(missing)
        raise ValueError(f"Missing {len(missing)} parameters: \n{names}.")
    for name, parameter in expected.items():
        value = offered[name]
        if not isinstance(value, mx.array):
            raise ValueError(
                f"Expected an array but received {type(value)} for parameter {name}"
            )
        if value.shape != parameter.shape:
            raise ValueError(
                f"Expected shape {parameter.shape} but received shape {value.shape} "
                f"for parameter {name}"
            )


def _parameter(current, new, strict: bool):
    """Whether `new` goes in place of `current`; None = descend."""
    if not isinstance(current, mx.array):
        return None
    if strict and not isinstance(new, mx.array):
        raise _invalid_type(new)
    return isinstance(new, mx.array)


def _module(current, new, strict: bool):
    """Whether `new` goes in place of `current`; None = descend."""
    from quern.nn.layers.base import Module

    if isinstance(current, Module) and isinstance(new, Module):
        return True
    if isinstance(current, (dict, list)):
        return None
    if strict and new != {}:
        raise _invalid_type(new)
    return False


def _collect(holder, offered, strict: bool, kind: str, decide, writes: list):
    for key, new in _places(holder, offered, strict, kind):
        current = holder[key]
        replaces = decide(current, new, strict)
        if replaces:
            writes.append((holder, key, new))
        elif replaces is None:
            _collect(current, new, strict, kind, decide, writes)


def _places(holder, offered, strict: bool, kind: str):
    """The (key, value) of `offered` that `holder`, a module, dict or list, has a place for."""
    if isinstance(offered, dict):
        for key, value in offered.items():
            if isinstance(holder, dict) and key in holder:
                yield key, value
            elif strict:
                raise ValueError(f'Module does not have {kind} named "{key}".')
    elif isinstance(offered, list):
        if offered and not isinstance(holder, list):
            if strict:
                raise _invalid_type(offered)
            return
        for i, value in enumerate(offered):
            if i < len(holder):
                yield i, value
            elif strict:
                raise ValueError(
                    f"List index {i} is out of bounds for destination of length {len(holder)}."
                )
    elif strict:
        raise _invalid_type(offered)


def _invalid_type(value) -> ValueError:
    return ValueError(f"Received invalid type: {type(value).__name__}.")
