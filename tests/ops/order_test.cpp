// What rows of a table cannot say: the promise of argpartition and its kin, gradients where a total
// is infinite, and what bad arguments of the indexing and ordering ops are told.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/ops/harness.h"

namespace quern::test {
namespace {

bool before(double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); }

std::vector<double> some_values(std::size_t n) {
  std::vector<double> v;
  for (std::size_t i = 0; i < n; ++i) v.push_back(std::floor(20 * std::sin(7.3 * double(i))));
  v[n / 2] = std::numeric_limits<double>::quiet_NaN();
  return v;
}

class OrderOn : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!runtime().has_plugin(GetParam())) GTEST_SKIP() << GetParam() << " was not built";
  }
  Runtime& runtime() { return Runtime::preferring(GetParam()); }
};

TEST_P(OrderOn, PartitionSplitsAtKth) {
  for (const std::int64_t n : {1, 2, 9, 200}) {
    const std::vector<double> v = some_values(static_cast<std::size_t>(n));
    std::vector<double> sorted = v;
    std::sort(sorted.begin(), sorted.end(), before);
    for (const qn_dtype t : {QN_F32, QN_F64, QN_F16}) {
      const Array x = array(runtime(), {{n}, v}, t);
      for (const std::int64_t kth : {std::int64_t{0}, n / 3, n - 1, -n}) {
        const auto k = static_cast<std::size_t>(kth < 0 ? kth + n : kth);
        const Value order = read(apply(runtime(), "argpartition", {x}, {integer(kth)}));
        const Value parted = read(apply(runtime(), "partition", {x}, {integer(kth)}));
        std::vector<double> places = order.data;
        std::sort(places.begin(), places.end());
        for (std::size_t i = 0; i < v.size(); ++i) {
          ASSERT_EQ(places[i], double(i));
          const double here = v[static_cast<std::size_t>(order.data[i])];
          ASSERT_TRUE(here == parted.data[i] || std::isnan(here));
          ASSERT_FALSE(i < k && before(parted.data[k], here));
          ASSERT_FALSE(i > k && before(here, parted.data[k]));
        }
        ASSERT_TRUE(parted.data[k] == sorted[k] || std::isnan(sorted[k]));
      }
    }
  }
}

// Many lengths, few and many equal keys, ranks near the ends and inside.
TEST_P(OrderOn, PartitionOfLongLines) {
  for (const int kind : {0, 1, 2}) {
    std::vector<double> v;
    for (int i = 0; i < 3000; ++i)
      v.push_back(kind == 0 ? i * 7919 % 3001 : kind == 1 ? i * 31 % 3 : -i / 64);
    std::vector<double> sorted = v;
    std::sort(sorted.begin(), sorted.end());
    for (const qn_dtype t : {QN_F32, QN_F64, QN_I32, QN_I16}) {
      const Array x = array(runtime(), {{3000}, v}, t);
      for (const std::size_t k : {0u, 9u, 1000u, 1501u, 2989u, 2999u}) {
        const Value order =
            read(apply(runtime(), "argpartition", {x}, {integer(static_cast<std::int64_t>(k))}));
        std::vector<double> places = order.data;
        std::sort(places.begin(), places.end());
        for (std::size_t i = 0; i < v.size(); ++i) {
          ASSERT_EQ(places[i], double(i));
          const double here = v[static_cast<std::size_t>(order.data[i])];
          ASSERT_TRUE(i < k ? here <= sorted[k] : i > k ? here >= sorted[k] : here == sorted[k]);
        }
      }
    }
  }
}

// So long that threads share them out.
TEST_P(OrderOn, SortsOfLongLines) {
  constexpr std::size_t n = 70000;
  std::vector<double> v;
  for (std::size_t i = 0; i < n; ++i) v.push_back(double(i * 7919 % 50021) - 20000);
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return v[a] < v[b]; });
  for (const qn_dtype t : {QN_F32, QN_I32, QN_F64}) {
    const Array x = array(runtime(), {{std::int64_t{n}}, v}, t);
    const Value sorted = read(apply(runtime(), "sort", {x}, {})),
                places = read(apply(runtime(), "argsort", {x}, {}));
    for (std::size_t i = 0; i < n; ++i) {
      ASSERT_EQ(sorted.data[i], v[order[i]]);
      ASSERT_EQ(places.data[i], double(order[i]));
    }
  }
}

TEST_P(OrderOn, TopkGivesTheLargest) {
  const std::vector<double> v = some_values(40);
  std::vector<double> sorted = v;
  std::sort(sorted.begin(), sorted.end(), before);
  const Array x = array(runtime(), {{2, 20}, v}, QN_F32),
              flat = array(runtime(), {{40}, v}, QN_F32);
  for (const std::int64_t k : {0, 1, 7, 40}) {
    std::vector<double> top = read(apply(runtime(), "topk", {flat}, {integer(k)})).data;
    std::sort(top.begin(), top.end(), before);
    ASSERT_EQ(top.size(), static_cast<std::size_t>(k));
    for (std::size_t i = 0; i < top.size(); ++i) {
      const double want = sorted[sorted.size() - top.size() + i];
      EXPECT_TRUE(top[i] == want || std::isnan(want));
    }
  }
  EXPECT_EQ(apply(runtime(), "topk", {x}, {integer(1), integer(0)}).shape(), (Shape{1, 20}));
}

INSTANTIATE_TEST_SUITE_P(Ops, OrderOn, testing::ValuesIn(bundled_plugins()),
                         [](const auto& info) { return info.param; });

// ---- gradients of functions of one f64 array, by a program of ops

using Program = std::function<Array(const Runtime&, const Array&)>;

qn_status call_program(void* self, qn_array* const* in, std::uint32_t, qn_array** out,
                       std::uint32_t, qn_error** error) {
  const auto& [rt, program] = *static_cast<std::pair<const Runtime*, const Program*>*>(self);
  try {
    out[0] = (*program)(*rt, Array(qn_array_retain(in[0]))).release();
    return QN_OK;
  } catch (const Failure& e) {
    return qn_error_new(e.code, e.what(), error);
  }
}

std::vector<double> gradient(const Program& program, const Value& x) {
  Runtime& rt = Runtime::preferring("naive");
  std::pair<const Runtime*, const Program*> self{&rt, &program};
  qn_error* error = nullptr;
  qn_fn *f = nullptr, *g = nullptr;
  const std::uint32_t first = 0;
  check(qn_fn_create(rt.get(), call_program, &self, nullptr, 1, 1, &f, &error), error);
  check(qn_fn_value_and_grad(f, &first, 1, &g, &error), error);
  const Array in = array(rt, x, QN_F64);
  qn_array *raw = in.get(), *out[2];
  check(qn_fn_call(g, &raw, 1, out, 2, &error), error);
  const Array value(out[0]), slope(out[1]);
  qn_fn_release(f), qn_fn_release(g);
  return read(slope).data;
}

// Slopes of sum(w * after(total(x))), where `after` makes an infinite total harmless.
std::vector<double> total_slopes(const char* op, const char* after, double against, bool reverse,
                                 const Value& x) {
  return gradient(
      [&](const Runtime& rt, const Array& in) {
        Array y = apply(rt, op, {in}, {integer(0), integer(reverse), integer(0)});
        std::vector<Array> args = {y};
        if (after != std::string("exp")) args.push_back(array(rt, {{}, {against}}, QN_F64));
        const Array weights = array(rt, {{4}, {1, 10, 100, 1000}}, QN_F64);
        y = apply(rt, "multiply", {apply(rt, after, args, {}), weights}, {});
        return apply(rt, "sum", {y}, {});
      },
      x);
}

TEST(Cumulative, GradientOfExclusiveTotals) {
  const Value x{{4}, {2, 3, 3, 1}};
  using List = std::vector<double>;
  EXPECT_EQ(total_slopes("cummax", "maximum", -9, false, x), (List{10, 100, 1000, 0}));
  EXPECT_EQ(total_slopes("cummax", "maximum", -9, true, x), (List{0, 1, 10, 100}));
  EXPECT_EQ(total_slopes("cummin", "minimum", 9, false, x), (List{1110, 0, 0, 0}));
  EXPECT_EQ(total_slopes("cummin", "minimum", 9, true, x), (List{0, 0, 0, 111}));
  // exp undoes the logarithm: each element's slope is exp(x) times the weights behind it.
  const List slopes = total_slopes("logcumsumexp", "exp", 0, false, x);
  const double want[] = {1110 * std::exp(2), 1100 * std::exp(3), 1000 * std::exp(3), 0};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(slopes[i], want[i], 1e-9 * (1 + want[i]));
}

TEST(Cumulative, GradientOfTiesGoesToTheLatest) {
  const auto total = [](const char* op) {
    return gradient(
        [op](const Runtime& rt, const Array& in) {
          const Array weights = array(rt, {{4}, {1, 10, 100, 1000}}, QN_F64);
          return apply(rt, "sum", {apply(rt, "multiply", {apply(rt, op, {in}, {}), weights}, {})},
                       {});
        },
        {{4}, {2, 3, 3, 2}});
  };
  EXPECT_EQ(total("cummax"), (std::vector<double>{1, 10, 1100, 0}));
  EXPECT_EQ(total("cummin"), (std::vector<double>{111, 0, 0, 1000}));
}

// Repeated places and equal extremes: as MLX has them.
TEST(Scatter, GradientOfRepeatedPlaces) {
  for (const auto& [mode, want] : {std::pair("set", std::vector<double>{7, 7, 5}),
                                   std::pair("max", std::vector<double>{7, 7, 0}),
                                   std::pair("min", std::vector<double>{0, 0, 5})}) {
    const auto slopes = gradient(
        [mode = mode](const Runtime& rt, const Array& u) {
          const Array x = array(rt, {{2}, {2, 2}}, QN_F64),
                      at = array(rt, {{3}, {0, 0, 1}}, QN_I32);
          const Array y = apply(rt, "scatter", {x, u, at}, {ints({0}), text(mode)});
          const Array weights = array(rt, {{2}, {7, 5}}, QN_F64);
          return apply(rt, "sum", {apply(rt, "multiply", {y, weights}, {})}, {});
        },
        {{3, 1}, {4, 4, 1}});
    EXPECT_EQ(slopes, want) << mode;
  }
}

// ---- arguments that are refused

struct Refusal {
  const char* op;
  std::vector<Shape> in;  // f32, i32 from the second on for the indexing ops
  std::vector<Attribute> attrs;
  const char* says;
};

TEST(OrderErrors, NameTheOpAndWhatIsExpected) {
  Runtime& rt = Runtime::preferring("naive");
  const Attribute none = by_default();
  const std::int64_t far = std::numeric_limits<std::int64_t>::max();
  const Refusal refusals[] = {
      {"cumsum", {{}}, {}, "[cumsum]"},
      {"cummax", {{2, 3}}, {integer(2)}, "[cummax]"},
      {"sort", {{}}, {}, "[sort]"},
      {"argsort", {{3}}, {integer(-2)}, "[argsort]"},
      {"argpartition", {{3}}, {integer(3)}, "from -3 to 2"},
      {"partition", {{0}}, {integer(0)}, "[argpartition]"},
      {"topk", {{3}}, {integer(4)}, "from 0 to 3"},
      {"median", {{2, 0}}, {ints({1})}, "no elements"},
      {"searchsorted", {{2, 3}, {1}}, {}, "expected one axis"},
      {"searchsorted", {{2}, {1}}, {text("middle")}, "left or right"},
      {"gather", {{2, 3}}, {ints({0}), ints({1, 3})}, "an index array for each axis"},
      {"gather", {{2, 3}, {2}}, {ints({0}), ints({3, 3})}, "slice_sizes (3, 3)"},
      {"gather", {{2, 3}, {2}}, {ints({0}), ints({1})}, "a size for each axis"},
      {"gather", {{2, 3}, {2}}, {ints({2}), ints({1, 1})}, "[gather]"},
      {"gather", {{2, 3}, {2}, {2}}, {ints({0, -2}), ints({1, 1})}, "name axis 0 twice"},
      {"gather", {{2, 3}, {2}, {3}}, {ints({0, 1}), ints({1, 1})}, "[gather]"},
      {"scatter", {{2, 3}}, {ints({}), text("set")}, "an index array for each axis"},
      {"scatter", {{2, 3}, {2, 1}, {2}}, {ints({0}), text("set")}, "updates of shape (2, 1)"},
      {"scatter", {{2, 3}, {2, 3, 3}, {2}}, {ints({0}), text("set")}, "no larger than x"},
      {"scatter", {{2, 3}, {2, 1, 3}, {2}}, {ints({0}), text("mean")}, "mode \"mean\""},
      {"put_along_axis", {{2, 3}, {2}, {2}}, {}, "[put_along_axis]"},
      {"view", {{3}}, {dtype(QN_F64)}, "multiple of 8"},
      {"view", {{}}, {dtype(QN_U8)}, "same size"},
      {"as_strided", {{6}}, {ints({3}), ints({3})}, "outside of the 6 elements"},
      {"as_strided", {{6}}, {ints({2}), ints({-1}), integer(0)}, "expected all elements inside"},
      {"as_strided", {{6}}, {ints({2, 2}), ints({far, far})}, "expected all elements inside"},
      {"as_strided", {{6}}, {ints({2, 2}), ints({1})}, "expected as many"},
      {"as_strided", {{0}}, {ints({}), none, integer(0)}, "outside of the 0 elements"},
      {"tril", {{3}}, {}, "at least two axes"},
      {"diagonal", {{3}}, {}, "at least two axes"},
      {"diagonal", {{3, 3}}, {integer(0), integer(1), integer(-1)}, "different axes"},
      {"diag", {{2, 2, 2}}, {}, "one or two axes"},
      {"diag", {{2}}, {integer(far)}, "[diag]"},
      {"roll", {{2, 2}}, {ints({1, 2}), ints({0})}, "one for each axis"},
      {"repeat", {{2}}, {integer(-1)}, "0 or more"},
      {"repeat", {{2}}, {integer(far)}, ""},
      {"tile", {{2}}, {ints({-1})}, "none negative"},
      {"tile", {{2}}, {ints({far, far})}, ""},
      {"eye", {}, {integer(-2)}, "no negative size"},
      {"tri", {}, {integer(far), integer(far)}, ""},
  };
  for (const Refusal& r : refusals) {
    SCOPED_TRACE(std::string(r.op) + ": " + r.says);
    const bool indexes = r.op == std::string("gather") || r.op == std::string("scatter");
    std::vector<Array> in;
    for (const Shape& s : r.in) {
      std::size_t n = 1;
      for (std::int64_t d : s) n *= static_cast<std::size_t>(d);
      const std::size_t first = r.op == std::string("scatter") ? 2 : 1;
      const bool index = indexes ? in.size() >= first : in.size() == 1;
      in.push_back(array(rt, {s, std::vector<double>(n)}, index ? QN_I32 : QN_F32));
    }
    try {
      apply(rt, r.op, in, r.attrs);
      ADD_FAILURE() << "accepted";
    } catch (const Failure& e) {
      EXPECT_EQ(e.code, QN_E_INVALID_ARGUMENT) << e.what();
      EXPECT_NE(std::string(e.what()).find(r.says), std::string::npos) << e.what();
    }
  }
  const Array floats = array(rt, {{2}, {0, 1}}, QN_F32);
  EXPECT_THROW(apply(rt, "gather", {floats, floats}, {ints({0}), ints({1})}), Failure);
  EXPECT_THROW(apply(rt, "put_along_axis", {floats, floats, floats}, {}), Failure);
}

}  // namespace
}  // namespace quern::test
