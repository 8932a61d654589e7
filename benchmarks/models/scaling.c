/* scaling.c - the reference CNN on one thread and on all, and what a model of it says of more
 * cores. usage: scaling_bench [CORES [GB/S]] (128 cores with 400 GB/s to memory unless told
 * otherwise). The model and where its parts come from are in ../README.md; other workloads are in
 * ../peers. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "models/clock.h"
#include "models/cnn.h"
#include "quern/trace.h"

enum { kMostSteps = 256, kText = 192 };
static const double kJoinNs = 500, kWorkerNs = 50; /* of one loop, and for each worker in it */

typedef struct step {
  char name[kText]; /* op and shapes */
  double run_ns, busy_ns, bytes;
  uint64_t runs, tiles, last_start; /* tiles: of all runs */
} step;

typedef struct profile {
  step steps[kMostSteps];
  int n;
  double run_ns; /* of the whole workload */
} profile;

typedef struct lab {
  qn_runtime* rt;
  cnn* net;
} lab;

static lab open_lab(uint32_t threads) {
  qn_runtime_config config;
  memset(&config, 0, sizeof config);
  config.hdr.struct_size = sizeof config;
  config.n_threads = threads;
  lab l = {NULL, NULL};
  qn_error* e = NULL;
  bench_check(qn_runtime_create(&config, &l.rt, &e), e);
  l.net = cnn_new(l.rt);
  return l;
}

static void close_lab(lab* l) {
  cnn_free(l->net);
  qn_runtime_release(l->rt);
}

/* Of operands: "f32(64, 20), f32(20) -> f32(64, 20)"; all dtypes here have four bytes. */
static double bytes_of(const char* shapes) {
  double sum = 0;
  for (const char* p = strchr(shapes, '('); p; p = strchr(p, '(')) {
    double n = 4;
    for (++p; *p && *p != ')';) {
      char* end;
      const long d = strtol(p, &end, 10);
      if (end == p) {
        ++p;
      } else {
        n *= (double)d;
        p = end;
      }
    }
    sum += n;
  }
  return sum;
}

static void record(void* self, const qn_trace_event* t) QN_NOEXCEPT {
  profile* p = self;
  char name[kText];
  snprintf(name, sizeof name, "%s %s", t->op, t->shapes);
  int i = 0;
  while (i < p->n && strcmp(p->steps[i].name, name) != 0) ++i;
  if (i == kMostSteps) return;
  step* s = &p->steps[i];
  if (i == p->n) {
    memset(s, 0, sizeof *s);
    memcpy(s->name, name, sizeof name);
    s->bytes = bytes_of(t->shapes);
    ++p->n;
  }
  s->busy_ns += (double)t->busy_ns;
  s->tiles += t->tiles;
  if (s->last_start == t->run_start_ns) return; /* another worker's part of the same run */
  s->last_start = t->run_start_ns;
  s->run_ns += (double)t->run_duration_ns;
  ++s->runs;
}

static void work(cnn* m, int which) {
  if (which == 0) cnn_train_step(m, 64, CNN_COMPILED);
  if (which == 1) cnn_train_step(m, 256, CNN_COMPILED);
  if (which == 2) cnn_classify(m, CNN_COMPILED);
  if (which == 3) cnn_single(m, 0, CNN_COMPILED);
}

static double seconds_of(cnn* m, int which, int times) {
  const double start = bench_seconds();
  for (int i = 0; i < times; ++i) work(m, which);
  return (bench_seconds() - start) / times;
}

static profile* profile_of(lab* l, int which, int times) {
  profile* p = calloc(1, sizeof *p);
  if (!p) exit(1);
  qn_error* e = NULL;
  work(l->net, which);
  bench_check(qn_set_trace(l->rt, record, p, &e), e);
  p->run_ns = 1e9 * seconds_of(l->net, which, times);
  bench_check(qn_set_trace(l->rt, NULL, NULL, &e), e);
  for (int i = 0; i < p->n; ++i) { /* sums become values of one run of the workload */
    step* s = &p->steps[i];
    s->run_ns /= times;
    s->busy_ns /= times;
  }
  return p;
}

/* Tiles of one run when the kernels are planned for as many workers; 1 where nothing is known. */
static double tiles_of(const profile* planned, const char* name) {
  for (int i = 0; i < planned->n; ++i)
    if (strcmp(planned->steps[i].name, name) == 0)
      return (double)planned->steps[i].tiles / (double)planned->steps[i].runs;
  return 1;
}

typedef struct parts {
  double outside, serial, shared, joins, memory; /* seconds */
} parts;

/* T(p) of ../README.md. one: measured on one thread; planned: tiles for p workers. */
static parts predict(const profile* one, const profile* planned, double p, double times,
                     double bytes_per_s) {
  parts t = {one->run_ns * 1e-9, 0, 0, 0, 0};
  for (int i = 0; i < one->n; ++i) {
    const step* s = &one->steps[i];
    const double n = tiles_of(planned, s->name), runs = (double)s->runs / times;
    const double share = ceil(n / p) / n * s->busy_ns * 1e-9;
    const double traffic = s->bytes * runs / bytes_per_s;
    t.outside -= s->run_ns * 1e-9;
    t.serial += fmax(0, s->run_ns - s->busy_ns) * 1e-9;
    t.shared += share;
    t.memory += fmax(0, traffic - share);
    if (n > 1) t.joins += runs * 1e-9 * (kJoinNs + kWorkerNs * fmin(n, p));
  }
  t.outside = fmax(0, t.outside);
  return t;
}

/* The steps that lose most to having too few tiles. */
static void tell_coarse(const profile* one, const profile* planned, double p) {
  enum { kTold = 2 };
  char told[kMostSteps] = {0};
  for (int k = 0; k < kTold; ++k) {
    int worst = -1;
    double most = 0, tiles = 0;
    for (int i = 0; i < one->n; ++i) {
      const double n = tiles_of(planned, one->steps[i].name);
      const double loss = (ceil(n / p) / n - 1 / p) * one->steps[i].busy_ns;
      if (!told[i] && loss > most) worst = i, most = loss, tiles = n;
    }
    if (worst < 0) return;
    told[worst] = 1;
    printf("    %.3f ms lost with %.0f tiles: %s\n", 1e-6 * most, tiles, one->steps[worst].name);
  }
}

static double total(parts t) { return t.outside + t.serial + t.shared + t.joins + t.memory; }

int main(int argc, char** argv) {
  static const char* const names[] = {"train_64", "train_256", "classify_10k", "single"};
  static const int times[] = {3, 1, 1, 200}, rounds[] = {11, 9, 3, 11};
  const double cores = argc > 1 ? atof(argv[1]) : 128,
               speed = (argc > 2 ? atof(argv[2]) : 400) * 1e9;
  const long here = sysconf(_SC_NPROCESSORS_ONLN);
  lab one = open_lab(1), all = open_lab((uint32_t)here), many = open_lab((uint32_t)cores);
  printf("%-12s %10s %10s %7s %10s | %g cores, %g GB/s: %10s = %s\n", "workload", "1 thread", "all",
         "faster", "model", cores, speed * 1e-9, "time",
         "outside + serial + shared + joins + memory");
  for (int which = 0; which < 4; ++which) {
    double t1[16], tn[16];
    work(one.net, which), work(all.net, which);
    for (int r = 0; r < rounds[which]; ++r) {
      t1[r] = seconds_of(one.net, which, times[which]);
      tn[r] = seconds_of(all.net, which, times[which]);
    }
    const double s1 = bench_median(t1, rounds[which]), sn = bench_median(tn, rounds[which]);
    const int n = which == 2 ? 1 : 5;
    profile *p1 = profile_of(&one, which, n), *pn = profile_of(&all, which, n),
            *pm = profile_of(&many, which, 1);
    /* Two cores share what one reaches alone: no step here is bound by memory. */
    const parts few = predict(p1, pn, (double)here, n, INFINITY);
    const parts m = predict(p1, pm, cores, n, speed);
    printf(
        "%-12s %7.3f ms %7.3f ms %6.2fx %7.3f ms | %7.3f ms, %5.1fx = %.3f + %.3f + %.3f + %.3f + "
        "%.3f ms\n",
        names[which], 1e3 * s1, 1e3 * sn, s1 / sn, 1e3 * total(few), 1e3 * total(m), s1 / total(m),
        1e3 * m.outside, 1e3 * m.serial, 1e3 * m.shared, 1e3 * m.joins, 1e3 * m.memory);
    tell_coarse(p1, pm, cores);
    fflush(stdout);
    free(p1), free(pn), free(pm);
  }
  close_lab(&one), close_lab(&all), close_lab(&many);
  return 0;
}
