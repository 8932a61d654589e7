// Life of arrays and nodes. Evaluation is elsewhere (eval.cpp).
#include "runtime/graph/node.h"

#include <array>
#include <cstring>
#include <utility>

#include "runtime/graph/links.h"
#include "runtime/host/runtime.h"

namespace quern {

std::mutex& link_mutex(const Node* n) {
  static std::array<std::mutex, 64> stripes;
  return stripes[(reinterpret_cast<std::uintptr_t>(n) >> 6) % stripes.size()];
}

void retain(Node* n) noexcept { n->refs.fetch_add(1, std::memory_order_relaxed); }

ArrayRep* make_node(Runtime& rt, Draft& d) {
  bool first = false;
  const NodePool::Room room = rt.nodes().take(true, true, first);
  if (first) rt.retain();
  Node* n = new (room.node) Node{.op = d.op,
                                 .in = std::move(d.in),
                                 .attrs = std::move(d.attrs),
                                 .out_meta = std::move(d.out_meta),
                                 .custom = std::move(d.custom),
                                 .runtime = &rt};
  return new (room.array) ArrayRep{.dtype = n->out_meta[0].dtype,
                                   .runtime = &rt,
                                   .node = n,
                                   .private_link = n->out_meta.size() == 1 && !d.traces.get(),
                                   .traces = std::move(d.traces)};
}

ArrayRep* make_array(Runtime& rt) {
  bool first = false;
  const NodePool::Room room = rt.nodes().take(false, true, first);
  if (first) rt.retain();
  auto* made = new (room.array) ArrayRep;
  made->runtime = &rt;
  return made;
}

void destroy(Node* n, ArrayRep* r) noexcept {
  if (!n && !r) return;
  Runtime* rt = n ? n->runtime : r->runtime;
  if (n) n->~Node();
  if (r) r->~ArrayRep();
  if (rt->nodes().give({n, r})) rt->release();
}

namespace {

// Arrays without references, still to be dismantled; linked through themselves, because letting go
// must not need memory.
using Dead = ArrayRep*;

void drop(ArrayRep* r, Dead& dead) {
  if (!r) return;
  const bool last = r->private_link && r->refs.load(std::memory_order_acquire) == 1;
  if (!last && r->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  r->next_dead = dead;
  dead = r;
}

// Drops one reference; when it was the last, those to the node's inputs go too. True when the node
// is to be destroyed.
bool drop(Node* n, Dead& dead) {
  if (n->refs.load(std::memory_order_acquire) != 1 &&
      n->refs.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return false;
  for (Array& a : n->in) drop(a.release(), dead);
  return true;
}

void dismantle(Dead dead) {
  while (dead) {
    ArrayRep* r = std::exchange(dead, dead->next_dead);
    Node* n = r->node.load(std::memory_order_relaxed);
    if (n) {
      if (n->refs.load(std::memory_order_acquire) != 1) {
        std::lock_guard lock(link_mutex(n));
        n->out[r->slot] = nullptr;
      }
      if (!drop(n, dead)) n = nullptr;
    }
    destroy(n, r);
  }
}

}  // namespace

void release(ArrayRep* r) noexcept {
  Dead dead = nullptr;
  drop(r, dead);
  dismantle(dead);
}

void release(Node* n) noexcept {
  Dead dead = nullptr;
  if (drop(n, dead)) destroy(n, nullptr);
  dismantle(dead);
}

bool try_retain(ArrayRep* r) noexcept {
  std::uint32_t n = r->refs.load(std::memory_order_relaxed);
  while (n && !r->refs.compare_exchange_weak(n, n + 1, std::memory_order_acquire)) {
  }
  return n != 0;
}

Array::Array(const Array& o) : rep_(o.rep_) {
  if (rep_) rep_->refs.fetch_add(1, std::memory_order_relaxed);
}
Array::~Array() {
  if (rep_) quern::release(rep_);
}
const Shape& Array::shape() const { return rep_->shape; }
DType Array::dtype() const { return rep_->dtype; }
std::int64_t Array::dim(int axis) const {
  const int n = static_cast<int>(rep_->shape.size());
  return rep_->shape[static_cast<std::size_t>(axis < 0 ? axis + n : axis)];
}
std::int64_t Array::size() const { return element_count(rep_->shape); }
Runtime& Array::runtime() const { return *rep_->runtime; }

Array make_leaf(Runtime& rt, DType dtype, Shape shape, Strides strides, BufferRef buffer,
                std::int64_t offset) {
  ArrayRep* r = make_array(rt);
  r->dtype = dtype;
  r->shape = std::move(shape);
  r->strides = std::move(strides);
  r->buffer = std::move(buffer);
  r->offset = offset;
  r->evaluated.store(true, std::memory_order_release);
  return Array(r);
}

Array from_host(Runtime& rt, const void* data, IntSpan shape, DType dtype) {
  const std::uint64_t bytes = static_cast<std::uint64_t>(element_count(shape)) * itemsize(dtype);
  auto buffer = std::make_shared<Buffer>(rt.allocator(), bytes, QN_TAG_ARRAY);
  if (bytes) std::memcpy(buffer->data(), data, bytes);
  return make_leaf(rt, dtype, Shape(shape.begin(), shape.end()), dense_strides(shape), buffer);
}

Array from_ints(Runtime& rt, IntSpan values) {
  const std::int64_t n = static_cast<std::int64_t>(values.size());
  return from_host(rt, values.data(), {&n, 1}, DType::i64);
}

}  // namespace quern
