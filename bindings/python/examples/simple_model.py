"""One model, three ways to train it, the same numbers: a loop as in PyTorch, compile and fit as in Keras, and MLX's
value_and_grad over parameters.

    python simple_model.py

Linear 32 to 64, ReLU, Linear 64 to 10; SGD with learning rate 0.01, cross-entropy, gradients clipped to norm 1."""

from __future__ import annotations

import argparse
from functools import partial

import numpy as np

from quern import core as mx
from quern import nn, optimizers
from quern.data import ArrayDataset, DataLoader

BATCH = 32


class SimpleModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(32, 64)
        self.fc2 = nn.Linear(64, 10)

    def __call__(self, x: mx.array) -> mx.array:
        return self.fc2(nn.relu(self.fc1(x)))


def samples(n: int) -> tuple[np.ndarray, np.ndarray]:
    """n points (n, 32) with the number of the nearest of ten centres (n,)."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 32))
    classes = rng.integers(10, size=n)
    return (centres[classes] + 0.8 * rng.normal(size=(n, 32))).astype(np.float32), classes.astype(np.int32)


def new_model() -> SimpleModel:
    mx.random.seed(0)
    return SimpleModel()


def like_pytorch(x: np.ndarray, y: np.ndarray, epochs: int) -> list[float]:
    """The loop written out: a loader, a loss with gradients, clipping, a step."""
    model, optimizer = new_model(), optimizers.SGD(learning_rate=0.01)
    loader = DataLoader(ArrayDataset(x, y), BATCH, shuffle=True, seed=0)

    def loss_function(inputs, targets):
        return nn.losses.cross_entropy(model(inputs), targets, reduction="mean")

    forward_backward = nn.value_and_grad(model, loss_function)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for inputs, targets in loader:
            loss, gradients = forward_backward(inputs, targets)
            gradients, _ = optimizers.clip_grad_norm(gradients, max_norm=1.0)
            optimizer.update(model, gradients)
            mx.eval(model.parameters(), optimizer.state)
            total += loss.item() * len(targets)
        losses.append(total / len(x))
    return losses


def like_keras(x: np.ndarray, y: np.ndarray, epochs: int) -> list[float]:
    """compile and fit."""
    model = new_model()
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", learning_rate=0.01, clipnorm=1.0)
    history = model.fit(x, y, batch_size=BATCH, epochs=epochs, seed=0, verbose=0)
    return history["loss"]


def like_mlx(x: np.ndarray, y: np.ndarray, epochs: int) -> list[float]:
    """A compiled step whose state - parameters and optimizer - goes in and out."""
    model, optimizer = new_model(), optimizers.SGD(learning_rate=0.01)
    state = [model.state, optimizer.state]

    def loss_function(parameters, inputs, targets):
        model.update(parameters)
        return mx.mean(nn.losses.cross_entropy(model(inputs), targets))

    @partial(mx.compile, inputs=state, outputs=state)
    def step(inputs, targets):
        loss, gradients = mx.value_and_grad(loss_function)(model.trainable_parameters(), inputs, targets)
        gradients, _ = optimizers.clip_grad_norm(gradients, 1.0)
        optimizer.update(model, gradients)
        return loss

    optimizer.init(model.trainable_parameters())
    x, y = mx.array(x), mx.array(y)
    losses = []
    for epoch in range(epochs):
        total = 0.0
        order = np.random.default_rng([0, epoch]).permutation(len(x)).astype(np.int32)
        for start in range(0, len(order), BATCH):
            chosen = mx.array(order[start : start + BATCH])
            loss = step(x[chosen], y[chosen])
            mx.eval(state)
            total += loss.item() * chosen.size
        losses.append(total / len(order))
    return losses


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=10)
    a = parser.parse_args(arguments)
    x, y = samples(a.samples)
    results = {way.__name__: way(x, y, a.epochs) for way in (like_pytorch, like_keras, like_mlx)}
    print("epoch  " + "  ".join(f"{name:>12}" for name in results))
    for epoch, losses in enumerate(zip(*results.values()), 1):
        print(f"{epoch:5}  " + "  ".join(f"{loss:12.6f}" for loss in losses))
    return results


if __name__ == "__main__":
    main()
