/* The network of train_cnn: shapes, first weights and the forward pass.
 * Gradients are not here: quern derives them. */
#include "cnn.h"

#include <math.h>
#include <stdlib.h>

static const int64_t kFilters[3] = {20, 50, 100};
static const int64_t kWindow = 5;
static const double kDropout = 0.3;

const char* const cnn_names[kParams] = {"conv1.weight",   "conv1.bias",     "conv2.weight",
                                        "conv2.bias",     "conv3.weight",   "conv3.bias",
                                        "linear1.weight", "linear1.bias",   "linear2.weight",
                                        "linear2.bias",   "linear3.weight", "linear3.bias"};

uint64_t next_random(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* ---- ops with the error handling of a scope: each gives a new array, or NULL after an error ----
 */

static qn_array* relu(scope_t* s, qn_array* x) {
  RETURN_NEW(s, qn_relu(s->rt, x, &out, &s->error));
}

static qn_array* reshape(scope_t* s, qn_array* x, const int64_t* shape, uint32_t n) {
  RETURN_NEW(s, qn_reshape(s->rt, x, shape, n, &out, &s->error));
}

static qn_array* scalar(scope_t* s, double value) {
  RETURN_NEW(s, qn_scalar(s->rt, value, QN_F32, &out, &s->error));
}

static qn_array* add(scope_t* s, qn_array* x, qn_array* y) {
  RETURN_NEW(s, qn_add(s->rt, x, y, &out, &s->error));
}

static qn_array* multiply(scope_t* s, qn_array* x, qn_array* y) {
  RETURN_NEW(s, qn_multiply(s->rt, x, y, &out, &s->error));
}

static qn_array* transpose(scope_t* s, qn_array* x, const int64_t* axes, uint32_t n) {
  RETURN_NEW(s, qn_transpose(s->rt, x, axes, n, &out, &s->error));
}

static qn_array* conv(scope_t* s, const cnn_t* net, qn_array* x, qn_array* w) {
  const int64_t padding = kWindow / 2;
  RETURN_NEW(s, qn_conv2d(s->rt, x, w, NULL, 0, &padding, 1, NULL, 0, 1,
                          net->channels_first ? "nchw" : "nhwc", &out, &s->error));
}

static qn_array* max_pool(scope_t* s, const cnn_t* net, qn_array* x) {
  const int64_t kernel = 2;
  RETURN_NEW(s, qn_max_pool(s->rt, x, &kernel, 1, NULL, 0, NULL, 0,
                            net->channels_first ? "nchw" : "nhwc", &out, &s->error));
}

/* x @ w^T + b, with w (outputs, inputs). */
static qn_array* linear(scope_t* s, qn_array* x, qn_array* w, qn_array* b) {
  qn_array* wt = transpose(s, w, NULL, 0);
  RETURN_NEW(s, qn_addmm(s->rt, b, x, wt, 1, 1, &out, &s->error));
}

static qn_array* bernoulli(scope_t* s, qn_array* key, double p, qn_array* like) {
  qn_array* probability = scalar(s, p);
  RETURN_NEW(s, qn_random_bernoulli(s->rt, key, probability, qn_array_shape(like),
                                    qn_array_ndim(like), &out, &s->error));
}

static qn_array* as_float(scope_t* s, qn_array* x) {
  RETURN_NEW(s, qn_astype(s->rt, x, QN_F32, &out, &s->error));
}

static qn_array* split_key(scope_t* s, qn_array* key, int64_t count) {
  RETURN_NEW(s, qn_random_split(s->rt, key, count, &out, &s->error));
}

static qn_array* part(scope_t* s, qn_array* x, int64_t index, int64_t count) {
  RETURN_NEW(s, qn_split(s->rt, x, 0, index, count, &out, &s->error));
}

static qn_array* log_softmax(scope_t* s, qn_array* x) {
  const int64_t axis = -1;
  RETURN_NEW(s, qn_log_softmax(s->rt, x, &axis, 1, &out, &s->error));
}

qn_array* key_part(scope_t* s, qn_array* key, int64_t index, int64_t count) {
  const int64_t two = 2;
  return reshape(s, part(s, split_key(s, key, count), index, count), &two, 1);
}

/* Zeroes each element with probability kDropout and scales the rest up, so that the mean stays. */
static qn_array* dropout(scope_t* s, qn_array* x, qn_array* key, int64_t which) {
  if (!key || s->status != QN_OK) return x;
  qn_array* keep = as_float(s, bernoulli(s, key_part(s, key, which, 3), 1 - kDropout, x));
  return multiply(s, multiply(s, x, keep), scalar(s, 1 / (1 - kDropout)));
}

/* ---- the network ---- */

static qn_array* conv_block(scope_t* s, const cnn_t* net, qn_array* x, qn_array* w, qn_array* b) {
  if (net->channels_first && s->status == QN_OK) {
    const int64_t shape[3] = {qn_array_shape(b)[0], 1, 1};
    b = reshape(s, b, shape, 3);
  }
  return max_pool(s, net, relu(s, add(s, conv(s, net, x, w), b)));
}

qn_array* cnn_forward(scope_t* s, const cnn_t* net, qn_array* const* params, qn_array* x,
                      qn_array* key) {
  for (int i = 0; i < 3; ++i) x = conv_block(s, net, x, params[2 * i], params[2 * i + 1]);
  /* The linear layers see the same order of features whichever layout the images have. */
  const int64_t to_nhwc[4] = {0, 2, 3, 1};
  if (net->channels_first) x = transpose(s, x, to_nhwc, 4);
  if (s->status != QN_OK) return NULL;
  const int64_t* shape = qn_array_shape(x);
  const int64_t flat[2] = {shape[0], shape[1] * shape[2] * shape[3]};
  x = reshape(s, x, flat, 2);
  x = relu(s, dropout(s, linear(s, x, params[6], params[7]), key, 0));
  x = dropout(s, linear(s, x, params[8], params[9]), key, 1);
  x = dropout(s, linear(s, x, params[10], params[11]), key, 2);
  return log_softmax(s, x);
}

/* ---- first weights ---- */

static qn_array* uniform(scope_t* s, const int64_t* shape, uint32_t ndim, double bound,
                         uint64_t* random) {
  if (s->status != QN_OK) return NULL;
  size_t size = 1;
  for (uint32_t i = 0; i < ndim; ++i) size *= (size_t)shape[i];
  float* values = malloc(size * sizeof *values);
  if (!values) {
    s->status = qn_error_new(QN_E_RESOURCE_EXHAUSTED, "no memory for the weights", &s->error);
    return NULL;
  }
  for (size_t i = 0; i < size; ++i)
    values[i] = (float)(bound * (2 * (double)(next_random(random) >> 11) * 0x1p-53 - 1));
  qn_array* out = NULL;
  TRY(s, qn_array_from_data(s->rt, values, shape, ndim, QN_F32, &out, &s->error));
  free(values);
  return scope_keep(s, out);
}

void cnn_init(scope_t* s, const cnn_t* net, uint64_t seed, qn_array** params) {
  uint64_t random = seed;
  const int64_t features = kFilters[2] * (net->height / 8) * (net->width / 8);
  const int64_t widths[4] = {features, features / 2, features / 4, net->classes};
  const int64_t to_oihw[4] = {0, 3, 1, 2};
  int64_t channels = net->channels;
  for (int i = 0; i < kLayers; ++i) {
    qn_array* w = NULL;
    qn_array* b = NULL;
    if (i < 3) {
      const int64_t shape[4] = {kFilters[i], kWindow, kWindow, channels};
      const double bound = 1 / sqrt((double)(kWindow * kWindow * channels));
      w = uniform(s, shape, 4, bound, &random);
      if (net->channels_first) w = transpose(s, w, to_oihw, 4);
      b = uniform(s, shape, 1, bound, &random);
      channels = kFilters[i];
    } else {
      const int64_t shape[2] = {widths[i - 2], widths[i - 3]};
      const double bound = 1 / sqrt((double)shape[1]);
      w = uniform(s, shape, 2, bound, &random);
      b = uniform(s, shape, 1, bound, &random);
    }
    if (s->status != QN_OK) return;
    params[2 * i] = qn_array_retain(w);
    params[2 * i + 1] = qn_array_retain(b);
  }
}
