// The built-in pool: oneTBB's threads as a crew. An embedder's executor is called through its
// hooks.
#include "runtime/host/executor.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "runtime/host/crew.h"

namespace quern {
namespace {

std::uint32_t usable_processors() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    const int n = CPU_COUNT(&set);
    if (n > 0) return static_cast<std::uint32_t>(n);
  }
#endif
  const unsigned n = std::thread::hardware_concurrency();
  return n ? n : 1;
}

}  // namespace

// oneTBB gives the threads, which it shares out among all runtimes of the process; who does which
// part of a loop is the crew's business, since oneTBB's own loops have their workers asleep soon
// and take three times as long to start.
struct Executor::Pool {
  explicit Pool(std::uint32_t n)
      : arena(usable(n)), n(n), crew(static_cast<std::uint32_t>(usable(n)) - 1, summon, this) {}
  // oneTBB prints a warning when it is asked for more threads than it will ever give.
  static int usable(std::uint32_t n) {
    const auto most =
        tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
    return static_cast<int>(std::max<std::size_t>(1, std::min<std::size_t>(n, most)));
  }
  tbb::task_arena arena;
  std::uint32_t n;
  std::atomic<bool> wake{true};  // whether loops summon helpers that are away
  double owed_ns = 0;            // what loops that summoned none came to, recently
  std::chrono::steady_clock::time_point last{};
  Crew crew;

  static std::uint32_t concurrency(void* self) noexcept { return static_cast<Pool*>(self)->n; }

  static void summon(void* self, std::uint32_t k) noexcept {
    Pool& p = *static_cast<Pool*>(self);
    for (std::uint32_t i = 0; i < k; ++i) {
      try {
        p.arena.enqueue([id = p.crew.id()] { Crew::help(id); });
      } catch (...) {  // no memory: the caller does the work
        return p.crew.excuse(k - i);
      }
    }
  }

  static qn_status run(void* self, qn_task_fn fn, void* task, std::uint32_t n,
                       std::uint32_t max_workers) noexcept {
    Pool& p = *static_cast<Pool*>(self);
    const bool alone = n <= 1 || max_workers <= 1 || p.n <= 1 || Crew::in_loop();
    if (alone || !p.crew.run(fn, task, n, max_workers, p.wake.load(std::memory_order_relaxed))) {
      for (std::uint32_t i = 0; i < n; ++i) fn(task, i, Crew::worker());
    }
    return QN_OK;
  }
};

Executor::Executor(const qn_executor* hooks, std::uint32_t n_threads) {
  if (hooks) {
    hooks_ = *hooks;
    workers_ = hooks_.concurrency(hooks_.self);
    if (workers_ == 0) workers_ = 1;
    return;
  }
  workers_ = n_threads ? n_threads : usable_processors();
  pool_ = std::make_unique<Pool>(workers_);
  hooks_ = {{sizeof(qn_executor), 0}, pool_.get(), Pool::concurrency, Pool::run};
}

Executor::~Executor() = default;

void Executor::expect(double ns) {
  // Summoning costs the caller some ten microseconds, and the helper comes after some thirty.
  constexpr double kWorthSummoning = 30e3, kOften = 100e3;
  if (!pool_ || ns <= 0) return;
  Pool& p = *pool_;
  bool wake = ns >= kWorthSummoning || p.crew.complete();
  if (!wake) {
    const auto now = std::chrono::steady_clock::now();
    if (now - p.last > std::chrono::milliseconds(1)) p.owed_ns = 0;
    p.last = now;
    p.owed_ns += ns;
    wake = p.owed_ns > kOften;
  }
  p.wake.store(wake, std::memory_order_relaxed);
  if (!wake) return;
  p.owed_ns = 0;
  p.crew.gather(p.n - 1);
}

qn_status Executor::parallel_for(qn_task_fn fn, void* task, std::uint32_t n,
                                 std::uint32_t max_workers) noexcept {
  if (n == 1 || workers_ == 1) {
    for (std::uint32_t i = 0; i < n; ++i) fn(task, i, 0);
    return QN_OK;
  }
  return hooks_.parallel_for(hooks_.self, fn, task, n, max_workers);
}

}  // namespace quern
