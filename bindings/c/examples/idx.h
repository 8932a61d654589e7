/* idx.h - image data sets on disk: MNIST's idx files (plain or gzip) and CIFAR's binary files.
 * Nothing here knows about quern: the result is plain host memory. */
#ifndef EXAMPLE_IDX_H
#define EXAMPLE_IDX_H
#include <stdint.h>

typedef struct {
  int64_t count, height, width, channels;
  float* images;    /* (count, height, width, channels), or (count, channels, height, width) */
  uint32_t* labels; /* (count), each < classes */
} images_t;

typedef struct {
  images_t train, test;
  uint32_t classes;
  const char* name; /* "idx", "CIFAR-10" or "CIFAR-100" */
} dataset_t;

/* Reads the folder; pixels are shifted and scaled to mean 0 and deviation 1 over the training
 * images. channels_first: images lie as NCHW. Returns 0, or -1 with a message of at most `size`
 * bytes in `message`. Free it with dataset_free in either case. */
int dataset_load(const char* folder, int channels_first, dataset_t* out, char* message, int size);
void dataset_free(dataset_t* set);

#endif
