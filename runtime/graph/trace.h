// Traces: which open transforms an array depends on, so that evaluation keeps the graph they still
// need. It knows nothing of what a transform does with the graph.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "runtime/core/array.h"

namespace quern {

// One transform being recorded. What depends on its inputs is marked with it; when it closes, all
// marks lose their meaning at once, also those of arrays that left through a side channel.
// Any thread.
class Trace {
 public:
  bool open() const { return open_.load(std::memory_order_acquire); }
  // Keeps the graph of a result of n that has just been computed. False when closed.
  bool keep(Node* n);
  void close() noexcept;  // lets go of everything kept; closing twice is fine

 private:
  std::atomic<bool> open_{true};
  std::mutex mutex_;
  std::vector<Node*> kept_;  // counted
};

using TraceRef = std::shared_ptr<Trace>;

// The traces that an array depends on. Immutable and shared: arrays recorded from one another
// mostly have the same.
struct TraceSet {
  std::atomic<std::uint32_t> refs{1};
  SmallVector<TraceRef, 2> traces;
  bool open() const;
  bool has(const Trace* t) const;
};

// A counted reference to a set; empty for arrays that no transform made.
class TraceSetRef {
 public:
  TraceSetRef() = default;
  explicit TraceSetRef(TraceSet* adopt) : set_(adopt) {}
  TraceSetRef(const TraceSetRef& o) : set_(o.set_) {
    if (set_) set_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  TraceSetRef(TraceSetRef&& o) noexcept : set_(std::exchange(o.set_, nullptr)) {}
  TraceSetRef& operator=(TraceSetRef o) noexcept {
    std::swap(set_, o.set_);
    return *this;
  }
  ~TraceSetRef() {
    if (set_ && set_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete set_;
  }
  const TraceSet* get() const { return set_; }
  bool open() const { return set_ && set_->open(); }

 private:
  TraceSet* set_ = nullptr;
};

// The open traces of all of `in`, and `with` (may be null). Shares a set of the inputs when it can.
TraceSetRef joined(std::span<const Array> in, const TraceRef& with = {});
bool is_traced(const Array& a);                   // by any open transform
bool depends_on(const Array& a, const Trace& t);  // recorded from one of its inputs

}  // namespace quern
