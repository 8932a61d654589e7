// qr, by LAPACK's blocked reflections; with few columns by reflections in plain loops.
#include "plugins/openblas/each_isa.h"
#include "plugins/openblas/lapack.h"
#include "plugins/openblas/matrices.h"

namespace quern::openblas {
namespace {

// Loops serve few columns or rows, whichever are fewer, that are not long.
bool small(const Problem& p) { return p.least() <= 32 && p.m() <= 256; }

template <class T>
[[gnu::always_inline]] inline T dot(const T* x, const T* y, i64 n) {
  constexpr i64 lanes = 64 / sizeof(T);
  T part[lanes] = {};
  i64 i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (i64 l = 0; l < lanes; ++l) part[l] += x[i + l] * y[i + l];
  }
  T sum = 0;
  for (; i < n; ++i) sum += x[i] * y[i];
  for (const T v : part) sum += v;
  return sum;
}

// y := (1 - tau v v^T) y for n numbers, v's first being 1 and not read.
template <class T>
[[gnu::always_inline]] inline void reflect(const T* v, T tau, T* y, i64 n) {
  const T along = tau * (y[0] + dot(v + 1, y + 1, n - 1));
  y[0] -= along;
  for (i64 i = 1; i < n; ++i) y[i] -= along * v[i];
}

// As LAPACK's geqr2: r above the diagonal of a, m x n in columns, the reflections' vectors below.
template <class T>
[[gnu::always_inline]] inline void reflections(T* a, i64 m, i64 n, T* tau) {
  for (i64 k = 0; k < std::min(m, n); ++k) {
    T *x = a + k * m + k, largest = 0, total = 0;
    const i64 rest = m - k;
    for (i64 i = 0; i < rest; ++i) {
      largest = std::abs(x[i]) > largest ? std::abs(x[i]) : largest;
      total += std::abs(x[i]);
    }
    tau[k] = 0;
    // What is next to the smallest number counts as 0; a NaN goes on.
    if (total < std::numeric_limits<T>::min() * 1e6) continue;
    const T head = x[0], scale = 1 / largest;
    for (i64 i = 0; i < rest; ++i) x[i] *= scale;
    const T tail = dot(x + 1, x + 1, rest - 1);
    if (tail == 0) {
      x[0] = head;
      for (i64 i = 1; i < rest; ++i) x[i] = 0;
      continue;
    }
    const T diagonal = -std::copysign(std::sqrt(x[0] * x[0] + tail), x[0]);
    const T factor = 1 / (x[0] - diagonal);
    tau[k] = (diagonal - x[0]) / diagonal;
    for (i64 i = 1; i < rest; ++i) x[i] *= factor;
    x[0] = diagonal * largest;
    for (i64 j = k + 1; j < n; ++j) reflect(x, tau[k], a + j * m + k, rest);
  }
}

// As org2r: the first n columns of the product of those reflections in their place.
template <class T>
[[gnu::always_inline]] inline void product(T* a, i64 m, i64 n, const T* tau) {
  for (i64 k = n; k-- > 0;) {
    T* v = a + k * m + k;
    for (i64 j = k + 1; j < n; ++j) reflect(v, tau[k], a + j * m + k, m - k);
    for (i64 i = 1; i < m - k; ++i) v[i] *= -tau[k];
    v[0] = 1 - tau[k];
    std::fill_n(a + k * m, k, T(0));
  }
}

QUERN_EACH_ISA void few_qr(float* a, i64 m, i64 n, float* tau) { reflections(a, m, n, tau); }
QUERN_EACH_ISA void few_qr(double* a, i64 m, i64 n, double* tau) { reflections(a, m, n, tau); }
QUERN_EACH_ISA void few_q(float* a, i64 m, i64 n, const float* tau) { product(a, m, n, tau); }
QUERN_EACH_ISA void few_q(double* a, i64 m, i64 n, const double* tau) { product(a, m, n, tau); }

template <class T>
struct Space {
  T *a, *tau, *work;  // a: m x n in columns, the reflections and r, then q
  Space(const Problem& p, Memory& memory)
      : a(memory.take<T>(p.m() * p.n())),
        tau(memory.take<T>(p.least())),
        work(memory.take<T>(p.work)) {}
};

template <class T>
std::uint64_t bytes(const Problem& p) {
  Memory memory;
  const Space<T> counted(p, memory);
  return memory.used();
}

template <class T>
void describe(Problem& p) {
  const auto m = blasint(p.m()), n = blasint(p.n()), k = blasint(p.least()), ld = std::max(1, m);
  const blasint ask = -1;
  blasint info = 0;
  T want[2] = {};
  Lapack<T>::geqrf(&m, &n, nullptr, &ld, nullptr, &want[0], &ask, &info);
  Lapack<T>::orgqr(&m, &k, &k, nullptr, &ld, nullptr, &want[1], &ask, &info);
  p.work = i64(std::max(want[0], want[1]));
}

template <class T>
void run_qr(Item& item) {
  const Problem& p = item.p;
  const auto m = blasint(p.m()), n = blasint(p.n()), k = blasint(p.least()), ld = std::max(1, m);
  const Space<T> s(p, item.memory);
  T *q = item.out<T>(0, i64(m) * k), *r = item.out<T>(1, i64(k) * n);
  load_columns(p.x, item.in<T>(0), s.a);
  if (k == 0) return;
  const auto work = blasint(p.work);
  blasint info = 0;
  if (small(p))
    few_qr(s.a, m, n, s.tau);
  else
    Lapack<T>::geqrf(&m, &n, s.a, &ld, s.tau, s.work, &work, &info);
  load(s.a, 1, m, k, n, r);
  for (i64 i = 0; i < k; ++i) std::fill_n(r + i * n, std::min<i64>(i, n), T(0));
  if (small(p))
    few_q(s.a, m, k, s.tau);
  else
    Lapack<T>::orgqr(&m, &k, &k, s.a, &ld, s.tau, s.work, &work, &info);
  load(s.a, 1, m, m, k, q);
}

double flops(const Problem& p) { return 5 * double(p.m()) * double(p.n()) * double(p.least()); }

const Routine kTable[] = {{QN_OP_QR,
                           "geqrf",
                           {describe<float>, describe<double>},
                           {bytes<float>, bytes<double>},
                           {run_qr<float>, run_qr<double>},
                           flops,
                           1000}};

}  // namespace

std::span<const Routine> orthogonal_routines() { return kTable; }

}  // namespace quern::openblas
