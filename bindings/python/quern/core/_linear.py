"""Products and convolutions: matmul, tensordot, einsum, inner, outer, kron, conv and their relatives."""

import string

from .._ext import array, as_array, bool_, float32, int32
from ._arguments import axis_in, check_array, check_stream, ints_of
from ._dtypes import INEXACT, floating, inexact, issubdtype, result_type
from ._ops import ops
from ._shape import flatten

__all__ = [
    "addmm",
    "block_masked_mm",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_general",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolve",
    "einsum",
    "einsum_path",
    "gather_mm",
    "hadamard_transform",
    "inner",
    "kron",
    "matmul",
    "outer",
    "segmented_mm",
    "tensordot",
    "vecdot",
]


def _inexact(name, a, b):
    if a.dtype in INEXACT and b.dtype in INEXACT:
        return
    kind = result_type(a, b)
    if not issubdtype(kind, inexact):
        given = f"{a.dtype._name} and {b.dtype._name}"
        raise ValueError(
            f"[{name}] Only inexact types are supported but {given} were provided which results in {kind._name}, "
            "which is not a floating point type."
        )


def matmul(a: array, b: array, /, *, stream=None) -> array:
    """Matrix product of the last two axes; leading axes broadcast."""
    check_stream(stream)
    _inexact("matmul", check_array(a, "matmul"), check_array(b, "matmul"))
    return ops.matmul(a, b)


def addmm(c: array, a: array, b: array, /, alpha: float = 1.0, beta: float = 1.0, *, stream=None) -> array:
    """alpha * (a @ b) + beta * c."""
    check_stream(stream)
    _inexact("addmm", check_array(a, "addmm"), check_array(b, "addmm"))
    return ops.addmm(check_array(c, "addmm"), a, b, alpha, beta)


def _contract(a, b):
    """a @ b for any dtype: integers go through products and sums."""
    if issubdtype(result_type(a, b), inexact):
        return ops.matmul(a, b)
    return ops.sum(a[..., :, :, None] * b[..., None, :, :], (-2,))


def tensordot(a: array, b: array, /, axes=2, *, stream=None) -> array:
    """Sum of products over the given axes: an int (the last of a with the first of b) or a pair of lists."""
    check_stream(stream)
    check_array(a, "tensordot")
    check_array(b, "tensordot")
    if hasattr(axes, "__index__"):
        n = axes.__index__()
        if n < 0 or n > a.ndim or n > b.ndim:
            raise ValueError("[tensordot] axes must not be negative or more than the dimensions of an array.")
        left, right = list(range(a.ndim - n, a.ndim)), list(range(n))
    else:
        if len(axes) != 2:
            raise ValueError("[tensordot] axes should be an int or a list of two lists")
        left, right = axes
        left = [left] if hasattr(left, "__index__") else list(left)
        right = [right] if hasattr(right, "__index__") else list(right)
    if len(left) != len(right):
        raise ValueError("[tensordot] axes must have the same size.")
    left = [axis_in(k, a.ndim, "tensordot") for k in left]
    right = [axis_in(k, b.ndim, "tensordot") for k in right]
    if [a.shape[k] for k in left] != [b.shape[k] for k in right]:
        raise ValueError("[tensordot] a and b must have the same shape on the contracted axes.")
    keep_a = [k for k in range(a.ndim) if k not in left]
    keep_b = [k for k in range(b.ndim) if k not in right]
    shape = [a.shape[k] for k in keep_a] + [b.shape[k] for k in keep_b]
    inner_size = 1
    for k in left:
        inner_size *= a.shape[k]
    rows = columns = 1
    for k in keep_a:
        rows *= a.shape[k]
    for k in keep_b:
        columns *= b.shape[k]
    x = ops.reshape(ops.transpose(a, keep_a + left), (rows, inner_size))
    y = ops.reshape(ops.transpose(b, right + keep_b), (inner_size, columns))
    return ops.reshape(_contract(x, y), shape)


def inner(a: array, b: array, /, *, stream=None) -> array:
    """Sum of products over the last axes of both."""
    check_array(a, "inner")
    check_array(b, "inner")
    if a.ndim == 0 or b.ndim == 0:
        check_stream(stream)
        return a * b
    if a.shape[-1] != b.shape[-1]:
        raise ValueError("[inner] a and b must have the same last dimension.")
    return tensordot(a, b, [[-1], [-1]], stream=stream)


def outer(a: array, b: array, /, *, stream=None) -> array:
    """Products of every element of a with every one of b."""
    check_stream(stream)
    check_array(a, "outer")
    check_array(b, "outer")
    return ops.reshape(a, (a.size, 1)) * ops.reshape(b, (1, b.size))


def vecdot(a: array, b: array, /, *, axis: int = -1, stream=None) -> array:
    """Sum of products along one axis, the first operand conjugated."""
    check_stream(stream)
    from ._math import conjugate

    x = conjugate(check_array(a, "vecdot")) * check_array(b, "vecdot")
    return ops.sum(x, (axis_in(axis, x.ndim, "vecdot"),))


def kron(a: array, b: array, *, stream=None) -> array:
    """The Kronecker product."""
    check_stream(stream)
    check_array(a, "kron")
    check_array(b, "kron")
    if a.size == 0 or b.size == 0:
        raise ValueError("[kron] Input arrays cannot be empty.")
    n = a.ndim if a.ndim > b.ndim else b.ndim
    x, y = (1,) * (n - a.ndim) + a.shape, (1,) * (n - b.ndim) + b.shape
    left, right, out = [], [], []
    for i, j in zip(x, y):
        left += [i, 1]
        right += [1, j]
        out.append(i * j)
    return ops.reshape(ops.reshape(a, left) * ops.reshape(b, right), out)


# ---- einsum ----


def _parse(subscripts, operands):
    """Letters of each operand and of the result, the ellipsis spelled out."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(
            f"[einsum] Number of operands, {len(operands)}, does not match number of input subscripts, {len(terms)}"
        )
    free = [c for c in string.ascii_letters if c not in text]
    widest = 0
    for term, a in zip(terms, operands):
        if "..." in term:
            widest = max(widest, a.ndim - len(term) + 3)
    dots = "".join(free[:widest])
    out = []
    for term, a in zip(terms, operands):
        if "..." in term:
            n = a.ndim - len(term) + 3
            term = term.replace("...", dots[len(dots) - n :] if n > 0 else "")
        if any(c not in string.ascii_letters for c in term) or len(term) != a.ndim:
            raise ValueError(f"[einsum] Invalid subscript '{term}' for an operand of {a.ndim} dimensions.")
        out.append(term)
    if arrow:
        right = right.replace("...", dots)
    else:
        letters = "".join(out)
        right = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in dots))
    if len(set(right)) != len(right) or any(c not in "".join(out) for c in right):
        raise ValueError(f"[einsum] Invalid output subscript '{right}'.")
    return out, right


def _sizes(terms, operands):
    sizes = {}
    for term, a in zip(terms, operands):
        for c, n in zip(term, a.shape):
            if sizes.setdefault(c, n) != n:
                if 1 not in (n, sizes[c]):
                    raise ValueError(f"[einsum] Operands disagree on the size of '{c}': {sizes[c]} and {n}.")
                sizes[c] = max(n, sizes[c])
    return sizes


def _path(terms, result, sizes):
    """Pairs to contract, the cheapest next: positions in the shrinking list of operands, and the letters that stay."""
    terms = list(terms)
    steps = []
    while len(terms) > 2:
        best = None
        for i in range(len(terms)):
            for j in range(i + 1, len(terms)):
                both = set(terms[i]) | set(terms[j])
                others = set(result).union(*(terms[k] for k in range(len(terms)) if k not in (i, j)))
                cost = size = 1
                for c in both:
                    cost *= sizes[c]
                    size *= sizes[c] if c in others else 1
                if best is None or (size, cost) < best[0]:
                    best = ((size, cost), i, j, "".join(c for c in sorted(both) if c in others))
        _, i, j, keep = best
        steps.append(((i, j), keep))
        terms = [t for k, t in enumerate(terms) if k not in (i, j)] + [keep]
    steps.append((tuple(range(len(terms))), result))
    return steps


def _unary(a, term, keep):
    """Diagonals of repeated letters, then sums over letters that do not stay."""
    from ._shape import diagonal

    while len(set(term)) != len(term):
        c = next(c for c in term if term.count(c) > 1)
        i = term.index(c)
        j = term.index(c, i + 1)
        a = diagonal(a, 0, i, j)
        term = "".join(x for k, x in enumerate(term) if k not in (i, j)) + c
    gone = tuple(k for k, c in enumerate(term) if c not in keep)
    if gone:
        a = ops.sum(a, gone)
        term = "".join(c for c in term if c in keep)
    return a, term


def _pair(a, s, b, t, keep):
    """Two operands to one of the letters `keep`, in that order, as one matrix product."""
    a, s = _unary(a, s, set(t) | set(keep))
    b, t = _unary(b, t, set(s) | set(keep))
    batch = [c for c in s if c in t and c in keep]
    inner_ = [c for c in s if c in t and c not in keep]
    left = [c for c in s if c not in t]
    right = [c for c in t if c not in s]
    sizes = dict(zip(s, a.shape))
    for c, n in zip(t, b.shape):
        sizes[c] = max(n, sizes.get(c, 1))

    def arranged(x, term, *groups):
        order = [c for g in groups for c in g]
        x = ops.transpose(x, [term.index(c) for c in order])
        x = ops.broadcast_to(x, [sizes[c] for c in order])
        shape = []
        for g in groups:
            n = 1
            for c in g:
                n *= sizes[c]
            shape.append(n)
        return ops.reshape(x, shape)

    x = arranged(a, s, batch, left, inner_)
    y = arranged(b, t, batch, inner_, right)
    z = ops.reshape(_contract(x, y), [sizes[c] for c in batch + left + right])
    order = batch + left + right
    return ops.transpose(z, [order.index(c) for c in keep]) if order else z


def einsum(subscripts: str, *operands, stream=None) -> array:
    """Sums of products in the notation "ij,jk->ik"; "..." stands for any leading axes."""
    check_stream(stream)
    if not isinstance(subscripts, str):
        raise TypeError("einsum(): the first argument is a string of subscripts.")
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("[einsum] At least one operand is needed.")
    operands = [check_array(a, "einsum") for a in operands]
    terms, result = _parse(subscripts, operands)
    sizes = _sizes(terms, operands)
    terms = list(terms)
    for positions, keep in _path(terms, result, sizes):
        picked = [(operands[k], terms[k]) for k in positions]
        operands = [a for k, a in enumerate(operands) if k not in positions]
        terms = [t for k, t in enumerate(terms) if k not in positions]
        if len(picked) == 1:
            a, term = _unary(*picked[0], keep)
            a = ops.transpose(a, [term.index(c) for c in keep]) if term else a
        else:
            a = _pair(*picked[0], *picked[1], keep)
        operands.append(a)
        terms.append(keep)
    return operands[0]


def einsum_path(subscripts: str, *operands):
    """The order in which einsum contracts, as a list of positions, and a text about its cost."""
    operands = [check_array(a, "einsum_path") for a in operands]
    terms, result = _parse(subscripts, operands)
    sizes = _sizes(terms, operands)
    naive = 1
    for n in sizes.values():
        naive *= n
    naive *= max(2, len(operands))
    path, flops, scaling, left = [], 0, 0, list(terms)
    for positions, keep in _path(terms, result, sizes):
        letters = set("".join(left[k] for k in positions)) | set(keep)
        cost = 1
        for c in letters:
            cost *= sizes[c]
        summed = bool(letters - set(keep))
        flops += cost * max(1, len(positions) - 1) + (cost if summed and len(positions) > 1 else 0)
        scaling = max(scaling, len(letters))
        path.append(positions)
        left = [t for k, t in enumerate(left) if k not in positions] + [keep]
    text = (
        f"  Complete contraction:  {','.join(terms)}->{result}\n"
        f"         Naive scaling:  {len(sizes)}\n"
        f"     Optimized scaling:  {scaling}\n"
        f"      Naive FLOP count:  {naive}\n"
        f"  Optimized FLOP count:  {flops}\n"
    )
    return path, text


# ---- convolutions ----


def _conv(name, n, x, w, stride, padding, dilation, groups, stream):
    check_stream(stream)
    check_array(x, name)
    check_array(w, name)
    low = ints_of(padding, n, name, "padding")
    stride, dilation = ints_of(stride, n, name, "stride"), ints_of(dilation, n, name, "dilation")
    if x.ndim != n + 2 or w.ndim != n + 2 or x.dtype not in INEXACT:
        _conv_shapes(name, n, x, w, groups)
    try:
        return ops.conv(x, w, stride, low, low, dilation, (1,) * n, groups, False)
    except ValueError:
        _conv_shapes(name, n, x, w, groups)  # says it in MLX's words
        raise


def _conv_shapes(name, n, x, w, groups, transposed=False):
    check_array(x, name)
    check_array(w, name)
    if x.ndim != n + 2 or w.ndim != n + 2:
        raise ValueError(
            f"[{name}] Invalid input array with {x.ndim} dimensions or weight with {w.ndim}; both must have {n + 2} "
            "(N, spatial.., C) and (O, spatial.., C/groups)."
        )
    if x.dtype not in INEXACT:
        raise ValueError(f"[conv] Received type {x.dtype._name}; only floating types can be convolved.")
    filters, channels = w.shape[0], w.shape[-1]
    if groups < 1 or x.shape[-1] != channels * groups or filters % groups:
        raise ValueError(
            f"[{name}] Expect the input channels in the input and weight array to match but got shapes - "
            f"input: {x.shape} and weight: {w.shape}, groups: {groups}"
        )


def conv1d(
    input: array, weight: array, /, stride=1, padding=0, dilation=1, groups: int = 1, *, stream=None
) -> array:
    """1-d convolution: input (N, L, C), weight (O, K, C/groups)."""
    return _conv("conv1d", 1, input, weight, stride, padding, dilation, groups, stream)


def conv2d(
    input: array, weight: array, /, stride=1, padding=0, dilation=1, groups: int = 1, *, stream=None
) -> array:
    """2-d convolution: input (N, H, W, C), weight (O, KH, KW, C/groups)."""
    return _conv("conv2d", 2, input, weight, stride, padding, dilation, groups, stream)


def conv3d(
    input: array, weight: array, /, stride=1, padding=0, dilation=1, groups: int = 1, *, stream=None
) -> array:
    """3-d convolution: input (N, D, H, W, C), weight (O, KD, KH, KW, C/groups)."""
    return _conv("conv3d", 3, input, weight, stride, padding, dilation, groups, stream)


def conv_general(
    input: array,
    weight: array,
    /,
    stride=1,
    padding=0,
    kernel_dilation=1,
    input_dilation=1,
    groups: int = 1,
    flip: bool = False,
    *,
    stream=None,
) -> array:
    """Convolution over any number of spatial axes; padding may be a pair (low, high) of sequences."""
    check_stream(stream)
    n = check_array(input, "conv_general").ndim - 2
    _conv_shapes("conv_general", n, input, weight, groups)
    if isinstance(padding, (list, tuple)) and len(padding) and isinstance(padding[0], (list, tuple)):
        if len(padding) != 2:
            raise ValueError("[conv_general] padding must be an int, a sequence, or a pair of sequences.")
        low, high = (ints_of(p[0] if len(p) == 1 else p, n, "conv_general", "padding") for p in padding)
    else:
        low = high = ints_of(padding, n, "conv_general", "padding")
    stride = ints_of(stride, n, "conv_general", "stride")
    dilation = ints_of(kernel_dilation, n, "conv_general", "kernel_dilation")
    spread = ints_of(input_dilation, n, "conv_general", "input_dilation")
    return ops.conv(input, weight, stride, low, high, dilation, spread, groups, flip)


def _conv_transpose(name, n, x, w, stride, padding, dilation, output_padding, groups, stream):
    check_stream(stream)
    _conv_shapes(name, n, x, w, groups)
    return ops.conv_transpose(
        x,
        w,
        ints_of(stride, n, name, "stride"),
        ints_of(padding, n, name, "padding"),
        ints_of(dilation, n, name, "dilation"),
        ints_of(output_padding, n, name, "output_padding"),
        groups,
    )


def conv_transpose1d(
    input: array, weight: array, /, stride=1, padding=0, dilation=1, output_padding=0, groups: int = 1, *, stream=None
) -> array:
    """1-d transposed convolution: input (N, L, C), weight (O, K, C/groups)."""
    return _conv_transpose(
        "conv_transpose1d", 1, input, weight, stride, padding, dilation, output_padding, groups, stream
    )


def conv_transpose2d(
    input: array, weight: array, /, stride=1, padding=0, dilation=1, output_padding=0, groups: int = 1, *, stream=None
) -> array:
    """2-d transposed convolution: input (N, H, W, C), weight (O, KH, KW, C/groups)."""
    return _conv_transpose(
        "conv_transpose2d", 2, input, weight, stride, padding, dilation, output_padding, groups, stream
    )


def conv_transpose3d(
    input: array, weight: array, /, stride=1, padding=0, dilation=1, output_padding=0, groups: int = 1, *, stream=None
) -> array:
    """3-d transposed convolution: input (N, D, H, W, C), weight (O, KD, KH, KW, C/groups)."""
    return _conv_transpose(
        "conv_transpose3d", 3, input, weight, stride, padding, dilation, output_padding, groups, stream
    )


def convolve(a: array, v: array, /, mode: str = "full", *, stream=None) -> array:
    """The discrete convolution of two vectors; mode full, same or valid."""
    check_stream(stream)
    if check_array(a, "convolve").ndim != 1 or check_array(v, "convolve").ndim != 1:
        raise ValueError("[convolve] Inputs must be 1D.")
    if a.size == 0 or v.size == 0:
        raise ValueError("[convolve] Inputs cannot be empty.")
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"[convolve] Mode '{mode}' is not supported; use full, same or valid.")
    kind = result_type(a, v)
    kind = kind if issubdtype(kind, floating) else float32
    a, v = ops.astype(a, kind), ops.astype(v, kind)
    if a.size < v.size:
        a, v = v, a
    k = v.size
    low, high = {"full": (k - 1, k - 1), "same": ((k - 1) - (k - 1) // 2, (k - 1) // 2), "valid": (0, 0)}[mode]
    if mode == "same":
        low, high = k // 2, k - 1 - k // 2
    x = ops.conv(a[None, :, None], v[None, :, None], (1,), (low,), (high,), (1,), (1,), 1, True)
    return ops.reshape(x, (-1,))


def gather_mm(
    a: array, b: array, /, lhs_indices=None, rhs_indices=None, *, sorted_indices: bool = False, stream=None
) -> array:
    """Matrix products of the matrices of a and b that the indices (over the flattened batch axes) name."""
    check_stream(stream)
    _inexact("gather_mm", check_array(a, "gather_mm"), check_array(b, "gather_mm"))
    if lhs_indices is None and rhs_indices is None:
        return ops.matmul(a, b)
    return ops.matmul(_matrices(a, lhs_indices), _matrices(b, rhs_indices))


def _matrices(a, indices):
    if indices is None:
        return a
    return ops.take(ops.reshape(a, (-1, *a.shape[-2:])), check_array(indices, "gather_mm"), 0)


def block_masked_mm(
    a: array, b: array, /, block_size: int = 64, mask_out=None, mask_lhs=None, mask_rhs=None, *, stream=None
) -> array:
    """a @ b with blocks of a, b or the result multiplied by their masks (an entry a block)."""
    check_stream(stream)
    _inexact("block_masked_mm", check_array(a, "block_masked_mm"), check_array(b, "block_masked_mm"))

    def masked(x, mask):
        if mask is None:
            return x
        rows = ops.arange(0, x.shape[-2], 1, int32) // block_size
        columns = ops.arange(0, x.shape[-1], 1, int32) // block_size
        wide = ops.take(ops.take(mask, rows, mask.ndim - 2), columns, mask.ndim - 1)
        return ops.where(wide, x, as_array(0, x.dtype)) if mask.dtype == bool_ else x * wide

    return masked(ops.matmul(masked(a, mask_lhs), masked(b, mask_rhs)), mask_out)


def segmented_mm(a: array, b: array, /, segments: array, *, stream=None) -> array:
    """a[:, lo:hi] @ b[lo:hi] for each pair (lo, hi) of segments, stacked."""
    check_stream(stream)
    _inexact("segmented_mm", check_array(a, "segmented_mm"), check_array(b, "segmented_mm"))
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError("[segmented_mm] Batched matmul not supported; a and b must be matrices.")
    edges = ops.reshape(check_array(segments, "segmented_mm"), (-1, 2))
    k = ops.arange(0, a.shape[1], 1, int32)
    inside = ops.logical_and(ops.greater_equal(k[None], edges[:, :1]), ops.less(k[None], edges[:, 1:]))
    left = ops.where(inside[:, None, :], a[None], as_array(0, a.dtype))
    return ops.reshape(ops.matmul(left, b[None]), (*segments.shape[:-1], a.shape[0], b.shape[1]))


def hadamard_transform(a: array, scale: float | None = None, stream=None) -> array:
    """The product with the Hadamard matrix along the last axis (its size m 2^k, m in 1, 12, 20, 28), times scale.

    scale None = 1 / sqrt(size).
    """
    check_stream(stream)
    n = check_array(a, "hadamard_transform").shape[-1] if a.ndim else 0
    if n == 0 or n & (n - 1):
        raise NotImplementedError(f"[hadamard_transform] the last axis must be a power of two, but it is {n}.")
    x = a if issubdtype(a.dtype, floating) else ops.astype(a, float32)
    shape, h = x.shape, 1
    while h < n:
        x = ops.reshape(x, (*shape[:-1], n // (2 * h), 2, h))
        even, odd = x[..., 0, :], x[..., 1, :]
        x = ops.stack([even + odd, even - odd], x.ndim - 2)
        h *= 2
    return ops.reshape(x, shape) * (n**-0.5 if scale is None else scale)


