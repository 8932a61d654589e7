// Lazy evaluation, views, the plan cache, fusion and memory as seen from outside.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "helpers.h"

namespace quern_test {
namespace {

std::vector<std::string> ops_in_plans(qn_runtime* rt) {
  std::vector<std::string> ops;
  QN_CHECK(qn_report_kernels(
      rt,
      [](void* self, const qn_kernel_report* r) {
        static_cast<std::vector<std::string>*>(self)->push_back(r->op);
      },
      &ops, e));
  return ops;
}

TEST(Graph, NothingIsComputedBeforeItIsNeeded) {
  Rt rt;
  const A x = rt.floats({1, 2, 3}, {3});
  const A y = x + x;
  EXPECT_EQ(qn_array_is_evaluated(y), 0u);
  EXPECT_EQ(rt.stats().kernels_run, 0u);
  EXPECT_EQ(values(y), (std::vector<float>{2, 4, 6}));
  EXPECT_EQ(qn_array_is_evaluated(y), 1u);
  const auto ran = rt.stats().kernels_run;
  EXPECT_EQ(values(y), (std::vector<float>{2, 4, 6}));
  EXPECT_EQ(rt.stats().kernels_run, ran);
}

TEST(Graph, RepeatedAxesOfEmptyArraysDoNotOverflow) {
  Rt rt;
  const A x = rt.floats({}, {2, 0});
  const std::int64_t many = (std::int64_t{1} << 62) + 1, reps[] = {many, 1};
  for (const bool tiled : {false, true}) {
    Failure f;
    qn_array* out = nullptr;
    const qn_status s =
        tiled ? qn_tile(rt, x, reps, 2, &out, f.slot()) : qn_repeat(rt, x, many, 0, &out, f.slot());
    EXPECT_EQ(s, QN_E_INVALID_ARGUMENT);
    EXPECT_NE(f.text().find(tiled ? "[tile]" : "[repeat]"), std::string::npos) << f.text();
  }
}

TEST(Graph, EmptyArraysMayBeLongElsewhere) {
  Rt rt;
  const std::int64_t shape[] = {6, (std::int64_t{1} << 60) - 2, 8, 0};
  Failure f;
  qn_array *a = nullptr, *b = nullptr;
  ASSERT_EQ(qn_array_from_data(rt, nullptr, shape, 4, QN_F32, &a, f.slot()), QN_OK) << f.text();
  DLManagedTensorVersioned* t = nullptr;
  ASSERT_EQ(qn_array_to_dlpack(a, &t, f.slot()), QN_OK) << f.text();
  ASSERT_EQ(qn_array_from_dlpack(rt, t, &b, f.slot()), QN_OK) << f.text();
  EXPECT_EQ(qn_array_size(b), 0u);
  EXPECT_EQ(qn_array_shape(b)[1], shape[1]);
  qn_array_release(a);
  qn_array_release(b);
}

TEST(Graph, ElementwiseChainsAreOneKernel) {
  Rt rt;
  const A x = rt.floats({1, 2, 3, 4}, {2, 2});
  A y;
  {
    const A a = x * x;
    const A b = a + x;
    y = apply(qn_relu, b - rt.scalar(5));
  }
  EXPECT_EQ(values(y), (std::vector<float>{0, 1, 7, 15}));
  EXPECT_EQ(ops_in_plans(rt).size(), 1u);
}

// Two products that meet: each has its own bias in its epilogue, the later one the rest.
TEST(Graph, BranchesThatMeetAreTwoEpilogues) {
  Rt rt;
  const std::int64_t n = 32;
  std::vector<float> ones(n * n, 1), bias(n);
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i) - 40;
  const A x = rt.floats(ones, {n, n}), b = rt.floats(bias, {n});
  A y;
  {
    const A left = apply(qn_relu, matmul(x, x) + b), right = matmul(x, x + x) * b;
    y = apply(qn_relu, left + right);
  }
  const auto got = values(y);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const float c = bias[i % n], v = std::max(32 + c, 0.0f) + 64 * c;
    EXPECT_EQ(got[i], std::max(v, 0.0f)) << i;
  }
  auto ops = ops_in_plans(rt);
  std::sort(ops.begin(), ops.end());
  EXPECT_EQ(ops, (std::vector<std::string>{"add", "matmul+add+relu", "matmul+multiply+add+relu"}));
}

// What the caller holds, or reads elsewhere, of a branch stays in one piece.
TEST(Graph, BranchesWithMoreReadersStayTogether) {
  Rt rt;
  const A x = rt.floats({1, 2, 3, 4}, {2, 2}), b = rt.floats({1, -1}, {2});
  A y, held;
  {
    const A left = matmul(x, x);
    held = left + b;
    y = apply(qn_relu, held * left + matmul(x, b + x));
  }
  EXPECT_EQ(values(y), (std::vector<float>{66, 97, 262, 477}));
  EXPECT_EQ(values(held), (std::vector<float>{8, 9, 16, 21}));
}

// Kernels may do several steps in a pass, but each step is rounded: the bits are those of one step
// at a time.
TEST(Graph, ChainsHaveTheBitsOfTheirSteps) {
  for (const char* kernels : {"", "*=simd"}) {
    Rt rt(kernels);
    std::mt19937 gen(7);
    const std::int64_t rows = 37, columns = 29;
    std::vector<float> a(rows * columns), b(a.size()), row(columns);
    for (auto* v : {&a, &b, &row})
      for (float& x : *v) x = std::uniform_real_distribution<float>(-2, 2)(gen);
    for (int trial = 0; trial < 60; ++trial) {
      const unsigned seed = gen();
      std::vector<std::vector<float>> results;
      for (const bool at_once : {true, false}) {
        std::mt19937 pick(seed);
        std::vector<A> v;
        v.push_back(rt.floats(a, {rows, columns}));
        v.push_back(rt.floats(b, {rows, columns}));
        v.push_back(rt.floats(row, {columns}));
        v.push_back(rt.scalar(0.3));
        v.push_back(rt.scalar(-1.7));
        for (int step = 0; step < 9; ++step) {
          // Mostly the newest value, so that long chains come about; at times none, so that they
          // branch.
          const A& x = pick() % 4 ? v.back() : v[pick() % v.size()];
          const A& y = v[pick() % v.size()];
          const bool turned = pick() % 2;
          const A &l = turned ? y : x, &r = turned ? x : y;
          const unsigned op = pick() % 7;
          v.push_back(op < 2 ? l + r : op < 4 ? l - r : op < 6 ? l * r : apply(qn_tanh, x));
          if (!at_once) values(v.back());
        }
        const A last = v.back();
        if (at_once) v.clear();
        results.push_back(values(last));
      }
      ASSERT_EQ(results[0].size(), results[1].size());
      EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), 4 * results[0].size()), 0)
          << "trial " << trial << " by '" << kernels << "'";
    }
  }
}

// relu before max pooling: its gradient is a mask that kernels of the pooling's gradient may do.
TEST(Graph, MasksAfterPoolingGradientsHaveTheirBits) {
  std::mt19937 gen(11);
  const auto some = [&](std::size_t n) {
    std::vector<float> v(n);
    for (float& x : v) x = std::uniform_real_distribution<float>(-1, 1)(gen);
    return v;
  };
  const std::vector<float> xs = some(2 * 7 * 9 * 21), others = some(xs.size());
  for (const char* layout : {"nhwc", "nchw"}) {
    for (const std::int64_t stride : {2, 1}) {
      const bool last = layout[1] == 'h';
      const std::vector<std::int64_t> shape =
          last ? std::vector<std::int64_t>{2, 7, 9, 21} : std::vector<std::int64_t>{2, 21, 7, 9};
      std::vector<std::vector<float>> results;
      for (const std::string kernels : {"*=naive", "", "*=simd|naive"}) {
        Rt rt(kernels.c_str());
        const A x = rt.floats(xs, shape), other = rt.floats(others, shape);
        const std::int64_t two = 2, none = 0;
        qn_array *y = nullptr, *dx = nullptr, *out = nullptr;
        QN_CHECK(qn_max_pool(rt, x, &two, 1, &stride, 1, &none, 1, layout, &y, e));
        const A pooled(y), dy = pooled * rt.scalar(0.7);
        QN_CHECK(qn_max_pool_grad(rt, x, y, dy, &two, 1, &stride, 1, &none, 1, layout, &dx, e));
        {  // what is held must be computed on its own
          const A gradient(dx), test = apply(qn_greater, other, rt.scalar(0.1));
          QN_CHECK(qn_where(rt, test, gradient, rt.scalar(-3), &out, e));
        }
        const A masked(out);
        results.push_back(values(masked));
        const auto ops = ops_in_plans(rt);
        if (kernels.find("simd") != std::string::npos) {
          EXPECT_TRUE(std::find(ops.begin(), ops.end(), "max_pool_grad+greater+where") !=
                      ops.end());
        }
      }
      EXPECT_EQ(results[0], results[1]) << layout << stride;
      EXPECT_EQ(results[0], results[2]) << layout << stride;
    }
  }
}

TEST(Graph, HeldIntermediatesComeOutOfTheSameKernel) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2});
  const A a = x * x;
  const A b = a + x;
  EXPECT_EQ(values(b), (std::vector<float>{2, 6}));
  EXPECT_EQ(qn_array_is_evaluated(a), 1u);
  EXPECT_EQ(values(a), (std::vector<float>{1, 4}));
  EXPECT_EQ(rt.stats().kernels_run, 1u);
}

TEST(Graph, EqualGraphsShareAPlanWhateverTheScalars) {
  Rt rt;
  for (int i = 0; i < 5; ++i) {
    const A x = rt.floats({float(i), 1}, {2});
    EXPECT_EQ(values(x * rt.scalar(i)), (std::vector<float>{float(i * i), float(i)}));
  }
  EXPECT_EQ(rt.stats().plan_misses, 1u);
  EXPECT_EQ(rt.stats().plan_hits, 4u);
}

TEST(Graph, ViewsAliasAndReadThrough) {
  Rt rt;
  const A x = rt.floats({0, 1, 2, 3, 4, 5}, {2, 3});
  EXPECT_EQ(values(transpose(x)), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(reshape(transpose(x), {6})), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(values(transpose(x) + transpose(x)), (std::vector<float>{0, 6, 2, 8, 4, 10}));
  const std::int64_t start[] = {1, 2}, stop[] = {-3, -4}, step[] = {-1, -1};
  qn_array* r = nullptr;
  QN_CHECK(qn_slice(nullptr, x, start, 2, stop, 2, step, 2, &r, e));
  EXPECT_EQ(values(A(r)), (std::vector<float>{5, 4, 3, 2, 1, 0}));
}

TEST(Graph, DeepGraphsNeitherRecurseNorLeak) {
  Rt rt;
  const A one = rt.floats({1}, {1});
  {
    A x = rt.floats({0}, {1});
    for (int i = 0; i < 20000; ++i) x = x + one;
    EXPECT_EQ(values(x), (std::vector<float>{20000}));
  }
  {
    A dropped = one;
    for (int i = 0; i < 200000; ++i) dropped = dropped + one;
  }
  const auto s = rt.stats();
  EXPECT_LT(s.bytes_active, 10000u);
}

TEST(Graph, EmptyAndScalarShapes) {
  Rt rt;
  const A none = rt.floats({}, {0, 3});
  EXPECT_EQ(values(none + none).size(), 0u);
  EXPECT_EQ(item(sum(none)), 0.0);
  EXPECT_EQ(item(rt.scalar(2) * rt.scalar(3)), 6.0);
  const A m = matmul(rt.floats({}, {2, 0}), none);
  EXPECT_EQ(values(m), (std::vector<float>{0, 0, 0, 0, 0, 0}));
}

TEST(Graph, SharedWorkIsDoneOnce) {
  Rt rt("*=naive");
  const A x = rt.floats({1, 2, 3, 4}, {2, 2});
  const A y = matmul(x, x) + matmul(x, x);
  EXPECT_EQ(values(y), (std::vector<float>{14, 20, 30, 44}));
  int matmuls = 0;
  for (const auto& op : ops_in_plans(rt)) matmuls += op.starts_with("matmul");
  EXPECT_EQ(matmuls, 1);
}

TEST(Graph, MemoryDoesNotGrowOverSteps) {
  Rt rt;
  A w = rt.floats(std::vector<float>(64 * 64, 0.01f), {64, 64});
  std::uint64_t after_warmup = 0;
  for (int i = 0; i < 300; ++i) {
    w = matmul(w, w) * rt.scalar(0.5);
    eval({w});
    if (i == 50) after_warmup = rt.stats().bytes_active + rt.stats().bytes_cached;
  }
  EXPECT_LE(rt.stats().bytes_active + rt.stats().bytes_cached, after_warmup);
}

TEST(Graph, MemoryLimitIsAnErrorAndNothingIsLost) {
  Rt rt("", 2, 1 << 20);
  const A x = rt.floats(std::vector<float>(100000, 1.f), {100000});
  const A big = x + x;
  const A bigger = [&] {
    std::vector<A> parts(4, big);
    std::vector<qn_array*> p(parts.begin(), parts.end());
    qn_array* o = nullptr;
    QN_CHECK(qn_concatenate(nullptr, p.data(), 4, 0, &o, e));
    return A(o);
  }();
  Failure f;
  qn_array* list[] = {bigger};
  EXPECT_EQ(qn_eval(list, 1, f.slot()), QN_E_RESOURCE_EXHAUSTED);
  EXPECT_NE(f.text().find("memory limit"), std::string::npos) << f.text();
  EXPECT_EQ(values(big)[99999], 2.f);
}

// Sums over the last axes of products that nothing else reads: of one array and two, whole and in
// rows, long enough for pieces; and sums that are left alone.
TEST(Graph, SumsOfProductsAreInnerProducts) {
  Rt rt;
  std::vector<float> u, v;
  for (int i = 0; i < 3 * 20000; ++i) {
    u.push_back(static_cast<float>(i % 7) - 3);
    v.push_back(static_cast<float>(i % 5) - 1);
  }
  const A x = rt.floats(u, {3, 200, 100}), y = rt.floats(v, {3, 200, 100});
  const auto sum = [](const A& a, std::vector<std::int64_t> axes, bool keep) {
    qn_array* o = nullptr;
    QN_CHECK(qn_sum(nullptr, a, axes.data(), axes.size(), keep, &o, e));
    return A(o);
  };
  // Of rows of `length` numbers; all of them are whole numbers that f32 holds.
  const auto expected = [&](const std::vector<float>& w, std::size_t length) {
    std::vector<float> sums(u.size() / length, 0);
    for (std::size_t i = 0; i < u.size(); ++i) sums[i / length] += u[i] * w[i];
    return sums;
  };
  const auto used = [&](const char* op) {
    const auto ops = ops_in_plans(rt);
    return std::count(ops.begin(), ops.end(), std::string(op)) > 0;
  };
  EXPECT_EQ(values(sum(x * x, {}, false)), expected(u, u.size()));
  EXPECT_EQ(values(sum(x * y, {1, 2}, false)), expected(v, 20000));
  EXPECT_EQ(values(sum(x * y, {-1}, true)), expected(v, 100));
  EXPECT_EQ(values(sum((x + x) * y, {2, -2, 0}, false))[0], 2 * expected(v, v.size())[0]);
  EXPECT_EQ(used("sum"), !used("matmul"));  // without plugins sums stay as they are
  // Not the last axes; a product that is held; both operands made on the way.
  const A product = x * y, first = sum(product, {0}, false), all = sum(product, {}, false);
  EXPECT_EQ(values(product)[1], u[1] * v[1]);
  EXPECT_EQ(values(all), expected(v, v.size()));
  float head = 0;
  for (std::size_t k = 0; k < 3; ++k) head += u[k * 20000] * v[k * 20000];
  EXPECT_EQ(values(first)[0], head);
  EXPECT_EQ(values(sum((x + x) * (y + y), {}, false))[0], 4 * expected(v, v.size())[0]);
}

TEST(Graph, BorrowedMemoryIsReleasedOnce) {
  static int released;
  released = 0;
  float data[4] = {1, 2, 3, 4};
  {
    Rt rt;
    const std::int64_t shape[] = {2, 2}, strides[] = {1, 2};
    qn_array* a = nullptr;
    QN_CHECK(qn_array_borrow(
        rt, data, shape, strides, 2, QN_F32, [](void*) { ++released; }, nullptr, &a, e));
    const A x(a);
    const A y = x + x;
    EXPECT_EQ(values(y), (std::vector<float>{2, 6, 4, 8}));
    EXPECT_EQ(released, 0);
  }
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace quern_test
