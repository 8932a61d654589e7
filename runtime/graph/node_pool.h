// Room for the nodes and arrays of one runtime. What is dropped is kept for the next ones, so that
// recording rarely asks the heap. It does not construct or destroy what lies in the room.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace quern {

// Any thread.
class NodePool {
 public:
  struct Room {
    void* node = nullptr;
    void* array = nullptr;
  };

  NodePool(std::size_t node_bytes, std::size_t array_bytes);
  ~NodePool();  // all room must have come back
  NodePool(const NodePool&) = delete;
  NodePool& operator=(const NodePool&) = delete;

  // Throws std::bad_alloc, then nothing is taken. `first` is set when nothing else was out.
  Room take(bool node, bool array, bool& first);
  // Members may be null. True when nothing is out any more.
  [[nodiscard]] bool give(Room room) noexcept;
  // Room for nodes handed out so far.
  std::uint64_t nodes_taken() noexcept;
  // Gives what is kept back to the heap.
  void trim() noexcept;

 private:
  struct Block {
    Block* next;
  };
  struct List {
    Block* head = nullptr;
    std::size_t bytes = 0;  // of a block
    std::size_t kept = 0;
  };
  // Held for a few instructions, never across a call: spinning is shorter than sleeping.
  class Lock;

  static void* pop(List& list) noexcept;
  static void* push(List& list, void* room) noexcept;
  bool count(bool node, bool array) noexcept;

  std::atomic<bool> busy_{false};
  List nodes_, arrays_;
  std::uint64_t out_ = 0;
  std::uint64_t nodes_taken_ = 0;
};

}  // namespace quern
