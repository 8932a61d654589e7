// A folder for one test, with a file of each format in it.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "files.h"

namespace faults {

class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/quern_faults_XXXXXX";
    EXPECT_NE(mkdtemp(pattern), nullptr);
    path = pattern;
    set({});  // no fault that an earlier test left
    std::set<std::string> covered;
    Env e(Given::builtin, "", path, covered);
    save_safetensors(e, e.path("kept.safetensors"));
    save_npy(e, e.path("kept.npy"));
    save_npz(e, e.path("kept.npz"));
    save_npz_deflated(e, e.path("kept_deflated.npz"));
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& f : std::filesystem::directory_iterator(path))
      out.push_back(f.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string read(const std::string& file) {
    std::ifstream f(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(f), {}};
  }
  std::string path;
};

}  // namespace faults
