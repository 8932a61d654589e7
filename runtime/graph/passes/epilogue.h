// Cutting epilogues: a kernel takes the first instructions of an op's program, or none; a map of
// its own does the rest. How much a kernel takes is in its offer.
#pragma once
#include "runtime/graph/planned_step.h"

namespace quern {

// Why the program can't be cut where the offer ends, or null.
const char* cut_fault(const IrOp& op, const Offer& o);

// Leaves the step that part of the op's program that its offer takes. True when something is left
// to be done; then *root, before that what the op gives, is what the step gives.
bool take_epilogue(const IrOp& op, PlannedStep& s, Meta* root);

// The map that does what follows the first `taken` instructions of the op's program, reading the
// value `root`.
IrOp rest_of_epilogue(const IrOp& op, std::size_t taken, int root, DType dtype);

}  // namespace quern
