// Executor: the runtime's threads (up to n of oneTBB's, or the embedder's own) as one parallel
// loop.
#pragma once
#include <cstdint>
#include <memory>

#include "quern/base.h"

namespace quern {

class Executor {
 public:
  // hooks null = a built-in pool of n_threads (0 = the processors this process may use).
  Executor(const qn_executor* hooks, std::uint32_t n_threads);
  ~Executor();
  std::uint32_t workers() const { return workers_; }
  // fn(task, 0..n-1, worker); returns when all are done. Inline when n is 1 or there is one worker.
  qn_status parallel_for(qn_task_fn fn, void* task, std::uint32_t n,
                         std::uint32_t max_workers) noexcept;
  // Loops of about so many ns are about to come, on this thread: threads that sleep are woken
  // now if that pays, and by the loops themselves only then. One call at a time.
  void expect(double ns);
  const qn_executor* hooks() const { return &hooks_; }

 private:
  struct Pool;
  qn_executor hooks_{};  // the embedder's, or our pool behind the same interface
  std::unique_ptr<Pool> pool_;
  std::uint32_t workers_ = 1;
};

}  // namespace quern
