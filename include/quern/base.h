/* base.h - what the embedding ABI (quern.h) and the kernel ABI (kernel.h) share.
 * Plain C11, <stddef.h> and <stdint.h> only. No enum, bool, size_t or struct by value crosses a call;
 * all padding is explicit; every struct's size is a multiple of 8. */
#ifndef QN_BASE_H
#define QN_BASE_H
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus) && __cplusplus >= 201703L
#define QN_NOEXCEPT noexcept /* part of the type since C++17: a throw terminates, never UB */
#else
#define QN_NOEXCEPT
#endif

#if defined(__cplusplus)
extern "C" {
#endif

/* ---- status: 0 is success; the numbers are those of absl and gRPC ---- */
typedef int32_t qn_status;
#define QN_OK 0
#define QN_E_CANCELLED 1
#define QN_E_UNKNOWN 2
#define QN_E_INVALID_ARGUMENT 3
#define QN_E_NOT_FOUND 5
#define QN_E_ALREADY_EXISTS 6
#define QN_E_PERMISSION_DENIED 7
#define QN_E_RESOURCE_EXHAUSTED 8 /* memory, or the memory limit */
#define QN_E_FAILED_PRECONDITION 9
#define QN_E_OUT_OF_RANGE 11
#define QN_E_UNIMPLEMENTED 12 /* from a kernel: "not me", the next candidate is tried */
#define QN_E_INTERNAL 13      /* from a kernel: a fault; it is quarantined and counted */
#define QN_E_UNAVAILABLE 14
#define QN_E_DATA_LOSS 15

/* First member of every struct that may grow. struct_size = sizeof(the struct) as the writer knows it;
 * flags = 0 unless documented. A reader takes a missing tail as zeros. A caller's request struct whose
 * unknown tail is not all zero is refused with QN_E_UNIMPLEMENTED. */
typedef struct qn_hdr {
  uint32_t struct_size;
  uint32_t flags;
} qn_hdr;

/* True when the peer's struct p is long enough to hold member m. */
#define QN_HAS(T, p, m) \
  ((p) != NULL && offsetof(T, m) + sizeof(((T*)0)->m) <= (size_t)(p)->hdr.struct_size)

/* UTF-8 text, not NUL-terminated; borrowed. */
typedef struct qn_str {
  const char* ptr;
  uint64_t len;
} qn_str;

/* ---- dtypes: DLPack's {code, bits, lanes} packed into 32 bits as code | bits << 8 | lanes << 16 ---- */
typedef uint32_t qn_dtype;
#define QN_DTYPE(code, bits) ((qn_dtype)((code) | (bits) << 8 | 1u << 16))
#define QN_BOOL QN_DTYPE(6u, 8u)
#define QN_U8 QN_DTYPE(1u, 8u)
#define QN_U16 QN_DTYPE(1u, 16u)
#define QN_U32 QN_DTYPE(1u, 32u)
#define QN_U64 QN_DTYPE(1u, 64u)
#define QN_I8 QN_DTYPE(0u, 8u)
#define QN_I16 QN_DTYPE(0u, 16u)
#define QN_I32 QN_DTYPE(0u, 32u)
#define QN_I64 QN_DTYPE(0u, 64u)
#define QN_F16 QN_DTYPE(2u, 16u)
#define QN_BF16 QN_DTYPE(4u, 16u)
#define QN_F32 QN_DTYPE(2u, 32u)
#define QN_F64 QN_DTYPE(2u, 64u)
#define QN_C64 QN_DTYPE(5u, 64u)

/* ---- attributes: positional, in the order of the op's schema ---- */
#define QN_ATTR_DEFAULT 0u /* take the default of the schema */
#define QN_ATTR_INT 1u     /* v.i; also bool */
#define QN_ATTR_FLOAT 2u   /* v.f */
#define QN_ATTR_INTS 3u    /* v.is, count of them */
#define QN_ATTR_FLOATS 4u  /* v.fs, count of them */
#define QN_ATTR_STR 5u     /* v.s, count bytes */
#define QN_ATTR_DTYPE 6u   /* v.i holds a qn_dtype */
typedef struct qn_attr {
  uint32_t type;
  uint32_t count;
  union {
    int64_t i;
    double f;
    const int64_t* is;
    const double* fs;
    const char* s;
  } v;
} qn_attr;

/* ---- hooks ---- */
#define QN_TAG_ARRAY 1u     /* contents of arrays */
#define QN_TAG_WORKSPACE 2u /* arenas and kernel workspace */
#define QN_TAG_PACKED 3u    /* constants rewritten for a kernel */

/* Host memory. Called from any thread. align is a power of two <= 4096; alloc returns NULL when it
 * fails; free gets the same size, align and tag. */
typedef struct qn_allocator {
  qn_hdr hdr;
  void* self;
  void* (*alloc)(void* self, uint64_t size, uint64_t align, uint32_t tag) QN_NOEXCEPT;
  void (*free)(void* self, void* p, uint64_t size, uint64_t align, uint32_t tag) QN_NOEXCEPT;
} qn_allocator;

typedef void (*qn_task_fn)(void* task, uint32_t index, uint32_t worker) QN_NOEXCEPT;

/* Host threads. parallel_for calls fn(task, 0..n-1, worker < max_workers) once for each index, in any
 * order, and returns when all are done; it may run inline and must bear nesting (then inline). No two
 * tasks run at once with the same worker number. */
typedef struct qn_executor {
  qn_hdr hdr;
  void* self;
  uint32_t (*concurrency)(void* self) QN_NOEXCEPT; /* worker count, fixed for the executor's life */
  qn_status (*parallel_for)(void* self, qn_task_fn fn, void* task, uint32_t n,
                            uint32_t max_workers) QN_NOEXCEPT;
} qn_executor;

#define QN_LOG_DEBUG 0
#define QN_LOG_INFO 1
#define QN_LOG_WARNING 2
#define QN_LOG_ERROR 3
typedef void (*qn_log_fn)(void* self, int32_t level, const char* text, uint64_t len) QN_NOEXCEPT;

#if defined(__cplusplus)
}
#endif
#endif
