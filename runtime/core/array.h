// Array: a counted reference to an immutable n-dimensional value, computed or still to be computed.
// Any thread may copy, drop and read metadata; contents appear under the runtime's evaluation lock.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

#include "runtime/core/attr.h"
#include "runtime/core/buffer.h"
#include "runtime/core/dtype.h"
#include "runtime/core/shape.h"

namespace quern {

class Runtime;
struct Node;
struct ArrayRep;

class Array {
 public:
  Array() = default;
  explicit Array(ArrayRep* adopt) : rep_(adopt) {}  // takes over one reference
  Array(const Array& o);
  Array(Array&& o) noexcept : rep_(std::exchange(o.rep_, nullptr)) {}
  Array& operator=(Array o) noexcept {
    std::swap(rep_, o.rep_);
    return *this;
  }
  ~Array();

  explicit operator bool() const { return rep_ != nullptr; }
  ArrayRep* rep() const { return rep_; }
  ArrayRep* release() { return std::exchange(rep_, nullptr); }
  const Shape& shape() const;
  DType dtype() const;
  std::size_t ndim() const { return shape().size(); }
  std::int64_t dim(int axis) const;  // negative counts from the end; no check
  std::int64_t size() const;         // elements
  Runtime& runtime() const;

 private:
  ArrayRep* rep_ = nullptr;
};

template <>
struct Relocatable<Array> : std::true_type {};

using ArrayList = SmallVector<Array, 4>;

}  // namespace quern
