// Shared by the tests of the embedding ABI: a runtime per test, and the check of a failing call.
// It uses quern.h alone, no internals.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "quern/ops.h"
#include "quern/quern.h"

// The call fails with `code` and a text that contains `text`. The call's last argument is &e.
#define EXPECT_FAILS(code_, text_, call_)                                      \
  do {                                                                         \
    qn_error* e = nullptr;                                                     \
    EXPECT_EQ(call_, code_) << #call_;                                         \
    EXPECT_EQ(qn_error_code(e), code_);                                        \
    EXPECT_NE(std::string(qn_error_message(e)).find(text_), std::string::npos) \
        << qn_error_message(e);                                                \
    qn_error_free(e);                                                          \
  } while (0)

// The call succeeds; its text is shown otherwise. The call's last argument is &e.
#define ASSERT_WORKS(call_)                                           \
  do {                                                                \
    qn_error* e = nullptr;                                            \
    ASSERT_EQ(call_, QN_OK) << #call_ << ": " << qn_error_message(e); \
  } while (0)

class AbiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    qn_runtime_config c{};
    c.hdr.struct_size = sizeof c;
    c.n_threads = 2;
    c.plugin_policy = QN_PLUGINS_BUILTIN;
    ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  }
  void TearDown() override {
    for (qn_array* a : owned) qn_array_release(a);
    qn_runtime_release(rt);
  }
  qn_array* keep(qn_array* a) {
    owned.push_back(a);
    return a;
  }
  qn_array* floats(std::vector<float> v, std::vector<int64_t> shape) {
    qn_array* a = nullptr;
    qn_error* e = nullptr;
    EXPECT_EQ(qn_array_from_data(rt, v.data(), shape.data(), static_cast<uint32_t>(shape.size()),
                                 QN_F32, &a, &e),
              QN_OK)
        << qn_error_message(e);
    return keep(a);
  }
  std::vector<float> values(qn_array* a) {
    std::vector<float> v(qn_array_size(a));
    qn_error* e = nullptr;
    EXPECT_EQ(qn_array_copy_out(a, v.data(), v.size() * sizeof(float), &e), QN_OK)
        << qn_error_message(e);
    qn_error_free(e);
    return v;
  }

  qn_runtime* rt = nullptr;
  std::vector<qn_array*> owned;
};
