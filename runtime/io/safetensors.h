// Reading and writing safetensors files. Readers check everything before the first array is made.
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/core/array.h"

namespace quern {

// Evaluates the arrays and writes them, row-major, to a temporary file beside path, synced and
// renamed over it.
void save_safetensors(const std::string& path,
                      std::span<const std::pair<std::string, Array>> arrays);
std::vector<std::pair<std::string, Array>> load_safetensors(Runtime&, const std::string& path);

}  // namespace quern
