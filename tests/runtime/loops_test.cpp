// The parallel loops that a runtime's own threads run for a kernel: a plugin made here starts them.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "helpers.h"
#include "quern/kernel.h"

namespace quern_test {
namespace {

// What the kernel's run does, and what was seen of it.
struct Check {
  std::uint32_t n, most, inner = 0;  // inner: indices of a loop inside each index
  std::unique_ptr<std::atomic<std::uint32_t>[]> seen { new std::atomic<std::uint32_t>[n] {} };
  std::array<std::atomic<bool>, 64> busy{};
  std::atomic<std::uint32_t> wrong{0}, inside{0}, workers{0};
  const qn_executor* executor = nullptr;
};

void inner_index(void* task, std::uint32_t, std::uint32_t worker) noexcept {
  Check& c = *static_cast<Check*>(task);
  if (worker >= c.most || !c.busy[worker].load()) ++c.wrong;  // under the outer one's number
  ++c.inside;
}

void outer_index(void* task, std::uint32_t i, std::uint32_t worker) noexcept {
  Check& c = *static_cast<Check*>(task);
  if (i >= c.n || worker >= c.most || c.busy[worker].exchange(true)) {
    ++c.wrong;
    return;
  }
  ++c.seen[i];
  c.workers.fetch_or(1u << worker % 32);
  if (c.inner) c.executor->parallel_for(c.executor->self, inner_index, &c, c.inner, c.most);
  c.busy[worker].store(false);
}

thread_local Check* check_of_run = nullptr;
std::atomic<double> estimate{1e6};

qn_status open_plugin(const qn_host* host, void** self, qn_error_slot*) noexcept {
  *self = new const qn_host*(host);
  return QN_OK;
}
void close_plugin(void* self) noexcept { delete static_cast<const qn_host**>(self); }
qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  if (op->op != QN_OP_MAP || op->n_in != 1 || op->in[0].dtype != QN_F32 ||
      op->program->n_inst != 1 || op->program->inst[0].op != QN_OP_RELU)
    return QN_OK;
  qn_candidate c{};
  c.hdr.struct_size = sizeof c;
  c.name = {"loops", 5};
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.est_ns = estimate;
  return (*static_cast<const qn_host**>(self))->offer(answer, &c);
}
qn_status plan(void*, const qn_opdesc*, std::uint32_t, qn_plan** out, qn_plan_info*,
               qn_error_slot*) noexcept {
  static char nothing;
  *out = reinterpret_cast<qn_plan*>(&nothing);
  return QN_OK;
}
qn_status run(const qn_plan*, const qn_run* r) noexcept {
  Check& c = *check_of_run;
  c.executor = r->executor;
  *static_cast<float*>(r->out[0].data) = 1;
  return r->executor->parallel_for(r->executor->self, outer_index, &c, c.n, c.most);
}

const qn_kernel_plugin& entry() {
  static const qn_kernel_plugin p = [] {
    qn_kernel_plugin p{};
    p.hdr.struct_size = sizeof p;
    p.abi_minor = QN_KERNEL_ABI_MINOR;
    p.id = "loops";
    p.version = "1";
    p.license = "MIT";
    p.description = "loops for tests";
    p.open = open_plugin;
    p.close = close_plugin;
    p.query = query;
    p.plan = plan;
    p.run = run;
    p.plan_free = [](void*, qn_plan*) noexcept {};
    return p;
  }();
  return p;
}

struct Looper {
  explicit Looper(std::uint32_t threads) : rt("map=loops; *=naive", threads) {
    QN_CHECK(qn_plugin_register(rt, &entry(), nullptr, e));
  }
  // 0, or how often each index was not called once, a worker's number was used twice at a time..
  std::uint32_t errors(std::uint32_t n, std::uint32_t most, std::uint32_t inner = 0) {
    Check c{n, most, inner};
    check_of_run = &c;
    if (values(apply(qn_relu, rt.floats({-1}, {1}))) != std::vector<float>{1}) ++c.wrong;
    check_of_run = nullptr;
    for (std::uint32_t i = 0; i < n; ++i) c.wrong += c.seen[i] != 1;
    c.wrong += c.inside != n * inner;
    return c.wrong;
  }
  Rt rt;
};

TEST(Loops, EachIndexOnceAndAWorkersNumberForOneAtATime) {
  Looper looper(8);
  for (int round = 0; round < 30; ++round) {
    for (const std::uint32_t n : {1u, 2u, 3u, 7u, 8u, 9u, 64u, 1000u})
      for (const std::uint32_t most : {1u, 2u, 5u, 8u}) EXPECT_EQ(looper.errors(n, most), 0u) << n;
    // Helpers are about to leave, or gone.
    if (round % 3 == 1) std::this_thread::sleep_for(std::chrono::microseconds(150 + 10 * round));
    if (round % 3 == 2) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(Loops, InsideLoopsRunUnderTheirWorkersNumber) {
  Looper looper(4);
  for (int round = 0; round < 50; ++round) EXPECT_EQ(looper.errors(20, 4, 5), 0u);
}

TEST(Loops, SmallOnesSummonNobodyAndEndAllTheSame) {
  estimate = 100;
  Looper looper(4);
  for (int round = 0; round < 3000; ++round) ASSERT_EQ(looper.errors(4, 4), 0u);
  estimate = 1e6;
}

TEST(Loops, OfSeveralRuntimesAndThreadsAtOnce) {
  Looper shared(4);
  std::atomic<std::uint32_t> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        Looper own(3);
        for (int i = 0; i < 10; ++i) wrong += own.errors(30, 3) + shared.errors(30, 4);
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, 0u);
}

#if !defined(__SANITIZE_THREAD__)
TEST(Loops, EndInAForkedProcessThatHasNoHelpers) {
  Looper looper(4);
  EXPECT_EQ(looper.errors(100, 4), 0u);
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    int failed = looper.errors(100, 4) != 0;
    {
      Looper own(2);
      failed |= own.errors(10, 2) != 0;
    }
    qn_runtime_release(qn_runtime_retain(looper.rt));
    _exit(failed);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(looper.errors(100, 4), 0u);
}
#endif

}  // namespace
}  // namespace quern_test
