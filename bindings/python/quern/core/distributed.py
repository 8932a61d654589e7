"""Communication between processes. There is one process: groups have size 1 and reductions return their input."""

from .._ext import array
from ._arguments import check_array, check_stream
from ._ops import ops


class Group:
    """A group of processes; always this one alone."""

    def rank(self) -> int:
        """This process' number in the group: 0."""
        return 0

    def size(self) -> int:
        """Processes in the group: 1."""
        return 1

    def split(self, color: int, key: int = -1) -> "Group":
        """A group of the processes that give the same color."""
        raise RuntimeError("[split] Cannot split a group of one process.")


_group = Group()


def is_available(backend: str = "any") -> bool:
    """Whether communication works: within one process it does, by no particular backend."""
    return backend == "any"


def init(strict: bool = False, backend: str = "any", *, all_gather_factory=None) -> Group:
    """The group of this process; strict raises, since there is no backend that reaches others."""
    if strict:
        raise RuntimeError("[distributed] Couldn't initialize any distributed backend: Quern runs in one process.")
    return _group


def _same(name, x, group, stream):
    check_stream(stream)
    if group is not None and not isinstance(group, Group):
        raise TypeError(f"{name}(): group is a Group, not {type(group).__name__}.")
    return check_array(x, name)


def all_sum(x: array, *, group: Group | None = None, stream=None) -> array:
    """The sum over all processes."""
    return _same("all_sum", x, group, stream)


def all_max(x: array, *, group: Group | None = None, stream=None) -> array:
    """The maximum over all processes."""
    return _same("all_max", x, group, stream)


def all_min(x: array, *, group: Group | None = None, stream=None) -> array:
    """The minimum over all processes."""
    return _same("all_min", x, group, stream)


def sum_scatter(x: array, *, group: Group | None = None, stream=None) -> array:
    """The sum over all processes, each keeping its part of the first axis."""
    return _same("sum_scatter", x, group, stream)


def all_gather(x: array, *, group: Group | None = None, stream=None) -> array:
    """The arrays of all processes joined along the first axis."""
    x = _same("all_gather", x, group, stream)
    return ops.reshape(x, (1,)) if x.ndim == 0 else x


def _alone(name):
    raise ValueError(f"[{name}] Cannot {name} in a group of one process.")


def send(x: array, dst: int, *, group: Group | None = None, stream=None) -> array:
    """Sends x to another process; there is none."""
    _same("send", x, group, stream)
    _alone("send")


def recv(shape, dtype, src: int, *, group: Group | None = None, stream=None) -> array:
    """Receives an array from another process; there is none."""
    check_stream(stream)
    _alone("recv")


def recv_like(x: array, src: int, *, group: Group | None = None, stream=None) -> array:
    """Receives an array like x from another process; there is none."""
    _same("recv_like", x, group, stream)
    _alone("recv")
