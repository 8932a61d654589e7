// Entry points that show what the runtime did: plugins, and the kernels of cached plans.
// qn_explain_op is in op.cpp, counters are in runtime.cpp.
#include "runtime/capi/handles.h"

using namespace quern;
using namespace quern::capi;

qn_status qn_report_plugins(qn_runtime* rt, qn_plugin_report_fn report, void* self,
                            qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    if (!report) fail_null(fn, "the report function");
    unwrap(rt)->report_plugins(report, self);
  });
}

qn_status qn_report_kernels(qn_runtime* rt, qn_kernel_report_fn report, void* self,
                            qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    if (!report) fail_null(fn, "the report function");
    unwrap(rt)->report_kernels(report, self);
  });
}

qn_status qn_report_tuning(qn_runtime* rt, qn_tuning_report_fn report, void* self,
                           qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    if (!report) fail_null(fn, "the report function");
    unwrap(rt)->report_tuning(report, self);
  });
}

qn_status qn_report_quarantined(qn_runtime* rt, qn_quarantine_report_fn report, void* self,
                                qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    if (!report) fail_null(fn, "the report function");
    unwrap(rt)->report_quarantined(report, self);
  });
}
