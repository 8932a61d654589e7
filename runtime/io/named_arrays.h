// What the formats that hold several arrays share: the list, its checks before writing, and the
// bytes of an array in row-major order.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/array.h"

namespace quern {

using NamedArray = std::pair<std::string, Array>;

// Throws INVALID_ARGUMENT unless the names are different and valid UTF-8; then evaluates the
// arrays, which are of one runtime, together.
void prepare_to_save(const char* format, std::span<const NamedArray> arrays);

// Evaluated array: calls use(data, bytes) with its elements in row-major order, once (not at all
// for no elements). Copies when the strides are others.
void with_dense_bytes(const Array& array,
                      const std::function<void(const void*, std::uint64_t)>& use);

// Bytes of BOOL arrays become 0 or 1: kernels rely on it, files need not.
void normalize_booleans(void* data, std::uint64_t n);

}  // namespace quern
