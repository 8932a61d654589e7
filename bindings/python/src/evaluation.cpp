// eval and async_eval over trees of arrays, and the figures the runtime keeps about memory and
// plans.
#include "tree.h"

namespace qpy {

namespace {

// The arrays of a tree that still have to be computed.
bool pending(PyObject* tree, std::vector<Ref>& out) {
  return each_leaf(tree, [&](PyObject* o) {
    if (is_array(o) && value_of(o) && !qn_array_is_evaluated(value_of(o)))
      out.push_back(Ref::share(value_of(o)));
    return true;
  });
}

PyObject* eval(PyObject*, PyObject* args) {
  std::vector<Ref> held;
  if (!pending(args, held)) return nullptr;
  if (held.empty()) Py_RETURN_NONE;
  std::vector<qn_array*> arrays;
  arrays.reserve(held.size());
  for (const Ref& r : held) arrays.push_back(r.get());
  if (!evaluate(arrays.data(), static_cast<std::uint32_t>(arrays.size()))) return nullptr;
  Py_RETURN_NONE;
}

PyObject* stats(PyObject*, PyObject*) {
  qn_stats s{};
  s.hdr.struct_size = sizeof s;
  qn_error* error = nullptr;
  if (!ok(unlocked([&] { return qn_runtime_stats(runtime(), &s, &error); }), error)) return nullptr;
  const Object d(PyDict_New());
  const auto put = [&](const char* name, std::uint64_t v) {
    const Object n(PyLong_FromUnsignedLongLong(v));
    return n && PyDict_SetItemString(d.get(), name, n.get()) == 0;
  };
#define PUT(NAME) put(#NAME, s.NAME)
  const bool fine = d && PUT(bytes_active) && PUT(bytes_cached) && PUT(bytes_peak) &&
                    PUT(bytes_limit) && PUT(allocations) && PUT(evaluations) && PUT(plan_hits) &&
                    PUT(plan_misses) && PUT(plans) && PUT(kernels_run) && PUT(relayouts_run) &&
                    PUT(relayouts_cached) && PUT(faults) && PUT(nodes_recorded);
#undef PUT
  return fine ? Py_NewRef(d.get()) : nullptr;
}

PyObject* reset_peak(PyObject*, PyObject*) {
  qn_error* error = nullptr;
  if (!ok(unlocked([&] { return qn_runtime_reset_peak(runtime(), &error); }), error))
    return nullptr;
  Py_RETURN_NONE;
}

PyObject* clear_cache(PyObject*, PyObject*) {
  qn_error* error = nullptr;
  if (!ok(unlocked([&] { return qn_runtime_clear_cache(runtime(), &error); }), error))
    return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"eval", eval, METH_VARARGS,
     "eval(*args)\n--\n\nComputes all arrays in the given trees of lists, tuples and dictionaries, "
     "in one plan."},
    {"stats", stats, METH_NOARGS,
     "stats()\n--\n\nThe runtime's figures: bytes, evaluations, plans, kernels."},
    {"reset_peak_memory", reset_peak, METH_NOARGS,
     "reset_peak_memory()\n--\n\nStarts the highest number of active bytes anew."},
    {"clear_cache", clear_cache, METH_NOARGS,
     "clear_cache()\n--\n\nGives cached memory back and drops all plans."},
    {}};

}  // namespace

int add_evaluation(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace qpy
