// Tracing: the inputs of a function being transformed, and the walk over what was recorded from
// them. What is done with the recorded nodes is up to each transform.
#pragma once
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/graph/node.h"

namespace quern {

// One open transform. Its inputs stand behind nodes of their own: with the values of `in`, so that
// the function may evaluate; or as placeholders, of which only shape and dtype are known.
// Closed by the destructor; arrays that outlive it are ordinary arrays again.
class Tracing {
 public:
  static Tracing of_values(std::span<const Array> in);
  static Tracing of_placeholders(Runtime& rt, std::span<const Meta> in);
  ~Tracing() {
    if (trace_) trace_->close();
  }
  Tracing(Tracing&&) = default;
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  const ArrayList& inputs() const { return inputs_; }  // traced
  const Trace& trace() const { return *trace_; }
  bool has_values() const { return has_values_; }

 private:
  Tracing() = default;
  TraceRef trace_ = std::make_shared<Trace>();
  ArrayList inputs_;
  bool has_values_ = true;
};

// Nodes between the inputs and some outputs, each after those it reads. The outputs keep them.
struct Walked {
  std::vector<Node*> order;
  std::unordered_map<const Node*, std::size_t> index;
  // The node's place in order; -1 for arrays that no node of the trace made.
  std::ptrdiff_t find(const Array& a) const;
};
Walked walk(std::span<const Array> outputs, const Trace& trace);

}  // namespace quern
