// What the shared objects export and import: the library against symbols.txt, plugins against the
// plugin rules. Needs nm; without it the tests are skipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& command) {
  std::vector<std::string> out;
  FILE* p = popen(command.c_str(), "r");
  if (!p) return out;
  char line[4096];
  while (fgets(line, sizeof line, p)) out.emplace_back(line);
  pclose(p);
  return out;
}

// Last word of every line, without its version.
std::set<std::string> symbols(const std::string& flags, const fs::path& file) {
  std::set<std::string> out;
  for (const std::string& line : lines_of("nm -D " + flags + " '" + file.string() + "'")) {
    std::istringstream words(line);
    std::string word, last;
    while (words >> word) last = word;
    if (!last.empty()) out.insert(last.substr(0, last.find('@')));
  }
  return out;
}

const fs::path kPlugins = QUERN_PLUGIN_DIR;
const fs::path kLibrary = kPlugins.parent_path() / "libquern.so";
const fs::path kList = fs::path(QUERN_SOURCE_DIR) / "runtime/capi/symbols.txt";

class Symbols : public ::testing::Test {
 protected:
  void SetUp() override {
    if (lines_of("nm --version 2>/dev/null").empty()) GTEST_SKIP() << "no nm";
  }
};

TEST_F(Symbols, LibraryExportsTheList) {
  std::ifstream f(kList);
  ASSERT_TRUE(f) << kList;
  std::vector<std::string> want;
  for (std::string s; std::getline(f, s);) want.push_back(s);
  EXPECT_TRUE(std::is_sorted(want.begin(), want.end()));
  EXPECT_LE(want.size(), 130u);
  std::set<std::string> got = symbols("--defined-only", kLibrary);
  got.erase("QN_1.0");  // the version node
  EXPECT_EQ(got, std::set<std::string>(want.begin(), want.end()));
}

TEST_F(Symbols, LibraryExportsCarryTheVersion) {
  for (const std::string& line : lines_of("nm -D --defined-only '" + kLibrary.string() + "'"))
    EXPECT_NE(line.find("QN_1.0"), std::string::npos) << line;
}

TEST_F(Symbols, PluginsExportOneAndImportNoneOfOurs) {
  int plugins = 0;
  for (const auto& file : fs::directory_iterator(kPlugins)) {
    if (file.path().extension() != ".so") continue;
    ++plugins;
    std::set<std::string> got = symbols("--defined-only", file.path());
    got.erase("QN_PLUGIN_1");
    EXPECT_EQ(got, std::set<std::string>{"qn_kernel_plugin_v1"}) << file.path();
    for (const std::string& s : symbols("--undefined-only", file.path())) {
      EXPECT_FALSE(s.starts_with("qn_")) << file.path() << " imports " << s;
      EXPECT_EQ(s.find("5quern"), std::string::npos) << file.path() << " imports " << s;
    }
  }
  EXPECT_GT(plugins, 0);
}

}  // namespace
