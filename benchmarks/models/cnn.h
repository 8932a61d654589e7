/* cnn.h - the reference CNN (three 5x5 convolutions, three linear layers) on 10,000 random 28x28x1
 * images. Errors end the program: this is for benchmarks, not for use. */
#ifndef QUERN_BENCH_CNN_H
#define QUERN_BENCH_CNN_H
#include "quern/quern.h"

#define CNN_IMAGES 10000
#define CNN_LAZY 0
#define CNN_COMPILED 1

typedef struct cnn cnn;
cnn* cnn_new(qn_runtime* rt);
void cnn_free(cnn* m);
/* SGD, learning rate 0.01, momentum 0.9, dropout 0.3; returns the loss. */
double cnn_train_step(cnn* m, int batch, int way);
/* All images in batches of 512; returns the number of right answers. */
int64_t cnn_classify(cnn* m, int way);
/* One image; returns its class. */
int64_t cnn_single(cnn* m, int index, int way);
#endif
