// x[key] and x[key] = v for ints, slices, None and Ellipsis. Keys with arrays go to
// index_arrays.cpp, and those that it does not know, or with lists, to quern.core's Python part.
#include "native.h"

namespace qpy {

namespace {

// One slice of full rank, and the shape that the selection has afterwards.
struct Selection {
  Ints start, stop, step;
  Ints sliced;  // shape of the slice, a 1 for each int
  Ints shape;   // without the ints, with the Nones
  bool whole = true;
};

enum Outcome { kFailed, kBasic, kAdvanced };

PyObject* refuse_type() {
  PyErr_SetString(PyExc_ValueError, "Cannot index mlx array using the given type.");
  return nullptr;
}

bool add_slice(PyObject* item, std::int64_t size, Selection& s) {
  Py_ssize_t start = 0, stop = 0, step = 0;
  if (PySlice_Unpack(item, &start, &stop, &step) < 0) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Clear();
      PyErr_SetString(PyExc_ValueError, "Slice indices must be integers or None.");
    }
    return false;
  }
  const Py_ssize_t n = PySlice_AdjustIndices(static_cast<Py_ssize_t>(size), &start, &stop, step);
  if (n == 0) {
    start = stop = 0;
    step = 1;
  } else if (step < 0 && stop < 0) {
    stop = -static_cast<Py_ssize_t>(size) - 1;
  }
  s.start.push_back(start);
  s.stop.push_back(stop);
  s.step.push_back(step);
  s.sliced.push_back(n);
  s.shape.push_back(n);
  if (n != size || step != 1) s.whole = false;
  return true;
}

bool add_int(PyObject* item, std::int64_t size, std::size_t axis, Selection& s) {
  const Object index(PyNumber_Index(item));
  if (!index) {
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
      PyErr_Clear();
      refuse_type();
    }
    return false;
  }
  int overflow = 0;
  std::int64_t i = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
  if (overflow || i < -size || i >= size) {
    PyErr_Format(PyExc_IndexError,
                 "[getitem] index %S is out of bounds for axis %zu with size %lld.", index.get(),
                 axis, static_cast<long long>(size));
    return false;
  }
  if (i < 0) i += size;
  s.start.push_back(i);
  s.stop.push_back(i + 1);
  s.step.push_back(1);
  s.sliced.push_back(1);
  s.whole = false;
  return true;
}

void add_full(std::int64_t size, Selection& s) {
  s.start.push_back(0);
  s.stop.push_back(size);
  s.step.push_back(1);
  s.sliced.push_back(size);
  s.shape.push_back(size);
}

bool is_int(PyObject* o) { return PyIndex_Check(o) && !PyBool_Check(o) && !is_array(o); }

Outcome select(qn_array* a, PyObject* key, Selection& s) {
  const Ints dims = shape_of(a);
  PyObject* one[] = {key};
  PyObject** items = one;
  Py_ssize_t n = 1;
  if (PyTuple_Check(key)) {
    items = PySequence_Fast_ITEMS(key);
    n = PyTuple_GET_SIZE(key);
  }
  std::size_t used = 0;
  bool ellipsis = false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_Ellipsis) {
      if (ellipsis) {
        PyErr_SetString(PyExc_ValueError, "An index can only have a single ellipsis (...)");
        return kFailed;
      }
      ellipsis = true;
    } else if (is_array(o) || PyList_Check(o)) {
      return kAdvanced;
    } else if (o != Py_None) {
      if (!PySlice_Check(o) && !is_int(o)) {
        refuse_type();
        return kFailed;
      }
      ++used;
    }
  }
  if (used > dims.size()) {
    if (dims.empty())
      PyErr_SetString(PyExc_ValueError, "too many indices for array: array is 0-dimensional");
    else
      PyErr_Format(PyExc_ValueError, "Too many indices for array with %zu dimensions.",
                   dims.size());
    return kFailed;
  }
  std::size_t axis = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_Ellipsis) {
      for (std::size_t k = dims.size() - used; k > 0; --k) add_full(dims[axis++], s);
    } else if (o == Py_None) {
      s.shape.push_back(1);
    } else if (PySlice_Check(o)) {
      if (!add_slice(o, dims[axis++], s)) return kFailed;
    } else {
      if (!add_int(o, dims[axis], axis, s)) return kFailed;
      ++axis;
    }
  }
  while (axis < dims.size()) add_full(dims[axis++], s);
  return kBasic;
}

Ref sliced(const Ref& x, const Selection& s) {
  if (s.whole) return Ref::share(x.get());
  const qn_array* in[] = {x.get()};
  const qn_attr attr[] = {attr_ints(s.start), attr_ints(s.stop), attr_ints(s.step)};
  return op(QN_OP_SLICE, in, 1, attr, 3);
}

PyObject* python_part(const char* name, PyObject* a, PyObject* key, PyObject* value) {
  static PyObject* module = nullptr;
  if (!module) module = PyImport_ImportModule("quern.core._index");
  if (!module) return nullptr;
  return PyObject_CallMethod(module, name, value ? "OOO" : "OO", a, key, value);
}

}  // namespace

PyObject* array_subscript(PyObject* self, PyObject* key) {
  qn_array* a = array_arg(self, "getitem");
  if (!a) return nullptr;
  Selection s;
  switch (select(a, key, s)) {
    case kFailed:
      return nullptr;
    case kAdvanced: {
      Ref out;
      const Keyed how = selected(a, key, out);
      if (how == Keyed::other) return python_part("get", self, key, nullptr);
      return how == Keyed::done ? wrap(out.take()) : nullptr;
    }
    case kBasic:
      break;
  }
  const Ref x = sliced(Ref::share(a), s);
  return x ? wrap(reshape(x, s.shape).take()) : nullptr;
}

int array_ass_subscript(PyObject* self, PyObject* key, PyObject* value) {
  if (!value) {
    PyErr_SetString(PyExc_TypeError, "elements of an array cannot be deleted");
    return -1;
  }
  qn_array* a = array_arg(self, "setitem");
  if (!a) return -1;
  Selection s;
  const Outcome outcome = select(a, key, s);
  if (outcome == kFailed) return -1;
  if (outcome == kAdvanced) {
    Ref out;
    const Keyed how = updated(a, key, value, "set", out);
    if (how == Keyed::failed) return -1;
    if (how == Keyed::done) {
      rebind(self, out.take());
      return 0;
    }
    const Object result(python_part("put", self, key, value));
    if (!result) return -1;
    rebind(self, qn_array_retain(value_of(result.get())));
    return 0;
  }
  const qn_dtype d = qn_array_dtype(a);
  Ref v = operand(value, d);
  if (v) v = astype(v, d);
  if (!v) return -1;
  // Leading axes of size 1 of the update count for nothing.
  Ints shape = shape_of(v.get());
  std::size_t drop = 0;
  while (shape.size() - drop > s.shape.size() && shape[drop] == 1) ++drop;
  if (drop) v = reshape(v, Ints(shape.begin() + static_cast<std::ptrdiff_t>(drop), shape.end()));
  if (v) v = broadcast_to(v, s.shape);
  if (v) v = reshape(v, s.sliced);
  if (!v) return -1;
  if (!s.whole) {
    const qn_array* in[] = {a, v.get()};
    const qn_attr attr[] = {attr_ints(s.start), attr_ints(s.stop), attr_ints(s.step)};
    v = op(QN_OP_SLICE_UPDATE, in, 2, attr, 3);
    if (!v) return -1;
  }
  rebind(self, v.take());
  return 0;
}

}  // namespace qpy
