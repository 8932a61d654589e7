/* quern_side.c - our side of the comparison: reads "list", "about" and "run WORKLOAD VARIANT N" on
 * stdin and answers a line each. usage: quern_side THREADS, or for one line about the memory of a
 * training step quern_side THREADS memory VARIANT BATCH STEPS (memory.py says what it means). What
 * is compared, and how, is in run.py. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>

#include "models/clock.h"
#include "models/cnn.h"

static qn_runtime* rt;
static cnn* net;

typedef struct inputs {
  qn_array* a[3];
} inputs;

/* Uniform in (0, 1]: numbers by splitmix64 (Steele and others 2014). */
static double uniform(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (double)(((z ^ (z >> 31)) >> 11) + 1) * 0x1p-53;
}

/* Normal numbers, as the other sides have: what sorting costs depends on them. */
static qn_array* filled(const int64_t* shape, uint32_t n) {
  size_t size = 1;
  for (uint32_t d = 0; d < n; ++d) size *= (size_t)shape[d];
  float* v = malloc(size * sizeof *v);
  if (!v) exit(1);
  uint64_t state = size;
  for (size_t i = 0; i < size; ++i)
    v[i] = (float)(sqrt(-2 * log(uniform(&state))) * cos(6.283185307179586 * uniform(&state)));
  qn_array* a = NULL;
  qn_error* e = NULL;
  bench_check(qn_array_from_data(rt, v, shape, n, QN_F32, &a, &e), e);
  free(v);
  return a;
}

static qn_status op_matmul(const inputs* x, qn_array** out, qn_error** e) {
  return qn_matmul(rt, x->a[0], x->a[1], out, e);
}
static qn_status op_add(const inputs* x, qn_array** out, qn_error** e) {
  return qn_add(rt, x->a[0], x->a[1], out, e);
}
static qn_status op_conv2d(const inputs* x, qn_array** out, qn_error** e) {
  const int64_t one = 1, two = 2;
  return qn_conv2d(rt, x->a[0], x->a[1], &one, 1, &two, 1, &one, 1, 1, NULL, out, e);
}
static qn_status op_conv1d(const inputs* x, qn_array** out, qn_error** e) {
  return qn_conv1d(rt, x->a[0], x->a[1], 1, 0, 1, 8, NULL, out, e);
}
static qn_status op_convt1d(const inputs* x, qn_array** out, qn_error** e) {
  return qn_conv_transpose(rt, x->a[0], x->a[1], NULL, 0, NULL, 0, NULL, 0, NULL, 0, 256, NULL, out,
                           e);
}
static qn_status op_sort(const inputs* x, qn_array** out, qn_error** e) {
  return qn_sort(rt, x->a[0], -1, out, e);
}
static qn_status op_attention(const inputs* x, qn_array** out, qn_error** e) {
  return qn_scaled_dot_product_attention(rt, x->a[0], x->a[1], x->a[2], NULL, 0.125, 0, out, e);
}
static qn_status op_fft(const inputs* x, qn_array** out, qn_error** e) {
  const int64_t last = -1;
  return qn_fft(rt, x->a[0], NULL, 0, &last, 1, 0, NULL, out, e);
}
static qn_status op_softmax(const inputs* x, qn_array** out, qn_error** e) {
  const int64_t last = -1;
  return qn_softmax(rt, x->a[0], &last, 1, out, e);
}
static qn_status op_layer_norm(const inputs* x, qn_array** out, qn_error** e) {
  return qn_layer_norm(rt, x->a[0], x->a[1], x->a[2], 1e-5, out, e);
}

typedef struct op_case {
  const char* name;
  qn_status (*record)(const inputs*, qn_array**, qn_error**);
  int64_t shape[3][4];
  uint32_t ndim[3];
  inputs made;
} op_case;

static op_case ops[] = {
    {"matmul_1024", op_matmul, {{1024, 1024}, {1024, 1024}}, {2, 2, 0}, {{0}}},
    {"matmul_64", op_matmul, {{64, 64}, {64, 64}}, {2, 2, 0}, {{0}}},
    {"conv2d", op_conv2d, {{4, 32, 32, 32}, {32, 5, 5, 32}}, {4, 4, 0}, {{0}}},
    {"conv1d", op_conv1d, {{8, 1000, 256}, {256, 12, 32}}, {3, 3, 0}, {{0}}},
    {"convt1d", op_convt1d, {{8, 1000, 256}, {256, 12, 1}}, {3, 3, 0}, {{0}}},
    {"add_64", op_add, {{64, 64}, {64, 64}}, {2, 2, 0}, {{0}}},
    {"add_1m", op_add, {{1 << 20}, {1 << 20}}, {1, 1, 0}, {{0}}},
    {"sort", op_sort, {{1 << 20}}, {1, 0, 0}, {{0}}},
    {"attention",
     op_attention,
     {{1, 8, 512, 64}, {1, 8, 512, 64}, {1, 8, 512, 64}},
     {4, 4, 4},
     {{0}}},
    {"fft", op_fft, {{1 << 20}}, {1, 0, 0}, {{0}}},
    {"softmax", op_softmax, {{4096, 1024}}, {2, 0, 0}, {{0}}},
    {"layer_norm", op_layer_norm, {{4096, 1024}, {1024}, {1024}}, {2, 1, 1}, {{0}}},
};

static double run_op(op_case* c, int n, double* t) {
  qn_error* e = NULL;
  for (int i = 0; i < 3; ++i)
    if (c->ndim[i] && !c->made.a[i]) c->made.a[i] = filled(c->shape[i], c->ndim[i]);
  for (int i = 0; i < n; ++i) {
    const double start = bench_seconds();
    qn_array* out = NULL;
    bench_check(c->record(&c->made, &out, &e), e);
    bench_check(qn_eval(&out, 1, &e), e);
    qn_array_release(out);
    t[i] = bench_seconds() - start;
  }
  return bench_median(t, n);
}

static double run(const char* workload, const char* variant, int n) {
  double* t = malloc((size_t)n * sizeof *t);
  if (!t) exit(1);
  double seconds = -1;
  for (size_t k = 0; k < sizeof ops / sizeof *ops; ++k)
    if (strcmp(ops[k].name, workload) == 0) seconds = run_op(&ops[k], n, t);
  const int way = strcmp(variant, "compiled") == 0 ? CNN_COMPILED : CNN_LAZY;
  const int known = !strcmp(workload, "train_64") || !strcmp(workload, "train_256") ||
                    !strcmp(workload, "classify_10k") || !strcmp(workload, "single");
  if (seconds < 0 && known) {
    if (!net) net = cnn_new(rt);
    for (int i = 0; i < n; ++i) {
      const double start = bench_seconds();
      if (!strcmp(workload, "train_64")) cnn_train_step(net, 64, way);
      if (!strcmp(workload, "train_256")) cnn_train_step(net, 256, way);
      if (!strcmp(workload, "classify_10k")) cnn_classify(net, way);
      if (!strcmp(workload, "single")) cnn_single(net, i % CNN_IMAGES, way);
      t[i] = bench_seconds() - start;
    }
    seconds = bench_median(t, n);
  }
  free(t);
  return seconds;
}

/* Bytes of resident memory now, or (VmHWM) the most since the mark was set. */
static long long resident(const char* key) {
  char line[256];
  long long kib = 0;
  FILE* f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, key, strlen(key)) == 0) kib = atoll(line + strlen(key) + 1);
  if (f) fclose(f);
  return kib * 1024;
}

static void tell_memory(const char* variant, int batch, int steps) {
  const int way = strcmp(variant, "compiled") == 0 ? CNN_COMPILED : CNN_LAZY, warm = 30;
  const long long base = resident("VmRSS");
  net = cnn_new(rt);
  const long long built = resident("VmRSS") - base;
  FILE* mark = fopen("/proc/self/clear_refs", "w");
  if (mark) {
    fputs("5", mark);
    fclose(mark);
  }
  for (int i = 0; i < warm; ++i) cnn_train_step(net, batch, way);
  const long long peak = resident("VmHWM") - base, then = resident("VmRSS");
  for (int i = 0; i < steps; ++i) cnn_train_step(net, batch, way);
  printf("{\"base\": %lld, \"built\": %lld, \"peak\": %lld, \"growth\": %lld}\n", base, built, peak,
         resident("VmRSS") - then);
}

int main(int argc, char** argv) {
  qn_runtime_config config;
  memset(&config, 0, sizeof config);
  config.hdr.struct_size = sizeof config;
  config.n_threads = argc > 1 ? (uint32_t)atoi(argv[1]) : 0;
  qn_error* e = NULL;
  bench_check(qn_runtime_create(&config, &rt, &e), e);
  char line[256], workload[64], variant[64];
  int n = 0;
  const int memory = argc == 6 && strcmp(argv[2], "memory") == 0;
  if (memory) tell_memory(argv[3], atoi(argv[4]), atoi(argv[5]));
  while (!memory && fgets(line, sizeof line, stdin)) {
    if (strncmp(line, "about", 5) == 0) {
      const char *info = qn_build_info(), *end = strchr(info, '\n');
      printf("{\"quern\": \"%.*s\"}\n", end ? (int)(end - info) : (int)strlen(info), info);
    } else if (strncmp(line, "list", 4) == 0) {
      printf(
          "{\"train_64\": [\"lazy\", \"compiled\"], \"train_256\": [\"lazy\", \"compiled\"], "
          "\"classify_10k\": [\"lazy\", \"compiled\"], \"single\": [\"lazy\", \"compiled\"]");
      for (size_t k = 0; k < sizeof ops / sizeof *ops; ++k)
        printf(", \"%s\": [\"lazy\"]", ops[k].name);
      printf("}\n");
    } else if (sscanf(line, "run %63s %63s %d", workload, variant, &n) == 3 && n > 0 &&
               n <= 1000000) {
      printf("%.9g\n", run(workload, variant, n));
    } else {
      printf("-1\n");
    }
    fflush(stdout);
  }
  cnn_free(net);
  for (size_t k = 0; k < sizeof ops / sizeof *ops; ++k)
    for (int i = 0; i < 3; ++i) qn_array_release(ops[k].made.a[i]);
  qn_runtime_release(rt);
  return 0;
}
