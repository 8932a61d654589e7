// The classes of element-wise ops, and the check of a program before it is planned.
// Executes nothing: that is map.cpp.
#pragma once
#include <cstdint>
#include <string>

#include "plugins/naive/naive.h"

namespace quern::naive {

int arity(std::uint32_t op);         // 0 for a constant, -1 when op is not element-wise
bool is_float_op(std::uint32_t op);  // floating operands only
bool is_bitwise(std::uint32_t op);   // bool and integer operands only
bool is_logical(std::uint32_t op);   // operands of any dtypes, each tested for non-zero
bool gives_bool(std::uint32_t op);

// `accepts` of map.
bool accept_program(const qn_opdesc& op, std::string* why);

}  // namespace quern::naive
