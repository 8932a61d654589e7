// Scenarios of arrays: made, looked at, read, exchanged.
#include <cstdlib>

#include "env.h"
#include "runtime/capi/dlpack_abi.h"

namespace faults {
namespace {

// Borrowed memory whose release is counted.
struct Lent {
  alignas(16) float values[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  int released = 0;
};
void give_back(void* self) { ++static_cast<Lent*>(self)->released; }

void borrow(Env& e, const void* data, const int64_t* strides) {
  static Lent lent;
  const int64_t shape[] = {2, 2};
  qn_array* a = nullptr;
  const int before = lent.released;
  qn_error* error = nullptr;
  e.cover("qn_array_borrow");
  const auto offset = static_cast<const char*>(data) - static_cast<const char*>(nullptr);
  const qn_status s = USE(qn_array_borrow, e.rt,
                          static_cast<const void*>(reinterpret_cast<char*>(lent.values) + offset),
                          static_cast<const int64_t*>(shape), strides, 2u, qn_dtype{QN_F32},
                          give_back, static_cast<void*>(&lent), &a, &error);
  if (s != QN_OK) {
    EXPECT_EQ(s, QN_E_RESOURCE_EXHAUSTED) << qn_error_message(error);
    EXPECT_EQ(lent.released, before) << "released although the call failed";
    EXPECT_EQ(a, nullptr);
    qn_error_free(error);
    throw Stopped{};
  }
  USE(qn_array_release, a);
  EXPECT_EQ(lent.released, before + 1);
}

template <typename Managed>
void free_tensor(Managed* t) {
  if (t->deleter) t->deleter(t);
}

// Out of one array, into another; the tensor belongs to the second one only when that worked.
template <typename Managed, typename To, typename From>
void round_trip(Env& e, const char* to_name, To to, const char* from_name, From from) {
  qn_array* a = e.op("add", {e.ramp({2, 3}), e.ramp({3})});
  Managed* t = nullptr;
  e.cover(to_name);
  qn_error* error = nullptr;
  if (e.use(to_name, to, a, &t, &error) != QN_OK) {
    EXPECT_EQ(t, nullptr);
    EXPECT_EQ(qn_error_code(error), QN_E_RESOURCE_EXHAUSTED) << qn_error_message(error);
    qn_error_free(error);
    throw Stopped{};
  }
  qn_array* b = nullptr;
  if (e.use(from_name, from, e.rt, t, &b, &error) != QN_OK) {
    EXPECT_EQ(b, nullptr);
    EXPECT_EQ(qn_error_code(error), QN_E_RESOURCE_EXHAUSTED) << qn_error_message(error);
    qn_error_free(error);
    free_tensor(t);
    throw Stopped{};
  }
  USE(qn_array_release, b);
}

}  // namespace

std::vector<Scenario> array_scenarios() {
  return {
      {"array from data",
       [](Env& e) {
         e.ramp({2, 3});
       }},
      {"array of eight axes",
       [](Env& e) {
         e.ramp({1, 2, 1, 2, 1, 2, 1, 2});
       }},
      {"memory borrowed", [](Env& e) { borrow(e, nullptr, nullptr); }},
      {"memory borrowed with strides",
       [](Env& e) {
         static const int64_t strides[] = {-1, 2};
         borrow(e, reinterpret_cast<const void*>(uintptr_t{8}), strides);
       }},
      {"memory borrowed unaligned",
       [](Env& e) { borrow(e, reinterpret_cast<const void*>(uintptr_t{1}), nullptr); }},
      {"scalars",
       [](Env& e) {
         for (const qn_dtype t : {QN_F32, QN_F64, QN_I32, QN_BOOL, QN_BF16, QN_F16, QN_C64})
           CALL(qn_scalar, e.rt, 1.5, t, e.array());
       }},
      {"array references and facts",
       [](Env& e) {
         qn_array* a = e.op("exp", {e.ramp({2, 3})});
         EXPECT_EQ(USE(qn_array_retain, a), a);
         USE(qn_array_release, a);
         EXPECT_EQ(USE(qn_array_ndim, static_cast<const qn_array*>(a)), 2u);
         EXPECT_EQ(USE(qn_array_shape, static_cast<const qn_array*>(a))[1], 3);
         EXPECT_EQ(USE(qn_array_dtype, static_cast<const qn_array*>(a)), QN_F32);
         EXPECT_EQ(USE(qn_array_size, static_cast<const qn_array*>(a)), 6u);
         EXPECT_EQ(USE(qn_array_is_evaluated, static_cast<const qn_array*>(a)), 0u);
         EXPECT_EQ(USE(qn_array_runtime, static_cast<const qn_array*>(a)), e.rt);
       }},
      {"address of an array",
       [](Env& e) {
         const void* data = nullptr;
         const int64_t* strides = nullptr;
         CALL(qn_array_data, e.op("transpose", {e.op("exp", {e.ramp({2, 3})})}), &data, &strides);
         EXPECT_NE(data, nullptr);
       }},
      {"array copied out",
       [](Env& e) {
         float v[6] = {};
         qn_array* t = e.op("transpose", {e.ramp({2, 3})});
         CALL(qn_array_copy_out, t, static_cast<void*>(v), uint64_t{sizeof v});
         EXPECT_FLOAT_EQ(v[1], 0.4f);
       }},
      {"values of scalars",
       [](Env& e) {
         double f = 0;
         int64_t i = 0;
         qn_array* s = e.op("sum", {e.data({1, 2, 3}, {3})});
         CALL(qn_array_item_f64, s, &f);
         CALL(qn_array_item_i64, s, &i);
         float c[2] = {};
         CALL(qn_array_item_c64, s, static_cast<float*>(c));
         EXPECT_EQ(f, 6);
         EXPECT_EQ(i, 6);
         EXPECT_EQ(c[0], 6);
       }},
      {"DLPack",
       [](Env& e) {
         round_trip<DLManagedTensorVersioned>(e, "qn_array_to_dlpack", qn_array_to_dlpack,
                                              "qn_array_from_dlpack", qn_array_from_dlpack);
       }},
      {"DLPack, legacy",
       [](Env& e) {
         round_trip<DLManagedTensor>(e, "qn_array_to_dlpack_legacy", qn_array_to_dlpack_legacy,
                                     "qn_array_from_dlpack_legacy", qn_array_from_dlpack_legacy);
       }},
      {"views of views",
       [](Env& e) {
         qn_array* a = e.op("reshape", {e.ramp({4, 6})}, {Ints{2, 2, 6}});
         a = e.op("transpose", {a}, {Ints{2, 0, 1}});
         a = e.op("slice", {a}, {Ints{0, 0, 0}, Ints{6, 1, 2}, Ints{2, 1, 1}});
         e.eval({e.op("broadcast_to", {a}, {Ints{5, 3, 1, 2}})});
       }},
      {"views of a lazy array",
       [](Env& e) {
         qn_array* a = e.op("exp", {e.ramp({4, 6})});
         a = e.op("reshape", {e.op("transpose", {a})}, {Ints{3, 8}});
         e.eval({e.op("slice", {a}, {Ints{2, 0}, Ints{0, 8}, Ints{-1, 1}})});
       }},
      {"a long chain dropped unevaluated",
       [](Env& e) {
         qn_array* a = e.ramp({2});
         for (int i = 0; i < 60; ++i) a = e.op("sin", {a});
       }},
      {"a long chain evaluated",
       [](Env& e) {
         qn_array* a = e.ramp({2});
         for (int i = 0; i < 20; ++i) a = e.op("sin", {a});
         e.eval({a});
       }},
      {"several arrays evaluated together",
       [](Env& e) {
         qn_array* x = e.ramp({3, 3});
         qn_array* y = e.op("exp", {x});
         e.eval({y, e.op("add", {y, x}), e.op("matmul", {y, y}), x});
       }},
      {"plans by the dozen",
       [](Env& e) {
         for (int64_t n = 1; n < 8; ++n) e.eval({e.op("exp", {e.ramp({n})})});
       }},
  };
}

}  // namespace faults
