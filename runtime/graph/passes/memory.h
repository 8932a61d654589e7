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

struct ArenaSize {
  std::uint64_t bytes = 0;       // of all
  std::uint64_t kept_bytes = 0;  // when every kept value is at hand
};

// Sets Storage::first, last, same_as, taken_from and at; and Scratch::at. `sources_stay`: what
// relayouts read stays in place until their results are no longer needed, as verify mode wants it.
ArenaSize place_memory(Assignment& a, std::vector<Scratch>& scratch, bool sources_stay);

// passes/keep.cpp: puts kept steps into groups, and these in front of their first readers. With
// `plain_only` no group is left but relayouts of leaves.
void group_kept(Assignment& a, bool plain_only);

}  // namespace quern
