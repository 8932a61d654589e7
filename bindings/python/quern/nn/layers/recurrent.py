"""Recurrent layers: RNN, GRU and LSTM, over sequences (N, L, D) or (L, D).

The loop over the positions is unrolled into the graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from quern import core as mx
from quern.nn.layers.activation_functions import tanh
from quern.nn.layers.base import Module

__all__ = ["GRU", "LSTM", "RNN"]


def _weight(hidden_size: int, *shape: int) -> mx.array:
    """Drawn from U(-k, k), k = 1 / sqrt(hidden_size)."""
    bound = 1.0 / math.sqrt(hidden_size)
    return mx.random.uniform(low=-bound, high=bound, shape=shape)


class RNN(Module):
    """Elman recurrent layer: h' = nonlinearity(Wxh x + Whh h + bias).

    x (N, L, input_size) or (L, input_size); returns the hidden states of all positions,
    (N, L, hidden_size) or (L, hidden_size). `hidden`, the state before the first, (N,
    hidden_size) or (hidden_size,), default: zeros.

    Defaults: bias True, nonlinearity tanh. Parameters: `Wxh` (hidden_size, input_size), `Whh`
    (hidden_size, hidden_size), `bias` (hidden_size,), all from U(-k, k), k = 1 / sqrt(hidden_size).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Callable | None = None,
    ):
        super().__init__()
        self.nonlinearity = tanh if nonlinearity is None else nonlinearity
        if not callable(self.nonlinearity):
            raise ValueError(
                f"Nonlinearity must be callable. Current value: {nonlinearity}."
            )
        self.hidden_size = hidden_size
        self.Wxh = _weight(hidden_size, hidden_size, input_size)
        self.Whh = _weight(hidden_size, hidden_size, hidden_size)
        self.bias = _weight(hidden_size, hidden_size) if bias else None

    def _extra_repr(self):
        return (
            f"input_dims={self.Wxh.shape[1]}, hidden_size={self.hidden_size}, "
            f"nonlinearity={self.nonlinearity}, bias={self.bias is not None}"
        )

    def __call__(self, x, hidden=None):
        if self.bias is not None:
            x = mx.addmm(self.bias, x, self.Wxh.T)
        else:
            x = x @ self.Wxh.T
        states = []
        for i in range(x.shape[-2]):
            step = x[..., i, :]
            if hidden is not None:
                step = mx.addmm(step, hidden, self.Whh.T)
            hidden = self.nonlinearity(step)
            states.append(hidden)
        return mx.stack(states, axis=-2)


class GRU(Module):
    """Gated recurrent unit:

        r = sigmoid(Wxr x + Whr h + br)
        z = sigmoid(Wxz x + Whz h + bz)
        n = tanh(Wxn x + bn + r * (Whn h + bhn))
        h' = (1 - z) * n + z * h

    x (N, L, input_size) or (L, input_size); returns the hidden states of all positions,
    (N, L, hidden_size) or (L, hidden_size). `hidden`, the state before the first, (N,
    hidden_size) or (hidden_size,), default: zeros.

    Default: bias True. Parameters, rows in the order r, z, n: `Wx` (3 hidden_size, input_size),
    `Wh` (3 hidden_size, hidden_size), `b` (3 hidden_size,), `bhn` (hidden_size,), all from
    U(-k, k), k = 1 / sqrt(hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = _weight(hidden_size, 3 * hidden_size, input_size)
        self.Wh = _weight(hidden_size, 3 * hidden_size, hidden_size)
        self.b = _weight(hidden_size, 3 * hidden_size) if bias else None
        self.bhn = _weight(hidden_size, hidden_size) if bias else None

    def _extra_repr(self):
        return (
            f"input_dims={self.Wx.shape[1]}, hidden_size={self.hidden_size}, "
            f"bias={self.b is not None}"
        )

    def __call__(self, x, hidden=None):
        if self.b is not None:
            x = mx.addmm(self.b, x, self.Wx.T)
        else:
            x = x @ self.Wx.T
        size = self.hidden_size
        x_rz, x_n = x[..., : 2 * size], x[..., 2 * size :]
        states = []
        for i in range(x.shape[-2]):
            rz, n = x_rz[..., i, :], x_n[..., i, :]
            from_hidden = None
            if hidden is not None:
                projected = hidden @ self.Wh.T
                rz = rz + projected[..., : 2 * size]
                from_hidden = projected[..., 2 * size :]
            if self.bhn is not None:
                from_hidden = (
                    self.bhn if from_hidden is None else from_hidden + self.bhn
                )
            r, z = mx.split(mx.sigmoid(rz), 2, axis=-1)
            if from_hidden is not None:
                n = n + r * from_hidden
            n = mx.tanh(n)
            kept = (1 - z) * n
            hidden = kept if hidden is None else kept + z * hidden
            states.append(hidden)
        return mx.stack(states, axis=-2)


class LSTM(Module):
    """Long short-term memory:

        i = sigmoid(Wxi x + Whi h + bi)       f = sigmoid(Wxf x + Whf h + bf)
        g = tanh(Wxg x + Whg h + bg)          o = sigmoid(Wxo x + Who h + bo)
        c' = f * c + i * g                    h' = o * tanh(c')

    x (N, L, input_size) or (L, input_size); returns the hidden and the cell states of all
    positions, each (N, L, hidden_size) or (L, hidden_size). `hidden` and `cell`, the states
    before the first, (N, hidden_size) or (hidden_size,), default: zeros.

    Default: bias True. Parameters, rows in the order i, f, g, o: `Wx` (4 hidden_size,
    input_size), `Wh` (4 hidden_size, hidden_size), `bias` (4 hidden_size,), all from U(-k, k),
    k = 1 / sqrt(hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True):
        super().__init__()
        self.hidden_size = hidden_size
        self.Wx = _weight(hidden_size, 4 * hidden_size, input_size)
        self.Wh = _weight(hidden_size, 4 * hidden_size, hidden_size)
        self.bias = _weight(hidden_size, 4 * hidden_size) if bias else None

    def _extra_repr(self):
        return (
            f"input_dims={self.Wx.shape[1]}, hidden_size={self.hidden_size}, "
            f"bias={self.bias is not None}"
        )

    def __call__(self, x, hidden=None, cell=None):
        if self.bias is not None:
            x = mx.addmm(self.bias, x, self.Wx.T)
        else:
            x = x @ self.Wx.T
        hiddens, cells = [], []
        for position in range(x.shape[-2]):
            gates = x[..., position, :]
            if hidden is not None:
                gates = mx.addmm(gates, hidden, self.Wh.T)
            i, f, g, o = mx.split(gates, 4, axis=-1)
            new = mx.sigmoid(i) * mx.tanh(g)
            cell = new if cell is None else mx.sigmoid(f) * cell + new
            hidden = mx.sigmoid(o) * mx.tanh(cell)
            hiddens.append(hidden)
            cells.append(cell)
        return mx.stack(hiddens, axis=-2), mx.stack(cells, axis=-2)
