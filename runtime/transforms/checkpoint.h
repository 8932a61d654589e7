// Checkpoints: outputs whose derivatives compute again what lies before them, instead of keeping
// it.
#pragma once
#include "runtime/transforms/tracing.h"

namespace quern {

// t: of values, made of `in`. Arrays equal to outputs. Arrays of other open transforms that went
// into them get their gradients too.
ArrayList checkpointed(const Tracing& t, std::span<const Array> outputs, std::span<const Array> in);

}  // namespace quern
