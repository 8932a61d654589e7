// Scenarios of functions: called, differentiated, compiled; callbacks that fail.
#include "functions.h"

namespace faults {

// Callbacks run armed, inside a call: plain code that passes failures on.
qn_status square_sum(void*, qn_array* const* in, uint32_t, qn_array** out, uint32_t,
                     qn_error** error) {
  qn_array *sq = nullptr, *sum = nullptr;
  qn_status s = qn_multiply(nullptr, in[0], in[0], &sq, error);
  if (!s) s = qn_sum(nullptr, sq, nullptr, 0, 0, &sum, error);
  qn_array_release(sq);
  if (!s) out[0] = sum;
  return s;
}

// loss of a dense layer: sum(tanh(x @ w)^2)
qn_status layer(void*, qn_array* const* in, uint32_t, qn_array** out, uint32_t, qn_error** error) {
  qn_array *y = nullptr, *t = nullptr;
  qn_status s = qn_matmul(nullptr, in[0], in[1], &y, error);
  if (!s) s = qn_tanh(nullptr, y, &t, error);
  if (!s) s = square_sum(nullptr, &t, 1, out, 1, error);
  qn_array_release(y);
  qn_array_release(t);
  return s;
}

qn_fn* function(Env& e, qn_callback f, uint32_t n_in) {
  qn_fn** out = e.fn();
  CALL(qn_fn_create, e.rt, f, static_cast<void*>(nullptr), static_cast<qn_release_fn>(nullptr),
       n_in, 1u, out);
  return *out;
}

qn_fn* differentiate(Env& e, const char* name, Transform t, qn_fn* f, uint32_t argnum) {
  qn_fn** out = e.fn();
  e.call(name, t, f, static_cast<const uint32_t*>(&argnum), 1u, out);
  return *out;
}
qn_fn* grad(Env& e, qn_fn* f, uint32_t argnum) {
  return differentiate(e, "qn_fn_value_and_grad", qn_fn_value_and_grad, f, argnum);
}
qn_fn* compiled(Env& e, qn_fn* f) {
  qn_fn** out = e.fn();
  CALL(qn_fn_compile, f, out);
  return *out;
}

// Calls f and evaluates what it returns.
void apply(Env& e, qn_fn* f, std::vector<qn_array*> in) {
  const uint32_t n_out = USE(qn_fn_n_out, static_cast<const qn_fn*>(f));
  EXPECT_EQ(USE(qn_fn_n_in, static_cast<const qn_fn*>(f)), in.size());
  e.eval(e.several(n_out, [&](qn_array** out) {
    CALL(qn_fn_call, f, static_cast<qn_array* const*>(in.data()), static_cast<uint32_t>(in.size()),
         out, n_out);
  }));
}

namespace {

qn_status refuse(void*, qn_array* const*, uint32_t, qn_array**, uint32_t, qn_error** error) {
  return qn_error_new(QN_E_RESOURCE_EXHAUSTED, "refused by the callback, with a long text", error);
}

void dropped_one(void* self) { ++*static_cast<int*>(self); }

// Gradient of x * x made by hand: 3 times the cotangent.
qn_status thrice(void*, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t,
                 qn_error** error) {
  qn_array* three = nullptr;
  qn_status s = qn_scalar(qn_array_runtime(in[0]), 3, QN_F32, &three, error);
  if (!s) s = qn_multiply(nullptr, in[n_in - 1], three, &out[0], error);
  qn_array_release(three);
  return s;
}

}  // namespace

std::vector<Scenario> function_scenarios() {
  return {
      {"function", [](Env& e) { apply(e, function(e, square_sum, 1), {e.ramp({3})}); }},
      {"function references",
       [](Env& e) {
         qn_fn* f = function(e, square_sum, 1);
         EXPECT_EQ(USE(qn_fn_retain, f), f);
         USE(qn_fn_release, f);
       }},
      {"state of a function is dropped",
       [](Env& e) {
         int dropped = 0;
         qn_fn* f = nullptr;
         qn_error* error = nullptr;
         const qn_status s = USE(qn_fn_create, e.rt, square_sum, static_cast<void*>(&dropped),
                                 dropped_one, 1u, 1u, &f, &error);
         if (s == QN_OK) {
           EXPECT_EQ(dropped, 0);
           USE(qn_fn_release, f);
         }
         EXPECT_EQ(dropped, 1);
         qn_error_free(error);
       }},
      {"callback that fails",
       [](Env& e) {
         qn_fn* f = function(e, refuse, 1);
         qn_array *x = e.ramp({2}), *out = nullptr;
         qn_error* error = nullptr;
         EXPECT_EQ(USE(qn_fn_call, f, &x, 1u, &out, 1u, &error), QN_E_RESOURCE_EXHAUSTED);
         EXPECT_EQ(out, nullptr);
         EXPECT_NE(error, nullptr);
         qn_error_free(error);
       }},
      {"gradient", [](Env& e) { apply(e, grad(e, function(e, square_sum, 1)), {e.ramp({3})}); }},
      {"gradient of a layer",
       [](Env& e) {
         apply(e, grad(e, function(e, layer, 2), 1), {e.ramp({2, 3}), e.ramp({3, 2})});
       }},
      {"vector-Jacobian product",
       [](Env& e) {
         qn_fn* f = differentiate(e, "qn_fn_vjp", qn_fn_vjp, function(e, square_sum, 1), 0);
         apply(e, f, {e.ramp({3}), e.data({2}, {})});
       }},
      {"second derivative",
       [](Env& e) {
         qn_fn* first = differentiate(e, "qn_fn_vjp", qn_fn_vjp, function(e, square_sum, 1), 0);
         qn_fn* second = differentiate(e, "qn_fn_vjp", qn_fn_vjp, first, 0);
         apply(e, second, {e.ramp({3}), e.data({1}, {}), e.data({1}, {}), e.ramp({3})});
       }},
      {"compiled",
       [](Env& e) {
         qn_fn* f = compiled(e, function(e, layer, 2));
         for (int i = 0; i < 3; ++i) apply(e, f, {e.ramp({2, 3}), e.ramp({3, 2})});
         apply(e, f, {e.ramp({1, 3}), e.ramp({3, 2})});
       }},
      {"gradient of one's own",
       [](Env& e) {
         qn_array* x = e.ramp({3});
         qn_array* y = e.op("multiply", {x, x});
         qn_fn* vjp = function(e, thrice, 3);
         CALL(qn_custom_gradient, static_cast<qn_array* const*>(&x), 1u,
              static_cast<qn_array* const*>(&y), 1u, vjp, static_cast<qn_fn*>(nullptr),
              static_cast<qn_fn*>(nullptr), e.array());
       }},
      {"compiled gradient",
       [](Env& e) {
         qn_fn* f = compiled(e, grad(e, function(e, layer, 2), 1));
         for (int i = 0; i < 2; ++i) apply(e, f, {e.ramp({2, 3}), e.ramp({3, 2})});
       }},
  };
}

}  // namespace faults
