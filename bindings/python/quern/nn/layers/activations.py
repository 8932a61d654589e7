"""The activations as modules, to put into `Sequential`; the functions are at hand here too."""

from __future__ import annotations

from typing import Any

from quern import core as mx
from quern.nn.layers import activation_functions as fn
from quern.nn.layers.activation_functions import *
from quern.nn.layers.base import Module

__all__ = [
    *fn.__all__,
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "HardShrink",
    "HardTanh",
    "Hardswish",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU2",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Step",
    "Tanh",
]


def _module(name: str, function) -> type[Module]:
    """A module class without arguments that calls `function`."""

    def call(_, x):
        return function(x)

    call.__name__, call.__qualname__ = "__call__", f"{name}.__call__"
    text = f"The module of :func:`{function.__name__}`: {function.__doc__}"
    members = {"__call__": call, "__doc__": text, "__module__": __name__}
    return type(name, (Module,), members)


HardTanh = _module("HardTanh", fn.hard_tanh)
Hardswish = _module("Hardswish", fn.hardswish)
LogSigmoid = _module("LogSigmoid", fn.log_sigmoid)
LogSoftmax = _module("LogSoftmax", fn.log_softmax)
Mish = _module("Mish", fn.mish)
ReLU = _module("ReLU", fn.relu)
ReLU2 = _module("ReLU2", fn.relu2)
ReLU6 = _module("ReLU6", fn.relu6)
SELU = _module("SELU", fn.selu)
SiLU = _module("SiLU", fn.silu)
Sigmoid = _module("Sigmoid", fn.sigmoid)
Softmax = _module("Softmax", fn.softmax)
Softmin = _module("Softmin", fn.softmin)
Softplus = _module("Softplus", fn.softplus)
Softsign = _module("Softsign", fn.softsign)
Tanh = _module("Tanh", fn.tanh)


class GLU(Module):
    """The module of :func:`glu`; halves `axis` (default -1)."""

    def __init__(self, axis: int = -1):
        super().__init__()
        self.axis = axis

    def __call__(self, x) -> Any:
        return fn.glu(x=x, axis=self.axis)


class LeakyReLU(Module):
    """The module of :func:`leaky_relu`; default slope 0.01."""

    def __init__(self, negative_slope=0.01):
        super().__init__()
        self._negative_slope = negative_slope

    def __call__(self, x):
        return fn.leaky_relu(x, self._negative_slope)


class ELU(Module):
    """The module of :func:`elu`; default alpha 1."""

    def __init__(self, alpha=1.0):
        super().__init__()
        self._alpha = alpha

    def __call__(self, x):
        return fn.elu(x, self._alpha)


class CELU(Module):
    """The module of :func:`celu`; default alpha 1."""

    def __init__(self, alpha=1.0):
        super().__init__()
        self._alpha = alpha

    def __call__(self, x):
        return fn.celu(x, self._alpha)


class Softshrink(Module):
    """The module of :func:`softshrink`; default lambd 0.5."""

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def __call__(self, x):
        return fn.softshrink(x, self.lambd)


class HardShrink(Module):
    """The module of :func:`hard_shrink`; default lambd 0.5."""

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def __call__(self, x):
        return fn.hard_shrink(x, self.lambd)


class Step(Module):
    """The module of :func:`step`; default threshold 0."""

    def __init__(self, threshold: float = 0.0):
        super().__init__()
        self.threshold = threshold

    def __call__(self, x: mx.array):
        return fn.step(x, self.threshold)


class PReLU(Module):
    """max(x, 0) + weight * min(x, 0); `weight` has num_parameters (default 1) entries of `init`
    (default 0.25), one for all channels or one for each."""

    def __init__(self, num_parameters=1, init=0.25):
        super().__init__()
        self.weight = mx.full([num_parameters], init)

    def __call__(self, x: mx.array):
        return fn.prelu(x, self.weight)


class GELU(Module):
    """The module of :func:`gelu`, or of an approximation.

    `approx`: "none" (default, exact), "precise" or "tanh" (:func:`gelu_approx`), "fast"
    (:func:`gelu_fast_approx`). Raises ValueError for any other.
    """

    def __init__(self, approx="none"):
        super().__init__()
        functions = {
            "none": fn.gelu,
            "precise": fn.gelu_approx,
            "tanh": fn.gelu_approx,
            "fast": fn.gelu_fast_approx,
        }
        if approx not in functions:
            raise ValueError(
                f"The approximation should be in {list(functions)} but '{approx}' was given"
            )
        self._approx = approx
        self._function = functions[approx]

    def __call__(self, x):
        return self._function(x)
