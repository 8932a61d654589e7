// Memory: reuse in place, then one arena with places by liveness.
#pragma once
#include "runtime/graph/assign.h"

namespace quern {

// One more interval that lives in the arena during a single step (workspace, scratch).
struct Scratch {
  int step = 0;
  std::uint64_t bytes = 0;
  std::uint64_t at = 0;
};

// Sets Storage::first, last, same_as and at; and Scratch::at. Returns the arena's size.
std::uint64_t place_memory(Assignment& a, std::vector<Scratch>& scratch);

}  // namespace quern
