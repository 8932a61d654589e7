"""Layers as single calls: normalisation, rotary positions, attention, cross-entropy. Device kernels do not exist here."""

import functools

from .._ext import array, as_array, bool_, float32
from ._arguments import check_array, check_stream
from ._dtypes import finfo, floating, issubdtype, result_type
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
    return ops.rms_norm(x, weight, eps)


def cross_entropy(logits: array, targets: array, *, stream=None) -> array:
    """logsumexp(logits) - logits at the integer targets, along the last axis."""
    check_stream(stream)
    return ops.cross_entropy(check_array(logits, "cross_entropy"), check_array(targets, "cross_entropy"), -1)


@functools.lru_cache(maxsize=16)
def _position(offset: int) -> array:
    """One array for all layers of a model, whose angles are then computed once."""
    return as_array(offset)


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
    if freqs is not None and check_array(freqs, "rope").shape != (dims // 2,):
        raise ValueError(f"[rope] freqs must have shape ({dims // 2}) but has {freqs.shape}.")
    at = _position(offset) if type(offset) is int else as_array(offset)
    return ops.rope(a, at, freqs, dims, traditional, 1.0 if base is None else base, scale)


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
    head that takes part in the softmax and gives no value. Heads may be a multiple of the kv heads. Where false or
    "causal" hides every key from a query, all count alike.
    """
    check_stream(stream)
    for name, x in (("queries", q), ("keys", k), ("values", v)):
        if check_array(x, "scaled_dot_product_attention").ndim != 4:
            raise ValueError(f"[scaled_dot_product_attention] {name} must have rank 4 but has shape {x.shape}.")
    heads, groups = q.shape[1], k.shape[1]
    if k.shape[-1] != q.shape[-1]:
        raise ValueError("[scaled_dot_product_attention] query, keys expected to have matching last dimension.")
    if k.shape[1] != v.shape[1]:
        raise ValueError("[scaled_dot_product_attention] keys, values expected to have matching n_kv_heads.")
    if groups == 0 or heads % groups:
        raise ValueError("[scaled_dot_product_attention] n_heads must be a multiple of n_kv_heads.")
    dtype = result_type(q, k, v)
    if not issubdtype(dtype, floating):
        raise ValueError(f"[scaled_dot_product_attention] Received unsupported type {dtype._name}.")
    q, k, v = (ops.astype(x, dtype) for x in (q, k, v))
    causal = isinstance(mask, str)
    if causal and mask != "causal":
        raise ValueError(f"[scaled_dot_product_attention] Invalid mask type {mask}; only 'causal' is known.")
    if causal or mask is None:
        mask = None
    elif check_array(mask, "scaled_dot_product_attention").dtype != bool_:
        if result_type(mask, q) != dtype:
            raise ValueError(
                f"[scaled_dot_product_attention] Mask type must promote to output type {dtype._name} but is {mask.dtype._name}."
            )
        mask = ops.astype(mask, dtype)
    if sinks is not None:
        # A key of its own before the others, whose score is the sink and whose value is 0.
        return _attention_with_sinks(q, k, v, scale, mask, causal, check_array(sinks, "scaled_dot_product_attention"))
    return ops.scaled_dot_product_attention(q, k, v, mask, scale, causal)


def _attention_with_sinks(q, k, v, scale, mask, causal, sinks):
    b, heads, length, _ = q.shape
    span = k.shape[2]
    if causal:
        mask = ops.arange(span - length, span, 1, float32)[:, None] >= ops.arange(0, span, 1, float32)[None]
    zero = as_array(0, q.dtype)
    if mask is None:
        mask = zero
    elif mask.dtype == bool_:
        mask = ops.where(mask, zero, as_array(finfo(q.dtype).min, q.dtype))
    column = ops.reshape(ops.astype(sinks, q.dtype), (1, heads, 1, 1))
    mask = ops.concatenate(
        [ops.broadcast_to(column, (b, heads, length, 1)), ops.broadcast_to(mask, (b, heads, length, span))], 3
    )
    first = [ops.zeros((b, x.shape[1], 1, x.shape[3]), q.dtype) for x in (k, v)]
    k, v = (ops.concatenate([f, x], 2) for f, x in zip(first, (k, v)))
    return ops.scaled_dot_product_attention(q, k, v, mask, scale, False)


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
