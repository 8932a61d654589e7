// Random values of any dtype, from a seed: the same numbers in every run.
#pragma once
#include "runtime/cli/check/problem.h"

namespace quern_cli::check {

// Uniform in [low, high]; integers take whole numbers in it, unsigned ones from 0.
Bytes random_values(const Meta&, std::uint64_t seed, double low, double high);

// A small generator (splitmix64).
struct Draw {
  std::uint64_t state;
  std::uint64_t next();
  // 0 .. n-1
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
};

}  // namespace quern_cli::check
