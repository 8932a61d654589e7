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
  bool spare = false;         // nobody else sees that leaf: an output may take its memory
  bool output = false;        // goes to the caller: a buffer of its own
  int first = -1, last = -1;  // steps that touch it
  bool kept = false;          // made by a kept step
  int group = -1;             // of kept steps, where others read it
  int same_as = -1;           // written in place of another storage
  int taken_from = -1;        // an output in the memory of this leaf
  std::uint64_t at = 0;       // place in the arena, or in the group's memory
};

// Kept steps that read one another's results, in a row, and the memory for what others read.
struct Group {
  std::size_t first = 0, n_steps = 0;
  int last = 0;  // step that reads it
  std::vector<int> leaves;
  GraphKey key;
  std::uint64_t bytes = 0;
  std::uint64_t at = 0;  // place in the arena
};

struct Assignment {
  std::vector<PlannedStep> steps;
  std::vector<Storage> storages;
  std::vector<Group> groups;  // once group_kept made them
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
