// DLPack both ways: shared memory, every dtype, refusals, and deleters that are called once.
// Bad handles are in arguments_test.cpp.
#include "../../runtime/capi/dlpack_abi.h"
#include "support.h"

namespace {

struct Source {
  float data[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  int64_t shape[2] = {2, 4}, strides[2] = {4, 1};
  int deleted = 0;
  DLManagedTensorVersioned tensor{};
  DLManagedTensor legacy{};

  Source() {
    DLTensor t{data, {QN_DL_CPU, 0}, 2, {2, 32, 1}, shape, strides, 0};
    tensor = {{1, 1},
              this,
              [](DLManagedTensorVersioned* t) { ++static_cast<Source*>(t->manager_ctx)->deleted; },
              0,
              t};
    legacy = {t, this, [](DLManagedTensor* t) { ++static_cast<Source*>(t->manager_ctx)->deleted; }};
  }
};

class Dlpack : public AbiTest {
 protected:
  void expect_refused(Source& s, qn_status code, const char* text) {
    qn_array* out = nullptr;
    EXPECT_FAILS(code, text, qn_array_from_dlpack(rt, &s.tensor, &out, &e));
    EXPECT_EQ(out, nullptr);
    EXPECT_EQ(s.deleted, 0);
  }
};

TEST_F(Dlpack, ImportSharesMemory) {
  Source s;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_dlpack(rt, &s.tensor, &a, &e));
  const void* p = nullptr;
  ASSERT_WORKS(qn_array_data(a, &p, nullptr, &e));
  EXPECT_EQ(p, s.data);
  EXPECT_EQ(values(a), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(s.deleted, 0);
  qn_array_release(a);
  EXPECT_EQ(s.deleted, 1);
}

TEST_F(Dlpack, ImportLegacy) {
  Source s;
  s.legacy.dl_tensor.strides = nullptr;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_dlpack_legacy(rt, &s.legacy, &a, &e));
  EXPECT_EQ(values(a)[5], 5);
  qn_array_release(a);
  EXPECT_EQ(s.deleted, 1);
}

TEST_F(Dlpack, ImportStridesAndOffset) {
  Source s;
  s.strides[0] = 1;
  s.strides[1] = 2;
  s.shape[1] = 3;
  s.tensor.dl_tensor.byte_offset = 4;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_dlpack(rt, &s.tensor, &a, &e));
  EXPECT_EQ(values(a), (std::vector<float>{1, 3, 5, 2, 4, 6}));
  qn_array_release(a);
  EXPECT_EQ(s.deleted, 1);
}

TEST_F(Dlpack, UnalignedImportCopies) {
  Source s;
  memmove(reinterpret_cast<char*>(s.data) + 2, s.data, 16);
  s.tensor.dl_tensor.byte_offset = 2;
  s.shape[0] = 1;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_dlpack(rt, &s.tensor, &a, &e));
  EXPECT_EQ(s.deleted, 1);
  EXPECT_EQ(values(a), (std::vector<float>{0, 1, 2, 3}));
  qn_array_release(a);
  EXPECT_EQ(s.deleted, 1);
}

TEST_F(Dlpack, ScalarsAndEmptyTensors) {
  Source s;
  s.tensor.dl_tensor.ndim = 0;
  s.tensor.dl_tensor.shape = nullptr;
  s.tensor.dl_tensor.strides = nullptr;
  s.tensor.deleter = nullptr;
  qn_array* a = nullptr;
  ASSERT_WORKS(qn_array_from_dlpack(rt, &s.tensor, &a, &e));
  EXPECT_EQ(values(a), std::vector<float>{0});
  qn_array_release(a);
  Source empty;
  empty.shape[0] = 0;
  empty.tensor.dl_tensor.data = nullptr;
  ASSERT_WORKS(qn_array_from_dlpack(rt, &empty.tensor, &a, &e));
  EXPECT_EQ(qn_array_size(a), 0u);
  qn_array_release(a);
  EXPECT_EQ(empty.deleted, 1);
}

TEST_F(Dlpack, Refusals) {
  Source s;
  s.tensor.version.major = 2;
  expect_refused(s, QN_E_UNIMPLEMENTED, "version 2.1");
  s.tensor.version.major = 1;
  s.tensor.dl_tensor.device.device_type = 2;
  expect_refused(s, QN_E_UNIMPLEMENTED, "device type 2");
  s.tensor.dl_tensor.device.device_type = QN_DL_CPU;
  s.tensor.dl_tensor.dtype.lanes = 4;
  expect_refused(s, QN_E_UNIMPLEMENTED, "4 lanes");
  s.tensor.dl_tensor.dtype = {2, 8, 1};
  expect_refused(s, QN_E_INVALID_ARGUMENT, "dtype");
  s.tensor.dl_tensor.dtype = {2, 32, 1};
  s.tensor.dl_tensor.ndim = -1;
  expect_refused(s, QN_E_INVALID_ARGUMENT, "ndim");
  s.tensor.dl_tensor.ndim = 65;
  expect_refused(s, QN_E_INVALID_ARGUMENT, "ndim");
  s.tensor.dl_tensor.ndim = 2;
  s.tensor.dl_tensor.data = nullptr;
  expect_refused(s, QN_E_INVALID_ARGUMENT, "data is NULL");
  s.tensor.dl_tensor.data = s.data;
  s.tensor.dl_tensor.shape = nullptr;
  expect_refused(s, QN_E_INVALID_ARGUMENT, "shape is NULL");
  s.tensor.dl_tensor.shape = s.shape;
  s.shape[1] = -4;
  expect_refused(s, QN_E_INVALID_ARGUMENT, "negative");
}

TEST_F(Dlpack, ExportIsReadOnlyAndKeepsTheArray) {
  qn_array* a = nullptr;
  const float data[] = {1, 2, 3, 4, 5, 6};
  const int64_t shape[] = {2, 3};
  ASSERT_WORKS(qn_array_from_data(rt, data, shape, 2, QN_F32, &a, &e));
  qn_array* t = nullptr;
  ASSERT_WORKS(qn_transpose(rt, a, nullptr, 0, &t, &e));
  qn_array_release(a);
  DLManagedTensorVersioned* d = nullptr;
  ASSERT_WORKS(qn_array_to_dlpack(t, &d, &e));
  const std::vector<float> want = values(t);
  qn_array_release(t);
  EXPECT_EQ(d->version.major, 1u);
  EXPECT_EQ(d->flags & QN_DL_READ_ONLY, 1u);
  const DLTensor& x = d->dl_tensor;
  ASSERT_EQ(x.ndim, 2);
  EXPECT_EQ(x.shape[0], 3);
  EXPECT_EQ(x.device.device_type, QN_DL_CPU);
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t k = 0; k < 2; ++k)
      EXPECT_EQ(static_cast<float*>(x.data)[i * x.strides[0] + k * x.strides[1]],
                want[static_cast<size_t>(i * 2 + k)]);
  d->deleter(d);
}

TEST_F(Dlpack, EveryDtypeThereAndBack) {
  for (qn_dtype t : {QN_BOOL, QN_U8, QN_U16, QN_U32, QN_U64, QN_I8, QN_I16, QN_I32, QN_I64, QN_F16,
                     QN_BF16, QN_F32, QN_F64, QN_C64}) {
    const unsigned char data[24] = {1, 0, 1, 1};
    const int64_t shape[] = {3};
    qn_array *a = nullptr, *b = nullptr, *c = nullptr;
    ASSERT_WORKS(qn_array_from_data(rt, data, shape, 1, t, &a, &e));
    DLManagedTensorVersioned* d = nullptr;
    DLManagedTensor* old = nullptr;
    ASSERT_WORKS(qn_array_to_dlpack(keep(a), &d, &e));
    ASSERT_WORKS(qn_array_from_dlpack(rt, d, &b, &e));
    ASSERT_WORKS(qn_array_to_dlpack_legacy(keep(b), &old, &e));
    ASSERT_WORKS(qn_array_from_dlpack_legacy(rt, old, &c, &e));
    EXPECT_EQ(qn_array_dtype(keep(c)), t);
    const void *p = nullptr, *q = nullptr;
    ASSERT_WORKS(qn_array_data(a, &p, nullptr, &e));
    ASSERT_WORKS(qn_array_data(c, &q, nullptr, &e));
    EXPECT_EQ(p, q);
  }
}

}  // namespace
