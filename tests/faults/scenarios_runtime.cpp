// Scenarios of runtimes, plugins, reports and errors.
#include <cstdlib>

#include "env.h"
#include "quern/kernel.h"
#include "quern/trace.h"

namespace faults {
namespace {

qn_runtime_config config() {
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.plugin_policy = QN_PLUGINS_BUILTIN;
  c.n_threads = 1;
  c.kernels = "";
  return c;
}

qn_runtime* create(Env& e, const qn_runtime_config& c) {
  qn_runtime** out = e.result(qn_runtime_release);
  CALL(qn_runtime_create, &c, out);
  return *out;
}

uint32_t one_worker(void*) noexcept { return 1; }
qn_status run_inline(void*, qn_task_fn fn, void* task, uint32_t n, uint32_t) noexcept {
  for (uint32_t i = 0; i < n; ++i) fn(task, i, 0);
  return QN_OK;
}

void count_plugins(void* self, const qn_plugin_report*) { ++*static_cast<int*>(self); }
void count_quarantined(void* self, const qn_quarantine_report*) { ++*static_cast<int*>(self); }
void count_kernels(void* self, const qn_kernel_report*) { ++*static_cast<int*>(self); }
void count_events(void* self, const qn_trace_event*) noexcept { ++*static_cast<int*>(self); }
void count_tuning(void* self, const qn_tuning_report*) { ++*static_cast<int*>(self); }
void count_candidates(void* self, const qn_candidate_report*) { ++*static_cast<int*>(self); }

// A plugin whose kernel takes relu of f32 and then breaks when it runs: the next candidate must do
// the work, also when memory runs out on the way.
const qn_host* host;
qn_status open_plugin(const qn_host* h, void** self, qn_error_slot*) noexcept {
  host = h;
  *self = nullptr;
  return QN_OK;
}
void close_plugin(void*) noexcept {}
qn_status query(void*, const qn_opdesc* op, qn_answer* answer) noexcept {
  if (op->op != QN_OP_MAP || op->n_in != 1 || op->program->n_inst != 1 ||
      op->program->inst[0].op != QN_OP_RELU) {
    host->refuse(answer, "broken", "relu alone");
    return QN_OK;
  }
  qn_candidate c{};
  c.hdr.struct_size = sizeof c;
  c.name = {"broken", 6};
  c.est_ns = 1;
  return host->offer(answer, &c);
}
qn_status plan(void* self, const qn_opdesc*, uint32_t, qn_plan** out, qn_plan_info*,
               qn_error_slot*) noexcept {
  static char nothing;
  *out = reinterpret_cast<qn_plan*>(self ? self : &nothing);
  return QN_OK;
}
qn_status run(const qn_plan*, const qn_run* r) noexcept {
  host->error(r->error, "broken on purpose, with a text that does not fit a short string");
  return QN_E_INTERNAL;
}
void plan_free(void*, qn_plan*) noexcept {}

const qn_kernel_plugin kBroken = [] {
  qn_kernel_plugin p{};
  p.hdr.struct_size = sizeof p;
  p.abi_minor = QN_KERNEL_ABI_MINOR;
  p.id = "broken_when_it_runs";
  p.version = "1";
  p.license = "Apache-2.0";
  p.description = "fails in run";
  p.open = open_plugin;
  p.close = close_plugin;
  p.query = query;
  p.plan = plan;
  p.run = run;
  p.plan_free = plan_free;
  return p;
}();

qn_plugin* register_broken(Env& e) {
  qn_plugin** out = e.result(qn_plugin_release);
  CALL(qn_plugin_register, e.rt, &kBroken, out);
  return *out;
}

}  // namespace

std::vector<Scenario> runtime_scenarios() {
  return {
      {"runtime", [](Env& e) { create(e, config()); }, Given::nothing},
      {"runtime with everything bundled",
       [](Env& e) {
         qn_runtime_config c = config();
         c.plugin_policy = QN_PLUGINS_BUNDLED;
         create(e, c);
       },
       Given::nothing},
      {"runtime with hooks",
       [](Env& e) {
         qn_runtime_config c = config();
         qn_executor executor{};
         executor.hdr.struct_size = sizeof executor;
         executor.concurrency = one_worker;
         executor.parallel_for = run_inline;
         c.allocator = e.allocator();
         c.executor = &executor;
         c.log = [](void*, int32_t, const char*, uint64_t) noexcept {};
         c.memory_limit = 1 << 20;
         e.rt = create(e, c);
         USE(qn_runtime_retain, e.rt);
         e.eval({e.op("exp", {e.ramp({4})})});
       },
       Given::nothing},
      {"runtime with rules",
       [](Env& e) {
         qn_runtime_config c = config();
         c.kernels = "conv2d*[nhwc,f32]=onednn; matmul=tbb|openblas; *=naive";
         create(e, c);
       },
       Given::nothing},
      {"runtime with threads",
       [](Env& e) {
         qn_runtime_config c = config();
         c.n_threads = 2;
         create(e, c);
       },
       Given::nothing},
      {"rules set twice",
       [](Env& e) {
         CALL(qn_runtime_set_kernels, e.rt, "matmul=naive|other/kernel; conv*[f32]=naive");
         e.eval({e.op("matmul", {e.ramp({2, 2}), e.ramp({2, 2})})});
         CALL(qn_runtime_set_kernels, e.rt, "");
       }},
      {"statistics",
       [](Env& e) {
         qn_stats s{};
         s.hdr.struct_size = sizeof s;
         e.eval({e.op("exp", {e.ramp({4})})});
         CALL(qn_runtime_stats, e.rt, &s);
         CALL(qn_runtime_reset_peak, e.rt);
         CALL(qn_runtime_clear_cache, e.rt);
         e.eval({e.op("exp", {e.ramp({4})})});
       }},
      {"runtime references",
       [](Env& e) {
         USE(qn_runtime_retain, e.rt);
         USE(qn_runtime_release, e.rt);
       }},
      {"facts of the library",
       [](Env& e) {
         EXPECT_NE(USE(qn_abi_version), 0u);
         EXPECT_NE(USE(qn_build_info), nullptr);
         EXPECT_EQ(USE(qn_get_proc, "qn_none_x1"), nullptr);
         EXPECT_STREQ(USE(qn_status_name, qn_status{QN_E_DATA_LOSS}), "DATA_LOSS");
         const uint32_t n = USE(qn_op_count);
         EXPECT_GT(n, 100u);
         EXPECT_NE(USE(qn_op_schema, 0u), nullptr);
         EXPECT_EQ(USE(qn_op_schema, n), nullptr);
         uint32_t id = 0;
         CALL(qn_op_lookup, "matmul", &id);
       }},
      {"errors",
       [](Env& e) {
         qn_error* error = nullptr;
         const qn_status s = USE(qn_error_new, qn_status{QN_E_CANCELLED}, "a text", &error);
         EXPECT_EQ(s, QN_E_CANCELLED);
         EXPECT_NE(error, nullptr);
         EXPECT_EQ(USE(qn_error_code, error), s);
         EXPECT_NE(*USE(qn_error_message, error), '\0');
         USE(qn_error_free, error);
       }},
      {"refused arguments",
       [](Env& e) {
         // The text of a refusal needs memory too; without it the code may say so, the call fails.
         const int64_t bad[] = {-1};
         qn_array* out = nullptr;
         qn_error* error = nullptr;
         const qn_status s = USE(qn_array_from_data, e.rt, static_cast<const void*>(bad), bad, 1u,
                                 qn_dtype{QN_I64}, &out, &error);
         EXPECT_TRUE(s == QN_E_INVALID_ARGUMENT || s == QN_E_RESOURCE_EXHAUSTED) << s;
         EXPECT_EQ(out, nullptr);
         EXPECT_NE(error, nullptr);
         qn_error_free(error);
       }},
      {"plugin registered, used, retired",
       [](Env& e) {
         qn_plugin* p = register_broken(e);
         EXPECT_STREQ(USE(qn_plugin_id, p), "broken_when_it_runs");
         e.eval({e.op("exp", {e.ramp({4})})});
         CALL(qn_plugin_retire, p);
         e.eval({e.op("exp", {e.ramp({4})})});
       },
       Given::builtin, true},
      {"plugin that breaks",
       [](Env& e) {
         register_broken(e);
         qn_array* y = e.op("relu", {e.data({-1, 2}, {2})});
         float v[2] = {};
         CALL(qn_array_copy_out, y, static_cast<void*>(v), uint64_t{sizeof v});
         EXPECT_EQ(v[0], 0);
         EXPECT_EQ(v[1], 2);
         int n = 0;
         CALL(qn_report_quarantined, e.rt, count_quarantined, static_cast<void*>(&n));
         EXPECT_EQ(n, 1);
       },
       Given::builtin, true},
      {"kernels verified",
       [](Env& e) {
         CALL(qn_set_verify, e.rt, 1u);
         e.eval({e.op("matmul", {e.ramp({2, 3}), e.ramp({3, 2})})});
       }},
      {"kernels measured",
       [](Env& e) {
         register_broken(e);
         const std::string file = e.path("tuning");
         CALL(qn_runtime_set_tuning, e.rt, ("measure:" + file).c_str());
         e.eval({e.op("relu", {e.data({-1, 2}, {2})})});
         int n = 0;
         CALL(qn_report_tuning, e.rt, count_tuning, static_cast<void*>(&n));
         EXPECT_EQ(n, 1);
         CALL(qn_runtime_set_tuning, e.rt, ("read:" + file).c_str());
         e.eval({e.op("relu", {e.data({-1, 2}, {2})})});
         CALL(qn_runtime_set_tuning, e.rt, "off");
       },
       Given::builtin, true},
      {"plugin released early",
       [](Env& e) {
         qn_plugin* p = nullptr;
         CALL(qn_plugin_register, e.rt, &kBroken, &p);
         USE(qn_plugin_release, p);
       },
       Given::builtin, true},
      {"plugin loaded",
       [](Env& e) {
         e.any_code = true;  // dlopen says that the file cannot be loaded
         qn_plugin** out = e.result(qn_plugin_release);
         CALL(qn_plugin_load, e.rt, QUERN_PLUGIN_DIR "/tbb.so", out);
         e.eval({e.op("matmul", {e.ramp({16, 16}), e.ramp({16, 16})})});
       },
       Given::builtin, true},
      {"plugins reported",
       [](Env& e) {
         int n = 0;
         CALL(qn_report_plugins, e.rt, count_plugins, static_cast<void*>(&n));
         EXPECT_GT(n, 0);
       }},
      {"kernels reported",
       [](Env& e) {
         CALL(qn_set_profiling, e.rt, 1u);
         e.eval({e.op("softmax", {e.op("matmul", {e.ramp({2, 3}), e.ramp({3, 2})})}, {Ints{1}})});
         int n = 0;
         CALL(qn_report_kernels, e.rt, count_kernels, static_cast<void*>(&n));
         EXPECT_GT(n, 0);
       }},
      {"kernels traced",
       [](Env& e) {
         int n = 0;
         CALL(qn_set_trace, e.rt, count_events, static_cast<void*>(&n));
         try {
           e.eval({e.op("matmul", {e.ramp({2, 3}), e.ramp({3, 2})})});
           EXPECT_EQ(n, 1);
         } catch (const Stopped&) {
           EXPECT_EQ(qn_set_trace(e.rt, nullptr, nullptr, nullptr), QN_OK);
           throw;
         }
         CALL(qn_set_trace, e.rt, static_cast<qn_trace_fn>(nullptr), static_cast<void*>(nullptr));
       }},
      {"op explained",
       [](Env& e) {
         qn_array* in[] = {e.ramp({2, 3}), e.ramp({3, 2})};
         int n = 0;
         CALL(qn_explain_op, e.rt, uint32_t{QN_OP_MATMUL}, static_cast<qn_array* const*>(in), 2u,
              static_cast<const qn_attr*>(nullptr), 0u, count_candidates, static_cast<void*>(&n));
         EXPECT_GT(n, 0);
       }},
  };
}

}  // namespace faults
