"""grad, value_and_grad, vjp, jvp, vmap, compile, checkpoint, custom_function: results and errors against MLX."""

import numpy as np
import pytest
import quern.core as mx
from oracle import check

HELPERS = dict(
    f=lambda x: (x**2).sum(),
    f2=lambda x, y: ((x * y).sum(), x),
    fd=lambda d: (d["a"] * d["b"][0]).sum(),
    fk=lambda x, *, w: (x * w).sum(),
)

LINES = """mx.grad(f)(x);mx.grad(f)(2.0);mx.grad(lambda x: x)(x);mx.grad(lambda x: "a")(x);mx.grad(lambda x: (x.sum(), x))(x)
mx.value_and_grad(f)(x);mx.value_and_grad(f2)(x, x);mx.value_and_grad(f2, argnums=(0, 1))(x, x)
mx.value_and_grad(f2, argnums=[0, 1])(x, x);mx.value_and_grad(f2, argnums=1)(x, x);mx.value_and_grad(f2, argnums=2)(x, x)
mx.value_and_grad(f2, argnums=-1)(x, x);mx.grad(fd)({"a": x, "b": [x, x]});mx.grad(fd)({"a": x, "b": [x, x], "c": 3})
mx.grad(fk, argnames="w")(x, w=x);mx.grad(fk, argnums=0, argnames="w")(x, w=x);mx.value_and_grad(fk, argnames=["w"])(x, w=x)
mx.grad(fk, argnames="q")(x, w=x);mx.grad(f, argnums=())(x);mx.grad(f, argnums=(0, 0))(x);mx.grad(f, argnums="a")(x);mx.grad(3)
mx.grad(lambda x: x.sum().item())(x);mx.grad(lambda x: (x * x.sum().item()).sum())(x);mx.grad(lambda x: mx.array(3.0))(x)
mx.grad(lambda x: x.sum() > 0)(x);mx.grad(mx.grad(lambda x: x**3))(mx.array(2.0));mx.grad(f)(x, x);mx.grad(f)()
mx.grad(lambda l: l[0].sum() + l[1].sum())([x, x]);mx.grad(lambda l: l[0].sum() + l[1].sum())((x, x));mx.grad(f).__name__
mx.value_and_grad(lambda x: (x.sum(), 3, "a", {"q": x}))(x);mx.value_and_grad(lambda x: [x.sum(), 3])(x)
mx.value_and_grad(lambda x: {"a": x.sum()})(x);mx.value_and_grad(lambda x: ())(x);mx.grad(lambda x: mx.stop_gradient(x * x).sum())(x)
mx.vjp(lambda x: x**2, [x], [mx.ones_like(x)]);mx.vjp(lambda x, y: (x * y, x + y), [x, x], [x, x]);mx.vjp(lambda x: [x * 2], [x], [x])
mx.vjp(lambda x: x**2, x, x);mx.vjp(lambda x: x**2, [x], [mx.ones((5,))])
mx.jvp(lambda x: x**2, [x], [mx.ones_like(x)]);mx.jvp(lambda x, y: (x * y, x + y), [x, x], [x, x])
mx.jvp(lambda x: x**2, [x], [x, x]);mx.jvp(lambda x: x**2, [x], [mx.ones((5,))]);mx.jvp(lambda x: mx.sin(x) @ x.T, [x], [x])
mx.vmap(lambda x: x.sum())(x);mx.vmap(lambda x: x.sum(), in_axes=1)(x);mx.vmap(lambda x: x * 2, out_axes=1)(x)
mx.vmap(lambda x, y: x + y, in_axes=(0, None))(x, mx.ones(3));mx.vmap(lambda x, y: x + y, in_axes=(0, 1))(x, x)
mx.vmap(lambda x, y: x + y, in_axes=(0,))(x, x);mx.vmap(lambda d: d["a"] + d["b"])({"a": x, "b": x})
mx.vmap(lambda x: (x, x * 2), out_axes=(0, 1))(x);mx.vmap(lambda x: 3)(x);mx.vmap(lambda x: x, in_axes=5)(x);mx.vmap(3)
mx.vmap(lambda x: x, in_axes=None)(x);mx.vmap(lambda x: x, in_axes="a")(x);mx.vmap(lambda x: x)(3);mx.vmap(lambda x: x, in_axes=-1)(x)
mx.vmap(mx.vmap(lambda x: x + 1))(x);mx.vmap(lambda x: x.item())(x[0]);mx.vmap(mx.grad(lambda x: x**2))(x[0])
mx.vmap(lambda x, y: x @ y, in_axes=(0, None))(x, x.T);mx.vmap(lambda x: mx.softmax(x))(x);mx.vmap(lambda x: x[1:])(x)
mx.vmap(lambda x: mx.cumsum(x))(x);mx.vmap(lambda x: mx.sort(-x))(x);mx.vmap(lambda i: x[:, i])(mx.array([0, 2]))
mx.checkpoint(f)(x);mx.grad(mx.checkpoint(f))(x);mx.custom_function(f)(x);mx.custom_function(3);mx.compile(3)
mx.eval("a", None, [x, {"a": x}]);mx.eval();mx.async_eval([x])"""


@pytest.mark.parametrize("expression", LINES.replace("\n", ";").split(";"))
def test_lines(expression):
    check(expression, x=lambda m: m.arange(6.0).reshape(2, 3), **{k: (lambda m, v=v: v) for k, v in HELPERS.items()})


INTEGERS = """mx.grad(lambda x: x.sum())(i);mx.grad(lambda x: (x * x).sum())(i);mx.grad(lambda x: (x / 2).sum())(i);mx.grad(lambda x: x.max())(i)
mx.grad(lambda x: (x * mx.array([0.5, 2.5, 1])).sum())(i);mx.value_and_grad(lambda x: mx.exp(x).sum())(i);mx.grad(lambda x: (x**3).sum())(i)
mx.grad(lambda x: (x // 2 + x % 2).sum())(i);mx.grad(lambda x: (mx.sort(x) * mx.arange(3)).sum())(i);mx.grad(lambda x: x[1:].sum())(i)
mx.grad(lambda p: (p["w"] * p["n"]).sum())({"w": mx.ones(3), "n": i});mx.grad(lambda x, y: y.sum())(i, mx.ones(2))
mx.grad(lambda c: mx.where(c, mx.ones(2), 0).sum())(mx.array([True, False]));mx.vjp(lambda x: x * 2, [i], [mx.ones(3)])
mx.grad(lambda x: (x.astype(mx.int32) * x).sum())(x);mx.grad(lambda x: x.astype(mx.int32).sum())(x);mx.grad(lambda x: (x > 1).sum())(x)
mx.grad(lambda x: (mx.argmax(x) * x).sum())(x);mx.grad(lambda k, w: mx.take(w, k).sum())(i, x);mx.grad(lambda k, w: w[k].sum())(i, x)
mx.grad(lambda k, w: w[k].sum(), argnums=1)(i, x);mx.grad(lambda k, w: w.at[k].add(1).sum())(i, x)
mx.grad(lambda k, w: mx.take_along_axis(w, k, 0).sum())(i, x);mx.grad(lambda k, w: mx.put_along_axis(w, k, mx.ones(3), 0).sum())(i, x)"""


@pytest.mark.parametrize("expression", INTEGERS.replace("\n", ";").split(";"))
def test_gradients_through_integers(expression):
    check(expression, i=np.array([2, 1, 2], np.int32), x=np.array([1.5, 2.5, 0.5], np.float32))


def test_gradients_through_indices_that_ops_find():
    """Where the indices come from an op without a gradient, nothing flows through them; MLX asks for stop_gradient."""
    g = mx.grad(lambda x: (mx.take_along_axis(x, mx.argsort(x), 0) * mx.arange(3.0)).sum())(mx.array([2.0, 1.0, 3.0]))
    assert g.tolist() == [1, 0, 2]


DIFFERENTIABLE = """mx.sin(x);mx.exp(x) * x;mx.tanh(x) / (1 + x * x);mx.softmax(x, -1);x @ x.T;mx.logsumexp(x, 0);x[0] * x[:, :1]
mx.maximum(x, 0.1);mx.where(x > 0, x, -2 * x);mx.var(x, 1);mx.sqrt(x * x + 1);mx.concatenate([x, 2 * x]);mx.pad(x, 1)
x.reshape(3, 2) @ x;mx.einsum("ij,kj->ik", x, x);mx.cumsum(x, 1);mx.sort(x, 1);mx.take(x, mx.array([0, 0, 1]), 0);x[mx.array([1, 1])]
mx.fast.layer_norm(x, None, None, 1e-5);mx.fast.rms_norm(x, None, 1e-5);mx.conv1d(x[None], x[None, :2]);mx.prod(x, 1);mx.roll(x, 1)
x.at[mx.array([0, 0])].add(x[1]);mx.flip(x);mx.repeat(x, 2);mx.tile(x, (2, 2));mx.logaddexp(x, x[::-1])"""


@pytest.mark.parametrize("body", DIFFERENTIABLE.replace("\n", ";").split(";"))
def test_gradients_by_finite_differences(body):
    x = np.random.default_rng(len(body)).uniform(0.2, 1.5, (2, 3)).astype(np.float32)
    function = eval(f"lambda x: {body}", {"mx": mx})
    weights = np.random.default_rng(1).normal(size=function(mx.array(x)).shape).astype(np.float32)

    def loss(v):
        return (function(v) * mx.array(weights)).sum()

    gradient = np.array(mx.grad(loss)(mx.array(x)))
    step = 1e-2
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        slope = (loss(mx.array(up)).item() - loss(mx.array(down)).item()) / (2 * step)
        assert gradient[index] == pytest.approx(slope, rel=2e-2, abs=6e-3), (body, index)


# ---- compile ----


def test_compile_runs_the_function_once_for_each_signature():
    calls = []

    @mx.compile
    def f(x, n=1, flag=None):
        """Doc."""
        calls.append(1)
        return {"y": x * n, "flag": flag, "t": (x, [x + 1])}

    assert f.__name__ == "f" and f.__doc__ == "Doc."
    for _ in range(3):
        out = f(mx.arange(3.0), 2)
    assert out["y"].tolist() == [0, 2, 4] and out["flag"] is None and out["t"][1][0].tolist() == [1, 2, 3]
    assert len(calls) == 1
    assert f(mx.arange(3.0), 3)["y"].tolist() == [0, 3, 6] and len(calls) == 2
    assert f(mx.arange(3), 3)["y"].dtype == mx.int32 and len(calls) == 3
    assert f(mx.arange(4.0), n=3)["y"].shape == (4,) and len(calls) == 4
    f(mx.arange(4.0), n=3)
    assert len(calls) == 4


def test_compile_captures_state():
    state = {"w": mx.array(1.0), "steps": [mx.array(0)]}
    calls = []

    def step(x):
        calls.append(1)
        loss, g = mx.value_and_grad(lambda w: ((w - x) ** 2).sum())(state["w"])
        state["w"] = state["w"] - 0.1 * g
        state["steps"][0] = state["steps"][0] + 1
        return loss

    compiled = mx.compile(step, inputs=state, outputs=state)
    before = state["w"]
    losses = [compiled(mx.array(3.0)).item() for _ in range(4)]
    assert len(calls) == 1 and state["steps"][0].item() == 4
    w, expected = 1.0, []
    for _ in range(4):
        expected.append((w - 3) ** 2)
        w -= 0.1 * 2 * (w - 3)
    assert losses == pytest.approx(expected, rel=1e-5) and state["w"].item() == pytest.approx(w, rel=1e-5)
    assert before.item() == 1.0


def test_compile_captures_the_random_state():
    draw = mx.compile(lambda: mx.random.uniform(shape=(3,)), inputs=mx.random.state, outputs=mx.random.state)
    mx.random.seed(5)
    compiled = [draw().tolist() for _ in range(3)]
    mx.random.seed(5)
    assert compiled == [mx.random.uniform(shape=(3,)).tolist() for _ in range(3)]


def test_compile_refuses_evaluation_and_odd_arguments():
    with pytest.raises(ValueError, match="not allowed"):
        mx.compile(lambda x: x.item())(mx.array(1))
    with pytest.raises(ValueError, match="not allowed"):
        mx.compile(lambda x: np.array(x))(mx.array(1))
    with pytest.raises(ValueError, match="trees of arrays or constants"):
        mx.compile(lambda x, n: x)(mx.array(1), object())
    state = [mx.array(1.0)]

    def broken():
        state[0] + 1
        raise KeyError("inside")

    with pytest.raises(KeyError):
        mx.compile(broken, inputs=state)()
    assert state[0].item() == 1.0


def test_compile_nests_and_is_differentiated():
    inner = mx.compile(lambda x: mx.sin(x) * x)
    outer = mx.compile(lambda x: inner(x).sum())
    x = mx.array([0.5, 1.0])
    expected = np.cos([0.5, 1.0]) * [0.5, 1.0] + np.sin([0.5, 1.0])
    np.testing.assert_allclose(np.array(mx.grad(outer)(x)), expected, rtol=1e-5)
    np.testing.assert_allclose(np.array(mx.compile(mx.grad(outer))(x)), expected, rtol=1e-5)
    mx.disable_compile()
    try:
        assert mx.compile(lambda x: x.item())(mx.array(2)) == 2
    finally:
        mx.enable_compile()


def test_custom_function():
    @mx.custom_function
    def f(x, y):
        return mx.sin(x) * y

    @f.vjp
    def f_vjp(primals, cotangent, output):
        x, y = primals
        return cotangent * 10 * y, cotangent * output

    x, y = mx.array(0.5), mx.array(2.0)
    value, (gx, gy) = mx.value_and_grad(f, argnums=(0, 1))(x, y)
    assert value.item() == pytest.approx(np.sin(0.5) * 2, rel=1e-6)
    assert gx.item() == pytest.approx(20) and gy.item() == pytest.approx(np.sin(0.5) * 2, rel=1e-6)


def test_what_a_callback_raises_comes_through():
    @mx.custom_function
    def f(x):
        return x * 2

    @f.vjp
    def f_vjp(primals, cotangents, outputs):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        mx.grad(f)(mx.array(1.0))
