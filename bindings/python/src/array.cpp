// The array type: its life, attributes, conversions to Python values, pickling. Operators,
// indexing, printing and shared memory have files of their own; methods written in Python are
// attached by quern.core.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <cmath>
#include <cstring>

#include "native.h"

namespace qpy {

PyTypeObject* array_type = nullptr;

qn_array* array_arg(PyObject* o, const char* function) {
  if (!is_array(o)) {
    PyErr_Format(PyExc_TypeError, "%s(): expected an array, not %.100s", function,
                 Py_TYPE(o)->tp_name);
    return nullptr;
  }
  qn_array* value = value_of(o);
  if (!value) PyErr_Format(PyExc_ValueError, "%s(): the array was never initialised", function);
  return value;
}

PyObject* wrap(qn_array* taken) {
  if (!taken) return nullptr;
  PyObject* o = array_type->tp_alloc(array_type, 0);
  if (!o) {
    qn_array_release(taken);
    return nullptr;
  }
  reinterpret_cast<ArrayObject*>(o)->value = taken;
  return o;
}

void rebind(PyObject* array, qn_array* taken) {
  qn_array_release(std::exchange(reinterpret_cast<ArrayObject*>(array)->value, taken));
}

namespace {

int init(PyObject* self, PyObject* args, PyObject* names) {
  static const char* keywords[] = {"val", "dtype", nullptr};
  PyObject* value = nullptr;
  PyObject* dtype = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, names, "O|O:array", const_cast<char**>(keywords), &value,
                                   &dtype))
    return -1;
  qn_dtype d = 0;
  if (dtype != Py_None && !dtype_arg(dtype, &d)) return -1;
  Ref x = array_from(value, d);
  if (!x) return -1;
  rebind(self, x.take());
  return 0;
}

void dealloc(PyObject* self) {
  auto* a = reinterpret_cast<ArrayObject*>(self);
  if (a->weak) PyObject_ClearWeakRefs(self);
  qn_array_release(a->value);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

Py_hash_t hash(PyObject* self) {
  const auto bits = reinterpret_cast<std::uintptr_t>(self);
  const auto h = static_cast<Py_hash_t>(bits >> 4 | bits << (8 * sizeof bits - 4));
  return h == -1 ? -2 : h;
}

// ---- attributes ----

PyObject* shape(PyObject* self, void*) {
  qn_array* a = array_arg(self, "shape");
  if (!a) return nullptr;
  const std::uint32_t n = qn_array_ndim(a);
  const std::int64_t* s = qn_array_shape(a);
  PyObject* t = PyTuple_New(n);
  for (std::uint32_t i = 0; t && i < n; ++i) PyTuple_SET_ITEM(t, i, PyLong_FromLongLong(s[i]));
  return t;
}

PyObject* size(PyObject* self, void*) {
  qn_array* a = array_arg(self, "size");
  return a ? PyLong_FromUnsignedLongLong(qn_array_size(a)) : nullptr;
}

PyObject* ndim(PyObject* self, void*) {
  qn_array* a = array_arg(self, "ndim");
  return a ? PyLong_FromUnsignedLong(qn_array_ndim(a)) : nullptr;
}

PyObject* item_size(PyObject* self, void*) {
  qn_array* a = array_arg(self, "itemsize");
  return a ? PyLong_FromUnsignedLong(itemsize(qn_array_dtype(a))) : nullptr;
}

PyObject* nbytes(PyObject* self, void*) {
  qn_array* a = array_arg(self, "nbytes");
  return a ? PyLong_FromUnsignedLongLong(qn_array_size(a) * itemsize(qn_array_dtype(a))) : nullptr;
}

PyObject* dtype(PyObject* self, void*) {
  qn_array* a = array_arg(self, "dtype");
  return a ? Py_NewRef(dtype_object(qn_array_dtype(a))) : nullptr;
}

PyObject* transposed(PyObject* self, void*) {
  qn_array* a = array_arg(self, "T");
  return a ? wrap(transpose(Ref::share(a), {}).take()) : nullptr;
}

// ---- to Python ----

PyObject* element(const char* p, qn_dtype d) {
  const auto as = [p](auto v) {
    std::memcpy(&v, p, sizeof v);
    return v;
  };
  switch (d) {
    case QN_BOOL:
      return PyBool_FromLong(*p);
    case QN_U8:
      return PyLong_FromUnsignedLong(as(std::uint8_t{}));
    case QN_U16:
      return PyLong_FromUnsignedLong(as(std::uint16_t{}));
    case QN_U32:
      return PyLong_FromUnsignedLong(as(std::uint32_t{}));
    case QN_U64:
      return PyLong_FromUnsignedLongLong(as(std::uint64_t{}));
    case QN_I8:
      return PyLong_FromLong(as(std::int8_t{}));
    case QN_I16:
      return PyLong_FromLong(as(std::int16_t{}));
    case QN_I32:
      return PyLong_FromLong(as(std::int32_t{}));
    case QN_I64:
      return PyLong_FromLongLong(as(std::int64_t{}));
    case QN_F32:
      return PyFloat_FromDouble(as(float{}));
    case QN_F64:
      return PyFloat_FromDouble(as(double{}));
    case QN_BF16: {
      const std::uint32_t bits = static_cast<std::uint32_t>(as(std::uint16_t{})) << 16;
      float v;
      std::memcpy(&v, &bits, sizeof v);
      return PyFloat_FromDouble(v);
    }
    case QN_F16: {
      const std::uint16_t h = as(std::uint16_t{});
      const int exponent = h >> 10 & 31, fraction = h & 1023;
      double v = exponent == 31  ? (fraction ? NAN : INFINITY)
                 : exponent == 0 ? std::ldexp(fraction, -24)
                                 : std::ldexp(1024 + fraction, exponent - 25);
      return PyFloat_FromDouble(h >> 15 ? -v : v);
    }
    case QN_C64: {
      float v[2];
      std::memcpy(v, p, sizeof v);
      return PyComplex_FromDoubles(v[0], v[1]);
    }
    default:
      PyErr_SetString(PyExc_ValueError, "[tolist] unknown dtype.");
      return nullptr;
  }
}

PyObject* nested(const char*& p, const Ints& shape, std::size_t axis, qn_dtype d) {
  if (axis == shape.size()) {
    PyObject* e = element(p, d);
    p += itemsize(d);
    return e;
  }
  Object list(PyList_New(static_cast<Py_ssize_t>(shape[axis])));
  for (std::int64_t i = 0; list && i < shape[axis]; ++i) {
    PyObject* e = nested(p, shape, axis + 1, d);
    if (!e) return nullptr;
    PyList_SET_ITEM(list.get(), i, e);
  }
  return list.take();
}

// The value of a one-element array as a Python number.
PyObject* number(PyObject* self) {
  qn_array* a = array_arg(self, "item");
  if (!a) return nullptr;
  if (qn_array_size(a) != 1) {
    PyErr_SetString(PyExc_ValueError,
                    "[convert] Only length-1 arrays can be converted to Python scalars.");
    return nullptr;
  }
  const Ref held = Ref::share(a);
  if (!qn_array_is_evaluated(a) && !evaluate(&a, 1)) return nullptr;
  char bytes[16];
  const qn_dtype d = qn_array_dtype(a);
  qn_error* error = nullptr;
  return ok(qn_array_copy_out(a, bytes, itemsize(d), &error), error) ? element(bytes, d) : nullptr;
}

PyObject* to_int(PyObject* self) {
  const Object n(number(self));
  if (!n) return nullptr;
  if (PyComplex_Check(n.get())) return PyLong_FromDouble(PyComplex_RealAsDouble(n.get()));
  return PyNumber_Long(n.get());
}

PyObject* to_float(PyObject* self) {
  const Object n(number(self));
  if (!n) return nullptr;
  if (PyComplex_Check(n.get())) return PyFloat_FromDouble(PyComplex_RealAsDouble(n.get()));
  return PyNumber_Float(n.get());
}

PyObject* to_complex(PyObject* self, PyObject*) {
  const Object n(number(self));
  if (!n) return nullptr;
  if (PyComplex_Check(n.get())) return Py_NewRef(n.get());
  return PyComplex_FromDoubles(PyFloat_AsDouble(n.get()), 0);
}

PyObject* to_index(PyObject* self) {
  qn_array* a = array_arg(self, "__index__");
  if (!a) return nullptr;
  if (qn_array_ndim(a) != 0 || !is_integer(qn_array_dtype(a))) {
    PyErr_SetString(PyExc_TypeError,
                    "Only 0-dimensional integer arrays can be converted to an index.");
    return nullptr;
  }
  return number(self);
}

int to_bool(PyObject* self) {
  const Object n(number(self));
  return n ? PyObject_IsTrue(n.get()) : -1;
}

Py_ssize_t length(PyObject* self) {
  qn_array* a = array_arg(self, "len");
  if (!a) return -1;
  if (qn_array_ndim(a) == 0) {
    PyErr_SetString(PyExc_TypeError, "len() 0-dimensional array.");
    return -1;
  }
  return static_cast<Py_ssize_t>(qn_array_shape(a)[0]);
}

// `v in x`: an element equals v.
int contains(PyObject* self, PyObject* v) {
  const Object equal(PyObject_RichCompare(self, v, Py_EQ));
  if (!equal) return -1;
  if (!is_array(equal.get())) return PyObject_IsTrue(equal.get());
  const Ref any = op1(QN_OP_ANY, Ref::share(value_of(equal.get())));
  if (!any) return -1;
  const Object result(wrap(Ref::share(any.get()).take()));
  return result ? to_bool(result.get()) : -1;
}

PyObject* bytes(PyObject* self, PyObject*) {
  qn_array* a = array_arg(self, "bytes");
  std::vector<char> data;
  if (!a || !contents(a, data)) return nullptr;
  return PyBytes_FromStringAndSize(data.data(), static_cast<Py_ssize_t>(data.size()));
}

PyObject* copy(PyObject* self, PyObject*) {
  qn_array* a = array_arg(self, "copy");
  return a ? wrap(qn_array_retain(a)) : nullptr;
}

// Pickled as (bytes, shape, dtype number).
PyObject* getstate(PyObject* self, PyObject*) {
  const Object data(bytes(self, nullptr));
  if (!data) return nullptr;
  const Object dims(shape(self, nullptr));
  if (!dims) return nullptr;
  return Py_BuildValue("(OOI)", data.get(), dims.get(), qn_array_dtype(value_of(self)));
}

PyObject* setstate(PyObject* self, PyObject* state) {
  const char* data = nullptr;
  Py_ssize_t length = 0;
  PyObject* dims = nullptr;
  unsigned d = 0;
  if (!PyArg_ParseTuple(state, "y#OI", &data, &length, &dims, &d)) return nullptr;
  Ints s;
  if (!ints_arg(dims, s)) return nullptr;
  double expected = itemsize(d);
  for (const std::int64_t n : s) expected *= static_cast<double>(n);
  if (dtype_object(d) == Py_None || expected != static_cast<double>(length)) {
    PyErr_SetString(PyExc_ValueError,
                    "[array] a pickled array whose bytes, shape and dtype do not match.");
    return nullptr;
  }
  qn_array* out = nullptr;
  qn_error* error = nullptr;
  if (!ok(qn_array_from_data(runtime(), data, s.data(), static_cast<std::uint32_t>(s.size()), d,
                             &out, &error),
          error))
    return nullptr;
  rebind(self, out);
  Py_RETURN_NONE;
}

PyObject* is_evaluated(PyObject* self, PyObject*) {
  qn_array* a = array_arg(self, "is_evaluated");
  return a ? PyBool_FromLong(static_cast<long>(qn_array_is_evaluated(a))) : nullptr;
}

PyGetSetDef getset[] = {{"shape", shape, nullptr, "The size of each axis, a tuple.", nullptr},
                        {"size", size, nullptr, "Number of elements.", nullptr},
                        {"ndim", ndim, nullptr, "Number of axes.", nullptr},
                        {"itemsize", item_size, nullptr, "Bytes of one element.", nullptr},
                        {"nbytes", nbytes, nullptr, "Bytes of all elements.", nullptr},
                        {"dtype", dtype, nullptr, "The Dtype of the elements.", nullptr},
                        {"T", transposed, nullptr, "The array with its axes reversed.", nullptr},
                        {}};

PyMethodDef methods[] = {
    {"item", array_item, METH_NOARGS, "item($self)\n--\n\nThe only element as a Python number."},
    {"tolist", array_tolist, METH_NOARGS, "tolist($self)\n--\n\nNested lists of Python numbers."},
    {"__complex__", to_complex, METH_NOARGS, nullptr},
    {"__bytes__", bytes, METH_NOARGS, nullptr},
    {"__copy__", copy, METH_NOARGS, nullptr},
    {"__deepcopy__", copy, METH_O, nullptr},
    {"__getstate__", getstate, METH_NOARGS, nullptr},
    {"__setstate__", setstate, METH_O, nullptr},
    {"__format__", array_format, METH_O, nullptr},
    {"__dlpack__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(array_dlpack)),
     METH_FASTCALL | METH_KEYWORDS, "A DLPack capsule over the array's memory."},
    {"_is_evaluated", is_evaluated, METH_NOARGS, "Whether the values are computed already."},
    {}};

PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ArrayObject, weak), READONLY, nullptr}, {}};

}  // namespace

PyObject* array_item(PyObject* self, PyObject*) { return number(self); }

PyObject* array_tolist(PyObject* self, PyObject*) {
  qn_array* a = array_arg(self, "tolist");
  if (!a) return nullptr;
  const Ints dims = shape_of(a);
  const qn_dtype d = qn_array_dtype(a);
  std::vector<char> data;
  if (!contents(a, data)) return nullptr;
  const char* p = data.data();
  return nested(p, dims, 0, d);
}

int add_array(PyObject* module) {
  std::vector<PyType_Slot> slots = {
      {Py_tp_init, reinterpret_cast<void*>(init)},
      {Py_tp_new, reinterpret_cast<void*>(PyType_GenericNew)},
      {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
      {Py_tp_hash, reinterpret_cast<void*>(hash)},
      {Py_tp_repr, reinterpret_cast<void*>(array_repr)},
      {Py_tp_getset, getset},
      {Py_tp_methods, methods},
      {Py_tp_members, members},
      {Py_tp_doc,
       const_cast<char*>(
           "array(val, dtype=None)\n--\n\nAn N-dimensional array object.\n\nval: a number, "
           "nested lists or tuples, an array, or anything with a buffer or __dlpack__.\n"
           "dtype: a Dtype; from the value when None (Python floats give float32, ints "
           "int32, or int64 when they need it).")},
      {Py_mp_length, reinterpret_cast<void*>(length)},
      {Py_mp_subscript, reinterpret_cast<void*>(array_subscript)},
      {Py_mp_ass_subscript, reinterpret_cast<void*>(array_ass_subscript)},
      {Py_sq_contains, reinterpret_cast<void*>(contains)},
      {Py_nb_int, reinterpret_cast<void*>(to_int)},
      {Py_nb_float, reinterpret_cast<void*>(to_float)},
      {Py_nb_index, reinterpret_cast<void*>(to_index)},
      {Py_nb_bool, reinterpret_cast<void*>(to_bool)},
      {Py_bf_getbuffer, reinterpret_cast<void*>(array_getbuffer)},
      {Py_bf_releasebuffer, reinterpret_cast<void*>(array_releasebuffer)},
  };
  for (PyType_Slot* s = number_slots; s->slot; ++s) slots.push_back(*s);
  slots.push_back({0, nullptr});
  PyType_Spec spec = {"quern.core.array", sizeof(ArrayObject), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots.data()};
  array_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return array_type
             ? PyModule_AddObjectRef(module, "array", reinterpret_cast<PyObject*>(array_type))
             : -1;
}

}  // namespace qpy
