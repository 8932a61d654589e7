// Buffer: counted host memory behind arrays, from the runtime's allocator or borrowed with a
// release call.
#pragma once
#include <atomic>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <memory>
#include <vector>

namespace quern {

class Allocator;

class Buffer {
 public:
  // Owned: `bytes` from the allocator (64-byte aligned). Throws RESOURCE_EXHAUSTED.
  Buffer(std::shared_ptr<Allocator> allocator, std::uint64_t bytes, std::uint32_t tag);
  // Borrowed: released by the call, on the thread that drops the last reference.
  Buffer(void* data, std::uint64_t bytes, std::function<void()> release);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() const { return data_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t id() const { return id_; }  // unique in the process
  bool owned() const { return allocator_ != nullptr; }

  // Which value an array has, without looking at it: its buffer and place there, or of a single
  // element the bytes.
  struct Origin {
    std::uint64_t word[2] = {0, 0};
    bool operator==(const Origin&) const = default;
  };
  // Values made of this buffer and others, kept while it lives: constants rewritten for kernels.
  struct Kept {
    std::vector<std::uint64_t> key;  // how they are made
    std::vector<Origin> origins;     // of what
    std::shared_ptr<Buffer> value;
  };
  // All guarded by the runtime's evaluation lock.
  std::forward_list<Kept> kept;
  std::uint64_t kept_version = 0;  // changes whenever an element of `kept` goes
  std::uint64_t met[4] = {};       // marks of what was last made of it without being kept
  // The contents are about to change: from now on it counts as another buffer.
  void renew();

 private:
  std::shared_ptr<Allocator> allocator_;
  void* data_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint64_t id_;
  std::uint32_t tag_ = 0;
  std::function<void()> release_;
};

using BufferRef = std::shared_ptr<Buffer>;

}  // namespace quern
