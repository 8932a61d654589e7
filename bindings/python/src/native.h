// What the files of the extension share: the runtime, the array object, errors and conversions
// between both worlds. It includes only the public headers; nothing here may be called without the
// GIL unless it says so.
#pragma once
#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "quern/op_ids.h"
#include "quern/quern.h"

namespace qpy {

// ---- the array object: immutable values beneath, the name of a value above ----

struct ArrayObject {
  PyObject ob_base;
  qn_array* value;  // one reference; NULL only before __init__
  PyObject* weak;
};
extern PyTypeObject* array_type;

inline bool is_array(PyObject* o) {
  return Py_TYPE(o) == array_type || PyType_IsSubtype(Py_TYPE(o), array_type);
}
// The value of an array object, borrowed.
inline qn_array* value_of(PyObject* o) { return reinterpret_cast<ArrayObject*>(o)->value; }
// As value_of, for arguments: NULL and a TypeError for anything but an initialised array.
qn_array* array_arg(PyObject* o, const char* function);
// A new array object that takes over the reference; NULL in, NULL out (with the exception already
// set).
PyObject* wrap(qn_array* taken);
// Lets an array object mean another value; takes over the reference.
void rebind(PyObject* array, qn_array* taken);

// One owned reference to a value.
class Ref {
 public:
  Ref() = default;
  explicit Ref(qn_array* taken) : p_(taken) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(Ref&& o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() { qn_array_release(p_); }
  static Ref share(qn_array* p) { return Ref(qn_array_retain(p)); }
  qn_array* get() const { return p_; }
  qn_array* take() { return std::exchange(p_, nullptr); }
  qn_array** slot() { return &p_; }  // for out-arguments; must be empty
  explicit operator bool() const { return p_ != nullptr; }

 private:
  qn_array* p_ = nullptr;
};

// One owned reference to a Python object.
class Object {
 public:
  Object() = default;
  explicit Object(PyObject* taken) : p_(taken) {}
  Object(Object&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Object& operator=(Object&& o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Object() { Py_XDECREF(p_); }
  static Object share(PyObject* p) { return Object(Py_XNewRef(p)); }
  PyObject* get() const { return p_; }
  PyObject* take() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  PyObject* p_ = nullptr;
};

using Ints = std::vector<std::int64_t>;

// ---- runtime ----

// The one runtime of the package, made on import.
qn_runtime* runtime();

// call() with the GIL released: for every call that computes or may wait for the runtime's lock. A
// thread that computes holds that lock and may wait for the GIL (to give borrowed memory back), so
// nobody may wait for the lock with the GIL in hand.
template <class Call>
qn_status unlocked(const Call& call) {
  struct Released {
    PyThreadState* state = PyEval_SaveThread();
    ~Released() { PyEval_RestoreThread(state); }
  } const released;
  return call();
}

// Sets the Python exception for a failed call and frees the error. Returns false, so that callers
// can return it.
bool raise(qn_status status, qn_error* error);
// By reference: arguments are evaluated in any order, and the call that fills error is one of them.
inline bool ok(qn_status status, qn_error*& error) {
  return status == QN_OK || raise(status, error);
}

// ---- dtypes ----

extern PyTypeObject* dtype_type;
PyObject* dtype_object(qn_dtype);            // borrowed
const char* dtype_name(qn_dtype);            // "float32"
bool dtype_arg(PyObject* o, qn_dtype* out);  // TypeError when o is no Dtype
inline std::uint32_t itemsize(qn_dtype d) { return ((d >> 8) & 0xff) / 8; }
inline std::uint32_t dtype_code(qn_dtype d) { return d & 0xff; }
inline bool is_floating(qn_dtype d) { return dtype_code(d) == 2 || dtype_code(d) == 4; }
inline bool is_integer(qn_dtype d) { return dtype_code(d) <= 1; }

// ---- Python -> arrays ----

// A scalar, array or buffer as an operand. `like` (0 = none) is the dtype of the other operand:
// Python numbers and foreign arrays take it where MLX lets them. `allow_list` is false: lists are
// refused as in MLX.
Ref operand(PyObject* o, qn_dtype like);
// Both operands of a binary function; false with an exception set.
bool operands(PyObject* a, PyObject* b, Ref& x, Ref& y);
// mx.array(value, dtype): also nested lists and tuples. dtype 0 = from the value.
Ref array_from(PyObject* value, qn_dtype dtype);
// Anything with a buffer or __dlpack__, copied. dtype 0 = its own, f64 becoming f32.
Ref array_from_foreign(PyObject* o, qn_dtype dtype);
bool looks_foreign(PyObject* o);
Ref scalar(double v, qn_dtype d);
Ref scalar_i64(std::int64_t v, qn_dtype d);

// ---- recording ----

qn_attr attr_int(std::int64_t v);
qn_attr attr_ints(const Ints& v);  // borrowed
qn_attr attr_dtype(qn_dtype d);
Ref op(std::uint32_t id, const qn_array* const* in, std::uint32_t n, const qn_attr* attr = nullptr,
       std::uint32_t n_attr = 0);
Ref op1(std::uint32_t id, const Ref& x);
Ref op2(std::uint32_t id, const Ref& x, const Ref& y);
Ref astype(const Ref& x, qn_dtype d);
Ref reshape(const Ref& x, const Ints& shape);
Ref broadcast_to(const Ref& x, const Ints& shape);
Ref transpose(const Ref& x, const Ints& axes);
Ints shape_of(const qn_array* a);
std::string shape_text(const Ints& shape);  // "(2,3)"

// None, an int or a sequence of ints. False with an exception set.
bool ints_arg(PyObject* o, Ints& out);
// Computes with the GIL released.
bool evaluate(qn_array* const* arrays, std::uint32_t n);
// Evaluated, in row-major order. False with an exception set.
bool contents(qn_array* a, std::vector<char>& out);
// Accepts None, Device, DeviceType, Stream; raises for others and for a GPU.
bool stream_arg(PyObject* o);

// ---- keys of index arrays beside each other, with whole slices around them ----

enum class Keyed {
  done,
  failed,
  other
};  // failed: with an exception set; other: such a key is not here
Keyed selected(qn_array* x, PyObject* key, Ref& out);
// x with the value set at, or combined with, the selection; mode is that of the op scatter.
Keyed updated(qn_array* x, PyObject* key, PyObject* value, const char* mode, Ref& out);
// update_at(x, key, value, mode): the same for the Python part; None for another key.
PyObject* update_at(PyObject*, PyObject* const* args, Py_ssize_t n);

// ---- parts of the array type, a file each ----

extern PyMappingMethods array_mapping;
PyObject* array_repr(PyObject* self);
PyObject* array_format(PyObject* self, PyObject* spec);
PyObject* array_tolist(PyObject* self, PyObject*);
PyObject* array_item(PyObject* self, PyObject*);
PyObject* array_subscript(PyObject* self, PyObject* key);
int array_ass_subscript(PyObject* self, PyObject* key, PyObject* value);
int array_getbuffer(PyObject* self, Py_buffer* view, int flags);
void array_releasebuffer(PyObject* self, Py_buffer* view);
PyObject* array_dlpack(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names);
extern PyType_Slot number_slots[];

// Each adds its part to the module; -1 with an exception set.
int add_dtypes(PyObject* module);
int add_array(PyObject* module);
int add_ops(PyObject* module);
int add_evaluation(PyObject* module);
int add_exchange(PyObject* module);

}  // namespace qpy
