// The kth smallest of many keys, and the places of all on either side of it.
#pragma once
#include <cstdint>

namespace quern::simd {

constexpr std::int64_t kSelectPad = 64;  // keys that loops may write behind what they store

struct SelectOps {
  // Two copies of the keys of f32: integers of the same order, NaN largest, -0 as 0.
  void (*keys_of_f32)(const void* x, std::int64_t n, std::int32_t* keys, std::int32_t* copy);
  // The element of `rank` among n keys; the keys are lost. room: n + kSelectPad keys.
  std::int32_t (*kth32)(std::int32_t* keys, std::int64_t n, std::int64_t rank, std::int32_t* room);
  std::int64_t (*kth64)(std::int64_t* keys, std::int64_t n, std::int64_t rank, std::int64_t* room);
  // The places of keys below `key`, then of those equal to it, then of the rest, each in order.
  // y has room for n; n < 2^31.
  void (*around32)(const std::int32_t* keys, std::int64_t n, std::int32_t key, std::uint32_t* y);
  void (*around64)(const std::int64_t* keys, std::int64_t n, std::int64_t key, std::uint32_t* y);
  // How many keys are below `key`.
  std::int64_t (*below32)(const std::int32_t* keys, std::int64_t n, std::int32_t key);
  std::int64_t (*below64)(const std::int64_t* keys, std::int64_t n, std::int64_t key);
  // Copies the keys from low to high, both included, to y; gives how many. Writes nothing behind.
  std::int64_t (*copy32)(const std::int32_t* keys, std::int64_t n, std::int32_t low,
                         std::int32_t high, std::int32_t* y);
  std::int64_t (*copy64)(const std::int64_t* keys, std::int64_t n, std::int64_t low,
                         std::int64_t high, std::int64_t* y);
};

SelectOps select_ops();

// Whether this CPU has any of the instruction sets: Highway's sorter ends the process without one.
bool has_vectors();

}  // namespace quern::simd
