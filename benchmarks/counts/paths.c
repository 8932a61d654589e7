/* paths PATH N: takes one of the runtime's own paths N times, on one thread and without plugins.
 * counts.py counts the instructions of it; nothing is timed here and no kernel worth mentioning
 * runs. */
#define _POSIX_C_SOURCE 199309L
#include <stdlib.h>
#include <string.h>

#include "benchmarks/models/clock.h"

enum { kChain = 100 };

static qn_runtime* rt;
static qn_array *x, *y;

static qn_array* value(int64_t n) {
  float* data = calloc((size_t)n, sizeof *data);
  qn_array* a = NULL;
  qn_error* e = NULL;
  bench_check(data ? qn_array_from_data(rt, data, &n, 1, QN_F32, &a, &e) : QN_E_RESOURCE_EXHAUSTED,
              e);
  free(data);
  return a;
}

static void evaluate(qn_array* a) {
  qn_error* e = NULL;
  bench_check(qn_eval(&a, 1, &e), e);
}

/* kChain nodes of which no two are alike, ending in one array. */
static qn_array* chain(qn_array* a) {
  qn_array* at = qn_array_retain(a);
  qn_error* e = NULL;
  for (int k = 0; k < kChain / 2; ++k) {
    qn_array *sum = NULL, *next = NULL;
    bench_check(qn_add(rt, at, y, &sum, &e), e);
    bench_check(qn_multiply(rt, sum, sum, &next, &e), e);
    qn_array_release(at);
    qn_array_release(sum);
    at = next;
  }
  return at;
}

static void record(void) {
  qn_array* out = NULL;
  qn_error* e = NULL;
  bench_check(qn_add(rt, x, y, &out, &e), e);
  qn_array_release(out);
}

static void replay(void) {
  qn_array* out = NULL;
  qn_error* e = NULL;
  bench_check(qn_add(rt, x, y, &out, &e), e);
  evaluate(out);
  qn_array_release(out);
}

static void fingerprint(void) {
  qn_array* out = chain(x);
  evaluate(out);
  qn_array_release(out);
}

static void plan_miss(void) {
  qn_error* e = NULL;
  bench_check(qn_runtime_clear_cache(rt, &e), e);
  fingerprint();
}

static qn_status body(void* self, qn_array* const* in, uint32_t n_in, qn_array** out,
                      uint32_t n_out, qn_error** e) {
  (void)self, (void)n_in, (void)n_out, (void)e;
  out[0] = chain(in[0]);
  return QN_OK;
}

static qn_fn* compiled_fn;

static void compiled(void) {
  qn_error* e = NULL;
  if (!compiled_fn) {
    qn_fn* plain = NULL;
    bench_check(qn_fn_create(rt, body, NULL, NULL, 1, 1, &plain, &e), e);
    bench_check(qn_fn_compile(plain, &compiled_fn, &e), e);
    qn_fn_release(plain);
  }
  qn_array* out = NULL;
  bench_check(qn_fn_call(compiled_fn, &x, 1, &out, 1, &e), e);
  evaluate(out);
  qn_array_release(out);
}

static const struct {
  const char* name;
  void (*take)(void);
} kPaths[] = {{"record", record},
              {"replay", replay},
              {"fingerprint_100", fingerprint},
              {"plan_miss_100", plan_miss},
              {"compiled_100", compiled}};

int main(int argc, char** argv) {
  qn_runtime_config config = {.hdr = {.struct_size = sizeof config}};
  config.n_threads = 1;
  config.plugin_policy = QN_PLUGINS_BUILTIN;
  qn_error* e = NULL;
  bench_check(qn_runtime_create(&config, &rt, &e), e);
  x = value(16);
  y = value(16);
  int known = 0;
  for (size_t k = 0; argc == 3 && k < sizeof kPaths / sizeof *kPaths; ++k) {
    if (strcmp(argv[1], kPaths[k].name) != 0) continue;
    known = 1;
    for (long n = atol(argv[2]); n > 0; --n) kPaths[k].take();
  }
  qn_fn_release(compiled_fn);
  qn_array_release(x);
  qn_array_release(y);
  qn_runtime_release(rt);
  if (!known)
    fprintf(stderr, "usage: paths record|replay|fingerprint_100|plan_miss_100|compiled_100 N\n");
  return !known;
}
