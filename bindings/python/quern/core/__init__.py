"""Arrays with MLX's names and meaning: the drop-in for mlx.core.

Everything public here is a name of MLX. The parts live in the private modules of this folder; the array type, its
operators and the element-wise functions are compiled (quern._ext).
"""

import math as _math_module

from .. import _ext
from .._ext import (  # noqa: F401
    Dtype,
    abs,
    add,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    array,
    bfloat16,
    bitwise_and,
    bitwise_invert,
    bitwise_or,
    bitwise_xor,
    bool_,
    ceil,
    clear_cache,
    complex64,
    cos,
    cosh,
    divide,
    equal,
    erf,
    erfinv,
    eval,
    exp,
    expm1,
    float16,
    float32,
    float64,
    floor,
    floor_divide,
    greater,
    greater_equal,
    int8,
    int16,
    int32,
    int64,
    isinf,
    isnan,
    left_shift,
    less,
    less_equal,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    reciprocal,
    remainder,
    reset_peak_memory,
    right_shift,
    rsqrt,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    stop_gradient,
    subtract,
    tan,
    tanh,
    trunc,
    uint8,
    uint16,
    uint32,
    uint64,
)
from . import cuda, distributed, fast, fft, linalg, metal, random  # noqa: F401
from ._creation import *  # noqa: F401,F403
from ._device import *  # noqa: F401,F403
from ._dtypes import *  # noqa: F401,F403
from ._index import ArrayAt, ArrayIterator  # noqa: F401
from ._io import load, save, save_gguf, save_safetensors, savez, savez_compressed  # noqa: F401
from ._linear import *  # noqa: F401,F403
from ._math import *  # noqa: F401,F403
from ._memory import *  # noqa: F401,F403
from ._methods import ArrayLike
from ._quantize import *  # noqa: F401,F403
from ._reduce import *  # noqa: F401,F403
from ._shape import *  # noqa: F401,F403
from ._shape import slice_ as slice
from ._transforms import *  # noqa: F401,F403
from .linalg import matrix_norm  # noqa: F401

acos, acosh, asin, asinh = arccos, arccosh, arcsin, arcsinh
atan, atan2, atanh = arctan, arctan2, arctanh
bitwise_left_shift, bitwise_right_shift = left_shift, right_shift
pow = power

e = _math_module.e
euler_gamma = 0.5772156649015329
inf = _math_module.inf
nan = _math_module.nan
newaxis = None
pi = _math_module.pi
