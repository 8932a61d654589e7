// Bad arguments: every function refuses them with the right code, a text that names it, and
// untouched results. What the ops themselves refuse (shapes, dtypes) is tested with the ops.
#include <climits>
#include <cmath>

#include "support.h"

namespace {

qn_array* const kArray = reinterpret_cast<qn_array*>(0x10);  // never to be read or written
qn_runtime* const kRuntime = reinterpret_cast<qn_runtime*>(0x10);

class Arguments : public AbiTest {
 protected:
  void TearDown() override {
    EXPECT_EQ(out, kArray) << "a failing call wrote its result";
    AbiTest::TearDown();
  }
  qn_array* out = kArray;
};

TEST(Library, Facts) {
  EXPECT_EQ(qn_abi_version() >> 16, 1u);
  EXPECT_NE(std::string(qn_build_info()).find("version="), std::string::npos);
  EXPECT_NE(std::string(qn_build_info()).find("\ncompiler="), std::string::npos);
  EXPECT_NE(std::string(qn_build_info()).find("\nsanitizer="), std::string::npos);
  EXPECT_EQ(qn_get_proc("qn_nothing_x1"), nullptr);
  EXPECT_EQ(qn_get_proc(nullptr), nullptr);
}

TEST(Library, EveryStatusHasAName) {
  const std::pair<qn_status, const char*> names[] = {
      {QN_OK, "OK"},
      {QN_E_CANCELLED, "CANCELLED"},
      {QN_E_UNKNOWN, "UNKNOWN"},
      {QN_E_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
      {QN_E_NOT_FOUND, "NOT_FOUND"},
      {QN_E_ALREADY_EXISTS, "ALREADY_EXISTS"},
      {QN_E_PERMISSION_DENIED, "PERMISSION_DENIED"},
      {QN_E_RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
      {QN_E_FAILED_PRECONDITION, "FAILED_PRECONDITION"},
      {QN_E_OUT_OF_RANGE, "OUT_OF_RANGE"},
      {QN_E_UNIMPLEMENTED, "UNIMPLEMENTED"},
      {QN_E_INTERNAL, "INTERNAL"},
      {QN_E_UNAVAILABLE, "UNAVAILABLE"},
      {QN_E_DATA_LOSS, "DATA_LOSS"}};
  for (const auto& [status, name] : names) EXPECT_STREQ(qn_status_name(status), name);
  for (const qn_status unknown : {-5, 99, INT32_MAX, INT32_MIN})
    EXPECT_STREQ(qn_status_name(unknown), "UNKNOWN");
}

TEST(Library, Errors) {
  EXPECT_EQ(qn_error_code(nullptr), QN_OK);
  EXPECT_STREQ(qn_error_message(nullptr), "");
  qn_error_free(nullptr);
  qn_error* e = nullptr;
  qn_error_new(QN_E_NOT_FOUND, "gone", &e);
  EXPECT_EQ(qn_error_code(e), QN_E_NOT_FOUND);
  EXPECT_STREQ(qn_error_message(e), "gone");
  qn_error_free(e);
  e = nullptr;
  qn_error_new(QN_E_NOT_FOUND, nullptr, &e);
  EXPECT_STREQ(qn_error_message(e), "");
  qn_error_free(e);
  qn_error_new(QN_E_NOT_FOUND, "nobody asks", nullptr);
}

TEST(Library, NullHandlesAreHarmless) {
  qn_runtime_release(nullptr);
  EXPECT_EQ(qn_runtime_retain(nullptr), nullptr);
  qn_array_release(nullptr);
  EXPECT_EQ(qn_array_retain(nullptr), nullptr);
  EXPECT_EQ(qn_array_ndim(nullptr), 0u);
  EXPECT_EQ(qn_array_shape(nullptr), nullptr);
  EXPECT_EQ(qn_array_dtype(nullptr), 0u);
  EXPECT_EQ(qn_array_size(nullptr), 0u);
  EXPECT_EQ(qn_array_is_evaluated(nullptr), 0u);
  EXPECT_EQ(qn_array_runtime(nullptr), nullptr);
  qn_fn_release(nullptr);
  EXPECT_EQ(qn_fn_retain(nullptr), nullptr);
  EXPECT_EQ(qn_fn_n_in(nullptr), 0u);
  EXPECT_EQ(qn_fn_n_out(nullptr), 0u);
  qn_plugin_release(nullptr);
  EXPECT_STREQ(qn_plugin_id(nullptr), "");
}

TEST_F(Arguments, RuntimeFunctions) {
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_create]",
               qn_runtime_create(nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_set_kernels] rt",
               qn_runtime_set_kernels(nullptr, "", &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_set_kernels] rules",
               qn_runtime_set_kernels(rt, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "", qn_runtime_set_kernels(rt, "conv[=;;", &e));
  qn_stats s{};
  s.hdr.struct_size = sizeof s;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_stats]", qn_runtime_stats(nullptr, &s, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_stats]", qn_runtime_stats(rt, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_reset_peak]",
               qn_runtime_reset_peak(nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_runtime_clear_cache]",
               qn_runtime_clear_cache(nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_set_profiling]", qn_set_profiling(nullptr, 1, &e));
  EXPECT_EQ(qn_set_profiling(nullptr, 1, nullptr), QN_E_INVALID_ARGUMENT);
}

TEST_F(Arguments, FromData) {
  const float one = 1;
  const int64_t shape[] = {1}, negative[] = {-1}, huge[] = {INT64_MAX, 8},
                two[] = {int64_t{1} << 62, 1};
  const std::vector<int64_t> deep(65, 1);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "rt is NULL",
               qn_array_from_data(nullptr, &one, shape, 1, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "data is NULL",
               qn_array_from_data(rt, nullptr, shape, 1, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "shape is NULL",
               qn_array_from_data(rt, &one, nullptr, 1, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out is NULL",
               qn_array_from_data(rt, &one, shape, 1, QN_F32, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "negative",
               qn_array_from_data(rt, &one, negative, 1, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "2^63",
               qn_array_from_data(rt, &one, huge, 2, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "2^63",
               qn_array_from_data(rt, &one, two, 2, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "ndim is 65",
               qn_array_from_data(rt, &one, deep.data(), 65, QN_F32, &out, &e));
  for (qn_dtype bad : {0u, 7u, QN_DTYPE(2u, 8u), QN_DTYPE(2u, 32u) + (1u << 16), 0xffffffffu})
    EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "dtype 0x",
                 qn_array_from_data(rt, &one, shape, 1, bad, &out, &e));
}

TEST_F(Arguments, Borrow) {
  static int released;
  released = 0;
  auto release = [](void*) { ++released; };
  const float one[2] = {1, 2};
  const int64_t shape[] = {2}, far[] = {INT64_MAX / 2};
  EXPECT_FAILS(
      QN_E_INVALID_ARGUMENT, "[qn_array_borrow] rt",
      qn_array_borrow(nullptr, one, shape, nullptr, 1, QN_F32, release, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_borrow] data",
               qn_array_borrow(rt, nullptr, shape, nullptr, 1, QN_F32, release, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_borrow] shape",
               qn_array_borrow(rt, one, nullptr, nullptr, 1, QN_F32, release, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "address space",
               qn_array_borrow(rt, one, shape, far, 1, QN_F32, release, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "dtype",
               qn_array_borrow(rt, one, shape, nullptr, 1, 99, release, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out is NULL",
               qn_array_borrow(rt, one, shape, nullptr, 1, QN_F32, release, nullptr, nullptr, &e));
  EXPECT_EQ(released, 0);
}

TEST_F(Arguments, ReadingArrays) {
  qn_array* a = floats({1, 2}, {2});
  const void* data = &out;
  float buffer[2];
  double f = 7;
  int64_t i = 7;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_scalar] rt", qn_scalar(nullptr, 1, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_scalar] dtype", qn_scalar(rt, 1, 3, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_scalar] out", qn_scalar(rt, 1, QN_F32, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_data] array",
               qn_array_data(nullptr, &data, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_data] data",
               qn_array_data(a, nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_copy_out] array",
               qn_array_copy_out(nullptr, buffer, 8, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_copy_out] dst",
               qn_array_copy_out(a, nullptr, 8, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "expected 8", qn_array_copy_out(a, buffer, 4, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_item_f64] shape", qn_array_item_f64(a, &f, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_item_f64] array",
               qn_array_item_f64(nullptr, &f, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_item_f64] out", qn_array_item_f64(a, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_item_i64] shape", qn_array_item_i64(a, &i, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_item_i64] out", qn_array_item_i64(a, nullptr, &e));
  EXPECT_FAILS(QN_E_OUT_OF_RANGE, "does not fit", qn_array_item_i64(floats({1e30f}, {}), &i, &e));
  EXPECT_FAILS(QN_E_OUT_OF_RANGE, "does not fit", qn_array_item_i64(floats({NAN}, {1}), &i, &e));
  EXPECT_EQ(data, &out);
  EXPECT_EQ(f, 7);
  EXPECT_EQ(i, 7);
}

TEST_F(Arguments, Ops) {
  qn_array* a = floats({1, 2}, {2});
  qn_array* in[] = {a, a, a};
  qn_array* hole[] = {a, nullptr};
  uint32_t id = 7;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_op_lookup] name", qn_op_lookup(nullptr, &id, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_op_lookup] op_id", qn_op_lookup("add", nullptr, &e));
  EXPECT_FAILS(QN_E_NOT_FOUND, "no op is called 'nope'", qn_op_lookup("nope", &id, &e));
  EXPECT_EQ(id, 7u);
  EXPECT_EQ(qn_op_schema(qn_op_count()), nullptr);
  EXPECT_FAILS(QN_E_NOT_FOUND, "number 999", qn_op(rt, 999, in, 2, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_NOT_FOUND, "", qn_op(rt, UINT32_MAX, in, 2, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "'map' is made by the planner",
               qn_op(rt, QN_OP_MAP, in, 1, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[add] in is NULL",
               qn_op(rt, QN_OP_ADD, nullptr, 2, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[add] 1 inputs",
               qn_op(rt, QN_OP_ADD, in, 1, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[add] 3 inputs",
               qn_op(rt, QN_OP_ADD, in, 3, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "input 1 ('y') is NULL",
               qn_op(rt, QN_OP_ADD, hole, 2, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[add] out",
               qn_op(rt, QN_OP_ADD, in, 2, nullptr, 0, nullptr, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "2 outputs",
               qn_op(rt, QN_OP_ADD, in, 2, nullptr, 0, &out, 2, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[concatenate] 0 inputs",
               qn_op(rt, QN_OP_CONCATENATE, in, 0, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[concatenate]",
               qn_op(rt, QN_OP_CONCATENATE, hole, 2, nullptr, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "rt is NULL and op 'arange'",
               qn_arange(nullptr, 0, 1, 1, QN_F32, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_eval]", qn_eval(nullptr, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "array 1 of 2 is NULL", qn_eval(hole, 2, &e));
  EXPECT_EQ(qn_eval(nullptr, 0, nullptr), QN_OK);
}

TEST_F(Arguments, Attributes) {
  qn_array* a = floats({1, 2}, {2});
  qn_attr attr[3] = {};
  const int64_t shape[] = {2, 1};
  attr[0].type = QN_ATTR_STR;
  attr[0].count = 2;
  attr[0].v.s = "ab";
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[reshape] attribute 'shape' (number 0) wants ints, got str",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, attr, 1, &out, 1, &e));
  attr[0].type = 77;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "unknown type",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, attr, 1, &out, 1, &e));
  attr[0].type = QN_ATTR_INTS;
  attr[0].v.is = nullptr;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "at NULL",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, attr, 1, &out, 1, &e));
  attr[0].v.is = shape;
  attr[0].count = 65;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "65 entries",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, attr, 1, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "'shape' (number 0) is missing",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, nullptr, 0, &out, 1, &e));
  attr[0].count = 2;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "3 attributes given",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, attr, 3, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[reshape] attr is NULL",
               qn_op(rt, QN_OP_RESHAPE, &a, 1, nullptr, 1, &out, 1, &e));
  attr[0].type = QN_ATTR_DTYPE;
  attr[0].v.i = -1;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "expected a qn_dtype",
               qn_op(rt, QN_OP_ASTYPE, &a, 1, attr, 1, &out, 1, &e));
  attr[0].v.i = int64_t{1} << 32;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "is 4294967296, expected a qn_dtype",
               qn_op(rt, QN_OP_ASTYPE, &a, 1, attr, 1, &out, 1, &e));
  attr[0].v.i = 12345;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "dtype 0x00003039",
               qn_op(rt, QN_OP_ASTYPE, &a, 1, attr, 1, &out, 1, &e));
}

TEST_F(Arguments, LongText) {
  const std::string text(4097, 'L');
  qn_array* a = floats({1, 0, 0, 1}, {2, 2});
  qn_array* parts[] = {nullptr, nullptr};
  qn_attr uplo{};
  uplo.type = QN_ATTR_STR;
  uplo.v.s = text.c_str();
  uplo.count = 4097;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT,
               "[eigh] attribute 'uplo' (number 0) has 4097 bytes, expected at most 4096",
               qn_op(rt, QN_OP_EIGH, &a, 1, &uplo, 1, parts, 2, &e));
  uplo.count = 4096;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[eigh]",
               qn_op(rt, QN_OP_EIGH, &a, 1, &uplo, 1, parts, 2, &e));
  EXPECT_EQ(parts[0], nullptr);
}

TEST_F(Arguments, TwoRuntimes) {
  qn_runtime* other = nullptr;
  ASSERT_WORKS(qn_runtime_create(nullptr, &other, &e));
  qn_array* b = nullptr;
  ASSERT_WORKS(qn_scalar(other, 1, QN_F32, &b, &e));
  qn_array* in[] = {floats({1}, {}), b};
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[add] input 1 belongs to another runtime",
               qn_add(nullptr, in[0], in[1], &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "another runtime", qn_relu(rt, b, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "another runtime", qn_eval(in, 2, &e));
  const char* names[] = {"ours", "theirs"};
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_npz] array 1 of 2 belongs to another runtime",
               qn_save_npz("/nowhere/x", names, in, 2, QN_NPZ_STORED, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT,
               "[qn_save_safetensors] array 1 of 2 belongs to another runtime",
               qn_save_safetensors("/nowhere/x", names, in, 2, &e));
  qn_fn* theirs = nullptr;
  const auto same = [](void*, qn_array* const* x, uint32_t, qn_array** y, uint32_t,
                       qn_error**) -> qn_status {
    *y = qn_array_retain(*x);
    return QN_OK;
  };
  ASSERT_WORKS(qn_fn_create(other, same, nullptr, nullptr, 1, 1, &theirs, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "a function belongs to another runtime than the arrays",
               qn_custom_gradient(in, 1, in, 1, theirs, nullptr, nullptr, &out, &e));
  qn_fn_release(theirs);
  qn_array_release(b);
  qn_runtime_release(other);
}

TEST_F(Arguments, DlpackAndFiles) {
  DLManagedTensorVersioned* t = reinterpret_cast<DLManagedTensorVersioned*>(0x10);
  DLManagedTensor* old = reinterpret_cast<DLManagedTensor*>(0x10);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_from_dlpack]",
               qn_array_from_dlpack(nullptr, t, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_from_dlpack]",
               qn_array_from_dlpack(rt, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_from_dlpack_legacy]",
               qn_array_from_dlpack_legacy(rt, nullptr, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_from_dlpack_legacy]",
               qn_array_from_dlpack_legacy(nullptr, old, &out, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_to_dlpack]", qn_array_to_dlpack(nullptr, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_to_dlpack]",
               qn_array_to_dlpack(floats({1}, {}), nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_array_to_dlpack_legacy]",
               qn_array_to_dlpack_legacy(nullptr, &old, &e));
  auto found = [](void*, const char*, qn_array*) -> qn_status { return QN_OK; };
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_safetensors] rt",
               qn_load_safetensors(nullptr, "/x", found, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_safetensors] path",
               qn_load_safetensors(rt, nullptr, found, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_load_safetensors] path",
               qn_load_safetensors(rt, "", found, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "callback",
               qn_load_safetensors(rt, "/x", nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_safetensors] path",
               qn_save_safetensors(nullptr, nullptr, nullptr, 0, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "names",
               qn_save_safetensors("/x", nullptr, owned.data(), 1, &e));
  const char* names[] = {nullptr};
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_save_safetensors]",
               qn_save_safetensors("/x", names, nullptr, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "name 0 of 1",
               qn_save_safetensors("/x", names, owned.data(), 1, &e));
}

TEST_F(Arguments, Functions) {
  qn_callback f = [](void*, qn_array* const*, uint32_t, qn_array**, uint32_t,
                     qn_error**) -> qn_status { return QN_OK; };
  qn_fn* fn = reinterpret_cast<qn_fn*>(kRuntime);
  qn_fn* good = nullptr;
  const uint32_t zero[] = {0, 0}, far[] = {9};
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_create] rt",
               qn_fn_create(nullptr, f, nullptr, nullptr, 1, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "callback",
               qn_fn_create(rt, nullptr, nullptr, nullptr, 1, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out",
               qn_fn_create(rt, f, nullptr, nullptr, 1, 1, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "0 outputs",
               qn_fn_create(rt, f, nullptr, nullptr, 1, 0, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "inputs",
               qn_fn_create(rt, f, nullptr, nullptr, UINT32_MAX, 1, &fn, &e));
  ASSERT_WORKS(qn_fn_create(rt, f, nullptr, nullptr, 1, 1, &good, &e));
  qn_array* a = floats({1}, {});
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_call]", qn_fn_call(nullptr, &a, 1, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_call] 0 inputs",
               qn_fn_call(good, &a, 0, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "2 outputs", qn_fn_call(good, &a, 1, &out, 2, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_call]", qn_fn_call(good, nullptr, 1, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_fn_call(good, &a, 1, nullptr, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "output 0 of 1 NULL", qn_fn_call(good, &a, 1, &out, 1, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_vjp]", qn_fn_vjp(nullptr, zero, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "no argnums", qn_fn_vjp(good, zero, 0, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "argnums is NULL", qn_fn_vjp(good, nullptr, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out of range", qn_fn_vjp(good, far, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "twice", qn_fn_value_and_grad(good, zero, 2, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_value_and_grad]",
               qn_fn_value_and_grad(nullptr, zero, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_fn_value_and_grad(good, zero, 1, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_compile]", qn_fn_compile(nullptr, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_fn_compile(good, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_jvp]", qn_fn_jvp(nullptr, zero, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out of range", qn_fn_jvp(good, far, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_fn_jvp(good, zero, 1, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_vmap]",
               qn_fn_vmap(nullptr, nullptr, nullptr, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_fn_vmap(good, nullptr, nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_fn_checkpoint]", qn_fn_checkpoint(nullptr, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_fn_checkpoint(good, nullptr, &e));
  EXPECT_EQ(fn, reinterpret_cast<qn_fn*>(kRuntime));
  qn_fn_release(good);
}

TEST_F(Arguments, Traces) {
  qn_array *a = floats({1, 2}, {2}), *traced = nullptr, *none = nullptr, *g = nullptr;
  qn_trace* t = reinterpret_cast<qn_trace*>(0x10);
  qn_fn* fn = nullptr;
  const int64_t far = 3, axis = 0;
  const uint32_t zero = 0;
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_trace_begin] rt",
               qn_trace_begin(nullptr, nullptr, 0, nullptr, 0, nullptr, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "traced",
               qn_trace_begin(rt, &a, 1, nullptr, 0, nullptr, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out",
               qn_trace_begin(rt, &a, 1, nullptr, 0, &traced, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_trace_begin]",
               qn_trace_begin(rt, nullptr, 1, nullptr, 0, &traced, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_trace_begin]",
               qn_trace_begin(rt, &none, 1, nullptr, 0, &traced, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "flags is 4",
               qn_trace_begin(rt, &a, 1, nullptr, 4, &traced, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "axes",
               qn_trace_begin(rt, &a, 1, &axis, QN_TRACE_VALUES, &traced, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "axis 3",
               qn_trace_begin(rt, &a, 1, &far, QN_TRACE_PLACEHOLDERS, &traced, &t, &e));
  EXPECT_EQ(t, reinterpret_cast<qn_trace*>(0x10));
  EXPECT_EQ(traced, nullptr);
  ASSERT_WORKS(qn_trace_begin(nullptr, &a, 1, nullptr, 0, &traced, &t, &e));
  keep(traced);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "the trace",
               qn_trace_vjp(nullptr, &traced, 1, &a, &zero, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "no outputs",
               qn_trace_vjp(t, &traced, 0, &a, &zero, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_trace_vjp]",
               qn_trace_vjp(t, &none, 1, &a, &zero, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_trace_vjp]",
               qn_trace_vjp(t, &traced, 1, nullptr, &zero, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "no argnums",
               qn_trace_vjp(t, &traced, 1, &a, &zero, 0, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "grads",
               qn_trace_vjp(t, &traced, 1, &a, &zero, 1, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "the trace", qn_trace_compile(nullptr, &traced, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out", qn_trace_compile(t, &traced, 1, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "the trace",
               qn_trace_jvp(nullptr, &traced, 1, &a, &zero, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_trace_jvp]",
               qn_trace_jvp(t, &traced, 1, nullptr, &zero, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out_tangents",
               qn_trace_jvp(t, &traced, 1, &a, &zero, 1, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "the trace",
               qn_trace_vmap(nullptr, &traced, 1, nullptr, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "has values", qn_trace_vmap(t, &traced, 1, nullptr, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "results",
               qn_trace_vmap(t, &traced, 1, nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "the trace",
               qn_trace_checkpoint(nullptr, &traced, 1, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "results", qn_trace_checkpoint(t, &traced, 1, nullptr, &e));
  EXPECT_EQ(g, nullptr);
  qn_trace_end(t);
  ASSERT_WORKS(qn_trace_begin(rt, nullptr, 0, nullptr, 0, nullptr, &t, &e));
  qn_trace_end(t);
  ASSERT_WORKS(qn_trace_begin(rt, &a, 1, nullptr, QN_TRACE_PLACEHOLDERS, &traced, &t, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "the trace is of placeholders",
               qn_trace_checkpoint(t, &traced, 1, &g, &e));
  EXPECT_EQ(g, nullptr);
  qn_array_release(traced);
  qn_trace_end(t);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "all NULL",
               qn_custom_gradient(&a, 1, &a, 1, nullptr, nullptr, nullptr, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "0 inputs",
               qn_custom_gradient(&a, 0, &a, 1, nullptr, nullptr, nullptr, &g, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "out",
               qn_custom_gradient(&a, 1, &a, 1, nullptr, nullptr, nullptr, nullptr, &e));
}

TEST_F(Arguments, PluginsAndReports) {
  qn_plugin* p = reinterpret_cast<qn_plugin*>(0x10);
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_plugin_load] rt",
               qn_plugin_load(nullptr, "/x.so", &p, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_plugin_load] path", qn_plugin_load(rt, nullptr, &p, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "not absolute", qn_plugin_load(rt, "x.so", &p, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "not absolute", qn_plugin_load(rt, "", &p, &e));
  EXPECT_FAILS(QN_E_NOT_FOUND, "/nowhere/x.so", qn_plugin_load(rt, "/nowhere/x.so", &p, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_plugin_register]",
               qn_plugin_register(rt, nullptr, &p, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_plugin_retire]", qn_plugin_retire(nullptr, &e));
  EXPECT_EQ(p, reinterpret_cast<qn_plugin*>(0x10));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_report_plugins] rt",
               qn_report_plugins(
                   nullptr, [](void*, const qn_plugin_report*) {}, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "report function",
               qn_report_plugins(rt, nullptr, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_report_kernels] rt",
               qn_report_kernels(
                   nullptr, [](void*, const qn_kernel_report*) {}, nullptr, &e));
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "report function",
               qn_report_kernels(rt, nullptr, nullptr, &e));
  qn_array* a = floats({1}, {});
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_explain_op]",
               qn_explain_op(rt, QN_OP_RELU, &a, 1, nullptr, 0, nullptr, nullptr, &e));
  auto row = [](void*, const qn_candidate_report*) {};
  EXPECT_FAILS(QN_E_NOT_FOUND, "[qn_explain_op]",
               qn_explain_op(rt, 999, &a, 1, nullptr, 0, row, nullptr, &e));
}

}  // namespace
