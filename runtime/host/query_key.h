// The bytes that say all a plugin is told in a query, to remember its answer by.
#pragma once
#include <string>

#include "quern/kernel.h"

namespace quern {

// Equal for two descriptions exactly when plugins can't tell them apart.
std::string query_key(const qn_opdesc& op);

// 32 hex digits, the same in every process: of all that is told but the values of floating-point
// attributes and constants, on which no speed depends.
std::string query_digest(const qn_opdesc& op);

}  // namespace quern
