// The loops of epilogue steps over one row.
// Templates only, so that a file compiled for another target may include this under its target
// pragma; include epilogue.hpp before the pragma.
#pragma once
#include "plugins/sdk/epilogue.hpp"

namespace quern::sdk {

// One of the basic steps over a row of n values; p's element j lies at p[j * sn]. Tag keeps
// instances of different targets apart: give a type of an anonymous namespace.
template <class T, int VectorBytes, class Tag>
void epilogue_row(EpilogueStep::Kind kind, T* c, std::int64_t n, const T* p, std::int64_t sn) {
  typedef T Vec __attribute__((vector_size(VectorBytes), aligned(sizeof(T)), may_alias));
  constexpr std::int64_t lanes = VectorBytes / static_cast<int>(sizeof(T));
  std::int64_t j = 0;
  const auto loop = [&](auto f) {
    if (sn == 0) {
      const T x = p ? *p : T(0);
      const Vec v = x - Vec{};
      for (; j + lanes <= n; j += lanes) {
        Vec& d = *reinterpret_cast<Vec*>(c + j);
        d = f(d, v);
      }
      for (; j < n; ++j) c[j] = f(c[j], x);
      return;
    }
    if (sn == 1) {
      for (; j + lanes <= n; j += lanes) {
        Vec& d = *reinterpret_cast<Vec*>(c + j);
        d = f(d, *reinterpret_cast<const Vec*>(p + j));
      }
    }
    for (; j < n; ++j) c[j] = f(c[j], p[j * sn]);
  };
  switch (kind) {
    case EpilogueStep::add:
      loop([](auto x, auto y) { return x + y; });
      break;
    case EpilogueStep::subtract:
      loop([](auto x, auto y) { return x - y; });
      break;
    case EpilogueStep::multiply:
      loop([](auto x, auto y) { return x * y; });
      break;
    case EpilogueStep::relu:
      sn = 0;
      p = nullptr;
      loop([](auto x, auto y) { return x < y ? y : x; });
      break;
    case EpilogueStep::maximum:
    case EpilogueStep::minimum:
    case EpilogueStep::silu:
      break;
  }
}

}  // namespace quern::sdk
