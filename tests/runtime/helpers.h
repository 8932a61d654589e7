// Short names over the C API for the runtime tests. Failures become test failures with the error's
// text.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "quern/ops.h"
#include "quern/quern.h"

namespace quern_test {

struct Failure {
  qn_error* error = nullptr;
  ~Failure() { qn_error_free(error); }
  qn_error** slot() { return &error; }
  std::string text() const { return error ? qn_error_message(error) : ""; }
};

#define QN_CHECK(...)                                                      \
  do {                                                                     \
    ::quern_test::Failure failure_;                                        \
    qn_error** const e = failure_.slot();                                  \
    if ((__VA_ARGS__) != QN_OK) throw std::runtime_error(failure_.text()); \
  } while (0)

// Owns one array reference.
class A {
 public:
  A() = default;
  explicit A(qn_array* p) : p_(p) {}
  A(const A& o) : p_(o.p_ ? qn_array_retain(o.p_) : nullptr) {}
  A(A&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  A& operator=(A o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~A() { qn_array_release(p_); }
  operator qn_array*() const { return p_; }
  qn_array* give() { return std::exchange(p_, nullptr); }

 private:
  qn_array* p_ = nullptr;
};

class Rt {
 public:
  explicit Rt(const char* kernels = "", std::uint32_t threads = 2, std::uint64_t limit = 0,
              std::uint32_t accuracy = 0) {
    qn_runtime_config c{};
    c.hdr.struct_size = sizeof c;
    c.n_threads = threads;
    c.kernels = kernels;
    c.memory_limit = limit;
    c.accuracy = accuracy;
    QN_CHECK(qn_runtime_create(&c, &p_, e));
  }
  ~Rt() { qn_runtime_release(p_); }
  Rt(const Rt&) = delete;
  Rt& operator=(const Rt&) = delete;
  operator qn_runtime*() const { return p_; }

  A floats(const std::vector<float>& v, std::vector<std::int64_t> shape) const {
    qn_array* a = nullptr;
    QN_CHECK(qn_array_from_data(p_, v.data(), shape.data(),
                                static_cast<std::uint32_t>(shape.size()), QN_F32, &a, e));
    return A(a);
  }
  A scalar(double v, qn_dtype t = QN_F32) const {
    qn_array* a = nullptr;
    QN_CHECK(qn_scalar(p_, v, t, &a, e));
    return A(a);
  }
  qn_stats stats() const {
    qn_stats s{};
    s.hdr.struct_size = sizeof s;
    QN_CHECK(qn_runtime_stats(p_, &s, e));
    return s;
  }

 private:
  qn_runtime* p_ = nullptr;
};

using Binary = qn_status (*)(qn_runtime*, qn_array*, qn_array*, qn_array**, qn_error**);
using Unary = qn_status (*)(qn_runtime*, qn_array*, qn_array**, qn_error**);

inline A apply(Binary f, const A& x, const A& y) {
  qn_array* o = nullptr;
  QN_CHECK(f(nullptr, x, y, &o, e));
  return A(o);
}
inline A apply(Unary f, const A& x) {
  qn_array* o = nullptr;
  QN_CHECK(f(nullptr, x, &o, e));
  return A(o);
}
inline A operator+(const A& x, const A& y) { return apply(qn_add, x, y); }
inline A operator-(const A& x, const A& y) { return apply(qn_subtract, x, y); }
inline A operator*(const A& x, const A& y) { return apply(qn_multiply, x, y); }
inline A matmul(const A& x, const A& y) { return apply(qn_matmul, x, y); }
inline A sum(const A& x) {
  qn_array* o = nullptr;
  QN_CHECK(qn_sum(nullptr, x, nullptr, 0, 0, &o, e));
  return A(o);
}
inline A reshape(const A& x, std::vector<std::int64_t> shape) {
  qn_array* o = nullptr;
  QN_CHECK(qn_reshape(nullptr, x, shape.data(), static_cast<std::uint32_t>(shape.size()), &o, e));
  return A(o);
}
inline A transpose(const A& x) {
  qn_array* o = nullptr;
  QN_CHECK(qn_transpose(nullptr, x, nullptr, 0, &o, e));
  return A(o);
}

inline std::vector<float> values(const A& x) {
  std::vector<float> v(qn_array_size(x));
  QN_CHECK(qn_array_copy_out(x, v.data(), v.size() * sizeof(float), e));
  return v;
}
inline double item(const A& x) {
  double v = 0;
  QN_CHECK(qn_array_item_f64(x, &v, e));
  return v;
}
inline void eval(const std::vector<A>& v) {
  std::vector<qn_array*> p(v.begin(), v.end());
  QN_CHECK(qn_eval(p.data(), static_cast<std::uint32_t>(p.size()), e));
}

// A function from a plain callable: std::vector<A> (const std::vector<A>&).
class Fn {
 public:
  using Body = std::vector<A> (*)(const std::vector<A>&);
  Fn(qn_runtime* rt, Body body, std::uint32_t n_in, std::uint32_t n_out) {
    QN_CHECK(
        qn_fn_create(rt, call_body, reinterpret_cast<void*>(body), nullptr, n_in, n_out, &p_, e));
  }
  explicit Fn(qn_fn* p) : p_(p) {}
  Fn(Fn&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  ~Fn() { qn_fn_release(p_); }
  operator qn_fn*() const { return p_; }
  Fn value_and_grad(std::vector<std::uint32_t> argnums) const {
    qn_fn* f = nullptr;
    QN_CHECK(qn_fn_value_and_grad(p_, argnums.data(), static_cast<std::uint32_t>(argnums.size()),
                                  &f, e));
    return Fn(f);
  }
  Fn vjp(std::vector<std::uint32_t> argnums) const {
    qn_fn* f = nullptr;
    QN_CHECK(qn_fn_vjp(p_, argnums.data(), static_cast<std::uint32_t>(argnums.size()), &f, e));
    return Fn(f);
  }
  Fn compile() const {
    qn_fn* f = nullptr;
    QN_CHECK(qn_fn_compile(p_, &f, e));
    return Fn(f);
  }
  std::vector<A> operator()(const std::vector<A>& in) const {
    std::vector<qn_array*> p(in.begin(), in.end()), out(qn_fn_n_out(p_), nullptr);
    QN_CHECK(qn_fn_call(p_, p.data(), static_cast<std::uint32_t>(p.size()), out.data(),
                        static_cast<std::uint32_t>(out.size()), e));
    std::vector<A> r;
    for (qn_array* a : out) r.emplace_back(a);
    return r;
  }

 private:
  static qn_status call_body(void* self, qn_array* const* in, std::uint32_t n_in, qn_array** out,
                             std::uint32_t n_out, qn_error** error) {
    try {
      std::vector<A> args;
      for (std::uint32_t i = 0; i < n_in; ++i) args.emplace_back(qn_array_retain(in[i]));
      std::vector<A> r = reinterpret_cast<Body>(self)(args);
      for (std::uint32_t i = 0; i < n_out; ++i) out[i] = r.at(i).give();
      return QN_OK;
    } catch (const std::exception& ex) {
      return qn_error_new(QN_E_INVALID_ARGUMENT, ex.what(), error);
    }
  }
  qn_fn* p_ = nullptr;
};

}  // namespace quern_test
