// Python values as arrays: numbers beside an array, nested lists, anything with a buffer or
// __dlpack__. Values that are arrays already are never copied; buffers always are (see exchange.cpp
// for sharing).
#include <cmath>
#include <cstring>
#include <limits>

#include "native.h"

namespace qpy {

namespace {

constexpr double kTwo63 = 9223372036854775808.0;

std::string type_name(PyObject* o) {
  const Object module(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(o)), "__module__"));
  PyErr_Clear();
  std::string name = _PyType_Name(Py_TYPE(o));
  if (module && PyUnicode_Check(module.get())) {
    const char* m = PyUnicode_AsUTF8(module.get());
    if (m && std::strcmp(m, "builtins") != 0 && std::strcmp(m, "numpy") != 0)
      name = std::string(m) + "." + name;
  }
  return name;
}

Ref refuse(PyObject* o) {
  if (o == Py_None)
    PyErr_SetString(PyExc_TypeError,
                    "[array] expected a number, array, list, tuple or buffer, not None.");
  else
    PyErr_Format(PyExc_ValueError, "Invalid type %s received in array initialization.",
                 type_name(o).c_str());
  return Ref();
}

bool int_range(qn_dtype d, double& low, double& high) {
  if (!is_integer(d)) return false;
  const int bits = static_cast<int>(itemsize(d)) * 8;
  const bool is_signed = dtype_code(d) == 0;
  low = is_signed ? -std::ldexp(1.0, bits - 1) : 0.0;
  high = std::ldexp(1.0, is_signed ? bits - 1 : bits);
  return true;
}

// The value of a Python int, or an exception when it needs more than 64 bits.
bool int64_of(PyObject* o, std::int64_t* out) {
  int overflow = 0;
  *out = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (!overflow) return !PyErr_Occurred();
  if (overflow > 0) {
    const unsigned long long u = PyLong_AsUnsignedLongLong(o);
    if (!PyErr_Occurred()) {
      *out = static_cast<std::int64_t>(u);
      PyErr_Format(PyExc_ValueError, "[array] %llu does not fit into int64; give dtype=uint64.", u);
      return false;
    }
    PyErr_Clear();
  }
  PyErr_SetString(PyExc_ValueError,
                  "[array] a Python int of more than 64 bits cannot become an array.");
  return false;
}

Ref from_bytes(const void* data, const Ints& shape, qn_dtype d) {
  Ref out;
  qn_error* error = nullptr;
  ok(qn_array_from_data(runtime(), data, shape.data(), static_cast<std::uint32_t>(shape.size()), d,
                        out.slot(), &error),
     error);
  return out;
}

Ref complex_scalar(PyObject* o) {
  const float v[2] = {static_cast<float>(PyComplex_RealAsDouble(o)),
                      static_cast<float>(PyComplex_ImagAsDouble(o))};
  return from_bytes(v, {}, QN_C64);
}

// ---- nested sequences ----

enum Kind { kBool, kInt, kLong, kFloat, kComplex, kArrays };

inline bool is_list(PyObject* o) { return PyList_Check(o) || PyTuple_Check(o); }

// Takes one pass over a nested sequence to learn its shape and the smallest kind that holds every
// leaf.
struct Survey {
  Ints shape;
  int kind = kBool;
  bool wide = false;  // an unsigned 64-bit value was seen

  bool leaf(PyObject* o) {
    if (PyBool_Check(o)) return true;
    if (PyLong_Check(o)) {
      int overflow = 0;
      const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
      if (overflow) wide = true;
      const bool small = !overflow && v >= std::numeric_limits<std::int32_t>::min() &&
                         v <= std::numeric_limits<std::int32_t>::max();
      kind = std::max<int>(kind, small ? kInt : kLong);
      return true;
    }
    if (PyFloat_Check(o)) {
      kind = std::max<int>(kind, kFloat);
      return true;
    }
    if (PyComplex_Check(o)) {
      kind = std::max<int>(kind, kComplex);
      return true;
    }
    if (is_array(o) || looks_foreign(o)) {
      kind = kArrays;
      return true;
    }
    PyErr_Format(PyExc_ValueError, "Invalid type %s received in array initialization.",
                 type_name(o).c_str());
    return false;
  }

  bool walk(PyObject* o, std::size_t depth) {
    if (depth > 64) {
      PyErr_SetString(PyExc_ValueError, "[array] the nesting is deeper than 64 levels.");
      return false;
    }
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    if (depth == shape.size())
      shape.push_back(n);
    else if (shape[depth] != n) {
      PyErr_SetString(PyExc_ValueError, "Initialization encountered non-uniform length.");
      return false;
    }
    PyObject** items = PySequence_Fast_ITEMS(o);
    const bool nested = n > 0 && is_list(items[0]);
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (is_list(items[i])) {
        if (!nested && kind != kArrays) {
          PyErr_SetString(PyExc_ValueError, "Initialization encountered extra dimension.");
          return false;
        }
        if (!walk(items[i], depth + 1)) return false;
        continue;
      }
      if (!leaf(items[i])) return false;
      if (kind == kArrays) return true;
      if (nested || shape.size() > depth + 1) {
        PyErr_SetString(PyExc_ValueError, "Initialization encountered non-uniform length.");
        return false;
      }
    }
    return true;
  }
};

template <class T>
T int_of(PyObject* o) {
  if (PyFloat_Check(o)) {
    const double v = PyFloat_AS_DOUBLE(o);
    return v > -kTwo63 && v < kTwo63 ? static_cast<T>(static_cast<std::int64_t>(v)) : T(0);
  }
  if (PyComplex_Check(o)) return T(0);
  return static_cast<T>(PyLong_AsUnsignedLongLongMask(o));
}

double double_of(PyObject* o) {
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  if (PyComplex_Check(o)) return PyComplex_RealAsDouble(o);
  return PyLong_AsDouble(o);
}

template <class Put>
void each_leaf(PyObject* o, std::size_t depth, const Put& put) {
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  PyObject** items = PySequence_Fast_ITEMS(o);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (depth > 1)
      each_leaf(items[i], depth - 1, put);
    else
      put(items[i]);
  }
}

template <class T, class Get>
Ref gather(PyObject* o, const Ints& shape, std::size_t count, qn_dtype d, const Get& get) {
  std::vector<T> data;
  data.reserve(count);
  each_leaf(o, shape.size(), [&](PyObject* x) { data.push_back(get(x)); });
  if (PyErr_Occurred()) return Ref();
  return from_bytes(data.data(), shape, d);
}

Ref from_numbers(PyObject* o, const Survey& s, qn_dtype dtype) {
  std::size_t count = 1;
  for (const std::int64_t d : s.shape) count *= static_cast<std::size_t>(d);
  int kind = count == 0 ? kFloat : s.kind;
  if (dtype == QN_U64 && kind == kLong)
    return gather<std::uint64_t>(o, s.shape, count, QN_U64, int_of<std::uint64_t>);
  if (s.wide && kind == kLong) {
    PyErr_SetString(PyExc_ValueError, "[array] a Python int does not fit into int64.");
    return Ref();
  }
  if (kind <= kLong && dtype != 0 && is_floating(dtype)) kind = kFloat;  // one rounding, not two
  Ref x;
  if (kind == kBool) {
    x = gather<std::uint8_t>(o, s.shape, count, QN_BOOL,
                             [](PyObject* v) { return v == Py_True ? 1 : 0; });
  } else if (kind == kInt) {
    x = gather<std::int32_t>(o, s.shape, count, QN_I32, int_of<std::int32_t>);
  } else if (kind == kLong) {
    x = gather<std::int64_t>(o, s.shape, count, QN_I64, int_of<std::int64_t>);
  } else if (kind == kFloat && dtype != 0 && (dtype == QN_F64 || is_integer(dtype))) {
    x = gather<double>(o, s.shape, count, QN_F64, double_of);
  } else if (kind == kFloat) {
    x = gather<float>(o, s.shape, count, QN_F32,
                      [](PyObject* v) { return static_cast<float>(double_of(v)); });
  } else {
    struct Pair {
      float re, im;
    };
    x = gather<Pair>(o, s.shape, count, QN_C64, [](PyObject* v) {
      if (PyComplex_Check(v))
        return Pair{static_cast<float>(PyComplex_RealAsDouble(v)),
                    static_cast<float>(PyComplex_ImagAsDouble(v))};
      return Pair{static_cast<float>(double_of(v)), 0.0f};
    });
  }
  return x && dtype != 0 ? astype(x, dtype) : std::move(x);
}

// Sequences that hold arrays: each item becomes an array, then they are stacked.
Ref from_arrays(PyObject* o, qn_dtype dtype) {
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  std::vector<Ref> parts;
  std::vector<const qn_array*> in;
  for (Py_ssize_t i = 0; i < n; ++i) {
    parts.push_back(array_from(PySequence_Fast_GET_ITEM(o, i), dtype));
    if (!parts.back()) return Ref();
    in.push_back(parts.back().get());
    if (shape_of(in[0]) != shape_of(in.back())) {
      PyErr_SetString(PyExc_ValueError, "Initialization encountered non-uniform length.");
      return Ref();
    }
  }
  const qn_attr axis = attr_int(0);
  return op(QN_OP_STACK, in.data(), static_cast<std::uint32_t>(in.size()), &axis, 1);
}

qn_dtype buffer_dtype(const Py_buffer& view) {
  const char* f = view.format ? view.format : "B";
  if (*f == '@' || *f == '=' || *f == '<') ++f;
  const auto size = static_cast<unsigned>(view.itemsize);
  if (f[0] == 'Z' && f[1] == 'f' && f[2] == 0) return QN_C64;
  if (f[0] == 0 || f[1] != 0) return 0;
  switch (*f) {
    case '?':
      return QN_BOOL;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
      return QN_DTYPE(0u, size * 8);
    case 'c':
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
      return QN_DTYPE(1u, size * 8);
    case 'e':
    case 'f':
    case 'd':
      return QN_DTYPE(2u, size * 8);
    default:
      return 0;
  }
}

Ref from_buffer(PyObject* o, qn_dtype dtype) {
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, PyBUF_FULL_RO) != 0) return Ref();
  struct Guard {
    Py_buffer* v;
    ~Guard() { PyBuffer_Release(v); }
  } const guard{&view};
  const Ints shape(view.shape, view.shape + view.ndim);
  const bool zd = view.format && std::strcmp(view.format, "Zd") == 0;
  const qn_dtype d = zd ? QN_C64 : buffer_dtype(view);
  if (d == 0) {
    PyErr_Format(PyExc_ValueError, "[array] elements of format '%s' are not supported.",
                 view.format ? view.format : "B");
    return Ref();
  }
  std::vector<char> packed;
  const void* data = view.buf;
  if (!PyBuffer_IsContiguous(&view, 'C')) {
    packed.resize(static_cast<std::size_t>(view.len));
    if (PyBuffer_ToContiguous(packed.data(), &view, view.len, 'C') != 0) return Ref();
    data = packed.data();
  }
  Ref x;
  if (zd) {
    const auto* from = static_cast<const double*>(data);
    std::vector<float> narrow(static_cast<std::size_t>(view.len) / sizeof(double));
    for (std::size_t i = 0; i < narrow.size(); ++i) narrow[i] = static_cast<float>(from[i]);
    x = from_bytes(narrow.data(), shape, QN_C64);
  } else {
    x = from_bytes(data, shape, d);
  }
  if (!x) return x;
  if (dtype == 0) dtype = d == QN_F64 ? QN_F32 : d;
  return astype(x, dtype);
}

}  // namespace

Ref scalar(double v, qn_dtype d) {
  Ref out;
  qn_error* error = nullptr;
  ok(qn_scalar(runtime(), v, d, out.slot(), &error), error);
  return out;
}

Ref scalar_i64(std::int64_t v, qn_dtype d) {
  if (v > -(1LL << 53) && v < (1LL << 53)) return scalar(static_cast<double>(v), d);
  return astype(from_bytes(&v, {}, QN_I64), d);
}

bool looks_foreign(PyObject* o) {
  if (PyObject_CheckBuffer(o)) return !PyUnicode_Check(o);
  if (PyType_Check(o)) return false;
  return PyObject_HasAttrString(o, "__dlpack__") != 0;
}

Ref array_from_foreign(PyObject* o, qn_dtype dtype) {
  if (PyObject_CheckBuffer(o)) return from_buffer(o, dtype);
  const Object core(PyImport_ImportModule("quern._ext"));
  if (!core) return Ref();
  const Object shared(PyObject_CallMethod(core.get(), "from_dlpack", "O", o));
  if (!shared) return Ref();
  // The memory is someone else's to write: copy before anyone can.
  Ref x = op1(QN_OP_COPY, Ref::share(value_of(shared.get())));
  qn_array* p = x.get();
  if (!x || !evaluate(&p, 1)) return Ref();
  if (dtype == 0) dtype = qn_array_dtype(p) == QN_F64 ? QN_F32 : qn_array_dtype(p);
  return astype(x, dtype);
}

Ref operand(PyObject* o, qn_dtype like) {
  if (is_array(o)) return Ref::share(array_arg(o, "array"));
  if (PyFloat_Check(o)) {
    const bool keep = like != 0 && (is_floating(like) || like == QN_C64);
    return scalar(PyFloat_AS_DOUBLE(o), keep ? like : QN_F32);
  }
  if (PyBool_Check(o)) return scalar(o == Py_True, QN_BOOL);
  if (PyLong_Check(o)) {
    std::int64_t v = 0;
    if (like == QN_U64) {
      const unsigned long long u = PyLong_AsUnsignedLongLong(o);
      if (!PyErr_Occurred())
        return u < (1ull << 53) ? scalar(static_cast<double>(u), like) : from_bytes(&u, {}, QN_U64);
      PyErr_Clear();
    }
    if (!int64_of(o, &v)) return Ref();
    qn_dtype d = like == 0 || like == QN_BOOL ? QN_I32 : like;
    double low = 0, high = 0;
    if (int_range(d, low, high) && d != QN_I64 &&
        (static_cast<double>(v) < low || static_cast<double>(v) >= high)) {
      if (like == 0) return scalar_i64(v, QN_I64);
      PyErr_Format(PyExc_ValueError, "Converting %lld to %s would result in overflow.",
                   static_cast<long long>(v), dtype_name(d));
      return Ref();
    }
    return scalar_i64(v, d);
  }
  if (PyComplex_Check(o)) return complex_scalar(o);
  if (o != Py_None && !is_list(o) && !PyUnicode_Check(o) && looks_foreign(o))
    return array_from_foreign(o, like);
  if (PyObject_HasAttrString(o, "__mlx_array__")) {
    const Object made(PyObject_CallMethod(o, "__mlx_array__", nullptr));
    if (made && is_array(made.get())) return Ref::share(array_arg(made.get(), "array"));
    if (made) PyErr_SetString(PyExc_TypeError, "__mlx_array__ must return an array.");
    return Ref();
  }
  return refuse(o);
}

bool operands(PyObject* a, PyObject* b, Ref& x, Ref& y) {
  if (is_array(a)) {
    x = operand(a, 0);
    if (x) y = operand(b, qn_array_dtype(x.get()));
  } else if (is_array(b)) {
    y = operand(b, 0);
    if (y) x = operand(a, qn_array_dtype(y.get()));
  } else {
    x = operand(a, 0);
    if (x) y = operand(b, 0);
  }
  return x && y;
}

Ref array_from(PyObject* value, qn_dtype dtype) {
  if (is_list(value)) {
    Survey s;
    if (Py_EnterRecursiveCall(" while reading nested lists")) return Ref();
    const bool fine = s.walk(value, 0);
    Py_LeaveRecursiveCall();
    if (!fine) return Ref();
    return s.kind == kArrays ? from_arrays(value, dtype) : from_numbers(value, s, dtype);
  }
  if (is_array(value) || dtype == 0) {
    Ref x = operand(value, 0);
    return x && dtype != 0 ? astype(x, dtype) : std::move(x);
  }
  if (PyBool_Check(value)) return scalar(value == Py_True, dtype);
  if (PyLong_Check(value)) {
    if (dtype == QN_U64) {
      const std::uint64_t u = PyLong_AsUnsignedLongLongMask(value);
      return PyErr_Occurred() ? Ref() : from_bytes(&u, {}, QN_U64);
    }
    std::int64_t v = 0;
    if (!int64_of(value, &v)) return Ref();
    if (is_integer(dtype)) return astype(from_bytes(&v, {}, QN_I64), dtype);
    return scalar_i64(v, dtype);
  }
  if (PyFloat_Check(value)) {
    if (is_integer(dtype)) {
      const std::int64_t v = int_of<std::int64_t>(value);
      return astype(from_bytes(&v, {}, QN_I64), dtype);
    }
    return scalar(PyFloat_AS_DOUBLE(value), dtype);
  }
  if (PyComplex_Check(value)) {
    if (dtype == QN_C64) return complex_scalar(value);
    return scalar(PyComplex_RealAsDouble(value), dtype);
  }
  if (looks_foreign(value)) return array_from_foreign(value, dtype);
  return refuse(value);
}

}  // namespace qpy
