"""The array object against MLX: making, printing, converting, iterating, attributes, indexing and assignment."""

import copy
import pickle

import numpy as np
import pytest
import quern.core as mx
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import check

MAKING = """mx.array(1);mx.array(2.5);mx.array(True);mx.array(1j);mx.array(2**31);mx.array(-2**63);mx.array([1, 2.5])
mx.array([True, 2]);mx.array([1, 2j]);mx.array([]);mx.array([[]]);mx.array([[1, 2], [3]]);mx.array([[1, 2], 3])
mx.array([1, [2]]);mx.array("x");mx.array(None);mx.array({});mx.array([None]);mx.array(["a"]);mx.array(range(3))
mx.array((1, (2))[0]);mx.array(((1, 2), (3, 4)));mx.array([mx.array([1, 2]), mx.array([3, 4])]);mx.array([mx.array(1.0), 2])
mx.array([[mx.array(1.0), 2], [3, 4]]);mx.array(np.ones(2));mx.array(np.ones(2, np.int64));mx.array(np.ones(2), mx.float64)
mx.array(np.array([1 + 2j]));mx.array(np.ones((2, 3)).T);mx.array(np.arange(6).reshape(2, 3)[:, ::2]);mx.array(b"abc")
mx.array(memoryview(b"abc"));mx.array(bytearray(b"abc"));mx.array(mx.array([1, 2]), mx.float16);mx.array(1.5, mx.int32)
mx.array(300, mx.uint8);mx.array(-1, mx.uint8);mx.array([300, -1], mx.uint8);mx.array(1, mx.bool_);mx.array(True, mx.float32)
mx.array([1.5, 2], dtype=mx.int32);mx.array();mx.array(1, 2, 3);mx.array(1, dtype=np.float32);mx.array(val=1)
mx.array(np.float64(1));mx.array(np.int64(5));mx.array(np.float16([1, 2]));mx.array([[[1], [2]], [[3], [4]]])
mx.array([2**40, 1]);mx.array(1e30, mx.float16);mx.array(0.1, mx.bfloat16);mx.array(0.1, mx.float64)
mx.asarray([1, 2.0]);mx.asarray(1);mx.asarray(np.ones(2));mx.asarray(np.ones(2), mx.int32)
mx.zeros(3);mx.zeros((2,), None);mx.zeros([2, 2], mx.int32);mx.zeros(-1);mx.ones((2, 0));mx.full((2,), 3);mx.full(2, True)
mx.full((2, 2), mx.array([1, 2]));mx.full((2,), 3.5);mx.full((3,), 1, mx.float16);mx.zeros_like(mx.array([1, 2]))
mx.ones_like(mx.array([1.0]), mx.int8);mx.full_like(mx.array([1, 2]), 7);mx.arange(5);mx.arange(5.0);mx.arange(1, 5)
mx.arange(1, 5, 2);mx.arange(0, 1, 0.25);mx.arange(5, dtype=mx.float16);mx.arange(5, 0, -1);mx.arange(0);mx.arange(5, 0)
mx.arange(0, 5, 0);mx.arange(start=1, stop=5, step=2);mx.arange(stop=3);mx.arange(True);mx.arange(mx.array(3))
mx.arange(float("nan"));mx.arange(0, float("inf"));mx.arange(2**31, 2**31 + 2);mx.arange(3, None, 2)
mx.linspace(0, 1, 5);mx.linspace(0, 1, 5, endpoint=False);mx.linspace(0, 10, 3, dtype=mx.int32);mx.linspace(0, 10, 0)
mx.linspace(0, 10, 1);mx.linspace(0, 10, -1);mx.eye(3);mx.eye(2, 3, 1);mx.eye(2, k=-1, dtype=mx.int32);mx.identity(2)
mx.tri(3);mx.tri(2, 3, 1);mx.tril(mx.ones((2, 3, 3)), -1);mx.triu(mx.ones((3, 3)), 1);mx.tril(mx.ones(3))
mx.bartlett(5);mx.hanning(6);mx.hamming(5);mx.blackman(7);mx.hanning(1);mx.hanning(0)"""

CONVERTING = """repr(a);repr(f);repr(mx.arange(2000));repr(mx.zeros((2, 2, 2)));repr(mx.zeros((2, 0)));repr(mx.array(-0.0))
repr(mx.arange(5000).reshape(50, 100));repr(mx.array([1.1], mx.float16));repr(mx.array([1.1], mx.bfloat16))
repr(mx.array([1e-10, 1, 1e6, 123456789.0]));repr(mx.array([math.nan, math.inf, -math.inf]));repr(mx.array([1 + 2j, -1.5j]))
repr(mx.array([True, False]));str(a.dtype);repr(mx.bool_);repr(mx.array([1 / 3], mx.float64));f"{mx.array(1.5):.3f}"
f"{a}";f"{a:.2f}";f"{mx.array(3):5}";a.tolist();f.tolist();mx.array(1).tolist();mx.array([1.1], mx.float16).tolist()
mx.array([1.5], mx.bfloat16).tolist();mx.array([1j]).tolist();mx.zeros((2, 0)).tolist();mx.array([[True]]).tolist()
a.item();mx.array([1]).item();mx.array(1.5, mx.bfloat16).item();mx.array(1j).item();mx.array([]).item();bool(a)
bool(mx.array(0));bool(mx.array([]));int(a);int(mx.array(2.7));float(mx.array(2));complex(mx.array(2));float(mx.array([[1]]))
list(range(mx.array(3)));range(mx.array(3.0));[1, 2, 3][mx.array(1)];len(a);len(mx.array(1));list(mx.array(1));list(a)
bytes(a);a.shape;a.size;a.nbytes;a.itemsize;a.ndim;a.dtype;a.dtype.size;a.T;a.foo;setattr(a, "foo", 1);2 in a;9 in a
mx.float32 == mx.float32;mx.float32 == "float32";hash(a) == hash(a);np.array(a).dtype.name;np.asarray(a, np.float64).tolist()
np.array(mx.zeros((2, 3)).T).shape;memoryview(a).format;a.__dlpack_device__();mx.finfo(mx.float16).eps;mx.finfo(mx.int32)
repr(mx.finfo(mx.float32));mx.finfo(mx.bfloat16).max;mx.finfo(mx.complex64).min;repr(mx.iinfo(mx.int8));mx.iinfo(mx.float32)
mx.issubdtype(mx.float32, mx.floating);mx.issubdtype(mx.int8, mx.number);mx.issubdtype(mx.floating, mx.inexact)
mx.issubdtype(mx.bool_, mx.number);mx.issubdtype(mx.uint8, mx.signedinteger);mx.isdtype(mx.float32, "real floating")
mx.isdtype(mx.int8, ("integral", "bool"));mx.isdtype(mx.int8, "thing");mx.can_cast(mx.float32, mx.int32)
mx.can_cast(mx.int8, mx.float16);mx.result_type(a, f);mx.result_type(a, 1.5);mx.Device(mx.cpu);mx.default_device()
mx.default_stream(mx.cpu);mx.set_default_device(mx.gpu);mx.is_available(mx.gpu);mx.device_count(mx.cpu);mx.Device(mx.gpu)
mx.metal.is_available();mx.distributed.init().size();mx.distributed.all_sum(a);mx.async_eval(a);mx.eval(3)"""


@pytest.mark.parametrize("expression", MAKING.replace("\n", ";").split(";"))
def test_making(expression):
    check(expression)


@pytest.mark.parametrize("expression", CONVERTING.replace("\n", ";").split(";"))
def test_converting(expression):
    check(expression, a=lambda m: m.array([1, 2, 3]), f=lambda m: m.array([[0.5, 1.25], [2, 3]]))


@pytest.mark.parametrize("a", [d for d in dir(mx) if isinstance(getattr(mx, d), mx.Dtype)])
@pytest.mark.parametrize("b", [d for d in dir(mx) if isinstance(getattr(mx, d), mx.Dtype)])
def test_promotion(a, b):
    check(f"mx.result_type(mx.{a}, mx.{b})")


# ---- keys ----

PARTS = st.one_of(
    st.integers(-2, 1),
    st.builds(slice, *[st.one_of(st.none(), st.integers(-4, 4))] * 2, st.sampled_from([None, 1, 2, -1, -2])),
    st.just(None),
    st.just(Ellipsis),
    st.lists(st.integers(-2, 1), min_size=1, max_size=3),
    st.sampled_from(["mx.array([0, 1])", "mx.array([[0], [1]])", "mx.array([1, 0], mx.uint8)", "mx.array(1)", "mx.array([-1, -2])"]),
)


def text(part):
    return part if isinstance(part, str) else "..." if part is Ellipsis else repr(part)


KEYS = st.lists(PARTS, min_size=1, max_size=4).map(lambda p: "(" + ", ".join(map(text, p)) + ",)")


@settings(max_examples=250, deadline=None, derandomize=True)
@given(key=KEYS)
def test_getitem(key):
    check(f"x[{key}]", same_error=False, x=lambda m: m.arange(24).reshape(2, 3, 4))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(key=KEYS, value=st.sampled_from(["7", "2.9", "mx.array(5)", "mx.array([1])", "True"]))
def test_setitem(key, value):
    check(f"[x.__setitem__({key}, {value}), x]", same_error=False, x=lambda m: m.arange(24).reshape(2, 3, 4))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(key=KEYS, name=st.sampled_from("add subtract multiply maximum minimum".split()))
def test_at(key, name):
    # A repeated index counts each time.
    check(f"x.at[{key}].{name}(2)", same_error=False, x=lambda m: m.arange(24).reshape(2, 3, 4))


ASSIGNING = """x.__setitem__(slice(0, 1), mx.zeros((3, 4)));x.__setitem__(0, mx.ones((1, 3, 4)));x.__setitem__(0, mx.ones((2, 3, 4)))
x.__setitem__((0, 1), mx.array([1, 2, 3, 4]));x.__setitem__(mx.array([0, 1]), mx.ones((2, 3, 4)))
x.__setitem__((mx.array([0, 1]), mx.array([1, 2])), mx.ones((2, 4)));x.__setitem__((slice(None), [0, 2]), mx.zeros((2, 2, 4)))
x.__setitem__((slice(None), mx.array([0, 2]), slice(None, None, 2)), mx.arange(8).reshape(2, 2, 2));x.__setitem__(0, "a")
x.__setitem__(0, None);x.__setitem__(x > 5, 0);x.__setitem__(mx.array([True, False]), 9);x.__setitem__(mx.array([True]), 9)
x.__setitem__((0, 1, 2, 3), 5);x.__setitem__("a", 5);x.__setitem__(slice(None, None, -1), x);x.__setitem__((), 3)
x.__setitem__((slice(None), None, 0), mx.ones((2, 1, 4)));x.__setitem__(mx.array([0, 0]), mx.arange(24).reshape(2, 3, 4))"""


@pytest.mark.parametrize("expression", ASSIGNING.replace("\n", ";").split(";"))
def test_assigning(expression):
    check(f"[{expression}, x]", x=lambda m: m.arange(24).reshape(2, 3, 4))


def test_indices_outside_raise():
    x = mx.arange(3)
    for k in (3, -4, 2**40):
        with pytest.raises(IndexError, match="out of bounds"):
            x[k]
        with pytest.raises(IndexError, match="out of bounds"):
            x[k] = 1
    with pytest.raises(ValueError):
        x[::0]


def test_assignment_is_seen_through_every_name_and_by_no_other_array():
    x = mx.array([1, 2, 3])
    same, copied, before = x, mx.array(x), x + 0
    x[0] = 9
    x += 1
    assert same.tolist() == [10, 3, 4] and copied.tolist() == [1, 2, 3] and before.tolist() == [1, 2, 3]


# ---- other libraries ----


@pytest.mark.parametrize("dtype", "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 complex64".split())
def test_numpy_round_trip_shares_memory(dtype):
    x = mx.array(np.arange(6).reshape(2, 3).astype(dtype))
    view = np.asarray(x)
    assert view.dtype.name == dtype and not view.flags.writeable and view.flags.c_contiguous
    assert np.asarray(x).ctypes.data == view.ctypes.data
    assert np.asarray(x.T).strides == view.T.strides and np.asarray(x[:, ::-1]).tolist() == view[:, ::-1].tolist()
    assert mx.array(view).tolist() == x.tolist()


def test_dlpack_both_ways_without_a_copy():
    n = np.arange(6, dtype=np.float32)
    x = mx.from_dlpack(n)
    n[0] = 7
    assert x.tolist()[0] == 7
    back = np.from_dlpack(x)
    assert back.ctypes.data == n.ctypes.data
    copied = mx.from_dlpack(n, copy=True)
    n[0] = 1
    assert copied.tolist()[0] == 7
    x = mx.arange(4.0)
    y = np.from_dlpack(x)
    del x
    assert y.tolist() == [0, 1, 2, 3]
    with pytest.raises(BufferError):
        mx.array(1).__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError):
        mx.from_dlpack(3)


def test_exported_memory_outlives_the_array_and_its_changes():
    x = mx.arange(3)
    view = memoryview(x)
    x += 1
    del x
    assert view.tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", "bool_ uint8 int64 float16 bfloat16 float32 complex64".split())
def test_pickle_and_copy(dtype):
    x = mx.array([[0, 1, 2]]).astype(getattr(mx, dtype))
    for y in (pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x)):
        assert y.dtype == x.dtype and y.shape == x.shape and y.tolist() == x.tolist() and y is not x
    assert pickle.loads(pickle.dumps(x.dtype)) is x.dtype


def test_numpy_inside_lists():
    x = mx.array([np.array([1, 2]), [3, np.int32(4)]])
    assert x.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="non-uniform"):
        mx.array([np.ones(2), np.ones(3)])
