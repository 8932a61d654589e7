// Whether a candidate that a plugin offers can be used at all. Does not rank candidates.
#pragma once
#include <string>

#include "quern/kernel.h"

namespace quern {

// Why the candidate is turned down; "" = it is sound. Reads only what c's struct_size covers.
std::string offer_fault(const qn_candidate& c, const qn_opdesc& op, const qn_kernel_plugin& plugin);

// True for strides that number each element of the shape once and leave no gap: what a storage of
// exactly the array's size holds.
bool fills_exactly(const std::int64_t* shape, const std::int64_t* strides, std::size_t ndim);

}  // namespace quern
