/* train_cnn - trains a convolutional network on Fashion-MNIST (or MNIST, CIFAR-10, CIFAR-100).
 * A tutorial for the C interface; the network is in cnn.c, the optimizers in optimizer.c.
 *
 * The loop records a training step - loss, gradients, new parameters - and asks for all of it with
 * one qn_eval. The first step is planned; later ones have the same shape and replay the plan. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cnn.h"
#include "idx.h"
#include "kernel_table.h"
#include "optimizer.h"

static const int64_t kTestBatch = 512;

typedef struct {
  const char *data, *kernels, *save;
  int64_t epochs, steps, batch, threads, seed;
  double lr;
  int adam, channels_first, quiet;
} options_t;

typedef struct {
  options_t options;
  dataset_t set;
  cnn_t net;
  qn_runtime* rt;
  qn_fn* loss_and_grads;
  qn_array* params[kParams];
  optimizer_t optimizer;
  qn_array* key;
  int64_t* order; /* a permutation of the training images */
  float* rows;    /* one batch of images and labels, gathered */
  uint32_t* row_labels;
  uint64_t shuffle_random;
  int64_t steps_done;
} trainer_t;

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- batches ---- */

/* Copies the images order[from..from+n) (or from..from+n when order is NULL) into two new arrays.
 */
static void make_batch(scope_t* s, trainer_t* t, const images_t* set, const int64_t* order,
                       int64_t from, int64_t n, qn_array** x, qn_array** y) {
  const size_t pixels = (size_t)(set->height * set->width * set->channels);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = order ? order[from + i] : from + i;
    memcpy(t->rows + (size_t)i * pixels, set->images + (size_t)row * pixels,
           pixels * sizeof(float));
    t->row_labels[i] = set->labels[row];
  }
  const int64_t nhwc[4] = {n, set->height, set->width, set->channels};
  const int64_t nchw[4] = {n, set->channels, set->height, set->width};
  qn_array* images = NULL;
  qn_array* labels = NULL;
  TRY(s, qn_array_from_data(s->rt, t->rows, t->net.channels_first ? nchw : nhwc, 4, QN_F32, &images,
                            &s->error));
  TRY(s, qn_array_from_data(s->rt, t->row_labels, &n, 1, QN_U32, &labels, &s->error));
  *x = scope_keep(s, images);
  *y = scope_keep(s, labels);
}

static void shuffle(trainer_t* t) {
  for (int64_t i = t->set.train.count - 1; i > 0; --i) {
    const int64_t j = (int64_t)(next_random(&t->shuffle_random) % (uint64_t)(i + 1));
    const int64_t swap = t->order[i];
    t->order[i] = t->order[j];
    t->order[j] = swap;
  }
}

/* ---- one training step ---- */

/* The function to differentiate: (parameters.., x, y, key) -> mean negative log-likelihood. It only
 * records; everything it uses comes in as an argument, the randomness of dropout too. */
static qn_status loss_of(void* self, qn_array* const* in, uint32_t n_in, qn_array** out,
                         uint32_t n_out, qn_error** error) {
  (void)n_in, (void)n_out;
  trainer_t* t = self;
  qn_array *x = in[kParams], *y = in[kParams + 1], *key = in[kParams + 2];
  scope_t s = scope_open(t->rt);
  qn_array* log_probs = cnn_forward(&s, &t->net, in, x, key);
  qn_array *each = NULL, *mean = NULL;
  TRY(&s, qn_nll_loss(s.rt, log_probs, y, -1, &each, &s.error));
  scope_keep(&s, each);
  TRY(&s, qn_mean(s.rt, each, NULL, 0, 0, &mean, &s.error));
  const qn_status status = s.status;
  if (status == QN_OK) {
    out[0] = mean;
  } else if (error) {
    *error = s.error; /* handed on to quern */
    s.error = NULL;
  }
  scope_close(&s);
  return status;
}

static void take_over(qn_array** slot, qn_array* fresh) {
  qn_array_retain(fresh);
  qn_array_release(*slot);
  *slot = fresh;
}

static void train_step(scope_t* s, trainer_t* t, int64_t from, double* loss) {
  qn_array *x = NULL, *y = NULL;
  make_batch(s, t, &t->set.train, t->order, from, t->options.batch, &x, &y);
  qn_array* next_key = key_part(s, t->key, 0, 2);
  qn_array* step_key = key_part(s, t->key, 1, 2);

  qn_array* in[kParams + 3];
  memcpy(in, t->params, sizeof t->params);
  in[kParams] = x;
  in[kParams + 1] = y;
  in[kParams + 2] = step_key;
  qn_array* results[1 + kParams] = {NULL}; /* the loss, then a gradient for each parameter */
  TRY(s, qn_fn_call(t->loss_and_grads, in, kParams + 3, results, 1 + kParams, &s->error));
  for (int i = 0; i < 1 + kParams; ++i) scope_keep(s, results[i]);

  qn_array* params[kParams] = {NULL};
  qn_array* state[kSlots * kParams] = {NULL};
  optimizer_step(s, &t->optimizer, t->params, results + 1, params, state);
  if (s->status != QN_OK) return;

  /* So far nothing was computed. This computes everything the next step needs, and the loss. */
  const int n_state = optimizer_slots(&t->optimizer) * kParams;
  qn_array* wanted[2 + kParams + kSlots * kParams] = {results[0], next_key};
  memcpy(wanted + 2, params, sizeof params);
  memcpy(wanted + 2 + kParams, state, (size_t)n_state * sizeof *state);
  TRY(s, qn_eval(wanted, (uint32_t)(2 + kParams + n_state), &s->error));
  TRY(s, qn_array_item_f64(results[0], loss, &s->error));
  if (s->status != QN_OK) return;
  for (int i = 0; i < kParams; ++i) take_over(&t->params[i], params[i]);
  for (int i = 0; i < n_state; ++i) take_over(&t->optimizer.state[i], state[i]);
  take_over(&t->key, next_key);
}

/* ---- progress ---- */

static void show_progress(const trainer_t* t, int64_t epoch, int64_t step, int64_t n, double loss,
                          double started) {
  if (t->options.quiet) return;
  if (t->options.steps > 0) {
    printf("step %" PRId64 " loss %.6f\n", t->steps_done, loss);
    return;
  }
  const double rate = (double)(step * t->options.batch) / (seconds() - started);
  if (!isatty(STDOUT_FILENO)) {
    if (step % 100 == 0)
      printf("epoch %" PRId64 " step %" PRId64 "/%" PRId64 " loss %.4f  %.0f images/s\n", epoch,
             step, n, loss, rate);
  } else if (step % 8 == 0 || step == n) {
    enum { kWidth = 30 };
    static const char full[kWidth + 1] = "##############################";
    const int done = (int)(step * kWidth / n);
    printf("\repoch %" PRId64 " [%.*s%*s] %" PRId64 "/%" PRId64 "  loss %.4f  %.0f images/s ",
           epoch, done, full, kWidth - done, "", step, n, loss, rate);
  }
  fflush(stdout);
}

/* ---- training and testing ---- */

static int train_epoch(trainer_t* t, int64_t epoch) {
  const int64_t n = t->set.train.count / t->options.batch; /* a last, smaller batch is left out */
  const double started = seconds();
  double sum = 0;
  int64_t step = 0;
  shuffle(t);
  while (step < n && (t->options.steps == 0 || t->steps_done < t->options.steps)) {
    double loss = 0;
    scope_t s = scope_open(t->rt);
    train_step(&s, t, step * t->options.batch, &loss);
    const int failed = scope_failed(&s, "training step");
    scope_close(&s);
    if (failed) return -1;
    if (!isfinite(loss)) {
      fprintf(stderr, "the loss is no longer finite; try a smaller --lr than %g\n", t->options.lr);
      return -1;
    }
    sum += loss;
    step += 1;
    t->steps_done += 1;
    show_progress(t, epoch, step, n, loss, started);
  }
  if (!t->options.quiet && t->options.steps == 0 && isatty(STDOUT_FILENO)) printf("\n");
  if (step > 0 && t->options.steps == 0)
    printf("epoch %" PRId64 ": mean loss %.4f, %.1f s, %.0f images/s\n", epoch, sum / (double)step,
           seconds() - started, (double)(step * t->options.batch) / (seconds() - started));
  return 0;
}

/* How many of the first `count` test images the parameters classify correctly. */
static int count_correct(trainer_t* t, qn_array* const* params, int64_t count, int64_t* correct) {
  *correct = 0;
  for (int64_t from = 0; from < count; from += kTestBatch) {
    const int64_t n = count - from < kTestBatch ? count - from : kTestBatch;
    const int64_t last = -1;
    qn_array *x = NULL, *y = NULL, *guess = NULL, *equal = NULL, *hits = NULL;
    int64_t found = 0;
    scope_t s = scope_open(t->rt);
    make_batch(&s, t, &t->set.test, NULL, from, n, &x, &y);
    qn_array* log_probs = cnn_forward(&s, &t->net, params, x, NULL);
    TRY(&s, qn_argmax(s.rt, log_probs, &last, 1, 0, &guess, &s.error));
    scope_keep(&s, guess);
    TRY(&s, qn_equal(s.rt, guess, y, &equal, &s.error));
    scope_keep(&s, equal);
    TRY(&s, qn_sum(s.rt, equal, NULL, 0, 0, &hits, &s.error));
    scope_keep(&s, hits);
    TRY(&s, qn_array_item_i64(hits, &found, &s.error));
    const int failed = scope_failed(&s, "testing");
    scope_close(&s);
    if (failed) return -1;
    *correct += found;
  }
  return 0;
}

/* ---- weights on disk ---- */

static qn_status found_weight(void* self, const char* name, qn_array* array) {
  qn_array** loaded = self;
  for (int i = 0; i < kParams; ++i)
    if (!strcmp(name, cnn_names[i])) take_over(&loaded[i], array);
  return QN_OK;
}

/* Saves the parameters, loads them again, and tests the loaded ones. */
static int save_and_check(trainer_t* t, int64_t count, int64_t expected) {
  char temporary[] = "/tmp/train_cnn-XXXXXX";
  const char* path = t->options.save;
  if (!path) {
    const int file = mkstemp(temporary);
    if (file < 0) {
      fprintf(stderr, "%s: %s\n", temporary, strerror(errno));
      return -1;
    }
    close(file);
    path = temporary;
  }
  qn_array* loaded[kParams] = {NULL};
  scope_t s = scope_open(t->rt);
  TRY(&s, qn_save_safetensors(path, cnn_names, t->params, kParams, &s.error));
  TRY(&s, qn_load_safetensors(t->rt, path, found_weight, loaded, &s.error));
  int failed = scope_failed(&s, path);
  scope_close(&s);
  for (int i = 0; i < kParams && !failed; ++i) {
    failed = !loaded[i];
    if (failed) fprintf(stderr, "%s: %s is missing\n", path, cnn_names[i]);
  }
  int64_t correct = 0;
  if (!failed) failed = count_correct(t, loaded, count, &correct) != 0;
  for (int i = 0; i < kParams; ++i) qn_array_release(loaded[i]);
  if (!t->options.save) unlink(temporary);
  if (failed) return -1;
  if (correct != expected) {
    fprintf(stderr, "reloaded weights classify %" PRId64 " images correctly, not %" PRId64 "\n",
            correct, expected);
    return -1;
  }
  printf("weights saved and reloaded: same accuracy%s%s\n", t->options.save ? ", in " : "",
         t->options.save ? t->options.save : "");
  return 0;
}

/* ---- set-up ---- */

static int trainer_open(trainer_t* t) {
  const options_t* o = &t->options;
  char message[4200];
  if (dataset_load(o->data, o->channels_first, &t->set, message, sizeof message) != 0) {
    fprintf(stderr,
            "%s\n(--data DIR names the folder; Debian's package is dataset-fashion-mnist)\n",
            message);
    return -1;
  }
  const images_t* train = &t->set.train;
  if (train->height < 8 || train->width < 8 || train->count < o->batch || t->set.test.count == 0) {
    fprintf(stderr, "%s: too few images, or images smaller than 8 x 8\n", o->data);
    return -1;
  }
  t->net = (cnn_t){train->height, train->width, train->channels, t->set.classes, o->channels_first};
  const int64_t most = o->batch > kTestBatch ? o->batch : kTestBatch;
  const size_t pixels = (size_t)(train->height * train->width * train->channels);
  t->order = malloc((size_t)train->count * sizeof *t->order);
  t->rows = malloc((size_t)most * pixels * sizeof *t->rows);
  t->row_labels = malloc((size_t)most * sizeof *t->row_labels);
  if (!t->order || !t->rows || !t->row_labels) {
    fprintf(stderr, "out of memory\n");
    return -1;
  }
  for (int64_t i = 0; i < train->count; ++i) t->order[i] = i;
  t->shuffle_random = (uint64_t)o->seed ^ 0x5bd1e995u;

  scope_t s = scope_open(NULL);
  const qn_runtime_config config = {
      .hdr = {sizeof config, 0}, .n_threads = (uint32_t)o->threads, .kernels = o->kernels};
  TRY(&s, qn_runtime_create(&config, &t->rt, &s.error));
  TRY(&s, qn_set_profiling(t->rt, 1, &s.error));
  s.rt = t->rt;
  cnn_init(&s, &t->net, (uint64_t)o->seed, t->params);
  t->optimizer.adam = o->adam;
  t->optimizer.lr = o->lr;
  t->optimizer.n_step = o->epochs * (train->count / o->batch);
  optimizer_init(&s, &t->optimizer, t->params);
  const uint32_t key[2] = {(uint32_t)((uint64_t)o->seed >> 32), (uint32_t)o->seed};
  const int64_t two = 2;
  TRY(&s, qn_array_from_data(t->rt, key, &two, 1, QN_U32, &t->key, &s.error));

  uint32_t argnums[kParams];
  for (uint32_t i = 0; i < kParams; ++i) argnums[i] = i;
  qn_fn* loss = NULL;
  TRY(&s, qn_fn_create(t->rt, loss_of, t, NULL, kParams + 3, 1, &loss, &s.error));
  TRY(&s, qn_fn_value_and_grad(loss, argnums, kParams, &t->loss_and_grads, &s.error));
  qn_fn_release(loss);
  const int failed = scope_failed(&s, "set-up");
  scope_close(&s);
  return failed ? -1 : 0;
}

static void trainer_close(trainer_t* t) {
  for (int i = 0; i < kParams; ++i) qn_array_release(t->params[i]);
  optimizer_release(&t->optimizer);
  qn_array_release(t->key);
  qn_fn_release(t->loss_and_grads);
  qn_runtime_release(t->rt);
  free(t->order);
  free(t->rows);
  free(t->row_labels);
  dataset_free(&t->set);
}

static int run(trainer_t* t) {
  if (trainer_open(t) != 0) return -1;
  const options_t* o = &t->options;
  printf("%s, %s: %" PRId64 " + %" PRId64 " images of %" PRId64 "x%" PRId64 "x%" PRId64
         ", %u classes; %s, lr %g, batch %" PRId64 ", %s\n",
         o->data, t->set.name, t->set.train.count, t->set.test.count, t->net.height, t->net.width,
         t->net.channels, t->set.classes, o->adam ? "adam" : "sgd", o->lr, o->batch,
         o->channels_first ? "nchw" : "nhwc");
  /* A run of a few steps is for comparing losses: it tests on a few images only. */
  const int64_t all = t->set.test.count, few = all < 64 ? all : 64;
  const int64_t count = o->steps > 0 ? few : all;
  int64_t correct = 0;
  for (int64_t epoch = 1; epoch <= o->epochs; ++epoch) {
    if (o->steps > 0 && t->steps_done >= o->steps) break;
    if (train_epoch(t, epoch) != 0) return -1;
    const double started = seconds();
    if (count_correct(t, t->params, count, &correct) != 0) return -1;
    printf("test accuracy after epoch %" PRId64 ": %.2f %% of %" PRId64 " images (%.2f s)\n", epoch,
           100.0 * (double)correct / (double)count, count, seconds() - started);
    fflush(stdout);
  }
  if (save_and_check(t, count, correct) != 0) return -1;
  qn_error* error = NULL;
  const qn_status status = print_kernel_table(t->rt, &error);
  if (status != QN_OK) fprintf(stderr, "kernel table: %s\n", qn_error_message(error));
  qn_error_free(error);
  return status == QN_OK ? 0 : -1;
}

/* ---- command line ---- */

static void usage(FILE* to) {
  fprintf(to,
          "usage: train_cnn [options]\n"
          "  --data DIR            MNIST idx files (or .gz), or CIFAR-10/100 binary files\n"
          "                        (default /usr/share/datasets/fashion-mnist)\n"
          "  --epochs N            passes over the training images (default 3)\n"
          "  --steps N             stop after N steps and print the loss of each\n"
          "  --batch N             images in a step (default 64)\n"
          "  --optimizer sgd|adam  (default sgd, with momentum 0.9)\n"
          "  --lr X                learning rate of the first step, falling to 0 at the last\n"
          "                        (default 0.05 for sgd, 0.001 for adam)\n"
          "  --layout nhwc|nchw    memory order of images (default nhwc)\n"
          "  --kernels RULES       which plugins compute, for example 'conv=onednn; *=naive'\n"
          "  --threads N           (default: all processors)\n"
          "  --seed N              of weights, shuffling and dropout (default 1)\n"
          "  --save FILE           keep the weights, as safetensors\n"
          "  --quiet               no progress lines\n");
}

static int parse_integer(const char* name, const char* text, int64_t low, int64_t* out) {
  char* end = NULL;
  errno = 0;
  const long long value = strtoll(text, &end, 10);
  if (errno || end == text || *end || value < low || value > INT32_MAX) {
    fprintf(stderr, "train_cnn: %s %s: expected a whole number from %" PRId64 " on\n", name, text,
            low);
    return -1;
  }
  *out = value;
  return 0;
}

/* One of two words; 0 or 1 into *out. */
static int parse_choice(const char* name, const char* text, const char* zero, const char* one,
                        int* out) {
  if (strcmp(text, zero) && strcmp(text, one)) {
    fprintf(stderr, "train_cnn: %s %s: expected %s or %s\n", name, text, zero, one);
    return -1;
  }
  *out = !strcmp(text, one);
  return 0;
}

static int parse_rate(const char* name, const char* text, double* out) {
  char* end = NULL;
  *out = strtod(text, &end);
  if (end == text || *end || !(*out > 0) || !isfinite(*out)) {
    fprintf(stderr, "train_cnn: %s %s: expected a number above 0\n", name, text);
    return -1;
  }
  return 0;
}

/* 0: go on; 1: help was asked for; -1: a mistake, already reported. */
static int parse(int argc, char** argv, options_t* o) {
  for (int i = 1; i < argc; ++i) {
    const char* name = argv[i];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) return 1;
    if (!strcmp(name, "--quiet")) {
      o->quiet = 1;
      continue;
    }
    const char* value = i + 1 < argc ? argv[i + 1] : NULL;
    int bad = 0, known = 1;
    if (!value)
      known = 0;
    else if (!strcmp(name, "--data"))
      o->data = value;
    else if (!strcmp(name, "--kernels"))
      o->kernels = value;
    else if (!strcmp(name, "--save"))
      o->save = value;
    else if (!strcmp(name, "--epochs"))
      bad = parse_integer(name, value, 1, &o->epochs);
    else if (!strcmp(name, "--steps"))
      bad = parse_integer(name, value, 1, &o->steps);
    else if (!strcmp(name, "--batch"))
      bad = parse_integer(name, value, 1, &o->batch);
    else if (!strcmp(name, "--threads"))
      bad = parse_integer(name, value, 1, &o->threads);
    else if (!strcmp(name, "--seed"))
      bad = parse_integer(name, value, 0, &o->seed);
    else if (!strcmp(name, "--lr"))
      bad = parse_rate(name, value, &o->lr);
    else if (!strcmp(name, "--optimizer"))
      bad = parse_choice(name, value, "sgd", "adam", &o->adam);
    else if (!strcmp(name, "--layout"))
      bad = parse_choice(name, value, "nhwc", "nchw", &o->channels_first);
    else
      known = 0;
    if (!known) {
      fprintf(stderr, "train_cnn: %s: unknown option, or its value is missing (see --help)\n",
              name);
      return -1;
    }
    if (bad) return -1;
    ++i;
  }
  if (o->lr == 0) o->lr = o->adam ? 0.001 : 0.05;
  return 0;
}

int main(int argc, char** argv) {
  static trainer_t trainer; /* all zero */
  trainer.options =
      (options_t){.data = "/usr/share/datasets/fashion-mnist", .epochs = 3, .batch = 64, .seed = 1};
  const int parsed = parse(argc, argv, &trainer.options);
  if (parsed != 0) {
    usage(parsed > 0 ? stdout : stderr);
    return parsed > 0 ? 0 : 2;
  }
  const int code = run(&trainer);
  trainer_close(&trainer);
  return code == 0 ? 0 : 1;
}
