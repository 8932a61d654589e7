// SIGKILL while a file is replaced: at every system call, and at random times. The file is the old
// one or the new one, complete; what the dead process left is gone after the next save.
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <random>

#include "folder.h"

namespace faults {
namespace {

#if defined(__SANITIZE_THREAD__)
#define SKIP_UNDER_TSAN() GTEST_SKIP() << "tsan does not follow forks"
#else
#define SKIP_UNDER_TSAN() (void)0
#endif

// 1 MB of one value, saved again and again under one name.
class Saver {
 public:
  explicit Saver(const Folder& folder, bool npz)
      : path_(folder.path + (npz ? "/killed.npz" : "/killed.safetensors")), npz_(npz) {}
  const std::string& path() const { return path_; }

  void save(Env& e, unsigned char value) {
    const std::vector<unsigned char> v(kBytes, value);
    const int64_t n = kBytes;
    qn_array* a = nullptr;
    ASSERT_EQ(qn_array_from_data(e.rt, v.data(), &n, 1, QN_U8, &a, nullptr), QN_OK);
    const char* name = "x";
    arm();
    const qn_status s = npz_ ? qn_save_npz(path_.c_str(), &name, &a, 1, QN_NPZ_STORED, nullptr)
                             : qn_save_safetensors(path_.c_str(), &name, &a, 1, nullptr);
    disarm();
    ASSERT_EQ(s, QN_OK);
    qn_array_release(a);
  }

  // The value that fills the file; -1 when it is not whole.
  int value(Env& e) {
    int found = -1;
    auto look = [](void* self, const char*, qn_array* a) -> qn_status {
      std::vector<unsigned char> v(qn_array_size(a));
      qn_array_copy_out(a, v.data(), v.size(), nullptr);
      if (v.size() == kBytes && std::count(v.begin(), v.end(), v[0]) == kBytes)
        *static_cast<int*>(self) = v[0];
      return QN_OK;
    };
    qn_error* error = nullptr;
    const qn_status s = npz_ ? qn_load_npz(e.rt, path_.c_str(), look, &found, &error)
                             : qn_load_safetensors(e.rt, path_.c_str(), look, &found, &error);
    EXPECT_EQ(s, QN_OK) << qn_error_message(error);
    qn_error_free(error);
    return found;
  }

 private:
  static constexpr int kBytes = 1 << 20;
  std::string path_;
  bool npz_;
};

// Forks; the child saves `value` under the fault and ends, or is killed after `wait` microseconds.
// Returns whether it was killed.
bool save_in_child(const Folder& folder, Saver& saver, unsigned char value, const Fault& fault,
                   unsigned wait) {
  const pid_t child = fork();
  if (child == 0) {
    std::set<std::string> covered;
    set(fault);
    Env e(Given::builtin, "", folder.path, covered);
    saver.save(e, value);
    _exit(0);
  }
  if (wait) {
    usleep(wait);
    kill(child, SIGKILL);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(Faults, KilledAtEverySystemCall) {
  SKIP_UNDER_TSAN();
  const Folder folder;
  std::set<std::string> covered;
  Env e(Given::builtin, "", folder.path, covered);
  for (const bool npz : {false, true}) {
    Saver saver(folder, npz);
    unsigned char old = 1;
    saver.save(e, old);
    const auto names = folder.names();
    std::uint64_t k = 1, fresh = 0;
    for (;; ++k) {
      const unsigned char next = static_cast<unsigned char>(old + 1);
      if (!save_in_child(folder, saver, next, {Source::kill, k}, 0)) break;
      const int now = saver.value(e);
      EXPECT_TRUE(now == old || now == next) << "call " << k << " left " << now;
      fresh += now == next;
      EXPECT_LE(folder.names().size(), names.size() + 1);
      old = static_cast<unsigned char>(now);
    }
    EXPECT_GT(k, 8u);
    EXPECT_EQ(folder.names(), names) << "the last save removed what the killed one left";
    std::printf(
        "[  COUNT   ] killed at each of %llu system calls; the new file was there %llu times\n",
        static_cast<unsigned long long>(k - 1), static_cast<unsigned long long>(fresh));
  }
}

TEST(Faults, KilledAtRandomTimes) {
  SKIP_UNDER_TSAN();
  const Folder folder;
  std::set<std::string> covered;
  Env e(Given::builtin, "", folder.path, covered);
  std::mt19937 random(4);
  int killed = 0, fresh = 0;
  for (const bool npz : {false, true}) {
    Saver saver(folder, npz);
    unsigned char old = 0;
    saver.save(e, old);
    const std::size_t names = folder.names().size();
    for (int i = 0; i < 100; ++i) {
      const unsigned char next = static_cast<unsigned char>(old + 1);
      killed += save_in_child(folder, saver, next, {Source::kill}, 1 + random() % 8000);
      const int now = saver.value(e);
      ASSERT_TRUE(now == old || now == next) << now;
      fresh += now == next;
      EXPECT_LE(folder.names().size(), names + 1);
      old = static_cast<unsigned char>(now);
    }
    saver.save(e, old);
    EXPECT_EQ(folder.names().size(), names);
  }
  std::printf("[  COUNT   ] 200 saves, %d killed, the new file was there %d times\n", killed,
              fresh);
}

}  // namespace
}  // namespace faults
