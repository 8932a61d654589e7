// What take and scatter share: index conversion, the axes of take.
// Reads no memory.
#pragma once
#include <cstdint>
#include <limits>

#include "plugins/naive/naive.h"

namespace quern::naive {

inline bool accept_indices(const qn_opdesc& op, std::string* why) {
  if (!is_integer(op.in[1].dtype))
    *why = "indices must be integers";
  else if (op.in[0].ndim == 0)
    *why = "x has no axes";
  else if (op.in[0].ndim + op.in[1].ndim > kMaxDims + 1)
    *why = "x and indices have too many axes together";
  return why->empty();
}

// An u64 index beyond i64 is as far out of range as the largest i64.
template <typename I>
std::int64_t to_index(I i) {
  if constexpr (std::is_same_v<I, std::uint64_t>) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(i < most ? i : most);
  } else {
    return i;
  }
}

inline std::size_t normal_axis(std::int64_t axis, std::size_t ndim) {
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(ndim) : axis);
}

// The shape x.shape[:axis] + indices.shape + x.shape[axis + 1:] of take's result and scatter_add's
// updates, with the strides that walk x (standing still while the indices move) and indices along
// it.
struct TakeAxes {
  std::array<std::int64_t, kMaxDims> shape{};
  Strides x{}, indices{};
  std::size_t n = 0;

  TakeAxes(const Operand& source, const Operand& index, std::size_t axis) {
    for (std::size_t i = 0; i < source.ndim(); ++i) {
      if (i != axis) {
        shape[n] = source.shape[i];
        x[n++] = source.strides[i];
        continue;
      }
      for (std::size_t k = 0; k < index.ndim(); ++k) {
        shape[n] = index.shape[k];
        indices[n++] = index.strides[k];
      }
    }
  }
};

}  // namespace quern::naive
