// Entry points of traces: a function is run by the caller between begin and end, and transformed
// there. What the transforms do is in transforms/.
#include "runtime/capi/handles.h"
#include "runtime/transforms/checkpoint.h"
#include "runtime/transforms/custom.h"
#include "runtime/transforms/jvp.h"
#include "runtime/transforms/subgraph.h"
#include "runtime/transforms/vjp.h"
#include "runtime/transforms/vmap.h"

using namespace quern;
using namespace quern::capi;

struct qn_trace {
  Runtime* runtime;  // counted
  Tracing tracing;
  ArrayList in;
  std::vector<std::int64_t> axes;  // one an input
  Flow flow;

  qn_trace(Runtime& rt, Tracing t, ArrayList arrays, std::vector<std::int64_t> mapped, Flow f)
      : runtime(&rt),
        tracing(std::move(t)),
        in(std::move(arrays)),
        axes(std::move(mapped)),
        flow(f) {
    rt.retain();
  }
  ~qn_trace() { runtime->release(); }
  qn_trace(const qn_trace&) = delete;
  qn_trace& operator=(const qn_trace&) = delete;
};

namespace {

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
    if (flags & ~(QN_TRACE_PLACEHOLDERS | QN_TRACE_INTEGERS))
      fail_invalid("[", fn, "] flags is ", flags,
                   ", expected QN_TRACE_VALUES or QN_TRACE_PLACEHOLDERS, with or without "
                   "QN_TRACE_INTEGERS");
    const bool placeholders = (flags & QN_TRACE_PLACEHOLDERS) != 0;
    if (axes && !placeholders)
      fail_invalid("[", fn, "] axes are given; expected QN_TRACE_PLACEHOLDERS with them");
    ArrayList list;
    Runtime* runtime = arrays_arg(fn, unwrap(rt), in, n_in, list);
    need(runtime, fn, "rt");
    std::vector<std::int64_t> mapped(n_in, kNoAxis);
    if (axes) mapped.assign(axes, axes + n_in);
    Tracing tracing = placeholders
                          ? Tracing::of_placeholders(*runtime, example_metas(fn, list, mapped))
                          : Tracing::of_values(list);
    const Flow flow = flags & QN_TRACE_INTEGERS ? Flow::all : Flow::floating;
    auto t = std::make_unique<qn_trace>(*runtime, std::move(tracing), std::move(list),
                                        std::move(mapped), flow);
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
    give_all(pull_back(t->tracing, y, c, {argnums, n}, t->flow), grads);
  });
}

qn_status qn_trace_jvp(qn_trace* t, qn_array* const* outputs, uint32_t n_out,
                       qn_array* const* tangents, const uint32_t* argnums, uint32_t n,
                       qn_array** out_tangents, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(t, fn, "the trace");
    need(out_tangents, fn, "out_tangents");
    const ArrayList y = outputs_arg(fn, *t, outputs, n_out);
    argnums_arg(fn, argnums, n, static_cast<std::uint32_t>(t->tracing.inputs().size()));
    ArrayList d;
    arrays_arg(fn, t->runtime, tangents, n, d);
    give_all(push_forward(t->tracing, y, d, {argnums, n}), out_tangents);
  });
}

qn_status qn_trace_vmap(qn_trace* t, qn_array* const* outputs, uint32_t n_out,
                        const int64_t* out_axes, qn_array** results, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(t, fn, "the trace");
    need(results, fn, "results");
    const ArrayList y = outputs_arg(fn, *t, outputs, n_out);
    if (t->tracing.has_values())
      fail_invalid("[", fn, "] the trace has values; expected one of QN_TRACE_PLACEHOLDERS");
    const std::vector<std::int64_t> first(n_out, 0);
    give_all(map_over(t->tracing, y, t->in, t->axes,
                      out_axes ? IntSpan(out_axes, n_out) : IntSpan(first)),
             results);
  });
}

qn_status qn_trace_checkpoint(qn_trace* t, qn_array* const* outputs, uint32_t n_out,
                              qn_array** results, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(t, fn, "the trace");
    need(results, fn, "results");
    const ArrayList y = outputs_arg(fn, *t, outputs, n_out);
    if (!t->tracing.has_values())
      fail_invalid("[", fn, "] the trace is of placeholders; expected one of QN_TRACE_VALUES");
    give_all(checkpointed(t->tracing, y, t->in), results);
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
