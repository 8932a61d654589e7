// Forward mode over a trace: tangents of the inputs become tangents of the outputs.
#pragma once
#include "runtime/transforms/tracing.h"

namespace quern {

// tangents: one for each input that argnums names, of its shape and dtype; all other inputs are
// constant. The result has one for each output, zeros where nothing flows. Throws INVALID_ARGUMENT
// on inputs without a floating dtype and on tangents that do not fit.
ArrayList push_forward(const Tracing& t, std::span<const Array> outputs,
                       std::span<const Array> tangents, std::span<const std::uint32_t> argnums);

}  // namespace quern
