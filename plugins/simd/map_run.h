// Runs a compiled element-wise program.
#pragma once
#include "plugins/simd/map_program.h"

namespace quern::simd {

// Elements lo .. hi in the output's memory order; scratch holds code.scratch_bytes().
void run_map(const MapCode& code, const qn_buffer* in, const qn_buffer* out, std::int64_t lo,
             std::int64_t hi, void* scratch) noexcept;

}  // namespace quern::simd
