// The built-in pool is a oneTBB arena; an embedder's executor is called through its hooks.
#include "runtime/host/executor.h"

#include <sched.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <thread>

#include "runtime/host/fp_state.h"

#if defined(QUERN_TSAN)
extern "C" void __tsan_acquire(void* at);
extern "C" void __tsan_release(void* at);
#endif

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

// The sanitizer sees neither oneTBB nor, so that it does not take oneTBB's own templates for races,
// this file (see runtime/CMakeLists.txt). What a loop orders is told to it here.
#if defined(QUERN_TSAN)
void before_here(void* at) { __tsan_release(at); }
void after_that(void* at) { __tsan_acquire(at); }
#else
void before_here(void*) {}
void after_that(void*) {}
#endif

}  // namespace

struct Executor::Pool {
  explicit Pool(std::uint32_t n) : arena(usable(n)), n(n) {}
  // oneTBB prints a warning when it is asked for more threads than it will ever give.
  static int usable(std::uint32_t n) {
    const auto most =
        tbb::global_control::active_value(tbb::global_control::max_allowed_parallelism);
    return static_cast<int>(std::max<std::size_t>(1, std::min<std::size_t>(n, most)));
  }
  tbb::task_arena arena;
  std::uint32_t n;

  static std::uint32_t concurrency(void* self) noexcept { return static_cast<Pool*>(self)->n; }

  static qn_status run(void* self, qn_task_fn fn, void* task, std::uint32_t n,
                       std::uint32_t max_workers) noexcept {
    Pool& p = *static_cast<Pool*>(self);
    if (n <= 1 || max_workers <= 1 || p.n <= 1 || in_loop()) {
      for (std::uint32_t i = 0; i < n; ++i) fn(task, i, worker());
      return QN_OK;
    }
    char begun = 0, done = 0;  // only their addresses are used
    before_here(&begun);
    try {
      p.arena.execute([&] {
        tbb::parallel_for(
            std::uint32_t{0}, n,
            [&](std::uint32_t i) {
              after_that(&begun);
              const FpState keep;
              const int outer = depth();
              depth() = tbb::this_task_arena::current_thread_index() + 1;
              fn(task, i, worker());
              depth() = outer;
              before_here(&done);
            },
            tbb::simple_partitioner());
      });
    } catch (...) {
      return QN_E_RESOURCE_EXHAUSTED;
    }
    after_that(&done);
    return QN_OK;
  }

  // Worker number + 1 while this thread is inside a loop: nested loops run inline under that
  // number.
  static int& depth() {
    static thread_local int d = 0;
    return d;
  }
  static bool in_loop() { return depth() > 0; }
  static std::uint32_t worker() {
    return depth() > 0 ? static_cast<std::uint32_t>(depth() - 1) : 0;
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

qn_status Executor::parallel_for(qn_task_fn fn, void* task, std::uint32_t n,
                                 std::uint32_t max_workers) noexcept {
  if (n == 1 || workers_ == 1) {
    for (std::uint32_t i = 0; i < n; ++i) fn(task, i, 0);
    return QN_OK;
  }
  return hooks_.parallel_for(hooks_.self, fn, task, n, max_workers);
}

}  // namespace quern
