// A result put together from strided copies of the inputs: pieces of which no two write one
// element. Not here: which pieces an op needs (concatenate.cpp, slice_update.cpp).
#pragma once
#include "plugins/simd/common.h"
#include "plugins/simd/strided_ops.h"

namespace quern::simd {

class Pieces {
 public:
  // Element (0, 0, ..) of the piece lies x_offset elements into the input and y_offset into the
  // output. False when a strided copy can't do it.
  bool add(std::uint32_t input, const Axis* axes, std::size_t n, std::uint32_t itemsize,
           std::int64_t x_offset, std::int64_t y_offset);
  // After the last add, one of them. Side by side: small pieces are done together, so that a line
  // of the output is written while it is in the first-level cache.
  void in_order();
  void side_by_side();

  std::int64_t units() const { return units_; }
  double compute_ns() const { return ns_; }
  void run(const qn_run& run, std::int64_t lo, std::int64_t hi) const noexcept;

 private:
  struct Piece {
    StridedCopy copy;
    std::uint32_t input;
    std::int64_t x_offset, y_offset;  // bytes
  };
  bool zips(std::int64_t* n) const;
  void copy(const Piece& p, const qn_run& run, std::int64_t lo, std::int64_t hi) const noexcept;

  std::vector<Piece> pieces_;
  std::int64_t units_ = 0;
  bool together_ = false;
  ZipFn zip_ = nullptr;  // of all pieces, lines of line_ elements
  std::int64_t line_ = 0;
  std::uint32_t size_ = 4;
  double ns_ = 0;
};

}  // namespace quern::simd
