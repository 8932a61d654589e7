"""Linear algebra over stacks of matrices. Only some functions are composed here; the rest are ops of the library."""

from .._ext import array, as_array, complex64, float32, float64
from ._arguments import axes_in, axis_in, check_array, check_stream
from ._dtypes import inexact, issubdtype
from ._ops import ops


def _floats(name, a, square=False, vectors=False):
    check_array(a, name)
    if a.dtype not in (float32, float64, complex64):
        raise ValueError(f"[linalg::{name}] Arrays must type float32, float64, or complex64 but received array with type {a.dtype._name}.")
    if a.ndim < (1 if vectors else 2):
        raise ValueError(f"[linalg::{name}] Arrays must have >= 2 dimensions. Received array with {a.ndim} dimensions.")
    if square and a.shape[-1] != a.shape[-2]:
        raise ValueError(f"[linalg::{name}] Matrices must be square, but the last axes are {a.shape[-2:]}.")
    return a


def norm(a: array, /, ord=None, axis=None, keepdims: bool = False, *, stream=None) -> array:
    """The norm of vectors (one axis) or matrices (two). ord None is the 2-norm of all elements over axis.

    Vectors: any number, inf, -inf, 0. Matrices: "fro", "nuc", inf, -inf, 1, -1, 2, -2.
    """
    check_stream(stream)
    check_array(a, "norm")
    x = a if issubdtype(a.dtype, inexact) else ops.astype(a, float32)
    if axis is None and ord is None:
        axes = tuple(range(x.ndim))
    elif axis is None:
        if x.ndim > 2:
            raise ValueError("[linalg::norm] If axis is not provided and ord is, the array must be 1-D or 2-D.")
        axes = tuple(range(x.ndim))
    else:
        axes = axes_in(axis, x.ndim, "norm")
    if ord is None:
        return _root(_squares(x, axes, keepdims))
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) == 2:
        return matrix_norm(x, ord=ord, axis=axes, keepdims=keepdims)
    raise ValueError("[linalg::norm] Received too many axes for norm.")


def _root(x):
    return ops.sqrt(x)


def _squares(x, axes, keepdims):
    return ops.sum(ops.square(ops.abs(x) if x.dtype == complex64 else x), axes, keepdims)


def _vector_norm(x, ord, axes, keepdims):
    if isinstance(ord, str):
        raise ValueError(f"[linalg::norm] Invalid ord '{ord}' for vectors.")
    size = ops.abs(x)
    if ord == float("inf"):
        return ops.max(size, axes, keepdims)
    if ord == float("-inf"):
        return ops.min(size, axes, keepdims)
    if ord == 0:
        return ops.sum(ops.astype(ops.not_equal(x, as_array(0, x.dtype)), size.dtype), axes, keepdims)
    if ord == 1:
        return ops.sum(size, axes, keepdims)
    if ord == 2:
        return _root(_squares(x, axes, keepdims))
    return ops.power(ops.sum(ops.power(size, as_array(float(ord), size.dtype)), axes, keepdims), as_array(1 / ord, size.dtype))


def matrix_norm(a: array, /, ord="fro", axis=(-2, -1), keepdims: bool = False, *, stream=None) -> array:
    """The norm of matrices over a pair of axes; see norm."""
    check_stream(stream)
    x = check_array(a, "matrix_norm")
    rows, columns = (axis_in(k, x.ndim, "norm") for k in axis)
    if ord in ("fro", "f"):
        return _root(_squares(x, (rows, columns), keepdims))
    if ord in (1, -1, float("inf"), float("-inf")):
        summed, kept = (rows, columns) if ord in (1, -1) else (columns, rows)
        sums = ops.sum(ops.abs(x), (summed,), True)
        best = (ops.max if ord > 0 else ops.min)(sums, (kept,), True)
        return best if keepdims else ops.squeeze(best, (rows, columns))
    if ord in (2, -2, "nuc"):
        rest = [k for k in range(x.ndim) if k not in (rows, columns)]
        s = svd(ops.transpose(x, (*rest, rows, columns)), compute_uv=False)
        out = ops.sum(s, (-1,)) if ord == "nuc" else (ops.max if ord == 2 else ops.min)(s, (-1,))
        return ops.expand_dims(out, sorted((rows, columns))) if keepdims else out
    raise ValueError(f"[linalg::norm] Invalid ord {ord!r} for matrices.")


def cross(a: array, b: array, axis: int = -1, *, stream=None) -> array:
    """The cross product along an axis of size 2 or 3."""
    check_stream(stream)
    check_array(a, "cross")
    check_array(b, "cross")
    ndim = a.ndim if a.ndim > b.ndim else b.ndim
    axis = axis_in(axis, ndim, "cross")
    if a.ndim != ndim:
        a = ops.reshape(a, (1,) * (ndim - a.ndim) + a.shape)
    if b.ndim != ndim:
        b = ops.reshape(b, (1,) * (ndim - b.ndim) + b.shape)
    sizes = (a.shape[axis], b.shape[axis])
    if any(n not in (2, 3) for n in sizes):
        raise ValueError("[linalg::cross] The specified axis must have size 2 or 3.")
    pick = (slice(None),) * axis

    def parts(x):
        return [x[(*pick, k)] for k in range(x.shape[axis])]

    x, y = parts(a), parts(b)
    last = x[0] * y[1] - x[1] * y[0]
    if sizes == (2, 2):
        return last
    if sizes[0] == 2:
        first, second = x[1] * y[2], ops.negative(x[0] * y[2])
    elif sizes[1] == 2:
        first, second = ops.negative(x[2] * y[1]), x[2] * y[0]
    else:
        first, second = x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2]
    return ops.stack([first, second, last], axis)


def inv(a: array, *, stream=None) -> array:
    """The inverse of square matrices."""
    check_stream(stream)
    return ops.inv(_floats("inv", a, square=True))


def tri_inv(a: array, upper: bool = False, *, stream=None) -> array:
    """The inverse of triangular matrices."""
    check_stream(stream)
    return ops.tri_inv(_floats("tri_inv", a, square=True), upper)


def cholesky(a: array, upper: bool = False, *, stream=None) -> array:
    """The lower (or upper) triangular root of positive definite matrices."""
    check_stream(stream)
    return ops.cholesky(_floats("cholesky", a, square=True), upper)


def cholesky_inv(a: array, upper: bool = False, *, stream=None) -> array:
    """The inverse of the matrices whose Cholesky roots are given."""
    check_stream(stream)
    return ops.cholesky_inv(_floats("cholesky_inv", a, square=True), upper)


def qr(a: array, *, stream=None) -> tuple[array, array]:
    """Orthonormal columns and an upper triangular matrix whose product is a."""
    check_stream(stream)
    return tuple(ops.qr(_floats("qr", a)))


def svd(a: array, compute_uv: bool = True, *, stream=None):
    """(U, S, Vt) with a = U diag(S) Vt, U and Vt square; only S without compute_uv."""
    check_stream(stream)
    _floats("svd", a)
    return tuple(ops.svd(a)) if compute_uv else ops.singular_values(a)


def pinv(a: array, *, stream=None) -> array:
    """The Moore-Penrose pseudo-inverse."""
    check_stream(stream)
    return ops.pinv(_floats("pinv", a))


def solve(a: array, b: array, *, stream=None) -> array:
    """x with a @ x = b, for square a."""
    check_stream(stream)
    _floats("solve", a, square=True)
    return ops.solve(a, _floats("solve", b, vectors=True))


def solve_triangular(a: array, b: array, *, upper: bool = False, stream=None) -> array:
    """x with a @ x = b, for triangular a."""
    check_stream(stream)
    _floats("solve_triangular", a, square=True)
    return ops.solve_triangular(a, _floats("solve_triangular", b, vectors=True), upper)


def lu_factor(a: array, *, stream=None) -> tuple[array, array]:
    """The LU decomposition in one matrix, and the pivots (uint32)."""
    check_stream(stream)
    return tuple(ops.lu_factor(_floats("lu_factor", a)))


def lu(a: array, *, stream=None) -> tuple[array, array, array]:
    """(P, L, U): row indices such that a = L[P] @ U, a unit lower and an upper triangular matrix."""
    check_stream(stream)
    return tuple(ops.lu(_floats("lu", a)))


def det(a: array, *, stream=None) -> array:
    """The determinant of square matrices."""
    check_stream(stream)
    return ops.det(_floats("det", a, square=True))


def slogdet(a: array, *, stream=None) -> tuple[array, array]:
    """The sign and the logarithm of the absolute value of the determinant."""
    check_stream(stream)
    return tuple(ops.slogdet(_floats("slogdet", a, square=True)))


def eigh(a: array, UPLO: str = "L", *, stream=None) -> tuple[array, array]:
    """Eigenvalues (ascending) and vectors (columns) of symmetric or Hermitian matrices."""
    check_stream(stream)
    return tuple(ops.eigh(_floats("eigh", a, square=True), UPLO))


def eigvalsh(a: array, UPLO: str = "L", *, stream=None) -> array:
    """Eigenvalues (ascending) of symmetric or Hermitian matrices."""
    check_stream(stream)
    return ops.eigvalsh(_floats("eigvalsh", a, square=True), UPLO)


def eig(a: array, *, stream=None) -> tuple[array, array]:
    """Eigenvalues and vectors (columns), complex, of square matrices."""
    check_stream(stream)
    return tuple(ops.eig(_floats("eig", a, square=True)))


def eigvals(a: array, *, stream=None) -> array:
    """Eigenvalues, complex, of square matrices."""
    check_stream(stream)
    return ops.eigvals(_floats("eigvals", a, square=True))
