// Entry points of arrays: making them, looking at them, reading their values.
// DLPack is in dlpack.cpp, ops in op.cpp.
#include <bit>
#include <cmath>
#include <limits>

#include "runtime/capi/handles.h"
#include "runtime/io/strided_copy.h"
#include "runtime/ops/rules.h"

using namespace quern;
using namespace quern::capi;

namespace {

double half_to_double(std::uint16_t h) {
  const int exponent = h >> 10 & 31;
  const double mantissa = h & 1023;
  double v;
  if (exponent == 31)
    v = mantissa != 0 ? std::numeric_limits<double>::quiet_NaN()
                      : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    v = std::ldexp(mantissa, -24);
  else
    v = std::ldexp(1024 + mantissa, exponent - 25);
  return h >> 15 ? -v : v;
}

template <typename T>
T load(const void* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The element at p as double, or as i64 / u64 in `exact` (when it is an integer) so that nothing is
// rounded.
struct Number {
  double value = 0;
  std::int64_t exact = 0;
  bool integer = false, too_large = false;
};

template <typename T>
Number integer(const void* p) {
  const T v = load<T>(p);
  Number n{static_cast<double>(v), static_cast<std::int64_t>(v), true, false};
  if constexpr (std::is_same_v<T, std::uint64_t>)
    n.too_large = v > static_cast<std::uint64_t>(INT64_MAX);
  return n;
}

Number read_number(const char* fn, DType t, const void* p) {
  switch (t) {
    case DType::boolean: {
      const bool v = load<std::uint8_t>(p) != 0;
      return {double(v), v, true, false};
    }
    case DType::u8:
      return integer<std::uint8_t>(p);
    case DType::u16:
      return integer<std::uint16_t>(p);
    case DType::u32:
      return integer<std::uint32_t>(p);
    case DType::u64:
      return integer<std::uint64_t>(p);
    case DType::i8:
      return integer<std::int8_t>(p);
    case DType::i16:
      return integer<std::int16_t>(p);
    case DType::i32:
      return integer<std::int32_t>(p);
    case DType::i64:
      return integer<std::int64_t>(p);
    case DType::f16:
      return {half_to_double(load<std::uint16_t>(p))};
    case DType::bf16:
      return {std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(p)} << 16)};
    case DType::f32:
      return {load<float>(p)};
    case DType::f64:
      return {load<double>(p)};
    case DType::c64:
      break;
  }
  fail_invalid("[", fn, "] dtype ", name(t),
               " is not a real number; read it with qn_array_item_c64");
}

// The array, evaluated, if it has exactly one element.
const ArrayRep& one_element(const char* fn, qn_array* array) {
  need(array, fn, "array");
  ArrayRep* a = unwrap(array);
  if (element_count(a->shape) != 1)
    fail_invalid("[", fn, "] shape ", to_string(a->shape), " has not exactly one element");
  ensure_evaluated(a);
  return *a;
}

Number read_item(const char* fn, qn_array* array) {
  const ArrayRep& a = one_element(fn, array);
  return read_number(fn, a.dtype, a.data());
}

}  // namespace

qn_status qn_array_from_data(qn_runtime* rt, const void* data, const int64_t* shape, uint32_t ndim,
                             qn_dtype dtype, qn_array** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(out, fn, "out");
    const DType t = dtype_arg(fn, dtype);
    if (shape_arg(fn, shape, ndim, t) > 0) need(data, fn, "data");
    *out = give(from_host(*unwrap(rt), data, IntSpan(shape, ndim), t));
  });
}

qn_status qn_array_borrow(qn_runtime* rt, const void* data, const int64_t* shape,
                          const int64_t* strides, uint32_t ndim, qn_dtype dtype,
                          qn_release_fn release, void* self, qn_array** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(out, fn, "out");
    const DType t = dtype_arg(fn, dtype);
    shape_arg(fn, shape, ndim, t);
    std::function<void()> drop;
    if (release) drop = [release, self] { release(self); };
    *out = give(
        adopt_memory(*unwrap(rt), fn, data, IntSpan(shape, ndim), strides, t, std::move(drop)));
  });
}

qn_status qn_scalar(qn_runtime* rt, double value, qn_dtype dtype, qn_array** out,
                    qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(out, fn, "out");
    *out = give(scalar(*unwrap(rt), value, dtype_arg(fn, dtype)));
  });
}

qn_array* qn_array_retain(qn_array* a) {
  if (a) unwrap(a)->refs.fetch_add(1, std::memory_order_relaxed);
  return a;
}

void qn_array_release(qn_array* a) {
  if (a) Array dropped(unwrap(a));
}

uint32_t qn_array_ndim(const qn_array* a) {
  return a ? static_cast<uint32_t>(unwrap(a)->shape.size()) : 0;
}

const int64_t* qn_array_shape(const qn_array* a) { return a ? unwrap(a)->shape.data() : nullptr; }

qn_dtype qn_array_dtype(const qn_array* a) { return a ? to_abi(unwrap(a)->dtype) : 0; }

uint64_t qn_array_size(const qn_array* a) {
  if (!a) return 0;
  uint64_t n = 1;  // shapes were checked when the array was made
  for (int64_t d : unwrap(a)->shape) n *= static_cast<uint64_t>(d);
  return n;
}

uint32_t qn_array_is_evaluated(const qn_array* a) {
  return a && unwrap(a)->evaluated.load(std::memory_order_acquire) ? 1 : 0;
}

qn_runtime* qn_array_runtime(const qn_array* a) { return a ? wrap(unwrap(a)->runtime) : nullptr; }

qn_status qn_array_data(qn_array* array, const void** data, const int64_t** strides,
                        qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(array, fn, "array");
    need(data, fn, "data");
    ArrayRep* a = unwrap(array);
    ensure_evaluated(a);
    *data = a->buffer ? a->data() : nullptr;
    if (strides) *strides = a->strides.data();
  });
}

qn_status qn_array_copy_out(qn_array* array, void* dst, uint64_t bytes, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(array, fn, "array");
    ArrayRep* a = unwrap(array);
    const uint64_t want = qn_array_size(array) * itemsize(a->dtype);
    if (bytes != want)
      fail_invalid("[", fn, "] bytes is ", bytes, ", expected ", want, " for shape ",
                   to_string(a->shape), " of ", name(a->dtype));
    if (want > 0) need(dst, fn, "dst");
    ensure_evaluated(a);
    if (want > 0) copy_to_dense(dst, a->data(), a->shape, a->strides, itemsize(a->dtype));
  });
}

qn_status qn_array_item_f64(qn_array* array, double* out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(out, fn, "out");
    *out = read_item(fn, array).value;
  });
}

qn_status qn_array_item_i64(qn_array* array, int64_t* out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(out, fn, "out");
    const Number n = read_item(fn, array);
    if (n.too_large || (!n.integer && !(n.value >= -0x1p63 && n.value < 0x1p63)))
      throw Error(QN_E_OUT_OF_RANGE, str("[", fn, "] ", n.value, " does not fit an int64"));
    *out = n.integer ? n.exact : static_cast<int64_t>(n.value);
  });
}

qn_status qn_array_item_c64(qn_array* array, float* out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(out, fn, "out");
    const ArrayRep& a = one_element(fn, array);
    if (a.dtype == DType::c64) {
      std::memcpy(out, a.data(), 2 * sizeof(float));
      return;
    }
    out[0] = static_cast<float>(read_number(fn, a.dtype, a.data()).value);
    out[1] = 0;
  });
}
