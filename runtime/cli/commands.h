// The commands and the options they share.
// Each command prints to stdout and throws UsageError or LibraryError.
#pragma once
#include <string>
#include <vector>

namespace quern_cli {

struct Options {
  bool json = false;
  unsigned threads = 0;
  std::string op, shapes, dtype = "f32", layout, kernels;
  std::vector<std::string> attrs;
  unsigned rounds = 9;
  double round_ms = 30;
};

void show_info(const Options&);
void show_plugins(const Options&);
void show_ops(const Options&);
void show_kernels(const Options&);
void run_bench(const Options&);

}  // namespace quern_cli
