// The weak links from a node to its results: how evaluation gets a strong reference or finds it
// gone.
#pragma once
#include <mutex>

#include "runtime/graph/node.h"

namespace quern {

std::mutex& link_mutex(const Node* n);  // guards n->out
bool try_retain(ArrayRep* r) noexcept;  // false when its last reference is just being dropped

}  // namespace quern
