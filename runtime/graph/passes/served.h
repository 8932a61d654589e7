// What passes ask that rewrite ops: which plugins serve an op as it stands.
#pragma once
#include <string>

#include "runtime/graph/ir.h"

namespace quern {

inline bool is_half(DType t) { return t == DType::f16 || t == DType::bf16; }
inline DType widened(DType t) { return is_half(t) ? DType::f32 : t; }

// Does any plugin but naive offer the op on row-major arrays, as it is or with its halves in f32?
bool served(Runtime& rt, const Ir& ir, const IrOp& op, bool in_f32);
// Does one offer a kernel that `choice` of a rule means, as it is or with its halves in f32?
bool served_by(Runtime& rt, const Ir& ir, const IrOp& op, const std::string& choice);

}  // namespace quern
