// npy: there and back, files that NumPy wrote (data/), malformed ones, and the temporary files of
// a save. Faults of the system are not tested here.
#include <gtest/gtest.h>

#include "support.h"

namespace {

class Npy : public IoTest {
 protected:
  qn_status save(qn_array* a) { return qn_save_npy(path.c_str(), a, nullptr); }
  qn_status load(Loaded& out, std::string* text = nullptr) {
    qn_array* a = nullptr;
    qn_error* e = nullptr;
    const qn_status s = noted(qn_load_npy(rt, path.c_str(), &a, &e));
    EXPECT_EQ(s == QN_OK, a != nullptr);
    if (text) *text = qn_error_message(e);
    qn_error_free(e);
    Contents one;
    if (a) {
      EXPECT_EQ(collect(&one, "", a), QN_OK);
      out = one[0].second;
    }
    qn_array_release(a);
    return s;
  }
  // Version 1.0 with this dictionary, then the data.
  void write_npy(const std::string& dict, const std::string& data) {
    const auto n = static_cast<uint16_t>(dict.size());
    write(std::string("\x93NUMPY\1\0", 8) + std::string(reinterpret_cast<const char*>(&n), 2) +
          dict + data);
  }
  void use(const char* name) { path = std::string(QUERN_SOURCE_DIR) + "/tests/io/data/" + name; }
};

TEST_F(Npy, EveryDtypeRoundTrips) {
  for (const qn_dtype t : kDTypes) {
    std::string bytes(6 * ((t >> 8 & 0xff) / 8), '\0');
    for (size_t k = 0; k < bytes.size(); ++k)
      bytes[k] = static_cast<char>(t == QN_BOOL ? k & 1 : 17 * k + 3);
    ASSERT_EQ(save(array(bytes, {2, 3}, t)), QN_OK);
    Loaded got;
    ASSERT_EQ(load(got), QN_OK);
    EXPECT_EQ(got.dtype, t);
    EXPECT_EQ(got.shape, (std::vector<int64_t>{2, 3}));
    EXPECT_EQ(got.bytes, bytes);
  }
}

TEST_F(Npy, WritesWhatNumPyWrites) {
  const std::string data = bytes_of({0, 1, 2, 3, 4, 5});
  ASSERT_EQ(save(array(data, {2, 3}, QN_F32)), QN_OK);
  std::string head("\x93NUMPY\1\0\x76\0", 10);
  head += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  head.append(127 - head.size(), ' ');
  EXPECT_EQ(read(), head + "\n" + data);
}

TEST_F(Npy, ShapesStridesAndLazyArrays) {
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{}, {6}, {0}, {3, 0, 2}, {1, 1, 1}}) {
    size_t n = 4;
    for (const int64_t d : shape) n *= static_cast<size_t>(d);
    ASSERT_EQ(save(array(std::string(n, 'x'), shape, QN_F32)), QN_OK);
    EXPECT_EQ(read().size(), 128 + n);
    Loaded got;
    ASSERT_EQ(load(got), QN_OK);
    EXPECT_EQ(got.shape, shape);
    EXPECT_EQ(got.bytes, std::string(n, 'x'));
  }
  qn_array *a = array(bytes_of({1, 2, 3, 4, 5, 6}), {2, 3}, QN_F32), *t = nullptr, *sum = nullptr;
  ASSERT_EQ(qn_transpose(rt, a, nullptr, 0, &t, nullptr), QN_OK);
  ASSERT_EQ(qn_add(rt, t, t, &sum, nullptr), QN_OK);
  owned.insert(owned.end(), {t, sum});
  Loaded got;
  ASSERT_EQ(save(t), QN_OK);
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.bytes, bytes_of({1, 4, 2, 5, 3, 6}));
  ASSERT_EQ(save(sum), QN_OK);
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.bytes, bytes_of({2, 8, 4, 10, 6, 12}));
}

TEST_F(Npy, FilesOfNumPy) {
  Loaded got;
  use("big_endian.npy");
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.dtype, QN_C64);
  EXPECT_EQ(got.shape, (std::vector<int64_t>{3, 2}));
  EXPECT_EQ(got.bytes, bytes_of({0, 0, 1, 2, 2, 4, 3, 6, 4, 8, 5, 10}));
  use("version_2.npy");
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.dtype, QN_BOOL);
  EXPECT_EQ(got.bytes, std::string("\1\0\1", 3));
  use("version_3.npy");  // Fortran order
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.shape, (std::vector<int64_t>{2, 3, 4}));
  for (unsigned i = 0; i < 24; ++i) {
    uint16_t v = 0;
    memcpy(&v, &got.bytes[2 * i], 2);
    EXPECT_EQ(v, i);
  }
}

TEST_F(Npy, OtherSpellings) {
  for (const char* dict :
       {"{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }",
        "{\"shape\":(4,),\"descr\":\"<u1\",\"fortran_order\":True}  \n",
        "  { 'fortran_order' :False , 'shape': ( 4L , ) , 'descr' : '=u1' }\n"}) {
    write_npy(dict, "abcd and what follows is not read");
    Loaded got;
    std::string text;
    ASSERT_EQ(load(got, &text), QN_OK) << text;
    EXPECT_EQ(got.bytes, "abcd");
  }
  write_npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }",
            std::string("\0\2\xff", 3));
  Loaded got;
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.bytes, std::string("\0\1\1", 3));
}

TEST_F(Npy, MalformedHeadersAreRefused) {
  const std::string descr = "'descr': '|u1'", order = "'fortran_order': False",
                    shape = "'shape': (4,)";
  const std::vector<std::string> dicts = {
      "",
      "{",
      "{}",
      "[]",
      "{" + descr + "}",
      "{" + descr + ", " + order + "}",
      "{" + descr + ", " + shape + "}",
      "{" + order + ", " + shape + "}",
      "{" + descr + " " + order + ", " + shape + "}",
      "{" + descr + ", " + order + ", " + shape,
      "{" + descr + ", " + order + ", " + shape + "} x",
      "{" + descr + ", " + order + ", " + shape + ", 'more': 1}",
      "{" + descr + ", " + descr + ", " + order + ", " + shape + "}",
      "{" + descr + ", 'fortran_order': 0, " + shape + "}",
      "{" + descr + ", " + order + ", 'shape': 4}",
      "{" + descr + ", " + order + ", 'shape': (4)}",
      "{" + descr + ", " + order + ", 'shape': [4]}",
      "{" + descr + ", " + order + ", 'shape': (-4,)}",
      "{" + descr + ", " + order + ", 'shape': (4.0,)}",
      "{" + descr + ", " + order + ", 'shape': (4,,)}",
      "{" + descr + ", " + order + ", 'shape': (4, 1}",
      "{" + descr + ", " + order + ", 'shape': (5,)}",
      "{" + descr + ", " + order + ", 'shape': (9223372036854775807,)}",
      "{" + descr + ", " + order + ", 'shape': (9223372036854775808,)}",
      "{" + descr + ", " + order + ", 'shape': (4294967296, 4294967296, 4)}",
      "{" + descr + ", " + order + ", 'shape': (0, 4294967296, 4294967296)}",
      "{" + descr + ", " + order + ", 'shape': (" + std::string(2 * 65, '1').replace(1, 1, ",") +
          ")}",
      "{'descr: '|u1', " + order + ", " + shape + "}",
      "{'descr': 'U\xff', " + order + ", " + shape + "}",
  };
  for (const std::string& d : dicts) {
    write_npy(d, "abcd");
    Loaded got;
    std::string text;
    EXPECT_EQ(load(got, &text), QN_E_DATA_LOSS) << d << ": " << text;
    EXPECT_NE(text.find("[npy] " + path), std::string::npos) << text;
  }
  for (const char* d :
       {"'|O'", "'<U3'", "'<M8[s]'", "'<c16'", "'|S4'", "'<f16'", "''", "'<'", "[('a', '<f4')]"}) {
    write_npy("{'descr': " + std::string(d) + ", " + order + ", " + shape + "}", "abcd");
    Loaded got;
    std::string text;
    EXPECT_EQ(load(got, &text), QN_E_UNIMPLEMENTED) << d << ": " << text;
  }
  std::string axes;
  for (int i = 0; i < 65; ++i) axes += "1, ";
  write_npy("{" + descr + ", " + order + ", 'shape': (" + axes + ")}", "a");
  Loaded got;
  EXPECT_EQ(load(got), QN_E_DATA_LOSS);
}

TEST_F(Npy, TruncationsAndBadStarts) {
  ASSERT_EQ(save(array("abcd", {4}, QN_U8)), QN_OK);
  const std::string whole = read();
  Loaded got;
  for (size_t n = 0; n < whole.size(); ++n) {
    write(whole.substr(0, n));
    EXPECT_EQ(load(got), QN_E_DATA_LOSS) << n;
  }
  std::string changed = whole;
  changed[0] = 'x';
  write(changed);
  EXPECT_EQ(load(got), QN_E_DATA_LOSS);
  for (const char version : {'\0', '\4', '\xff'}) {
    changed = whole;
    changed[6] = version;
    write(changed);
    EXPECT_EQ(load(got), QN_E_UNIMPLEMENTED);
  }
  write(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12) + whole);
  EXPECT_EQ(load(got), QN_E_DATA_LOSS);
  write(std::string("\x93NUMPY\2\0\xff\xff", 10));
  EXPECT_EQ(load(got), QN_E_DATA_LOSS);
}

// A save that was killed leaves a temporary file; the next one removes it, and touches nothing that
// is not such a file.
TEST_F(Npy, LeftoversAreRemoved) {
  qn_array* a = array("abcd", {4}, QN_U8);
  std::ofstream(path + ".quern-0.tmp") << "left by a killed process";
  ASSERT_EQ(save(a), QN_OK);
  EXPECT_EQ(files(), 1u);
  fs::create_directory(path + ".quern-0.tmp");
  fs::create_symlink(dir / "elsewhere", path + ".quern-1.tmp");
  ASSERT_EQ(save(a), QN_OK);
  EXPECT_TRUE(fs::is_symlink(path + ".quern-1.tmp"));
  EXPECT_EQ(files(), 3u);
}

// A hundred writers at a time may save one path.
TEST_F(Npy, NamesOfTemporaryFilesRunOut) {
  qn_array* a = array("abcd", {4}, QN_U8);
  for (int i = 0; i < 99; ++i) fs::create_directory(path + ".quern-" + std::to_string(i) + ".tmp");
  ASSERT_EQ(save(a), QN_OK);
  fs::create_directory(path + ".quern-99.tmp");
  write("as it was");
  qn_error* e = nullptr;
  EXPECT_EQ(qn_save_npy(path.c_str(), a, &e), QN_E_UNAVAILABLE);
  EXPECT_EQ(std::string(qn_error_message(e)), "[npy] cannot write " + path +
                                                  ": 100 temporary files like " + path +
                                                  ".quern-99.tmp are in use");
  qn_error_free(e);
  EXPECT_EQ(read(), "as it was");
  EXPECT_EQ(files(), 101u);
}

TEST_F(Npy, OnlyRegularFilesAreReplaced) {
  qn_array* a = array("abcd", {4}, QN_U8);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(save(a), QN_E_INVALID_ARGUMENT);
  EXPECT_TRUE(fs::is_fifo(path));
  EXPECT_EQ(files(), 1u);
}

}  // namespace
