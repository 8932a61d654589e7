// Collecting: from arrays that are wanted to the nodes under them, the leaves, and the exact key of
// the graph. Under the runtime's lock; it computes nothing.
#pragma once
#include "runtime/graph/ir.h"
#include "runtime/graph/node.h"

namespace quern {

// Room in place for the graphs of one op or a few: evaluating those asks the heap for nothing here.
struct Collected {
  SmallVector<Node*, 16> nodes;  // topological order; kept alive by the wanted arrays
  SmallVector<Array, 8> leaves;
  struct Held {
    Array array;  // strong
    std::uint32_t node;
  };
  SmallVector<Held, 4> held;  // results that somebody outside this graph can still see
  // Leaves that nobody outside this graph can see, and whose memory an update of them may take.
  SmallVector<std::uint32_t, 4> spare;
  GraphKey key;
  Ir ir() const;
};

// Appends the words of attributes and texts to a key.
void add_attrs(const AttrList& attrs, GraphKey& key);
void add_text(std::string_view text, GraphKey& key);

// Results held by anybody count; throws FAILED_PRECONDITION when a value depends on a placeholder.
Collected collect(std::span<const Array> wanted);
// For a function: placeholders are leaves, and nothing but `wanted` counts as held.
Collected collect_function(std::span<const Array> wanted);

}  // namespace quern
