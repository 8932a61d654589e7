// Checks of dtypes, shapes and array lists, and leaves over foreign memory.
// Checks that one entry point alone needs stay with it.
#include "runtime/capi/handles.h"

#include <cstdio>
#include <memory>

#include "runtime/io/strided_copy.h"

namespace quern::capi {

DType dtype_arg(const char* fn, qn_dtype t) {
  for (auto d = static_cast<int>(DType::boolean); d <= static_cast<int>(DType::c64); ++d)
    if (to_abi(static_cast<DType>(d)) == t) return static_cast<DType>(d);
  char hex[16];
  std::snprintf(hex, sizeof hex, "0x%08x", t);
  fail_invalid("[", fn, "] dtype ", hex, " is not known, expected one of QN_BOOL .. QN_C64");
}

std::int64_t shape_arg(const char* fn, const std::int64_t* shape, std::uint32_t ndim, DType t) {
  if (ndim > kMaxNdim) fail_invalid("[", fn, "] ndim is ", ndim, ", expected at most ", kMaxNdim);
  if (ndim > 0) need(shape, fn, "shape");
  std::int64_t bytes = itemsize(t);
  bool empty = false, large = false;  // an empty array may be as long as it likes elsewhere
  for (std::uint32_t i = 0; i < ndim; ++i) {
    if (shape[i] < 0)
      fail_invalid("[", fn, "] shape ", to_string({shape, ndim}), " has a negative size on axis ",
                   i);
    empty = empty || shape[i] == 0;
    large = large || __builtin_mul_overflow(bytes, shape[i], &bytes);
  }
  if (empty) return 0;
  if (large)
    fail_invalid("[", fn, "] shape ", to_string({shape, ndim}), " of ", name(t),
                 " has more than 2^63 bytes");
  return bytes / itemsize(t);
}

Runtime* arrays_arg(const char* fn, Runtime* rt, qn_array* const* in, std::uint32_t n,
                    ArrayList& out) {
  if (n > 0) need(in, fn, "the list of arrays");
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!in[i]) fail_invalid("[", fn, "] array ", i, " of ", n, " is NULL");
    Runtime* own = unwrap(in[i])->runtime;
    if (!rt) rt = own;
    if (own != rt) fail_invalid("[", fn, "] array ", i, " of ", n, " belongs to another runtime");
    out.push_back(share(in[i]));
  }
  return rt;
}

void ensure_evaluated(ArrayRep* a) {
  if (a->evaluated.load(std::memory_order_acquire)) return;
  const Array held = share(reinterpret_cast<qn_array*>(a));
  a->runtime->eval({&held, 1});
}

Array adopt_memory(Runtime& rt, const char* fn, const void* data, IntSpan shape,
                   const std::int64_t* strides, DType t, std::function<void()> release) {
  const std::int64_t count =
      shape_arg(fn, shape.data(), static_cast<std::uint32_t>(shape.size()), t);
  const std::int64_t item = itemsize(t);
  if (count > 0) need(data, fn, "data");
  Strides own = strides ? Strides(strides, strides + shape.size()) : dense_strides(shape);
  // Lowest and highest element that the strides reach: both must lie in the address space.
  std::int64_t low = 0, high = 0;
  for (std::size_t i = 0; count > 0 && i < shape.size(); ++i) {
    std::int64_t reach = 0;
    if (shape[i] == 1) continue;
    bool bad = __builtin_mul_overflow(own[i], shape[i] - 1, &reach);
    std::int64_t& end = reach < 0 ? low : high;
    bad = bad || __builtin_add_overflow(end, reach, &end);
    if (bad || low < -(INT64_MAX / 64) || high > INT64_MAX / 64)
      fail_invalid("[", fn, "] strides ", to_string(own), " of shape ", to_string(shape),
                   " reach beyond the address space");
  }
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  if (count > 0 && (address < static_cast<std::uint64_t>(-low * item) ||
                    UINTPTR_MAX - address < static_cast<std::uint64_t>((high + 1) * item)))
    fail_invalid("[", fn, "] strides ", to_string(own), " of shape ", to_string(shape),
                 " reach beyond the address space");
  if (address % static_cast<std::uintptr_t>(item) != 0 && count > 0) {
    // No kernel has to bear unaligned elements: copy once here.
    const auto dense =
        std::make_unique_for_overwrite<char[]>(static_cast<std::size_t>(count * item));
    copy_to_dense(dense.get(), data, shape, own, itemsize(t));
    Array a = from_host(rt, dense.get(), shape, t);
    if (release) release();
    return a;
  }
  struct Owner {
    std::function<void()> release;
    bool armed = false;
  };
  auto owner = std::make_shared<Owner>(Owner{std::move(release)});
  static char nothing;
  char* base = data ? static_cast<char*>(const_cast<void*>(data)) + low * item : &nothing;
  const std::uint64_t bytes = count > 0 ? static_cast<std::uint64_t>((high - low + 1) * item) : 0;
  auto buffer = std::make_shared<Buffer>(base, bytes, [owner] {
    if (owner->armed && owner->release) owner->release();
  });
  Array a =
      make_leaf(rt, t, Shape(shape.begin(), shape.end()), std::move(own), std::move(buffer), -low);
  owner->armed = true;
  return a;
}

void argnums_arg(const char* fn, const std::uint32_t* argnums, std::uint32_t n,
                 std::uint32_t n_in) {
  if (n == 0) fail_invalid("[", fn, "] no argnums given, expected at least one");
  need(argnums, fn, "argnums");
  for (std::uint32_t i = 0; i < n; ++i) {
    if (argnums[i] >= n_in)
      fail_invalid("[", fn, "] argnum ", argnums[i], " is out of range, the function has ", n_in,
                   " inputs");
    for (std::uint32_t k = 0; k < i; ++k)
      if (argnums[k] == argnums[i])
        fail_invalid("[", fn, "] argnum ", argnums[i], " is given twice");
  }
}

}  // namespace quern::capi
