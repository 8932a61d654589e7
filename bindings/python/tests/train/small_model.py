"""A small model and samples for the tests of training."""

import numpy as np

from quern import core as mx
from quern import nn
from quern.utils import tree_flatten


class SimpleModel(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.first = nn.Linear(8, 16)
        self.drop = nn.Dropout(dropout)
        self.second = nn.Linear(16, 3)

    def __call__(self, x):
        return self.second(self.drop(nn.relu(self.first(x))))


def samples(n=50, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8)).astype(np.float32)
    return x, np.argmax(x[:, :3], axis=1).astype(np.int32)


def model(dropout=0.0):
    mx.random.seed(1)
    return SimpleModel(dropout)


def flat(module):
    return {name: np.array(value) for name, value in tree_flatten(module.parameters())}


def same(a, b, tolerance=0.0):
    a, b = flat(a), flat(b)
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=0, atol=tolerance, err_msg=name)
