/* trace.h - the time line of kernels as they run; part of the embedding ABI.
 * Sums by kernel are in quern.h (qn_report_kernels). */
#ifndef QN_TRACE_H
#define QN_TRACE_H
#include "quern.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* One worker's part in one run of one kernel; a kernel without tiles or loops has one part. Strings live for the call.
 * Times are of the steady clock (CLOCK_MONOTONIC on Linux). */
typedef struct qn_trace_event {
  qn_hdr hdr;
  const char* op;     /* as in qn_kernel_report, as are shapes, plugin, kernel, plan */
  const char* shapes;
  const char* plugin;
  const char* kernel;
  uint64_t plan;
  uint64_t step;        /* place in the plan */
  uint64_t run_start_ns; /* the whole run, all workers */
  uint64_t run_duration_ns;
  uint64_t start_ns;    /* of this worker's first tile */
  uint64_t duration_ns; /* to the end of its last tile */
  uint64_t busy_ns;     /* inside its tiles or rounds */
  uint32_t worker;
  uint32_t tiles;       /* or rounds of the kernel's loops that it ran; 1 when there are none */
} qn_trace_event;
typedef void (*qn_trace_fn)(void* self, const qn_trace_event*) QN_NOEXCEPT;
/* Calls trace for every kernel that runs from now on, on the thread that evaluates, after the kernel; NULL = off.
 * It must not use this runtime: the runtime is locked. Once this returns, no call with the former self is under way. */
QN_API qn_status qn_set_trace(qn_runtime*, qn_trace_fn trace, void* self, qn_error**);

#if defined(__cplusplus)
}
#endif
#endif
