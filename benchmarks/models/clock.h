/* clock.h - seconds, and the end of the program when a call fails. Benchmarks only. */
#ifndef QUERN_BENCH_CLOCK_H
#define QUERN_BENCH_CLOCK_H
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "quern/ops.h"

static inline double bench_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void bench_check(qn_status s, qn_error* e) {
  if (s == QN_OK) return;
  fprintf(stderr, "%s: %s\n", qn_status_name(s), qn_error_message(e));
  qn_error_free(e);
  exit(1);
}

static inline int bench_less(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static inline double bench_median(double* t, int n) {
  qsort(t, (size_t)n, sizeof *t, bench_less);
  return n % 2 ? t[n / 2] : (t[n / 2 - 1] + t[n / 2]) / 2;
}
#endif
