// Scenarios of transforms: forward mode, mapping, checkpoints, and traces without a callback.
#include "functions.h"

namespace faults {
namespace {

// A trace of one input, sum(x * x), with `axis` of an input of one axis more.
qn_trace* trace(Env& e, uint32_t flags, qn_array** loss, const int64_t* axis = nullptr) {
  qn_array* in[] = {axis ? e.ramp({2, 3}) : e.ramp({3})};
  qn_array** traced = e.array();
  qn_trace** out = e.result(qn_trace_end);
  e.cover("qn_trace_end");
  CALL(qn_trace_begin, e.rt, static_cast<qn_array* const*>(in), 1u, axis, flags, traced, out);
  *loss = e.op("sum", {e.op("multiply", {*traced, *traced})});
  return *out;
}

}  // namespace

std::vector<Scenario> transform_scenarios() {
  return {
      {"tangents of a function",
       [](Env& e) {
         qn_fn* f = differentiate(e, "qn_fn_jvp", qn_fn_jvp, function(e, layer, 2), 0);
         apply(e, f, {e.ramp({2, 3}), e.ramp({3, 2}), e.ramp({2, 3})});
       }},
      {"function mapped",
       [](Env& e) {
         const int64_t in_axes[] = {1, QN_AXIS_NONE};
         qn_fn* body = function(e, layer, 2);
         qn_fn** f = e.fn();
         CALL(qn_fn_vmap, body, static_cast<const int64_t*>(in_axes),
              static_cast<const int64_t*>(nullptr), f);
         apply(e, *f, {e.ramp({2, 4, 3}), e.ramp({3, 2})});
       }},
      {"gradient mapped",
       [](Env& e) {
         qn_fn* body = grad(e, function(e, square_sum, 1));
         qn_fn** f = e.fn();
         CALL(qn_fn_vmap, body, static_cast<const int64_t*>(nullptr),
              static_cast<const int64_t*>(nullptr), f);
         apply(e, compiled(e, *f), {e.ramp({4, 3})});
       }},
      {"function checkpointed",
       [](Env& e) {
         qn_fn* body = function(e, layer, 2);
         qn_fn** f = e.fn();
         CALL(qn_fn_checkpoint, body, f);
         apply(e, grad(e, *f), {e.ramp({2, 3}), e.ramp({3, 2})});
       }},
      {"trace differentiated",
       [](Env& e) {
         qn_array *loss = nullptr, *one = e.data({1}, {});
         qn_trace* t = trace(e, QN_TRACE_VALUES, &loss);
         const uint32_t argnum = 0;
         qn_array** grad = e.array();
         CALL(qn_trace_vjp, t, static_cast<qn_array* const*>(&loss), 1u,
              static_cast<qn_array* const*>(&one), &argnum, 1u, grad);
         e.eval({*grad, loss});
       }},
      {"trace compiled",
       [](Env& e) {
         qn_array* loss = nullptr;
         qn_trace* t = trace(e, QN_TRACE_PLACEHOLDERS, &loss);
         qn_fn** f = e.fn();
         CALL(qn_trace_compile, t, static_cast<qn_array* const*>(&loss), 1u, f);
         apply(e, *f, {e.ramp({3})});
       }},
      {"tangents of a trace",
       [](Env& e) {
         qn_array *loss = nullptr, *one = e.ramp({3});
         qn_trace* t = trace(e, QN_TRACE_VALUES, &loss);
         const uint32_t argnum = 0;
         qn_array** tangent = e.array();
         CALL(qn_trace_jvp, t, static_cast<qn_array* const*>(&loss), 1u,
              static_cast<qn_array* const*>(&one), &argnum, 1u, tangent);
         e.eval({*tangent});
       }},
      {"trace mapped",
       [](Env& e) {
         qn_array* loss = nullptr;
         const int64_t axis = 0;
         qn_trace* t = trace(e, QN_TRACE_PLACEHOLDERS, &loss, &axis);
         qn_array** mapped = e.array();
         CALL(qn_trace_vmap, t, static_cast<qn_array* const*>(&loss), 1u,
              static_cast<const int64_t*>(nullptr), mapped);
         e.eval({*mapped});
       }},
      {"trace checkpointed",
       [](Env& e) {
         qn_array* loss = nullptr;
         qn_trace* t = trace(e, QN_TRACE_VALUES, &loss);
         qn_array** same = e.array();
         CALL(qn_trace_checkpoint, t, static_cast<qn_array* const*>(&loss), 1u, same);
         e.eval({*same});
       }},
  };
}

}  // namespace faults
