"""`Optimizer`, the base of all optimizers: state, schedules and walking the parameter tree.

The arithmetic of one parameter is up to its subclasses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from quern import core as mx
from quern.utils import tree_map

if TYPE_CHECKING:
    from quern.nn.layers.base import Module

__all__ = ["Optimizer"]

# A number, or a function of the step, an integer array, that gives an array.
Scheduled = float | Callable[[mx.array], mx.array]


class Optimizer:
    """Base class of optimizers.

    A subclass defines `init_single` and `apply_single` for one parameter. The state is a tree
    of dicts with the places of the parameters, plus `step` and the scheduled values
    (`learning_rate`) at the top. It is made at the first step, or by `init`, and may be an
    input and output of `compile`.
    """

    def __init__(self, schedulers=None):
        self._initialized = False
        self._state = {"step": mx.array(0, mx.uint64)}
        self._schedulers = dict(schedulers or {})

    def update(self, model: Module, gradients: dict):
        """Take one step: put the new parameters into `model`.

        `gradients` has places of the model's parameters, such as `nn.value_and_grad` gives; the
        others stay as they are.
        """
        model.update(self.apply_gradients(gradients, model))

    def init(self, parameters: dict):
        """Make the state of every parameter of the tree that has none yet."""
        _make_places(parameters, self._state)
        tree_map(
            lambda parameter, state: state or self.init_single(parameter, state),
            parameters,
            self._state,
        )
        self._initialized = True

    def init_single(self, parameter: mx.array, state: dict):
        """Put the initial state of one parameter into the dict `state`."""
        raise NotImplementedError(f"{type(self).__name__} does not define init_single")

    def apply_gradients(self, gradients: dict, parameters: dict):
        """The parameters one step on, as a tree with the places of `gradients`.

        Raises KeyError for a place that `parameters` or the state does not have.
        """
        if not self._initialized:
            self.init(gradients)
        for name, schedule in self._schedulers.items():
            self.state[name] = schedule(self.step)
        self.state["step"] = self.step + 1
        return tree_map(self.apply_single, gradients, parameters, self.state)

    def apply_single(
        self, gradient: mx.array, parameter: mx.array, state: dict
    ) -> mx.array:
        """The new value of one parameter; changes its `state`."""
        raise NotImplementedError(f"{type(self).__name__} does not define apply_single")

    @property
    def state(self):
        """The state's tree. May be set, as to one that was saved."""
        return self._state

    @state.setter
    def state(self, state: dict):
        self._initialized = False
        self._state = state

    @property
    def step(self):
        """The number of steps taken, a uint64 array."""
        return self.state["step"]

    @property
    def learning_rate(self):
        """The learning rate, a float array. May be set to a number."""
        return self.state["learning_rate"]

    @learning_rate.setter
    def learning_rate(self, learning_rate: float | mx.array):
        self.state["learning_rate"] = mx.array(learning_rate)

    def _maybe_schedule(self, name: str, param: Scheduled):
        """Keep `param`, or from now on its value at the current step, as state[name]."""
        if callable(param):
            self._schedulers[name] = param
            self.state[name] = param(self.step)
        else:
            self.state[name] = mx.array(param)


def _make_places(parameters, state):
    """`state` with an empty dict at the place of every parameter that has nothing yet."""
    if isinstance(parameters, (list, tuple)):
        known = [_make_places(p, s) for p, s in zip(parameters, state)]
        new = tree_map(lambda _: {}, list(parameters[len(known) :]))
        return type(parameters)(known + new)
    if isinstance(parameters, dict):
        for key, value in parameters.items():
            if key in state:
                state[key] = _make_places(value, state[key])
            else:
                state[key] = tree_map(lambda _: {}, value)
    return state
