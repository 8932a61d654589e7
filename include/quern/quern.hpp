// quern.hpp - C++17 over quern.h: counted handles, exceptions, operators and the commonest ops.
// Header only. It adds no state; every other op is reached through ops.h with Array::get() and
// quern::make.
#ifndef QUERN_HPP
#define QUERN_HPP
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ops.h"
#include "quern.h"

namespace quern {

class Error : public std::exception {
 public:
  Error(qn_status code, std::string text) : code_(code), text_(std::move(text)) {}
  qn_status code() const noexcept { return code_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  qn_status code_;
  std::string text_;
};

namespace detail {

inline void check(qn_status status, qn_error* error) {
  if (status == QN_OK) return;
  std::string text = error ? qn_error_message(error) : qn_status_name(status);
  qn_error_free(error);
  throw Error(status, std::move(text));
}

// Calls f(.., &error) and throws on failure.
template <typename F, typename... A>
void call(F&& f, A&&... args) {
  qn_error* error = nullptr;
  const qn_status status = f(std::forward<A>(args)..., &error);
  check(status, error);
}

template <typename T>
constexpr qn_dtype dtype_of() {
  if (std::is_same_v<T, bool>) return QN_BOOL;
  if (std::is_same_v<T, float>) return QN_F32;
  if (std::is_same_v<T, double>) return QN_F64;
  static_assert(std::is_arithmetic_v<T> && sizeof(T) <= 8, "no dtype for this type");
  return QN_DTYPE(std::is_signed_v<T> ? 0u : 1u, static_cast<std::uint32_t>(8 * sizeof(T)));
}

}  // namespace detail

using Ints = std::vector<std::int64_t>;

// A counted reference to a runtime.
class Runtime {
 public:
  Runtime() {
    detail::call(qn_runtime_create, static_cast<const qn_runtime_config*>(nullptr), &p_);
  }
  explicit Runtime(const qn_runtime_config& config) {
    detail::call(qn_runtime_create, &config, &p_);
  }
  Runtime(const Runtime& o) : p_(qn_runtime_retain(o.p_)) {}
  Runtime(Runtime&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Runtime& operator=(Runtime o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Runtime() { qn_runtime_release(p_); }
  qn_runtime* get() const { return p_; }

  void set_kernels(const char* rules) { detail::call(qn_runtime_set_kernels, p_, rules); }
  qn_stats stats() const {
    qn_stats s{};
    s.hdr.struct_size = sizeof s;
    detail::call(qn_runtime_stats, p_, &s);
    return s;
  }
  void clear_cache() { detail::call(qn_runtime_clear_cache, p_); }

 private:
  qn_runtime* p_ = nullptr;
};

// A counted reference to an immutable array; computed when its values are asked for.
class Array {
 public:
  Array() = default;
  explicit Array(qn_array* adopt) : p_(adopt) {}  // takes over one reference
  // A copy of row-major data.
  template <typename T>
  Array(const Runtime& rt, const std::vector<T>& data, const Ints& shape) {
    static_assert(!std::is_same_v<T, bool>,
                  "std::vector<bool> has no data; use uint8_t and astype");
    std::uint64_t n = 1;
    for (std::int64_t d : shape) n *= static_cast<std::uint64_t>(d);
    if (n != data.size())
      throw Error(QN_E_INVALID_ARGUMENT, "[quern::Array] the data do not fill the shape");
    detail::call(qn_array_from_data, rt.get(), static_cast<const void*>(data.data()), shape.data(),
                 static_cast<std::uint32_t>(shape.size()), detail::dtype_of<T>(), &p_);
  }
  Array(const Runtime& rt, double value, qn_dtype dtype = QN_F32) {
    detail::call(qn_scalar, rt.get(), value, dtype, &p_);
  }
  Array(const Array& o) : p_(qn_array_retain(o.p_)) {}
  Array(Array&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Array& operator=(Array o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Array() { qn_array_release(p_); }

  explicit operator bool() const { return p_ != nullptr; }
  qn_array* get() const { return p_; }
  qn_array* release() { return std::exchange(p_, nullptr); }

  Ints shape() const {
    const std::uint32_t n = qn_array_ndim(p_);
    return n ? Ints(qn_array_shape(p_), qn_array_shape(p_) + n) : Ints();
  }
  qn_dtype dtype() const { return qn_array_dtype(p_); }
  std::uint64_t size() const { return qn_array_size(p_); }
  void eval() const { detail::call(qn_eval, &p_, 1u); }
  template <typename T = double>
  T item() const {
    if constexpr (std::is_integral_v<T>) {
      std::int64_t v = 0;
      detail::call(qn_array_item_i64, p_, &v);
      return static_cast<T>(v);
    } else {
      double v = 0;
      detail::call(qn_array_item_f64, p_, &v);
      return static_cast<T>(v);
    }
  }
  // The values in row-major order; T must be the array's type.
  template <typename T>
  std::vector<T> values() const {
    if (detail::dtype_of<T>() != dtype())
      throw Error(QN_E_INVALID_ARGUMENT, "[quern::Array::values] another dtype");
    std::vector<T> out(size());
    detail::call(qn_array_copy_out, p_, static_cast<void*>(out.data()),
                 static_cast<std::uint64_t>(out.size() * sizeof(T)));
    return out;
  }

 private:
  qn_array* p_ = nullptr;
};

// make(qn_relu, nullptr, x.get()): any function of ops.h with one result, as an Array.
template <typename F, typename... A>
Array make(F&& f, qn_runtime* rt, A&&... args) {
  qn_array* out = nullptr;
  detail::call(std::forward<F>(f), rt, std::forward<A>(args)..., &out);
  return Array(out);
}

inline void eval(const std::vector<Array>& arrays) {
  std::vector<qn_array*> p;
  for (const Array& a : arrays) p.push_back(a.get());
  detail::call(qn_eval, p.data(), static_cast<std::uint32_t>(p.size()));
}

namespace detail {

// A number beside an array takes the array's dtype, f32 beside integers when it has a fraction.
inline Array like(const Array& x, double v) {
  const qn_dtype t = qn_array_dtype(x.get());
  const std::uint32_t code = t & 0xff;
  const bool whole = code == 0 || code == 1;
  qn_array* out = nullptr;
  const bool fits =
      whole && v >= -9e15 && v <= 9e15 && v == static_cast<double>(static_cast<std::int64_t>(v));
  call(qn_scalar, qn_array_runtime(x.get()), v, (whole && !fits) || code == 6 ? QN_F32 : t, &out);
  return Array(out);
}

inline std::uint32_t count(const Ints& v) { return static_cast<std::uint32_t>(v.size()); }
inline const std::int64_t* ints_or_default(const Ints& v) { return v.empty() ? nullptr : v.data(); }

}  // namespace detail

#define QUERN_UNARY_(name) \
  inline Array name(const Array& x) { return make(qn_##name, nullptr, x.get()); }
#define QUERN_BINARY_(name)                                                           \
  inline Array name(const Array& x, const Array& y) {                                 \
    return make(qn_##name, nullptr, x.get(), y.get());                                \
  }                                                                                   \
  inline Array name(const Array& x, double y) { return name(x, detail::like(x, y)); } \
  inline Array name(double x, const Array& y) { return name(detail::like(y, x), y); }
QUERN_UNARY_(negative)
QUERN_UNARY_(abs)
QUERN_UNARY_(square)
QUERN_UNARY_(sqrt)
QUERN_UNARY_(rsqrt)
QUERN_UNARY_(exp)
QUERN_UNARY_(log)
QUERN_UNARY_(sin)
QUERN_UNARY_(cos)
QUERN_UNARY_(tanh)
QUERN_UNARY_(sigmoid)
QUERN_UNARY_(relu)
QUERN_UNARY_(erf)
QUERN_UNARY_(stop_gradient)
QUERN_BINARY_(add)
QUERN_BINARY_(subtract)
QUERN_BINARY_(multiply)
QUERN_BINARY_(divide)
QUERN_BINARY_(power)
QUERN_BINARY_(maximum)
QUERN_BINARY_(minimum)
QUERN_BINARY_(equal)
QUERN_BINARY_(less)
QUERN_BINARY_(greater)
#undef QUERN_UNARY_
#undef QUERN_BINARY_

#define QUERN_OPERATOR_(op, name)                                                 \
  inline Array operator op(const Array& x, const Array& y) { return name(x, y); } \
  inline Array operator op(const Array& x, double y) { return name(x, y); }       \
  inline Array operator op(double x, const Array& y) { return name(x, y); }
QUERN_OPERATOR_(+, add)
QUERN_OPERATOR_(-, subtract)
QUERN_OPERATOR_(*, multiply)
QUERN_OPERATOR_(/, divide)
#undef QUERN_OPERATOR_
inline Array operator-(const Array& x) { return negative(x); }

// Reductions: no axes = all of them.
#define QUERN_REDUCE_(name)                                                                      \
  inline Array name(const Array& x, const Ints& axes = {}, bool keepdims = false) {              \
    return make(qn_##name, nullptr, x.get(), detail::ints_or_default(axes), detail::count(axes), \
                keepdims ? 1 : 0);                                                               \
  }
QUERN_REDUCE_(sum)
QUERN_REDUCE_(mean)
QUERN_REDUCE_(max)
QUERN_REDUCE_(min)
QUERN_REDUCE_(logsumexp)
QUERN_REDUCE_(argmax)
#undef QUERN_REDUCE_

inline Array var(const Array& x, const Ints& axes = {}, bool keepdims = false,
                 std::int64_t ddof = 0) {
  return make(qn_var, nullptr, x.get(), detail::ints_or_default(axes), detail::count(axes),
              keepdims ? 1 : 0, ddof);
}

inline Array softmax(const Array& x, const Ints& axes = {-1}) {
  return make(qn_softmax, nullptr, x.get(), axes.data(), detail::count(axes));
}
inline Array log_softmax(const Array& x, const Ints& axes = {-1}) {
  return make(qn_log_softmax, nullptr, x.get(), axes.data(), detail::count(axes));
}
inline Array matmul(const Array& x, const Array& y) {
  return make(qn_matmul, nullptr, x.get(), y.get());
}
inline Array where(const Array& condition, const Array& x, const Array& y) {
  return make(qn_where, nullptr, condition.get(), x.get(), y.get());
}
inline Array astype(const Array& x, qn_dtype dtype) {
  return make(qn_astype, nullptr, x.get(), dtype);
}
inline Array reshape(const Array& x, const Ints& shape) {
  return make(qn_reshape, nullptr, x.get(), shape.data(), detail::count(shape));
}
inline Array transpose(const Array& x, const Ints& axes = {}) {
  return make(qn_transpose, nullptr, x.get(), detail::ints_or_default(axes), detail::count(axes));
}
inline Array concatenate(const std::vector<Array>& xs, std::int64_t axis = 0) {
  std::vector<qn_array*> p;
  for (const Array& x : xs) p.push_back(x.get());
  return make(qn_concatenate, nullptr, p.data(), static_cast<std::uint32_t>(p.size()), axis);
}
inline Array arange(const Runtime& rt, double start, double stop, double step = 1,
                    qn_dtype dtype = QN_F32) {
  return make(qn_arange, rt.get(), start, stop, step, dtype);
}
inline Array full(const Runtime& rt, const Ints& shape, double value, qn_dtype dtype = QN_F32) {
  const Array v(rt, value, dtype);
  return make(qn_full, nullptr, v.get(), shape.data(), detail::count(shape));
}
// x (N, H, W, C), w (O, KH, KW, C / groups).
inline Array conv2d(const Array& x, const Array& w, const Ints& stride = {1},
                    const Ints& padding = {0}, const Ints& dilation = {1},
                    std::int64_t groups = 1) {
  return make(qn_conv2d, nullptr, x.get(), w.get(), stride.data(), detail::count(stride),
              padding.data(), detail::count(padding), dilation.data(), detail::count(dilation),
              groups, nullptr);
}
// No stride = the kernel's size.
inline Array max_pool(const Array& x, const Ints& kernel, const Ints& stride = {},
                      const Ints& padding = {0}) {
  return make(qn_max_pool, nullptr, x.get(), kernel.data(), detail::count(kernel),
              detail::ints_or_default(stride), detail::count(stride), padding.data(),
              detail::count(padding), nullptr);
}
inline Array cross_entropy(const Array& logits, const Array& targets, std::int64_t axis = -1) {
  return make(qn_cross_entropy, nullptr, logits.get(), targets.get(), axis);
}

// A counted reference to a function of arrays.
class Function {
 public:
  using Body = std::function<std::vector<Array>(const std::vector<Array>&)>;
  Function(const Runtime& rt, std::uint32_t n_in, std::uint32_t n_out, Body body) {
    auto* state = new Body(std::move(body));
    detail::call(qn_fn_create, rt.get(), &Function::invoke, static_cast<void*>(state),
                 &Function::drop, n_in, n_out, &p_);
  }
  explicit Function(qn_fn* adopt) : p_(adopt) {}
  Function(const Function& o) : p_(qn_fn_retain(o.p_)) {}
  Function(Function&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Function& operator=(Function o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Function() { qn_fn_release(p_); }
  qn_fn* get() const { return p_; }

  std::vector<Array> operator()(const std::vector<Array>& in) const {
    std::vector<qn_array*> args, results(qn_fn_n_out(p_), nullptr);
    for (const Array& a : in) args.push_back(a.get());
    detail::call(qn_fn_call, p_, args.data(), static_cast<std::uint32_t>(args.size()),
                 results.data(), static_cast<std::uint32_t>(results.size()));
    std::vector<Array> out;
    for (qn_array* a : results) out.emplace_back(a);
    return out;
  }

 private:
  static qn_status invoke(void* self, qn_array* const* in, std::uint32_t n_in, qn_array** out,
                          std::uint32_t n_out, qn_error** error) {
    try {
      std::vector<Array> args;
      for (std::uint32_t i = 0; i < n_in; ++i) args.emplace_back(qn_array_retain(in[i]));
      std::vector<Array> results = (*static_cast<Body*>(self))(args);
      if (results.size() != n_out) {
        qn_error_new(QN_E_INVALID_ARGUMENT,
                     "[quern::Function] the body gave another number of results", error);
        return QN_E_INVALID_ARGUMENT;
      }
      for (std::uint32_t i = 0; i < n_out; ++i) out[i] = results[i].release();
      return QN_OK;
    } catch (const Error& e) {
      qn_error_new(e.code(), e.what(), error);
      return e.code();
    } catch (const std::exception& e) {
      qn_error_new(QN_E_UNKNOWN, e.what(), error);
      return QN_E_UNKNOWN;
    } catch (...) {
      qn_error_new(QN_E_UNKNOWN, "[quern::Function] unknown exception in the body", error);
      return QN_E_UNKNOWN;
    }
  }
  static void drop(void* self) { delete static_cast<Body*>(self); }
  qn_fn* p_ = nullptr;
};

// g(in..) -> (outputs.., gradients of output 0 with respect to argnums..)
inline Function value_and_grad(const Function& f, const std::vector<std::uint32_t>& argnums = {0}) {
  qn_fn* out = nullptr;
  detail::call(qn_fn_value_and_grad, f.get(), argnums.data(),
               static_cast<std::uint32_t>(argnums.size()), &out);
  return Function(out);
}
// g(in.., cotangents..) -> (outputs.., gradients of argnums..)
inline Function vjp(const Function& f, const std::vector<std::uint32_t>& argnums = {0}) {
  qn_fn* out = nullptr;
  detail::call(qn_fn_vjp, f.get(), argnums.data(), static_cast<std::uint32_t>(argnums.size()),
               &out);
  return Function(out);
}
// g(in.., tangents of argnums..) -> (outputs.., tangents of the outputs..)
inline Function jvp(const Function& f, const std::vector<std::uint32_t>& argnums = {0}) {
  qn_fn* out = nullptr;
  detail::call(qn_fn_jvp, f.get(), argnums.data(), static_cast<std::uint32_t>(argnums.size()),
               &out);
  return Function(out);
}
// g is f for every entry along in_axes; QN_AXIS_NONE = not mapped. Empty = axis 0 everywhere.
inline Function vmap(const Function& f, const Ints& in_axes = {}, const Ints& out_axes = {}) {
  if ((!in_axes.empty() && in_axes.size() != qn_fn_n_in(f.get())) ||
      (!out_axes.empty() && out_axes.size() != qn_fn_n_out(f.get())))
    throw Error(QN_E_INVALID_ARGUMENT, "[quern::vmap] expected an axis for each input and output");
  qn_fn* out = nullptr;
  detail::call(qn_fn_vmap, f.get(), detail::ints_or_default(in_axes),
               detail::ints_or_default(out_axes), &out);
  return Function(out);
}
// g computes its intermediate results again when it is differentiated.
inline Function checkpoint(const Function& f) {
  qn_fn* out = nullptr;
  detail::call(qn_fn_checkpoint, f.get(), &out);
  return Function(out);
}
// g replays f's graph for each combination of shapes and dtypes.
inline Function compile(const Function& f) {
  qn_fn* out = nullptr;
  detail::call(qn_fn_compile, f.get(), &out);
  return Function(out);
}

}  // namespace quern
#endif
