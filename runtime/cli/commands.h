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
  bool verify = false;
  // tune: the file, and the ops or the program to be measured
  std::string file;
  std::vector<std::string> ops, command;
  // check: the plugin's file; one part of the work, for a child process, and whether the heap fails
  // there; its time limit
  std::string path, part;
  bool heap_works = false;
  unsigned jobs = 2;
  double seconds = 120;
};

// The answer is printed and it is "no": exit code 1 without another word.
struct Refused {};

void show_info(const Options&);
void show_plugins(const Options&);
void show_ops(const Options&);
void show_kernels(const Options&);
void run_bench(const Options&);
void run_tune(const Options&);
void run_check(const Options&);

}  // namespace quern_cli
