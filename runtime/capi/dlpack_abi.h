/* The memory layout of DLPack 1.x and of the older unversioned tensor, as far as the runtime
 * exchanges it. Plain C, independent of any installed dlpack.h; do not include both in one file. */
#ifndef QN_DLPACK_ABI_H
#define QN_DLPACK_ABI_H
#include <stdint.h>

#define QN_DLPACK_MAJOR 1u
#define QN_DLPACK_MINOR 0u
#define QN_DL_CPU 1
#define QN_DL_READ_ONLY 1u /* bit of DLManagedTensorVersioned.flags */

#if defined(__cplusplus)
extern "C" {
#endif

typedef struct DLPackVersion {
  uint32_t major;
  uint32_t minor;
} DLPackVersion;

typedef struct DLDevice {
  int32_t device_type;
  int32_t device_id;
} DLDevice;

typedef struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;

typedef struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides; /* in elements; NULL = row-major */
  uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(struct DLManagedTensor* self);
} DLManagedTensor;

typedef struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(struct DLManagedTensorVersioned* self);
  uint64_t flags;
  DLTensor dl_tensor;
} DLManagedTensorVersioned;

#if defined(__cplusplus)
}
#endif
#endif
