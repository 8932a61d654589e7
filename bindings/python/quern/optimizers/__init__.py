"""Optimizers, learning rate schedules and gradient clipping."""

from quern.nn.layers.base import Module
from quern.optimizers.optimizers import *
from quern.optimizers.schedulers import (
    cosine_decay,
    exponential_decay,
    join_schedules,
    linear_schedule,
    step_decay,
)
from quern.utils import tree_flatten, tree_map, tree_merge, tree_reduce, tree_unflatten
