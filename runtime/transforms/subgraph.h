// A function as the graph it recorded: from placeholders to outputs, to be recorded again on other
// inputs or replayed as a plan. It runs no callback any more.
#pragma once
#include "runtime/transforms/function.h"
#include "runtime/transforms/tracing.h"

namespace quern {

struct Subgraph {
  ArrayList inputs;   // placeholders
  ArrayList outputs;  // keep the nodes
  std::vector<Node*> order;
  std::vector<Array> captured;  // arrays from outside that it reads, each once
};

// What was recorded between the inputs of t and outputs. A trace of values is copied, so that
// nothing keeps its intermediate results.
Subgraph cut(const Tracing& t, std::span<const Array> outputs);
// The same nodes once more, reading `in` (same shapes and dtypes) instead of the placeholders.
ArrayList record_again(const Subgraph& g, std::span<const Array> in);
// As a function. Ordinary arrays replay a plan; traced ones are recorded again, so that other
// transforms can see inside. Captured arrays keep their values.
std::shared_ptr<Function> replayed(Runtime& rt, Subgraph g);

}  // namespace quern
