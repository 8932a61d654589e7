// The runtime of the package, errors as exceptions, and the few ops the extension itself records.
#include <cstring>

#include "native.h"

namespace qpy {

qn_runtime* runtime() {
  static qn_runtime* const made = [] {
    qn_runtime* rt = nullptr;
    qn_error* error = nullptr;
    const qn_status s = qn_runtime_create(nullptr, &rt, &error);
    if (s != QN_OK) raise(s, error);
    return rt;
  }();
  return made;
}

bool raise(qn_status status, qn_error* error) {
  PyObject* type = PyExc_RuntimeError;
  switch (status) {
    case QN_E_INVALID_ARGUMENT:
      type = PyExc_ValueError;
      break;
    case QN_E_OUT_OF_RANGE:
      type = PyExc_IndexError;
      break;
    case QN_E_RESOURCE_EXHAUSTED:
      type = PyExc_MemoryError;
      break;
    case QN_E_UNIMPLEMENTED:
      type = PyExc_NotImplementedError;
      break;
    case QN_E_NOT_FOUND:
      type = PyExc_FileNotFoundError;
      break;
    default:
      break;
  }
  // An exception that a callback left behind is the cause and says more.
  if (!PyErr_Occurred()) PyErr_SetString(type, qn_error_message(error));
  qn_error_free(error);
  return false;
}

qn_attr attr_int(std::int64_t v) {
  qn_attr a{};
  a.type = QN_ATTR_INT;
  a.v.i = v;
  return a;
}

qn_attr attr_ints(const Ints& v) {
  static const std::int64_t none = 0;
  qn_attr a{};
  a.type = QN_ATTR_INTS;
  a.count = static_cast<std::uint32_t>(v.size());
  a.v.is = v.empty() ? &none : v.data();
  return a;
}

qn_attr attr_dtype(qn_dtype d) {
  qn_attr a{};
  a.type = QN_ATTR_DTYPE;
  a.v.i = d;
  return a;
}

Ref op(std::uint32_t id, const qn_array* const* in, std::uint32_t n, const qn_attr* attr,
       std::uint32_t n_attr) {
  Ref out;
  qn_error* error = nullptr;
  ok(qn_op(runtime(), id, const_cast<qn_array* const*>(in), n, attr, n_attr, out.slot(), 1, &error),
     error);
  return out;
}

Ref op1(std::uint32_t id, const Ref& x) {
  const qn_array* in[] = {x.get()};
  return op(id, in, 1);
}

Ref op2(std::uint32_t id, const Ref& x, const Ref& y) {
  const qn_array* in[] = {x.get(), y.get()};
  return op(id, in, 2);
}

Ref astype(const Ref& x, qn_dtype d) {
  if (qn_array_dtype(x.get()) == d) return Ref::share(x.get());
  const qn_array* in[] = {x.get()};
  const qn_attr a = attr_dtype(d);
  return op(QN_OP_ASTYPE, in, 1, &a, 1);
}

static Ref with_ints(std::uint32_t id, const Ref& x, const Ints& v) {
  const qn_array* in[] = {x.get()};
  const qn_attr a = attr_ints(v);
  return op(id, in, 1, &a, 1);
}

Ref reshape(const Ref& x, const Ints& shape) {
  if (shape_of(x.get()) == shape) return Ref::share(x.get());
  return with_ints(QN_OP_RESHAPE, x, shape);
}

Ref broadcast_to(const Ref& x, const Ints& shape) {
  if (shape_of(x.get()) == shape) return Ref::share(x.get());
  return with_ints(QN_OP_BROADCAST_TO, x, shape);
}

Ref transpose(const Ref& x, const Ints& axes) { return with_ints(QN_OP_TRANSPOSE, x, axes); }

Ints shape_of(const qn_array* a) {
  const std::int64_t* s = qn_array_shape(a);
  return Ints(s, s + qn_array_ndim(a));
}

std::string shape_text(const Ints& shape) {
  std::string s = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) s += (i ? "," : "") + std::to_string(shape[i]);
  return s + ")";
}

bool evaluate(qn_array* const* arrays, std::uint32_t n) {
  qn_error* error = nullptr;
  const qn_status s = unlocked([&] { return qn_eval(arrays, n, &error); });
  if (s == QN_E_FAILED_PRECONDITION) {  // a placeholder has no value
    qn_error_free(error);
    PyErr_SetString(PyExc_ValueError,
                    "[eval] Attempting to eval an array during function transformations like "
                    "compile or vmap is not "
                    "allowed.");
    return false;
  }
  return ok(s, error);
}

bool contents(qn_array* a, std::vector<char>& out) {
  const Ref held = Ref::share(a);  // another thread may rebind the object meanwhile
  if (!qn_array_is_evaluated(a) && !evaluate(&a, 1)) return false;
  out.resize(qn_array_size(a) * itemsize(qn_array_dtype(a)));
  qn_error* error = nullptr;
  return ok(qn_array_copy_out(a, out.data(), out.size(), &error), error);
}

bool ints_arg(PyObject* o, Ints& out) {
  out.clear();
  if (o == nullptr || o == Py_None) return true;
  if (PyIndex_Check(o) && !PyBool_Check(o)) {
    const Object index(PyNumber_Index(o));
    if (!index) return false;
    out.push_back(PyLong_AsLongLong(index.get()));
    return !PyErr_Occurred();
  }
  const Object items(PySequence_Fast(o, "expected an int or a sequence of ints"));
  if (!items) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.get());
  out.reserve(static_cast<std::size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    const Object index(PyNumber_Index(PySequence_Fast_GET_ITEM(items.get(), i)));
    if (!index) return false;
    out.push_back(PyLong_AsLongLong(index.get()));
    if (PyErr_Occurred()) return false;
  }
  return true;
}

}  // namespace qpy
