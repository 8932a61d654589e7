// A plugin is loaded for the first time in the process while allocations fail, the dynamic loader's
// among them: each k in a process of its own. Loaded again with memory it works.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>

#include "env.h"

namespace faults {
namespace {

enum Ending { kWorked = 10, kRefused = 11, kNoFault = 12, kWrong = 13 };

// Its 2 by 2 product is right.
bool works(qn_runtime* rt) {
  const float v[] = {1, 2, 3, 4};
  const int64_t shape[] = {2, 2};
  qn_array *x = nullptr, *y = nullptr, *sum = nullptr;
  double value = 0;
  qn_status s = qn_array_from_data(rt, v, shape, 2, QN_F32, &x, nullptr);
  if (!s) s = qn_matmul(rt, x, x, &y, nullptr);
  if (!s) s = qn_sum(rt, y, nullptr, 0, 0, &sum, nullptr);
  if (!s) s = qn_array_item_f64(sum, &value, nullptr);
  for (qn_array* a : {x, y, sum}) qn_array_release(a);
  return s == QN_OK && value == 54;
}

// In a child.
Ending load(const char* path, const Fault& fault) {
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.plugin_policy = QN_PLUGINS_BUILTIN;
  c.n_threads = 1;
  c.kernels = "";
  qn_runtime* rt = nullptr;
  if (qn_runtime_create(&c, &rt, nullptr) != QN_OK) return kWrong;
  set(fault);
  qn_error* error = nullptr;
  arm();
  const qn_status s = qn_plugin_load(rt, path, nullptr, &error);
  disarm();
  const bool faulty = injected();
  set({});
  if (!works(rt)) return kWrong;
  if (s != QN_OK && (!faulty || qn_error_code(error) != s || !*qn_error_message(error)))
    return kWrong;
  qn_error_free(error);
  // What the loader could not do at first it can do now.
  if (s != QN_OK && qn_plugin_load(rt, path, nullptr, nullptr) != QN_OK) return kWrong;
  if (!works(rt)) return kWrong;
  qn_runtime_release(rt);
  return !faulty ? kNoFault : s == QN_OK ? kWorked : kRefused;
}

class FirstLoad : public ::testing::TestWithParam<const char*> {};

TEST_P(FirstLoad, EveryAllocation) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the loader's allocations are not seen in a sanitizer build";
#endif
  const std::string path = std::string(QUERN_PLUGIN_DIR "/") + GetParam() + ".so";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " was not built";
  int refused = 0, faults = 0;
  for (const bool forever : {false, true}) {
    for (std::uint64_t k = 1;; ++k) {
      const pid_t child = fork();
      if (child == 0) _exit(load(path.c_str(), {Source::heap, k, forever}));
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status)) << "allocation " << k << ": signal " << WTERMSIG(status);
      const int ending = WEXITSTATUS(status);
      ASSERT_TRUE(ending == kWorked || ending == kRefused || ending == kNoFault)
          << "allocation " << k << (forever ? " and all later ones: " : ": ") << ending;
      if (ending == kNoFault) break;
      ++faults;
      refused += ending == kRefused;
    }
  }
  std::printf("[  COUNT   ] %d faults while a plugin is loaded, %d of them errors\n", faults,
              refused);
}

// Not simd and onednn: initialisers of Highway and oneDNN end the process.
INSTANTIATE_TEST_SUITE_P(Faults, FirstLoad, ::testing::Values("openblas", "tbb", "amx"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace faults
