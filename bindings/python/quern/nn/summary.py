"""`summary`: a table of a model's layers, their output shapes and parameters.

The model is called once to learn the shapes, but nothing is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quern import core as mx
from quern.nn.layers.base import Module
from quern.utils import tree_flatten, tree_map

__all__ = ["LayerSummary", "Summary", "summary"]


@dataclass
class LayerSummary:
    """One call of one module. Parameters are those of the module itself, not of its children."""

    name: str
    kind: str
    depth: int
    output_shape: Any
    parameters: int
    first_call: bool


@dataclass
class Summary:
    """What `summary` returns; prints as a table."""

    layers: list[LayerSummary]
    parameters: int
    trainable_parameters: int
    bytes: int

    def __str__(self) -> str:
        header = ("Layer", "Output shape", "Parameters")
        rows = [
            (
                "  " * layer.depth
                + (f"{layer.name} ({layer.kind})" if layer.name else layer.kind),
                _shape_text(layer.output_shape),
                _count_text(layer),
            )
            for layer in self.layers
        ]
        widths = [max(len(row[i]) for row in [header, *rows]) for i in range(3)]

        def line(row):
            text = f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}"
            return text.rstrip()

        rule = "-" * (sum(widths) + 4)
        frozen = self.parameters - self.trainable_parameters
        return "\n".join(
            [
                line(header),
                rule,
                *map(line, rows),
                rule,
                f"Parameters: {self.parameters:,} ({_size_text(self.bytes)})",
                f"Trainable: {self.trainable_parameters:,}, not trainable: {frozen:,}",
            ]
        )

    __repr__ = __str__


def _shape_text(shape) -> str:
    is_shape = isinstance(shape, tuple) and all(isinstance(n, int) for n in shape)
    if shape is None or is_shape:
        return str(shape)
    return ", ".join(str(s) for _, s in tree_flatten(shape, is_leaf=_is_shape))


def _is_shape(node) -> bool:
    return isinstance(node, tuple) and all(isinstance(n, int) for n in node)


def _count_text(layer: LayerSummary) -> str:
    if not layer.first_call:
        return "shared"
    return f"{layer.parameters:,}" if layer.parameters else "-"


def _size_text(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{count} B" if unit == "B" else f"{size:.1f} {unit}"


def _count(tree) -> int:
    return sum(array.size for _, array in tree_flatten(tree))


def _own_parameters(module: Module) -> int:
    own = module.filter_and_map(
        lambda m, k, v: not isinstance(v, Module)
        and Module.valid_parameter_filter(m, k, v)
    )
    return _count(own)


def summary(model: Module, input_shape, dtype: mx.Dtype = mx.float32) -> Summary:
    """The layers of `model` in the order they are called, for inputs of the given shape.

    `input_shape`: a tuple with the batch size first, or a list of such for several arguments.
    `dtype`: that of the inputs, default float32 (an embedding takes `mx.int32`). The model is
    called in evaluation mode and is left as it was.

        >>> print(nn.summary(nn.Sequential(nn.Linear(32, 64), nn.ReLU()), (1, 32)))
        Layer                Output shape  Parameters
        ---------------------------------------------
        Sequential           (1, 64)                -
          layers.0 (Linear)  (1, 64)            2,112
          layers.1 (ReLU)    (1, 64)                -
        ---------------------------------------------
        Parameters: 2,112 (8.2 KiB)
        Trainable: 2,112, not trainable: 0
    """
    shapes = input_shape if isinstance(input_shape, list) else [input_shape]
    inputs = [mx.zeros(shape, dtype=dtype) for shape in shapes]
    layers = _record_calls(model, inputs)
    parameters = tree_flatten(model.parameters())
    return Summary(
        layers=layers,
        parameters=_count(dict(parameters)),
        trainable_parameters=_count(model.trainable_parameters()),
        bytes=sum(array.nbytes for _, array in parameters),
    )


def _record_calls(model: Module, inputs: list) -> list[LayerSummary]:
    """Call the model with every module's class replaced by one that notes the call."""
    layers: list[LayerSummary] = []
    depth = 0

    def recording(cls: type, name: str) -> type:
        calls = 0

        def call(self, *args, **kwargs):
            nonlocal depth, calls
            row = LayerSummary(
                name, cls.__name__, depth, None, _own_parameters(self), calls == 0
            )
            layers.append(row)
            calls += 1
            depth += 1
            try:
                result = cls.__call__(self, *args, **kwargs)
            finally:
                depth -= 1
            row.output_shape = tree_map(
                lambda x: x.shape if isinstance(x, mx.array) else None, result
            )
            return result

        return type(cls.__name__, (cls,), {"__call__": call})

    # a module in two places is found twice; the first name is the one that is shown
    found: dict[int, tuple] = {}
    for name, module in model.named_modules():
        found.setdefault(id(module), (module, type(module), module._training, name))
    try:
        for module, cls, _, name in found.values():
            module._training = False
            module.__class__ = recording(cls, name)
        model(*inputs)
    finally:
        for module, cls, training, _ in found.values():
            module.__class__ = cls
            module._training = training
    return layers
