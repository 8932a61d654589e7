// compile: a Python function recorded once for each structure, shapes, dtypes and constants of its
// arguments and of the state it captured; later calls replay the recording. Trees are walked here,
// so that a hit costs no Python.
#include <cstring>
#include <string>
#include <unordered_map>

#include "bind.h"

namespace qpy {

namespace {

// What a call looks like: bytes that are equal exactly for calls that may share a recording, and
// the arrays in order.
struct Signature {
  std::string key;
  std::vector<PyObject*> arrays;  // borrowed from the trees

  void raw(const void* p, std::size_t n) { key.append(static_cast<const char*>(p), n); }
  void text(char tag, const char* p, Py_ssize_t n) {
    key += tag;
    raw(&n, sizeof n);
    key.append(p, static_cast<std::size_t>(n));
  }

  void array(PyObject* o) {
    qn_array* a = array_arg(o, "compile");
    if (!a) throw nb::python_error();
    const qn_dtype d = qn_array_dtype(a);
    const std::uint32_t n = qn_array_ndim(a);
    key += 'a';
    raw(&d, sizeof d);
    raw(&n, sizeof n);
    if (n) raw(qn_array_shape(a), n * sizeof(std::int64_t));
    arrays.push_back(o);
  }

  // strict: leaves must be arrays or constants, as arguments are; else what is no array is passed
  // over.
  void tree(PyObject* o, bool strict, int depth = 0) {
    if (depth > 200) throw nb::value_error("[compile] the tree of arguments is too deep.");
    if (is_array(o)) return array(o);
    if (PyList_Check(o) || PyTuple_Check(o)) {
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
      key += PyList_Check(o) ? 'l' : 't';
      raw(&n, sizeof n);
      for (Py_ssize_t i = 0; i < n && i < PySequence_Fast_GET_SIZE(o); ++i)
        tree(PySequence_Fast_GET_ITEM(o, i), strict, depth + 1);
      return;
    }
    if (PyDict_Check(o)) {
      const Py_ssize_t n = PyDict_GET_SIZE(o);
      key += 'd';
      raw(&n, sizeof n);
      PyObject *k = nullptr, *v = nullptr;
      Py_ssize_t at = 0;
      while (PyDict_Next(o, &at, &k, &v)) {
        constant(k, true);
        tree(v, strict, depth + 1);
      }
      return;
    }
    constant(o, strict);
  }

  void constant(PyObject* o, bool strict) {
    if (o == Py_None) {
      key += 'n';
    } else if (PyBool_Check(o)) {
      key += o == Py_True ? 'T' : 'F';
    } else if (PyLong_Check(o)) {
      int overflow = 0;
      const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
      if (overflow) {
        const Object s(PyObject_Str(o));
        Py_ssize_t n = 0;
        const char* p = s ? PyUnicode_AsUTF8AndSize(s.get(), &n) : nullptr;
        if (!p) throw nb::python_error();
        return text('I', p, n);
      }
      key += 'i';
      raw(&v, sizeof v);
    } else if (PyFloat_Check(o)) {
      const double v = PyFloat_AS_DOUBLE(o);
      key += 'f';
      raw(&v, sizeof v);
    } else if (PyComplex_Check(o)) {
      const Py_complex v = PyComplex_AsCComplex(o);
      key += 'c';
      raw(&v, sizeof v);
    } else if (PyUnicode_Check(o)) {
      Py_ssize_t n = 0;
      const char* p = PyUnicode_AsUTF8AndSize(o, &n);
      if (!p) throw nb::python_error();
      text('s', p, n);
    } else if (strict) {
      PyErr_Format(PyExc_ValueError,
                   "[compile] Function arguments must be trees of arrays or constants (floats, "
                   "ints, strings, or None), "
                   "but received type %s.",
                   _PyType_Name(Py_TYPE(o)));
      throw nb::python_error();
    } else {
      key += 'o';
    }
  }
};

// A copy of a tree with its arrays replaced by the next of a sequence; dictionaries become plain
// ones.
nb::object filled(PyObject* o, PyObject* const*& next) {
  if (is_array(o)) return nb::borrow(*next++);
  if (PyList_Check(o)) {
    nb::list out;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i)
      out.append(filled(PyList_GET_ITEM(o, i), next));
    return out;
  }
  if (PyTuple_Check(o)) {
    nb::list items;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
      items.append(filled(PyTuple_GET_ITEM(o, i), next));
    if (Py_TYPE(o) != &PyTuple_Type && PyObject_HasAttrString(o, "_fields"))
      return nb::borrow(reinterpret_cast<PyObject*>(Py_TYPE(o)))(*items);
    return nb::tuple(items);
  }
  if (PyDict_Check(o)) {
    nb::dict out;
    PyObject *k = nullptr, *v = nullptr;
    Py_ssize_t at = 0;
    while (PyDict_Next(o, &at, &k, &v)) out[nb::borrow(k)] = filled(v, next);
    return out;
  }
  return nb::borrow(o);
}

// Writes new arrays into the lists and dictionaries of a tree; those in tuples are rebound.
void replace(PyObject* o, PyObject* const*& next) {
  if (PyList_Check(o)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) {
      PyObject* item = PyList_GET_ITEM(o, i);
      if (!is_array(item))
        replace(item, next);
      else if (PyList_SetItem(o, i, Py_NewRef(*next++)) < 0)
        throw nb::python_error();
    }
  } else if (PyTuple_Check(o)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
      PyObject* item = PyTuple_GET_ITEM(o, i);
      if (is_array(item))
        rebind(item, qn_array_retain(value_of(*next++)));
      else
        replace(item, next);
    }
  } else if (PyDict_Check(o)) {
    PyObject *k = nullptr, *v = nullptr;
    Py_ssize_t at = 0;
    while (PyDict_Next(o, &at, &k, &v)) {  // setting an existing key does not disturb the walk
      if (!is_array(v))
        replace(v, next);
      else if (PyDict_SetItem(o, k, *next++) < 0)
        throw nb::python_error();
    }
  } else if (is_array(o)) {
    rebind(o, qn_array_retain(value_of(*next++)));
  }
}

struct Recording {
  qn_fn* fn = nullptr;
  nb::object result;  // the tree that the function returned, with arrays of the recording as marks
  std::size_t n_result = 0, n_state = 0;
  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { qn_fn_release(fn); }
};

class Compiled {
 public:
  Compiled(nb::object fun, nb::object inputs, nb::object outputs)
      : fun_(std::move(fun)), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

  nb::object call(const nb::tuple& args, const nb::dict& names) {
    Signature s;
    s.tree(args.ptr(), true);
    s.tree(names.ptr(), true);
    const std::size_t n_arguments = s.arrays.size();
    if (!inputs_.is_none()) s.tree(inputs_.ptr(), false);
    const std::vector<nb::object> held = share(s.arrays);
    std::vector<qn_array*> in;
    std::vector<Ref> values;
    for (PyObject* o : s.arrays) {
      values.push_back(Ref::share(array_arg(o, "compile")));
      in.push_back(values.back().get());
    }
    std::shared_ptr<Recording> r;
    if (const auto found = recordings_.find(s.key); found != recordings_.end()) {
      r = found->second;
    } else {
      r = record(args, names, s, n_arguments, in);
      recordings_[std::move(s.key)] = r;
    }
    std::vector<qn_array*> out(r->n_result + r->n_state);
    if (!out.empty()) {
      qn_error* error = nullptr;
      const qn_status status = unlocked([&] {  // a replay computes at once
        return qn_fn_call(r->fn, in.data(), static_cast<std::uint32_t>(in.size()), out.data(),
                          static_cast<std::uint32_t>(out.size()), &error);
      });
      check(status, error);
    }
    std::vector<Ref> taken;
    for (qn_array* a : out) taken.emplace_back(a);
    std::vector<nb::object> made;
    std::vector<PyObject*> plain;
    for (Ref& a : taken) {
      made.push_back(object_of(std::move(a)));
      plain.push_back(made.back().ptr());
    }
    PyObject* const* next = plain.data();
    nb::object result = filled(r->result.ptr(), next);
    if (r->n_state) {
      Signature now;
      now.tree(outputs_.ptr(), false);
      if (now.arrays.size() != r->n_state)
        throw nb::value_error(
            "[compile] the captured outputs have another number of arrays than when the function "
            "ran.");
      replace(outputs_.ptr(), next);
    }
    return result;
  }

  int traverse(visitproc visit, void* arg) {
    Py_VISIT(fun_.ptr());
    Py_VISIT(inputs_.ptr());
    Py_VISIT(outputs_.ptr());
    return 0;
  }

  void clear() {
    fun_.reset();
    inputs_.reset();
    outputs_.reset();
    recordings_.clear();
  }

 private:
  static std::vector<nb::object> share(const std::vector<PyObject*>& borrowed) {
    std::vector<nb::object> out;
    out.reserve(borrowed.size());
    for (PyObject* o : borrowed) out.push_back(nb::borrow(o));
    return out;
  }

  // An open trace that ends on every way out, when captured inputs mean their own values again.
  struct Open {
    qn_trace* trace = nullptr;
    std::vector<nb::object> captured;
    std::vector<Ref> before;
    ~Open() {
      for (std::size_t i = 0; i < captured.size(); ++i) rebind(captured[i].ptr(), before[i].take());
      qn_trace_end(trace);
    }
  };

  std::shared_ptr<Recording> record(const nb::tuple& args, const nb::dict& names,
                                    const Signature& s, std::size_t n_arguments,
                                    const std::vector<qn_array*>& in) {
    auto r = std::make_shared<Recording>();
    Open open;
    std::vector<qn_array*> traced(in.size());
    qn_error* error = nullptr;
    check(qn_trace_begin(runtime(), in.data(), static_cast<std::uint32_t>(in.size()), nullptr,
                         QN_TRACE_PLACEHOLDERS, traced.data(), &open.trace, &error),
          error);
    std::vector<Ref> taken;
    for (qn_array* a : traced) taken.emplace_back(a);
    std::vector<nb::object> arguments;
    std::vector<PyObject*> plain;
    for (std::size_t i = 0; i < n_arguments; ++i) {
      arguments.push_back(object_of(std::move(taken[i])));
      plain.push_back(arguments.back().ptr());
    }
    for (std::size_t i = n_arguments; i < in.size(); ++i) {
      open.captured.push_back(nb::borrow(s.arrays[i]));
      open.before.push_back(Ref::share(in[i]));
      rebind(s.arrays[i], taken[i].take());
    }
    PyObject* const* next = plain.data();
    const nb::object positional = filled(args.ptr(), next);
    const nb::object keywords = filled(names.ptr(), next);
    r->result = nb::steal(PyObject_Call(fun_.ptr(), positional.ptr(), keywords.ptr()));
    if (!r->result.is_valid()) throw nb::python_error();
    Signature produced;
    produced.tree(r->result.ptr(), false);
    r->n_result = produced.arrays.size();
    if (!outputs_.is_none()) produced.tree(outputs_.ptr(), false);
    r->n_state = produced.arrays.size() - r->n_result;
    std::vector<qn_array*> out;
    for (PyObject* o : produced.arrays) out.push_back(value_of(o));
    if (!out.empty())
      check(qn_trace_compile(open.trace, out.data(), static_cast<std::uint32_t>(out.size()), &r->fn,
                             &error),
            error);
    // The kept tree needs marks only; the recorded arrays would hold on to the whole graph.
    const nb::object mark = object_of(scalar(0, QN_F32));
    const std::vector<PyObject*> marks(r->n_result, mark.ptr());
    next = marks.data();
    r->result = filled(r->result.ptr(), next);
    return r;
  }

  nb::object fun_, inputs_, outputs_;
  std::unordered_map<std::string, std::shared_ptr<Recording>> recordings_;
};

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  return nb::inst_ready(self) ? nb::inst_ptr<Compiled>(self)->traverse(visit, arg) : 0;
}

int clear(PyObject* self) {
  if (nb::inst_ready(self)) nb::inst_ptr<Compiled>(self)->clear();
  return 0;
}

PyType_Slot slots[] = {{Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {0, nullptr}};

}  // namespace

void add_compile(nb::module_& m) {
  nb::class_<Compiled>(m, "Compiled", "The recordings of one compiled function.",
                       nb::type_slots(slots))
      .def(nb::init<nb::object, nb::object, nb::object>(), nb::arg("fun"), nb::arg("inputs").none(),
           nb::arg("outputs").none())
      .def("__call__", &Compiled::call, nb::arg("args"), nb::arg("kwargs"));
}

}  // namespace qpy
