// Traces: transforms without a callback, their nesting, arrays that leave through side channels.
#include <thread>

#include "traced.h"

namespace quern_test {
namespace {

using F = std::vector<float>;

TEST(Trace, Gradient) {
  Rt rt;
  const A x = rt.floats({1, 2, -3}, {3}), y = rt.floats({4, 5, 6}, {3});
  Traced t(rt, {x, y});
  const A &a = t.inputs[0], &b = t.inputs[1];
  const A out = sum(a * a * b), other = a + b;
  const auto g = t.vjp({out}, {rt.scalar(1)}, {0, 1});
  const auto h = t.vjp({out, other}, {rt.scalar(2), x}, {1});
  t.end();
  EXPECT_EQ(values(g[0]), (F{8, 20, -36}));
  EXPECT_EQ(values(g[1]), (F{1, 4, 9}));
  EXPECT_EQ(values(h[0]), (F{2 + 1, 8 + 2, 18 - 3}));
  EXPECT_EQ(item(out), 4 + 20 + 54);
}

TEST(Trace, GradientOfGradient) {
  Rt rt;
  const A x = rt.floats({1, 2, -3}, {3});
  Traced outer(rt, {x});
  A first;
  {
    Traced inner(rt, {outer.inputs[0]});
    const A& a = inner.inputs[0];
    first = inner.vjp({sum(a * a * a)}, {rt.scalar(1)})[0];
    EXPECT_EQ(values(first), (F{3, 12, 27}));  // evaluated inside both
  }
  const A second = outer.vjp({sum(first)}, {rt.scalar(1)})[0];
  outer.end();
  EXPECT_EQ(values(second), (F{6, 12, -18}));
}

TEST(Trace, TransformsOfOtherVariablesDoNotMix) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2}), w = rt.floats({3, 5}, {2});
  Traced tw(rt, {w});
  Traced tx(rt, {x});  // does not depend on w
  A y = tx.inputs[0] * tw.inputs[0];
  for (int i = 0; i < 50; ++i) y = y * tx.inputs[0] * tw.inputs[0] - y;
  const A z = tx.inputs[0] * tw.inputs[0] * tw.inputs[0];
  const A gx = tx.vjp({sum(z)}, {rt.scalar(1)})[0];
  EXPECT_EQ(values(gx), (F{9, 25}));
  tx.end();
  const A gw = tw.vjp({sum(gx)}, {rt.scalar(1)})[0];
  EXPECT_EQ(values(gw), (F{6, 10}));
}

TEST(Trace, EvaluatedArraysLoseTheirGraphAtTheEnd) {
  Rt rt;
  std::vector<float> big(1 << 16, 1.f);
  const std::uint64_t before = rt.stats().bytes_active;
  A kept, chain = rt.floats(big, {1 << 16});
  for (int step = 0; step < 5; ++step) {
    const A x = rt.floats(big, {1 << 16});
    Traced t(rt, {x});
    chain = chain + t.inputs[0] * t.inputs[0];  // leaves through a side channel
    eval({chain});
    kept = sum(chain * t.inputs[0]);
    eval({kept});
    EXPECT_EQ(values(t.vjp({kept}, {rt.scalar(1)})[0])[0], static_cast<float>(step + 4));
  }
  QN_CHECK(qn_runtime_clear_cache(rt, e));
  EXPECT_EQ(item(kept), 6.0 * (1 << 16));
  EXPECT_LT(rt.stats().bytes_active - before, 3 * big.size() * sizeof(float));
}

TEST(Trace, GradientsThroughIntegersWhereAskedFor) {
  Rt rt;
  const std::int32_t numbers[] = {2, 1, 2};
  const std::int64_t three = 3;
  qn_array* made = nullptr;
  QN_CHECK(qn_array_from_data(rt, numbers, &three, 1, QN_I32, &made, e));
  const A i(made), x = rt.floats({1, 2, 3}, {3});
  const auto cast = [&](const A& a, qn_dtype t) {
    qn_array* out = nullptr;
    QN_CHECK(qn_astype(rt, a, t, &out, e));
    return A(out);
  };
  {
    Traced t(rt, {i, x});
    EXPECT_THROW(t.vjp({t.inputs[0] * t.inputs[1]}, {x}, {0}), std::runtime_error);
    const A cut = cast(cast(t.inputs[1], QN_I32), QN_F32);
    EXPECT_EQ(values(t.vjp({cut}, {x}, {1})[0]), (F{0, 0, 0}));
  }
  Traced t(rt, {i, x}, QN_TRACE_INTEGERS);
  const A product = t.inputs[0] * t.inputs[1];
  const A back = t.vjp({product}, {x}, {0})[0];
  EXPECT_EQ(qn_array_dtype(back), QN_I32);
  EXPECT_EQ(values(cast(back, QN_F32)), (F{1, 4, 9}));
  const A cut = cast(cast(t.inputs[1], QN_I32), QN_F32);
  EXPECT_EQ(values(t.vjp({cut}, {x}, {1})[0]), (F{1, 2, 3}));
  qn_array* taken = nullptr;
  QN_CHECK(qn_take(rt, t.inputs[1], t.inputs[0], 0, &taken, e));
  const A picked(taken);
  EXPECT_EQ(values(t.vjp({picked}, {x}, {1})[0]), (F{0, 2, 4}));
  EXPECT_THROW(t.vjp({picked}, {x}, {0}), std::runtime_error);  // of indices
}

TEST(Trace, PlaceholdersHaveNoValue) {
  Rt rt;
  const A x = rt.floats({1, 2, 3}, {3});
  Traced t(rt, {x}, QN_TRACE_PLACEHOLDERS);
  const A y = t.inputs[0] + x;
  Failure failure;
  const qn_array* list[] = {y};
  EXPECT_EQ(qn_eval(const_cast<qn_array**>(list), 1, failure.slot()), QN_E_FAILED_PRECONDITION);
  EXPECT_NE(failure.text().find("no value"), std::string::npos) << failure.text();
  t.end();
  EXPECT_THROW(values(y), std::runtime_error);  // nor afterwards
  EXPECT_THROW(values(t.inputs[0]), std::runtime_error);
  EXPECT_EQ(values(x), (F{1, 2, 3}));
}

TEST(Trace, CompileReplaysForOtherValues) {
  Rt rt;
  const A c = rt.floats({10, 20, 30}, {3}), lazy = c + c;
  const A x = rt.floats({1, 2, 3}, {3});
  Traced t(rt, {x, c}, QN_TRACE_PLACEHOLDERS);
  const A y = t.inputs[0] * t.inputs[1] + lazy;
  const Fn f = t.compile({y, t.inputs[0], lazy, reshape(t.inputs[1], {1, 3})});
  t.end();
  for (float v : {1.f, 2.f}) {
    const auto r = f({rt.floats({v, v, v}, {3}), c});
    EXPECT_EQ(values(r[0]), (F{10 * v + 20, 20 * v + 40, 30 * v + 60}));
    EXPECT_EQ(values(r[1]), (F{v, v, v}));
    EXPECT_EQ(values(r[2]), (F{20, 40, 60}));
    EXPECT_EQ(values(r[3]), (F{10, 20, 30}));
  }
  const std::uint64_t misses = rt.stats().plan_misses;
  f({x, c});
  EXPECT_EQ(rt.stats().plan_misses, misses);
  EXPECT_THROW(f({rt.floats({1, 2}, {2}), c}), std::runtime_error);
  // Inputs that lie otherwise.
  qn_array* back = nullptr;
  const std::int64_t start = 2, stop = -4, step = -1;
  QN_CHECK(qn_slice(nullptr, x, &start, 1, &stop, 1, &step, 1, &back, e));
  EXPECT_EQ(values(f({A(back), c})[0]), (F{30 + 20, 40 + 40, 30 + 60}));
}

TEST(Trace, CompileAroundAndInsideGradients) {
  Rt rt;
  const A x = rt.floats({1, 2, -3}, {3});
  Traced t(rt, {x}, QN_TRACE_PLACEHOLDERS);
  std::vector<A> g;
  {
    Traced inner(rt, {t.inputs[0]});
    const A& a = inner.inputs[0];
    g = inner.vjp({sum(a * a * a)}, {rt.scalar(1)});
  }
  const Fn f = t.compile({g[0]});
  t.end();
  EXPECT_EQ(values(f({x})[0]), (F{3, 12, 27}));
  EXPECT_EQ(values(f({x + x})[0]), (F{12, 48, 108}));
  Traced outer(rt, {x});  // the compiled gradient differentiated
  const A second = outer.vjp({sum(f({outer.inputs[0]})[0])}, {rt.scalar(1)})[0];
  outer.end();
  EXPECT_EQ(values(second), (F{6, 12, -18}));
}

TEST(Trace, CompiledFunctionMayCloseOverTracedArrays) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2}), w = rt.floats({3, 5}, {2});
  Traced tw(rt, {w});
  Traced t(rt, {x}, QN_TRACE_PLACEHOLDERS);
  const Fn f = t.compile({t.inputs[0] * tw.inputs[0]});
  t.end();
  const A y = f({x})[0];
  EXPECT_EQ(values(tw.vjp({sum(y * y)}, {rt.scalar(1)})[0]), (F{6, 40}));
  tw.end();
  EXPECT_EQ(values(f({x})[0]), (F{3, 10}));
}

TEST(Trace, CompileOfATraceWithValues) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2});
  Traced t(rt, {x});
  const A y = t.inputs[0] * t.inputs[0];
  EXPECT_EQ(values(y), (F{1, 4}));
  const Fn f = t.compile({y + t.inputs[0]});
  t.end();
  EXPECT_EQ(values(f({rt.floats({5, 6}, {2})})[0]), (F{30, 42}));
}

// gradient := in0 * 100 * cotangent
std::vector<A> hundred(const std::vector<A>& in) {
  const A two = in[0] + in[0];
  A g = two * in[2];
  for (int i = 0; i < 2; ++i) g = g + g + g + g + g;  // * 25
  return {g + g};
}

TEST(Trace, CustomGradient) {
  Rt rt;
  const A x = rt.floats({1, 2, -3}, {3});
  const Fn rule(rt, hundred, 3, 1);
  Traced outer(rt, {x}), t(rt, {outer.inputs[0]});
  const A v = t.inputs[0] * t.inputs[0];
  qn_array *in[] = {t.inputs[0]}, *value[] = {v}, *out = nullptr;
  QN_CHECK(qn_custom_gradient(in, 1, value, 1, rule, nullptr, nullptr, &out, e));
  const A y(out);
  EXPECT_EQ(values(y), (F{1, 4, 9}));
  const A g = t.vjp({sum(y)}, {rt.scalar(1)})[0];
  t.end();
  EXPECT_EQ(values(g), (F{100, 200, -300}));
  const A h = outer.vjp({sum(g)}, {rt.scalar(1)})[0];
  outer.end();
  EXPECT_EQ(values(h), (F{100, 100, 100}));
}

TEST(Trace, ResultsThatNobodyHeldAreRecordedAnew) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2});
  const Fn rule(
      rt, [](const std::vector<A>& in) { return std::vector<A>{in[3] * in[2] + in[4] * in[1]}; }, 5,
      1);
  Traced t(rt, {x});
  const A v = t.inputs[0] * t.inputs[0], w = v * t.inputs[0];
  qn_array *in[] = {t.inputs[0]}, *value[] = {v, w}, *out[2] = {};
  QN_CHECK(qn_custom_gradient(in, 1, value, 2, rule, nullptr, nullptr, out, e));
  const A first(out[0]);
  qn_array_release(out[1]);
  EXPECT_EQ(values(t.vjp({first}, {rt.floats({1, 1}, {2})})[0]), (F{1, 8}));
}

TEST(Trace, SeveralThreads) {
  Rt rt;
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  const A shared = rt.floats({2, 2}, {2});
  for (int k = 0; k < 4; ++k)
    threads.emplace_back([&, k] {
      for (int i = 0; i < 20; ++i) {
        const float v = static_cast<float>(k + i);
        const A x = rt.floats({v, 1}, {2});
        Traced t(rt, {x, shared});
        const A y = t.inputs[0] * t.inputs[0] * t.inputs[1];
        if (i % 2) eval({y});
        const A g = t.vjp({sum(y)}, {rt.scalar(1)})[0];
        if (i % 3) t.end();
        if (values(g) != F{4 * v, 4}) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Trace, BadArguments) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2}), n = rt.scalar(1, QN_I32);
  Traced t(rt, {x, n});
  const A y = sum(t.inputs[0] * t.inputs[0]);
  EXPECT_THROW(t.vjp({y}, {x}), std::runtime_error);                     // cotangent's shape
  EXPECT_THROW(t.vjp({y}, {rt.scalar(1)}, {1}), std::runtime_error);     // an integer
  EXPECT_THROW(t.vjp({y}, {rt.scalar(1)}, {2}), std::runtime_error);     // no such input
  EXPECT_THROW(t.vjp({y}, {rt.scalar(1)}, {0, 0}), std::runtime_error);  // twice
  EXPECT_THROW(Traced(rt, {x}, 4), std::runtime_error);
  EXPECT_THROW(Traced(rt, {x}, QN_TRACE_VALUES, {0}), std::runtime_error);
  EXPECT_THROW(Traced(rt, {x}, QN_TRACE_PLACEHOLDERS, {1}), std::runtime_error);
  EXPECT_EQ(values(t.vjp({y}, {rt.scalar(1)})[0]), (F{2, 4}));
  const Fn rule(rt, hundred, 2, 1);  // must take 3
  qn_array *in[] = {x}, *out = nullptr;
  Failure failure;
  EXPECT_EQ(qn_custom_gradient(in, 1, in, 1, rule, nullptr, nullptr, &out, failure.slot()),
            QN_E_INVALID_ARGUMENT);
  EXPECT_NE(failure.text().find("expected 3 and 1"), std::string::npos) << failure.text();
  EXPECT_EQ(out, nullptr);
  qn_trace_end(nullptr);
}

}  // namespace
}  // namespace quern_test
