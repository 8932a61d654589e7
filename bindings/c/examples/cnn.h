/* cnn.h - the network of train_cnn: three convolutions and three linear layers.
 * Data, optimizers and the loop are elsewhere. */
#ifndef EXAMPLE_CNN_H
#define EXAMPLE_CNN_H
#include "scope.h"

enum { kLayers = 6, kParams = 2 * kLayers };

typedef struct {
  int64_t height, width, channels, classes;
  int channels_first; /* NCHW images and OIHW weights instead of NHWC and OHWI */
} cnn_t;

extern const char* const cnn_names[kParams]; /* "conv1.weight", "conv1.bias", ... */

/* Writes kParams new references; uniform in +-1/sqrt(fan_in). The same values for both layouts. */
void cnn_init(scope_t* s, const cnn_t* net, uint64_t seed, qn_array** params);

/* Log-probabilities (N, classes). key NULL: no dropout. The result belongs to the scope. */
qn_array* cnn_forward(scope_t* s, const cnn_t* net, qn_array* const* params, qn_array* x,
                      qn_array* key);

/* Part `index` of `count` of a split key. */
qn_array* key_part(scope_t* s, qn_array* key, int64_t index, int64_t count);

/* splitmix64: the next number of a stream whose state the caller keeps. */
uint64_t next_random(uint64_t* state);

#endif
