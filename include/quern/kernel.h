/* kernel.h - the kernel plugin ABI, major version 1.
 *
 * A plugin is a shared object that exports one function, qn_kernel_plugin_v1, and imports nothing from
 * libquern. Life of a kernel: open -> query -> plan -> run or tile -> plan_free -> close.
 * All memory that a kernel reads or writes is the host's. Thread tags: [serial] one call at a time for
 * a runtime; [any] any thread, concurrently; [worker] inside a parallel loop. */
#ifndef QN_KERNEL_H
#define QN_KERNEL_H
#include "base.h"
#include "op_ids.h" /* QN_OP_ADD ...: the op numbers of opdesc.op and inst.op */

#if defined(__cplusplus)
extern "C" {
#endif

#define QN_KERNEL_ABI_MAJOR 1u
#define QN_KERNEL_ABI_MINOR 0u

/* ---- arrays ---- */
#define QN_LAYOUT_STRIDED 0u /* element (i, j, ..) lies at data + (i*strides[0] + j*strides[1] ..) * itemsize */
#define QN_LAYOUT_NAMED 1u   /* opaque: only kernels that offer this very name read or write it */

/* How one operand lies in memory. In an offer: kind STRIDED with strides NULL means, for an input,
 * "any strides" (also 0 and negative); for an output, dense row-major. */
typedef struct qn_layout {
  uint32_t kind;
  uint32_t _pad0;
  const int64_t* strides; /* STRIDED: one an axis, in elements */
  qn_str name;            /* NAMED: must say everything, e.g. "onednn/aBcd16b:64x20x28x28" */
  uint64_t bytes;         /* NAMED: size of the storage */
} qn_layout;

typedef struct qn_array_desc {
  qn_hdr hdr;
  qn_dtype dtype;
  uint32_t ndim;
  const int64_t* shape; /* the logical shape, whatever the layout */
  qn_layout layout;
  int32_t device_type; /* DLPack: 1 = CPU */
  int32_t device_id;
} qn_array_desc;

/* ---- element-wise programs: the one form in which fusion crosses this ABI ----
 * Values are numbered: 0 .. n_in-1 are inputs, n_in + i is the result of inst[i] (static single
 * assignment). Alone (op `map`) the inputs are opdesc.in, each broadcast by strides to the shape of
 * the outputs. As an epilogue, value 0 is the op's own result and value k > 0 is
 * opdesc.in[n_op_in + k - 1], broadcast (NumPy rules) to the shape of output 0. */
typedef struct qn_inst {
  uint32_t op;    /* QN_OP_* of an element-wise op; QN_INST_CONST: imm */
  qn_dtype dtype; /* of the result */
  int32_t a, b, c; /* operand value numbers, -1 when unused */
  uint32_t _pad0;
  double imm;
} qn_inst;
#define QN_INST_CONST 0xFFFFu

typedef struct qn_program {
  qn_hdr hdr;
  uint32_t version; /* 1 */
  uint32_t n_in;
  uint32_t n_inst;
  uint32_t n_out;
  const qn_dtype* in_dtype; /* n_in */
  const qn_inst* inst;      /* n_inst */
  const uint32_t* out;      /* n_out value numbers */
} qn_program;

/* ---- one op to be served ---- */
#define QN_CLASS_STRICT 0u  /* fixed reduction order, same bits for any thread count */
#define QN_CLASS_DEFAULT 1u /* error against float64 below 5e-5 of the output's rms */
#define QN_CLASS_FAST 2u    /* bf16 compute allowed */

typedef struct qn_opdesc {
  qn_hdr hdr;
  uint32_t op;          /* QN_OP_* */
  uint32_t max_workers; /* threads the host will use at most */
  uint32_t accuracy;    /* QN_CLASS_* */
  uint32_t n_op_in;     /* inputs of the op itself; the epilogue's follow */
  uint32_t n_in, n_out, n_attr, _pad0;
  const qn_array_desc* in;
  const qn_array_desc* out; /* with an epilogue: dtype of the program's result */
  const qn_attr* attr;      /* complete, in schema order, defaults filled in */
  const qn_program* program; /* `map`: the program. Otherwise the wished epilogue, or NULL */
  uint64_t const_mask;       /* inputs that are constants: a relayout of them is done once and kept */
} qn_opdesc;

/* ---- answers ---- */
typedef struct qn_answer qn_answer; /* the host's list of offers, for the call */
typedef struct qn_error_slot qn_error_slot; /* where error text goes, for the call */

#define QN_THREADING_SERIAL 0u
#define QN_THREADING_TILES 1u        /* the host calls tile(i) for every i, from its workers */
#define QN_THREADING_PARALLEL_FOR 2u /* run() uses run->executor */

#define QN_CONFIDENCE_GUESS 0u
#define QN_CONFIDENCE_MODEL 1u
#define QN_CONFIDENCE_MEASURED 2u

typedef struct qn_candidate {
  qn_hdr hdr;
  qn_str name;        /* stable, without the plugin's id: "sgemm.avx512" */
  uint32_t kernel_id; /* the plugin's own number, given back to plan() */
  uint32_t threading;
  uint32_t n_in, n_out;  /* lengths of in and out, 0 = all default */
  const qn_layout* in;   /* the layouts it takes */
  const qn_layout* out;  /* the layouts it gives */
  uint64_t inplace_mask; /* bit i: output 0 may lie exactly on input i (same layout, same bytes) */
  double est_ns;         /* expected time on opdesc.max_workers threads */
  uint32_t confidence;
  uint32_t deterministic; /* 1: same bits for any number of threads */
  uint64_t workspace_max; /* bytes, an upper bound of plan_info.workspace */
  uint32_t epilogue_taken; /* leading instructions of the epilogue that it does itself, 0 .. n_inst.
                              The last one taken must be the only value the rest reads. */
  uint32_t _pad0;
} qn_candidate;

/* ---- what the host gives ---- */
typedef struct qn_host {
  qn_hdr hdr;
  uint32_t abi_minor;
  uint32_t sanitizer; /* 0 none, 1 address, 2 thread */
  void* self;
  /* [any] Adds a candidate to the answer; everything c points to is copied. */
  qn_status (*offer)(qn_answer*, const qn_candidate* c) QN_NOEXCEPT;
  /* [any] Says why the kernel `name` does not serve this op; both texts (NUL-terminated) are copied. */
  void (*refuse)(qn_answer*, const char* name, const char* reason) QN_NOEXCEPT;
  /* [any] Text (NUL-terminated, copied) for the failure that the caller is about to return. */
  void (*error)(qn_error_slot*, const char* text) QN_NOEXCEPT;
  void (*log)(void* self, int32_t level, const char* text, uint64_t len) QN_NOEXCEPT;
  /* [any] Optional services by id "name/revision"; NULL when unknown. Known: QN_EXT_MAX_ISA. */
  const void* (*extension)(void* self, const char* id) QN_NOEXCEPT;
  const qn_allocator* allocator; /* for plans and other small, lasting things */
} qn_host;

/* const uint32_t*, valid as long as the process: the widest instruction set that kernels may use, one of QN_ISA_*, the
 * same for all runtimes. From the environment's QUERN_MAX_ISA (the names below in lower case, without QN_ISA_);
 * QN_ISA_AMX, no limit, where that is not set. It limits x86-64 alone and says nothing of what the processor has. */
#define QN_EXT_MAX_ISA "quern.max_isa/1"
#define QN_ISA_BASELINE 0u    /* what every processor of the architecture has: SSE2 */
#define QN_ISA_SSE4 1u        /* up to SSE4.2 */
#define QN_ISA_AVX2 2u        /* with FMA and F16C */
#define QN_ISA_AVX512 3u      /* F, BW, CD, DQ, VL */
#define QN_ISA_AVX512_VNNI 4u /* with all that came later for vectors of 512 bits */
#define QN_ISA_AMX 5u         /* everything */

/* ---- plans ---- */
typedef struct qn_plan qn_plan; /* the plugin's; immutable, used by many threads at once */

typedef struct qn_plan_info {
  qn_hdr hdr;
  uint64_t workspace;      /* bytes for one run, shared by its tiles; 64-byte aligned */
  uint64_t worker_scratch; /* bytes for each worker, 64-byte aligned */
  uint32_t n_tiles;        /* TILES: how many */
  uint32_t _pad0;
} qn_plan_info;

typedef struct qn_buffer {
  void* data; /* address of element (0, 0, ..), or start of the NAMED storage */
} qn_buffer;

typedef struct qn_run {
  qn_hdr hdr;
  const qn_buffer* in;  /* opdesc.n_in */
  const qn_buffer* out; /* opdesc.n_out; never overlap an input unless inplace_mask allowed it */
  void* workspace;      /* not initialised */
  void* scratch;        /* run(): worker_scratch bytes for each of max_workers workers, in a row */
  const qn_executor* executor;
  qn_error_slot* error;
} qn_run;

typedef struct qn_kernel_plugin {
  qn_hdr hdr;
  uint32_t abi_minor;     /* minor version of this header it was built with */
  uint32_t abi_minor_min; /* oldest host minor it works with */
  uint32_t sanitizer;
  uint32_t _pad0;
  const char* id;      /* "openblas": letters, digits, '_'; the name in selection rules */
  const char* version;
  const char* license; /* SPDX expression of the plugin and what it links */
  const char* description;
  /* [serial] Once for each runtime. `host` stays valid until close. */
  qn_status (*open)(const qn_host* host, void** self, qn_error_slot*) QN_NOEXCEPT;
  /* [serial] After the last plan is freed. */
  void (*close)(void* self) QN_NOEXCEPT;
  /* [any] Calls host->offer for each kernel that can serve op, host->refuse for each of its kernels of
   * this op that can't. QN_OK also when nothing is offered. Allocates nothing that lasts. */
  qn_status (*query)(void* self, const qn_opdesc* op, qn_answer*) QN_NOEXCEPT;
  /* [any] op has the layouts that were offered and only the epilogue that was taken. Keeps no pointer
   * into op. */
  qn_status (*plan)(void* self, const qn_opdesc* op, uint32_t kernel_id, qn_plan** out, qn_plan_info*,
                    qn_error_slot*) QN_NOEXCEPT;
  /* [any] SERIAL and PARALLEL_FOR kernels. Allocates nothing. */
  qn_status (*run)(const qn_plan*, const qn_run*) QN_NOEXCEPT;
  /* [worker] TILES kernels; scratch is this worker's worker_scratch bytes. Allocates nothing. */
  qn_status (*tile)(const qn_plan*, const qn_run*, uint32_t tile, uint32_t worker, void* scratch) QN_NOEXCEPT;
  /* [any] */
  void (*plan_free)(void* self, qn_plan*) QN_NOEXCEPT;
} qn_kernel_plugin;

/* The one export. Pure: no allocation, no threads, may be called many times. Returns NULL when it cannot
 * work with host_minor. The host accepts a plugin iff abi_minor_min <= its own minor. */
typedef const qn_kernel_plugin* (*qn_kernel_plugin_v1_fn)(uint32_t host_minor) QN_NOEXCEPT;
#define QN_KERNEL_ENTRY "qn_kernel_plugin_v1"
#if defined(_WIN32)
#define QN_KERNEL_EXPORT __declspec(dllexport)
#else
#define QN_KERNEL_EXPORT __attribute__((visibility("default")))
#endif

#if defined(__cplusplus)
}
#endif
#endif
