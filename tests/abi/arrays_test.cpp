// Arrays through the ABI: values in and out, strides, items of every dtype, borrowed memory.
// Bad arguments are in arguments_test.cpp.
#include <cmath>
#include <limits>
#include <numeric>

#include "support.h"

namespace {

class Arrays : public AbiTest {};

TEST_F(Arrays, RoundTripAndMetadata) {
  qn_array* a = floats({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(qn_array_ndim(a), 2u);
  EXPECT_EQ(qn_array_shape(a)[1], 3);
  EXPECT_EQ(qn_array_dtype(a), QN_F32);
  EXPECT_EQ(qn_array_size(a), 6u);
  EXPECT_EQ(qn_array_is_evaluated(a), 1u);
  EXPECT_EQ(qn_array_runtime(a), rt);
  EXPECT_EQ(values(a), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST_F(Arrays, EmptyArrays) {
  const int64_t shape[] = {3, 0, 2};
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_data(rt, nullptr, shape, 3, QN_F64, &a, &e));
  keep(a);
  EXPECT_EQ(qn_array_size(a), 0u);
  ASSERT_WORKS(qn_array_copy_out(a, nullptr, 0, &e));
  const void* data = nullptr;
  ASSERT_WORKS(qn_array_data(a, &data, nullptr, &e));
}

TEST_F(Arrays, ArraysKeepTheirRuntime) {
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_scalar(rt, 5, QN_F32, &a, &e));
  qn_runtime_release(rt);
  rt = nullptr;
  double v = 0;
  ASSERT_WORKS(qn_array_item_f64(a, &v, &e));
  EXPECT_EQ(v, 5);
  qn_array_release(a);
}

TEST_F(Arrays, StridedCopies) {
  float data[24];
  std::iota(data, data + 24, 0.0f);
  struct Case {
    std::vector<int64_t> shape, strides;
    int start;
  };
  const Case cases[] = {
      {{2, 3, 4}, {12, 4, 1}, 0},
      {{4, 3, 2}, {1, 4, 12}, 0},
      {{2, 3}, {-12, -4}, 23},
      {{3, 4}, {0, 2}, 1},
      {{24}, {-1}, 23},
      {{2, 1, 3}, {12, 99, 2}, 0},
      {{5, 2}, {0, 0}, 7},
      {{}, {}, 3},
      {{2, 2, 2, 2}, {1, 2, 4, 8}, 0},
      {{6, 2}, {4, 1}, 2},
  };
  for (const Case& c : cases) {
    const auto ndim = static_cast<uint32_t>(c.shape.size());
    qn_array* a = nullptr;
    ASSERT_WORKS(qn_array_borrow(rt, data + c.start, c.shape.data(), c.strides.data(), ndim, QN_F32,
                                 nullptr, nullptr, &a, &e));
    keep(a);
    std::vector<float> want;
    std::vector<int64_t> at(ndim, 0);
    for (uint64_t i = 0; i < qn_array_size(a); ++i) {
      int64_t offset = c.start;
      uint64_t rest = i;
      for (uint32_t k = ndim; k-- > 0;) {
        offset += static_cast<int64_t>(rest % static_cast<uint64_t>(c.shape[k])) * c.strides[k];
        rest /= static_cast<uint64_t>(c.shape[k]);
      }
      want.push_back(data[offset]);
    }
    EXPECT_EQ(values(a), want);
    const void* p = nullptr;
    const int64_t* strides = nullptr;
    ASSERT_WORKS(qn_array_data(a, &p, &strides, &e));
    EXPECT_EQ(p, data + c.start);
    for (uint32_t k = 0; k < ndim; ++k) EXPECT_EQ(strides[k], c.strides[k]);
    qn_array* twice = nullptr;
    ASSERT_WORKS(qn_add(rt, a, a, &twice, &e));
    for (float& v : want) v *= 2;
    EXPECT_EQ(values(keep(twice)), want);
  }
}

TEST_F(Arrays, BorrowedMemoryIsReleasedOnce) {
  int released = 0;
  float data[4] = {1, 2, 3, 4};
  const int64_t shape[] = {4};
  qn_array *a = nullptr, *b = nullptr;
  auto release = [](void* n) { ++*static_cast<int*>(n); };
  ASSERT_WORKS(qn_array_borrow(rt, data, shape, nullptr, 1, QN_F32, release, &released, &a, &e));
  ASSERT_WORKS(qn_square(rt, a, &b, &e));
  qn_array_release(qn_array_retain(a));
  qn_array_release(a);
  EXPECT_EQ(released, 0);  // b still needs it
  EXPECT_EQ(values(b), (std::vector<float>{1, 4, 9, 16}));
  qn_array_release(b);
  qn_error* e = nullptr;
  qn_runtime_clear_cache(rt, &e);
  EXPECT_EQ(released, 1);
  EXPECT_EQ(data[3], 4);
}

TEST_F(Arrays, UnalignedMemoryIsCopied) {
  int released = 0;
  alignas(8) char raw[12];
  const float v[2] = {1.5f, -2};
  memcpy(raw + 1, v, 8);
  const int64_t shape[] = {2};
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_borrow(
      rt, raw + 1, shape, nullptr, 1, QN_F32, [](void* n) { ++*static_cast<int*>(n); }, &released,
      &a, &e));
  EXPECT_EQ(released, 1);
  EXPECT_EQ(values(keep(a)), (std::vector<float>{1.5f, -2}));
}

template <typename T>
void expect_item(qn_runtime* rt, qn_dtype t, T raw, double f, int64_t i) {
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_data(rt, &raw, nullptr, 0, t, &a, &e));
  double got = 0;
  int64_t n = 0;
  ASSERT_WORKS(qn_array_item_f64(a, &got, &e));
  ASSERT_WORKS(qn_array_item_i64(a, &n, &e));
  EXPECT_EQ(got, f);
  EXPECT_EQ(n, i);
  qn_array_release(a);
}

TEST_F(Arrays, ItemsOfEveryDtype) {
  expect_item<uint8_t>(rt, QN_BOOL, 1, 1, 1);
  expect_item<uint8_t>(rt, QN_U8, 200, 200, 200);
  expect_item<uint16_t>(rt, QN_U16, 60000, 60000, 60000);
  expect_item<uint32_t>(rt, QN_U32, 4000000000u, 4e9, 4000000000);
  expect_item<uint64_t>(rt, QN_U64, 1u << 30, 1 << 30, 1 << 30);
  expect_item<int8_t>(rt, QN_I8, -5, -5, -5);
  expect_item<int16_t>(rt, QN_I16, -500, -500, -500);
  expect_item<int32_t>(rt, QN_I32, -70000, -70000, -70000);
  expect_item<int64_t>(rt, QN_I64, INT64_MIN, -0x1p63, INT64_MIN);
  expect_item<uint16_t>(rt, QN_F16, 0x3e00, 1.5, 1);
  expect_item<uint16_t>(rt, QN_F16, 0xc100, -2.5, -2);
  expect_item<uint16_t>(rt, QN_F16, 0x0001, 0x1p-24, 0);
  expect_item<uint16_t>(rt, QN_BF16, 0xc040, -3, -3);
  expect_item<float>(rt, QN_F32, 2.75f, 2.75, 2);
  expect_item<double>(rt, QN_F64, -1e10 - 0.5, -1e10 - 0.5, -10000000000);
  uint64_t big = UINT64_MAX;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_data(rt, &big, nullptr, 0, QN_U64, &a, &e));
  int64_t n = 0;
  EXPECT_FAILS(QN_E_OUT_OF_RANGE, "does not fit", qn_array_item_i64(keep(a), &n, &e));
}

TEST_F(Arrays, ItemsThatAreNoNumbers) {
  const auto item = [&](qn_dtype t, const void* raw, double* f) {
    qn_array* a = nullptr;
    int64_t n = 7;
    ASSERT_WORKS(qn_array_from_data(rt, raw, nullptr, 0, t, &a, &e));
    ASSERT_WORKS(qn_array_item_f64(keep(a), f, &e));
    EXPECT_FAILS(QN_E_OUT_OF_RANGE, "does not fit an int64", qn_array_item_i64(a, &n, &e));
    EXPECT_EQ(n, 7);
  };
  double f = 0;
  const uint16_t half_inf = 0xfc00, half_nan = 0x7e01, brain_inf = 0x7f80;
  item(QN_F16, &half_inf, &f);
  EXPECT_EQ(f, -std::numeric_limits<double>::infinity());
  item(QN_F16, &half_nan, &f);
  EXPECT_TRUE(std::isnan(f));
  item(QN_BF16, &brain_inf, &f);
  EXPECT_EQ(f, std::numeric_limits<double>::infinity());
  const double limit = 0x1p63;
  item(QN_F64, &limit, &f);
  EXPECT_EQ(f, limit);
}

TEST_F(Arrays, ComplexItems) {
  const float z[] = {1.5f, -2}, real = 3;
  float got[] = {0, 7};
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_data(rt, z, nullptr, 0, QN_C64, &a, &e));
  ASSERT_WORKS(qn_array_item_c64(keep(a), got, &e));
  EXPECT_EQ(got[0], 1.5f);
  EXPECT_EQ(got[1], -2);
  ASSERT_WORKS(qn_array_from_data(rt, &real, nullptr, 0, QN_F32, &a, &e));
  ASSERT_WORKS(qn_array_item_c64(keep(a), got, &e));
  EXPECT_EQ(got[0], 3);
  EXPECT_EQ(got[1], 0);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "shape (2,) has not exactly one element",
               qn_array_item_c64(floats({1, 2}, {2}), got, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_item_c64] out", qn_array_item_c64(a, nullptr, &e));
}

TEST_F(Arrays, Scalars) {
  for (qn_dtype t : {QN_BOOL, QN_U8, QN_U16, QN_U32, QN_U64, QN_I8, QN_I16, QN_I32, QN_I64, QN_F16,
                     QN_BF16, QN_F32, QN_F64}) {
    qn_array* a = nullptr;
    ASSERT_WORKS(qn_scalar(rt, 1, t, &a, &e));
    double v = 0;
    ASSERT_WORKS(qn_array_item_f64(keep(a), &v, &e));
    EXPECT_EQ(v, 1);
    EXPECT_EQ(qn_array_dtype(a), t);
    EXPECT_EQ(qn_array_ndim(a), 0u);
  }
}

TEST_F(Arrays, LazyUntilAsked) {
  qn_array *a = floats({1, 2}, {2}), *sum = nullptr;
  ASSERT_WORKS(qn_add(nullptr, a, a, &sum, &e));
  keep(sum);
  EXPECT_EQ(qn_array_is_evaluated(sum), 0u);
  ASSERT_WORKS(qn_eval(&sum, 1, &e));
  EXPECT_EQ(qn_array_is_evaluated(sum), 1u);
  EXPECT_EQ(values(sum), (std::vector<float>{2, 4}));
}

TEST_F(Arrays, OpTable) {
  ASSERT_GT(qn_op_count(), 100u);
  uint32_t id = 0;
  ASSERT_WORKS(qn_op_lookup("matmul", &id, &e));
  EXPECT_EQ(id, QN_OP_MATMUL);
  for (uint32_t i = 0; i < qn_op_count(); ++i) EXPECT_EQ(qn_op_schema(i)[0], '{');
  qn_attr whole{};
  whole.type = QN_ATTR_INT;  // an int where a float is wanted
  qn_attr attrs[3] = {whole, whole, whole};
  attrs[1].v.i = 3;
  attrs[2].v.i = 1;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_op(rt, QN_OP_ARANGE, nullptr, 0, attrs, 3, &a, 1, &e));
  EXPECT_EQ(values(keep(a)), (std::vector<float>{0, 1, 2}));
}

}  // namespace
