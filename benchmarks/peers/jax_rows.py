"""The rows in JAX, jitted. It leaves out what it has no op of its own for."""
import jax
import jax.numpy as jnp
import numpy as np
import rows
from jax import lax
from mlx_rows import GELU_A, GELU_B


def conv(x, w, padding, groups=1):
    dims = ("NHWC", "OHWI", "NHWC") if x.ndim == 4 else ("NWC", "OWI", "NWC")
    return lax.conv_general_dilated(x, w, (1,) * (x.ndim - 2), [(padding, padding)] * (x.ndim - 2), dimension_numbers=dims,
                                    feature_group_count=groups)


def cnn(weights, x, key=None):
    def drop(x, k):
        return x if key is None else jnp.where(jax.random.bernoulli(jax.random.fold_in(key, k), 0.7, x.shape), x / 0.7, 0)

    for i in range(3):
        x = jax.nn.relu(conv(x, weights[2 * i], weights[2 * i].shape[1] // 2) + weights[2 * i + 1])
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = x.reshape(x.shape[0], -1)
    for i in range(3, 6):
        x = drop(x @ weights[2 * i].T + weights[2 * i + 1], i)
        x = jax.nn.relu(x) if i == 3 else x
    return jax.nn.log_softmax(x, axis=1)


def nll(log_p, y):
    return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))


class Side:
    def about(self):
        return {"jax": jax.__version__}

    def variants(self, row):
        return [] if row.kind in ("bigvgan", "conv_transpose", "network") else ["jit"]

    def build(self, row, _):
        return getattr(self, row.kind, self.op)(row)

    def train(self, row):
        batch = row.p["batch"]
        x, y = map(jnp.asarray, rows.images(row.p["net"], 32 * batch))
        weights = [jnp.asarray(w) for w in rows.net_weights(row.p["net"])]
        state = [weights, [jnp.zeros_like(w) for w in weights], jax.random.key(0), 0]

        @jax.jit
        def update(weights, speed, key, a, b):
            key, now = jax.random.split(key)
            loss, g = jax.value_and_grad(lambda w: nll(cnn(w, a, now), b))(weights)
            speed = [0.9 * v + d for v, d in zip(speed, g)]
            return [w - 0.01 * v for w, v in zip(weights, speed)], speed, key, loss

        def step():
            k = state[3]
            state[3] = (k + batch) % (32 * batch)
            *state[:3], loss = update(*state[:3], x[k:k + batch], y[k:k + batch])
            return float(loss)
        return step, lambda: np.asarray(jax.grad(lambda w: nll(cnn(w, x[:batch]), y[:batch]))(weights)[0])

    def classify(self, row):
        n = row.p["images"]
        x, y = map(jnp.asarray, rows.images(row.p["net"], n))
        weights, size = [jnp.asarray(w) for w in rows.net_weights(row.p["net"])], min(n, rows.BATCH)
        answer = jax.jit(lambda w, a: cnn(w, a).argmax(1))

        def run():
            return sum(int((answer(weights, x[k:k + size]) == y[k:k + size]).sum()) for k in range(0, n, size))
        return (run if n > 1 else lambda: int(answer(weights, x)[0])), lambda: np.asarray(cnn(weights, x[:size]))

    def simple(self, row):
        batch = row.p["batch"]
        x, y, start = rows.simple_data(batch)
        x, y, start = jnp.asarray(x), jnp.asarray(y), [jnp.asarray(w) for w in start]

        @jax.jit
        def update(w, a, b):
            def loss(w):
                z = jax.nn.relu(a @ w[0].T + w[1]) @ w[2].T + w[3]
                return nll(jax.nn.log_softmax(z, axis=1), b)
            value, g = jax.value_and_grad(loss)(w)
            norm = jnp.sqrt(sum(jnp.sum(d * d) for d in g))
            scale = jnp.minimum(1.0 / (norm + 1e-6), 1.0)
            return [v - 0.01 * scale * d for v, d in zip(w, g)], value
        state = [start, 0]

        def step():
            k = state[1]
            state[1] = (k + batch) % len(y)
            state[0], loss = update(state[0], x[k:k + batch], y[k:k + batch])
            return float(loss)
        return step, lambda: np.asarray(update(start, x[:batch], y[:batch])[0][0])

    def op(self, row):
        a, p = {n: jnp.asarray(v) for n, v in rows.inputs(row).items()}, row.p

        def layer_norm(x, w, b):
            centred = x - x.mean(-1, keepdims=True)
            return centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w + b

        def attention(x, k, v):  # (N, heads, length, width); jax.nn takes the heads third
            q, k, v = (t.transpose(0, 2, 1, 3) for t in (x, k, v))
            return jax.nn.dot_product_attention(q, k, v).transpose(0, 2, 1, 3)

        f = jax.jit({
            "conv": lambda x, w: conv(x, w, p.get("padding", 0), p.get("groups", 1)),
            "gelu": lambda x: x * 0.5 * (1 + jnp.tanh(GELU_A * (x + GELU_B * x * x * x))),
            "softmax": lambda x: jax.nn.softmax(x, axis=-1),
            "layer_norm": layer_norm,
            "sort": lambda x: jnp.sort(x),
            "attention": attention,
            "matmul": lambda x, w: x @ w,
            "add": lambda x, w: x + w,
            "fft": jnp.fft.fft,
        }[row.kind])
        return lambda: f(*a.values()).block_until_ready(), lambda: np.asarray(f(*a.values()))
