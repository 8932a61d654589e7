// PlannedStep: one op with the kernel that serves it and the layouts of its operands, before memory
// and plugin plans are made; and its texts for reports.
#pragma once
#include <string>
#include <vector>

#include "runtime/graph/ir.h"
#include "runtime/host/plugin_host.h"

namespace quern {

class OpDesc;

// One way in which a value lies in memory.
struct Form {
  Layout layout;  // never `any`
  int storage = -1;
  std::int64_t offset = 0;  // elements
};

struct Operand {
  int value = -1;
  Form form;
};

struct PlannedStep {
  std::uint32_t op = 0;
  AttrList attrs;
  Program program;
  std::size_t n_op_in = 0;
  std::vector<Operand> in, out;
  std::vector<Meta> in_meta, out_meta;
  Offer offer;
  std::string rejected;
  bool kept = false;  // makes values that are kept while the leaves do not change
};

// Adds operands and program to the description of the step's op.
void describe(const PlannedStep& p, OpDesc& d);

// "conv2d+add+relu": the op with its epilogue.
std::string title(const PlannedStep& p);
// "f32(2, 3) -> f32(3)", or the layouts in the same order.
std::string operands_text(const PlannedStep& p, bool layouts);

}  // namespace quern
