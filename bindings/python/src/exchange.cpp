// Memory shared with other libraries: the buffer protocol and DLPack, both without a copy where
// strides allow.
#include <cstring>

#include "native.h"

namespace qpy {

namespace {

// What an exported buffer keeps alive: the value (the object may be rebound meanwhile), shape and
// strides.
struct Export {
  qn_array* value;
  std::vector<Py_ssize_t> shape, strides;
};

const char* format_of(qn_dtype d) {
  switch (d) {
    case QN_BOOL:
      return "?";
    case QN_U8:
      return "B";
    case QN_U16:
      return "H";
    case QN_U32:
      return "I";
    case QN_U64:
      return "Q";
    case QN_I8:
      return "b";
    case QN_I16:
      return "h";
    case QN_I32:
      return "i";
    case QN_I64:
      return "q";
    case QN_F16:
      return "e";
    case QN_F32:
      return "f";
    case QN_F64:
      return "d";
    case QN_C64:
      return "Zf";
    default:
      return "bfloat16";  // no letter stands for it; consumers refuse it by this name
  }
}

}  // namespace

int array_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  qn_array* value = array_arg(self, "buffer");
  if (!value) return -1;
  if (flags & PyBUF_WRITABLE) {
    PyErr_SetString(PyExc_BufferError, "arrays are read-only beneath; copy, e.g. numpy.array(x)");
    return -1;
  }
  Ref held = Ref::share(value);
  if (!qn_array_is_evaluated(value) && !evaluate(&value, 1)) return -1;
  const void* data = nullptr;
  const std::int64_t* strides = nullptr;
  qn_error* error = nullptr;
  if (!ok(qn_array_data(value, &data, &strides, &error), error)) return -1;
  auto* e = new Export{value, {}, {}};
  const qn_dtype d = qn_array_dtype(value);
  const std::uint32_t n = qn_array_ndim(value);
  const std::int64_t* shape = qn_array_shape(value);
  Py_ssize_t expected = static_cast<Py_ssize_t>(itemsize(d));
  bool row_major = true;
  e->shape.resize(n + 1);
  e->strides.resize(n + 1);
  for (std::uint32_t i = n; i-- > 0;) {
    e->shape[i] = static_cast<Py_ssize_t>(shape[i]);
    e->strides[i] = static_cast<Py_ssize_t>(strides[i]) * static_cast<Py_ssize_t>(itemsize(d));
    if (shape[i] > 1 && e->strides[i] != expected) row_major = false;
    expected *= e->shape[i];
  }
  const bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  if (qn_array_size(value) == 0) row_major = true;
  if (!row_major && (!strided || (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS)) {
    delete e;
    PyErr_SetString(PyExc_BufferError, "the array is not contiguous");
    return -1;
  }
  static char nothing[16];
  view->buf = data ? const_cast<void*>(data) : nothing;
  view->obj = Py_NewRef(self);
  view->len = static_cast<Py_ssize_t>(qn_array_size(value) * itemsize(d));
  view->readonly = 1;
  view->itemsize = static_cast<Py_ssize_t>(itemsize(d));
  view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format_of(d)) : nullptr;
  view->ndim = static_cast<int>(n);
  view->shape = flags & PyBUF_ND ? e->shape.data() : nullptr;
  view->strides = strided ? e->strides.data() : nullptr;
  view->suboffsets = nullptr;
  view->internal = e;
  held.take();  // now the export's
  return 0;
}

void array_releasebuffer(PyObject*, Py_buffer* view) {
  auto* e = static_cast<Export*>(view->internal);
  if (!e) return;
  qn_array_release(e->value);
  delete e;
}

// ---- DLPack ----

namespace {

// The first bytes of the two managed structs, as the DLPack specification lays them out: enough to
// free them.
struct Legacy {
  unsigned char tensor[48];
  void* context;
  void (*deleter)(void*);
};
struct Versioned {
  std::uint32_t major, minor;
  void* context;
  void (*deleter)(void*);
};

void free_legacy(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, "dltensor")) return;
  auto* m = static_cast<Legacy*>(PyCapsule_GetPointer(capsule, "dltensor"));
  if (m && m->deleter) m->deleter(m);
}

void free_versioned(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, "dltensor_versioned")) return;
  auto* m = static_cast<Versioned*>(PyCapsule_GetPointer(capsule, "dltensor_versioned"));
  if (m && m->deleter) m->deleter(m);
}

PyObject* import_capsule(PyObject* capsule) {
  qn_array* out = nullptr;
  qn_error* error = nullptr;
  if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
    auto* m =
        static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule, "dltensor_versioned"));
    if (!ok(qn_array_from_dlpack(runtime(), m, &out, &error), error)) return nullptr;
    PyCapsule_SetName(capsule, "used_dltensor_versioned");
  } else if (PyCapsule_IsValid(capsule, "dltensor")) {
    auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    if (!ok(qn_array_from_dlpack_legacy(runtime(), m, &out, &error), error)) return nullptr;
    PyCapsule_SetName(capsule, "used_dltensor");
  } else {
    PyErr_SetString(PyExc_ValueError,
                    "[from_dlpack] __dlpack__ returned no unused DLPack capsule.");
    return nullptr;
  }
  return wrap(out);
}

// from_dlpack(x): shares the memory of x; whoever writes to it later changes what the array shows.
PyObject* from_dlpack(PyObject*, PyObject* x) {
  if (PyCapsule_CheckExact(x)) return import_capsule(x);
  const Object method(PyObject_GetAttrString(x, "__dlpack__"));
  if (!method) {
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "[from_dlpack] %.100s has no __dlpack__ method.",
                 Py_TYPE(x)->tp_name);
    return nullptr;
  }
  const Object none(PyTuple_New(0));
  const Object names(Py_BuildValue("{s:(ii)}", "max_version", 1, 0));
  Object capsule(PyObject_Call(method.get(), none.get(), names.get()));
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) {  // a producer from before versions
    PyErr_Clear();
    capsule = Object(PyObject_CallNoArgs(method.get()));
  }
  return capsule ? import_capsule(capsule.get()) : nullptr;
}

PyMethodDef functions[] = {
    {"from_dlpack", from_dlpack, METH_O,
     "from_dlpack(x, /)\n--\n\nAn array over the memory of x, without a copy."},
    {}};

}  // namespace

PyObject* array_dlpack(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  PyObject* version = nullptr;
  bool copy = false;
  if (n != 0) {
    PyErr_SetString(PyExc_TypeError, "__dlpack__ takes keyword arguments only");
    return nullptr;
  }
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, i));
    if (!name) return nullptr;
    if (std::strcmp(name, "max_version") == 0) {
      version = args[i];
    } else if (std::strcmp(name, "copy") == 0) {
      copy = args[i] == Py_True;
    } else if (std::strcmp(name, "dl_device") == 0) {
      if (args[i] != Py_None) {
        const Object cpu(Py_BuildValue("(ii)", 1, 0));
        const int same = PyObject_RichCompareBool(args[i], cpu.get(), Py_EQ);
        if (same < 0) return nullptr;
        if (!same) {
          PyErr_SetString(PyExc_BufferError, "arrays live on the CPU: dl_device must be (1, 0)");
          return nullptr;
        }
      }
    } else if (std::strcmp(name, "stream") != 0) {
      PyErr_Format(PyExc_TypeError, "__dlpack__ got an unexpected keyword argument '%s'", name);
      return nullptr;
    }
  }
  qn_array* value = array_arg(self, "__dlpack__");
  if (!value) return nullptr;
  Ref held = copy ? op1(QN_OP_COPY, Ref::share(value)) : Ref::share(value);
  if (!held) return nullptr;
  value = held.get();
  if (!qn_array_is_evaluated(value) && !evaluate(&value, 1)) return nullptr;
  long major = 0;
  if (version && version != Py_None) {
    if (!PyTuple_Check(version) || PyTuple_GET_SIZE(version) != 2) {
      PyErr_SetString(PyExc_TypeError, "max_version must be a tuple (major, minor)");
      return nullptr;
    }
    major = PyLong_AsLong(PyTuple_GET_ITEM(version, 0));
    if (PyErr_Occurred()) return nullptr;
  }
  qn_error* error = nullptr;
  if (major >= 1) {
    DLManagedTensorVersioned* out = nullptr;
    if (!ok(qn_array_to_dlpack(value, &out, &error), error)) return nullptr;
    return PyCapsule_New(out, "dltensor_versioned", free_versioned);
  }
  DLManagedTensor* out = nullptr;
  if (!ok(qn_array_to_dlpack_legacy(value, &out, &error), error)) return nullptr;
  return PyCapsule_New(out, "dltensor", free_legacy);
}

int add_exchange(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace qpy
