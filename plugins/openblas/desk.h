// Where one matrix after the other is worked on: its memory, and how work on a single matrix is
// spread over the host's threads. No arithmetic here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>

#include "plugins/openblas/inside.h"
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::openblas {

using i64 = std::int64_t;

// Hands out parts of a block of memory, each at a multiple of 64 bytes. With base null it counts.
class Memory {
 public:
  explicit Memory(void* base = nullptr) : base_(static_cast<char*>(base)) {}
  template <class T>
  T* take(i64 n) {
    T* at = base_ ? reinterpret_cast<T*>(base_ + used_) : nullptr;
    used_ += (sizeof(T) * static_cast<std::uint64_t>(n) + 63) / 64 * 64;
    return at;
  }
  std::uint64_t used() const { return used_; }

 private:
  char* base_;
  std::uint64_t used_ = 0;
};

// The thread at it is inside OpenBLAS except while `each` spreads work.
class Desk {
 public:
  // Without an executor work stays on this thread.
  Desk(Regions& regions, const qn_executor* executor, std::uint32_t workers)
      : regions_(regions),
        executor_(executor),
        workers_(workers),
        inside_(std::in_place, regions) {}

  // f(i) for i < n, which touch nothing in common, on any threads that are inside OpenBLAS.
  template <class F>
  void each(std::uint32_t n, const F& f) {
    if (n > 1 && executor_) {
      inside_.reset();
      Shared<F> shared{regions_, f};
      const qn_status s =
          executor_->parallel_for(executor_->self, &Shared<F>::task, &shared, n, workers_);
      if (s != QN_OK) status_ = s;
      inside_.emplace(regions_);
      return;
    }
    for (std::uint32_t i = 0; i < n; ++i) f(i);
  }
  qn_status status() const { return status_; }

 private:
  template <class F>
  struct Shared {
    Regions& regions;
    const F& f;
    static void task(void* self, std::uint32_t i, std::uint32_t) noexcept {
      const Shared& s = *static_cast<Shared*>(self);
      const Inside inside(s.regions);
      s.f(i);
    }
  };

  Regions& regions_;
  const qn_executor* executor_;
  std::uint32_t workers_;
  std::optional<Inside> inside_;
  qn_status status_ = QN_OK;
};

}  // namespace quern::openblas
