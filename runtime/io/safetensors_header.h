// The header of a safetensors file: parsing and checking. It reads no files.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/core/dtype.h"
#include "runtime/core/shape.h"

namespace quern {

struct TensorEntry {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  std::uint64_t begin = 0, end = 0;  // bytes, from the end of the header
};

using Metadata = std::vector<std::pair<std::string, std::string>>;  // in file order

struct SafetensorsHeader {
  std::vector<TensorEntry> entries;  // in the order of their data
  Metadata metadata;
};

// Throws DATA_LOSS (UNIMPLEMENTED for an unknown dtype), the text beginning with `where`, unless
// the data of all entries fill `data_bytes` exactly.
SafetensorsHeader parse_safetensors_header(const std::string& where, std::string_view json,
                                           std::uint64_t data_bytes);

std::string_view safetensors_dtype(DType t);  // "F32"

}  // namespace quern
