// Products and sums of what a table of random values does not hold: infinities, not-a-numbers,
// values at the ends of f32's range. Kernels that cut values into parts have to tell them apart.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/ops/harness.h"

namespace quern::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::int64_t kRows = 70, kDepth = 90, kColumns = 75;

Value matrix(std::int64_t rows, std::int64_t columns, double phase) {
  Value v{{rows, columns}, {}};
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    v.data.push_back(static_cast<float>(std::sin(phase + 0.37 * double(i))));
  }
  return v;
}

class MatmulOn : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!runtime().has_plugin(GetParam())) GTEST_SKIP() << GetParam() << " was not built";
  }
  Runtime& runtime() { return Runtime::preferring(GetParam()); }

  // The product against the same in double precision; finite results within `bound` of the sum of
  // the products' magnitudes.
  void check(const Value& a, const Value& b, double bound) {
    const Value got = read(
        apply(runtime(), "matmul", {array(runtime(), a, QN_F32), array(runtime(), b, QN_F32)}, {}));
    const std::int64_t m = a.shape[0], k = a.shape[1], n = b.shape[1];
    ASSERT_EQ(got.shape, (Shape{m, n}));
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = 0, size = 0;
        for (std::int64_t q = 0; q < k; ++q) {
          const double p = a.data[std::size_t(i * k + q)] * b.data[std::size_t(q * n + j)];
          sum += p;
          size += std::fabs(p);
        }
        const double is = got.data[std::size_t(i * n + j)];
        if (std::isfinite(sum)) {
          ASSERT_NEAR(is, sum, bound * size) << "at " << i << ", " << j;
        } else {
          ASSERT_TRUE(std::isnan(sum) ? std::isnan(is) : is == sum)
              << "at " << i << ", " << j << ": " << is << ", expected " << sum;
        }
      }
    }
  }
};

TEST_P(MatmulOn, WhatIsNotFiniteStaysInItsRowsAndColumns) {
  Value a = matrix(kRows, kDepth, 0), b = matrix(kDepth, kColumns, 1);
  a.data[3 * kDepth + 5] = kInf;
  a.data[40 * kDepth + 88] = -kInf;
  a.data[69 * kDepth] = std::nan("");
  check(a, b, 1e-5);
  b.data[7 * kColumns + 33] = -kInf;
  b.data[89 * kColumns + 74] = std::nan("");
  check(a, b, 1e-5);
  check(matrix(kRows, kDepth, 0), b, 1e-5);
}

TEST_P(MatmulOn, InfinityTimesZeroIsNotANumber) {
  Value a = matrix(kRows, kDepth, 0), b = matrix(kDepth, kColumns, 1);
  a.data[2 * kDepth + 4] = kInf;
  for (std::int64_t j = 0; j < kColumns; j += 2) b.data[std::size_t(4 * kColumns + j)] = 0;
  check(a, b, 1e-5);
}

TEST_P(MatmulOn, TheLargestNumbers) {
  Value a = matrix(kRows, kDepth, 0), b = matrix(kDepth, kColumns, 1);
  for (double& x : b.data) x = static_cast<float>(x * 0x1p-8);
  a.data[5] = std::numeric_limits<float>::max();
  a.data[33 * kDepth + 7] = -std::numeric_limits<float>::max();
  check(a, b, 1e-5);
}

TEST_P(MatmulOn, SmallNumbersKeepTheirDigits) {
  Value a = matrix(kRows, kDepth, 0), b = matrix(kDepth, kColumns, 1);
  for (double& x : a.data) x = static_cast<float>(x * 0x1p-100);
  check(a, b, 1e-6);
  for (double& x : a.data) x = static_cast<float>(x * 0x1p+200);
  check(a, b, 1e-6);
}

TEST_P(MatmulOn, IntegersBelow4096AreExact) {
  Value a = matrix(kRows, kDepth, 0), b = matrix(kDepth, kColumns, 1);
  for (double& x : a.data) x = std::floor(x * 400);
  for (double& x : b.data) x = std::floor(x * 400);
  check(a, b, 0);
}

// More of B than kernels keep packed, more of k than they take at once.
TEST_P(MatmulOn, WideAndDeep) {
  Value a = matrix(70, 1100, 0), b = matrix(1100, 300, 1);
  check(a, b, 1e-5);
  a.data[3] = -kInf;
  b.data[500 * 300 + 170] = kInf;
  b.data[1099 * 300 + 299] = std::nan("");
  check(a, b, 1e-5);
}

// Convolution without transforms, whose sums mix neighbours.
class DirectConvOn : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!runtime().has_plugin(GetParam())) GTEST_SKIP() << GetParam() << " was not built";
  }
  Runtime& runtime() { return Runtime::preferring(GetParam()); }
};

TEST_P(DirectConvOn, WhatIsNotFiniteStaysInItsWindows) {
  constexpr std::int64_t kLength = 70, kIn = 36, kOut = 40, kTaps = 3;
  Value x = matrix(kLength, kIn, 0), w = matrix(kOut, kTaps * kIn, 1);
  x.shape = {1, kLength, kIn};
  w.shape = {kOut, kTaps, kIn};
  x.data[5 * kIn + 3] = kInf;
  x.data[60 * kIn + 35] = std::nan("");
  x.data[20 * kIn + 1] = std::numeric_limits<float>::max();
  w.data[7 * kTaps * kIn + 2] = -kInf;
  const Value got =
      read(apply(runtime(), "conv1d", {array(runtime(), x, QN_F32), array(runtime(), w, QN_F32)},
                 {integer(1), integer(0)}));
  ASSERT_EQ(got.shape, (Shape{1, kLength - kTaps + 1, kOut}));
  for (std::int64_t i = 0; i <= kLength - kTaps; ++i) {
    for (std::int64_t o = 0; o < kOut; ++o) {
      double sum = 0, size = 0;
      for (std::int64_t k = 0; k < kTaps * kIn; ++k) {  // taps and channels lie together in both
        const double p =
            x.data[std::size_t(i * kIn + k)] * w.data[std::size_t(o * kTaps * kIn + k)];
        sum += p;
        size += std::fabs(p);
      }
      const double is = got.data[std::size_t(i * kOut + o)];
      if (std::isfinite(sum)) {
        ASSERT_NEAR(is, sum, 4e-5 * size) << "at " << i << ", " << o;
      } else {
        ASSERT_TRUE(std::isnan(sum) ? std::isnan(is) : is == sum)
            << "at " << i << ", " << o << ": " << is << ", expected " << sum;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, DirectConvOn, testing::Values("naive", "amx"),
                         [](const auto& info) { return info.param; });
INSTANTIATE_TEST_SUITE_P(Ops, MatmulOn, testing::ValuesIn(bundled_plugins()),
                         [](const auto& i) { return i.param; });

}  // namespace
}  // namespace quern::test
