// Verify mode over the bundled plugins: every kernel of a small network is held against naive.
// What it catches is in hostile_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/runtime/helpers.h"

namespace quern_test {
namespace {

A random(const Rt& rt, std::vector<std::int64_t> shape, unsigned seed) {
  std::size_t n = 1;
  for (std::int64_t d : shape) n *= static_cast<std::size_t>(d);
  std::vector<float> v(n);
  for (float& f : v) {
    seed = seed * 1664525u + 1013904223u;
    f = static_cast<float>(seed >> 8) / 8388608.0f - 1.0f;
  }
  return rt.floats(v, std::move(shape));
}

// conv + bias + relu, pool, product + bias, log-softmax: fused epilogues, packed and blocked
// operands.
A network(const A& x, const A& w, const A& b, const A& v, const A& c) {
  const std::int64_t pad[] = {2}, two[] = {2};
  qn_array *y = nullptr, *p = nullptr, *s = nullptr;
  QN_CHECK(qn_conv2d(nullptr, x, w, nullptr, 0, pad, 1, nullptr, 0, 1, "nhwc", &y, e));
  const A conv(y);
  const A act = apply(qn_relu, conv + b);
  QN_CHECK(qn_max_pool(nullptr, act, two, 1, nullptr, 0, nullptr, 0, "nhwc", &p, e));
  const A flat = reshape(A(p), {4, -1});
  const std::int64_t last[] = {-1};
  const A logits = matmul(flat, v) + c;
  QN_CHECK(qn_log_softmax(nullptr, logits, last, 1, &s, e));
  return A(s);
}

struct Seen {
  std::uint64_t rows = 0, verified = 0;
  double max_error = 0;
  std::string text;
};

Seen report(const Rt& rt) {
  Seen seen;
  QN_CHECK(qn_report_kernels(
      rt,
      [](void* self, const qn_kernel_report* r) {
        auto& s = *static_cast<Seen*>(self);
        ++s.rows;
        s.verified += r->verified;
        s.max_error = std::max(s.max_error, r->max_error);
        s.text += std::string(r->op) + " " + r->plugin + "/" + r->kernel + " " +
                  std::to_string(r->verified) + " " + std::to_string(r->max_error) + "\n";
      },
      &seen, e));
  return seen;
}

std::vector<float> run(const Rt& rt, int times) {
  const A x = random(rt, {4, 12, 12, 3}, 1), w = random(rt, {20, 5, 5, 3}, 2),
          b = random(rt, {20}, 3), v = random(rt, {720, 33}, 4), c = random(rt, {33}, 5);
  std::vector<float> out;
  for (int i = 0; i < times; ++i) out = values(network(x, w, b, v, c));
  return out;
}

TEST(Verify, BundledKernelsAgreeWithNaive) {
  for (const char* rules : {"", "*=onednn|simd|naive", "*=tbb|simd|naive", "*=openblas|naive"}) {
    SCOPED_TRACE(rules);
    const Rt plain(rules), verified(rules);
    QN_CHECK(qn_set_verify(verified, 1, e));
    EXPECT_EQ(run(verified, 3), run(plain, 3));  // verified results are the chosen kernels' own
    const Seen seen = report(verified);
    EXPECT_GT(seen.rows, 3u);
    EXPECT_GE(seen.verified, seen.rows) << seen.text;
    EXPECT_LT(seen.max_error, 1e-4) << seen.text;
    EXPECT_EQ(verified.stats().faults, 0u) << seen.text;
    EXPECT_EQ(report(plain).verified, 0u);
  }
}

// What follows a depthwise convolution, as networks write it: scales and shifts of channels,
// bounds, silu, a residual, in several orders; also a bound that is no number.
// Not evaluated: what is held by a handle would be kept apart.
A depthwise(const Rt& rt, int chain) {
  const std::int64_t pad[] = {1};
  const A x = random(rt, {2, 9, 11, 20}, 1), w = random(rt, {20, 3, 3, 1}, 2),
          m = random(rt, {20}, 3), s = random(rt, {20}, 4), r = random(rt, {2, 9, 11, 20}, 5),
          low = rt.floats({-0.5f}, {}), high = rt.floats({chain == 4 ? NAN : 0.75f}, {});
  qn_array* y = nullptr;
  QN_CHECK(qn_conv2d(nullptr, x, w, nullptr, 0, pad, 1, nullptr, 0, 20, "nhwc", &y, e));
  const auto bounded = [&](const A& a) {
    return apply(qn_minimum, apply(qn_maximum, a, low), high);
  };
  const auto silu = [](const A& a) { return a * apply(qn_sigmoid, a); };
  const A conv(y);
  switch (chain) {
    case 0:
      return bounded((conv - m) * s + m);
    case 1:
      return silu(conv * s) + r;
    case 2:
      return bounded(apply(qn_relu, conv + r) * s);
    case 3:
      return silu(bounded(conv + m)) * s;
    default:
      return bounded(conv + m) + r;
  }
}

TEST(Verify, EpiloguesOfDepthwiseConvolution) {
  for (int chain = 0; chain < 5; ++chain) {
    SCOPED_TRACE(chain);
    const Rt verified("*=simd|naive"), plain("*=naive");
    QN_CHECK(qn_set_verify(verified, 1, e));
    const std::vector<float> y = values(depthwise(verified, chain)),
                             want = values(depthwise(plain, chain));
    ASSERT_EQ(y.size(), want.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (std::isnan(want[i]))
        ASSERT_TRUE(std::isnan(y[i])) << i;
      else
        ASSERT_NEAR(y[i], want[i], 1e-5) << i;
    }
    const Seen seen = report(verified);
    const char* last[] = {"minimum", "add", "minimum", "multiply", "add"};  // nothing is left over
    EXPECT_NE(seen.text.find(last[chain] + std::string(" simd/conv.depthwise")), std::string::npos)
        << seen.text;
    EXPECT_EQ(verified.stats().faults, 0u) << seen.text;
  }
}

TEST(Verify, SamplesEveryNthRun) {
  const Rt rt;
  const A x = rt.floats({1, 2, 3}, {3});
  QN_CHECK(qn_set_verify(rt, 4, e));
  for (int i = 0; i < 9; ++i) values(x + x);
  EXPECT_EQ(report(rt).verified, 3u);  // runs 0, 4 and 8
  QN_CHECK(qn_set_verify(rt, 0, e));
  for (int i = 0; i < 9; ++i) values(x + x);
  EXPECT_EQ(report(rt).verified, 0u);
}

TEST(Verify, NullRuntimeIsAnError) {
  qn_error* error = nullptr;
  EXPECT_EQ(qn_set_verify(nullptr, 1, &error), QN_E_INVALID_ARGUMENT);
  qn_error_free(error);
  error = nullptr;
  EXPECT_EQ(qn_report_quarantined(nullptr, nullptr, nullptr, &error), QN_E_INVALID_ARGUMENT);
  qn_error_free(error);
}

}  // namespace
}  // namespace quern_test
