// npz archives: named arrays, each an npy file in a zip archive.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "runtime/io/named_arrays.h"

namespace quern {

// Evaluates the arrays and writes them in the order given; see OutputFile.
void save_npz(const std::string& path, std::span<const NamedArray> arrays, bool deflate);
// In file order, names without ".npy". Members that are not npy files are left out.
std::vector<NamedArray> load_npz(Runtime&, const std::string& path);

}  // namespace quern
