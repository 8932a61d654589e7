// One tile of attention: up to kQueries queries of one head against all keys, in f32.
#pragma once
#include <cstdint>

namespace quern::simd {

inline constexpr std::int64_t kQueries = 64;  // of a tile, at most; a multiple of kLanes
inline constexpr std::int64_t kKeys = 64;     // seen at once
inline constexpr std::int64_t kLanes = 16;    // queries in scratch are padded to a multiple of this
// So few queries leave most lanes empty when a lane is a query: a lane is a number of a row then.
inline constexpr std::int64_t kFew = 4;

struct AttentionTile {
  const float *q, *k, *v;                   // first query, first key, first value
  float* y;                                 // first result
  std::int64_t q_row, k_row, v_row, y_row;  // floats between rows, whose numbers are contiguous
  std::int64_t queries, keys, width, out_width;
  std::int64_t visible;              // last key the first query sees; keys or more: all see all
  const void* mask;                  // of the first query and key
  std::int64_t mask_row, mask_step;  // elements between queries, between keys
  bool truth;                        // the mask holds bytes, zero hides; else f32, added
  float scale;
  float* scratch;  // attention_scratch() floats
};

inline std::int64_t padded(std::int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

// Floats of scratch: queries turned, results turned, scores, and two numbers a query.
inline std::int64_t attention_scratch(std::int64_t width, std::int64_t out_width) {
  return kQueries * (width + out_width + kKeys + 2);
}

using AttendFn = void (*)(const AttentionTile&);
AttendFn attend();
AttendFn attend_few();  // at most kFew queries

}  // namespace quern::simd
