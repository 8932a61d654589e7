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
constexpr std::array<Radix, 8> kRadices{
    {{8, 11}, {4, 8}, {13, 24}, {11, 21}, {7, 15}, {5, 12}, {3, 9}, {2, 6}}};

// How often each radix divides n, of powers of two the larger ones, none of which costs more than
// smaller ones.
std::array<int, 8> factors(std::int64_t n) {
  std::array<int, 8> found{};
  for (std::size_t i = 2; i < 7; ++i)
    for (; n % kRadices[i].r == 0; n /= kRadices[i].r) ++found[i];
  int twos = 0;
  for (; n % 2 == 0; n /= 2) ++twos;
  // 16 is 4 * 4, not 8 * 2.
  found[0] = twos % 3 == 1 && twos > 1 ? twos / 3 - 1 : twos / 3;
  twos -= 3 * found[0];
  found[1] = twos / 2;
  found[7] = twos % 2;
  return found;
}

double stage_cost(std::int64_t n) {
  const std::array<int, 8> found = factors(n);
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
  const std::array<int, 8> found = factors(t.rows);
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

Number times(Number a, Number b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// The transform in f64 of x, whose length has small factors, by the passes of Stockham.
std::vector<Number> transformed(std::vector<Number> x) {
  const std::size_t n = x.size();
  std::vector<Number> y(n), roots(n);
  for (std::size_t k = 0; k < n; ++k)
    roots[k] = root(static_cast<std::int64_t>(k), static_cast<std::int64_t>(n));
  std::size_t same = 1, r = 2;
  for (std::size_t left = n; left > 1; same *= r, left /= r) {
    while (left % r != 0) ++r;
    const std::size_t m = left / r;
    for (std::size_t p = 0; p < m; ++p) {
      for (std::size_t k = 0; k < r; ++k) {
        for (std::size_t q = 0; q < same; ++q) {
          Number sum = 0;
          for (std::size_t j = 0; j < r; ++j)
            sum += times(x[(j * m + p) * same + q], roots[j * k % r * (n / r)]);
          y[(p * r + k) * same + q] = times(sum, roots[p * k * same]);
        }
      }
    }
    std::swap(x, y);
  }
  return x;
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

// exp(-pi i k^2 / n) of all k; k * k modulo 2 n keeps the angle exact for long lines.
std::vector<Number> chirp(std::int64_t n) {
  std::vector<Number> c;
  std::int64_t square = 0;
  for (std::int64_t k = 0; k < n; ++k) {
    c.push_back(root(square, 2 * n));
    square = (square + 2 * k + 1) % (2 * n);
  }
  return c;
}

// What the transform of a line times its chirp is multiplied with, `size` numbers.
std::vector<Number> chirp_filter(const std::vector<Number>& c, std::int64_t size, double scale) {
  std::vector<Number> f(static_cast<std::size_t>(size));
  for (std::size_t k = 0; k < c.size(); ++k)
    f[k] = f[(f.size() - k) % f.size()] = std::conj(c[k]) * (scale / static_cast<double>(size));
  return transformed(std::move(f));
}

void add_chirp(FftTable& t) {
  t.rows = convolution(2 * t.n - 1);
  add_stages(t);
  const std::vector<Number> c = chirp(t.n), f = chirp_filter(c, t.rows, 1);
  t.chirp.resize(2 * c.size());
  t.filter.resize(2 * f.size());
  for (std::size_t k = 0; k < c.size(); ++k) put(c[k], &t.chirp[2 * k]);
  for (std::size_t k = 0; k < f.size(); ++k) put(f[k], &t.filter[2 * k]);
}

// Number z to lane `lane` of row `row`.
void put_lane(Number z, std::vector<float>& rows, std::int64_t row, std::int64_t lane,
              std::int64_t lanes) {
  rows[static_cast<std::size_t>(2 * lanes * row + lane)] = static_cast<float>(z.real());
  rows[static_cast<std::size_t>(2 * lanes * row + lanes + lane)] = static_cast<float>(z.imag());
}

// How many groups of `rows` rows are crossed as one.
std::int64_t folds(std::int64_t rows, std::int64_t lanes) {
  return rows == lanes / 2 ? 2 : rows > 1 && rows == lanes / 4 ? 4 : 1;
}

// A table with `across` lanes a line, whose results come times `scale`.
FftTable along_table(std::int64_t n, std::int64_t across, double scale, std::int64_t lanes) {
  FftTable t;
  t.n = n;
  t.across = across;
  t.rows = n / across;
  t.folds = folds(t.rows, lanes);
  add_stages(t);
  const std::int64_t all = t.folds * t.rows;
  t.turn.resize(static_cast<std::size_t>(2 * lanes * all));
  for (std::int64_t k = 0; k < all; ++k)
    for (std::int64_t l = 0; l < lanes; ++l)
      put_lane(root(l % across * (k % t.rows), n) * scale, t.turn, k, l, lanes);
  return t;
}

// Rows of all lanes for a line, convolved.
FftTable chirp_table(std::int64_t n, double scale, std::int64_t lanes) {
  const std::int64_t rows = std::max(lanes, convolution((2 * n - 1 + lanes - 1) / lanes));
  FftTable t = along_table(rows * lanes, lanes, 1, lanes);
  t.n = n;
  const std::vector<Number> c = chirp(n), f = chirp_filter(c, rows * lanes, scale);
  const std::int64_t own = (n + lanes - 1) / lanes, blocks = (rows + lanes - 1) / lanes;
  t.chirp.resize(static_cast<std::size_t>(2 * lanes * own));
  for (std::int64_t k = 0; k < n; ++k)
    put_lane(c[static_cast<std::size_t>(k)], t.chirp, k / lanes, k % lanes, lanes);
  t.filter.resize(static_cast<std::size_t>(2 * lanes * lanes * blocks));
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t k = std::min(b * lanes, rows - lanes);
    for (std::int64_t q = 0; q < lanes; ++q)
      for (std::int64_t l = 0; l < lanes; ++l)
        put_lane(f[static_cast<std::size_t>(k + l + rows * q)], t.filter, b * lanes + q, l, lanes);
  }
  return t;
}

constexpr double kScalar = 100;  // numbers one by one to and from lanes

// Of n complex numbers in each of `lines`, in cycles of a lane for each number of each line.
double along_cost(std::int64_t n, std::int64_t across, std::int64_t lines, std::int64_t lanes) {
  const std::int64_t m = n / across, more = folds(m, lanes), group = more * (lanes / across);
  const double blocks =
      static_cast<double>((more * m + lanes - 1) / lanes * lanes) / static_cast<double>(more);
  const double cross = across >= 16 ? 26 : across >= 8 ? 22 : 20;
  const double idle = static_cast<double>((lines + group - 1) / group * group);
  double cost = stage_cost(m) + cross * blocks / static_cast<double>(m);
  if (group * n > 4096) cost *= 1.15;  // leaves the nearest cache
  return cost * idle / static_cast<double>(lines);
}

double chirp_cost(std::int64_t n, std::int64_t lanes) {
  const auto size = static_cast<double>(std::max(2 * n, lanes * lanes));
  const double cost = 2 * stage_cost(convolution((2 * n - 1 + lanes - 1) / lanes)) + 66;
  return (n > 4096 ? 1.3 : 1) * (cost * size / static_cast<double>(n) + 20);
}

double beside_cost(std::int64_t n, std::int64_t lines, std::int64_t lanes, FftAccess access) {
  const double idle = static_cast<double>((lines + lanes - 1) / lanes * lanes);
  double cost =
      fft_has_factors(n) ? stage_cost(n) : 2.2 * (2 * stage_cost(convolution(2 * n - 1)) + 16);
  if (lanes * n > 4096) cost *= 1.15;
  if (lanes * n > 65536) cost *= 1.3;
  cost += access == FftAccess::along ? 22 : 8;
  cost *= idle / static_cast<double>(lines);
  return cost + (access == FftAccess::scattered || lines < lanes ? kScalar : 0);
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
                 std::int64_t lines, FftAccess access, std::int64_t lanes) {
  FftTask task;
  task.n = n;
  task.from = from;
  task.to = to;
  task.swap = swap;
  task.scale = static_cast<float>(scale);
  const bool real = from == FftForm::real || to == FftForm::real;
  const bool pairwise = to != FftForm::complex;
  const bool factors = fft_has_factors(n), halved = real && n % 2 == 0 && (pairwise || !swap);
  const auto rest = static_cast<double>(lines);
  // Beside, real lines go in pairs unless a whole spectrum is wanted.
  const std::int64_t pairs = pairwise ? (lines + 1) / 2 : lines;
  double best = beside_cost(n, pairs, lanes, access) * static_cast<double>(pairs) / rest;
  if (n > (factors ? kFftLongest : kFftLongest / 2)) best = std::numeric_limits<double>::max();
  // Along: half the numbers, and as much as a pass to part them.
  const std::int64_t numbers = halved ? n / 2 : n;
  const double share = halved ? 0.5 : 1;
  const double more =
      (halved ? 7 : 0) + (access == FftAccess::along && halved == real ? 0 : kScalar);
  const double halved_scale = from == FftForm::real && halved ? scale / 2 : scale;
  std::int64_t across = 1;
  if (fft_has_factors(numbers)) {
    for (std::int64_t c = lanes; c >= std::max<std::int64_t>(2, lanes / 4); c /= 2) {
      if (numbers % c != 0 || numbers < 2 * c) continue;
      const double cost = share * along_cost(numbers, c, lines, lanes) + more;
      if (cost < best) best = cost, across = c;
    }
  } else if (share * chirp_cost(numbers, lanes) + more < best) {
    across = lanes;
  }
  if (across == 1) {
    task.table = fft_table(n);
    task.group = pairwise ? 2 * lanes : lanes;
    return task;
  }
  const bool convolved = !fft_has_factors(numbers);
  task.table = convolved ? chirp_table(numbers, halved_scale, lanes)
                         : along_table(numbers, across, halved_scale, lanes);
  task.staged = convolved || access != FftAccess::along || halved != real;
  task.group = task.table.folds * (lanes / across);
  if (!halved) return task;
  // Short lines in larger groups: those that are parted were stored some time before.
  if (!convolved)
    task.group *=
        std::clamp<std::int64_t>(2048 / (task.group * numbers), 1, 2 * kFftLanes / task.group);
  const auto size = static_cast<std::size_t>(n / 4 + 1);
  task.halves.resize(2 * size);
  for (std::size_t k = 0; k < size; ++k) {
    const Number w = root(static_cast<std::int64_t>(k), n);
    task.halves[k] = static_cast<float>(w.real());
    task.halves[size + k] = static_cast<float>(-w.imag());
  }
  return task;
}

std::int64_t fft_scratch(const FftTask& task, std::int64_t lanes) {
  const FftTable& t = task.table;
  const std::int64_t row = 2 * lanes;
  if (t.across == 1) return 2 * std::max(t.rows, task.n + 2) * row;
  const std::int64_t planes = task.halves.empty() ? 0 : task.group * 2 * (t.n + lanes);
  const std::int64_t copies = task.staged ? task.group * 2 * (task.n + 2 * lanes) : 0;
  return 2 * t.folds * t.rows * row + planes + copies;
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
