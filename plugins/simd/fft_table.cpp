// Factors and twiddles of Fourier transforms, how lines fill the lanes, the cut of long ones in
// two. Not here: the loops (fft_ops.cpp).
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "plugins/simd/fft_plan.h"

namespace quern::simd {
namespace {

using Number = std::complex<double>;

// Radices in the order of the passes, and about what a pass costs each number, in cycles of a lane.
struct Radix {
  std::int64_t r;
  double cost;
};
constexpr std::array<Radix, 9> kRadices{
    {{16, 15}, {8, 11}, {4, 8}, {13, 24}, {11, 21}, {7, 15}, {5, 12}, {3, 9}, {2, 6}}};

// How often each radix divides n, with the cheapest powers of two.
std::array<int, 9> factors(std::int64_t n) {
  std::array<int, 9> found{};
  for (std::size_t i = 3; i < 8; ++i)
    for (; n % kRadices[i].r == 0; n /= kRadices[i].r) ++found[i];
  int twos = 0;
  for (; n % 2 == 0; n /= 2) ++twos;
  double best = std::numeric_limits<double>::max();
  for (int a = 0; 4 * a <= twos; ++a) {
    for (int b = 0; 4 * a + 3 * b <= twos; ++b) {
      const int rest = twos - 4 * a - 3 * b, c = rest / 2, d = rest % 2;
      const double cost =
          a * kRadices[0].cost + b * kRadices[1].cost + c * kRadices[2].cost + d * kRadices[8].cost;
      if (cost >= best) continue;
      best = cost;
      found[0] = a, found[1] = b, found[2] = c, found[8] = d;
    }
  }
  return found;
}

double stage_cost(std::int64_t n) {
  const std::array<int, 9> found = factors(n);
  double cost = 0;
  for (std::size_t i = 0; i < found.size(); ++i) cost += found[i] * kRadices[i].cost;
  return cost;
}

// exp(-2 pi i k / n).
Number root(std::int64_t k, std::int64_t n) {
  return std::polar(1.0,
                    -2 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n));
}

void put(Number z, float* to) {
  to[0] = static_cast<float>(z.real());
  to[1] = static_cast<float>(z.imag());
}

// Stages for t.rows.
void add_stages(FftTable& t) {
  const std::array<int, 9> found = factors(t.rows);
  std::int64_t n = t.rows, same = 1;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::int64_t r = kRadices[i].r;
    for (int times = 0; times < found[i]; ++times, n /= r, same *= r) {
      const std::size_t first = t.twiddles.size();
      t.stages.push_back({r, n / r, same, first});
      t.twiddles.resize(first + static_cast<std::size_t>(2 * (r - 1) * (n / r)));
      float* to = &t.twiddles[first];
      for (std::int64_t p = 0; p < n / r; ++p)
        for (std::int64_t k = 1; k < r; ++k, to += 2) put(root(p * k, n), to);
    }
  }
}

// A transform in f64 of a length with small factors.
std::vector<Number> transformed(const std::vector<Number>& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  std::int64_t r = 2;
  while (r < n && n % r != 0) ++r;
  if (n == 1) return x;
  std::vector<std::vector<Number>> part;
  for (std::int64_t k = 0; k < r; ++k) {
    std::vector<Number> every;
    for (std::int64_t j = k; j < n; j += r) every.push_back(x[static_cast<std::size_t>(j)]);
    part.push_back(transformed(every));
  }
  std::vector<Number> y;
  for (std::int64_t j = 0; j < n; ++j) {
    Number sum = 0;
    for (std::int64_t k = 0; k < r; ++k)
      sum +=
          part[static_cast<std::size_t>(k)][static_cast<std::size_t>(j % (n / r))] * root(j * k, n);
    y.push_back(sum);
  }
  return y;
}

bool only_factors_to_7(std::int64_t n) {
  for (const std::int64_t r : {2, 3, 5, 7})
    while (n % r == 0) n /= r;
  return n == 1;
}

// The cheapest length of a convolution with at least `least`.
std::int64_t convolution(std::int64_t least) {
  std::int64_t best = 0;
  double cost = std::numeric_limits<double>::max();
  for (std::int64_t n = least; n < least + least / 3 + 16; ++n) {
    if (!only_factors_to_7(n)) continue;
    const double c = static_cast<double>(n) * (stage_cost(n) + 10);
    if (c < cost) cost = c, best = n;
  }
  return best;
}

void add_chirp(FftTable& t) {
  t.rows = convolution(2 * t.n - 1);
  add_stages(t);
  std::vector<Number> filter(static_cast<std::size_t>(t.rows));
  t.chirp.resize(static_cast<std::size_t>(2 * t.n));
  t.filter.resize(2 * filter.size());
  // k * k modulo 2 n keeps the angle exact for long lines.
  std::int64_t square = 0;
  for (std::int64_t k = 0; k < t.n; ++k) {
    const Number c = root(square, 2 * t.n);
    put(c, &t.chirp[static_cast<std::size_t>(2 * k)]);
    filter[static_cast<std::size_t>(k)] = filter[static_cast<std::size_t>((t.rows - k) % t.rows)] =
        std::conj(c) / static_cast<double>(t.rows);
    square = (square + 2 * k + 1) % (2 * t.n);
  }
  filter = transformed(filter);
  for (std::size_t k = 0; k < filter.size(); ++k) put(filter[k], &t.filter[2 * k]);
}

// A table with `across` lanes a line, whose results come times `scale`.
FftTable along_table(std::int64_t n, std::int64_t across, double scale, std::int64_t lanes) {
  FftTable t;
  t.n = n;
  t.across = across;
  t.rows = n / across;
  add_stages(t);
  t.turn.resize(static_cast<std::size_t>(2 * lanes * t.rows));
  for (std::int64_t k = 0; k < t.rows; ++k) {
    float* row = &t.turn[static_cast<std::size_t>(2 * lanes * k)];
    for (std::int64_t l = 0; l < lanes; ++l) {
      float w[2];
      put(root(l % across * k, n) * scale, w);
      row[l] = w[0], row[lanes + l] = w[1];
    }
  }
  return t;
}

// Of n complex numbers in each of `lines`, in cycles of a lane for each number of each line.
double along_cost(std::int64_t n, std::int64_t across, std::int64_t lines, std::int64_t lanes) {
  const std::int64_t m = n / across, group = lanes / across;
  const double blocks = static_cast<double>((m + lanes - 1) / lanes * lanes);
  const double cross = 16 + (across >= 16 ? 12 : across >= 8 ? 8 : 4);
  const double idle = static_cast<double>((lines + group - 1) / group * group);
  double cost = stage_cost(m) + cross * blocks / static_cast<double>(m);
  if (group * n > 4096) cost *= 1.15;  // leaves the nearest cache
  return cost * idle / static_cast<double>(lines);
}

double beside_cost(std::int64_t n, std::int64_t lines, std::int64_t lanes) {
  const double idle = static_cast<double>((lines + lanes - 1) / lanes * lanes);
  double cost = stage_cost(n) + 22;
  if (lanes * n > 4096) cost *= 1.15;
  if (lanes * n > 65536) cost *= 1.3;
  return cost * idle / static_cast<double>(lines);
}

}  // namespace

bool fft_has_factors(std::int64_t n) {
  for (const Radix& r : kRadices)
    while (n % r.r == 0) n /= r.r;
  return n == 1;
}

FftTable fft_table(std::int64_t n) {
  FftTable t;
  t.n = t.rows = n;
  if (fft_has_factors(n))
    add_stages(t);
  else
    add_chirp(t);
  return t;
}

double fft_ns(std::int64_t n) {
  const auto size = static_cast<double>(n);
  const double each = 0.35 + 0.06 * std::log2(size + 1);
  return size * (fft_has_factors(n) ? each : 6 * each);
}

FftTask fft_task(std::int64_t n, FftForm from, FftForm to, bool swap, double scale,
                 std::int64_t lines, bool contiguous, std::int64_t lanes) {
  FftTask task;
  task.n = n;
  task.from = from;
  task.to = to;
  task.swap = swap;
  task.scale = static_cast<float>(scale);
  const bool real = from == FftForm::real || to == FftForm::real;
  if (contiguous && fft_has_factors(n) && !(real && n % 2 != 0)) {
    // Real lines: half the numbers, and as much as a pass to part them.
    const std::int64_t numbers = real ? n / 2 : n;
    const double share = real ? 0.5 : 1, more = real ? 7 : 0;
    const std::int64_t pairs = real ? (lines + 1) / 2 : lines;
    double best =
        beside_cost(n, pairs, lanes) * static_cast<double>(pairs) / static_cast<double>(lines);
    if (n > kFftLongest) best = std::numeric_limits<double>::max();
    std::int64_t across = 1;
    for (std::int64_t c = lanes; c >= std::max<std::int64_t>(2, lanes / 4); c /= 2) {
      if (numbers % c != 0 || numbers < 2 * c) continue;
      const double cost = share * along_cost(numbers, c, lines, lanes) + more;
      if (cost < best) best = cost, across = c;
    }
    if (across > 1) {
      const double halved = from == FftForm::real ? scale / 2 : scale;
      task.table = along_table(numbers, across, halved, lanes);
      if (!real) return task;
      const auto size = static_cast<std::size_t>(n / 4 + 1);
      task.halves.resize(2 * size);
      for (std::size_t k = 0; k < size; ++k) {
        const Number w = root(static_cast<std::int64_t>(k), n);
        task.halves[k] = static_cast<float>(w.real());
        task.halves[size + k] = static_cast<float>(-w.imag());
      }
      return task;
    }
  }
  task.table = fft_table(n);
  return task;
}

std::int64_t fft_scratch(const FftTask& task, std::int64_t lanes) {
  const std::int64_t row = 2 * lanes, rows = task.table.rows;
  const bool real = task.from == FftForm::real || task.to == FftForm::real;
  if (task.table.across > 1) return (real ? 3 : 2) * rows * row;
  return 2 * std::max(rows, task.n + 2) * row;
}

std::int64_t fft_cut(std::int64_t n) {
  for (auto a = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n))); a >= kFftLanes; --a)
    if (n % a == 0) return n / a <= kFftLongest ? a : 0;
  return 0;
}

FftCut fft_cut_table(std::int64_t n, std::int64_t lanes) {
  FftCut c;
  c.first = fft_cut(n);
  c.second = n / c.first;
  c.groups = (c.second + lanes - 1) / lanes;
  c.tables[0] = fft_table(c.first);
  if (c.second != c.first) c.tables[1] = fft_table(c.second);
  c.line.resize(static_cast<std::size_t>(2 * c.groups * c.first));
  for (std::int64_t g = 0; g < c.groups; ++g)
    for (std::int64_t k = 0; k < c.first; ++k)
      put(root(g * lanes * k, n), &c.line[static_cast<std::size_t>(2 * (g * c.first + k))]);
  c.lane.resize(static_cast<std::size_t>(2 * lanes * c.first));
  for (std::int64_t k = 0; k < c.first; ++k) {
    float* row = &c.lane[static_cast<std::size_t>(2 * lanes * k)];
    for (std::int64_t l = 0; l < lanes; ++l) {
      float w[2];
      put(root(l * k, n), w);
      row[l] = w[0], row[lanes + l] = w[1];
    }
  }
  return c;
}

}  // namespace quern::simd
