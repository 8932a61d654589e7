// See crew.h. All waiting is done by looking: with pauses at first, then by letting others run.
#include "runtime/host/crew.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "runtime/host/fp_state.h"

namespace quern {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

// A helper that is asleep costs its waker some ten microseconds and comes later still; one that is
// awake costs the machine a processor, though anyone else who wants that gets it.
constexpr auto kAwake = microseconds(200);
constexpr auto kAlone = microseconds(20);  // before others are let run
constexpr int kLooks = 32;                 // between two looks at the clock

// All crews of the process: who is summoned may come when the crew is gone.
std::mutex all_mutex;
Crew* all = nullptr;
std::uint64_t last_id = 0;

thread_local std::uint32_t depth = 0;  // 1 + the worker's number while in a loop

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Looks until done() or `most` has passed; true when done.
template <typename F>
bool wait_until(const F& done, Clock::duration most) {
  if (done()) return true;
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < kLooks; ++i) {
      pause();
      if (done()) return true;
    }
    const auto waited = Clock::now() - start;
    if (waited > most) return false;
    if (waited > kAlone) sched_yield();
  }
}

}  // namespace

Crew::Crew(std::uint32_t helpers, Summon summon, void* self)
    : helpers_(helpers),
      gates_(new Gate[helpers / kGate + 1]),
      shares_(new Share[std::size_t{helpers} + 1]),
      numbers_(new std::atomic<bool>[helpers] {}),
      summon_(summon),
      self_(self),
      process_(::getpid()) {
  const std::lock_guard lock(all_mutex);
  id_ = ++last_id;
  next_ = std::exchange(all, this);
}

Crew::~Crew() {
  {
    const std::lock_guard lock(all_mutex);
    Crew** at = &all;
    while (*at != this) at = &(*at)->next_;
    *at = next_;
  }
  over_.store(true);
  if (::getpid() == process_)
    wait_until([&] { return staying_.load(std::memory_order_acquire) == 0; },
               Clock::duration::max());
}

bool Crew::in_loop() { return depth > 0; }
std::uint32_t Crew::worker() { return depth > 0 ? depth - 1 : 0; }

void Crew::gather(std::uint32_t k) noexcept {
  k = std::min(k, helpers_);
  std::uint32_t here = present_.load();
  do {
    if (here >= k) return;
  } while (!present_.compare_exchange_weak(here, k));
  summon_(self_, k - here);
}

void Crew::excuse(std::uint32_t k) noexcept { present_.fetch_sub(k); }

bool Crew::run(qn_task_fn fn, void* task, std::uint32_t n, std::uint32_t max_workers,
               bool wake) noexcept {
  if (busy_.exchange(true, std::memory_order_acquire)) return false;
  const std::uint32_t workers = std::min(max_workers, helpers_ + 1), shares = std::min(n, workers);
  const std::uint32_t gates = (workers + kGate - 2) / kGate;
  loop_ = {fn, task, n, workers, shares};
  for (std::uint32_t k = 0; k < shares; ++k)
    shares_[k].next.store(k == 0 ? 0 : loop_.end(k - 1), std::memory_order_relaxed);
  places_.store(static_cast<std::int32_t>(shares) - 1, std::memory_order_relaxed);
  for (std::uint32_t k = 0; k < gates; ++k)
    gates_[k].inside.fetch_and(~kClosed, std::memory_order_release);
  epoch_.fetch_add(1);  // before present_ is read, see help()
  if (wake) gather(workers - 1);
  drain(0, 0);
  for (std::uint32_t k = 0; k < gates; ++k)
    gates_[k].inside.fetch_or(kClosed, std::memory_order_relaxed);
  for (std::uint32_t k = 0; k < gates; ++k)
    wait_until([&] { return gates_[k].inside.load(std::memory_order_acquire) == kClosed; },
               Clock::duration::max());
  busy_.store(false, std::memory_order_release);
  return true;
}

void Crew::drain(std::uint32_t worker, std::uint32_t share) noexcept {
  const FpState keep;
  const Loop loop = loop_;
  const std::uint32_t outer = std::exchange(depth, worker + 1);
  for (std::uint32_t k = 0; k < loop.shares; ++k) {
    std::atomic<std::uint32_t>& next = shares_[share].next;
    const std::uint32_t end = loop.end(share);
    while (next.load(std::memory_order_relaxed) < end) {
      const std::uint32_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i < end) loop.fn(loop.task, i, worker);
    }
    if (++share == loop.shares) share = 0;
  }
  depth = outer;
}

void Crew::take_part(std::uint32_t number) noexcept {
  std::atomic<std::uint32_t>& inside = gates_[(number - 1) / kGate].inside;
  if (inside.load(std::memory_order_relaxed) & kClosed) return;
  if (places_.load(std::memory_order_relaxed) <= 0) return;
  // From here on the loop's caller waits for this helper, whether it finds a place or not.
  if (!(inside.fetch_add(1, std::memory_order_acquire) & kClosed) && number < loop_.workers) {
    if (loop_.shares == loop_.workers) {
      drain(number, number);
    } else {
      const std::int32_t place = places_.fetch_sub(1, std::memory_order_relaxed);
      if (place > 0) drain(number, loop_.shares - static_cast<std::uint32_t>(place));
    }
  }
  inside.fetch_sub(1, std::memory_order_release);
}

// There are as many as helpers at a time; one that leaves gives its own back a little later.
std::uint32_t Crew::take_number() noexcept {
  for (;;)
    for (std::uint32_t k = 0; k < helpers_; ++k)
      if (!numbers_[k].load(std::memory_order_relaxed) &&
          !numbers_[k].exchange(true, std::memory_order_acquire))
        return k + 1;
}

void Crew::help(std::uint64_t id) noexcept {
  Crew* crew;
  {
    const std::lock_guard lock(all_mutex);
    for (crew = all; crew && crew->id_ != id;) crew = crew->next_;
    if (!crew) return;
    crew->staying_.fetch_add(1, std::memory_order_relaxed);
  }
  crew->stay();
  crew->staying_.fetch_sub(1, std::memory_order_release);
}

void Crew::stay() noexcept {
  const std::uint32_t number = take_number();
  const auto called = [&](std::uint32_t seen) {
    return epoch_.load(std::memory_order_acquire) != seen || over_.load(std::memory_order_relaxed);
  };
  for (;;) {
    std::uint32_t seen;
    do {
      seen = epoch_.load(std::memory_order_acquire);
      take_part(number);
    } while (wait_until([&] { return called(seen); }, kAwake) && !over_.load());
    // A loop that began meanwhile either finds this helper gone and summons another, or is seen.
    present_.fetch_sub(1);
    if (over_.load() || epoch_.load() == seen) break;
    present_.fetch_add(1);
  }
  numbers_[number - 1].store(false, std::memory_order_release);
}

}  // namespace quern
