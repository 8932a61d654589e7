// What every kernel file of the naive plugin shares: the kernel table, the plan's copy of the op,
// strided loops. No kernel lives here; plugin.cpp does the talking with the host.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/naive/element.h"
#include "plugins/sdk/quern_plugin.hpp"
#include "quern/kernel.h"

namespace quern::naive {

inline constexpr std::uint32_t kMaxDims = 32;  // loops keep their counters on the stack

// One operand as the plan keeps it. `strides` are always filled in, in elements; they may be 0 or
// negative.
struct Operand {
  qn_dtype dtype = 0;
  std::uint32_t itemsize = 0;
  std::vector<std::int64_t> shape, strides;
  std::int64_t count = 1;  // elements of the shape

  std::uint32_t ndim() const { return static_cast<std::uint32_t>(shape.size()); }
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(count) * itemsize; }
};

struct Attribute {
  std::uint32_t type = QN_ATTR_DEFAULT;
  std::int64_t i = 0;
  double f = 0;
  std::vector<std::int64_t> is;
  std::vector<double> fs;
  std::string s;
};

struct Program {
  std::vector<qn_dtype> in_dtype;
  std::vector<qn_inst> inst;
  std::vector<std::uint32_t> out;
};

// A deep copy of the op, owned by the plan and immutable: what `run` gets.
struct Problem {
  const qn_host* host = nullptr;
  std::uint32_t op = 0;
  std::uint32_t n_op_in = 0;
  std::vector<Operand> in, out;
  std::vector<Attribute> attr;
  Program program;

  std::int64_t integer(std::size_t k) const { return attr[k].i; }
  double number(std::size_t k) const { return attr[k].f; }
  std::span<const std::int64_t> ints(std::size_t k) const { return attr[k].is; }
  std::string_view text(std::size_t k) const { return attr[k].s; }
};

// One kernel. All take inputs of any strides, run serially and take no epilogue. With op.program
// set (the wished epilogue) op.out[0].dtype is the epilogue's, so only `map` may look at it in
// `accepts`.
struct Kernel {
  std::uint32_t op;  // QN_OP_*
  const char* name;  // stable: the name in selection rules and profiles
  // False, with a reason, for an op that it cannot serve. Operands: use shapes and dtypes only, not
  // layouts.
  bool (*accepts)(const qn_opdesc& op, std::string* why);
  // Allocates nothing. Outputs may have any strides; zero-size operands may have null data.
  qn_status (*run)(const Problem& p, const qn_run& run);
  double (*est_ns)(const qn_opdesc& op) =
      nullptr;  // null: 400, and 2 an element, inputs and outputs
  std::uint64_t (*workspace)(const Problem& p) = nullptr;  // bytes of run.workspace; null: none
};

struct KernelList {
  const Kernel* kernels;
  std::size_t count;
};

// One list a file, defined as `const KernelList x_kernels = kernel_list(kTable);`; gen.py
// gathers them in lists.gen.h.
template <std::size_t N>
constexpr KernelList kernel_list(const Kernel (&table)[N]) {
  return {table, N};
}

using sdk::element_count;

// `accepts` of kernels that move bytes: any dtype.
inline bool accept_any(const qn_opdesc&, std::string*) { return true; }

// `accepts` of kernels for which all operands must be floating.
inline bool accept_float(const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    if (is_float(op.in[i].dtype)) continue;
    *why = "takes floating dtypes only";
    return false;
  }
  return true;
}

// `accepts` of kernels for which all operands must be floating or complex.
inline bool accept_float_or_complex(const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    if (is_float(op.in[i].dtype) || op.in[i].dtype == QN_C64) continue;
    *why = "takes floating dtypes and c64 only";
    return false;
  }
  return true;
}

// `accepts` of kernels that compute in any real dtype.
inline bool accept_real(const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    if (is_real(op.in[i].dtype)) continue;
    *why = "does not take complex dtypes";
    return false;
  }
  return true;
}

using Strides = std::array<std::int64_t, kMaxDims>;

// Strides that walk `a` along the axes of a shape of `ndim` axes to which it broadcasts
// (right-aligned).
inline Strides broadcast_strides(const Operand& a, std::size_t ndim) {
  Strides s{};
  const std::size_t lead = ndim - a.shape.size();
  for (std::size_t i = 0; i < a.shape.size(); ++i) s[lead + i] = a.shape[i] == 1 ? 0 : a.strides[i];
  return s;
}

inline Strides strides_of(const Operand& a) {
  Strides s{};
  for (std::size_t i = 0; i < a.strides.size(); ++i) s[i] = a.strides[i];
  return s;
}

inline Strides dense_strides(std::span<const std::int64_t> shape) {
  Strides s{};
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    s[i] = step;
    step *= shape[i];
  }
  return s;
}

// The walk of for_each_run. Out of line: its code is then shared by all element types.
template <std::size_t N>
struct Runs {
  [[gnu::noinline]] Runs(std::span<const std::int64_t> shape_of,
                         const std::array<Strides, N>& strides_of)
      : shape(shape_of), strides(strides_of) {
    for (std::int64_t n : shape) done = done || n == 0;
    if (shape.empty()) return;
    inner = shape.back();
    for (std::size_t j = 0; j < N; ++j) step[j] = strides[j][shape.size() - 1];
  }
  [[gnu::noinline]] void next() {
    for (std::size_t a = shape.empty() ? 0 : shape.size() - 1; a-- > 0;) {
      for (std::size_t j = 0; j < N; ++j) offset[j] += strides[j][a];
      if (++index[a] < shape[a]) return;
      for (std::size_t j = 0; j < N; ++j) offset[j] -= strides[j][a] * shape[a];
      index[a] = 0;
    }
    done = true;
  }
  std::span<const std::int64_t> shape;
  const std::array<Strides, N>& strides;
  std::array<std::int64_t, N> offset{}, step{};
  std::int64_t inner = 1;
  bool done = false;

 private:
  std::array<std::int64_t, kMaxDims> index{};
};

// Walks `shape` in row-major order and calls f(offsets, n, steps) for each innermost run of n
// elements: element k of operand j lies at offsets[j] + k * steps[j]. A 0-d shape is one run of one
// element.
template <std::size_t N, typename F>
void for_each_run(std::span<const std::int64_t> shape, const std::array<Strides, N>& strides,
                  F&& f) {
  for (Runs<N> r(shape, strides); !r.done; r.next())
    f(std::as_const(r.offset), r.inner, std::as_const(r.step));
}

// The same, one element at a time: f(offsets).
template <std::size_t N, typename F>
void for_each(std::span<const std::int64_t> shape, const std::array<Strides, N>& strides, F&& f) {
  for_each_run<N>(shape, strides, [&](const auto& offset, std::int64_t n, const auto& step) {
    std::array<std::int64_t, N> at = offset;
    for (std::int64_t k = 0; k < n; ++k) {
      f(std::as_const(at));
      for (std::size_t j = 0; j < N; ++j) at[j] += step[j];
    }
  });
}

// Offset in elements of element number `linear` (row-major) of `a`.
inline std::int64_t element_offset(const Operand& a, std::int64_t linear) {
  std::int64_t offset = 0;
  for (std::size_t i = a.shape.size(); i-- > 0;) {
    offset += linear % a.shape[i] * a.strides[i];
    linear /= a.shape[i];
  }
  return offset;
}

// Copies one element.
inline void copy_item(void* dst, const void* src, std::uint32_t itemsize) {
  switch (itemsize) {
    case 1:
      std::memcpy(dst, src, 1);
      return;
    case 2:
      std::memcpy(dst, src, 2);
      return;
    case 4:
      std::memcpy(dst, src, 4);
      return;
    default:
      std::memcpy(dst, src, itemsize);
  }
}

// Copies every element of `shape` from src to dst, by strides in elements. The ranges do not
// overlap.
void copy_strided(void* dst, const Strides& dst_strides, const void* src,
                  const Strides& src_strides, std::span<const std::int64_t> shape,
                  std::uint32_t itemsize);

// An index that counts from the end when negative, clamped into [0, size).
inline std::int64_t clamp_index(std::int64_t i, std::int64_t size) {
  if (i < 0) i += size;
  return i < 0 ? 0 : i >= size ? size - 1 : i;
}

inline void* advance(void* p, std::int64_t elements, std::uint32_t itemsize) {
  return static_cast<char*>(p) + elements * static_cast<std::int64_t>(itemsize);
}
inline const void* advance(const void* p, std::int64_t elements, std::uint32_t itemsize) {
  return static_cast<const char*>(p) + elements * static_cast<std::int64_t>(itemsize);
}

}  // namespace quern::naive

#include "plugins/naive/lists.gen.h"
