// Element types: the runtime's compact enum, its DLPack code on the ABI, names and promotion.
#pragma once
#include <cstdint>
#include <string_view>

#include "quern/base.h"

namespace quern {

enum class DType : std::uint8_t {
  boolean,
  u8,
  u16,
  u32,
  u64,
  i8,
  i16,
  i32,
  i64,
  f16,
  bf16,
  f32,
  f64,
  c64
};

std::uint32_t itemsize(DType t);  // bytes
std::string_view name(DType t);   // "f32", as in rules and errors
qn_dtype to_abi(DType t);
DType from_abi(qn_dtype t);  // throws INVALID_ARGUMENT on an unknown code
bool is_float(DType t);      // f16, bf16, f32, f64
bool is_integer(DType t);    // signed or unsigned, not bool
bool is_signed_integer(DType t);
bool is_complex(DType t);
DType promote(DType a, DType b);  // MLX's table
DType float_of(DType t);          // t if it is floating or complex, else f32
DType real_of(DType t);           // of the parts: f32 for c64, else t

}  // namespace quern
