"""Discrete Fourier transforms. norm: "backward" (1/n on the inverse), "ortho" (1/sqrt(n) on both), "forward"."""

from .._ext import array, as_array, complex64, float32, int32
from ._arguments import axes_in, axis_in, check_array, check_stream
from ._creation import full, hanning
from ._ops import ops
from ._shape import roll


def _axes(name, a, s, axes):
    check_array(a, name)
    if axes is None:
        axes = range(a.ndim - len(s), a.ndim) if s is not None else range(a.ndim)
    axes = tuple(axis_in(k, a.ndim, name) for k in axes)
    if not axes:
        raise ValueError(f"[{name}] Requires at least one axis.")
    if s is not None and len(s) != len(axes):
        raise ValueError(f"[{name}] Shape and axes have different sizes.")
    return axes


def _sizes(name, s):
    if s is not None and any(n < 1 for n in s):
        raise ValueError(f"[{name}] Invalid FFT output size requested.")
    return None if s is None else tuple(s)


def _norm(name, norm):
    if norm not in ("backward", "ortho", "forward"):
        raise ValueError(f"[{name}] Invalid norm {norm!r}; use backward, ortho or forward.")
    return norm


def _complex(name, a, s, axes, norm, inverse):
    axes = _axes(name, a, s, axes)
    return ops.fft(a, _sizes(name, s), axes, inverse, _norm(name, norm))


def _real(name, a, s, axes, norm):
    axes = _axes(name, a, s, axes)
    if a.dtype == complex64:
        raise ValueError(f"[{name}] Real transforms take real input.")
    return ops.rfft(ops.astype(a, float32), _sizes(name, s), axes, _norm(name, norm))


def _real_inverse(name, a, s, axes, norm):
    axes = _axes(name, a, s, axes)
    return ops.irfft(ops.astype(a, complex64), _sizes(name, s), axes, _norm(name, norm))


def _one(n):
    return None if n is None else (n,)


def fft(a: array, n: int | None = None, axis: int = -1, norm: str = "backward", stream=None) -> array:
    """The transform along one axis, cut or padded to n."""
    check_stream(stream)
    return _complex("fftn", a, _one(n), (axis,), norm, False)


def ifft(a: array, n: int | None = None, axis: int = -1, norm: str = "backward", stream=None) -> array:
    """The inverse of fft."""
    check_stream(stream)
    return _complex("fftn", a, _one(n), (axis,), norm, True)


def fft2(a: array, s=None, axes=(-2, -1), norm: str = "backward", stream=None) -> array:
    """The transform over two axes."""
    check_stream(stream)
    return _complex("fftn", a, s, axes, norm, False)


def ifft2(a: array, s=None, axes=(-2, -1), norm: str = "backward", stream=None) -> array:
    """The inverse of fft2."""
    check_stream(stream)
    return _complex("fftn", a, s, axes, norm, True)


def fftn(a: array, s=None, axes=None, norm: str = "backward", stream=None) -> array:
    """The transform over axes (None = all, or the last len(s))."""
    check_stream(stream)
    return _complex("fftn", a, s, axes, norm, False)


def ifftn(a: array, s=None, axes=None, norm: str = "backward", stream=None) -> array:
    """The inverse of fftn."""
    check_stream(stream)
    return _complex("fftn", a, s, axes, norm, True)


def rfft(a: array, n: int | None = None, axis: int = -1, norm: str = "backward", stream=None) -> array:
    """The first n // 2 + 1 values of the transform of real numbers."""
    check_stream(stream)
    return _real("rfftn", a, _one(n), (axis,), norm)


def irfft(a: array, n: int | None = None, axis: int = -1, norm: str = "backward", stream=None) -> array:
    """The inverse of rfft; n defaults to 2 (size - 1)."""
    check_stream(stream)
    return _real_inverse("irfftn", a, _one(n), (axis,), norm)


def rfft2(a: array, s=None, axes=(-2, -1), norm: str = "backward", stream=None) -> array:
    """rfft along the last of two axes, fft along the other."""
    check_stream(stream)
    return _real("rfftn", a, s, axes, norm)


def irfft2(a: array, s=None, axes=(-2, -1), norm: str = "backward", stream=None) -> array:
    """The inverse of rfft2."""
    check_stream(stream)
    return _real_inverse("irfftn", a, s, axes, norm)


def rfftn(a: array, s=None, axes=None, norm: str = "backward", stream=None) -> array:
    """rfft along the last of the axes, fft along the others."""
    check_stream(stream)
    return _real("rfftn", a, s, axes, norm)


def irfftn(a: array, s=None, axes=None, norm: str = "backward", stream=None) -> array:
    """The inverse of rfftn."""
    check_stream(stream)
    return _real_inverse("irfftn", a, s, axes, norm)


def fftfreq(n: int, d: float = 1.0, stream=None) -> array:
    """The frequencies of the values of fft, in cycles per unit of the sample spacing d."""
    check_stream(stream)
    if n < 1:
        raise ValueError("[fftfreq] n must be positive.")
    k = ops.arange(0, n, 1, int32)
    return ops.where(k < (n + 1) // 2, k, k - n) * (1 / (n * d))


def rfftfreq(n: int, d: float = 1.0, stream=None) -> array:
    """The frequencies of the values of rfft."""
    check_stream(stream)
    if n < 1:
        raise ValueError("[rfftfreq] n must be positive.")
    return ops.arange(0, n // 2 + 1, 1, float32) * (1 / (n * d))


def _shift(name, a, axes, sign):
    axes = axes_in(axes, check_array(a, name).ndim, name)
    return roll(a, [sign * (a.shape[k] // 2) if sign > 0 else -(a.shape[k] // 2) for k in axes], list(axes))


def fftshift(a: array, axes=None, stream=None) -> array:
    """The zero frequency moved to the middle of the axes (None = all)."""
    check_stream(stream)
    return _shift("fftshift", a, axes, 1)


def ifftshift(a: array, axes=None, stream=None) -> array:
    """The inverse of fftshift."""
    check_stream(stream)
    return _shift("ifftshift", a, axes, -1)


def _window(window, win_length, n_fft):
    w = hanning(win_length + 1)[:-1] if window is None else window
    if w.shape != (win_length,):
        raise ValueError(f"[stft] the window must have shape ({win_length},) but has {w.shape}.")
    low = (n_fft - win_length) // 2
    return ops.pad(w, as_array(0, w.dtype), [low], [n_fft - win_length - low]) if win_length < n_fft else w


def stft(
    x: array,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: array | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    norm: str = "backward",
    onesided: bool | None = None,
    stream=None,
) -> array:
    """Short-time transforms of x (.., samples): (.., frames, frequencies), of windows of n_fft every hop_length samples.

    hop_length defaults to n_fft / 4, win_length to n_fft, window to a periodic Hann window.
    """
    check_stream(stream)
    check_array(x, "stft")
    hop = n_fft // 4 if hop_length is None else hop_length
    win = n_fft if win_length is None else win_length
    if x.ndim < 1 or n_fft < 1 or hop < 1 or not 0 < win <= n_fft:
        raise ValueError("[stft] needs at least one axis, n_fft and hop_length of 1 or more, win_length up to n_fft.")
    if center:
        pads = [0] * (x.ndim - 1) + [n_fft // 2]
        x = ops.pad(x, as_array(0, x.dtype), pads, pads, pad_mode)
    if x.shape[-1] < n_fft:
        raise ValueError(f"[stft] {x.shape[-1]} samples are fewer than n_fft = {n_fft}.")
    frames = 1 + (x.shape[-1] - n_fft) // hop
    index = ops.arange(0, frames, 1, int32)[:, None] * hop + ops.arange(0, n_fft, 1, int32)[None]
    y = ops.take(x, index, x.ndim - 1) * _window(window, win, n_fft)
    one = x.dtype != complex64 if onesided is None else onesided
    return rfft(y, norm=norm) if one else fft(y, norm=norm)


def istft(
    stft_matrix: array,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: array | None = None,
    center: bool = True,
    norm: str = "backward",
    onesided: bool | None = None,
    length: int | None = None,
    stream=None,
) -> array:
    """The inverse of stft by overlap and add, divided by the overlapping squares of the window."""
    check_stream(stream)
    check_array(stft_matrix, "istft")
    one = True if onesided is None else onesided
    n = n_fft if n_fft is not None else (2 * (stft_matrix.shape[-1] - 1) if one else stft_matrix.shape[-1])
    hop = n // 4 if hop_length is None else hop_length
    win = n if win_length is None else win_length
    w = _window(window, win, n)
    y = (irfft(stft_matrix, n, norm=norm) if one else ifft(stft_matrix, n, norm=norm)) * w
    frames = y.shape[-2]
    total = n + hop * (frames - 1)
    index = ops.reshape(ops.arange(0, frames, 1, int32)[:, None] * hop + ops.arange(0, n, 1, int32)[None], (-1,))
    flat = ops.reshape(y, (-1, frames * n))
    out = ops.scatter_add(full((flat.shape[0], total), 0, flat.dtype), index, flat, 1)
    weight = ops.scatter_add(full((total,), 0, w.dtype), index, ops.reshape(ops.broadcast_to(w * w, (frames, n)), (-1,)), 0)
    out = ops.reshape(out / ops.where(weight > 1e-10, weight, as_array(1, weight.dtype)), (*y.shape[:-2], total))
    start = n // 2 if center else 0
    end = start + length if length is not None else total - start
    return out[..., start:end]
