// A vector with room for N elements in place: shapes, strides and input lists without allocation.
// Not a full std::vector: only what the runtime uses.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace quern {

// True of types whose bytes may be copied elsewhere and the source forgotten, undestroyed.
template <typename T>
struct Relocatable : std::is_trivially_copyable<T> {};

// At most 2^32 - 1 elements.
template <typename T, std::size_t N>
class SmallVector {
 public:
  using value_type = T;
  SmallVector() {}  // not defaulted, or {} would clear the room first
  // All delegate: what was appended before memory ran out is then destroyed.
  SmallVector(std::initializer_list<T> v) : SmallVector() { append(v.begin(), v.end()); }
  explicit SmallVector(std::size_t n, const T& v = T()) : SmallVector() { resize(n, v); }
  template <typename It>
  requires(!std::is_integral_v<It>) SmallVector(It b, It e) : SmallVector() { append(b, e); }
  SmallVector(const SmallVector& o) : SmallVector() { append(o.begin(), o.end()); }
  SmallVector(SmallVector&& o) noexcept { take(o); }
  SmallVector& operator=(const SmallVector& o) {
    if (this != &o) {
      clear();
      append(o.begin(), o.end());
    }
    return *this;
  }
  SmallVector& operator=(SmallVector&& o) noexcept {
    if (this != &o) {
      destroy();
      take(o);
    }
    return *this;
  }
  ~SmallVector() { destroy(); }

  T* data() { return ptr_; }
  const T* data() const { return ptr_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return ptr_; }
  T* end() { return ptr_ + size_; }
  const T* begin() const { return ptr_; }
  const T* end() const { return ptr_ + size_; }
  T& operator[](std::size_t i) { return ptr_[i]; }
  const T& operator[](std::size_t i) const { return ptr_[i]; }
  T& back() { return ptr_[size_ - 1]; }
  const T& back() const { return ptr_[size_ - 1]; }
  T& front() { return ptr_[0]; }
  const T& front() const { return ptr_[0]; }

  void reserve(std::size_t n) {
    if (n > cap_) grow(n);
  }
  void push_back(T v) {
    if (size_ == cap_) grow(std::size_t{cap_} * 2);
    new (ptr_ + size_) T(std::move(v));
    ++size_;
  }
  template <typename... A>
  T& emplace_back(A&&... a) {
    if (size_ == cap_) return push_back(T(std::forward<A>(a)...)), back();  // a may lie in here
    T* made = new (ptr_ + size_) T(std::forward<A>(a)...);
    ++size_;
    return *made;
  }
  void pop_back() { ptr_[--size_].~T(); }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }
  void resize(std::size_t n, const T& v = T()) {
    reserve(n);
    while (size_ > n) pop_back();
    while (size_ < n) push_back(v);
  }
  template <typename It>
  void append(It b, It e) {
    if constexpr (std::is_same_v<std::remove_const_t<std::remove_pointer_t<It>>, T> &&
                  std::is_trivially_copyable_v<T>) {
      reserve(size_ + static_cast<std::size_t>(e - b));
      for (; b != e; ++b) ptr_[size_++] = *b;
    } else {
      for (; b != e; ++b) push_back(*b);
    }
  }
  void insert(T* at, T v) {
    std::size_t i = static_cast<std::size_t>(at - ptr_);
    push_back(std::move(v));
    std::rotate(ptr_ + i, ptr_ + size_ - 1, ptr_ + size_);
  }
  void erase(T* at) {
    std::move(at + 1, end(), at);
    pop_back();
  }
  operator std::span<const T>() const { return {ptr_, size_}; }
  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  T* inline_data() { return reinterpret_cast<T*>(room_); }
  void grow(std::size_t want) {
    std::size_t cap = std::max<std::size_t>(want, N);
    if (cap > UINT32_MAX) throw std::bad_alloc();
    T* p = static_cast<T*>(::operator new(cap * sizeof(T), std::align_val_t(alignof(T))));
    std::uninitialized_move(begin(), end(), p);
    std::destroy(begin(), end());
    release();
    ptr_ = p;
    cap_ = static_cast<std::uint32_t>(cap);
  }
  void release() {
    if (ptr_ != inline_data()) ::operator delete(ptr_, std::align_val_t(alignof(T)));
  }
  void destroy() {
    std::destroy(begin(), end());
    release();
    ptr_ = inline_data();
    size_ = 0;
    cap_ = N;
  }
  void take(SmallVector& o) noexcept {
    if (o.ptr_ != o.inline_data()) {
      ptr_ = std::exchange(o.ptr_, o.inline_data());
      size_ = std::exchange(o.size_, 0);
      cap_ = std::exchange(o.cap_, N);
    } else {
      ptr_ = inline_data();
      size_ = o.size_;
      cap_ = N;
      if constexpr (Relocatable<T>::value && sizeof room_ <= 64) {
        std::memcpy(room_, o.room_, sizeof room_);  // of constant size: a few moves, no call
        o.size_ = 0;
      } else {
        std::uninitialized_move(o.begin(), o.end(), ptr_);
        o.clear();
      }
    }
  }
  T* ptr_ = inline_data();
  std::uint32_t size_ = 0;
  std::uint32_t cap_ = N;
  alignas(T) unsigned char room_[N * sizeof(T)];
};

}  // namespace quern
