// Numbers as integers of the same order, and the plan for lines that several threads sort together.
// Not here: plans for many lines (sort.cpp).
#pragma once
#include <type_traits>

#include "plugins/simd/common.h"

namespace quern::simd {

// The signed integer of so many bytes.
template <std::size_t Bytes>
using SignedOf = std::conditional_t<
    Bytes == 1, std::int8_t,
    std::conditional_t<Bytes == 2, std::int16_t,
                       std::conditional_t<Bytes == 4, std::int32_t, std::int64_t>>>;

// A dtype as its bits: how they become a signed integer of the same order, and back.
template <std::size_t Bytes, bool Float, bool Unsigned>
struct Order {
  using Key = SignedOf<Bytes>;
  using Bits = std::make_unsigned_t<Key>;
  static constexpr bool kFloat = Float;
  static constexpr int kTop = static_cast<int>(Bytes) * 8 - 1;
  static constexpr Bits kRest = static_cast<Bits>(~(Bits{1} << kTop));

  static Key flip(Bits b) {  // its own inverse
    if (Float) return static_cast<Key>(b >> kTop ? b ^ kRest : b);
    return static_cast<Key>(Unsigned ? b ^ static_cast<Bits>(Bits{1} << kTop) : b);
  }
  // NaN becomes the largest key; -0 comes right before 0.
  static Key key(Bits b, Bits infinity) {
    if (Float && (b & kRest) > infinity) return static_cast<Key>(kRest);
    return flip(b);
  }
  static Bits back(Key k) { return static_cast<Bits>(flip(static_cast<Bits>(k))); }
};

// Bits above those of infinity are NaN.
inline std::uint64_t infinity_bits(qn_dtype t) {
  switch (t) {
    case QN_F16:
      return 0x7c00;
    case QN_BF16:
      return 0x7f80;
    case QN_F32:
      return 0x7f800000;
    default:
      return 0x7ff0000000000000;
  }
}

template <typename O>
typename O::Bits unsigned_zero(typename O::Bits b, typename O::Bits infinity) {
  return infinity && b == static_cast<typename O::Bits>(~O::kRest) ? 0 : b;  // -0 equals 0
}

// Is this sort or argsort of lines few and long enough to be shared out within a line?
bool sorts_together(const qn_opdesc& op, std::int64_t lines, std::int64_t n);
// Bytes for one run.
std::uint64_t together_bytes(const qn_opdesc& op, std::int64_t n);
std::unique_ptr<Plan> plan_together(const qn_opdesc& op, std::int64_t lines, std::int64_t n,
                                    qn_plan_info& info);

}  // namespace quern::simd
