/* Reads MNIST-like idx files and CIFAR binary files into host memory.
 * It does not download anything and does not shuffle or batch. */
#include "idx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef QUERN_HAVE_ZLIB
#include <zlib.h>
#endif

typedef struct {
  const char* folder;
  int channels_first;
  char* message;
  int size;
} reader_t;

static int fail(const reader_t* r, const char* file, const char* what) {
  snprintf(r->message, (size_t)r->size, "%s/%s: %s", r->folder, file, what);
  return -1;
}

/* The whole file, decompressed. Tries `name`, then `name`.gz. NULL when there is none, it cannot be
 * read or it is longer than `limit`; *found tells the first case from the others. */
static uint8_t* read_all(const reader_t* r, const char* name, size_t limit, size_t* length,
                         int* found) {
  static const char* const endings[] = {"", ".gz"};
  *found = 0;
  for (int i = 0; i < 2; ++i) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s%s", r->folder, name, endings[i]) >= (int)sizeof path)
      return NULL;
    FILE* probe = fopen(path, "rb");
    if (!probe) continue;
    *found = 1;
    uint8_t* bytes = malloc(limit + 1);
    size_t used = 0;
#ifdef QUERN_HAVE_ZLIB
    fclose(probe);
    gzFile file = gzopen(path, "rb"); /* reads plain files too */
    int got = file && bytes ? 1 : -1;
    while (got > 0 && used <= limit) {
      const size_t want = limit + 1 - used;
      got = gzread(file, bytes + used, want > (1u << 20) ? 1u << 20 : (unsigned)want);
      if (got > 0) used += (size_t)got;
    }
    if (file && gzclose(file) != Z_OK) got = -1;
#else
    int got = bytes && i == 0 ? 0 : -1;
    if (got == 0) used = fread(bytes, 1, limit + 1, probe);
    fclose(probe);
#endif
    if (got < 0 || used > limit) {
      free(bytes);
      return NULL;
    }
    *length = used;
    return bytes;
  }
  return NULL;
}

static uint32_t big_endian(const uint8_t* p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int allocate(images_t* set) {
  const size_t pixels = (size_t)(set->count * set->height * set->width * set->channels);
  set->images = malloc((pixels ? pixels : 1) * sizeof(float));
  set->labels = malloc((set->count ? (size_t)set->count : 1) * sizeof(uint32_t));
  return set->images && set->labels ? 0 : -1;
}

/* ---- idx: big-endian magic (type 8, number of axes), axes, bytes ---- */

static int load_idx(const reader_t* r, const char* which, images_t* out, uint32_t* classes) {
  char images[64], labels[64];
  snprintf(images, sizeof images, "%s-images-idx3-ubyte", which);
  snprintf(labels, sizeof labels, "%s-labels-idx1-ubyte", which);
  size_t image_bytes = 0, label_bytes = 0;
  int found = 0, code = 0;
  uint8_t* p = read_all(r, images, (size_t)1 << 30, &image_bytes, &found);
  if (!p) return fail(r, images, found ? "cannot be read" : "no such file (nor .gz)");
  uint8_t* q = read_all(r, labels, (size_t)1 << 28, &label_bytes, &found);
  if (!q) {
    code = fail(r, labels, found ? "cannot be read" : "no such file (nor .gz)");
  } else if (image_bytes < 16 || big_endian(p) != 0x803) {
    code = fail(r, images, "not an idx file of bytes with 3 axes");
  } else if (label_bytes < 8 || big_endian(q) != 0x801) {
    code = fail(r, labels, "not an idx file of bytes with 1 axis");
  } else {
    const uint64_t n = big_endian(p + 4), h = big_endian(p + 8), w = big_endian(p + 12);
    if (h == 0 || w == 0 || h > 4096 || w > 4096 || n * h * w != image_bytes - 16) {
      code = fail(r, images, "its length is not the one its header tells");
    } else if (big_endian(q + 4) != n || label_bytes - 8 != n) {
      code = fail(r, labels, "does not hold as many labels as there are images");
    } else {
      *out =
          (images_t){.count = (int64_t)n, .height = (int64_t)h, .width = (int64_t)w, .channels = 1};
      if (allocate(out)) code = fail(r, images, "out of memory");
    }
    /* One channel: NHWC and NCHW are the same bytes. */
    for (uint64_t i = 0; code == 0 && i < n * h * w; ++i)
      out->images[i] = (float)p[16 + i] / 255.0f;
    for (uint64_t i = 0; code == 0 && i < n; ++i) {
      out->labels[i] = q[8 + i];
      if (q[8 + i] >= *classes) *classes = q[8 + i] + 1u;
    }
  }
  free(p);
  free(q);
  return code;
}

/* ---- CIFAR: records of one or two label bytes and 3 planes of 32 x 32 bytes ---- */

enum { kSide = 32, kPlane = kSide * kSide, kPixels = 3 * kPlane };

static int load_cifar(const reader_t* r, const char* const* files, int n_files, int label_bytes,
                      uint32_t classes, images_t* out) {
  enum { kMost = 50000 };
  const size_t record = (size_t)label_bytes + kPixels;
  *out = (images_t){.count = kMost, .height = kSide, .width = kSide, .channels = 3};
  if (allocate(out)) return fail(r, files[0], "out of memory");
  out->count = 0;
  for (int f = 0; f < n_files; ++f) {
    size_t length = 0;
    int found = 0;
    uint8_t* p = read_all(r, files[f], kMost * record, &length, &found);
    if (!p) return fail(r, files[f], found ? "cannot be read" : "no such file (nor .gz)");
    const int64_t n = (int64_t)(length / record);
    if (length % record != 0 || out->count + n > kMost) {
      free(p);
      return fail(r, files[f], "its length is not that of a CIFAR binary file");
    }
    for (int64_t i = 0; i < n; ++i) {
      const uint8_t* from = p + (size_t)i * record;
      const uint32_t label = from[label_bytes - 1]; /* CIFAR-100: the fine label comes second */
      if (label >= classes) {
        free(p);
        return fail(r, files[f], "a label is out of range");
      }
      float* to = out->images + (size_t)(out->count + i) * kPixels;
      out->labels[out->count + i] = label;
      from += label_bytes;
      for (int c = 0; c < 3; ++c)
        for (int at = 0; at < kPlane; ++at)
          to[r->channels_first ? c * kPlane + at : at * 3 + c] =
              (float)from[c * kPlane + at] / 255.0f;
    }
    out->count += n;
    free(p);
  }
  return 0;
}

static int exists(const reader_t* r, const char* name) {
  static const char* const endings[] = {"", ".gz"};
  for (int i = 0; i < 2; ++i) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s%s", r->folder, name, endings[i]) >= (int)sizeof path)
      return 0;
    FILE* file = fopen(path, "rb");
    if (file) {
      fclose(file);
      return 1;
    }
  }
  return 0;
}

/* Shifts and scales all pixels so that those of the training images have mean 0 and deviation 1. */
static void standardise(dataset_t* set) {
  images_t* both[2] = {&set->train, &set->test};
  double sum = 0, squares = 0;
  for (int which = 0; which < 2; ++which) {
    images_t* images = both[which];
    const int64_t n = images->count * images->height * images->width * images->channels;
    if (which == 0) {
      for (int64_t i = 0; i < n; ++i) {
        sum += images->images[i];
        squares += (double)images->images[i] * images->images[i];
      }
      sum /= n ? (double)n : 1;
      squares = squares / (n ? (double)n : 1) - sum * sum;
    }
    const double scale = squares > 0 ? 1 / sqrt(squares) : 1;
    for (int64_t i = 0; i < n; ++i) images->images[i] = (float)((images->images[i] - sum) * scale);
  }
}

int dataset_load(const char* folder, int channels_first, dataset_t* out, char* message, int size) {
  static const char* const train10[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                        "data_batch_4.bin", "data_batch_5.bin"};
  static const char* const test10[] = {"test_batch.bin"};
  static const char* const train100[] = {"train.bin"};
  static const char* const test100[] = {"test.bin"};
  const reader_t r = {folder, channels_first, message, size};
  memset(out, 0, sizeof *out);
  int code = 0;
  if (exists(&r, train10[0])) {
    *out = (dataset_t){.classes = 10, .name = "CIFAR-10"};
    code = load_cifar(&r, train10, 5, 1, 10, &out->train);
    if (code == 0) code = load_cifar(&r, test10, 1, 1, 10, &out->test);
  } else if (exists(&r, train100[0])) {
    *out = (dataset_t){.classes = 100, .name = "CIFAR-100"};
    code = load_cifar(&r, train100, 1, 2, 100, &out->train);
    if (code == 0) code = load_cifar(&r, test100, 1, 2, 100, &out->test);
  } else if (exists(&r, "train-images-idx3-ubyte")) {
    out->name = "idx";
    code = load_idx(&r, "train", &out->train, &out->classes);
    if (code == 0) code = load_idx(&r, "t10k", &out->test, &out->classes);
  } else {
    snprintf(message, (size_t)size,
             "%s: no train-images-idx3-ubyte[.gz], data_batch_1.bin or train.bin there", folder);
    return -1;
  }
  if (code == 0 && (out->train.height != out->test.height || out->train.width != out->test.width)) {
    snprintf(message, (size_t)size, "%s: test images differ in size from training images", folder);
    code = -1;
  }
  if (code == 0) standardise(out);
  return code;
}

void dataset_free(dataset_t* set) {
  free(set->train.images);
  free(set->train.labels);
  free(set->test.images);
  free(set->test.labels);
  memset(set, 0, sizeof *set);
}
