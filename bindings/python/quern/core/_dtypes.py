"""Categories of dtypes, their limits and how they combine."""

import enum

from .._ext import (
    Dtype,
    array,
    bfloat16,
    bool_,
    complex64,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)

__all__ = [
    "DtypeCategory",
    "can_cast",
    "complexfloating",
    "finfo",
    "floating",
    "generic",
    "iinfo",
    "inexact",
    "integer",
    "isdtype",
    "issubdtype",
    "number",
    "result_type",
    "signedinteger",
    "unsignedinteger",
]


class DtypeCategory(enum.Enum):
    """A category of dtypes; see issubdtype."""

    complexfloating = 0
    floating = 1
    inexact = 2
    signedinteger = 3
    unsignedinteger = 4
    integer = 5
    number = 6
    generic = 7

    def __repr__(self):
        return f"DtypeCategory.{self.name}"


complexfloating = DtypeCategory.complexfloating
floating = DtypeCategory.floating
inexact = DtypeCategory.inexact
signedinteger = DtypeCategory.signedinteger
unsignedinteger = DtypeCategory.unsignedinteger
integer = DtypeCategory.integer
number = DtypeCategory.number
generic = DtypeCategory.generic

_PARENT = {
    complexfloating: inexact,
    floating: inexact,
    inexact: number,
    signedinteger: integer,
    unsignedinteger: integer,
    integer: number,
    number: generic,
    generic: None,
}
_CATEGORY = {
    bool_: generic,
    **dict.fromkeys((uint8, uint16, uint32, uint64), unsignedinteger),
    **dict.fromkeys((int8, int16, int32, int64), signedinteger),
    **dict.fromkeys((float16, bfloat16, float32, float64), floating),
    complex64: complexfloating,
}


# For looking up quickly.
FLOATING = frozenset((float16, bfloat16, float32, float64))
INEXACT = FLOATING | {complex64}


def issubdtype(arg1, arg2) -> bool:
    """Whether the dtype or category arg1 is arg2 or lies below it."""
    for x in (arg1, arg2):
        if not isinstance(x, (Dtype, DtypeCategory)):
            raise TypeError(f"issubdtype(): expected dtypes or categories, not {type(x).__name__}")
    if isinstance(arg2, Dtype):
        return arg1 == arg2
    at = _CATEGORY[arg1] if isinstance(arg1, Dtype) else arg1
    while at is not None:
        if at is arg2:
            return True
        at = _PARENT[at]
    return False


_KINDS = {
    "bool": lambda d: d == bool_,
    "signed integer": lambda d: issubdtype(d, signedinteger),
    "unsigned integer": lambda d: issubdtype(d, unsignedinteger),
    "integral": lambda d: issubdtype(d, integer),
    "real floating": lambda d: issubdtype(d, floating),
    "complex floating": lambda d: issubdtype(d, complexfloating),
    "numeric": lambda d: issubdtype(d, number),
}


def isdtype(dtype: Dtype, kind) -> bool:
    """The array API's isdtype: kind is a dtype, a name such as "real floating", or a tuple of them."""
    if not isinstance(dtype, Dtype):
        raise TypeError(f"isdtype(): expected a Dtype, not {type(dtype).__name__}")
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, Dtype):
        return dtype == kind
    if kind not in _KINDS:
        raise ValueError(f"[isdtype] Unknown kind {kind!r}; expected one of {', '.join(_KINDS)}.")
    return _KINDS[kind](dtype)


_LIMITS = {
    float16: (65504.0, 2.0**-10, 2.0**-14, 16),
    bfloat16: (3.3895313892515355e38, 2.0**-7, 2.0**-126, 16),
    float32: (3.4028234663852886e38, 2.0**-23, 2.0**-126, 32),
    float64: (1.7976931348623157e308, 2.0**-52, 2.0**-1022, 64),
}


class finfo:
    """Limits of a floating-point dtype: min, max, eps, smallest_normal, bits."""

    def __init__(self, dtype: Dtype):
        if not isinstance(dtype, Dtype):
            raise TypeError(f"finfo(): expected a Dtype, not {type(dtype).__name__}")
        if not issubdtype(dtype, inexact):
            raise ValueError(f"[finfo] dtype {dtype._name} is not inexact.")
        self.dtype = float32 if dtype == complex64 else dtype
        self.max, self.eps, self.smallest_normal, self.bits = _LIMITS[self.dtype]
        self.min = -self.max

    def __repr__(self):
        return f"finfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype._name})"


class iinfo:
    """Limits of an integer dtype: min, max."""

    def __init__(self, dtype: Dtype):
        if not isinstance(dtype, Dtype):
            raise TypeError(f"iinfo(): expected a Dtype, not {type(dtype).__name__}")
        if not issubdtype(dtype, integer):
            raise ValueError(f"[iinfo] Only integer types supported but {dtype._name} was provided")
        bits = 8 * dtype.size
        signed = issubdtype(dtype, signedinteger)
        self.dtype = dtype
        self.min = -(2 ** (bits - 1)) if signed else 0
        self.max = 2 ** (bits - 1) - 1 if signed else 2**bits - 1

    def __repr__(self):
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype._name})"


_ORDER = (bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64)


def _promote(a, b):
    """The dtype that holds both, as MLX promotes."""
    if a == b:
        return a
    ca, cb = _CATEGORY[a], _CATEGORY[b]
    if ca is generic:
        return b
    if cb is generic:
        return a
    if complex64 in (a, b):
        return complex64
    if floating in (ca, cb):
        if ca is not cb:
            return a if ca is floating else b
        if {a, b} == {float16, bfloat16}:
            return float32
        return a if a.size > b.size else b
    if ca is cb:
        return a if a.size > b.size else b
    unsigned, signed = (a, b) if ca is unsignedinteger else (b, a)
    if signed.size > unsigned.size:
        return signed
    return {1: int16, 2: int32, 4: int64, 8: float32}[unsigned.size]


def result_type(*arrays_and_dtypes) -> Dtype:
    """The dtype that an operation on all arguments (arrays or dtypes) has."""
    if not arrays_and_dtypes:
        raise ValueError("[result_type] At least one array or dtype must be provided.")
    found = None
    for x in arrays_and_dtypes:
        if isinstance(x, array):
            x = x.dtype
        elif not isinstance(x, Dtype):
            raise ValueError("[result_type] Inputs must be arrays or dtypes.")
        found = x if found is None else _promote(found, x)
    return found


def can_cast(from_, to: Dtype) -> bool:
    """Whether values of from_ (an array or dtype) become `to` by promotion alone."""
    return result_type(from_, to) == to


