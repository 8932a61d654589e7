// Walking trees of lists, tuples and dictionaries whose leaves are arrays, as eval and the
// transforms take them.
#pragma once
#include "native.h"

namespace qpy {

// Calls leaf(o) for every leaf in order (dictionaries by insertion). leaf returns false to stop,
// with an exception set. False after an exception.
template <class Leaf>
bool each_leaf(PyObject* o, const Leaf& leaf) {
  if (PyList_Check(o)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) {
      const Object item = Object::share(PyList_GET_ITEM(o, i));
      if (!each_leaf(item.get(), leaf)) return false;
    }
    return true;
  }
  if (PyTuple_Check(o)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
      if (!each_leaf(PyTuple_GET_ITEM(o, i), leaf)) return false;
    return true;
  }
  if (PyDict_Check(o)) {
    if (Py_EnterRecursiveCall(" while walking a tree of arrays")) return false;
    PyObject *key = nullptr, *value = nullptr;
    Py_ssize_t at = 0;
    bool fine = true;
    while (fine && PyDict_Next(o, &at, &key, &value)) fine = each_leaf(value, leaf);
    Py_LeaveRecursiveCall();
    return fine;
  }
  return leaf(o);
}

}  // namespace qpy
