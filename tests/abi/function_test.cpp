// Functions through the ABI: who owns the callback's state, the arrays and the errors.
// What the transforms compute is tested with the transforms.
#include "support.h"

namespace {

struct State {
  int calls = 0, dropped = 0;
  qn_status status = QN_OK;
};

// out = in0 * in0
qn_status square(void* self, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out,
                 qn_error** error) {
  State& s = *static_cast<State*>(self);
  ++s.calls;
  if (n_in != 1 || n_out != 1) return QN_E_INTERNAL;
  if (s.status != QN_OK) {
    qn_error_new(s.status, "refused by the callback", error);
    return s.status;
  }
  return qn_multiply(nullptr, in[0], in[0], out, error);
}

void drop(void* self) { ++static_cast<State*>(self)->dropped; }

class Functions : public AbiTest {};

TEST_F(Functions, LifeCycle) {
  State s;
  qn_fn *f = nullptr, *g = nullptr, *c = nullptr;
  const uint32_t zero = 0;
  ASSERT_WORKS(qn_fn_create(rt, square, &s, drop, 1, 1, &f, &e));
  EXPECT_EQ(qn_fn_n_in(f), 1u);
  EXPECT_EQ(qn_fn_n_out(f), 1u);
  EXPECT_EQ(qn_fn_retain(f), f);
  qn_fn_release(f);
  ASSERT_WORKS(qn_fn_value_and_grad(f, &zero, 1, &g, &e));
  ASSERT_WORKS(qn_fn_compile(g, &c, &e));
  EXPECT_EQ(qn_fn_n_out(c), 2u);
  qn_fn_release(f);
  qn_fn_release(g);
  EXPECT_EQ(s.dropped, 0);  // c keeps it
  qn_array* x = floats({3}, {});
  for (int i = 0; i < 3; ++i) {
    qn_array* out[2] = {};
    ASSERT_WORKS(qn_fn_call(c, &x, 1, out, 2, &e));
    EXPECT_EQ(values(keep(out[0]))[0], 9);
    EXPECT_EQ(values(keep(out[1]))[0], 6);
  }
  EXPECT_EQ(s.calls, 1);  // later calls replay the graph
  qn_fn_release(c);
  qn_error* e = nullptr;
  qn_runtime_clear_cache(rt, &e);
  EXPECT_EQ(s.dropped, 1);
}

TEST_F(Functions, DropAlsoWhenCreationFails) {
  State s;
  qn_fn* f = nullptr;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "", qn_fn_create(nullptr, square, &s, drop, 1, 1, &f, &e));
  EXPECT_EQ(s.dropped, 1);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "", qn_fn_create(rt, square, &s, drop, 1, 0, &f, &e));
  EXPECT_EQ(s.dropped, 2);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "", qn_fn_create(rt, square, &s, drop, 1, 1, nullptr, &e));
  EXPECT_EQ(s.dropped, 3);
}

TEST_F(Functions, CallbackErrorsComeThrough) {
  State s;
  s.status = QN_E_CANCELLED;
  qn_fn* f = nullptr;
  ASSERT_WORKS(qn_fn_create(rt, square, &s, drop, 1, 1, &f, &e));
  qn_array *x = floats({3}, {}), *out = nullptr;
  EXPECT_FAILS(QN_E_CANCELLED, "refused by the callback", qn_fn_call(f, &x, 1, &out, 1, &e));
  EXPECT_EQ(out, nullptr);
  qn_fn_release(f);
  // without a text, and with a code of no meaning
  auto fail = [](void*, qn_array* const*, uint32_t, qn_array**, uint32_t, qn_error**) -> qn_status {
    return 12345;
  };
  ASSERT_WORKS(qn_fn_create(rt, fail, nullptr, nullptr, 1, 1, &f, &e));
  EXPECT_FAILS(12345, "without a message", qn_fn_call(f, &x, 1, &out, 1, &e));
  qn_fn_release(f);
}

TEST_F(Functions, FunctionsKeepTheirRuntime) {
  State s;
  qn_fn* f = nullptr;
  qn_array *x = nullptr, *y = nullptr;
  ASSERT_WORKS(qn_scalar(rt, 4, QN_F32, &x, &e));
  ASSERT_WORKS(qn_fn_create(rt, square, &s, drop, 1, 1, &f, &e));
  qn_runtime_release(rt);
  rt = nullptr;
  ASSERT_WORKS(qn_fn_call(f, &x, 1, &y, 1, &e));
  EXPECT_EQ(values(y)[0], 16);
  qn_array_release(x);
  qn_array_release(y);
  qn_fn_release(f);
  EXPECT_EQ(s.dropped, 1);
}

TEST_F(Functions, ACallbackMayGiveItsInputBack) {
  auto same = [](void*, qn_array* const* in, uint32_t, qn_array** out, uint32_t,
                 qn_error**) -> qn_status {
    out[0] = qn_array_retain(in[0]);
    out[1] = qn_array_retain(in[0]);
    return QN_OK;
  };
  qn_fn* f = nullptr;
  ASSERT_WORKS(qn_fn_create(rt, same, nullptr, nullptr, 1, 2, &f, &e));
  qn_array *x = floats({4, 5}, {2}), *out[2] = {};
  ASSERT_WORKS(qn_fn_call(f, &x, 1, out, 2, &e));
  EXPECT_EQ(values(keep(out[0])), values(keep(out[1])));
  qn_fn_release(f);
}

}  // namespace
