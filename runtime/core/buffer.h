// Buffer: counted host memory behind arrays, from the runtime's allocator or borrowed with a
// release call.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

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

  // A constant rewritten into a kernel's layout; it hangs here and dies with the source.
  struct Pack {
    std::string key;
    std::int64_t offset = 0;  // of the array on the source, elements
    std::shared_ptr<Buffer> packed;
    std::unique_ptr<Pack> next;
  };
  std::unique_ptr<Pack> packs;          // guarded by the runtime's evaluation lock
  std::uint64_t last_packing_plan = 0;  // the same

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
