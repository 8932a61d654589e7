// Values made of leaves alone are kept while these do not change, and scales of channels are folded
// into the weights before them. Held against sums in double precision.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "helpers.h"

using namespace quern_test;

namespace {

constexpr std::int64_t kN = 2, kH = 9, kW = 7, kIn = 5, kOut = 6;
constexpr double kEps = 1e-3;

// Convolution 3x3 with padding, batch normalisation by fixed statistics, clamp.
struct Net {
  std::vector<float> x, w, mean, var, gamma, beta;
  explicit Net(unsigned seed = 3) {
    std::mt19937 gen(seed);
    const auto some = [&](std::int64_t n, float low, float high) {
      std::vector<float> v(static_cast<std::size_t>(n));
      for (float& f : v) f = std::uniform_real_distribution<float>(low, high)(gen);
      return v;
    };
    x = some(kN * kH * kW * kIn, -1, 1);
    w = some(kOut * 9 * kIn, -1, 1);
    mean = some(kOut, -1, 1);
    var = some(kOut, 0.5, 2);
    gamma = some(kOut, -2, 2);
    beta = some(kOut, -1, 1);
  }
  std::vector<double> expected() const {
    std::vector<double> y;
    for (std::int64_t n = 0; n < kN; ++n)
      for (std::int64_t i = 0; i < kH; ++i)
        for (std::int64_t j = 0; j < kW; ++j)
          for (std::int64_t o = 0; o < kOut; ++o) {
            double sum = 0;
            for (std::int64_t a = 0; a < 3; ++a)
              for (std::int64_t b = 0; b < 3; ++b)
                for (std::int64_t c = 0; c < kIn; ++c) {
                  const std::int64_t r = i + a - 1, s = j + b - 1;
                  if (r >= 0 && r < kH && s >= 0 && s < kW)
                    sum += double(x[std::size_t(((n * kH + r) * kW + s) * kIn + c)]) *
                           double(w[std::size_t(((o * 3 + a) * 3 + b) * kIn + c)]);
                }
            const auto k = static_cast<std::size_t>(o);
            sum = (sum - double(mean[k])) / std::sqrt(double(var[k]) + kEps) * double(gamma[k]) +
                  double(beta[k]);
            y.push_back(std::clamp(sum, 0.0, 6.0));
          }
    return y;
  }
};

A conv(const A& x, const A& w) {
  const std::int64_t one = 1;
  qn_array* y = nullptr;
  QN_CHECK(qn_conv2d(nullptr, x, w, nullptr, 0, &one, 1, nullptr, 0, 1, nullptr, &y, e));
  return A(y);
}

struct Leaves {
  A w, mean, var, gamma, beta;
  Leaves(const Rt& rt, const Net& n)
      : w(rt.floats(n.w, {kOut, 3, 3, kIn})),
        mean(rt.floats(n.mean, {kOut})),
        var(rt.floats(n.var, {kOut})),
        gamma(rt.floats(n.gamma, {kOut})),
        beta(rt.floats(n.beta, {kOut})) {}
  // Scalars are new in each call, as programs write them.
  A operator()(const Rt& rt, const A& x) const {
    const A scale = apply(qn_rsqrt, var + rt.scalar(kEps));
    const A y = (conv(x, w) - mean) * scale * gamma + beta;
    return apply(qn_minimum, apply(qn_maximum, y, rt.scalar(0)), rt.scalar(6));
  }
};

A input(const Rt& rt, const Net& n) { return rt.floats(n.x, {kN, kH, kW, kIn}); }

void expect_near(const std::vector<float>& got, const std::vector<double>& want, const char* what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(double(got[i]), want[i], 5e-5) << what << " at " << i;
}

std::vector<std::string> ops_of(qn_runtime* rt) {
  std::vector<std::string> ops;
  QN_CHECK(qn_report_kernels(
      rt,
      [](void* self, const qn_kernel_report* r) {
        static_cast<std::vector<std::string>*>(self)->push_back(r->op);
      },
      &ops, e));
  return ops;
}

// Kernels that f() runs.
template <class F>
std::uint64_t kernels(const Rt& rt, const F& f) {
  const std::uint64_t before = rt.stats().kernels_run;
  f();
  return rt.stats().kernels_run - before;
}

TEST(Kept, ScalesOfChannelsGoIntoTheWeights) {
  const Net net;
  for (const char* choice : {"", "*=simd|naive", "*=onednn|naive", "*=naive"}) {
    Rt rt(choice);
    const Leaves leaves(rt, net);
    for (int run = 0; run < 4; ++run)
      expect_near(values(leaves(rt, input(rt, net))), net.expected(), choice);
    for (const std::string& op : ops_of(rt))
      EXPECT_TRUE(op.find("conv2d") != 0 || op.find("multiply") == std::string::npos) << op;
  }
}

TEST(Kept, WhatDependsOnLeavesThatStayRunsNoMore) {
  const Net net;
  Rt rt;
  const Leaves leaves(rt, net);
  std::vector<std::uint64_t> ran;
  for (int run = 0; run < 4; ++run)
    ran.push_back(kernels(rt, [&] { values(leaves(rt, input(rt, net))); }));
  EXPECT_EQ(ran[0], ran[1]);      // to be kept, leaves must come twice
  EXPECT_LT(ran[2] + 2, ran[1]);  // scale, shift and weights
  EXPECT_EQ(ran[3], ran[2]);
}

TEST(Kept, EachLeafThatChangesIsSeen) {
  for (const bool compiled : {false, true}) {
    Net net;
    Rt rt;
    const Fn f(
        rt,
        [](const std::vector<A>& in) {
          const A scale = apply(qn_rsqrt, in[3] + in[6]);
          const A y = (conv(in[0], in[1]) - in[2]) * scale * in[4] + in[5];
          return std::vector<A>{apply(qn_minimum, apply(qn_maximum, y, in[7]), in[8])};
        },
        9, 1);
    const Fn fast = f.compile();
    std::vector<A> in{input(rt, net),
                      rt.floats(net.w, {kOut, 3, 3, kIn}),
                      rt.floats(net.mean, {kOut}),
                      rt.floats(net.var, {kOut}),
                      rt.floats(net.gamma, {kOut}),
                      rt.floats(net.beta, {kOut}),
                      rt.scalar(kEps),
                      rt.scalar(0),
                      rt.scalar(6)};
    const auto check = [&](const char* what) {
      for (int run = 0; run < 4; ++run) {
        in[0] = input(rt, net);
        expect_near(values((compiled ? fast : f)(in)[0]), net.expected(), what);
      }
    };
    check("at first");
    const Net other(4);
    in[1] = rt.floats(net.w = other.w, {kOut, 3, 3, kIn});
    check("weights");
    in[2] = rt.floats(net.mean = other.mean, {kOut});
    check("mean");
    in[3] = rt.floats(net.var = other.var, {kOut});
    check("variance");
    in[4] = rt.floats(net.gamma = other.gamma, {kOut});
    check("gamma");
    in[5] = rt.floats(net.beta = other.beta, {kOut});
    check("beta");
  }
}

TEST(Kept, AScalarIsKnownByItsValue) {
  Rt rt;
  const Net net;
  const Leaves leaves(rt, net);
  const A x = input(rt, net);
  for (int run = 0; run < 3; ++run) {
    const A scale = apply(qn_rsqrt, leaves.var + rt.scalar(1));
    values((conv(x, leaves.w) - leaves.mean) * scale);
  }
  const auto with = [&](double eps) {
    const A scale = apply(qn_rsqrt, leaves.var + rt.scalar(eps));
    return values((conv(x, leaves.w) - leaves.mean) * scale);
  };
  const auto one = with(1), ten = with(10);
  for (std::size_t i = 0; i < one.size(); ++i) {
    const double var = double(net.var[i % kOut]);
    EXPECT_NEAR(double(ten[i]), double(one[i]) * std::sqrt((var + 1) / (var + 10)), 1e-5);
  }
}

TEST(Kept, TwoPlansShareWhatIsMadeOfTheirWeights) {
  const Net net;
  Rt rt;
  const Leaves leaves(rt, net);
  for (int run = 0; run < 3; ++run) values(leaves(rt, input(rt, net)));
  std::vector<float> half(net.x.begin(), net.x.begin() + kH * kW * kIn);
  const auto one = [&] { values(leaves(rt, rt.floats(half, {1, kH, kW, kIn}))); };
  const std::uint64_t first = kernels(rt, one);
  EXPECT_EQ(first, kernels(rt, one));
}

// Two networks of one form share their plan and take turns.
TEST(Kept, NetworksThatTakeTurnsKeepTheirOwn) {
  const Net net(3), other(4);
  Rt rt;
  const Leaves a(rt, net), b(rt, other);
  const auto both = [&] {
    expect_near(values(a(rt, input(rt, net))), net.expected(), "one");
    expect_near(values(b(rt, input(rt, other))), other.expected(), "the other");
  };
  const std::uint64_t first = kernels(rt, both);
  both();
  const std::uint64_t third = kernels(rt, both);
  EXPECT_LT(third + 4, first);
  // Two sets of statistics for the same weights: nothing is made room for in vain.
  Leaves c = a;
  c.gamma = rt.floats(other.gamma, {kOut});
  for (int run = 0; run < 3; ++run) values(a(rt, input(rt, net)));
  const std::uint64_t active = rt.stats().bytes_active;
  for (int run = 0; run < 6; ++run) {
    values(c(rt, input(rt, net)));
    EXPECT_EQ(rt.stats().bytes_active, active);
    expect_near(values(a(rt, input(rt, net))), net.expected(), "in turns");
  }
}

TEST(Kept, KeptValuesGoWithTheirWeights) {
  const Net net;
  Rt rt;
  const A x = input(rt, net);
  const std::uint64_t before = rt.stats().bytes_active;
  {
    const Leaves leaves(rt, net);
    for (int run = 0; run < 2; ++run) values(leaves(rt, x));
    const std::uint64_t two = rt.stats().bytes_active;
    for (int run = 0; run < 40; ++run) values(leaves(rt, x));
    EXPECT_EQ(rt.stats().bytes_active, two);
    // Other statistics: what was made with the old ones does not pile up.
    for (int run = 0; run < 20; ++run) {
      Leaves other = leaves;
      other.gamma = rt.floats(net.gamma, {kOut});
      for (int again = 0; again < 3; ++again) values(other(rt, x));
    }
    EXPECT_LE(rt.stats().bytes_active, two);
  }
  EXPECT_EQ(rt.stats().bytes_active, before);
}

TEST(Kept, NothingIsKeptOfWeightsThatChangeEachTime) {
  const Net net;
  Rt rt;
  const A x = input(rt, net);
  std::uint64_t active = 0;
  std::vector<std::string> ops;
  for (int run = 0; run < 40; ++run) {
    const Leaves leaves(rt, net);
    expect_near(values(leaves(rt, x)), net.expected(), "new weights");
    if (run == 1) active = rt.stats().bytes_active;
    EXPECT_TRUE(run < 2 || rt.stats().bytes_active == active);
  }
  // Scaling them each time is given up.
  ops = ops_of(rt);
  EXPECT_TRUE(std::any_of(ops.begin(), ops.end(), [](const std::string& op) {
    return op.starts_with("conv2d+subtract+multiply");
  })) << ops.front();
}

TEST(Kept, TheStrictClassRoundsAsWritten) {
  Rt rt("", 2, 0, 1);
  const Net net;
  const Leaves leaves(rt, net);
  for (int run = 0; run < 3; ++run)
    expect_near(values(leaves(rt, input(rt, net))), net.expected(), "strict");
  const auto ops = ops_of(rt);
  EXPECT_TRUE(std::any_of(ops.begin(), ops.end(), [](const std::string& op) {
    return op.find("subtract+multiply") != std::string::npos;
  }));
}

TEST(Kept, VerifyModeSeesFoldedWeights) {
  const Net net;
  Rt rt;
  QN_CHECK(qn_set_verify(rt, 1, e));
  const Leaves leaves(rt, net);
  for (int run = 0; run < 4; ++run)
    expect_near(values(leaves(rt, input(rt, net))), net.expected(), "verified");
  EXPECT_EQ(rt.stats().faults, 0u);
}

// A scale of infinity or NaN gives nothing finite in its channel, 0 and the others are untouched.
TEST(Kept, ScalesThatAreNotFiniteStayInTheirChannel) {
  Net net;
  net.gamma = {
      0, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 1, -1, 2};
  Rt rt;
  const Leaves leaves(rt, net);
  const A scale = apply(qn_rsqrt, leaves.var + rt.scalar(kEps));
  const auto y =
      values((conv(input(rt, net), leaves.w) - leaves.mean) * scale * leaves.gamma + leaves.beta);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t o = i % kOut;
    EXPECT_EQ(std::isfinite(y[i]), o != 1 && o != 2) << i;
    if (o == 0) {
      EXPECT_EQ(y[i], net.beta[0]);
    }
  }
}

// Linear layers hold their weights by rows of output channels.
TEST(Kept, MatrixProductsFoldToo) {
  const std::int64_t rows = 40, in = 24, out = 16;
  std::mt19937 gen(5);
  const auto some = [&](std::int64_t n) {
    std::vector<float> v(static_cast<std::size_t>(n));
    for (float& f : v) f = std::uniform_real_distribution<float>(-1, 1)(gen);
    return v;
  };
  const auto xs = some(rows * in), ws = some(out * in), m = some(out), s = some(out), b = some(out);
  for (const bool turned : {false, true}) {
    Rt rt;
    const A w = turned ? rt.floats(ws, {out, in}) : rt.floats(ws, {in, out});
    const A mean = rt.floats(m, {out}), scale = rt.floats(s, {out}), bias = rt.floats(b, {out});
    const A half = rt.scalar(0.5);
    for (int run = 0; run < 3; ++run) {
      const A x = rt.floats(xs, {rows, in});
      A y;
      {
        const A product = turned ? matmul(x, transpose(w)) : matmul(x, w);
        y = apply(qn_divide, (product - mean) * scale, half) + bias;
      }
      const auto got = values(y);
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t o = 0; o < out; ++o) {
          double sum = 0;
          for (std::int64_t k = 0; k < in; ++k)
            sum += double(xs[std::size_t(i * in + k)]) *
                   double(ws[std::size_t(turned ? o * in + k : k * out + o)]);
          const auto c = static_cast<std::size_t>(o);
          sum = (sum - double(m[c])) * double(s[c]) * 2 + double(b[c]);
          EXPECT_NEAR(double(got[std::size_t(i * out + o)]), sum, 1e-5);
        }
    }
    const auto ops = ops_of(rt);
    EXPECT_TRUE(std::find(ops.begin(), ops.end(), "matmul+add") != ops.end());
  }
}

// The caller has one of the values inside: it is there, and right, after each run.
TEST(Kept, WhatTheCallerHoldsIsMadeAnew) {
  const Net net;
  Rt rt;
  const Leaves leaves(rt, net);
  for (int run = 0; run < 4; ++run) {
    const A scale = apply(qn_rsqrt, leaves.var + rt.scalar(kEps));
    const A wide = reshape(scale, {1, 1, 1, kOut});
    const A y = (conv(input(rt, net), leaves.w) - leaves.mean) * wide;
    eval({y, wide});
    const auto s = values(scale), t = values(wide);
    for (std::size_t o = 0; o < kOut; ++o) {
      EXPECT_NEAR(double(s[o]), 1 / std::sqrt(double(net.var[o]) + kEps), 1e-6);
      EXPECT_EQ(s[o], t[o]);
    }
  }
}

}  // namespace
