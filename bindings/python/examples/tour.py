"""A walk through Quern, cell by cell: arrays, gradients, a small network, and what runs underneath.

    python tour.py

The cells (# %%) also run one by one in editors that know them."""

# %% Arrays: recorded first, computed when looked at
import tempfile
from pathlib import Path

import numpy as np

import quern
from quern import core as mx
from quern import nn, optimizers

a = mx.array([[1.0, 2.0], [3.0, 4.0]])
b = nn.relu(a @ a - 8)
print(b)

# %% explain: how an array is computed, and which kernels were not taken
x = mx.random.normal((256, 256))
y = nn.gelu(x @ x + 1)
told = quern.explain(y)
print(told)
print(told.rejected())


# %% Gradients, also of gradients
def f(t):
    return mx.sum(mx.sin(t) * t)


t = mx.array([0.5, 1.0, 2.0])
print("value and gradient:", *mx.value_and_grad(f)(t))
print("second derivatives:", mx.grad(lambda s: mx.sum(mx.grad(f)(s)))(t))

# %% A network and its training step
mx.random.seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), lambda v: mx.flatten(v, 1), nn.Linear(8 * 49, 10)
)
optimizer = optimizers.Adam(learning_rate=1e-2)
images = mx.random.normal((32, 14, 14, 1))
labels = mx.array(np.arange(32) % 10)
loss_and_grad = nn.value_and_grad(model, lambda x, y: nn.losses.cross_entropy(model(x), y, reduction="mean"))


def step():
    loss, gradients = loss_and_grad(images, labels)
    optimizer.update(model, gradients)
    mx.eval(loss, model.parameters(), optimizer.state)
    return loss


print("loss before:", step().item())

# %% profile: where the time of twenty steps goes; the file opens in ui.perfetto.dev
trace = Path(tempfile.gettempdir()) / "quern-tour-trace.json"
with quern.profile(trace) as p:
    for i in range(20):
        with p.span(f"step {i}"):
            loss = step()
print("loss after:", loss.item())
print(p)
print(f"{len(p.events)} events in {trace}")

# %% Kernels can be chosen: the plain reference for everything, then the usual choice again
free = model(images)
quern.set_kernels("*=naive")
plain = model(images)
print("largest difference:", mx.max(mx.abs(free - plain)).item())
quern.set_kernels("")

# %% The kernels in all plans so far
print(quern.kernels_used())
