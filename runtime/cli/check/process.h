// Child processes of `quern check`.
#pragma once
#include <string>
#include <vector>

namespace quern_cli::check {

struct Ended {
  std::string events;  // what came through the event pipe
  std::string output;  // what was printed, its first part
  int exit_code = -1, signal = 0;
  bool timed_out = false;
};

// Runs this very program with `arguments` and the event pipe as descriptor kEventFd; kills it after
// `seconds`. Throws LibraryError when no process can be made. [any]
constexpr int kEventFd = 3;
Ended run_self(const std::vector<std::string>& arguments, double seconds);

}  // namespace quern_cli::check
