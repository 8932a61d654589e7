// npy and npz: there and back, files that NumPy and MLX wrote (data/), and malformed ones.
// Faults of the system are not tested here.
#include <gtest/gtest.h>

#include "support.h"

namespace {

std::string bytes_of(const std::vector<float>& v) {
  return {reinterpret_cast<const char*>(v.data()), v.size() * sizeof(float)};
}

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

class Npz : public IoTest {
 protected:
  qn_status save(const std::vector<const char*>& names, const std::vector<qn_array*>& arrays,
                 uint32_t compression) {
    return qn_save_npz(path.c_str(), names.data(), arrays.data(),
                       static_cast<uint32_t>(arrays.size()), compression, nullptr);
  }
  qn_status load(Contents& out, std::string* text = nullptr) {
    qn_error* e = nullptr;
    const qn_status s = noted(qn_load_npz(rt, path.c_str(), collect, &out, &e));
    if (text) *text = qn_error_message(e);
    qn_error_free(e);
    return s;
  }
  void use(const char* name) { path = std::string(QUERN_SOURCE_DIR) + "/tests/io/data/" + name; }
};

TEST_F(Npz, RoundTrips) {
  const std::string big(100000, 'z');
  for (const uint32_t compression : {QN_NPZ_STORED, QN_NPZ_DEFLATED}) {
    ASSERT_EQ(save({"a", "layers/0.weight", "\xc3\xa9", ""},
                   {array(bytes_of({1, 2, 3, 4}), {2, 2}, QN_F32), array(big, {50000}, QN_BF16),
                    array("", {0, 3}, QN_I64), array("\1", {}, QN_BOOL)},
                   compression),
              QN_OK);
    EXPECT_EQ(files(), 1u);
    EXPECT_EQ(read().size() < big.size(), compression == QN_NPZ_DEFLATED);
    Contents got;
    std::string text;
    ASSERT_EQ(load(got, &text), QN_OK) << text;
    ASSERT_EQ(got.size(), 4u);
    EXPECT_EQ(got[0].first, "a");
    EXPECT_EQ(got[0].second.bytes, bytes_of({1, 2, 3, 4}));
    EXPECT_EQ(got[1].first, "layers/0.weight");
    EXPECT_EQ(got[1].second.bytes, big);
    EXPECT_EQ(got[1].second.dtype, QN_BF16);
    EXPECT_EQ(got[2].first, "\xc3\xa9");
    EXPECT_EQ(got[2].second.shape, (std::vector<int64_t>{0, 3}));
    EXPECT_EQ(got[3].first, "");
    EXPECT_EQ(got[3].second.bytes, "\1");
  }
  ASSERT_EQ(save({}, {}, QN_NPZ_STORED), QN_OK);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_TRUE(got.empty());
}

TEST_F(Npz, FilesOfNumPyAndMlx) {
  for (const char* name : {"numpy_stored.npz", "numpy_deflated.npz"}) {
    use(name);
    Contents got;
    std::string text;
    ASSERT_EQ(load(got, &text), QN_OK) << text;
    std::map<std::string, Loaded> m(got.begin(), got.end());
    ASSERT_EQ(m.size(), 4u);
    EXPECT_EQ(m["a"].bytes, bytes_of({0, 1, 2, 3, 4, 5}));
    EXPECT_EQ(m["a"].shape, (std::vector<int64_t>{2, 3}));
    const int64_t b[] = {1, -2, 3};
    EXPECT_EQ(m["b"].bytes, std::string(reinterpret_cast<const char*>(b), sizeof b));
    const int16_t c[] = {0, 1, 2, 3, 4, 5};
    EXPECT_EQ(m["c"].bytes, std::string(reinterpret_cast<const char*>(c), sizeof c));
    EXPECT_EQ(m["s"].dtype, QN_F64);
    EXPECT_TRUE(m["s"].shape.empty());
  }
  use("mlx_stored.npz");
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  std::map<std::string, Loaded> m(got.begin(), got.end());
  EXPECT_EQ(m["a"].bytes, bytes_of({0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(m["h"].dtype, QN_BF16);
  EXPECT_EQ(m["h"].bytes, std::string("\xc0\x3f\x00\xc0", 4));
}

TEST_F(Npz, ManyMembersUseZip64) {
  std::vector<std::string> names;
  std::vector<const char*> name_ptrs;
  std::vector<qn_array*> arrays;
  qn_array* one = array("x", {1}, QN_U8);
  for (int i = 0; i < 66000; ++i) names.push_back(std::to_string(i));
  for (const std::string& n : names) {
    name_ptrs.push_back(n.c_str());
    arrays.push_back(one);
  }
  ASSERT_EQ(save(name_ptrs, arrays, QN_NPZ_STORED), QN_OK);
  size_t n = 0;
  auto count = [](void* self, const char*, qn_array*) -> qn_status {
    ++*static_cast<size_t*>(self);
    return QN_OK;
  };
  ASSERT_EQ(qn_load_npz(rt, path.c_str(), count, &n, nullptr), QN_OK);
  EXPECT_EQ(n, names.size());
}

TEST_F(Npz, SavingRefusals) {
  qn_array* a = array("abcd", {4}, QN_U8);
  EXPECT_EQ(save({"x", "x"}, {a, a}, QN_NPZ_STORED), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(save({"\xff"}, {a}, QN_NPZ_STORED), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(save({"x"}, {a}, 2), QN_E_INVALID_ARGUMENT);
  const std::string longest(65531, 'n');
  EXPECT_EQ(save({(longest + "n").c_str()}, {a}, QN_NPZ_STORED), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(save({longest.c_str()}, {a}, QN_NPZ_STORED), QN_OK);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got.at(0).first, longest);
}

// Any one byte changed, and any truncation: an error or, where the byte has no meaning for the
// arrays (times, versions), the same arrays.
TEST_F(Npz, DamageIsNoticed) {
  for (const uint32_t compression : {QN_NPZ_STORED, QN_NPZ_DEFLATED}) {
    ASSERT_EQ(
        save({"a", "b"}, {array(bytes_of({1, 2}), {2}, QN_F32), array("some text", {9}, QN_U8)},
             compression),
        QN_OK);
    const std::string whole = read();
    Contents want;
    ASSERT_EQ(load(want), QN_OK);
    for (size_t n = 0; n < whole.size(); ++n) {
      write(whole.substr(0, n));
      Contents got;
      EXPECT_NE(load(got), QN_OK) << n << " of " << whole.size();
    }
    int refused = 0;
    for (size_t i = 0; i < whole.size(); ++i) {
      std::string changed = whole;
      changed[i] = static_cast<char>(~changed[i]);
      write(changed);
      Contents got;
      if (load(got) != QN_OK) {
        ++refused;
        EXPECT_TRUE(got.empty());
        continue;
      }
      for (const auto& [name, l] : got)
        for (const auto& [other, w] : want) EXPECT_TRUE(name != other || l.bytes == w.bytes) << i;
    }
    EXPECT_GT(refused, static_cast<int>(whole.size() / 2));
  }
}

TEST_F(Npz, ImpossibleSizesAreRefusedBeforeMemoryIsTaken) {
  ASSERT_EQ(save({"a"}, {array(std::string(5000, 'a'), {5000}, QN_U8)}, QN_NPZ_DEFLATED), QN_OK);
  std::string bytes = read();
  const size_t entry = bytes.find("PK\1\2");
  ASSERT_NE(entry, std::string::npos);
  const uint32_t huge = 0xf0000000;
  memcpy(&bytes[entry + 24], &huge, 4);
  write(bytes);
  Contents got;
  std::string text;
  EXPECT_EQ(load(got, &text), QN_E_DATA_LOSS);
  EXPECT_NE(text.find("cannot hold"), std::string::npos) << text;
}

TEST_F(Npz, EncryptedAndUnknownCompressionsAreNamed) {
  ASSERT_EQ(save({"a"}, {array("abcd", {4}, QN_U8)}, QN_NPZ_STORED), QN_OK);
  const std::string whole = read();
  const size_t entry = whole.find("PK\1\2");
  std::string bytes = whole, text;
  bytes[entry + 8] = 1;
  write(bytes);
  Contents got;
  EXPECT_EQ(load(got, &text), QN_E_UNIMPLEMENTED);
  EXPECT_NE(text.find("encrypted"), std::string::npos) << text;
  bytes = whole;
  bytes[entry + 10] = 14;
  write(bytes);
  EXPECT_EQ(load(got, &text), QN_E_UNIMPLEMENTED);
  EXPECT_NE(text.find("compression 14"), std::string::npos) << text;
}

TEST_F(Npz, OtherMembersArePassedOver) {
  ASSERT_EQ(save({"a", "b"}, {array("abcd", {4}, QN_U8), array("efgh", {4}, QN_U8)}, QN_NPZ_STORED),
            QN_OK);
  std::string bytes = read();
  for (size_t at = 0; (at = bytes.find("b.npy", at)) != std::string::npos;)
    bytes.replace(at, 5, "b.txt");
  write(bytes);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].first, "a");
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

TEST_F(Npy, OnlyRegularFilesAreReplaced) {
  qn_array* a = array("abcd", {4}, QN_U8);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(save(a), QN_E_INVALID_ARGUMENT);
  EXPECT_TRUE(fs::is_fifo(path));
  EXPECT_EQ(files(), 1u);
}

}  // namespace
