// Dtype objects: one for each element type, made once.
#include <cstring>

#include "native.h"

namespace qpy {

PyTypeObject* dtype_type = nullptr;

namespace {

struct DtypeObject {
  PyObject ob_base;
  qn_dtype dtype;
  const char* name;
};

struct Row {
  qn_dtype dtype;
  const char* name;
  PyObject* object;
};
// The order is MLX's numbering, which its pickles use.
Row rows[] = {
    {QN_BOOL, "bool", nullptr},     {QN_U8, "uint8", nullptr},     {QN_U16, "uint16", nullptr},
    {QN_U32, "uint32", nullptr},    {QN_U64, "uint64", nullptr},   {QN_I8, "int8", nullptr},
    {QN_I16, "int16", nullptr},     {QN_I32, "int32", nullptr},    {QN_I64, "int64", nullptr},
    {QN_F16, "float16", nullptr},   {QN_F32, "float32", nullptr},  {QN_F64, "float64", nullptr},
    {QN_BF16, "bfloat16", nullptr}, {QN_C64, "complex64", nullptr}};

const Row* row_of(qn_dtype d) {
  for (const Row& r : rows)
    if (r.dtype == d) return &r;
  return nullptr;
}

PyObject* repr(PyObject* self) {
  return PyUnicode_FromFormat("mlx.core.%s", reinterpret_cast<DtypeObject*>(self)->name);
}

Py_hash_t hash(PyObject* self) {
  Py_hash_t k = 0;
  for (const Row& r : rows) {
    if (r.dtype == reinterpret_cast<DtypeObject*>(self)->dtype) return k;
    ++k;
  }
  return k;
}

PyObject* size(PyObject* self, void*) {
  return PyLong_FromLong(static_cast<long>(itemsize(reinterpret_cast<DtypeObject*>(self)->dtype)));
}

PyObject* name(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<DtypeObject*>(self)->name);
}

PyObject* code(PyObject* self, void*) {
  return PyLong_FromUnsignedLong(reinterpret_cast<DtypeObject*>(self)->dtype);
}

// Pickled by name, looked up again as an attribute of quern.core.
PyObject* reduce(PyObject* self, PyObject*) {
  const char* n = reinterpret_cast<DtypeObject*>(self)->name;
  return PyUnicode_FromString(std::strcmp(n, "bool") == 0 ? "bool_" : n);
}

void dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyGetSetDef getset[] = {
    {"size", size, nullptr, "Bytes of one element.", nullptr},
    {"_name", name, nullptr, "The name without a module, such as float32.", nullptr},
    {"_code", code, nullptr, "The library's number of the dtype.", nullptr},
    {}};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr}, {}};
PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(repr)},
                       {Py_tp_hash, reinterpret_cast<void*>(hash)},
                       {Py_tp_getset, getset},
                       {Py_tp_methods, methods},
                       {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_doc, const_cast<char*>("The element type of an array.")},
                       {0, nullptr}};
PyType_Spec spec = {"quern.core.Dtype", sizeof(DtypeObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};

}  // namespace

PyObject* dtype_object(qn_dtype d) {
  const Row* r = row_of(d);
  return r ? r->object : Py_None;
}

const char* dtype_name(qn_dtype d) {
  const Row* r = row_of(d);
  return r ? r->name : "unknown";
}

bool dtype_arg(PyObject* o, qn_dtype* out) {
  if (!Py_IS_TYPE(o, dtype_type)) {
    PyErr_Format(PyExc_TypeError, "expected a Dtype such as float32, not %.100s",
                 Py_TYPE(o)->tp_name);
    return false;
  }
  *out = reinterpret_cast<DtypeObject*>(o)->dtype;
  return true;
}

int add_dtypes(PyObject* module) {
  dtype_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!dtype_type ||
      PyModule_AddObjectRef(module, "Dtype", reinterpret_cast<PyObject*>(dtype_type)) < 0)
    return -1;
  for (Row& r : rows) {
    auto* o = PyObject_New(DtypeObject, dtype_type);
    if (!o) return -1;
    o->dtype = r.dtype;
    o->name = r.name;
    r.object = reinterpret_cast<PyObject*>(o);
    const char* attribute = r.dtype == QN_BOOL ? "bool_" : r.name;
    if (PyModule_AddObjectRef(module, attribute, r.object) < 0) return -1;
  }
  return 0;
}

}  // namespace qpy
