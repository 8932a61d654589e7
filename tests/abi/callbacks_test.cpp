// C++ functions passed as callbacks may throw: the exception ends as the error of the call, and the
// runtime goes on. What callbacks return is tested where they are used.
#include <new>
#include <stdexcept>

#include "support.h"

namespace {

class Callbacks : public AbiTest {
 protected:
  // The report of the plugins, with a function that throws at its first row.
  template <typename F>
  void expect_report(qn_status code, const std::string& text, F throws) {
    qn_error* e = nullptr;
    EXPECT_EQ(qn_report_plugins(rt, throws, nullptr, &e), code);
    EXPECT_EQ(qn_error_code(e), code);
    EXPECT_EQ(qn_error_message(e), text);
    qn_error_free(e);
    int rows = 0;
    ASSERT_WORKS(qn_report_plugins(
        rt, [](void* n, const qn_plugin_report*) { ++*static_cast<int*>(n); }, &rows, &e));
    EXPECT_EQ(rows, 1);
  }
};

TEST_F(Callbacks, WhatAReportThrows) {
  expect_report(
      QN_E_INTERNAL, "[qn_report_plugins] the table is full",
      [](void*, const qn_plugin_report*) { throw std::runtime_error("the table is full"); });
  expect_report(QN_E_RESOURCE_EXHAUSTED, "[qn_report_plugins] out of memory",
                [](void*, const qn_plugin_report*) { throw std::bad_alloc(); });
  expect_report(QN_E_RESOURCE_EXHAUSTED, "[qn_report_plugins] size beyond the address space",
                [](void*, const qn_plugin_report*) { throw std::length_error("vector"); });
  expect_report(QN_E_UNKNOWN, "[qn_report_plugins] unknown exception",
                [](void*, const qn_plugin_report*) { throw 7; });
}

TEST_F(Callbacks, WhatAFunctionThrows) {
  const auto throws = [](void*, qn_array* const*, uint32_t, qn_array**, uint32_t,
                         qn_error**) -> qn_status { throw std::runtime_error("no model"); };
  qn_fn *fn = nullptr, *gradient = nullptr;
  qn_array *x = floats({1}, {}), *y = nullptr;
  const uint32_t first = 0;
  ASSERT_WORKS(qn_fn_create(rt, throws, nullptr, nullptr, 1, 1, &fn, &e));
  EXPECT_FAILS(QN_E_INTERNAL, "no model", qn_fn_call(fn, &x, 1, &y, 1, &e));
  ASSERT_WORKS(qn_fn_value_and_grad(fn, &first, 1, &gradient, &e));
  qn_array* both[] = {nullptr, nullptr};
  EXPECT_FAILS(QN_E_INTERNAL, "no model", qn_fn_call(gradient, &x, 1, both, 2, &e));
  EXPECT_EQ(y, nullptr);
  EXPECT_EQ(both[0], nullptr);
  qn_fn_release(gradient);
  qn_fn_release(fn);
  ASSERT_WORKS(qn_negative(rt, x, &y, &e));
  EXPECT_EQ(values(keep(y)), std::vector<float>{-1});
}

}  // namespace
