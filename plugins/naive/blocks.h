// What gather and scatter share: blocks of an array whose starts are given by index arrays.
// Reads the index arrays and nothing else.
#pragma once
#include "plugins/naive/indexing.h"

namespace quern::naive {

// `first` index arrays of equal shape (I) are the inputs from `first` on, one for each entry of
// attribute 0 (axes); `large` is the array that the blocks lie in.
struct Blocks {
  const Problem& p;
  const qn_run& run;
  std::size_t first;
  const Operand& large;
  std::span<const std::int64_t> sizes;   // of a block, an entry per axis of `large`
  std::span<const std::int64_t> places;  // I: one block each

  Blocks(const Problem& problem, const qn_run& r, std::size_t first_index, const Operand& in,
         const Operand& all, std::span<const std::int64_t> shape)
      : p(problem),
        run(r),
        first(first_index),
        large(in),
        sizes(shape.last(in.ndim())),
        places(shape.first(all.ndim() - in.ndim())) {}

  // Where along its axis the block at `offset` of index array k starts, clamped into `large`.
  std::int64_t start(std::size_t k, std::int64_t offset) const {
    const auto axis = static_cast<std::size_t>(p.ints(0)[k]);
    std::int64_t i = 0;
    dispatch_integer(p.in[first + k].dtype, [&](auto tag) {
      i = to_index(load<typename decltype(tag)::type>(run.in[first + k].data, offset));
    });
    const std::int64_t size = large.shape[axis], last = size - sizes[axis];
    if (i < 0) i += size;
    return i < 0 ? 0 : i > last ? last : i;
  }

  // f(start of the block in `large`, by `strides`; start in the operand that holds all blocks) for
  // every place in row-major order. `block_strides` are that operand's.
  template <typename F>
  void each(const Strides& strides, const Strides& block_strides, F&& f) const {
    for (const std::int64_t n : places) {
      if (n == 0) return;
    }
    const std::size_t count = p.ints(0).size();
    std::array<std::int64_t, kMaxDims> index{}, offset{};
    std::int64_t block = 0;
    for (;;) {
      std::int64_t at = 0;
      for (std::size_t k = 0; k < count; ++k)
        at += start(k, offset[k]) * strides[static_cast<std::size_t>(p.ints(0)[k])];
      f(at, block);
      std::size_t axis = places.size();
      for (;; --axis) {
        if (axis == 0) return;
        const std::size_t a = axis - 1;
        const std::int64_t back = ++index[a] < places[a] ? 0 : places[a];
        for (std::size_t k = 0; k < count; ++k)
          offset[k] += p.in[first + k].strides[a] * (1 - back);
        block += block_strides[a] * (1 - back);
        if (!back) break;
        index[a] = 0;
      }
    }
  }
};

// `accepts` of both; `first` as above.
inline bool accept_blocks(const qn_opdesc& op, std::uint32_t first, std::string* why) {
  for (std::uint32_t i = first; i < op.n_op_in; ++i) {
    if (!is_integer(op.in[i].dtype)) *why = "indices must be integers";
  }
  return why->empty();
}

}  // namespace quern::naive
