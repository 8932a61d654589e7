// The header of a safetensors file: parsing and checking. It reads no files.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
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

// Entries in the order of their data. Throws DATA_LOSS (UNIMPLEMENTED for an unknown dtype), naming
// `path`, unless the data of all entries fill `data_bytes` exactly.
std::vector<TensorEntry> parse_safetensors_header(const std::string& path, std::string_view json,
                                                  std::uint64_t data_bytes);

std::string_view safetensors_dtype(DType t);  // "F32"

}  // namespace quern
