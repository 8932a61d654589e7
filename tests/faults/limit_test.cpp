// The process reaches the end of its address space while the bundled plugins work: an error or the
// right result, and once there is memory again, the right result.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>

#include "env.h"

namespace faults {
namespace {

std::uint64_t address_space() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// sum(conv2d(x, w)) of ones, with inputs whose sizes no plan knows yet.
qn_status convolve(qn_runtime* rt, int64_t n, double* sum, qn_error** error) {
  const int64_t x_shape[] = {64 * n, 12, 12, 16}, w_shape[] = {32, 3, 3, 16};
  const std::vector<float> ones(std::size_t{64} * 3 * 12 * 12 * 16, 1);
  qn_array *x = nullptr, *w = nullptr, *y = nullptr, *total = nullptr;
  qn_status s = qn_array_from_data(rt, ones.data(), x_shape, 4, QN_F32, &x, error);
  if (!s) s = qn_array_from_data(rt, ones.data(), w_shape, 4, QN_F32, &w, error);
  if (!s) {
    qn_array* in[] = {x, w};
    uint32_t id = 0;
    s = qn_op_lookup("conv2d", &id, error);
    if (!s) s = qn_op(rt, id, in, 2, nullptr, 0, &y, 1, error);
  }
  if (!s) s = qn_sum(rt, y, nullptr, 0, 0, &total, error);
  if (!s) s = qn_array_item_f64(total, sum, error);
  for (qn_array* a : {x, w, y, total}) qn_array_release(a);
  return s;
}

// In a child: 0 when all is well, 2 when it is and the limit was felt.
int under_limit(std::uint64_t more) {
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.n_threads = 1;
  c.kernels = "conv*=onednn";
  qn_runtime* rt = nullptr;
  if (qn_runtime_create(&c, &rt, nullptr) != QN_OK) return 1;
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  rlimit tight = before;
  tight.rlim_cur = address_space() + more;
  bool felt = false, wrong = false;
  for (const bool limited : {true, false}) {
    setrlimit(RLIMIT_AS, limited ? &tight : &before);
    for (int64_t n = 1; n <= 3; ++n) {
      double sum = 0;
      qn_error* error = nullptr;
      qn_status s = QN_E_RESOURCE_EXHAUSTED;
      try {
        s = convolve(rt, n, &sum, &error);
      } catch (const std::bad_alloc&) {  // of this test's own
      }
      felt = felt || s != QN_OK;
      const double want = static_cast<double>(n) * 64 * 100 * 32 * 144;  // transformed ones round
      const bool good =
          s == QN_OK ? std::abs(sum - want) < 1e-4 * want : limited && s == QN_E_RESOURCE_EXHAUSTED;
      if (!good)
        std::fprintf(stderr, "%s, batch of %lld: %s, sum %.9g\n", limited ? "limited" : "free",
                     static_cast<long long>(n), qn_error_message(error), sum);
      wrong = wrong || !good;
      qn_error_free(error);
    }
  }
  qn_runtime_release(rt);
  return wrong ? 1 : felt ? 2 : 0;
}

TEST(Faults, TheEndOfTheAddressSpace) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs an address space of its own";
#endif
  int limits = 0, felt = 0;
  for (std::uint64_t more = 0; more <= 64u << 20; more = more ? more * 3 / 2 : 65536) {
    SCOPED_TRACE(more);
    const pid_t child = fork();
    if (child == 0) _exit(under_limit(more));
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    EXPECT_NE(WEXITSTATUS(status), 1);
    ++limits;
    felt += WEXITSTATUS(status) == 2;
  }
  EXPECT_GT(felt, 0);
  EXPECT_LT(felt, limits);
  std::printf("[  COUNT   ] %d limits of the address space, %d of them felt\n", limits, felt);
}

}  // namespace
}  // namespace faults
