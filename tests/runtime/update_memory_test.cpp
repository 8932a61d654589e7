// An update of an array that nobody else can see is written into its memory; whoever still sees the
// old values, in whatever way, keeps them.
#include <numeric>

#include "helpers.h"

namespace quern_test {
namespace {

const void* place(const A& x) {
  const void* p = nullptr;
  QN_CHECK(qn_array_data(x, &p, nullptr, e));
  return p;
}

A counting(const Rt& rt, std::vector<std::int64_t> shape) {
  std::size_t n = 1;
  for (const std::int64_t d : shape) n *= static_cast<std::size_t>(d);
  std::vector<float> v(n);
  std::iota(v.begin(), v.end(), 0.0f);
  return rt.floats(v, std::move(shape));
}

// x with x[row, from:] replaced by u.
A updated(const A& x, const A& u, std::int64_t row, std::int64_t from) {
  const std::int64_t start[] = {row, from}, stop[] = {row + 1, 1000};
  qn_array* y = nullptr;
  QN_CHECK(qn_slice_update(nullptr, x, u, start, 2, stop, 2, nullptr, 0, &y, e));
  return A(y);
}

A rows(const A& x, std::int64_t from, std::int64_t to) {
  const std::int64_t start[] = {from, 0}, stop[] = {to, 1000};
  qn_array* y = nullptr;
  QN_CHECK(qn_slice(nullptr, x, start, 2, stop, 2, nullptr, 0, &y, e));
  return A(y);
}

constexpr std::int64_t kRows = 8, kColumns = 64;

// The counting array with row 2 from column 60 on at -1.
void expect_updated(const A& y) {
  const std::vector<float> v = values(y);
  for (std::size_t i = 0; i < v.size(); ++i) {
    const bool inside = i / kColumns == 2 && i % kColumns >= 60;
    ASSERT_EQ(v[i], inside ? -1.0f : static_cast<float>(i)) << i;
  }
}

void expect_counting(const A& x) {
  const std::vector<float> v = values(x);
  for (std::size_t i = 0; i < v.size(); ++i) ASSERT_EQ(v[i], static_cast<float>(i)) << i;
}

TEST(UpdateMemory, IsThatOfAnArrayNobodySees) {
  const Rt rt("slice_update=simd|naive");
  A x = counting(rt, {kRows, kColumns});
  const A u = rt.floats({-1, -1, -1, -1}, {1, 4});
  for (int k = 0; k < 3; ++k) {  // plans made and replayed, with and without
    const void* before = place(x);
    x = updated(x, u, 2, 60);
    eval({x});
    EXPECT_EQ(place(x), before);
    expect_updated(x);
    const A seen = x;
    A y = updated(x, u, 2, 60);
    eval({y});
    EXPECT_NE(place(y), place(seen));
    expect_updated(y);
    x = y;
    y = A();
  }
  const qn_stats s = rt.stats();
  EXPECT_GE(s.plan_hits, 3u);
}

TEST(UpdateMemory, OfAnArrayThatIsHeldIsItsOwn) {
  const Rt rt;
  const A x = counting(rt, {kRows, kColumns}), u = rt.floats({-1, -1, -1, -1}, {1, 4});
  const A y = updated(x, u, 2, 60);
  eval({y});
  expect_updated(y);
  expect_counting(x);
}

TEST(UpdateMemory, IsNotTakenFromViewsAndReaders) {
  const Rt rt;
  const A u = rt.floats({-1, -1, -1, -1}, {1, 4});
  A x = counting(rt, {kRows, kColumns});
  const A view = rows(x, 0, kRows);
  eval({view});
  A y = updated(x, u, 2, 60);
  x = A();
  eval({y});
  expect_updated(y);
  expect_counting(view);

  x = counting(rt, {kRows, kColumns});
  A later = x - rt.scalar(0);
  y = updated(x, u, 2, 60);
  x = A();
  eval({y});  // `later` still needs x
  expect_updated(y);
  expect_counting(later);

  x = counting(rt, {kRows, kColumns});
  later = x - rt.scalar(0);
  y = updated(x, u, 2, 60);
  x = A();
  eval({later, y});
  expect_updated(y);
  expect_counting(later);

  // Of a part of another array's memory, and of a part that nobody else sees.
  x = counting(rt, {2 * kRows, kColumns});
  A part = rows(x, 0, kRows);
  eval({part});
  y = updated(part, u, 2, 60);
  part = A();
  eval({y});
  expect_updated(y);
  expect_counting(x);
}

TEST(UpdateMemory, IsNotTakenFromTheCallers) {
  const Rt rt;
  std::vector<float> own(kRows * kColumns);
  std::iota(own.begin(), own.end(), 0.0f);
  const std::int64_t shape[] = {kRows, kColumns};
  qn_array* borrowed = nullptr;
  QN_CHECK(
      qn_array_borrow(rt, own.data(), shape, nullptr, 2, QN_F32, nullptr, nullptr, &borrowed, e));
  A x(borrowed);
  const A y = updated(x, rt.floats({-1, -1, -1, -1}, {1, 4}), 2, 60);
  x = A();
  eval({y});
  expect_updated(y);
  for (std::size_t i = 0; i < own.size(); ++i) ASSERT_EQ(own[i], static_cast<float>(i));
}

TEST(UpdateMemory, SeveralUpdatesOneAfterTheOther) {
  const Rt rt;
  const A u = rt.floats({-1, -1, -1, -1}, {1, 4}), v = rt.floats({-2, -2, -2, -2}, {1, 4});
  A x = counting(rt, {kRows, kColumns});
  A between = updated(x, u, 2, 60);
  const A sum_between = sum(between);
  x = updated(between, v, 2, 60);
  between = A();
  eval({x, sum_between});
  const double all = kRows * kColumns * (kRows * kColumns - 1) / 2.0, gone = 188 + 189 + 190 + 191;
  EXPECT_EQ(item(sum_between), all - gone - 4);
  EXPECT_EQ(item(sum(x)), all - gone - 8);
}

TEST(UpdateMemory, WhatWasPackedOfTheOldValuesIsForgotten) {
  const Rt rt;
  const std::int64_t pad[] = {1};
  const auto conv = [&](const A& x, const A& w) {
    qn_array* y = nullptr;
    QN_CHECK(qn_conv2d(nullptr, x, w, nullptr, 0, pad, 1, nullptr, 0, 1, "nhwc", &y, e));
    A made(y);
    eval({made});
    return values(made);
  };
  const A x = counting(rt, {2, 8, 8, 16});
  A flat = counting(rt, {16, 144});
  const A u = rt.floats(std::vector<float>(84, 0.5f), {1, 84});
  const auto filters = [](const A& a) { return reshape(a, {16, 3, 3, 16}); };
  for (int k = 0; k < 3; ++k) {
    // The reshaped array shares the memory; it goes before the update.
    A w = filters(flat);
    for (int n = 0; n < 3; ++n) conv(x, w);
    w = A();
    flat = updated(flat, u, k, 60);
    eval({flat});
    std::vector<float> fresh(16 * 144);
    std::iota(fresh.begin(), fresh.end(), 0.0f);
    for (std::size_t i = 0; i < fresh.size(); ++i)
      if (i / 144 <= std::size_t(k) && i % 144 >= 60) fresh[i] = 0.5f;
    EXPECT_EQ(conv(x, filters(flat)), conv(x, rt.floats(fresh, {16, 3, 3, 16})));
  }
}

TEST(UpdateMemory, DoesNotGrowOverUpdates) {
  const Rt rt;
  A x = counting(rt, {kRows, kColumns});
  const A u = rt.floats({-1, -1, -1, -1}, {1, 4});
  for (std::int64_t k = 0; k < 2 * kRows; ++k) x = updated(x, u, k % kRows, 60), eval({x});
  const std::uint64_t before = rt.stats().bytes_active;
  for (std::int64_t k = 0; k < 200; ++k) x = updated(x, u, k % kRows, 60), eval({x});
  EXPECT_EQ(rt.stats().bytes_active, before);
}

}  // namespace
}  // namespace quern_test
