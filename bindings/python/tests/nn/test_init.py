"""Every initializer against MLX with the same seed, and what its distribution promises."""

import numpy as np
import pytest
from peer import MLX, QUERN, assert_same, assert_same_error, numpy_of

INITIALIZERS = """
nn.init.constant(0.5)(mx.zeros((2, 3)))
nn.init.constant(2, mx.int32)(mx.zeros((2,)))
nn.init.normal()(mx.zeros((3, 4)))
nn.init.normal(1.0, 0.1, mx.float16)(mx.zeros((3, 4)))
nn.init.uniform()(mx.zeros((3, 4)))
nn.init.uniform(-2.0, 3.0)(mx.zeros((3, 4)))
nn.init.identity()(mx.zeros((3, 3)))
nn.init.identity(mx.bfloat16)(mx.zeros((3, 3)))
nn.init.glorot_normal()(mx.zeros((3, 4)))
nn.init.glorot_normal()(mx.zeros((3, 2, 2, 4)), gain=2.0)
nn.init.glorot_uniform()(mx.zeros((3, 4)))
nn.init.glorot_uniform(mx.float16)(mx.zeros((3, 5, 4)), 0.5)
nn.init.he_normal()(mx.zeros((3, 4)))
nn.init.he_normal()(mx.zeros((3, 2, 4)), mode="fan_out", gain=2.0)
nn.init.he_uniform()(mx.zeros((3, 4)))
nn.init.he_uniform()(mx.zeros((3, 2, 4)), "fan_out", 0.5)
nn.init.sparse(0.5)(mx.zeros((4, 6)))
nn.init.sparse(0.3, 1.0, 0.1)(mx.zeros((4, 7)))
""".strip().splitlines()

ERRORS = """
nn.init.identity()(mx.zeros((3,)))
nn.init.identity()(mx.zeros((3, 2)))
nn.init.glorot_normal()(mx.zeros((3,)))
nn.init.glorot_uniform()(mx.zeros((3,)))
nn.init.he_normal()(mx.zeros((3,)))
nn.init.he_uniform()(mx.zeros((3, 4)), mode="fan")
nn.init.sparse(0.5)(mx.zeros((3,)))
nn.init.orthogonal()(mx.zeros((3,)))
""".strip().splitlines()


@pytest.mark.parametrize("expression", INITIALIZERS)
def test_same_draws(expression):
    results = []
    for side in (QUERN, MLX):
        side.mx.random.seed(5)
        results.append(side.eval(expression))
    assert_same(*results, tolerance=1e-3 if "16" in expression else 1e-5)


@pytest.mark.parametrize("expression", ERRORS)
def test_error(expression):
    assert_same_error(expression)


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3)])
def test_orthogonal(shape):
    try:
        w = numpy_of(QUERN.nn.init.orthogonal(gain=2.0)(QUERN.mx.zeros(shape)))
    except NotImplementedError as error:
        pytest.skip(str(error))
    assert w.shape == shape
    gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(min(shape)), atol=1e-4)


def test_sparse_rows():
    w = numpy_of(QUERN.nn.init.sparse(0.5)(QUERN.mx.zeros((10, 8))))
    assert ((w == 0).sum(axis=1) == 4).all()
