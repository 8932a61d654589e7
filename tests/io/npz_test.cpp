// npz: there and back, files that NumPy and MLX wrote (data/), and malformed ones.
// What a member may hold is tested in npy_test.cpp, faults of the system in tests/faults.
#include <gtest/gtest.h>

#include "support.h"

namespace {

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

// A file of one array whose directory entry leaves its sizes and place to a zip64 field, which
// only programs that write more than 4 GiB need.
class NpzZip64 : public Npz {
 protected:
  void SetUp() override {
    Npz::SetUp();
    ASSERT_EQ(save({"a"}, {array("abcdefgh", {8}, QN_U8)}, QN_NPZ_STORED), QN_OK);
    whole = read();
    entry = whole.find("PK\1\2");
    ASSERT_NE(entry, std::string::npos);
    memcpy(&bytes, &whole[entry + 24], 4);
  }
  static std::string field(uint16_t id, const std::vector<uint64_t>& numbers) {
    const uint16_t head[] = {id, static_cast<uint16_t>(8 * numbers.size())};
    return std::string(reinterpret_cast<const char*>(head), 4) +
           std::string(reinterpret_cast<const char*>(numbers.data()), 8 * numbers.size());
  }
  // Sets the 32-bit fields at these places of the entry to 0xffffffff and adds the extra fields.
  void with(const std::vector<size_t>& deferred, const std::string& extra) {
    std::string s = whole;
    for (const size_t at : deferred) s.replace(entry + at, 4, "\xff\xff\xff\xff");
    const auto n = static_cast<uint16_t>(extra.size());
    memcpy(&s[entry + 30], &n, 2);
    const std::string name = "a.npy";
    s.insert(entry + 46 + name.size(), extra);
    const size_t end = s.find("PK\5\6");
    const auto directory = static_cast<uint32_t>(end - entry);
    memcpy(&s[end + 12], &directory, 4);
    write(s);
  }
  void expect_loaded() {
    Contents got;
    std::string text;
    ASSERT_EQ(load(got, &text), QN_OK) << text;
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].second.bytes, "abcdefgh");
  }
  void expect_refused(const char* why) {
    Contents got;
    std::string text;
    EXPECT_EQ(load(got, &text), QN_E_DATA_LOSS);
    EXPECT_NE(text.find(why), std::string::npos) << text;
    EXPECT_TRUE(got.empty());
  }
  static constexpr size_t kPacked = 20, kSize = 24, kHeaderAt = 42;
  std::string whole;
  size_t entry = 0;
  uint32_t bytes = 0;  // of the member, npy header included
};

TEST_F(NpzZip64, FieldsHoldWhatTheEntryLeavesToThem) {
  with({kSize, kPacked, kHeaderAt}, field(1, {bytes, bytes, 0}));
  expect_loaded();
  with({kHeaderAt}, field(1, {0}));
  expect_loaded();
  with({kPacked}, field(1, {bytes}));
  expect_loaded();
  with({kSize}, field(0x5455, {7, 7}) + field(1, {bytes}));  // behind one of another kind
  expect_loaded();
  with({}, field(1, {}));
  expect_loaded();
}

TEST_F(NpzZip64, WrongFieldsAreRefused) {
  with({kSize, kPacked, kHeaderAt}, field(1, {bytes, bytes}));
  expect_refused("'a.npy': the zip64 field is cut off");
  with({kSize}, field(1, {}));
  expect_refused("'a.npy': the zip64 field is cut off");
  with({kSize}, field(1, {bytes}).substr(0, 11));
  expect_refused("'a.npy': an extra field is cut off");
  with({kSize, kPacked}, field(0x5455, {bytes, bytes}));
  expect_refused("'a.npy': 4294967295 bytes of data lie outside the file");
  with({kHeaderAt}, field(1, {uint64_t{1} << 63}));
  expect_refused("'a.npy' lies outside the file");
  with({kPacked, kSize}, field(1, {UINT64_MAX, UINT64_MAX}));
  expect_refused("'a.npy': 18446744073709551615 bytes of data lie outside the file");
  with({kSize}, field(1, {bytes + 1}));
  expect_refused("bytes of data cannot hold");
}

}  // namespace
