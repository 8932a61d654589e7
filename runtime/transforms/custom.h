// Outputs with a gradient of the caller's making: functions that take the place of the rules of
// ops. The values themselves are computed by ordinary nodes.
#pragma once
#include "runtime/transforms/function.h"

namespace quern {

// With n inputs and m values. Any member but one may be null: what is missing follows from the
// others, or from the values' own graph when vjp and jvp are both null.
struct CustomRule {
  FunctionRef vjp;   // (in.., values.., cotangents of the values..) -> a gradient for each input
  FunctionRef jvp;   // (in.., values.., tangents of the inputs..) -> tangents of the values
  FunctionRef vmap;  // (in.., each with the batch as axis 0) -> values, the same
};

// Arrays equal to values, whose derivatives with respect to `in` come from the rule; nothing flows
// through the values. Throws INVALID_ARGUMENT when the counts of the rule's functions differ.
ArrayList custom_gradient(std::span<const Array> in, std::span<const Array> values,
                          std::shared_ptr<const CustomRule> rule);

}  // namespace quern
