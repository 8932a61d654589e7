// Crew: one parallel loop at a time, shared by its caller and by helpers, threads that stay awake
// for a while after a loop because waking one costs more than a small loop takes.
// Where the threads come from is the owner's business.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "quern/base.h"

namespace quern {

class Crew {
 public:
  // summon(self, k) has k more threads call help(id), sooner or later or never.
  using Summon = void (*)(void* self, std::uint32_t k);
  Crew(std::uint32_t helpers, Summon summon, void* self);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  // No loop is on. Sends the helpers away and waits for them; not in a forked process, which has
  // none.
  ~Crew();

  // fn(task, 0..n-1, worker < max_workers), by the caller (worker 0) and those helpers that come in
  // time; returns when all is done. Helpers that are away are summoned if `wake`. False, and
  // nothing done, while another thread's loop is on.
  bool run(qn_task_fn fn, void* task, std::uint32_t n, std::uint32_t max_workers,
           bool wake) noexcept;
  // Summons the helpers that are away until k are here or on their way: loops are about to come.
  void gather(std::uint32_t k) noexcept;
  bool complete() const noexcept { return present_.load(std::memory_order_relaxed) >= helpers_; }
  // k of those summoned will never come.
  void excuse(std::uint32_t k) noexcept;
  // A helper's stay with the crew of that id, if it is still there: takes part in loops until none
  // came for some time.
  static void help(std::uint64_t id) noexcept;
  std::uint64_t id() const { return id_; }
  // Whether this thread is in a loop of any crew, and as which worker (0 outside).
  static bool in_loop();
  static std::uint32_t worker();

 private:
  void stay() noexcept;
  void take_part(std::uint32_t number) noexcept;
  void drain(std::uint32_t worker, std::uint32_t share) noexcept;
  std::uint32_t take_number() noexcept;

  static constexpr std::uint32_t kClosed = 1u << 31;
  struct Loop {
    qn_task_fn fn;
    void* task;
    std::uint32_t n, workers, shares;
    std::uint32_t end(std::uint32_t share) const {
      return static_cast<std::uint32_t>(std::uint64_t{n} * (share + 1) / shares);
    }
  };
  // A part of a loop's indices, contiguous: worker k begins with part k, so that in loops that
  // follow each other the same thread meets the same data. Who is done helps the others.
  struct alignas(64) Share {
    std::atomic<std::uint32_t> next{0};
  };
  // Helpers come and go through gates, eight at each: one line that all threads of a big machine
  // write takes longer than a small loop.
  static constexpr std::uint32_t kGate = 8;
  struct alignas(64) Gate {
    std::atomic<std::uint32_t> inside{kClosed};  // helpers in the loop; kClosed: no entry
  };
  // Written by different threads at different times: a cache line each.
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  // loops begun
  std::atomic<bool> over_{false};
  alignas(64) std::atomic<std::int32_t> places_{0};    // helpers that would still find work
  alignas(64) std::atomic<std::uint32_t> present_{0};  // helpers here or on their way
  std::atomic<std::uint32_t> stays_{0};                // calls of help() begun or to come
  std::atomic<bool> busy_{false};
  std::atomic<std::uint32_t> staying_{0};  // helpers inside stay()
  Loop loop_{};
  const std::uint32_t helpers_;
  const std::unique_ptr<Gate[]> gates_;
  const std::unique_ptr<Share[]> shares_;               // helpers_ + 1
  const std::unique_ptr<std::atomic<bool>[]> numbers_;  // of helpers: taken?
  const Summon summon_;
  void* const self_;
  const std::int64_t process_;
  std::uint64_t id_ = 0;
  Crew* next_ = nullptr;  // of the list of all
};

}  // namespace quern
