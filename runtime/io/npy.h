// The npy format: one array. Reading and writing, from files and as members of an npz archive.
// Formats 1.0 to 3.0; objects and records are not arrays of numbers and are refused.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/core/array.h"

namespace quern {

// Gives the next `bytes` bytes, or throws.
using ReadFn = std::function<void(void* to, std::uint64_t bytes)>;

// An array from `size` bytes that `read` gives in order. The header is checked against `size`
// before memory is taken for the data; bytes behind the data are left unread, as NumPy does.
// Errors begin with `where`: DATA_LOSS, UNIMPLEMENTED for a dtype that arrays cannot have.
Array read_npy(Runtime&, const std::string& where, std::uint64_t size, const ReadFn& read);

// The bytes before the data of a row-major array: magic, length, header; a multiple of 64.
std::string npy_preamble(DType dtype, IntSpan shape);

// Evaluates the array and writes it; see OutputFile.
void save_npy(const std::string& path, const Array& array);
Array load_npy(Runtime&, const std::string& path);

}  // namespace quern
