// System calls failing one after the other while files are saved and loaded: the old file or the
// new one stays, and no temporary file.
#include <cerrno>
#include <cstdio>

#include "folder.h"

namespace faults {
namespace {

struct Case {
  const char* file;
  void (*run)(Env&, const std::string& path);
  bool saves;
};
const Case kCases[] = {
    {"kept.safetensors", save_safetensors, true},
    {"kept.npy", save_npy, true},
    {"kept.npz", save_npz, true},
    {"kept_deflated.npz", save_npz_deflated, true},
    {"kept.safetensors", load_safetensors, false},
    {"kept.npy", load_npy, false},
    {"kept.npz", load_npz, false},
    {"kept_deflated.npz", load_npz, false},
};

// true when the scenario came to its end.
bool run(const Case& c, const Folder& folder, const Fault& fault) {
  set(fault);
  std::set<std::string> covered;
  Env e(Given::builtin, "", folder.path, covered);
  bool finished = false;
  try {
    c.run(e, e.path(c.file));
    finished = true;
  } catch (const Stopped&) {
  }
  e.expect_usable();
  return finished;
}

TEST(Faults, EverySystemCallOfFiles) {
  const Folder folder;
  const std::vector<std::string> names = folder.names();
  std::uint64_t k_values = 0, faults = 0, refused = 0;
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.saves ? "saving " : "loading ") + c.file);
    const std::string path = folder.path + "/" + c.file;
    const std::string whole = Folder::read(path);
    ASSERT_FALSE(whole.empty());
    ASSERT_TRUE(run(c, folder, {Source::files}));
    const std::uint64_t n = count();
    EXPECT_EQ(Folder::read(path), whole) << "the same arrays give the same bytes";
    k_values += n;
    for (std::uint64_t k = 1; k <= n; ++k) {
      for (const int error : {EIO, ENOSPC, EMFILE, EINTR}) {
        for (const bool old : {true, false}) {
          if (!old && c.saves) std::filesystem::remove(path);
          ++faults;
          const bool finished = run(c, folder, {Source::files, k, false, error});
          EXPECT_TRUE(injected() || !old);  // a new file takes fewer calls
          refused += !finished;
          const std::string now = Folder::read(path);
          EXPECT_TRUE(now == whole || (c.saves && !old && !finished && now.empty()))
              << "call " << k << " of " << n << ", error " << error;
          ASSERT_TRUE(!finished || now == whole);
          if (c.saves && !std::filesystem::exists(path)) {
            // No file was made; the next save makes it.
            ASSERT_FALSE(finished);
            ASSERT_TRUE(run(c, folder, {Source::files}));
          }
          EXPECT_EQ(folder.names(), names) << "call " << k << " of " << n << ", error " << error;
          if (!c.saves) break;
        }
      }
    }
  }
  std::printf(
      "[  COUNT   ] %zu ways to save and load, %llu system calls, %llu faults, %llu of them "
      "errors\n",
      std::size(kCases), static_cast<unsigned long long>(k_values),
      static_cast<unsigned long long>(faults), static_cast<unsigned long long>(refused));
}

// A second question measured beside the one that the file knows. Trouble with the file is no error.
void measure(Env& e, const std::string& path, int64_t n) {
  CALL(qn_runtime_set_tuning, e.rt, ("measure:" + path).c_str());
  e.eval({e.op("matmul", {e.ramp({n, n}), e.ramp({n, n})})});
  CALL(qn_runtime_set_tuning, e.rt, "off");
}

struct Told {
  std::string problem;
  std::uint64_t questions = 0;
};
Told told_of(const std::string& path) {
  std::set<std::string> covered;
  Env e(Given::plugin, "tbb", "", covered);
  EXPECT_EQ(qn_runtime_set_tuning(e.rt, ("read:" + path).c_str(), nullptr), QN_OK);
  Told t;
  qn_report_tuning(
      e.rt,
      [](void* self, const qn_tuning_report* r) {
        *static_cast<Told*>(self) = {r->problem, r->questions};
      },
      &t, nullptr);
  return t;
}

TEST(Faults, EverySystemCallOfTheTuningFile) {
  if (!std::filesystem::exists(QUERN_PLUGIN_DIR "/tbb.so")) GTEST_SKIP() << "one plugin, no choice";
  const Folder folder;
  const std::string path = folder.path + "/times", kept = folder.path + "/kept_times";
  std::uint64_t n = 0;
  const auto run = [&](const Fault& fault, int64_t size) {
    std::set<std::string> covered;
    Env e(Given::plugin, "tbb", folder.path, covered);
    set(fault);
    measure(e, path, size);
    n = count();
    e.expect_usable();
  };
  run({Source::files}, 8);
  std::filesystem::copy_file(path, kept);
  run({Source::files}, 9);
  EXPECT_EQ(told_of(path).questions, 2u);
  const std::vector<std::string> names = folder.names();
  const std::uint64_t calls = n;
  ASSERT_GT(calls, 8u);
  for (std::uint64_t k = 1; k <= calls; ++k)
    for (const int error : {EIO, ENOSPC, EINTR}) {
      std::filesystem::copy_file(kept, path, std::filesystem::copy_options::overwrite_existing);
      run({Source::files, k, false, error}, 9);
      const Told t = told_of(path);
      EXPECT_EQ(t.problem, "") << "call " << k << " of " << calls << ", error " << error;
      EXPECT_TRUE(t.questions == 1 || t.questions == 2) << t.questions << ", call " << k;
      EXPECT_EQ(folder.names(), names) << "call " << k << " of " << calls << ", error " << error;
    }
}

}  // namespace
}  // namespace faults
