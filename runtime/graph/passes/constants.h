// Which values of a graph are made of its leaves alone, by ops that only prepare operands.
#pragma once
#include <vector>

#include "runtime/graph/ir.h"

namespace quern {

// One a value: a leaf, or made of constants by an element-wise op, a view, a concatenation or
// padding; with `measured` by reductions and inner products too, as the lengths of weights are.
// Contractions are the work itself: their results are no constants.
std::vector<char> constants(const Ir& ir, bool measured);

}  // namespace quern
