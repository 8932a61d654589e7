// Collecting: from arrays that are wanted to the nodes under them, the leaves, and the exact key of
// the graph. Under the runtime's lock; it computes nothing.
#pragma once
#include <vector>

#include "runtime/graph/ir.h"
#include "runtime/graph/node.h"

namespace quern {

struct Collected {
  std::vector<Node*> nodes;  // topological order; kept alive by the wanted arrays
  std::vector<Array> leaves;
  struct Held {
    Array array;  // strong
    std::uint32_t node;
  };
  std::vector<Held> held;  // results that somebody outside this graph can still see
  std::vector<std::uint64_t> key;
  Ir ir() const;
};

// Results held by anybody count; throws FAILED_PRECONDITION when a value depends on a placeholder.
Collected collect(std::span<const Array> wanted);
// For a function: placeholders are leaves, and nothing but `wanted` counts as held.
Collected collect_function(std::span<const Array> wanted);

}  // namespace quern
