// Traces for the Python part: begin, transform the outputs, end. Also functions as values and
// custom derivatives. Trees of arguments are the Python part's business
// (quern/core/_transforms.py).
#include "bind.h"

// Weak: a library of version 1.0 lacks these, and the package still runs with it.
extern "C" {
__attribute__((weak)) qn_status qn_trace_jvp(qn_trace*, qn_array* const* outputs, uint32_t n_out,
                                             qn_array* const* tangents, const uint32_t* argnums,
                                             uint32_t n, qn_array** out_tangents, qn_error**);
__attribute__((weak)) qn_status qn_trace_vmap(qn_trace*, qn_array* const* outputs, uint32_t n_out,
                                              const int64_t* out_axes, qn_array** results,
                                              qn_error**);
__attribute__((weak)) qn_status qn_trace_checkpoint(qn_trace*, qn_array* const* outputs,
                                                    uint32_t n_out, qn_array** results, qn_error**);
}

namespace qpy {

namespace {

using Arrays = std::vector<nb::object>;

std::vector<qn_array*> values(const Arrays& objects) {
  std::vector<qn_array*> out;
  out.reserve(objects.size());
  for (const nb::object& o : objects) {
    out.push_back(array_arg(o.ptr(), "transform"));
    if (!out.back()) throw nb::python_error();
  }
  return out;
}

// References for as long as the GIL is released: other threads may rebind the objects.
std::vector<Ref> shared(const std::vector<qn_array*>& arrays) {
  std::vector<Ref> out;
  out.reserve(arrays.size());
  for (qn_array* a : arrays) out.push_back(Ref::share(a));
  return out;
}

Arrays objects(std::vector<qn_array*>& taken) {
  std::vector<Ref> held;
  for (qn_array* a : taken) held.emplace_back(a);
  Arrays out;
  out.reserve(held.size());
  for (Ref& r : held) out.push_back(object_of(std::move(r)));
  return out;
}

std::uint32_t count(const std::vector<qn_array*>& v) {
  return static_cast<std::uint32_t>(v.size());
}

class Function {
 public:
  explicit Function(qn_fn* taken) : fn_(taken) {}
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  ~Function() { qn_fn_release(fn_); }
  qn_fn* get() const { return fn_; }

  Arrays call(const Arrays& in) const {
    const std::vector<qn_array*> v = values(in);
    std::vector<qn_array*> out(qn_fn_n_out(fn_));
    qn_error* error = nullptr;
    const std::vector<Ref> held = shared(v);
    check(unlocked(
              [&] { return qn_fn_call(fn_, v.data(), count(v), out.data(), count(out), &error); }),
          error);
    return objects(out);
  }

 private:
  qn_fn* fn_;
};

[[noreturn]] void missing(const char* name) {
  PyErr_Format(PyExc_NotImplementedError, "[%s] this build of libquern has no %s.", name, name);
  throw nb::python_error();
}

class Trace {
 public:
  Trace(const Arrays& in, bool placeholders, const std::vector<std::optional<std::int64_t>>& axes) {
    const std::vector<qn_array*> v = values(in);
    Ints skip;
    for (const auto& a : axes) skip.push_back(a ? *a : QN_AXIS_NONE);
    std::vector<qn_array*> traced(v.size());
    qn_error* error = nullptr;
    check(
        qn_trace_begin(runtime(), v.data(), count(v), skip.empty() ? nullptr : skip.data(),
                       (placeholders ? QN_TRACE_PLACEHOLDERS : QN_TRACE_VALUES) | QN_TRACE_INTEGERS,
                       traced.data(), &trace_, &error),
        error);
    traced_ = objects(traced);
  }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace() { end(); }

  const Arrays& traced() const { return traced_; }

  Arrays vjp(const Arrays& outputs, const Arrays& cotangents,
             const std::vector<std::uint32_t>& argnums) {
    const std::vector<qn_array*> o = values(outputs), c = values(cotangents);
    if (o.size() != c.size()) throw nb::value_error("[vjp] one cotangent an output");
    std::vector<qn_array*> grads(argnums.size());
    qn_error* error = nullptr;
    check(qn_trace_vjp(open(), o.data(), count(o), c.data(), argnums.data(),
                       static_cast<std::uint32_t>(argnums.size()), grads.data(), &error),
          error);
    return objects(grads);
  }

  Arrays jvp(const Arrays& outputs, const Arrays& tangents,
             const std::vector<std::uint32_t>& argnums) {
    if (!qn_trace_jvp) missing("jvp");
    const std::vector<qn_array*> o = values(outputs), t = values(tangents);
    if (t.size() != argnums.size()) throw nb::value_error("[jvp] one tangent an input");
    std::vector<qn_array*> out(o.size());
    qn_error* error = nullptr;
    check(qn_trace_jvp(open(), o.data(), count(o), t.data(), argnums.data(), count(t), out.data(),
                       &error),
          error);
    return objects(out);
  }

  Arrays vmap(const Arrays& outputs, const Ints& out_axes) {
    if (!qn_trace_vmap) missing("vmap");
    const std::vector<qn_array*> o = values(outputs);
    if (o.size() != out_axes.size()) throw nb::value_error("[vmap] one axis an output");
    std::vector<qn_array*> out(o.size());
    qn_error* error = nullptr;
    check(qn_trace_vmap(open(), o.data(), count(o), out_axes.data(), out.data(), &error), error);
    return objects(out);
  }

  // Without the library's help the outputs themselves: right, but everything is kept.
  Arrays checkpoint(const Arrays& outputs) {
    if (!qn_trace_checkpoint) return outputs;
    const std::vector<qn_array*> o = values(outputs);
    std::vector<qn_array*> out(o.size());
    qn_error* error = nullptr;
    check(qn_trace_checkpoint(open(), o.data(), count(o), out.data(), &error), error);
    return objects(out);
  }

  Function* compile(const Arrays& outputs) {
    const std::vector<qn_array*> o = values(outputs);
    qn_fn* fn = nullptr;
    qn_error* error = nullptr;
    check(qn_trace_compile(open(), o.data(), count(o), &fn, &error), error);
    return new Function(fn);
  }

  void end() {
    traced_.clear();
    qn_trace_end(std::exchange(trace_, nullptr));
  }

 private:
  qn_trace* open() const {
    if (!trace_) throw nb::value_error("[trace] the trace has ended");
    return trace_;
  }

  qn_trace* trace_ = nullptr;
  Arrays traced_;
};

// A function whose body is a Python callable from a list of arrays to a list of arrays.
qn_fn* python_function(const nb::object& callable, std::uint32_t n_in, std::uint32_t n_out) {
  const auto call = [](void* self, qn_array* const* in, std::uint32_t n, qn_array** out,
                       std::uint32_t m, qn_error** error) -> qn_status {
    const PyGILState_STATE state = PyGILState_Ensure();
    qn_status status = QN_OK;
    Object list(PyList_New(static_cast<Py_ssize_t>(n)));
    for (std::uint32_t i = 0; list && i < n; ++i)
      PyList_SET_ITEM(list.get(), i, wrap(qn_array_retain(in[i])));
    const Object result(list ? PyObject_CallOneArg(static_cast<PyObject*>(self), list.get())
                             : nullptr);
    const Object items(result ? PySequence_Fast(result.get(), "expected a list of arrays")
                              : nullptr);
    if (!items) {
      status = qn_error_new(QN_E_UNKNOWN, "a Python function raised an exception", error);
    } else if (PySequence_Fast_GET_SIZE(items.get()) != static_cast<Py_ssize_t>(m)) {
      status = qn_error_new(QN_E_INVALID_ARGUMENT,
                            "a Python function returned the wrong number of arrays", error);
    } else {
      for (std::uint32_t i = 0; i < m; ++i)
        if (!array_arg(PySequence_Fast_GET_ITEM(items.get(), i), "custom_function"))
          status =
              qn_error_new(QN_E_INVALID_ARGUMENT, "a Python function returned no array", error);
      for (std::uint32_t i = 0; status == QN_OK && i < m; ++i)
        out[i] = qn_array_retain(value_of(PySequence_Fast_GET_ITEM(items.get(), i)));
    }
    PyGILState_Release(state);
    return status;
  };
  const auto drop = [](void* self) {
    if (!Py_IsInitialized()) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF(static_cast<PyObject*>(self));
    PyGILState_Release(state);
  };
  qn_fn* fn = nullptr;
  qn_error* error = nullptr;
  check(qn_fn_create(runtime(), call, Py_NewRef(callable.ptr()), drop, n_in, n_out, &fn, &error),
        error);
  return fn;
}

Arrays custom_gradient(const Arrays& in, const Arrays& outputs, const nb::object& vjp,
                       const nb::object& jvp, const nb::object& vmap) {
  const std::vector<qn_array*> i = values(in), o = values(outputs);
  const std::uint32_t n = count(i), m = count(o);
  const auto made = [](const nb::object& f, std::uint32_t a, std::uint32_t b) {
    return f.is_none() ? nullptr : std::make_unique<Function>(python_function(f, a, b));
  };
  const auto v = made(vjp, n + 2 * m, n), j = made(jvp, 2 * n + m, m), b = made(vmap, n, m);
  const auto of = [](const std::unique_ptr<Function>& f) { return f ? f->get() : nullptr; };
  std::vector<qn_array*> out(m);
  qn_error* error = nullptr;
  check(qn_custom_gradient(i.data(), n, o.data(), m, of(v), of(j), of(b), out.data(), &error),
        error);
  return objects(out);
}

}  // namespace

void add_traces(nb::module_& m) {
  nb::class_<Function>(m, "Function", "A function from arrays to arrays, as the library holds it.")
      .def("__call__", &Function::call, nb::arg("inputs"));
  nb::class_<Trace>(m, "Trace", "A record of what a function does to its inputs; see quern.h.")
      .def(nb::init<const Arrays&, bool, const std::vector<std::optional<std::int64_t>>&>(),
           nb::arg("inputs"), nb::arg("placeholders") = false,
           nb::arg("axes") = std::vector<std::optional<std::int64_t>>())
      .def_prop_ro("traced", &Trace::traced, "What to call the function on.")
      .def("vjp", &Trace::vjp, nb::arg("outputs"), nb::arg("cotangents"), nb::arg("argnums"))
      .def("jvp", &Trace::jvp, nb::arg("outputs"), nb::arg("tangents"), nb::arg("argnums"))
      .def("vmap", &Trace::vmap, nb::arg("outputs"), nb::arg("out_axes"))
      .def("checkpoint", &Trace::checkpoint, nb::arg("outputs"))
      .def("compile", &Trace::compile, nb::arg("outputs"), nb::rv_policy::take_ownership)
      .def("end", &Trace::end);
  m.def("custom_gradient", &custom_gradient, nb::arg("inputs"), nb::arg("outputs"),
        nb::arg("vjp").none(), nb::arg("jvp").none(), nb::arg("vmap").none(),
        "Outputs with derivatives from Python functions on lists.");
}

}  // namespace qpy
