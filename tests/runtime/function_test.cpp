// Gradients, second order, compile and the errors of functions.
#include "helpers.h"

namespace quern_test {
namespace {

std::vector<A> cubes(const std::vector<A>& in) { return {sum(in[0] * in[0] * in[0])}; }
std::vector<A> product_sum(const std::vector<A>& in) { return {sum(matmul(in[0], in[1]) * in[2])}; }
std::vector<A> looks_inside(const std::vector<A>& in) {
  const A y = in[0] * in[0];
  eval({y});
  return {sum(y * in[0])};
}

TEST(Function, GradientOfCubes) {
  Rt rt;
  const Fn f(rt, cubes, 1, 1);
  const auto r = f.value_and_grad({0})({rt.floats({1, 2, -3}, {3})});
  EXPECT_EQ(item(r[0]), 1 + 8 - 27);
  EXPECT_EQ(values(r[1]), (std::vector<float>{3, 12, 27}));
}

TEST(Function, EvaluationInsideKeepsTheGradient) {
  Rt rt;
  const Fn f(rt, looks_inside, 1, 1);
  const auto r = f.value_and_grad({0})({rt.floats({1, 2, -3}, {3})});
  EXPECT_EQ(values(r[1]), (std::vector<float>{3, 12, 27}));
}

TEST(Function, SecondOrder) {
  Rt rt;
  const Fn f(rt, cubes, 1, 1);
  const Fn g = f.vjp({0});  // (x, ct) -> (y, 3 x^2 ct)
  const Fn h = g.vjp({0});  // (x, ct, ct_y, ct_g) -> (.., gradient)
  const A x = rt.floats({1, 2, -3}, {3});
  const auto r = h({x, rt.scalar(1), rt.scalar(0), rt.floats({1, 1, 1}, {3})});
  EXPECT_EQ(values(r[2]), (std::vector<float>{6, 12, -18}));
}

TEST(Function, UnusedArgumentHasZeroGradient) {
  Rt rt;
  const Fn f(
      rt, [](const std::vector<A>& in) { return std::vector<A>{sum(in[0])}; }, 2, 1);
  const auto r = f.value_and_grad({0, 1})({rt.floats({1, 2}, {2}), rt.floats({5, 6, 7}, {3})});
  EXPECT_EQ(values(r[1]), (std::vector<float>{1, 1}));
  EXPECT_EQ(values(r[2]), (std::vector<float>{0, 0, 0}));
}

TEST(Function, CompiledGivesTheSameAndTracesOnce) {
  static int traces;
  traces = 0;
  Rt rt;
  const Fn f(
      rt,
      [](const std::vector<A>& in) {
        ++traces;
        return product_sum(in);
      },
      3, 1);
  const Fn c = f.compile();
  const A x = rt.floats({1, 2, 3, 4}, {2, 2}), y = rt.floats({5, 6, 7, 8}, {2, 2});
  for (int i = 1; i <= 4; ++i) EXPECT_EQ(item(c({x, y, rt.scalar(i)})[0]), (19 + 22 + 43 + 50) * i);
  EXPECT_EQ(traces, 1);
  const auto r = c.value_and_grad({2})({x, y, rt.scalar(2)});
  EXPECT_EQ(item(r[1]), 19 + 22 + 43 + 50);
  const Fn compiled_gradient = f.value_and_grad({0}).compile();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(values(compiled_gradient({x, y, rt.scalar(1)})[1]),
              (std::vector<float>{11, 15, 11, 15}));
}

TEST(Function, CompiledViewsFollowTheInput) {
  Rt rt;
  const Fn f(
      rt,
      [](const std::vector<A>& in) {
        return std::vector<A>{reshape(transpose(in[0]), {4}), transpose(in[0])};
      },
      1, 2);
  const Fn c = f.compile();
  for (float v : {1.f, 2.f}) {
    const auto r = c({rt.floats({v, 2 * v, 3 * v, 4 * v}, {2, 2})});
    EXPECT_EQ(values(r[0]), (std::vector<float>{v, 3 * v, 2 * v, 4 * v}));
    EXPECT_EQ(values(r[1]), (std::vector<float>{v, 3 * v, 2 * v, 4 * v}));
  }
}

TEST(Function, CompiledPassesInputsAndConstantsThrough) {
  Rt rt;
  const Fn f(
      rt,
      [](const std::vector<A>& in) {
        return std::vector<A>{in[1], in[0] + in[0]};
      },
      2, 2);
  const Fn c = f.compile();
  for (float v : {1.f, 2.f}) {
    const auto r = c({rt.floats({v}, {1}), rt.floats({v * 10}, {1})});
    EXPECT_EQ(values(r[0]), (std::vector<float>{v * 10}));
    EXPECT_EQ(values(r[1]), (std::vector<float>{v * 2}));
  }
}

TEST(Function, ErrorsKeepTheCallbacksText) {
  Rt rt;
  const Fn f(
      rt, [](const std::vector<A>& in) { return std::vector<A>{matmul(in[0], in[0])}; }, 1, 1);
  try {
    f({rt.floats({1, 2, 3, 4, 5, 6}, {2, 3})});
    FAIL();
  } catch (const std::runtime_error& ex) {
    EXPECT_NE(std::string(ex.what()).find("[matmul]"), std::string::npos) << ex.what();
    EXPECT_NE(std::string(ex.what()).find("(2, 3)"), std::string::npos) << ex.what();
  }
}

TEST(Function, ValueAndGradWantsAScalar) {
  Rt rt;
  const Fn f(
      rt, [](const std::vector<A>& in) { return std::vector<A>{in[0] + in[0]}; }, 1, 1);
  EXPECT_THROW(f.value_and_grad({0})({rt.floats({1, 2}, {2})}), std::runtime_error);
  qn_fn* g = nullptr;
  const std::uint32_t bad = 7;
  Failure failure;
  EXPECT_EQ(qn_fn_value_and_grad(f, &bad, 1, &g, failure.slot()), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(g, nullptr);
}

}  // namespace
}  // namespace quern_test
