// Two free lists under one short lock. Their length is bounded, so a single large graph does not
// keep its memory for ever.
#include "runtime/graph/node_pool.h"

#include <new>
#include <thread>
#include <utility>

namespace quern {
namespace {

// Sanitizers see a use of what was dropped only when it goes back to the heap.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kKept = 0;
#else
constexpr std::size_t kKept = 8192;  // of each kind: about 4 MiB together
#endif

}  // namespace

class NodePool::Lock {
 public:
  explicit Lock(std::atomic<bool>& busy) noexcept : busy_(busy) {
    for (int tries = 0; busy_.exchange(true, std::memory_order_acquire); ++tries)
      if (tries >= 64) std::this_thread::yield();
  }
  ~Lock() { busy_.store(false, std::memory_order_release); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  std::atomic<bool>& busy_;
};

NodePool::NodePool(std::size_t node_bytes, std::size_t array_bytes) {
  nodes_.bytes = node_bytes;
  arrays_.bytes = array_bytes;
}

NodePool::~NodePool() { trim(); }

void* NodePool::pop(List& list) noexcept {
  Block* b = list.head;
  if (!b) return nullptr;
  list.head = b->next;
  --list.kept;
  return b;
}

// The room when the list is full.
void* NodePool::push(List& list, void* room) noexcept {
  if (!room || list.kept == kKept) return room;
  list.head = new (room) Block{list.head};
  ++list.kept;
  return nullptr;
}

// Under the lock. True when nothing else is out.
bool NodePool::count(bool node, bool array) noexcept {
  const bool first = out_ == 0;
  out_ += std::uint64_t{node} + std::uint64_t{array};
  nodes_taken_ += node;
  return first;
}

NodePool::Room NodePool::take(bool node, bool array, bool& first) {
  Room r;
  {
    Lock lock(busy_);
    if (node) r.node = pop(nodes_);
    if (array) r.array = pop(arrays_);
    if (node == (r.node != nullptr) && array == (r.array != nullptr)) {
      first = count(node, array);
      return r;
    }
  }
  try {
    if (node && !r.node) r.node = ::operator new(nodes_.bytes);
    if (array && !r.array) r.array = ::operator new(arrays_.bytes);
  } catch (...) {
    ::operator delete(r.node);
    ::operator delete(r.array);
    throw;
  }
  Lock lock(busy_);
  first = count(node, array);
  return r;
}

bool NodePool::give(Room room) noexcept {
  bool last = false;
  {
    Lock lock(busy_);
    out_ -= std::uint64_t{room.node != nullptr} + std::uint64_t{room.array != nullptr};
    last = out_ == 0;
    room.node = push(nodes_, room.node);
    room.array = push(arrays_, room.array);
  }
  ::operator delete(room.node);
  ::operator delete(room.array);
  return last;
}

std::uint64_t NodePool::nodes_taken() noexcept {
  Lock lock(busy_);
  return nodes_taken_;
}

void NodePool::trim() noexcept {
  Block* chains[2];
  {
    Lock lock(busy_);
    chains[0] = std::exchange(nodes_.head, nullptr);
    chains[1] = std::exchange(arrays_.head, nullptr);
    nodes_.kept = arrays_.kept = 0;
  }
  for (Block* b : chains)
    while (b) ::operator delete(std::exchange(b, b->next));
}

}  // namespace quern
