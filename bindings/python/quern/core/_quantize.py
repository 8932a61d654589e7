"""Quantised arrays: the library's ops where it has them. Modes: affine (w = scale * q + bias, groups along the last axis)."""

from .._ext import Dtype, array, as_array, bfloat16, float32, uint8, uint32
from ._arguments import check_array, check_stream
from ._dtypes import floating, issubdtype
from ._ops import ops

__all__ = [
    "dequantize",
    "from_fp8",
    "gather_qmm",
    "gather_qqmm",
    "qqmm",
    "quantize",
    "quantized_matmul",
    "to_fp8",
]

_BITS = (2, 3, 4, 5, 6, 8)


def _affine(name, mode, group_size, bits):
    if mode != "affine":
        raise NotImplementedError(f"[{name}] this build of libquern quantizes in affine mode only, not {mode!r}.")
    group_size = 64 if group_size is None else group_size
    bits = 4 if bits is None else bits
    if group_size not in (32, 64, 128):
        raise ValueError(f"[{name}] The requested group size {group_size} is not supported. The supported group sizes are 32, 64, and 128.")
    if bits not in _BITS:
        raise ValueError(f"[{name}] The requested number of bits {bits} is not supported. The supported bits are 2, 3, 4, 5, 6 and 8.")
    return group_size, bits


def quantize(
    w: array,
    /,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    *,
    global_scale=None,
    stream=None,
):
    """(packed, scales, biases) of w in groups along its last axis: w is about scale * q + bias."""
    check_stream(stream)
    check_array(w, "quantize")
    group_size, bits = _affine("quantize", mode, group_size, bits)
    if w.ndim < 2 or w.shape[-1] % group_size:
        raise ValueError(
            f"[quantize] The last dimension of the matrix needs to be divisible by the quantization group size {group_size}. "
            f"However the provided matrix has shape {w.shape}"
        )
    if not issubdtype(w.dtype, floating):
        raise ValueError(f"[quantize] Only real floating types can be quantized but w has type {w.dtype._name}.")
    return tuple(ops.quantize(w, group_size, bits))


def dequantize(
    w: array,
    /,
    scales: array,
    biases: array | None = None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    global_scale=None,
    dtype: Dtype | None = None,
    *,
    stream=None,
) -> array:
    """The array that quantize packed."""
    check_stream(stream)
    group_size, bits = _affine("dequantize", mode, group_size, bits)
    for a in (w, scales, biases):
        check_array(a, "dequantize")
    if w.dtype != uint32 or w.shape[-1] * 32 != scales.shape[-1] * group_size * bits:
        raise ValueError(
            f"[dequantize] The shape of the matrix {w.shape}, {w.dtype._name}, and scales {scales.shape} do not match for "
            f"group size {group_size} and {bits} bits."
        )
    x = ops.dequantize(w, scales, biases, group_size, bits)
    return x if dtype is None else ops.astype(x, dtype)


def quantized_matmul(
    x: array,
    w: array,
    /,
    scales: array,
    biases: array | None = None,
    transpose: bool = True,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    *,
    stream=None,
) -> array:
    """x @ dequantize(w) or, when transpose, x @ dequantize(w)^T."""
    check_stream(stream)
    full = dequantize(w, scales, biases, group_size, bits, mode)
    if transpose:
        full = ops.transpose(full, (*range(full.ndim - 2), full.ndim - 1, full.ndim - 2))
    return ops.matmul(check_array(x, "quantized_matmul"), full)


def gather_qmm(
    x: array,
    w: array,
    /,
    scales: array,
    biases: array | None = None,
    lhs_indices=None,
    rhs_indices=None,
    transpose: bool = True,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    global_scale=None,
    *,
    sorted_indices: bool = False,
    stream=None,
) -> array:
    """As quantized_matmul, of the matrices that the indices name; see gather_mm."""
    from ._linear import gather_mm

    full = dequantize(w, scales, biases, group_size, bits, mode, stream=stream)
    if transpose:
        full = ops.transpose(full, (*range(full.ndim - 2), full.ndim - 1, full.ndim - 2))
    return gather_mm(x, full, lhs_indices, rhs_indices)


def qqmm(
    x: array,
    w: array,
    scales=None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "nvfp4",
    global_scale_x=None,
    global_scale_w=None,
    *,
    stream=None,
) -> array:
    """A product of two quantized matrices. Not supported by this build."""
    raise NotImplementedError("[qqmm] this build of libquern has no products of two quantized matrices.")


def gather_qqmm(
    x: array,
    w: array,
    /,
    scales=None,
    lhs_indices=None,
    rhs_indices=None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "nvfp4",
    global_scale_x=None,
    global_scale_w=None,
    *,
    sorted_indices: bool = False,
    stream=None,
) -> array:
    """Products of two quantized matrices by index. Not supported by this build."""
    raise NotImplementedError("[gather_qqmm] this build of libquern has no products of two quantized matrices.")


def to_fp8(x: array, *, stream=None) -> array:
    """x as 8-bit floats (4 bits of exponent, 3 of fraction, no infinities) in uint8, rounded to even, saturating at 448."""
    check_stream(stream)
    v = ops.astype(check_array(x, "to_fp8"), float32)
    size = ops.minimum(ops.abs(v), as_array(448.0))
    exponent = ops.floor(ops.log2(ops.maximum(size, as_array(2.0**-6))))
    step = ops.power(as_array(2.0), exponent - 3)
    steps = ops.round(size / step)  # 8 to 16, below 8 for subnormal numbers
    code = ops.astype((exponent + 6) * 8 + steps, uint32)
    code = ops.where(ops.isnan(v), as_array(0x7F, uint32), code)
    sign = ops.astype(v < 0, uint32) * as_array(0x80, uint32)
    return ops.astype(ops.bitwise_or(code, sign), uint8)


def from_fp8(x: array, dtype: Dtype = bfloat16, *, stream=None) -> array:
    """The 8-bit floats that to_fp8 made, as dtype."""
    check_stream(stream)
    code = ops.astype(check_array(x, "from_fp8"), uint32)
    fraction = ops.astype(ops.bitwise_and(code, as_array(7, uint32)), float32)
    exponent = ops.astype(ops.bitwise_and(ops.right_shift(code, as_array(3, uint32)), as_array(15, uint32)), float32)
    normal = (8 + fraction) * ops.power(as_array(2.0), exponent - 10)
    v = ops.where(exponent == 0, fraction * 2.0**-9, normal)
    v = ops.where(ops.bitwise_and(code, as_array(0x7F, uint32)) == 0x7F, as_array(float("nan")), v)
    negative = ops.bitwise_and(code, as_array(0x80, uint32)) != 0
    return ops.astype(ops.where(negative, ops.negative(v), v), dtype)
