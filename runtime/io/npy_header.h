// The header of an npy file: a Python dictionary literal of three members. It reads no files.
#pragma once
#include <string>
#include <string_view>

#include "runtime/core/dtype.h"
#include "runtime/core/shape.h"

namespace quern {

struct NpyHeader {
  DType dtype = DType::f32;
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
};

// Throws DATA_LOSS, or UNIMPLEMENTED for a dtype that arrays cannot have; the text begins with
// `where`.
NpyHeader parse_npy_header(const std::string& where, std::string_view text);

std::string npy_descr(DType t);  // "<f4"

}  // namespace quern
