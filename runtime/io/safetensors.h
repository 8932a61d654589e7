// Reading and writing safetensors files. Readers check everything before the first array is made.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "runtime/io/named_arrays.h"
#include "runtime/io/safetensors_header.h"

namespace quern {

// Evaluates the arrays and writes them, row-major, with the metadata; see OutputFile.
void save_safetensors(const std::string& path, std::span<const NamedArray> arrays,
                      const Metadata& metadata);
// In file order.
std::vector<NamedArray> load_safetensors(Runtime&, const std::string& path);
// Checks the whole header, reads no data.
Metadata load_safetensors_metadata(const std::string& path);

}  // namespace quern
