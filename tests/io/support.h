// Shared by the tests of files: a runtime and a folder per test, and what a file held.
// It uses quern.h alone, no internals.
#pragma once
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "quern/ops.h"
#include "quern/quern.h"

namespace fs = std::filesystem;

struct Loaded {
  qn_dtype dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
inline std::string bytes_of(const std::vector<float>& v) {
  return {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)};
}
using Contents = std::vector<std::pair<std::string, Loaded>>;

inline qn_status collect(void* self, const char* name, qn_array* a) {
  Loaded l{qn_array_dtype(a), {}, {}};
  for (uint32_t i = 0; i < qn_array_ndim(a); ++i) l.shape.push_back(qn_array_shape(a)[i]);
  l.bytes.resize(qn_array_size(a) * ((l.dtype >> 8 & 0xff) / 8));
  const qn_status s = qn_array_copy_out(a, l.bytes.data(), l.bytes.size(), nullptr);
  static_cast<Contents*>(self)->emplace_back(name, std::move(l));
  return s;
}

class IoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/quern_io_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    dir = pattern;
    path = (dir / "file").string();
    qn_runtime_config c{};
    c.hdr.struct_size = sizeof c;
    c.plugin_policy = QN_PLUGINS_BUILTIN;
    ASSERT_EQ(qn_runtime_create(&c, &rt, nullptr), QN_OK);
  }
  void TearDown() override {
    for (qn_array* a : owned) qn_array_release(a);
    qn_runtime_release(rt);
    fs::remove_all(dir);
    if (refused) printf("[  COUNT   ] %d malformed files refused\n", refused);
  }
  // Counts what reading a file came to.
  qn_status noted(qn_status s) {
    refused += s == QN_E_DATA_LOSS || s == QN_E_UNIMPLEMENTED;
    return s;
  }
  qn_array* array(const std::string& bytes, std::vector<int64_t> shape, qn_dtype t) {
    qn_array* a = nullptr;
    EXPECT_EQ(qn_array_from_data(rt, bytes.data(), shape.data(),
                                 static_cast<uint32_t>(shape.size()), t, &a, nullptr),
              QN_OK);
    owned.push_back(a);
    return a;
  }
  void write(const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
  std::string read() {
    std::ifstream f(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(f), {}};
  }
  size_t files() {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
  }

  fs::path dir;
  std::string path;
  int refused = 0;
  qn_runtime* rt = nullptr;
  std::vector<qn_array*> owned;
};

inline constexpr qn_dtype kDTypes[] = {QN_BOOL, QN_U8,  QN_I8,  QN_U16,  QN_I16, QN_U32, QN_I32,
                                       QN_U64,  QN_I64, QN_F16, QN_BF16, QN_F32, QN_F64, QN_C64};
