// Attribute values of a recorded op: complete and in schema order.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/core/dtype.h"
#include "runtime/core/shape.h"

namespace quern {

using Ints = SmallVector<std::int64_t, 4>;
using Floats = std::vector<double>;
using Attr = std::variant<std::int64_t, double, Ints, Floats, std::string, DType>;

class AttrList {
 public:
  std::size_t size() const { return v_.size(); }
  bool empty() const { return v_.empty(); }
  void reserve(std::size_t n) { v_.reserve(n); }
  // Not inlined: GCC 12 otherwise warns of uninitialized members the variant does not hold.
  [[gnu::noinline]] void push_back(Attr a) { v_.push_back(std::move(a)); }
  Attr& operator[](std::size_t i) { return v_[i]; }
  const Attr& operator[](std::size_t i) const { return v_[i]; }
  std::int64_t i(std::size_t k) const { return std::get<std::int64_t>(v_[k]); }
  bool b(std::size_t k) const { return i(k) != 0; }
  double f(std::size_t k) const { return std::get<double>(v_[k]); }
  const Ints& is(std::size_t k) const { return std::get<Ints>(v_[k]); }
  const Floats& fs(std::size_t k) const { return std::get<Floats>(v_[k]); }
  std::string_view s(std::size_t k) const { return std::get<std::string>(v_[k]); }
  DType dtype(std::size_t k) const { return std::get<DType>(v_[k]); }
  auto begin() const { return v_.begin(); }
  auto end() const { return v_.end(); }

 private:
  std::vector<Attr> v_;
};

}  // namespace quern
