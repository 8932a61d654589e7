// Assignment: which kernel serves each op, in which layouts, with relayouts where forms do not
// meet. It calls only the plugins' query; plans and memory come after (plan_build.cpp,
// passes/memory.cpp).
#pragma once
#include <vector>

#include "runtime/graph/planned_step.h"
#include "runtime/graph/question.h"

namespace quern {

class Runtime;

// A piece of memory that steps write or read.
struct Storage {
  std::uint64_t bytes = 0;
  int leaf = -1;              // the leaf's own memory
  bool output = false;        // goes to the caller: a buffer of its own
  int first = -1, last = -1;  // steps that touch it
  int pack = -1;              // number of a cached relayout of a leaf
  int same_as = -1;           // written in place of another storage
  std::uint64_t at = 0;       // place in the arena
};

struct Assignment {
  std::vector<PlannedStep> steps;
  std::vector<Storage> storages;
  std::vector<Form> results;
  double est_ns = 0;
  std::vector<Question> questions;  // to be measured in the background
};

// How the walk weighs opaque layouts; make_plan tries each and keeps the cheapest whole.
enum class LayoutPolicy { ANY, STRIDED_ONLY };

Assignment assign(Runtime& rt, const Ir& ir, std::span<const Array> leaves, LayoutPolicy policy);

// The candidates for one op as they stand (explain): what assign would see and which it would take
// (-1 = none).
struct Explained {
  Answer answer;
  int chosen = -1;
};
Explained explain(Runtime& rt, const Ir& ir, std::span<const Array> leaves);

}  // namespace quern
