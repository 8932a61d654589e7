"""Devices and streams. There is one device, the CPU, and evaluation happens in order: streams are names, no queues."""

import enum
import os
import platform
import threading

from .. import _ext

__all__ = [
    "Device",
    "DeviceType",
    "Stream",
    "StreamContext",
    "ThreadLocalStream",
    "clear_streams",
    "cpu",
    "default_device",
    "default_stream",
    "device_count",
    "device_info",
    "gpu",
    "is_available",
    "new_stream",
    "new_thread_local_stream",
    "new_thread_unsafe_stream",
    "set_default_device",
    "set_default_stream",
    "stream",
    "synchronize",
]


class DeviceType(enum.Enum):
    """Kinds of devices; only `cpu` is there."""

    cpu = 0
    gpu = 1

    def __repr__(self):
        return f"DeviceType.{self.name}"

    def __eq__(self, other):
        if isinstance(other, Device):
            return other == self
        return self is other

    __hash__ = enum.Enum.__hash__


cpu = DeviceType.cpu
gpu = DeviceType.gpu


class Device:
    """A device: its type and index."""

    def __init__(self, type: DeviceType, index: int = 0):
        if not isinstance(type, DeviceType):
            raise TypeError(f"Device(): expected a DeviceType, not {type!r}")
        self.type = type
        self._index = int(index)

    def __repr__(self):
        return f"Device({self.type.name}, {self._index})"

    def __eq__(self, other):
        if isinstance(other, DeviceType):
            return self.type is other
        return isinstance(other, Device) and (self.type, self._index) == (other.type, other._index)

    def __hash__(self):
        return hash((self.type, self._index))


class Stream:
    """A named order of work on a device. All streams of the CPU share one order."""

    def __init__(self):
        raise TypeError("Stream: use new_stream(device)")

    @classmethod
    def _make(cls, device, index):
        stream = object.__new__(cls)
        stream.device, stream._index = device, index
        return stream

    def __repr__(self):
        return f"{type(self).__name__}({self.device}, {self._index})"

    def __eq__(self, other):
        return type(self) is type(other) and (self.device, self._index) == (other.device, other._index)

    def __hash__(self):
        return hash((self.device, self._index))


class ThreadLocalStream(Stream):
    """A stream of which each thread sees its own."""


def _device(value, name):
    if isinstance(value, DeviceType):
        value = Device(value)
    if not isinstance(value, Device):
        raise TypeError(f"{name}(): expected a Device or DeviceType, not {type(value).__name__}")
    return value


def _check_stream(value):
    """Judges a stream= argument: None, Stream, Device or DeviceType, and never a GPU."""
    if value is None or isinstance(value, Stream):
        return
    if isinstance(value, (Device, DeviceType)):
        if _device(value, "stream").type is gpu:
            raise ValueError("[default_stream] Cannot get gpu stream without gpu backend.")
        return
    raise TypeError(f"stream: expected a Stream, Device or DeviceType, not {type(value).__name__}")


_ext.set_stream_check(_check_stream)

_lock = threading.Lock()
_count = 1
_default = Stream._make(Device(cpu), 0)
_current = threading.local()


def default_device() -> Device:
    """The device that work runs on: the CPU."""
    return _default.device


def set_default_device(device) -> None:
    """Sets the default device, which can only be the CPU."""
    if _device(device, "set_default_device").type is gpu:
        raise ValueError("[set_default_device] Cannot set gpu device without gpu backend.")


def default_stream(device) -> Stream:
    """The stream that work on the device goes to."""
    if _device(device, "default_stream").type is gpu:
        raise ValueError("[default_stream] Cannot get gpu stream without gpu backend.")
    return getattr(_current, "stream", _default)


def set_default_stream(stream: Stream) -> None:
    """Makes the stream this thread's default."""
    if not isinstance(stream, Stream):
        raise TypeError(f"set_default_stream(): expected a Stream, not {type(stream).__name__}")
    _current.stream = stream


def _new(device, kind, name):
    global _count
    device = _device(device, name)
    if device.type is gpu:
        raise ValueError(f"[{name}] Cannot make gpu stream without gpu backend.")
    with _lock:
        index, _count = _count, _count + 1
    return kind._make(device, index)


def new_stream(device) -> Stream:
    """A new stream on the device."""
    return _new(device, Stream, "new_stream")


def new_thread_local_stream(device) -> ThreadLocalStream:
    """A new stream of which each thread sees its own."""
    return _new(device, ThreadLocalStream, "new_thread_local_stream")


def new_thread_unsafe_stream(device) -> Stream:
    """A new stream; here the same as new_stream."""
    return _new(device, Stream, "new_thread_unsafe_stream")


def clear_streams() -> None:
    """Forgets the streams of this thread."""
    if hasattr(_current, "stream"):
        del _current.stream


class StreamContext:
    """A context in which the given stream or device is the default."""

    def __init__(self, s):
        _check_stream(s)
        if s is None:
            raise TypeError("StreamContext(): expected a Stream, Device or DeviceType, not None")
        self._stream = s if isinstance(s, Stream) else _default

    def __enter__(self):
        self._before = getattr(_current, "stream", None)
        _current.stream = self._stream

    def __exit__(self, exc_type=None, exc_value=None, traceback=None):
        if self._before is None:
            clear_streams()
        else:
            _current.stream = self._before


def stream(s) -> StreamContext:
    """A context in which the given stream or device is the default."""
    return StreamContext(s)


def synchronize(stream=None) -> None:
    """Waits for the work of a stream. Evaluation is done when eval returns, so there is nothing to wait for."""
    _check_stream(stream)


def is_available(device) -> bool:
    """Whether the device can be used."""
    return _device(device, "is_available").type is cpu


def device_count(device_type: DeviceType) -> int:
    """How many devices of the type there are."""
    return 1 if _device(device_type, "device_count").type is cpu else 0


def device_info(d=None) -> dict:
    """Architecture and name of the device."""
    if d is not None and _device(d, "device_info").type is gpu:
        raise ValueError("[device_info] There is no gpu backend.")
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as f:
            name = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), name)
    except OSError:
        pass
    return {"architecture": platform.machine(), "device_name": name, "cores": os.cpu_count() or 1}
