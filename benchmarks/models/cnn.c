/* cnn.c - the reference CNN over the public C API: lazily, and as compiled functions.
 * No data set is read and no accuracy is measured here. */
#define _POSIX_C_SOURCE 200809L
#include "models/cnn.h"

#include <math.h>
#include <string.h>

#include "models/clock.h"

enum { kParams = 12, kClasses = 10, kFinal = 100, kFlat = kFinal * 9, kBatch = 512, kPool = 8192 };

struct cnn {
  qn_runtime* rt;
  qn_array *param[kParams], *velocity[kParams];
  qn_array *images, *labels, *keep, *scale, *zero, *rate, *momentum;
  qn_fn *gradient, *step, *count, *answer;
  uint32_t steps;
  int from;
  qn_array* pool[kPool]; /* what the call under way must release */
  int n_pool;
};

static qn_array* held(cnn* m, qn_array* a) {
  if (m->n_pool == kPool) bench_check(QN_E_RESOURCE_EXHAUSTED, NULL);
  return m->pool[m->n_pool++] = a;
}

static void release_to(cnn* m, int mark) {
  while (m->n_pool > mark) qn_array_release(m->pool[--m->n_pool]);
}

/* DO(qn_add, x, y): the result, released at the end of the call under way. */
#define DO(f, ...)                                    \
  do {                                                \
    qn_error* e_ = NULL;                              \
    qn_array* r_ = NULL;                              \
    bench_check(f(m->rt, __VA_ARGS__, &r_, &e_), e_); \
    result = held(m, r_);                             \
  } while (0)

static qn_array* add(cnn* m, qn_array* x, qn_array* y) {
  qn_array* result;
  DO(qn_add, x, y);
  return result;
}
static qn_array* multiply(cnn* m, qn_array* x, qn_array* y) {
  qn_array* result;
  DO(qn_multiply, x, y);
  return result;
}
static qn_array* subtract(cnn* m, qn_array* x, qn_array* y) {
  qn_array* result;
  DO(qn_subtract, x, y);
  return result;
}
static qn_array* relu(cnn* m, qn_array* x) {
  qn_array* result;
  DO(qn_relu, x);
  return result;
}
static qn_array* reshape(cnn* m, qn_array* x, const int64_t* shape, uint32_t n) {
  qn_array* result;
  DO(qn_reshape, x, shape, n);
  return result;
}

static qn_array* rows(cnn* m, qn_array* x, int64_t from, int64_t count) {
  int64_t start[4] = {0}, stop[4];
  const uint32_t n = qn_array_ndim(x);
  for (uint32_t d = 0; d < n; ++d) stop[d] = qn_array_shape(x)[d];
  start[0] = from;
  stop[0] = from + count;
  qn_array* result;
  DO(qn_slice, x, start, n, stop, n, NULL, 0);
  return result;
}

static qn_array* conv_block(cnn* m, qn_array* x, qn_array* w, qn_array* b) {
  const int64_t one = 1, two = 2;
  qn_array* result;
  DO(qn_conv2d, x, w, &one, 1, &two, 1, &one, 1, 1, NULL);
  x = relu(m, add(m, result, b));
  DO(qn_max_pool, x, &two, 1, &two, 1, NULL, 0, NULL);
  return result;
}

static qn_array* linear(cnn* m, qn_array* x, qn_array* w, qn_array* b) {
  qn_array* result;
  DO(qn_transpose, w, NULL, 0);
  qn_array* t = result;
  DO(qn_matmul, x, t);
  return add(m, result, b);
}

/* keys NULL = inference. */
static qn_array* dropout(cnn* m, qn_array* x, qn_array* keys, int64_t i) {
  if (!keys) return x;
  const int64_t two = 2;
  qn_array* key = reshape(m, rows(m, keys, i, 1), &two, 1);
  qn_array* result;
  DO(qn_random_bernoulli, key, m->keep, qn_array_shape(x), qn_array_ndim(x));
  qn_array *mask = result, *scaled = multiply(m, x, m->scale);
  DO(qn_where, mask, scaled, m->zero);
  return result;
}

static qn_array* forward(cnn* m, qn_array* const* p, qn_array* x, qn_array* key) {
  qn_array *result, *keys = NULL;
  if (key) {
    DO(qn_random_split, key, 3);
    keys = result;
  }
  for (int i = 0; i < 3; ++i) x = conv_block(m, x, p[2 * i], p[2 * i + 1]);
  const int64_t flat[2] = {qn_array_shape(x)[0], kFlat}, last = -1;
  x = reshape(m, x, flat, 2);
  x = relu(m, dropout(m, linear(m, x, p[6], p[7]), keys, 0));
  x = dropout(m, linear(m, x, p[8], p[9]), keys, 1);
  x = dropout(m, linear(m, x, p[10], p[11]), keys, 2);
  DO(qn_log_softmax, x, &last, 1);
  return result;
}

/* in: parameters, images, labels, key. */
static qn_status loss_of(void* self, qn_array* const* in, uint32_t n_in, qn_array** out,
                         uint32_t n_out, qn_error** error) {
  (void)n_in, (void)n_out, (void)error;
  cnn* m = self;
  const int mark = m->n_pool;
  qn_array *result, *scores = forward(m, in, in[kParams], in[kParams + 2]);
  DO(qn_nll_loss, scores, in[kParams + 1], -1);
  qn_array* each = result;
  DO(qn_mean, each, NULL, 0, 0);
  out[0] = qn_array_retain(result);
  release_to(m, mark);
  return QN_OK;
}

/* in: parameters, velocities, images, labels, key; out: loss, parameters, velocities. */
static qn_status step_of(void* self, qn_array* const* in, uint32_t n_in, qn_array** out,
                         uint32_t n_out, qn_error** error) {
  (void)n_in, (void)n_out;
  cnn* m = self;
  const int mark = m->n_pool;
  qn_array *args[kParams + 3], *got[1 + kParams];
  memcpy(args, in, kParams * sizeof *args);
  memcpy(args + kParams, in + 2 * kParams, 3 * sizeof *args);
  const qn_status s = qn_fn_call(m->gradient, args, kParams + 3, got, 1 + kParams, error);
  if (s != QN_OK) return s;
  out[0] = got[0];
  for (int i = 0; i < kParams; ++i) {
    qn_array* g = held(m, got[1 + i]);
    qn_array* v = add(m, multiply(m, in[kParams + i], m->momentum), g);
    out[1 + kParams + i] = qn_array_retain(v);
    out[1 + i] = qn_array_retain(subtract(m, in[i], multiply(m, v, m->rate)));
  }
  release_to(m, mark);
  return QN_OK;
}

static qn_array* classes(cnn* m, qn_array* x) {
  const int64_t one = 1;
  qn_array *result, *scores = forward(m, m->param, x, NULL);
  DO(qn_argmax, scores, &one, 1, 0);
  return result;
}

static qn_array* right_answers(cnn* m, qn_array* x, qn_array* y) {
  qn_array *result, *found = classes(m, x);
  DO(qn_equal, found, y);
  qn_array* same = result;
  DO(qn_sum, same, NULL, 0, 0);
  return result;
}

static qn_status count_of(void* self, qn_array* const* in, uint32_t n_in, qn_array** out,
                          uint32_t n_out, qn_error** error) {
  (void)n_in, (void)n_out, (void)error;
  cnn* m = self;
  const int mark = m->n_pool;
  out[0] = qn_array_retain(right_answers(m, in[0], in[1]));
  release_to(m, mark);
  return QN_OK;
}

static qn_status answer_of(void* self, qn_array* const* in, uint32_t n_in, qn_array** out,
                           uint32_t n_out, qn_error** error) {
  (void)n_in, (void)n_out, (void)error;
  cnn* m = self;
  const int mark = m->n_pool;
  out[0] = qn_array_retain(classes(m, in[0]));
  release_to(m, mark);
  return QN_OK;
}

static float draw(uint32_t* state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / 16777216.0f;
}

static qn_array* uniform(cnn* m, uint32_t* state, const int64_t* shape, uint32_t n, float low,
                         float high) {
  size_t size = 1;
  for (uint32_t d = 0; d < n; ++d) size *= (size_t)shape[d];
  float* v = malloc(size * sizeof *v);
  if (!v) exit(1);
  for (size_t i = 0; i < size; ++i) v[i] = low + (high - low) * draw(state);
  qn_array* a = NULL;
  qn_error* e = NULL;
  bench_check(qn_array_from_data(m->rt, v, shape, n, QN_F32, &a, &e), e);
  free(v);
  return a;
}

static qn_array* scalar(cnn* m, double v) {
  qn_array* a = NULL;
  qn_error* e = NULL;
  bench_check(qn_scalar(m->rt, v, QN_F32, &a, &e), e);
  return a;
}

static qn_fn* function(cnn* m, qn_callback f, uint32_t n_in, uint32_t n_out, int compile) {
  qn_fn *plain = NULL, *made = NULL;
  qn_error* e = NULL;
  bench_check(qn_fn_create(m->rt, f, m, NULL, n_in, n_out, &plain, &e), e);
  if (!compile) return plain;
  bench_check(qn_fn_compile(plain, &made, &e), e);
  qn_fn_release(plain);
  return made;
}

cnn* cnn_new(qn_runtime* rt) {
  cnn* m = calloc(1, sizeof *m);
  if (!m) exit(1);
  m->rt = qn_runtime_retain(rt);
  uint32_t state = 1, argnums[kParams];
  const int64_t image[4] = {CNN_IMAGES, 28, 28, 1}, width[4] = {1, 20, 50, kFinal};
  const int64_t size[4] = {kFlat, kFlat / 2, kFlat / 4, kClasses};
  for (int i = 0; i < 3; ++i) {
    const int64_t w[4] = {width[i + 1], 5, 5, width[i]}, l[2] = {size[i + 1], size[i]};
    const float a = 1.0f / sqrtf((float)(25 * width[i])), b = 1.0f / sqrtf((float)size[i]);
    m->param[2 * i] = uniform(m, &state, w, 4, -a, a);
    m->param[2 * i + 1] = uniform(m, &state, w, 1, -a, a);
    m->param[6 + 2 * i] = uniform(m, &state, l, 2, -b, b);
    m->param[7 + 2 * i] = uniform(m, &state, l, 1, -b, b);
  }
  for (int i = 0; i < kParams; ++i) {
    argnums[i] = (uint32_t)i;
    m->velocity[i] =
        uniform(m, &state, qn_array_shape(m->param[i]), qn_array_ndim(m->param[i]), 0, 0);
  }
  m->images = uniform(m, &state, image, 4, 0, 1);
  int32_t* labels = malloc(CNN_IMAGES * sizeof *labels);
  if (!labels) exit(1);
  for (int i = 0; i < CNN_IMAGES; ++i) labels[i] = (int32_t)(draw(&state) * kClasses);
  qn_error* e = NULL;
  bench_check(qn_array_from_data(rt, labels, image, 1, QN_I32, &m->labels, &e), e);
  free(labels);
  m->keep = scalar(m, 0.7);
  m->scale = scalar(m, 1 / 0.7);
  m->zero = scalar(m, 0);
  m->rate = scalar(m, 0.01);
  m->momentum = scalar(m, 0.9);
  qn_fn* loss = function(m, loss_of, kParams + 3, 1, 0);
  bench_check(qn_fn_value_and_grad(loss, argnums, kParams, &m->gradient, &e), e);
  qn_fn_release(loss);
  m->step = function(m, step_of, 2 * kParams + 3, 1 + 2 * kParams, 1);
  m->count = function(m, count_of, 2, 1, 1);
  m->answer = function(m, answer_of, 1, 1, 1);
  return m;
}

void cnn_free(cnn* m) {
  if (!m) return;
  for (int i = 0; i < kParams; ++i) qn_array_release(m->param[i]), qn_array_release(m->velocity[i]);
  qn_array* const others[] = {m->images, m->labels, m->keep,    m->scale,
                              m->zero,   m->rate,   m->momentum};
  for (size_t i = 0; i < sizeof others / sizeof *others; ++i) qn_array_release(others[i]);
  qn_fn* const functions[] = {m->gradient, m->step, m->count, m->answer};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; ++i) qn_fn_release(functions[i]);
  qn_runtime_release(m->rt);
  free(m);
}

double cnn_train_step(cnn* m, int batch, int way) {
  const int64_t two = 2;
  const uint32_t seed[2] = {0, m->steps++};
  qn_error* e = NULL;
  qn_array *in[2 * kParams + 3], *out[1 + 2 * kParams], *key = NULL;
  memcpy(in, m->param, sizeof m->param);
  memcpy(in + kParams, m->velocity, sizeof m->velocity);
  in[2 * kParams] = rows(m, m->images, m->from, batch);
  in[2 * kParams + 1] = rows(m, m->labels, m->from, batch);
  bench_check(qn_array_from_data(m->rt, seed, &two, 1, QN_U32, &key, &e), e);
  in[2 * kParams + 2] = held(m, key);
  m->from = (m->from + batch) % (CNN_IMAGES - batch);
  if (way == CNN_COMPILED)
    bench_check(qn_fn_call(m->step, in, 2 * kParams + 3, out, 1 + 2 * kParams, &e), e);
  else
    bench_check(step_of(m, in, 2 * kParams + 3, out, 1 + 2 * kParams, &e), e);
  bench_check(qn_eval(out, 1 + 2 * kParams, &e), e);
  for (int i = 0; i < kParams; ++i) {
    qn_array_release(m->param[i]);
    qn_array_release(m->velocity[i]);
    m->param[i] = out[1 + i];
    m->velocity[i] = out[1 + kParams + i];
  }
  double loss = 0;
  bench_check(qn_array_item_f64(out[0], &loss, &e), e);
  qn_array_release(out[0]);
  release_to(m, 0);
  return loss;
}

static int64_t item(cnn* m, qn_fn* f, qn_array* const* in, uint32_t n) {
  qn_error* e = NULL;
  qn_array* out = NULL;
  int64_t value = 0;
  if (f)
    bench_check(qn_fn_call(f, in, n, &out, 1, &e), e);
  else
    out = qn_array_retain(n == 2 ? right_answers(m, in[0], in[1]) : classes(m, in[0]));
  release_to(m, 0); /* an intermediate that is still held must be computed, and cannot fuse away */
  bench_check(qn_array_item_i64(out, &value, &e), e);
  qn_array_release(out);
  return value;
}

int64_t cnn_classify(cnn* m, int way) {
  int64_t right = 0;
  for (int from = 0; from < CNN_IMAGES; from += kBatch) {
    const int count = from + kBatch > CNN_IMAGES ? CNN_IMAGES - from : kBatch;
    qn_array* const in[2] = {rows(m, m->images, from, count), rows(m, m->labels, from, count)};
    right += item(m, way == CNN_COMPILED ? m->count : NULL, in, 2);
  }
  return right;
}

int64_t cnn_single(cnn* m, int index, int way) {
  qn_array* const in[1] = {rows(m, m->images, index, 1)};
  return item(m, way == CNN_COMPILED ? m->answer : NULL, in, 1);
}
