// Batching rules: what an op becomes when some of its inputs have one more axis, over which it is
// to be mapped. The walk over a whole function is in vmap.cpp.
#pragma once
#include "runtime/graph/node.h"

namespace quern {

// One op to map. in: mapped inputs have the batch as axis 0 in front of the op's own axes; at least
// one is mapped, size >= 1.
struct Batch {
  const Node& n;
  const OpInfo& op;
  std::int64_t size;
  ArrayList in;
  SmallVector<bool, 4> mapped;

  // Input i with the batch in front, repeated when it has none.
  Array with_batch(std::size_t i) const;
  const Shape& shape(std::size_t i) const { return n.in[i].shape(); }  // of one example
  const Shape& out_shape() const { return n.out_meta[0].shape; }       // of one example
  // The op recorded on other inputs and attributes.
  Array again(ArrayList inputs, AttrList attrs) const;
};

// Records the mapped op; the results have the batch as axis 0. An op without a rule is recorded for
// one example after another.
ArrayList batch_node(const Batch& b);

using BatchRule = Array (*)(const Batch&);
BatchRule contraction_rule(std::uint32_t op);  // matmul, convolutions, pools, norms; null = another

Array moved_axis(const Array& x, std::int64_t from, std::int64_t to);
Array with_shape(const Array& x, std::int64_t first, IntSpan rest);  // reshaped to (first, rest..)

}  // namespace quern
