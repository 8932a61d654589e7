// qr, by LAPACK's blocked reflections.
#include "plugins/openblas/lapack.h"
#include "plugins/openblas/matrices.h"

namespace quern::openblas {
namespace {

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
  Lapack<T>::geqrf(&m, &n, s.a, &ld, s.tau, s.work, &work, &info);
  load(s.a, 1, m, k, n, r);
  for (i64 i = 0; i < k; ++i) std::fill_n(r + i * n, i, T(0));
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
