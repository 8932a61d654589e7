// The example wrong_calls: 200 lines, each with a status that is an error and a text that begins
// with the name of an exported function, of an op, or of what else it is about.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "quern/quern.h"

namespace {

TEST(WrongCalls, TwoHundredGoodMessages) {
  const std::string program = std::string(QUERN_PLUGIN_DIR) + "/../../bin/wrong_calls";
  if (!std::filesystem::exists(program)) GTEST_SKIP() << "the examples are not built";
  std::set<std::string> names;
  std::ifstream symbols(QUERN_SOURCE_DIR "/runtime/capi/symbols.txt");
  for (std::string s; std::getline(symbols, s);) names.insert(s);
  for (uint32_t i = 0; i < qn_op_count(); ++i) {
    const std::string schema = qn_op_schema(i);
    const std::size_t at = schema.find("\"name\": \"") + 9;
    names.insert(schema.substr(at, schema.find('"', at) - at));
  }
  FILE* out = popen(("'" + program + "'").c_str(), "r");
  ASSERT_NE(out, nullptr);
  char line[8192];
  int good = 0;
  for (const char* s : {"npy", "npz", "safetensors", "plugin", "kernels"}) names.insert(s);
  const std::regex form(R"( *\d+ \w+ ([A-Z_]+): \[(\w+)\] (.{8,})\n)");
  for (std::smatch m; fgets(line, sizeof line, out);) {
    const std::string text = line;
    if (!std::regex_match(text, m, form)) continue;
    EXPECT_NE(m[1], "OK");
    EXPECT_NE(m[1], "INTERNAL") << text;
    EXPECT_NE(m[1], "UNKNOWN") << text;
    EXPECT_TRUE(names.contains(m[2])) << text;
    ++good;
  }
  EXPECT_EQ(pclose(out), 0);
  EXPECT_EQ(good, 200);
}

}  // namespace
