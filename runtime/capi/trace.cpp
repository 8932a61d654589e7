// Entry points of traces: a function is run by the caller between begin and end, and transformed
// there. What the transforms do is in transforms/.
#include "runtime/capi/handles.h"
#include "runtime/transforms/custom.h"
#include "runtime/transforms/subgraph.h"
#include "runtime/transforms/vjp.h"

using namespace quern;
using namespace quern::capi;

struct qn_trace {
  qn_trace(Runtime& rt, Tracing t) : runtime(&rt), tracing(std::move(t)) { rt.retain(); }
  ~qn_trace() { runtime->release(); }
  qn_trace(const qn_trace&) = delete;
  qn_trace& operator=(const qn_trace&) = delete;
  Runtime* runtime;
  Tracing tracing;
};

namespace {

// The shapes of one example each: `in` without the axes.
std::vector<Meta> example_metas(const char* fn, const ArrayList& in, const std::int64_t* axes) {
  std::vector<Meta> metas;
  for (std::size_t i = 0; i < in.size(); ++i) {
    Shape s = in[i].shape();
    if (axes && axes[i] != QN_AXIS_NONE) s.erase(s.begin() + normalize_axis(fn, axes[i], s.size()));
    metas.push_back({std::move(s), in[i].dtype()});
  }
  return metas;
}

ArrayList outputs_arg(const char* fn, const qn_trace& t, qn_array* const* outputs,
                      std::uint32_t n) {
  if (n == 0) fail_invalid("[", fn, "] no outputs given, expected at least one");
  ArrayList list;
  arrays_arg(fn, t.runtime, outputs, n, list);
  return list;
}

void give_all(ArrayList list, qn_array** out) {
  for (Array& a : list) *out++ = give(std::move(a));
}

}  // namespace

qn_status qn_trace_begin(qn_runtime* rt, qn_array* const* in, uint32_t n_in, const int64_t* axes,
                         uint32_t flags, qn_array** traced, qn_trace** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(out, fn, "out");
    if (n_in) need(traced, fn, "traced");
    if (flags > QN_TRACE_PLACEHOLDERS)
      fail_invalid("[", fn, "] flags is ", flags,
                   ", expected QN_TRACE_VALUES or QN_TRACE_PLACEHOLDERS");
    if (axes && flags != QN_TRACE_PLACEHOLDERS)
      fail_invalid("[", fn, "] axes are given; expected QN_TRACE_PLACEHOLDERS with them");
    ArrayList list;
    Runtime* runtime = arrays_arg(fn, unwrap(rt), in, n_in, list);
    need(runtime, fn, "rt");
    auto t = std::make_unique<qn_trace>(
        *runtime, flags == QN_TRACE_VALUES
                      ? Tracing::of_values(list)
                      : Tracing::of_placeholders(*runtime, example_metas(fn, list, axes)));
    give_all(t->tracing.inputs(), traced);
    *out = t.release();
  });
}

qn_status qn_trace_vjp(qn_trace* t, qn_array* const* outputs, uint32_t n_out,
                       qn_array* const* cotangents, const uint32_t* argnums, uint32_t n,
                       qn_array** grads, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(t, fn, "the trace");
    need(grads, fn, "grads");
    const ArrayList y = outputs_arg(fn, *t, outputs, n_out);
    argnums_arg(fn, argnums, n, static_cast<std::uint32_t>(t->tracing.inputs().size()));
    ArrayList c;
    arrays_arg(fn, t->runtime, cotangents, n_out, c);
    give_all(pull_back(t->tracing, y, c, {argnums, n}), grads);
  });
}

qn_status qn_trace_compile(qn_trace* t, qn_array* const* outputs, uint32_t n_out, qn_fn** out,
                           qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(t, fn, "the trace");
    need(out, fn, "out");
    *out = give(replayed(*t->runtime, cut(t->tracing, outputs_arg(fn, *t, outputs, n_out))));
  });
}

void qn_trace_end(qn_trace* t) { delete t; }

qn_status qn_custom_gradient(qn_array* const* in, uint32_t n_in, qn_array* const* values,
                             uint32_t n_out, qn_fn* vjp, qn_fn* jvp, qn_fn* vmap, qn_array** out,
                             qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(out, fn, "out");
    if (n_in == 0 || n_out == 0)
      fail_invalid("[", fn, "] ", n_in, " inputs and ", n_out,
                   " values, expected at least one of each");
    if (!vjp && !jvp && !vmap)
      fail_invalid("[", fn, "] vjp, jvp and vmap are all NULL, expected at least one");
    ArrayList x, y;
    Runtime* runtime = arrays_arg(fn, nullptr, in, n_in, x);
    arrays_arg(fn, runtime, values, n_out, y);
    auto rule = std::make_shared<CustomRule>();
    for (auto [to, from] : {std::pair{&rule->vjp, vjp}, {&rule->jvp, jvp}, {&rule->vmap, vmap}}) {
      if (from && &from->f->runtime() != runtime)
        fail_invalid("[", fn, "] a function belongs to another runtime than the arrays");
      if (from) *to = from->f;
    }
    give_all(custom_gradient(x, y, std::move(rule)), out);
  });
}
