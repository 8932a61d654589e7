// Handles and the objects behind them, and the checks of arguments that several entry points share.
// A qn_array* is an ArrayRep*, a qn_runtime* a Runtime*: no object is made for a handle.
#pragma once
#include <cstdint>
#include <cstring>
#include <functional>

#include "quern/quern.h"
#include "runtime/capi/guard.h"
#include "runtime/graph/node.h"
#include "runtime/host/runtime.h"
#include "runtime/transforms/function.h"

struct qn_fn {
  std::atomic<std::uint32_t> refs{1};
  quern::FunctionRef f;
};

namespace quern::capi {

constexpr std::uint32_t kMaxNdim = 64;

inline Runtime* unwrap(qn_runtime* rt) { return reinterpret_cast<Runtime*>(rt); }
inline qn_runtime* wrap(Runtime* rt) { return reinterpret_cast<qn_runtime*>(rt); }
inline ArrayRep* unwrap(qn_array* a) { return reinterpret_cast<ArrayRep*>(a); }
inline const ArrayRep* unwrap(const qn_array* a) { return reinterpret_cast<const ArrayRep*>(a); }
inline qn_array* handle(const Array& a) { return reinterpret_cast<qn_array*>(a.rep()); }

// A counted reference to what the caller keeps owning.
inline Array share(qn_array* a) {
  unwrap(a)->refs.fetch_add(1, std::memory_order_relaxed);
  return Array(unwrap(a));
}
// Hands the reference to the caller.
inline qn_array* give(Array a) { return reinterpret_cast<qn_array*>(a.release()); }

// Throws INVALID_ARGUMENT on a code that is not one of QN_BOOL .. QN_C64.
DType dtype_arg(const char* fn, qn_dtype t);
// Checks ndim, sizes, the number of elements and of bytes; returns the number of elements.
std::int64_t shape_arg(const char* fn, const std::int64_t* shape, std::uint32_t ndim, DType t);
// Inputs of one runtime, none NULL. `rt` may be null, then the first array decides; returns the
// runtime.
Runtime* arrays_arg(const char* fn, Runtime* rt, qn_array* const* in, std::uint32_t n,
                    ArrayList& out);

// A new handle for f.
inline qn_fn* give(FunctionRef f) { return new qn_fn{1, std::move(f)}; }

// Throws INVALID_ARGUMENT unless argnums names at least one of n_in inputs, none twice.
void argnums_arg(const char* fn, const std::uint32_t* argnums, std::uint32_t n, std::uint32_t n_in);

// Computes a if need be; afterwards its buffer, offset and strides are valid.
void ensure_evaluated(ArrayRep* a);

// A leaf over foreign memory (a copy when it is not aligned to the dtype). release is called once,
// when the memory is no longer needed; not when this throws.
Array adopt_memory(Runtime& rt, const char* fn, const void* data, IntSpan shape,
                   const std::int64_t* strides, DType t, std::function<void()> release);

// Reads a caller's struct by the rules of qn_hdr: a missing tail is zeros, an unknown one must be
// zero.
template <typename T>
T read_struct(const char* fn, const char* what, const T* p) {
  constexpr std::uint32_t kMaxSize = 1u << 16;
  const std::uint32_t size = p->hdr.struct_size;
  if (size < sizeof(qn_hdr) || size > kMaxSize || size % 8 != 0)
    fail_invalid("[", fn, "] ", what, ".hdr.struct_size is ", size, ", expected sizeof(", what,
                 ") (here ", sizeof(T), ")");
  const char* bytes = reinterpret_cast<const char*>(p);
  for (std::uint32_t i = sizeof(T); i < size; ++i)
    if (bytes[i] != 0)
      throw Error(QN_E_UNIMPLEMENTED,
                  str("[", fn, "] ", what, " has a member at byte ", i, " that this library (",
                      sizeof(T), " bytes) does not know"));
  T out{};
  std::memcpy(static_cast<void*>(&out), p, size < sizeof(T) ? size : sizeof(T));
  if (out.hdr.flags != 0)
    throw Error(QN_E_UNIMPLEMENTED,
                str("[", fn, "] ", what, ".hdr.flags is ", out.hdr.flags, ", expected 0"));
  out.hdr.struct_size = sizeof(T);
  return out;
}

}  // namespace quern::capi
