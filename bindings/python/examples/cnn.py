"""A convolutional network on pictures: training, test in batches, single pictures, curves.

    python cnn.py --data fashion-mnist --epochs 5

Three 5x5 convolutions, each with ReLU and pooling, then three linear layers with dropout; log-softmax and negative log
likelihood. It reads MNIST, Fashion-MNIST, CIFAR-10 and CIFAR-100; --fetch downloads them."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from quern import core as mx
from quern import nn
from quern.data import CIFAR10, CIFAR100, MNIST, DataLoader, FashionMNIST
from quern.train import Checkpoint

DATA = {"mnist": MNIST, "fashion-mnist": FashionMNIST, "cifar10": CIFAR10, "cifar100": CIFAR100}


class CNN(nn.Module):
    """Pictures (N, size, size, channels), float32, to log-probabilities (N, classes)."""

    def __init__(self, size: int = 28, channels: int = 1, classes: int = 10, final: int = 100):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 20, 5, padding=2)
        self.conv2 = nn.Conv2d(20, 50, 5, padding=2)
        self.conv3 = nn.Conv2d(50, final, 5, padding=2)
        self.pool = nn.MaxPool2d(2)
        n = (size // 8) ** 2 * final
        self.linear1 = nn.Linear(n, n // 2)
        self.linear2 = nn.Linear(n // 2, n // 4)
        self.linear3 = nn.Linear(n // 4, classes)
        self.dropout = nn.Dropout(0.3)

    def __call__(self, x: mx.array) -> mx.array:
        for conv in (self.conv1, self.conv2, self.conv3):
            x = self.pool(nn.relu(conv(x)))
        x = mx.flatten(x, 1)
        x = nn.relu(self.dropout(self.linear1(x)))
        x = self.dropout(self.linear2(x))
        x = self.dropout(self.linear3(x))
        return nn.log_softmax(x, axis=-1)


def test_singly(model: CNN, data, count: int) -> tuple[float, float]:
    """Classifies ``count`` pictures one by one: (accuracy, microseconds a picture)."""
    model.eval()
    classify = mx.compile(lambda picture: mx.argmax(model(picture), axis=-1))  # the weights become constants
    pictures = [mx.array(data[i][0][None]) for i in range(count)]
    mx.eval(pictures, classify(pictures[0]))
    start = time.perf_counter()
    answers = [classify(picture).item() for picture in pictures]
    each = (time.perf_counter() - start) / count * 1e6
    return float(np.mean([a == data.labels[i] for i, a in enumerate(answers)])), each


def main(arguments: list[str] | None = None) -> dict[str, float]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DATA, default="fashion-mnist")
    parser.add_argument("--root", type=Path, help="folder with the files of the data set")
    parser.add_argument("--fetch", action="store_true", help="download the data set when it is not there")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--limit", type=int, help="train and test on this many pictures only")
    parser.add_argument("--workers", type=int, default=1, help="threads that prepare batches")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, help="save the curves of accuracy and loss there, such as curves.png")
    parser.add_argument("--checkpoint", type=Path, help="go on from this file, and save there after each epoch")
    parser.add_argument("--quiet", action="store_true")
    a = parser.parse_args(arguments)

    train, test = (DATA[a.data](a.root, train=part, fetch=a.fetch) for part in (True, False))
    _, size, _, channels = train.images.shape
    n_train, n_test = (len(d) if a.limit is None else min(a.limit, len(d)) for d in (train, test))
    mx.random.seed(a.seed)
    model = CNN(size, channels, len(train.classes) if a.data != "cifar100" else 100)
    model.compile("adam", "nll", ["accuracy"], learning_rate=a.learning_rate)
    batches = DataLoader(train.take(n_train), a.batch, shuffle=True, seed=a.seed, workers=a.workers)
    history = model.fit(
        batches,
        epochs=a.epochs,
        validation_data=DataLoader(test.take(n_test), 512),
        callbacks=[Checkpoint(a.checkpoint)] if a.checkpoint else [],
        resume=a.checkpoint,
        verbose=0 if a.quiet else 1,
    )
    start = time.perf_counter()
    result = model.evaluate(DataLoader(test.take(n_test), 512))
    batch_ms = (time.perf_counter() - start) * 1e3
    single, each_us = test_singly(model, test, min(200, n_test))
    if a.plot:
        history.plot(a.plot)
    print(f"test: {100 * result['accuracy']:.2f} % of {n_test} pictures right, {batch_ms:.0f} ms in batches of 512")
    print(f"one by one: {100 * single:.2f} % right, {each_us:.0f} us each")
    return {**result, "single": single, "loss_of_last_epoch": history["loss"][-1]}


if __name__ == "__main__":
    main()
