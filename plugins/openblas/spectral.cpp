// eigh and svd by divide and conquer, eig by QR steps, and their values alone. A matrix with an
// infinity or NaN, and one whose values do not converge, gives NaN. Signs of vectors are naive's:
// the largest component of each eigenvector and of each row of vt is positive.
#include <complex>

#include "plugins/openblas/lapack.h"
#include "plugins/openblas/matrices.h"

namespace quern::openblas {
namespace {

using Complex = std::complex<float>;

bool has_vectors(const Problem& p) {
  return p.op == QN_OP_EIGH || p.op == QN_OP_SVD || p.op == QN_OP_EIG;
}

// Numbers that LAPACK asks for come back in T, which rounds large ones of f32.
template <class T>
i64 counted(T want) {
  return i64(want) + i64(want) / (1 << 22) + 1;
}

template <class T>
struct Symmetric {
  T *a, *work;
  blasint* integers;
  T* values;  // where the op gives values alone they go out at once
  Symmetric(const Problem& p, Memory& memory)
      : a(memory.take<T>(p.n() * p.n())),
        work(memory.take<T>(p.work)),
        integers(memory.take<blasint>(p.integers)),
        values(memory.take<T>(p.n())) {}
};

template <class T>
struct General {
  T *a, *vectors, *real, *imag, *work;
  General(const Problem& p, Memory& memory)
      : a(memory.take<T>(p.n() * p.n())),
        vectors(memory.take<T>(has_vectors(p) ? p.n() * p.n() : 1)),
        real(memory.take<T>(p.n())),
        imag(memory.take<T>(p.n())),
        work(memory.take<T>(p.work)) {}
};

template <class T>
struct Singular {
  T *a, *work, *signs;
  blasint* integers;
  Singular(const Problem& p, Memory& memory)
      : a(memory.take<T>(p.m() * p.n())),
        work(memory.take<T>(p.work)),
        signs(memory.take<T>(p.least())),
        integers(memory.take<blasint>(p.integers)) {}
};

template <class Space>
std::uint64_t bytes(const Problem& p) {
  Memory memory;
  const Space counted(p, memory);
  return memory.used();
}

template <class T>
void describe_eigh(Problem& p) {
  const auto n = blasint(p.n()), ld = std::max(1, n);
  const blasint ask = -1;
  blasint info = 0, integers = 0;
  T want = 0;
  Lapack<T>::syevd(has_vectors(p) ? "V" : "N", "L", &n, nullptr, &ld, nullptr, &want, &ask,
                   &integers, &ask, &info, 1, 1);
  p.work = counted(want);
  p.integers = integers;
}

template <class T>
void run_eigh(Item& item) {
  const i64 n = item.p.n();
  const bool vectors = has_vectors(item.p);
  const Symmetric<T> s(item.p, item.memory);
  T* values = item.out<T>(0, n);
  // LAPACK's columns are our rows: the triangles change places.
  load_rows(item.p.x, item.in<T>(0), s.a);
  bool good = true;
  for (i64 i = 0; i < n; ++i)
    good = good && (item.p.upper ? finite(s.a + i * n + i, n - i) : finite(s.a + i * n, i + 1));
  blasint info = 0;
  if (good && n > 0) {
    const auto size = blasint(n), work = blasint(item.p.work), integers = blasint(item.p.integers);
    Lapack<T>::syevd(vectors ? "V" : "N", item.p.upper ? "L" : "U", &size, s.a, &size, values,
                     s.work, &work, s.integers, &integers, &info, 1, 1);
  }
  if (!good || info != 0) {
    fill_nan(values, n);
    fill_nan(s.a, n * n);
  }
  if (!vectors) return;
  for (i64 k = 0; k < n; ++k) {
    T* v = s.a + k * n;
    if (!points_down(v, n)) continue;
    for (i64 i = 0; i < n; ++i) v[i] = -v[i];
  }
  load(s.a, 1, n, n, n, item.out<T>(1, n * n));
}

// LAPACK decomposes the transposed matrix, as which it sees our rows: its u is our vt, its vt our
// u. For values alone a tall matrix is brought into columns: LAPACK is faster with those.
bool turned(const Problem& p) { return has_vectors(p) || p.m() <= p.n(); }

template <class T>
void describe_svd(Problem& p) {
  const auto m = blasint(turned(p) ? p.n() : p.m()), n = blasint(turned(p) ? p.m() : p.n());
  const blasint ld = std::max(1, m), ld_vt = std::max(1, n);
  const blasint ask = -1;
  blasint info = 0;
  T want = 0;
  Lapack<T>::gesdd(has_vectors(p) ? "A" : "N", &m, &n, nullptr, &ld, nullptr, nullptr, &ld, nullptr,
                   &ld_vt, &want, &ask, nullptr, &info, 1);
  p.work = counted(want);
  p.integers = 8 * p.least();
}

template <class T>
void identity(T* a, i64 n) {
  std::fill_n(a, n * n, T(0));
  for (i64 i = 0; i < n; ++i) a[i * n + i] = 1;
}

template <class T>
void run_svd(Item& item) {
  const i64 rows = item.p.m(), columns = item.p.n(), least = item.p.least();
  const bool vectors = has_vectors(item.p);
  const Singular<T> s(item.p, item.memory);
  T* values = item.out<T>(vectors ? 1 : 0, least);
  T* u = vectors ? item.out<T>(0, rows * rows) : nullptr;
  T* vt = vectors ? item.out<T>(2, columns * columns) : nullptr;
  turned(item.p) ? load_rows(item.p.x, item.in<T>(0), s.a)
                 : load_columns(item.p.x, item.in<T>(0), s.a);
  if (least == 0) {
    if (!vectors) return;
    identity(u, rows);
    identity(vt, columns);
    return;
  }
  const bool good = finite(s.a, rows * columns);
  blasint info = 0;
  if (good) {
    const auto m = blasint(turned(item.p) ? columns : rows);
    const auto n = blasint(turned(item.p) ? rows : columns), work = blasint(item.p.work);
    Lapack<T>::gesdd(vectors ? "A" : "N", &m, &n, s.a, &m, values, vt, &m, u, &n, s.work, &work,
                     s.integers, &info, 1);
  }
  if (!good || info != 0) {
    fill_nan(values, least);
    if (vectors) {
      fill_nan(u, rows * rows);
      fill_nan(vt, columns * columns);
    }
  }
  if (!vectors) return;
  for (i64 k = 0; k < least; ++k) {
    T* row = vt + k * columns;
    s.signs[k] = points_down(row, columns) ? T(-1) : T(1);
    for (i64 j = 0; j < columns; ++j) row[j] *= s.signs[k];
  }
  for (i64 i = 0; i < rows; ++i) {
    for (i64 k = 0; k < least; ++k) u[i * rows + k] *= s.signs[k];
  }
}

template <class T>
void describe_eig(Problem& p) {
  const auto n = blasint(p.n()), ld = std::max(1, n);
  const blasint ask = -1;
  blasint info = 0;
  T want = 0;
  Lapack<T>::geev("N", has_vectors(p) ? "V" : "N", &n, nullptr, &ld, nullptr, nullptr, nullptr, &ld,
                  nullptr, &ld, &want, &ask, &info, 1, 1);
  p.work = counted(want);
}

template <class T>
void run_eig(Item& item) {
  const i64 n = item.p.n();
  const bool vectors = has_vectors(item.p);
  const General<T> g(item.p, item.memory);
  load_columns(item.p.x, item.in<T>(0), g.a);
  const bool good = finite(g.a, n * n);
  blasint info = 0;
  if (good && n > 0) {
    const auto size = blasint(n), work = blasint(item.p.work);
    Lapack<T>::geev("N", vectors ? "V" : "N", &size, g.a, &size, g.real, g.imag, nullptr, &size,
                    g.vectors, &size, g.work, &work, &info, 1, 1);
  }
  if (!good || info != 0) {
    fill_nan(g.real, n);
    fill_nan(g.imag, n);
    if (vectors) fill_nan(g.vectors, n * n);
  }
  auto* values = item.out<Complex>(0, n);
  for (i64 k = 0; k < n; ++k) values[k] = Complex(float(g.real[k]), float(g.imag[k]));
  if (!vectors) return;
  auto* v = item.out<Complex>(1, n * n);
  for (i64 k = 0; k < n;) {
    const T* real = g.vectors + k * n;
    if (k + 1 == n || g.imag[k] == 0 || !(g.imag[k] > 0)) {
      for (i64 i = 0; i < n; ++i) v[i * n + k] = float(real[i]);
      ++k;
      continue;
    }
    // A pair of conjugates: the real and the imaginary parts are two columns.
    const T* imag = real + n;
    for (i64 i = 0; i < n; ++i) {
      v[i * n + k] = Complex(float(real[i]), float(imag[i]));
      v[i * n + k + 1] = std::conj(v[i * n + k]);
    }
    k += 2;
  }
}

double cube(const Problem& p) { return double(p.m()) * double(p.n()) * double(p.least()); }
double eigh_flops(const Problem& p) { return (has_vectors(p) ? 16 : 7) * cube(p); }
double svd_flops(const Problem& p) {
  const double long_side = double(std::max(p.m(), p.n())), least = double(p.least());
  return (has_vectors(p) ? 30 : 15) * cube(p) +
         (has_vectors(p) ? 4 * long_side * long_side * least : 0);
}
double eig_flops(const Problem& p) { return (has_vectors(p) ? 100 : 50) * cube(p); }

constexpr auto eigh_bytes_f32 = bytes<Symmetric<float>>;
constexpr auto eigh_bytes_f64 = bytes<Symmetric<double>>;

const Routine kTable[] = {
    {QN_OP_EIGH,
     "syevd",
     {describe_eigh<float>, describe_eigh<double>},
     {eigh_bytes_f32, eigh_bytes_f64},
     {run_eigh<float>, run_eigh<double>},
     eigh_flops,
     3000},
    {QN_OP_EIGVALSH,
     "syevd",
     {describe_eigh<float>, describe_eigh<double>},
     {eigh_bytes_f32, eigh_bytes_f64},
     {run_eigh<float>, run_eigh<double>},
     eigh_flops,
     2000},
    {QN_OP_SVD,
     "gesdd",
     {describe_svd<float>, describe_svd<double>},
     {bytes<Singular<float>>, bytes<Singular<double>>},
     {run_svd<float>, run_svd<double>},
     svd_flops,
     4000},
    {QN_OP_SINGULAR_VALUES,
     "gesdd",
     {describe_svd<float>, describe_svd<double>},
     {bytes<Singular<float>>, bytes<Singular<double>>},
     {run_svd<float>, run_svd<double>},
     svd_flops,
     3000},
    {QN_OP_EIG,
     "geev",
     {describe_eig<float>, describe_eig<double>},
     {bytes<General<float>>, bytes<General<double>>},
     {run_eig<float>, run_eig<double>},
     eig_flops,
     5000},
    {QN_OP_EIGVALS,
     "geev",
     {describe_eig<float>, describe_eig<double>},
     {bytes<General<float>>, bytes<General<double>>},
     {run_eig<float>, run_eig<double>},
     eig_flops,
     4000},
};

}  // namespace

std::span<const Routine> spectral_routines() { return kTable; }

}  // namespace quern::openblas
