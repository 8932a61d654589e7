// The entry point of the time line of kernels. The events are made in graph/plan_run.cpp.
#include <mutex>

#include "quern/trace.h"
#include "runtime/capi/handles.h"
#include "runtime/graph/plan.h"

using namespace quern;
using namespace quern::capi;

qn_status qn_set_trace(qn_runtime* rt, qn_trace_fn trace, void* self, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    std::lock_guard lock(unwrap(rt)->mutex());
    unwrap(rt)->plans().trace = {trace, self};
  });
}
