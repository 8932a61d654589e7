/* quern.h - the embedding ABI of libquern.so.1.
 *
 * Errors: every function that can fail returns a qn_status and takes a qn_error** last, which may be NULL.
 * On failure it receives an error to free with qn_error_free; out-arguments are left alone. Nothing is
 * printed, nothing is kept in thread-local storage, nothing aborts or exits.
 * Threads: any function may be called from any thread; one runtime computes one thing at a time.
 * Ownership: "new reference" = the caller releases it. Arrays and functions keep their runtime alive.
 * Arrays are immutable; their values are computed when first needed. */
#ifndef QN_H
#define QN_H
#include "base.h"

#if defined(__cplusplus)
extern "C" {
#endif

#if defined(_WIN32)
#define QN_API __declspec(dllimport)
#else
#define QN_API __attribute__((visibility("default")))
#endif

typedef struct qn_runtime qn_runtime;
typedef struct qn_array qn_array;
typedef struct qn_fn qn_fn;
typedef struct qn_trace qn_trace;
typedef struct qn_error qn_error;
typedef struct qn_plugin qn_plugin;
typedef struct qn_kernel_plugin qn_kernel_plugin; /* kernel.h */
typedef struct DLManagedTensorVersioned DLManagedTensorVersioned; /* dlpack.h */
typedef struct DLManagedTensor DLManagedTensor;

/* ---- library ---- */
/* major << 16 | minor of the ABI. */
QN_API uint32_t qn_abi_version(void);
/* "key=value" lines: version, compiler, sanitizer. NUL-terminated, static. */
QN_API const char* qn_build_info(void);
/* Experimental functions by name ("qn_foo_x1"); NULL when absent. */
typedef void (*qn_proc)(void);
QN_API qn_proc qn_get_proc(const char* name);
/* "INVALID_ARGUMENT" for 3; "UNKNOWN" for numbers it does not know. Static. */
QN_API const char* qn_status_name(qn_status);

/* ---- errors ---- */
QN_API qn_status qn_error_code(const qn_error*);
/* NUL-terminated UTF-8, valid until the error is freed. "" for NULL. */
QN_API const char* qn_error_message(const qn_error*);
QN_API void qn_error_free(qn_error*); /* NULL is fine */
/* An error made by a callback, to be returned through its qn_error**. Returns code. */
QN_API qn_status qn_error_new(qn_status code, const char* message, qn_error** out);

/* ---- runtime: owns threads, memory, plugins, plans ---- */
#define QN_PLUGINS_BUNDLED 0u  /* naive, and the plugins installed beside libquern */
#define QN_PLUGINS_BUILTIN 1u  /* only naive, which is inside the library */
#define QN_PLUGINS_PATH 2u     /* bundled and those in directories named by QUERN_PLUGIN_PATH
                                  (absolute ones; ignored in setuid programs) */
typedef struct qn_runtime_config {
  qn_hdr hdr;
  const qn_allocator* allocator; /* NULL = built in; copied */
  const qn_executor* executor;   /* NULL = built-in thread pool; copied */
  qn_log_fn log;                 /* NULL = silent */
  void* log_self;
  uint32_t n_threads;     /* built-in pool; 0 = all processors this process may use */
  uint32_t plugin_policy; /* QN_PLUGINS_* */
  uint64_t memory_limit;  /* bytes of arrays and workspace; 0 = none */
  const char* kernels;    /* selection rules; NULL = the environment's QUERN_KERNELS, else none */
  uint32_t accuracy;      /* 0 = default; 1 = strict; 2 = fast */
  uint32_t _pad0;
  const char* tuning;     /* as for qn_runtime_set_tuning; NULL = the environment's QUERN_TUNING (ignored in setuid
                             programs), else off */
} qn_runtime_config;

/* config NULL = all defaults. *out: new reference. */
QN_API qn_status qn_runtime_create(const qn_runtime_config* config, qn_runtime** out, qn_error**);
QN_API qn_runtime* qn_runtime_retain(qn_runtime*);
QN_API void qn_runtime_release(qn_runtime*); /* NULL is fine */
/* Selection rules: "conv[nhwc,f32]=onednn; matmul=tbb|openblas; *=naive". First match wins; a rule lists
 * plugins (or plugin/kernel) to use, best first; ops without a match follow the default policy.
 * "" removes all rules. Plans made under other rules are dropped. */
QN_API qn_status qn_runtime_set_kernels(qn_runtime*, const char* rules, qn_error**);
/* Measured times instead of the plugins' estimates, where there are any; rules come first all the same:
 *   "off" or ""         estimates decide
 *   "read:FILE"         times from a file
 *   "measure[:FILE]"    the same, and what is not known is measured whenever a plan is made, which then takes longer
 *   "background[:FILE]" the same, but a thread of the lowest priority measures for plans that ran several times; it
 *                       uses at most 1 % of a processor's time and 20 seconds in all; better plans follow
 * Times are known by op, attributes, dtypes, shapes, layouts, threads and class. They are kept in FILE, if one is
 * named, for this processor, library version and builds of plugins; others' are passed over, as are damaged files, and
 * a file that is none of tuning is never written. Processes may share a FILE. What is wrong with it is logged and
 * reported; it is no error. In the strict class all is measured on one thread, and nothing in the background. Ends a
 * tuning that was on; plans are dropped. */
QN_API qn_status qn_runtime_set_tuning(qn_runtime*, const char* tuning, qn_error**);

typedef struct qn_stats {
  qn_hdr hdr;
  uint64_t bytes_active;    /* in arrays and plans now */
  uint64_t bytes_cached;    /* kept for reuse */
  uint64_t bytes_peak;      /* highest bytes_active since creation or the last reset */
  uint64_t bytes_limit;     /* 0 = none */
  uint64_t allocations;     /* calls that reached the underlying allocator */
  uint64_t evaluations;     /* calls of compiled functions included, as in the next two */
  uint64_t plan_hits;
  uint64_t plan_misses;
  uint64_t plans;           /* in the cache */
  uint64_t kernels_run;
  uint64_t relayouts_run;
  uint64_t relayouts_cached; /* skipped because the constant's packed form was at hand */
  uint64_t faults;          /* kernel failures that led to another candidate or an error */
  uint64_t nodes_recorded;
} qn_stats;
/* stats->hdr.struct_size must be set; only that many bytes are written. */
QN_API qn_status qn_runtime_stats(qn_runtime*, qn_stats* stats, qn_error**);
QN_API qn_status qn_runtime_reset_peak(qn_runtime*, qn_error**);
/* Gives cached memory back and drops all plans. */
QN_API qn_status qn_runtime_clear_cache(qn_runtime*, qn_error**);

/* ---- arrays ---- */
/* A copy of row-major data. data may be NULL only for size 0. */
QN_API qn_status qn_array_from_data(qn_runtime*, const void* data, const int64_t* shape, uint32_t ndim,
                                    qn_dtype, qn_array** out, qn_error**);
/* Borrowed memory: read, never written, until release(self) is called (once, on any thread). When this call fails,
 * release is not called. strides in elements, NULL = row-major. */
typedef void (*qn_release_fn)(void* self);
QN_API qn_status qn_array_borrow(qn_runtime*, const void* data, const int64_t* shape, const int64_t* strides,
                                 uint32_t ndim, qn_dtype, qn_release_fn release, void* self, qn_array** out,
                                 qn_error**);
/* 0-d arrays from one number, converted to the dtype. */
QN_API qn_status qn_scalar(qn_runtime*, double value, qn_dtype, qn_array** out, qn_error**);
QN_API qn_array* qn_array_retain(qn_array*);
QN_API void qn_array_release(qn_array*); /* NULL is fine */
QN_API uint32_t qn_array_ndim(const qn_array*);
QN_API const int64_t* qn_array_shape(const qn_array*); /* ndim entries; NULL when ndim is 0 is possible */
QN_API qn_dtype qn_array_dtype(const qn_array*);
QN_API uint64_t qn_array_size(const qn_array*); /* elements */
QN_API uint32_t qn_array_is_evaluated(const qn_array*);
QN_API qn_runtime* qn_array_runtime(const qn_array*); /* borrowed */
/* Evaluates, then gives the address of element 0 and the strides (in elements, ndim entries); both valid as long
 * as the array. strides may be NULL. Read only. */
QN_API qn_status qn_array_data(qn_array*, const void** data, const int64_t** strides, qn_error**);
/* Evaluates and copies out in row-major order; bytes must be size * itemsize. */
QN_API qn_status qn_array_copy_out(qn_array*, void* dst, uint64_t bytes, qn_error**);
/* The value of a one-element array. */
QN_API qn_status qn_array_item_f64(qn_array*, double* out, qn_error**);
QN_API qn_status qn_array_item_i64(qn_array*, int64_t* out, qn_error**); /* truncates floats */
/* The same as {real, imaginary} part; the imaginary part of a real dtype is 0. out has room for two. */
QN_API qn_status qn_array_item_c64(qn_array*, float* out, qn_error**);
/* DLPack, both ways without a copy (when strides and alignment allow). from: takes the tensor over on success
 * only. to: evaluates; the result holds a reference to the array. */
QN_API qn_status qn_array_from_dlpack(qn_runtime*, DLManagedTensorVersioned*, qn_array** out, qn_error**);
QN_API qn_status qn_array_to_dlpack(qn_array*, DLManagedTensorVersioned** out, qn_error**);
QN_API qn_status qn_array_from_dlpack_legacy(qn_runtime*, DLManagedTensor*, qn_array** out, qn_error**);
QN_API qn_status qn_array_to_dlpack_legacy(qn_array*, DLManagedTensor** out, qn_error**);

/* ---- ops: data, not symbols; typed wrappers are in ops.h ---- */
QN_API qn_status qn_op_lookup(const char* name, uint32_t* op_id, qn_error**);
/* Number of ops, and the i-th one as a line of JSON (name, inputs, attributes, doc); static. NULL out of range. */
QN_API uint32_t qn_op_count(void);
QN_API const char* qn_op_schema(uint32_t i);
/* Records one op. in: entries may be NULL where the schema has a default. attr: in schema order, trailing ones may
 * be left out. out: n_out new references. rt may be NULL when there is an input. */
QN_API qn_status qn_op(qn_runtime* rt, uint32_t op_id, qn_array* const* in, uint32_t n_in, const qn_attr* attr,
                       uint32_t n_attr, qn_array** out, uint32_t n_out, qn_error**);
/* Computes the arrays together, in one plan. */
QN_API qn_status qn_eval(qn_array* const* arrays, uint32_t n, qn_error**);

/* ---- functions as values ---- */
/* Writes n_out new references. On failure returns a code and may set *error (qn_error_new). */
typedef qn_status (*qn_callback)(void* self, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out,
                                 qn_error** error);
/* drop(self) is called once when the last reference goes; also when creation fails. May be NULL. */
QN_API qn_status qn_fn_create(qn_runtime*, qn_callback, void* self, qn_release_fn drop, uint32_t n_in,
                              uint32_t n_out, qn_fn** out, qn_error**);
QN_API qn_fn* qn_fn_retain(qn_fn*);
QN_API void qn_fn_release(qn_fn*); /* NULL is fine */
QN_API uint32_t qn_fn_n_in(const qn_fn*);
QN_API uint32_t qn_fn_n_out(const qn_fn*);
QN_API qn_status qn_fn_call(qn_fn*, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out, qn_error**);
/* g(in.., cotangents of all outputs..) -> (outputs.., gradients of the inputs named by argnums..). */
QN_API qn_status qn_fn_vjp(qn_fn*, const uint32_t* argnums, uint32_t n, qn_fn** out, qn_error**);
/* g(in..) -> (outputs.., gradients of output 0 - a scalar - with respect to argnums..). */
QN_API qn_status qn_fn_value_and_grad(qn_fn*, const uint32_t* argnums, uint32_t n, qn_fn** out, qn_error**);
/* g(in.., tangents of the inputs named by argnums..) -> (outputs.., tangents of the outputs..). */
QN_API qn_status qn_fn_jvp(qn_fn*, const uint32_t* argnums, uint32_t n, qn_fn** out, qn_error**);
#define QN_AXIS_NONE INT64_MIN
/* g: f for every entry of the inputs along in_axes (n_in of them, negative ones count from the end, QN_AXIS_NONE =
 * the same for all entries, at least one is mapped); the entries of the outputs lie along out_axes (n_out). NULL =
 * axis 0 for all. f sees shapes without that axis and may not evaluate; ops are mapped as a whole where they can. */
QN_API qn_status qn_fn_vmap(qn_fn*, const int64_t* in_axes, const int64_t* out_axes, qn_fn** out, qn_error**);
/* g: as f, but when g is differentiated what lies between inputs and outputs is computed again instead of kept. */
QN_API qn_status qn_fn_checkpoint(qn_fn*, qn_fn** out, qn_error**);
/* g: as f, but f runs once for each combination of shapes and dtypes; later calls replay its graph. f must be
 * pure: no evaluation inside, all arrays it uses are inputs or constants. */
QN_API qn_status qn_fn_compile(qn_fn*, qn_fn** out, qn_error**);

/* ---- traces: transforms without a callback ----
 * For bindings whose functions have a number of outputs that is known only after they ran: begin a trace, run the
 * function on the traced inputs, transform its outputs, end the trace. Traces nest; each of several threads may
 * have its own; one trace is for one thread at a time. Traced arrays may be kept: after the end they are ordinary
 * arrays, except that those made from placeholders have no value. */
#define QN_TRACE_VALUES 0u       /* traced inputs have the values of `in`; evaluation is allowed */
#define QN_TRACE_PLACEHOLDERS 1u /* they have shape and dtype only; evaluating what depends on them fails with
                                    FAILED_PRECONDITION */
#define QN_TRACE_INTEGERS 2u     /* added to either: integers and booleans have gradients too, in their own
                                    arithmetic; indices have none, and asking for them is an error */
/* traced: n_in new references. axes: NULL, or with placeholders an axis for each input that is left out of its
 * shape (QN_AXIS_NONE: none is). rt may be NULL when there is an input. *out: end it with qn_trace_end. */
QN_API qn_status qn_trace_begin(qn_runtime* rt, qn_array* const* in, uint32_t n_in, const int64_t* axes,
                                uint32_t flags, qn_array** traced, qn_trace** out, qn_error**);
/* Gradients of the n inputs that argnums names (floating dtypes, with QN_TRACE_INTEGERS any; each once), as new
 * references: the sum over the outputs of cotangent times derivative; zeros for an input without part in the
 * outputs. cotangents: one an output, of its shape and dtype. May be called several times. */
QN_API qn_status qn_trace_vjp(qn_trace*, qn_array* const* outputs, uint32_t n_out, qn_array* const* cotangents,
                              const uint32_t* argnums, uint32_t n, qn_array** grads, qn_error**);
/* Tangents of the outputs, n_out new references: the sum over the n inputs that argnums names of derivative times
 * tangent; zeros where nothing flows. tangents: one for each of them, of its shape and dtype. */
QN_API qn_status qn_trace_jvp(qn_trace*, qn_array* const* outputs, uint32_t n_out, qn_array* const* tangents,
                              const uint32_t* argnums, uint32_t n, qn_array** out_tangents, qn_error**);
/* The outputs for every entry of `in` along `axes` as given to qn_trace_begin, with the entries along out_axes
 * (n_out; NULL = axis 0; QN_AXIS_NONE only for outputs that do not depend on a mapped input). */
QN_API qn_status qn_trace_vmap(qn_trace*, qn_array* const* outputs, uint32_t n_out, const int64_t* out_axes,
                               qn_array** results, qn_error**);
/* For a trace with values: arrays equal to the outputs; when they are differentiated, what lies between `in` of
 * qn_trace_begin and them is computed again instead of kept. n_out new references. */
QN_API qn_status qn_trace_checkpoint(qn_trace*, qn_array* const* outputs, uint32_t n_out, qn_array** results,
                                     qn_error**);
/* The function from the traced inputs to the outputs, without what was called to make it: n_in arrays of the traced
 * shapes and dtypes in, n_out out. Calls replay a plan; other transforms see its graph. All other arrays that went
 * into the outputs are constants. Lives beyond the trace. */
QN_API qn_status qn_trace_compile(qn_trace*, qn_array* const* outputs, uint32_t n_out, qn_fn** out, qn_error**);
/* Ends the trace and lets go of the graph that evaluation kept for it. NULL is fine. */
QN_API void qn_trace_end(qn_trace*);
/* Arrays equal to `values` whose derivatives with respect to `in` come from the given functions; through the values
 * nothing flows. Each but one may be NULL: what is missing follows from the others.
 * vjp: (in.., values.., cotangents of values..) -> a gradient for each of in (ignored for integers).
 * jvp: (in.., values.., tangents of in..) -> tangents of values.
 * vmap: (in.., the batch as axis 0 of each) -> values, the batch as axis 0 of each. Its results have the
 * derivatives of its body. out: n_out new references. */
QN_API qn_status qn_custom_gradient(qn_array* const* in, uint32_t n_in, qn_array* const* values, uint32_t n_out,
                                    qn_fn* vjp, qn_fn* jvp, qn_fn* vmap, qn_array** out, qn_error**);

/* ---- plugins ---- */
/* Absolute path. The plugin stays mapped for the life of the process. *out (may be NULL): new reference. */
QN_API qn_status qn_plugin_load(qn_runtime*, const char* path, qn_plugin** out, qn_error**);
/* A plugin linked into the program: what its qn_kernel_plugin_v1 returned. */
QN_API qn_status qn_plugin_register(qn_runtime*, const qn_kernel_plugin* entry, qn_plugin** out, qn_error**);
/* No new plans use it; its plans are dropped; then it is closed. */
QN_API qn_status qn_plugin_retire(qn_plugin*, qn_error**);
QN_API void qn_plugin_release(qn_plugin*); /* NULL is fine */
QN_API const char* qn_plugin_id(const qn_plugin*);

/* ---- sight ---- */
typedef struct qn_plugin_report {
  qn_hdr hdr;
  const char* id;
  const char* version;
  const char* license;
  const char* description;
  const char* path;   /* "" = built in or registered */
  const char* status; /* "active", "retired", or why it was refused */
} qn_plugin_report;
typedef void (*qn_plugin_report_fn)(void* self, const qn_plugin_report*);
QN_API qn_status qn_report_plugins(qn_runtime*, qn_plugin_report_fn, void* self, qn_error**);

/* One row for each kernel in a cached plan. Strings live for the call. */
typedef struct qn_kernel_report {
  qn_hdr hdr;
  const char* op;        /* "conv", with its epilogue: "conv+add+relu" */
  const char* shapes;    /* "f32(64, 28, 28, 1), f32(20, 5, 5, 1) -> f32(64, 28, 28, 20)" */
  const char* layouts;   /* "strided, onednn/... -> ..." */
  const char* plugin;
  const char* kernel;
  const char* rejected;  /* "openblas/sgemm: f32 and f64 only; ..." */
  uint64_t runs;
  uint64_t total_ns;     /* 0 unless profiling is on */
  double est_ns;
  uint64_t workspace;
  uint64_t plan;         /* number of the plan it belongs to */
  uint64_t verified;     /* runs that were held against the naive kernel: qn_set_verify */
  double max_error;      /* the largest |result - naive| / (|naive| + rms of naive) of these */
  double measured_ns;    /* by tuning, for the kernel alone; 0 = not measured, est_ns decided */
} qn_kernel_report;
typedef void (*qn_kernel_report_fn)(void* self, const qn_kernel_report*);
/* Every kernel of the plans at hand: those in the cache, and those of compiled functions that live. */
QN_API qn_status qn_report_kernels(qn_runtime*, qn_kernel_report_fn, void* self, qn_error**);
/* Time every kernel from now on (two clock reads a kernel). */
QN_API qn_status qn_set_profiling(qn_runtime*, uint32_t on, qn_error**);

/* Verify mode: from now on every n-th run of each kernel (1 = all; 0 = off, as at the start) works on guarded copies
 * and is held against the naive kernel. One that writes where it must not, or whose result is further off than its
 * accuracy class and dtype allow, is quarantined; the result then comes from the next candidate. Slow. Drops all
 * plans. Costs memory for the copies; the limit applies. */
QN_API qn_status qn_set_verify(qn_runtime*, uint32_t every, qn_error**);

/* A kernel that failed at an op, or was caught by verify mode; it does not serve that op any more. Strings live for
 * the call. */
typedef struct qn_quarantine_report {
  qn_hdr hdr;
  const char* plugin;
  const char* kernel;
  const char* op;
  const char* reason;
} qn_quarantine_report;
typedef void (*qn_quarantine_report_fn)(void* self, const qn_quarantine_report*);
QN_API qn_status qn_report_quarantined(qn_runtime*, qn_quarantine_report_fn, void* self, qn_error**);

/* The state of tuning; one call of the function. Strings live for the call. */
typedef struct qn_tuning_report {
  qn_hdr hdr;
  const char* mode;        /* "off", "read", "measure", "background" */
  const char* file;        /* "" = none */
  const char* problem;     /* why the file was passed over or could not be written; "" = nothing is wrong */
  uint64_t questions;      /* ops, shapes, .. whose candidates have measured times */
  uint64_t candidates_run; /* to measure them, by this runtime */
  uint64_t spent_ns;       /* processor time of that, on the measuring thread */
  uint64_t plans_waiting;  /* for the background */
} qn_tuning_report;
typedef void (*qn_tuning_report_fn)(void* self, const qn_tuning_report*);
QN_API qn_status qn_report_tuning(qn_runtime*, qn_tuning_report_fn, void* self, qn_error**);

/* What would run: every candidate for one op on inputs of the given shapes and dtypes. */
typedef struct qn_candidate_report {
  qn_hdr hdr;
  const char* plugin;
  const char* kernel;
  const char* layouts;
  const char* reason;   /* "" for an offer; else why it was refused */
  double est_ns;
  uint64_t workspace;
  uint32_t chosen;      /* 1 for the one the planner takes */
  uint32_t _pad0;
  double measured_ns;   /* by tuning; 0 = not measured */
} qn_candidate_report;
typedef void (*qn_candidate_report_fn)(void* self, const qn_candidate_report*);
QN_API qn_status qn_explain_op(qn_runtime*, uint32_t op_id, qn_array* const* in, uint32_t n_in, const qn_attr* attr,
                               uint32_t n_attr, qn_candidate_report_fn, void* self, qn_error**);

/* ---- files ----
 * Saving evaluates the arrays together and writes a temporary file beside path, which is synced and renamed over
 * path: whenever the process dies, path is the old file or the new one. The temporary file (path + ".quern-N.tmp")
 * is removed on failure; what a killed process left is removed by the next save to that path. Names are
 * NUL-terminated UTF-8, no two the same. Loading checks a file before the first array is handed out; malformed
 * files give DATA_LOSS, and what a format can hold but arrays cannot, UNIMPLEMENTED. */
typedef qn_status (*qn_array_found_fn)(void* self, const char* name, qn_array* array);
typedef qn_status (*qn_text_found_fn)(void* self, const char* key, const char* value);

QN_API qn_status qn_save_safetensors(const char* path, const char* const* names, qn_array* const* arrays, uint32_t n,
                                     qn_error**);
/* The same with n_metadata pairs of NUL-terminated UTF-8, keys different, which readers show beside the arrays. */
QN_API qn_status qn_save_safetensors_with_metadata(const char* path, const char* const* names, qn_array* const* arrays,
                                                   uint32_t n, const char* const* keys, const char* const* values,
                                                   uint32_t n_metadata, qn_error**);
/* Calls found(self, name, array) for each array, in file order; the array is borrowed for the call. found returns
 * QN_OK to go on. */
QN_API qn_status qn_load_safetensors(qn_runtime*, const char* path, qn_array_found_fn found, void* self, qn_error**);
/* Calls found(self, key, value) for each pair of the metadata, in file order. Reads no arrays. */
QN_API qn_status qn_load_safetensors_metadata(const char* path, qn_text_found_fn found, void* self, qn_error**);

/* One array in NumPy's npy format: row-major, little-endian; bf16 as V2, as MLX does. Reads versions 1.0 to 3.0,
 * either byte order, C and Fortran order, from the start of the file. */
QN_API qn_status qn_save_npy(const char* path, qn_array* array, qn_error**);
QN_API qn_status qn_load_npy(qn_runtime*, const char* path, qn_array** out, qn_error**);

/* Named arrays in NumPy's npz format: a zip archive of npy files. The names are those without ".npy"; other members
 * are passed over. compression: QN_NPZ_*. found as above. */
#define QN_NPZ_STORED 0u
#define QN_NPZ_DEFLATED 1u
QN_API qn_status qn_save_npz(const char* path, const char* const* names, qn_array* const* arrays, uint32_t n,
                             uint32_t compression, qn_error**);
QN_API qn_status qn_load_npz(qn_runtime*, const char* path, qn_array_found_fn found, void* self, qn_error**);

#if defined(__cplusplus)
}
#endif
#endif
