// Buffer life: taken from the allocator or borrowed, and what happens at the end.
#include "runtime/core/buffer.h"

#include "runtime/core/allocator.h"

namespace quern {
namespace {
std::atomic<std::uint64_t> next_id{1};
}

Buffer::Buffer(std::shared_ptr<Allocator> allocator, std::uint64_t bytes, std::uint32_t tag)
    : allocator_(std::move(allocator)),
      data_(allocator_->allocate(bytes, tag)),
      bytes_(bytes),
      id_(next_id.fetch_add(1, std::memory_order_relaxed)),
      tag_(tag) {}

Buffer::Buffer(void* data, std::uint64_t bytes, std::function<void()> release)
    : data_(data),
      bytes_(bytes),
      id_(next_id.fetch_add(1, std::memory_order_relaxed)),
      release_(std::move(release)) {}

Buffer::~Buffer() {
  if (allocator_)
    allocator_->free(data_, bytes_, tag_);
  else if (release_)
    release_();
}

void Buffer::renew() {
  kept.clear();
  ++kept_version;
  for (std::uint64_t& mark : met) mark = 0;
  id_ = next_id.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace quern
