"""Layers as single calls: normalisation, rotary positions, attention, cross-entropy. Device kernels do not exist here."""

from .._ext import array, as_array, bool_, float32
from ._arguments import check_array, check_stream
from ._dtypes import floating, issubdtype, result_type
from ._ops import ops


def _last_axis(name, x, **vectors):
    if check_array(x, name).ndim < 1:
        raise ValueError(f"[{name}] Input must have at least 1 dimension but got input with 0 dimensions.")
    for what, v in vectors.items():
        if v is not None and check_array(v, name).shape != x.shape[-1:]:
            raise ValueError(
                f"[{name}] ({name.split('_')[0]}) {what} must have the same size as the last dimension of x but has "
                f"shape {v.shape} and x {x.shape}."
            )


def layer_norm(x: array, weight: array | None, bias: array | None, eps: float, *, stream=None) -> array:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axis."""
    check_stream(stream)
    _last_axis("layer_norm", x, weight=weight, bias=bias)
    x = ops.astype(x, result_type(*(a for a in (x, weight, bias) if a is not None)))
    return ops.layer_norm(x, weight, bias, eps)


def rms_norm(x: array, weight: array | None, eps: float, *, stream=None) -> array:
    """x / sqrt(mean(x^2) + eps) * weight over the last axis, accumulated in float32."""
    check_stream(stream)
    _last_axis("rms_norm", x, weight=weight)
    if "rms_norm" in ops:
        return ops.rms_norm(x, weight, eps)
    wide = ops.astype(x, float32)
    y = ops.astype(wide * ops.rsqrt(ops.mean(ops.square(wide), (-1,), True) + eps), x.dtype)
    return y if weight is None else y * weight


def cross_entropy(logits: array, targets: array, *, stream=None) -> array:
    """logsumexp(logits) - logits at the integer targets, along the last axis."""
    check_stream(stream)
    return ops.cross_entropy(check_array(logits, "cross_entropy"), check_array(targets, "cross_entropy"), -1)


def rope(
    a: array,
    dims: int,
    *,
    traditional: bool,
    base: float | None,
    scale: float,
    offset,
    freqs: array | None = None,
    stream=None,
) -> array:
    """Rotary position encoding of the first dims features of a, shape (.., time, features).

    Pairs are neighbours when traditional, else the two halves of dims. Angles are (time + offset) * scale divided by
    freqs, or by base^(2i / dims). offset: an int, or an array with one entry or one for each of the first axis.
    """
    check_stream(stream)
    if check_array(a, "rope").ndim < 3:
        raise ValueError(f"[rope] Input must be at least 3 dimensional but got input with {a.ndim} dimensions.")
    if not issubdtype(a.dtype, floating):
        raise ValueError(f"[rope] Input must be a floating type but got {a.dtype._name}.")
    if (base is None) == (freqs is None):
        raise ValueError("[rope] Only one of base or freqs can have a value.")
    if dims > a.shape[-1] or dims % 2:
        raise ValueError(f"[rope] dims must be even and at most the last axis, {a.shape[-1]}, but is {dims}.")
    half = dims // 2
    time = ops.arange(0, a.shape[-2], 1, float32)
    start = ops.astype(as_array(offset), float32)
    if start.size > 1:
        time = ops.reshape(start, (-1, *(1,) * (a.ndim - 2))) + time
    else:
        time = ops.reshape(start, ()) + time
    if freqs is not None:
        if check_array(freqs, "rope").shape != (half,):
            raise ValueError(f"[rope] freqs must have shape ({half}) but has {freqs.shape}.")
        rate = ops.reciprocal(ops.astype(freqs, float32))
    else:
        rate = ops.exp(ops.arange(0, half, 1, float32) * (-_log(base) / half))
    angle = (time * scale)[..., None] * rate
    cosine, sine = ops.cos(angle), ops.sin(angle)
    x = ops.astype(a[..., :dims] if dims < a.shape[-1] else a, float32)
    if traditional:
        pair = ops.reshape(x, (*x.shape[:-1], half, 2))
        first, second = pair[..., 0], pair[..., 1]
    else:
        first, second = x[..., :half], x[..., half:]
    left, right = first * cosine - second * sine, first * sine + second * cosine
    if traditional:
        y = ops.reshape(ops.stack([left, right], left.ndim), x.shape)
    else:
        y = ops.concatenate([left, right], left.ndim - 1)
    y = ops.astype(y, a.dtype)
    return y if dims == a.shape[-1] else ops.concatenate([y, a[..., dims:]], a.ndim - 1)


def _log(v):
    import math

    return math.log(v)


def scaled_dot_product_attention(
    q: array,
    k: array,
    v: array,
    *,
    scale: float,
    mask=None,
    sinks: array | None = None,
    force_fused: bool = False,
    stream=None,
) -> array:
    """softmax(q @ k^T * scale + mask) @ v for q (B, heads, L, D) and k, v (B, kv heads, S, D).

    mask: an array that broadcasts to (B, heads, L, S) (true = keep, or added), or "causal". sinks: a logit for each
    head that takes part in the softmax and gives no value. Heads may be a multiple of the kv heads.
    """
    check_stream(stream)
    for name, x in (("queries", q), ("keys", k), ("values", v)):
        if check_array(x, "scaled_dot_product_attention").ndim != 4:
            raise ValueError(f"[scaled_dot_product_attention] {name} must have rank 4 but has shape {x.shape}.")
    b, heads, length, depth = q.shape
    groups = k.shape[1]
    if k.shape[-1] != depth:
        raise ValueError("[scaled_dot_product_attention] query, keys expected to have matching last dimension.")
    if k.shape[1] != v.shape[1]:
        raise ValueError("[scaled_dot_product_attention] keys, values expected to have matching n_kv_heads.")
    if groups == 0 or heads % groups:
        raise ValueError("[scaled_dot_product_attention] n_heads must be a multiple of n_kv_heads.")
    if isinstance(mask, str):
        if mask != "causal":
            raise ValueError(f"[scaled_dot_product_attention] Invalid mask type {mask}; only 'causal' is known.")
        span = k.shape[2]
        rows = ops.arange(span - length, span, 1, float32)
        mask = rows[:, None] >= ops.arange(0, span, 1, float32)[None]
    many = heads // groups
    x = ops.reshape(q, (b, groups, many, length, depth)) * scale
    keys = ops.transpose(k, (0, 1, 3, 2))[:, :, None]
    scores = ops.matmul(x, keys)
    if mask is not None:
        check_array(mask, "scaled_dot_product_attention")
        m = mask
        if m.ndim == 4:
            m = ops.reshape(
                ops.broadcast_to(m, (m.shape[0], heads, *m.shape[2:])) if m.shape[1] != 1 else m,
                (m.shape[0], groups if m.shape[1] != 1 else 1, many if m.shape[1] != 1 else 1, *m.shape[2:]),
            )
        elif m.ndim == 3:
            m = ops.reshape(ops.broadcast_to(m, (heads, *m.shape[1:])), (groups, many, *m.shape[1:]))
        if m.dtype == bool_:
            scores = ops.where(m, scores, as_array(float("-inf"), scores.dtype))
        else:
            scores = scores + m
    if sinks is not None:
        column = ops.reshape(check_array(sinks, "scaled_dot_product_attention"), (1, groups, many, 1, 1))
        column = ops.broadcast_to(ops.astype(column, scores.dtype), (b, groups, many, length, 1))
        weights = ops.softmax(ops.concatenate([column, scores], 4), (-1,))[..., 1:]
    else:
        weights = ops.softmax(scores, (-1,))
    out = ops.matmul(ops.astype(weights, v.dtype), v[:, :, None])
    return ops.reshape(out, (b, heads, length, v.shape[-1]))


def gated_delta_update(q, k, v, gamma, beta, initial_state=None, mask=None, stream=None):
    """The recurrent gated delta rule over time. Not supported by this build."""
    raise NotImplementedError("[gated_delta_update] this build of libquern has no gated delta rule.")


def _no_device(name):
    raise NotImplementedError(f"[{name}] there is no gpu backend; Quern runs on CPUs.")


def metal_kernel(
    name: str,
    input_names,
    output_names,
    source: str,
    header: str = "",
    ensure_row_contiguous: bool = True,
    atomic_outputs: bool = False,
    compile_options=None,
):
    """A Metal kernel. There is no GPU here: raises NotImplementedError."""
    _no_device("metal_kernel")


def cuda_kernel(
    name: str,
    input_names,
    output_names,
    source: str,
    header: str = "",
    ensure_row_contiguous: bool = True,
    shared_memory: int = 0,
):
    """A CUDA kernel. There is no GPU here: raises NotImplementedError."""
    _no_device("cuda_kernel")


def precompiled_cuda_kernel(
    *,
    name: str,
    compiled_source: bytes,
    inputs,
    output_shapes,
    output_dtypes,
    scalars,
    grid,
    threadgroup,
    shared_memory: int = 0,
    init_value: float | None = None,
    ensure_row_contiguous: bool = False,
    stream=None,
):
    """A compiled CUDA kernel. There is no GPU here: raises NotImplementedError."""
    _no_device("precompiled_cuda_kernel")
