"""A few steps of training whole models, the same in Quern and in MLX from the same seed."""

from functools import partial

import numpy as np
import pytest
from peer import MLX, QUERN, assert_same


def cnn(side):
    nn = side.nn
    return nn.Sequential(
        # no bias: BatchNorm makes its gradient nothing but rounding, which Adam scales up
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3),
        nn.GELU(),
        lambda x: x.reshape(x.shape[0], -1),
        nn.Dropout(0.3),
        nn.Linear(24, 3),
    )


def sequence(side):
    nn = side.nn
    return nn.Sequential(
        nn.Linear(4, 8),
        nn.GRU(8, 8),
        nn.LayerNorm(8),
        nn.TransformerEncoder(1, 8, 2, dropout=0.1).layers[0].attention.query_proj,
        lambda x: x[:, -1],
        nn.Linear(8, 3),
    )


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "make, shape, optimizer",
    [
        (cnn, (6, 8, 8, 1), "optim.SGD(0.02, 0.9, nesterov=True)"),
        (cnn, (6, 8, 8, 1), "optim.AdamW(optim.cosine_decay(0.002, 10))"),
        (sequence, (6, 5, 4), "optim.Adam(0.002, bias_correction=True)"),
    ],
)
def test_steps(make, shape, optimizer, compiled):
    x = np.random.default_rng(0).standard_normal(shape)
    labels = np.random.default_rng(1).integers(0, 3, shape[0])
    results = []
    for side in (QUERN, MLX):
        mx = side.mx
        mx.random.seed(8)
        model, optim = make(side), side.eval(optimizer)
        mx.eval(model.parameters())
        state = [model.state, optim.state, mx.random.state]
        images, targets = side.array(x), side.array(labels)

        def loss(model, x, y, side=side):
            return side.nn.losses.cross_entropy(model(x), y, reduction="mean")

        loss_and_grad = side.nn.value_and_grad(model, loss)

        def step(x, y, side=side, model=model, optim=optim, fn=loss_and_grad):
            value, gradients = fn(model, x, y)
            gradients, norm = side.optim.clip_grad_norm(gradients, 1.0)
            optim.update(model, gradients)
            return value, norm

        if compiled:
            step = partial(mx.compile, inputs=state, outputs=state)(step)
        losses = []
        for _ in range(4):
            losses.append(step(images, targets))
            mx.eval(state)
        model.eval()
        results.append((losses, model(images), dict(model.parameters())))
    assert_same(*results, tolerance=2e-4)
