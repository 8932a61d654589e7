// repr and format of arrays, in MLX's manner: six significant digits, long arrays abridged.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "native.h"

namespace qpy {

namespace {

constexpr std::uint64_t kAbridgeAbove = 1000;
constexpr std::int64_t kEdge = 3;

int precision() {
  const Object ext(PyImport_ImportModule("quern._ext"));
  const Object value(ext ? PyObject_GetAttrString(ext.get(), "print_precision") : nullptr);
  const long p = value ? PyLong_AsLong(value.get()) : -1;
  PyErr_Clear();
  return p < 0 || p > 40 ? 6 : static_cast<int>(p);
}

struct Printer {
  const char* data;
  Ints shape;
  qn_dtype dtype;
  int digits;
  bool abridged;
  std::string out;

  std::size_t block(std::size_t axis) const {
    std::size_t n = itemsize(dtype);
    for (std::size_t i = axis; i < shape.size(); ++i) n *= static_cast<std::size_t>(shape[i]);
    return n;
  }

  void real(double v) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*g", digits, v);
    // printf writes the sign of a NaN; a reader has no use for it.
    out += std::isnan(v) ? "nan" : text;
  }

  template <class T>
  T at(const char* p) const {
    T v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }

  void element(const char* p) {
    switch (dtype) {
      case QN_BOOL:
        out += *p ? "True" : "False";
        return;
      case QN_F32:
        return real(at<float>(p));
      case QN_F64:
        return real(at<double>(p));
      case QN_U8:
        out += std::to_string(at<std::uint8_t>(p));
        return;
      case QN_U16:
        out += std::to_string(at<std::uint16_t>(p));
        return;
      case QN_U32:
        out += std::to_string(at<std::uint32_t>(p));
        return;
      case QN_U64:
        out += std::to_string(at<std::uint64_t>(p));
        return;
      case QN_I8:
        out += std::to_string(at<std::int8_t>(p));
        return;
      case QN_I16:
        out += std::to_string(at<std::int16_t>(p));
        return;
      case QN_I32:
        out += std::to_string(at<std::int32_t>(p));
        return;
      case QN_I64:
        out += std::to_string(at<std::int64_t>(p));
        return;
      case QN_C64: {
        const float im = at<float>(p + 4);
        real(at<float>(p));
        if (im >= 0 || std::isnan(im)) out += '+';
        real(im);
        out += 'j';
        return;
      }
      default:
        return;
    }
  }

  void walk(const char* p, std::size_t axis) {
    if (axis == shape.size()) return element(p);
    out += '[';
    const std::int64_t n = shape[axis];
    const bool gap = abridged && n > 2 * kEdge;
    const std::string separator =
        axis + 1 == shape.size() ? ", " : ",\n" + std::string(7 + axis, ' ');
    const std::size_t step = block(axis + 1);
    for (std::int64_t i = 0; i < n; ++i) {
      if (i) out += separator;
      if (gap && i == kEdge) {
        out += "...";
        i = n - kEdge - 1;
        continue;
      }
      walk(p + static_cast<std::size_t>(i) * step, axis + 1);
    }
    out += ']';
  }
};

}  // namespace

PyObject* array_repr(PyObject* self) {
  qn_array* a = array_arg(self, "repr");
  if (!a) return nullptr;
  const qn_dtype d = qn_array_dtype(a);
  Ref x = Ref::share(a);
  // Half precision is printed through f32, which holds every value of it.
  if (d == QN_F16 || d == QN_BF16) x = astype(x, QN_F32);
  std::vector<char> data;
  if (!x || !contents(x.get(), data)) return nullptr;
  Printer p{data.data(),
            shape_of(a),
            qn_array_dtype(x.get()),
            precision(),
            qn_array_size(a) > kAbridgeAbove,
            {}};
  p.out = "array(";
  p.walk(p.data, 0);
  p.out += std::string(", dtype=") + dtype_name(d) + ")";
  return PyUnicode_FromStringAndSize(p.out.data(), static_cast<Py_ssize_t>(p.out.size()));
}

PyObject* array_format(PyObject* self, PyObject* spec) {
  if (!PyUnicode_Check(spec)) {
    PyErr_SetString(PyExc_TypeError, "__format__() argument must be str");
    return nullptr;
  }
  if (PyUnicode_GetLength(spec) == 0) return PyObject_Str(self);
  qn_array* a = array_arg(self, "format");
  if (!a) return nullptr;
  if (qn_array_ndim(a) != 0) {
    PyErr_SetString(PyExc_TypeError, "unsupported format string passed to mx.array.__format__");
    return nullptr;
  }
  const Object n(array_item(self, nullptr));
  return n ? PyObject_Format(n.get(), spec) : nullptr;
}

}  // namespace qpy
