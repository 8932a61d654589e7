// The recorded graph: nodes (one op applied) and the representation behind an Array.
// Structure never changes after recording, except that evaluation detaches results from their
// nodes.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "runtime/core/array.h"
#include "runtime/graph/trace.h"
#include "runtime/schema/ops.h"

namespace quern {

struct CustomRule;

// One op applied to inputs. Counted: each of its results that is not yet computed holds it.
struct Node {
  std::atomic<std::uint32_t> refs{1};
  std::uint32_t op = 0;
  std::uint32_t mark = 0;   // scratch of the collector, under the evaluation lock
  std::uint32_t index = 0;  // the same
  ArrayList in;
  AttrList attrs;
  SmallVector<ArrayRep*, 1>
      out;  // not counted; null once that result is gone. Guarded by graph_mutex(this)
  SmallVector<Meta, 1> out_meta;
  std::shared_ptr<const CustomRule> custom;  // of QN_OP_CUSTOM: how it is differentiated
  Runtime* runtime = nullptr;                // whose room this is in
};

// What a new node is made of; taken out of the caller's hands.
struct Draft {
  std::uint32_t op;
  ArrayList& in;
  AttrList& attrs;
  SmallVector<Meta, 1>& out_meta;
  TraceSetRef traces;
  std::shared_ptr<const CustomRule> custom = {};
};

struct ArrayRep {
  std::atomic<std::uint32_t> refs{1};
  DType dtype = DType::f32;
  std::uint32_t slot = 0;      // which output of node
  Runtime* runtime = nullptr;  // whose room this is in
  Shape shape;
  std::atomic<Node*> node{nullptr};  // counted; null = evaluated and detached
  std::atomic<bool> evaluated{false};
  // Nobody reaches the node, and through its link this array, but by way of this array: then a
  // count of one is the last reference and stays so. Not with more outputs or traces.
  bool private_link = true;
  TraceSetRef traces;      // transforms that read this; set before anybody else sees the array
  std::uint32_t mark = 0;  // scratch of the collector
  std::uint32_t index = 0;
  std::uint32_t uses = 0;         // references from inside the graph being collected
  ArrayRep* next_dead = nullptr;  // once there are no references
  BufferRef buffer;               // with offset and strides: valid once evaluated
  std::int64_t offset = 0;        // elements
  Strides strides;

  void* data() const {
    return static_cast<char*>(buffer->data()) + offset * static_cast<std::int64_t>(itemsize(dtype));
  }
};

// A new node and its first result, whose reference counts as one to the node. Throws
// std::bad_alloc, then the draft is as it was.
ArrayRep* make_node(Runtime& rt, Draft& draft);
// An array without shape or node. Throws std::bad_alloc.
ArrayRep* make_array(Runtime& rt);
// Back into the room of their runtime, which may go with them. Either may be null.
void destroy(Node* n, ArrayRep* r) noexcept;

void release(ArrayRep*) noexcept;  // never recursive: deep graphs are dropped one by one
void retain(Node*) noexcept;
void release(Node*) noexcept;

// A new array over memory that holds its value.
Array make_leaf(Runtime&, DType, Shape, Strides, BufferRef, std::int64_t offset = 0);
// A leaf whose contents are copied from row-major host memory.
Array from_host(Runtime&, const void* data, IntSpan shape, DType);
// Records a node as it is, without its shape rule: inputs, attributes and results must be what the
// rule would have left. Gives its results.
ArrayList append_node(Runtime&, std::uint32_t op, ArrayList in, AttrList attrs,
                      SmallVector<Meta, 1> out, std::shared_ptr<const CustomRule> custom = {});
// An array of which only shape and dtype are known. What depends on it can't be evaluated.
Array make_placeholder(Runtime&, DType, Shape, TraceSetRef traces);
// a behind a node of its own, marked with the traces.
Array make_alias(const Array& a, TraceSetRef traces);
bool is_placeholder(const ArrayRep& r);
// 1-d i64 array.
Array from_ints(Runtime&, IntSpan values);

}  // namespace quern
