// safetensors: every dtype there and back, strided arrays, atomic replacement, and malformed files.
// Bad handles are in tests/abi.
#include "support.h"

namespace {

class Safetensors : public IoTest {
 protected:
  using IoTest::write;
  qn_status save(const std::vector<const char*>& names, const std::vector<qn_array*>& arrays,
                 std::string* text = nullptr, const std::string& to = {}) {
    qn_error* e = nullptr;
    const qn_status s =
        qn_save_safetensors((to.empty() ? path : to).c_str(), names.data(), arrays.data(),
                            static_cast<uint32_t>(arrays.size()), &e);
    if (text) *text = qn_error_message(e);
    EXPECT_EQ(s == QN_OK, e == nullptr);
    qn_error_free(e);
    return s;
  }
  qn_status load(Contents& out, std::string* text = nullptr) {
    qn_error* e = nullptr;
    const qn_status s = noted(qn_load_safetensors(rt, path.c_str(), collect, &out, &e));
    if (text) *text = qn_error_message(e);
    qn_error_free(e);
    return s;
  }
  void write(const std::string& header, const std::string& data) {
    write(length(header.size()) + header + data);
  }
  static std::string length(uint64_t n) {
    return std::string(reinterpret_cast<const char*>(&n), 8);
  }
};

TEST_F(Safetensors, EveryDtypeRoundTrips) {
  std::vector<std::string> names;
  std::vector<const char*> name_ptrs;
  std::vector<qn_array*> arrays;
  std::map<std::string, std::string> want;
  std::map<std::string, qn_dtype> dtype;
  for (qn_dtype t : kDTypes) names.push_back("array." + std::to_string(t));
  for (size_t i = 0; i < names.size(); ++i) {
    const size_t item = (kDTypes[i] >> 8 & 0xff) / 8;
    std::string bytes(6 * item, '\0');
    for (size_t k = 0; k < bytes.size(); ++k)
      bytes[k] = static_cast<char>(kDTypes[i] == QN_BOOL ? k & 1 : 17 * k + 3);
    name_ptrs.push_back(names[i].c_str());
    arrays.push_back(array(bytes, {2, 3}, kDTypes[i]));
    want[names[i]] = bytes;
    dtype[names[i]] = kDTypes[i];
  }
  std::string text;
  ASSERT_EQ(save(name_ptrs, arrays, &text), QN_OK) << text;
  Contents got;
  ASSERT_EQ(load(got, &text), QN_OK) << text;
  ASSERT_EQ(got.size(), names.size());
  for (const auto& [name, l] : got) {
    EXPECT_EQ(l.bytes, want[name]) << name;
    EXPECT_EQ(l.dtype, dtype[name]);
    EXPECT_EQ(l.shape, (std::vector<int64_t>{2, 3}));
  }
  uint64_t header = 0;
  memcpy(&header, read().data(), 8);
  EXPECT_EQ(header % 8, 0u);
}

TEST_F(Safetensors, OddShapesAndNames) {
  const char* names[] = {"", "a \"quoted\" \\ name", "\xc3\xa9\xe2\x82\xac", "scalar", "empty"};
  const std::string four(4, 'x');
  ASSERT_EQ(save({names, names + 5},
                 {array(four, {1}, QN_F32), array(four, {2, 2}, QN_U8), array(four, {2}, QN_I16),
                  array(four, {}, QN_F32), array("", {3, 0}, QN_F32)}),
            QN_OK);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  ASSERT_EQ(got.size(), 5u);
  std::map<std::string, Loaded> by_name(got.begin(), got.end());
  for (const char* n : names) EXPECT_TRUE(by_name.contains(n)) << n;
  EXPECT_TRUE(by_name["scalar"].shape.empty());
  EXPECT_EQ(by_name["empty"].shape, (std::vector<int64_t>{3, 0}));
}

TEST_F(Safetensors, NoArrays) {
  ASSERT_EQ(save({}, {}), QN_OK);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_TRUE(got.empty());
}

TEST_F(Safetensors, StridedAndLazyArrays) {
  const float v[] = {1, 2, 3, 4, 5, 6};
  qn_array *a = array(std::string(reinterpret_cast<const char*>(v), sizeof v), {2, 3}, QN_F32),
           *t = nullptr, *sum = nullptr;
  ASSERT_EQ(qn_transpose(rt, a, nullptr, 0, &t, nullptr), QN_OK);
  ASSERT_EQ(qn_add(rt, a, a, &sum, nullptr), QN_OK);
  owned.insert(owned.end(), {t, sum});
  ASSERT_EQ(save({"t", "sum"}, {t, sum}), QN_OK);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  const float want[] = {1, 4, 2, 5, 3, 6}, twice[] = {2, 4, 6, 8, 10, 12};
  EXPECT_EQ(memcmp(got[0].second.bytes.data(), want, sizeof want), 0);
  EXPECT_EQ(memcmp(got[1].second.bytes.data(), twice, sizeof twice), 0);
}

TEST_F(Safetensors, MetadataAndBooleansAreRead) {
  write(
      R"({"__metadata__":{"format":"pt","k":""},"m":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}  )",
      std::string("\0\x02\xff", 3));
  Contents got;
  std::string text;
  ASSERT_EQ(load(got, &text), QN_OK) << text;
  EXPECT_EQ(got[0].second.bytes, std::string("\0\1\1", 3));
}

TEST_F(Safetensors, MetadataRoundTrips) {
  const char *names[] = {"x"}, *keys[] = {"format", "", "\xc3\xa9"},
             *values[] = {"mlx", "a \"b\"\n", ""};
  qn_array* arrays[] = {array("abcd", {4}, QN_U8)};
  qn_error* e = nullptr;
  ASSERT_EQ(qn_save_safetensors_with_metadata(path.c_str(), names, arrays, 1, keys, values, 3, &e),
            QN_OK)
      << qn_error_message(e);
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].second.bytes, "abcd");
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  auto found = [](void* self, const char* key, const char* value) -> qn_status {
    static_cast<Pairs*>(self)->emplace_back(key, value);
    return QN_OK;
  };
  Pairs pairs;
  ASSERT_EQ(qn_load_safetensors_metadata(path.c_str(), found, &pairs, &e), QN_OK);
  EXPECT_EQ(pairs, (Pairs{{"format", "mlx"}, {"", "a \"b\"\n"}, {"\xc3\xa9", ""}}));

  auto stop = [](void*, const char*, const char*) -> qn_status { return QN_E_CANCELLED; };
  EXPECT_EQ(qn_load_safetensors_metadata(path.c_str(), stop, nullptr, nullptr), QN_E_CANCELLED);
  const char *twice[] = {"k", "k"}, *bad[] = {"\xff"};
  EXPECT_EQ(
      qn_save_safetensors_with_metadata(path.c_str(), names, arrays, 1, twice, values, 2, nullptr),
      QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(
      qn_save_safetensors_with_metadata(path.c_str(), names, arrays, 1, bad, values, 1, nullptr),
      QN_E_INVALID_ARGUMENT);
  write(R"({"__metadata__":{"k":"a\u0000b"}})", "");
  EXPECT_EQ(qn_load_safetensors_metadata(path.c_str(), found, &pairs, nullptr), QN_E_DATA_LOSS);
}

TEST_F(Safetensors, NullMetadataAsMlxWritesIt) {
  write(R"({"__metadata__":null,"a":{"data_offsets":[0,2],"dtype":"U8","shape":[2]}}  )", "xy");
  Contents got;
  std::string text;
  ASSERT_EQ(load(got, &text), QN_OK) << text;
  EXPECT_EQ(got[0].second.bytes, "xy");
}

TEST_F(Safetensors, FileOrder) {
  write(
      R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}})",
      "xy");
  Contents got;
  ASSERT_EQ(load(got), QN_OK);
  EXPECT_EQ(got[0].first, "a");
  EXPECT_EQ(got[1].second.bytes, "y");
}

TEST_F(Safetensors, MalformedFilesAreRefusedBeforeAnyArray) {
  const std::string u8 = R"("dtype":"U8")";
  const std::string deep(200000, '[');
  const std::vector<std::string> headers = {
      "",
      " ",
      "[]",
      "{",
      "{}}",
      "null",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":1}",
      "{\"a\":null}",
      "{\"a\":true}",
      "{\"a\":[]}",
      "{\"a\":\"x\"}",
      "{\"a\":" + deep,
      "{\"\xff\":{}}",
      "{\"a\":{}}",
      "{\"a\":{" + u8 + ",\"shape\":[4]}}",
      "{\"a\":{" + u8 + ",\"data_offsets\":[0,4]}}",
      R"({"a":{"shape":[4],"data_offsets":[0,4]}})",
      R"({"a":{"dtype":"F8","shape":[4],"data_offsets":[0,4]}})",
      R"({"a":{"dtype":"u8","shape":[4],"data_offsets":[0,4]}})",
      R"({"a":{"dtype":8,"shape":[4],"data_offsets":[0,4]}})",
      R"({"a":{"dtype":["U8"],"shape":[4],"data_offsets":[0,4]}})",
      "{\"a\":{" + u8 + ",\"shape\":[-4],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4.0],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[\"4\"],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[[4]],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":4,\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":{\"0\":4},\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 +
          ",\"shape\":[9223372036854775807,9223372036854775807],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[18446744073709551615],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[3],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0,2,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[-4,0]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[4,0]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[1,5]}}",
      "{\"a\":{" + u8 + ",\"shape\":[5],\"data_offsets\":[0,5]}}",
      "{\"a\":{" + u8 +
          ",\"shape\":[4],\"data_offsets\":[9223372036854775800,9223372036854775804]}}",
      "{\"a\":{" + u8 + ",\"shape\":[2],\"data_offsets\":[0,2]}}",
      "{\"a\":{" + u8 + ",\"shape\":[2],\"data_offsets\":[2,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{" + u8 +
          ",\"shape\":[2],\"data_offsets\":[2,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[1],\"data_offsets\":[0,1]},\"b\":{" + u8 +
          ",\"shape\":[2],\"data_offsets\":[2,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[2],\"data_offsets\":[0,2]},\"a\":{" + u8 +
          ",\"shape\":[2],\"data_offsets\":[2,4]}}",
      "{\"a\":{" + u8 + "," + u8 + ",\"shape\":[4],\"data_offsets\":[0,4]}}",
      "{\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0,4],\"extra\":1}}",
      "{\"a\\u0000b\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0,4]}}",
      "{\"__metadata__\":{\"a\":1},\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0,4]}}",
      "{\"__metadata__\":[],\"a\":{" + u8 + ",\"shape\":[4],\"data_offsets\":[0,4]}}",
      "{\"__metadata__\":{},\"__metadata__\":{},\"a\":{" + u8 +
          ",\"shape\":[4],\"data_offsets\":[0,4]}}",
  };
  EXPECT_GE(headers.size(), 40u);
  for (const std::string& h : headers) {
    write(h, "abcd");
    Contents got;
    std::string text;
    const qn_status s = load(got, &text);
    EXPECT_TRUE(s == QN_E_DATA_LOSS || s == QN_E_UNIMPLEMENTED) << s << " for " << h.substr(0, 200);
    EXPECT_NE(text.find(path), std::string::npos) << text;
    EXPECT_TRUE(got.empty());
  }
}

TEST_F(Safetensors, BadLengths) {
  for (const std::string& bytes :
       {std::string(), std::string("abc"), length(0), length(3) + "{}", length(UINT64_MAX) + "{}",
        length(uint64_t{1} << 63) + "{}", length(200u << 20) + "{}", length(2) + "{}tail"}) {
    write(bytes);
    Contents got;
    std::string text;
    EXPECT_EQ(load(got, &text), QN_E_DATA_LOSS) << text;
  }
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  ASSERT_EQ(save({"a", "b"}, {array(std::string(8, 'a'), {2}, QN_F32), array("bcd", {3}, QN_U8)}),
            QN_OK);
  const std::string whole = read();
  for (size_t n = 0; n < whole.size(); ++n) {
    write(whole.substr(0, n));
    Contents got;
    EXPECT_NE(load(got), QN_OK) << n << " of " << whole.size() << " bytes were accepted";
  }
}

TEST_F(Safetensors, PathsThatCannotBeRead) {
  Contents got;
  std::string text;
  EXPECT_EQ(load(got, &text), QN_E_NOT_FOUND);
  EXPECT_NE(text.find(path), std::string::npos);
  EXPECT_NE(text.find("No such file"), std::string::npos);
  fs::create_directory(path);
  EXPECT_NE(load(got, &text), QN_OK);
  fs::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(load(got, &text), QN_E_INVALID_ARGUMENT);  // and does not wait for a writer
}

TEST_F(Safetensors, SavingRefusals) {
  qn_array* a = array("abcd", {4}, QN_U8);
  std::string text;
  EXPECT_EQ(save({"x", "x"}, {a, a}, &text), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(save({"__metadata__"}, {a}, &text), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(save({"\xff"}, {a}, &text), QN_E_INVALID_ARGUMENT);
  EXPECT_NE(text.find("UTF-8"), std::string::npos) << text;
  EXPECT_EQ(files(), 0u);
  EXPECT_EQ(save({"x"}, {a}, &text, (dir / "none" / "b").string()), QN_E_NOT_FOUND);
  EXPECT_NE(text.find("none/b"), std::string::npos) << text;
  fs::create_directory(dir / "folder");
  EXPECT_NE(save({"x"}, {a}, &text, (dir / "folder").string()), QN_OK);
  EXPECT_EQ(files(), 1u) << "a temporary file was left behind";
}

TEST_F(Safetensors, ReplacesAtomically) {
  ASSERT_EQ(save({"x"}, {array("abcd", {4}, QN_U8)}), QN_OK);
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const std::string before = read();
  EXPECT_EQ(save({"\xff"}, {array("efgh", {4}, QN_U8)}), QN_E_INVALID_ARGUMENT);
  EXPECT_EQ(read(), before);
  ASSERT_EQ(save({"x"}, {array("efgh", {4}, QN_U8)}), QN_OK);
  EXPECT_NE(read(), before);
  EXPECT_EQ(files(), 1u);
  struct stat st;
  ASSERT_EQ(stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0640u);
}

TEST_F(Safetensors, TheCallbackCanStop) {
  ASSERT_EQ(save({"first", "second"}, {array("a", {1}, QN_U8), array("b", {1}, QN_U8)}), QN_OK);
  int calls = 0;
  qn_error* e = nullptr;
  auto stop = [](void* self, const char*, qn_array*) -> qn_status {
    ++*static_cast<int*>(self);
    return QN_E_CANCELLED;
  };
  EXPECT_EQ(qn_load_safetensors(rt, path.c_str(), stop, &calls, &e), QN_E_CANCELLED);
  EXPECT_NE(std::string(qn_error_message(e)).find("first"), std::string::npos);
  qn_error_free(e);
  EXPECT_EQ(calls, 1);
}

}  // namespace
