// Reverse mode over a trace: cotangents of the outputs become gradients of the inputs.
#pragma once
#include "runtime/transforms/tracing.h"

namespace quern {

// Which arrays derivatives flow through: floating ones, or integers and booleans too, in their own
// arithmetic, as in MLX.
enum class Flow { floating, all };

// Gradients of the inputs named by argnums, in their order; the gradient of an input that has no
// part in the outputs is zero. cotangents: one an output, same shape and dtype. Throws
// INVALID_ARGUMENT on inputs through which nothing flows, on cotangents that do not fit, and where
// everything flows on gradients of indices.
ArrayList pull_back(const Tracing& t, std::span<const Array> outputs,
                    std::span<const Array> cotangents, std::span<const std::uint32_t> argnums,
                    Flow flow = Flow::floating);
// One node: the gradients of those inputs with needs[i], by the op's rule or the node's own. cot:
// one an output; a null gradient is zero.
ArrayList pull_back_node(const Node& n, const ArrayList& out, const ArrayList& cot,
                         std::span<const bool> needs);
// The results of n. One that nobody holds any more is recorded anew.
ArrayList results_of(Node& n);
bool differentiable(const Array& a);
// Throws INVALID_ARGUMENT for an argument number out of range or without a dtype of the flow.
void check_argnums(const char* op, std::span<const std::uint32_t> argnums,
                   std::span<const Array> in, Flow flow = Flow::floating);

}  // namespace quern
