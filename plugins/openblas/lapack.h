// The routines of LAPACK that are called, by one name for f32 and f64, and BLAS's products.
// gfortran's convention: every argument by address, lengths of texts behind all others. Matrices of
// LAPACK lie in columns. None of these is called with a wrong argument.
#pragma once
#include <cblas.h>

#include <cstddef>
#include <type_traits>

namespace quern::openblas {
namespace fortran {

using Int = const blasint*;
using Text = const char*;

template <class T>
using Potrf = void(Text uplo, Int n, T* a, Int lda, blasint* info, std::size_t);
template <class T>
using Geqrf = void(Int m, Int n, T* a, Int lda, T* tau, T* work, Int lwork, blasint* info);
template <class T>
using Orgqr = void(Int m, Int n, Int k, T* a, Int lda, const T* tau, T* work, Int lwork,
                   blasint* info);
template <class T>
using Syevd = void(Text job, Text uplo, Int n, T* a, Int lda, T* w, T* work, Int lwork,
                   blasint* iwork, Int liwork, blasint* info, std::size_t, std::size_t);
template <class T>
using Gesdd = void(Text job, Int m, Int n, T* a, Int lda, T* s, T* u, Int ldu, T* vt, Int ldvt,
                   T* work, Int lwork, blasint* iwork, blasint* info, std::size_t);
template <class T>
using Geev = void(Text left, Text right, Int n, T* a, Int lda, T* real, T* imag, T* vl, Int ldvl,
                  T* vr, Int ldvr, T* work, Int lwork, blasint* info, std::size_t, std::size_t);

extern "C" {
Potrf<float> spotrf_;
Potrf<double> dpotrf_;
Geqrf<float> sgeqrf_;
Geqrf<double> dgeqrf_;
Orgqr<float> sorgqr_;
Orgqr<double> dorgqr_;
Syevd<float> ssyevd_;
Syevd<double> dsyevd_;
Gesdd<float> sgesdd_;
Gesdd<double> dgesdd_;
Geev<float> sgeev_;
Geev<double> dgeev_;
}

}  // namespace fortran

template <class T>
struct Lapack {
  template <class S, class D>
  static constexpr auto pick(S s, D d) {
    if constexpr (std::is_same_v<T, float>)
      return s;
    else
      return d;
  }
  static constexpr auto potrf = pick(fortran::spotrf_, fortran::dpotrf_);
  static constexpr auto geqrf = pick(fortran::sgeqrf_, fortran::dgeqrf_);
  static constexpr auto orgqr = pick(fortran::sorgqr_, fortran::dorgqr_);
  static constexpr auto syevd = pick(fortran::ssyevd_, fortran::dsyevd_);
  static constexpr auto gesdd = pick(fortran::sgesdd_, fortran::dgesdd_);
  static constexpr auto geev = pick(fortran::sgeev_, fortran::dgeev_);
  static constexpr auto gemm = pick(cblas_sgemm, cblas_dgemm);
  static constexpr auto gemv = pick(cblas_sgemv, cblas_dgemv);
};

}  // namespace quern::openblas
