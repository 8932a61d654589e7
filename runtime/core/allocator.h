// Allocator: the embedder's or the built-in memory, behind a cache of free blocks, a limit and
// counters. Thread-safe. It does not know what the memory is for beyond a tag.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "quern/base.h"

namespace quern {

class Allocator {
 public:
  // hooks null = built in. limit 0 = none.
  Allocator(const qn_allocator* hooks, std::uint64_t limit);
  ~Allocator();
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  // 64-byte aligned (4096 from 1 MiB on). Throws RESOURCE_EXHAUSTED naming size and limit.
  void* allocate(std::uint64_t bytes, std::uint32_t tag);
  void free(void* p, std::uint64_t bytes, std::uint32_t tag) noexcept;
  void clear_cache() noexcept;
  void reset_peak() noexcept;

  struct Counters {
    std::uint64_t active, cached, peak, limit, allocations;
  };
  Counters counters() const;
  // Another one over the same memory, without a limit, counted by itself.
  std::shared_ptr<Allocator> beside() const;
  static std::uint64_t rounded(std::uint64_t bytes);  // the size class a request falls into

 private:
  void* raw_allocate(std::uint64_t bytes, std::uint32_t tag) noexcept;
  void raw_free(void* p, std::uint64_t bytes, std::uint32_t tag) noexcept;
  qn_allocator hooks_{};
  bool custom_ = false;
  const std::uint64_t limit_;
  mutable std::mutex mutex_;
  struct Block {
    void* p;
    std::uint64_t bytes;
    std::uint32_t tag;
  };
  static constexpr std::size_t kClasses = 424;  // all sizes up to 2^60
  static std::size_t size_class(std::uint64_t rounded);
  std::array<std::vector<Block>, kClasses> free_;  // all of a class have the same rounded size
  std::uint64_t active_ = 0, cached_ = 0, peak_ = 0, allocations_ = 0;
};

}  // namespace quern
