// Counts what the kernel lists under /proc/self/task.
#include "runtime/cli/check/threads.h"

#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

namespace quern_cli::check {

std::size_t thread_count() {
#if defined(__SANITIZE_THREAD__)
  // The sanitizer starts a thread of its own beside the first one; it is not the plugin's.
  static const bool begun = (std::thread([] {}).join(), true);
  (void)begun;
#endif
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                    std::filesystem::directory_iterator()));
}

bool back_to(std::size_t threads) {
  for (int i = 0; i < 50 && thread_count() > threads; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return thread_count() <= threads;
}

}  // namespace quern_cli::check
