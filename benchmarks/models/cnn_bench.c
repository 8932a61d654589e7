/* cnn_bench.c - times the reference CNN and shows where the time of its kernels goes.
 * usage: cnn_bench [THREADS [WORKLOAD]]; the comparison with other frameworks is in ../peers. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>

#include "models/clock.h"
#include "models/cnn.h"

static void row(void* self, const qn_kernel_report* r) {
  (void)self;
  if (r->total_ns == 0) return;
  printf("  %9.3f ms  %6llu runs  %s/%s  %s  %s\n", 1e-6 * (double)r->total_ns,
         (unsigned long long)r->runs, r->plugin, r->kernel, r->op, r->shapes);
}

static void work(cnn* m, int which, int way) {
  if (which == 0) cnn_train_step(m, 64, way);
  if (which == 1) cnn_train_step(m, 256, way);
  if (which == 2) cnn_classify(m, way);
  if (which == 3) cnn_single(m, 0, way);
}

int main(int argc, char** argv) {
  static const char* const names[] = {"train_64", "train_256", "classify_10k", "single"};
  static const int repeats[] = {15, 7, 3, 301};
  qn_runtime_config config;
  memset(&config, 0, sizeof config);
  config.hdr.struct_size = sizeof config;
  config.n_threads = argc > 1 ? (uint32_t)atoi(argv[1]) : 0;
  qn_runtime* rt = NULL;
  qn_error* e = NULL;
  bench_check(qn_runtime_create(&config, &rt, &e), e);
  cnn* m = cnn_new(rt);
  for (int which = 0; which < 4; ++which) {
    if (argc > 2 && strcmp(argv[2], names[which]) != 0) continue;
    for (int way = 0; way < 2; ++way) {
      double t[512];
      for (int i = 0; i < 2; ++i) work(m, which, way);
      for (int i = 0; i < repeats[which]; ++i) {
        const double start = bench_seconds();
        work(m, which, way);
        t[i] = bench_seconds() - start;
      }
      printf("%-12s %-8s %10.3f ms\n", names[which], way == CNN_COMPILED ? "compiled" : "lazy",
             1e3 * bench_median(t, repeats[which]));
      fflush(stdout);
    }
    bench_check(qn_runtime_clear_cache(rt, &e), e);
    bench_check(qn_set_profiling(rt, 1, &e), e);
    work(m, which, CNN_LAZY);
    bench_check(qn_report_kernels(rt, row, NULL, &e), e);
    bench_check(qn_set_profiling(rt, 0, &e), e);
  }
  cnn_free(m);
  qn_runtime_release(rt);
  return 0;
}
