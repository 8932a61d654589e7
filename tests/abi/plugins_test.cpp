// The handshake with a plugin, its life, and how it shows in the reports; all with plugins made
// here. What the bundled plugins compute is tested elsewhere.
#include <algorithm>

#include "quern/kernel.h"
#include "support.h"

namespace {

struct Counts {
  int opened = 0, closed = 0, queries = 0, plans = 0, freed = 0, runs = 0;
};
Counts counts;
qn_status open_status, run_status, plan_status;
const qn_host* host;

qn_status open_plugin(const qn_host* h, void** self, qn_error_slot* slot) noexcept {
  host = h;
  if (open_status != QN_OK) {
    h->error(slot, "no licence for this machine");
    return open_status;
  }
  ++counts.opened;
  *self = &counts;
  return QN_OK;
}
void close_plugin(void*) noexcept { ++counts.closed; }

// Serves relu on f32, row-major, at once.
qn_status query(void*, const qn_opdesc* op, qn_answer* answer) noexcept {
  ++counts.queries;
  if (op->op != QN_OP_MAP || op->n_in != 1 || op->n_out != 1 || op->in[0].dtype != QN_F32)
    return QN_OK;
  if (op->program->n_inst != 1 || op->program->inst[0].op != QN_OP_RELU) {
    host->refuse(answer, "relu.test", "only relu");
    return QN_OK;
  }
  int64_t strides[64], step = 1;
  for (uint32_t i = op->in[0].ndim; i-- > 0; step *= op->in[0].shape[i]) strides[i] = step;
  const qn_layout in{QN_LAYOUT_STRIDED, 0, strides, {nullptr, 0}, 0};
  qn_candidate c{};
  c.hdr.struct_size = sizeof c;
  c.name = {"relu.test", 9};
  c.n_in = 1;
  c.in = &in;
  c.est_ns = 1;
  c.deterministic = 1;
  return host->offer(answer, &c);
}

qn_status plan(void*, const qn_opdesc* op, uint32_t, qn_plan** out, qn_plan_info*,
               qn_error_slot* slot) noexcept {
  if (plan_status != QN_OK) {
    host->error(slot, "plan refused");
    return plan_status;
  }
  ++counts.plans;
  auto* n = new uint64_t{1};
  for (uint32_t i = 0; i < op->out[0].ndim; ++i) *n *= static_cast<uint64_t>(op->out[0].shape[i]);
  *out = reinterpret_cast<qn_plan*>(n);
  return QN_OK;
}
qn_status run(const qn_plan* p, const qn_run* r) noexcept {
  ++counts.runs;
  if (run_status != QN_OK) {
    host->error(r->error, "run broke");
    return run_status;
  }
  const float* x = static_cast<const float*>(r->in[0].data);
  float* y = static_cast<float*>(r->out[0].data);
  for (uint64_t i = 0; i < *reinterpret_cast<const uint64_t*>(p); ++i) y[i] = x[i] > 0 ? x[i] : 0;
  return QN_OK;
}
void plan_free(void*, qn_plan* p) noexcept {
  ++counts.freed;
  delete reinterpret_cast<uint64_t*>(p);
}

qn_kernel_plugin entry() {
  qn_kernel_plugin p{};
  p.hdr.struct_size = sizeof p;
  p.abi_minor = QN_KERNEL_ABI_MINOR;
  p.id = "from_memory";
  p.version = "1";
  p.license = "MIT";
  p.description = "relu for tests";
  p.open = open_plugin;
  p.close = close_plugin;
  p.query = query;
  p.plan = plan;
  p.run = run;
  p.plan_free = plan_free;
  return p;
}

class Plugins : public AbiTest {
 protected:
  void SetUp() override {
    counts = {};
    open_status = run_status = plan_status = QN_OK;
    AbiTest::SetUp();
  }
  void expect_refused(const qn_kernel_plugin& p, const char* text) {
    qn_plugin* out = nullptr;
    EXPECT_FAILS(QN_E_FAILED_PRECONDITION, text, qn_plugin_register(rt, &p, &out, &e));
    EXPECT_EQ(out, nullptr);
    EXPECT_EQ(counts.opened, counts.closed);
  }
  std::vector<float> relu() {
    qn_array* y = nullptr;
    qn_error* e = nullptr;
    EXPECT_EQ(qn_relu(rt, floats({-1, 2, -3, 4}, {2, 2}), &y, &e), QN_OK) << qn_error_message(e);
    return values(keep(y));
  }
  std::vector<std::string> statuses() {
    std::vector<std::string> out;
    qn_error* e = nullptr;
    qn_report_plugins(
        rt,
        [](void* self, const qn_plugin_report* r) {
          static_cast<std::vector<std::string>*>(self)->push_back(std::string(r->id) + ":" +
                                                                  r->status);
        },
        &out, &e);
    EXPECT_EQ(e, nullptr);
    return out;
  }
  bool has(const std::string& status) {
    const auto all = statuses();
    return std::find(all.begin(), all.end(), status) != all.end();
  }
};

const std::vector<float> kRelu = {0, 2, 0, 4};

TEST_F(Plugins, LifeCycle) {
  // The host keeps the entry; it must outlive the runtime.
  static const qn_kernel_plugin p = entry();
  qn_plugin* h = nullptr;
  ASSERT_WORKS(qn_plugin_register(rt, &p, &h, &e));
  EXPECT_STREQ(qn_plugin_id(h), "from_memory");
  EXPECT_TRUE(has("from_memory:active"));
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(counts.runs, 2);
  EXPECT_EQ(counts.plans, 1);
  EXPECT_FAILS(QN_E_ALREADY_EXISTS, "from_memory", qn_plugin_register(rt, &p, nullptr, &e));
  ASSERT_WORKS(qn_plugin_retire(h, &e));
  EXPECT_EQ(counts.freed, counts.plans);
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(counts.runs, 2);
  EXPECT_TRUE(has("from_memory:retired"));
  EXPECT_FAILS(QN_E_FAILED_PRECONDITION, "retired", qn_plugin_retire(h, &e));
  qn_plugin_release(h);
  EXPECT_EQ(counts.closed, 1);
  ASSERT_WORKS(qn_plugin_register(rt, &p, nullptr, &e));  // a new one of the same id
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(counts.runs, 3);
}

TEST_F(Plugins, AnswersAreRememberedUntilTheCacheIsCleared) {
  static const qn_kernel_plugin p = entry();
  ASSERT_WORKS(qn_plugin_register(rt, &p, nullptr, &e));
  EXPECT_EQ(relu(), kRelu);
  const int asked = counts.queries;
  EXPECT_GT(asked, 0);
  ASSERT_WORKS(qn_runtime_set_kernels(rt, "relu=from_memory", &e));  // drops the plans
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(counts.plans, 2);
  EXPECT_EQ(counts.queries, asked);
  ASSERT_WORKS(qn_runtime_clear_cache(rt, &e));
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(counts.queries, 2 * asked);
}

TEST_F(Plugins, ServicesOfTheHost) {
  std::vector<std::string> lines;
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.plugin_policy = QN_PLUGINS_BUILTIN;
  c.memory_limit = 1 << 20;
  c.log_self = &lines;
  c.log = [](void* self, int32_t level, const char* text, uint64_t n) noexcept {
    static_cast<std::vector<std::string>*>(self)->push_back(std::to_string(level) + " " +
                                                            std::string(text, n));
  };
  qn_runtime* own = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &own, &e));
  static const qn_kernel_plugin p = entry();
  ASSERT_WORKS(qn_plugin_register(own, &p, nullptr, &e));
  lines.clear();
  host->log(host->self, QN_LOG_WARNING, "a text and more", 6);
  EXPECT_EQ(lines, std::vector<std::string>{std::to_string(QN_LOG_WARNING) + " a text"});
  EXPECT_EQ(host->extension(host->self, "quern.nothing/1"), nullptr);
  const qn_allocator* a = host->allocator;
  void* block = a->alloc(a->self, 1000, 64, QN_TAG_WORKSPACE);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
  std::memset(block, 1, 1000);
  EXPECT_EQ(a->alloc(a->self, 2 << 20, 64, QN_TAG_WORKSPACE), nullptr) << "beyond the limit";
  EXPECT_EQ(a->alloc(a->self, uint64_t{1} << 62, 64, QN_TAG_WORKSPACE), nullptr);
  a->free(a->self, block, 1000, 64, QN_TAG_WORKSPACE);
  a->free(a->self, nullptr, 1000, 64, QN_TAG_WORKSPACE);
  qn_runtime_release(own);
}

TEST_F(Plugins, AHandleKeepsTheRuntime) {
  static const qn_kernel_plugin p = entry();
  qn_plugin* h = nullptr;
  ASSERT_WORKS(qn_plugin_register(rt, &p, &h, &e));
  qn_runtime_release(rt);
  rt = nullptr;
  EXPECT_STREQ(qn_plugin_id(h), "from_memory");
  EXPECT_EQ(counts.closed, 0);
  qn_plugin_release(h);
  EXPECT_EQ(counts.closed, 1);
}

TEST_F(Plugins, HandshakeRefusals) {
  qn_kernel_plugin p = entry();
  p.abi_minor_min = QN_KERNEL_ABI_MINOR + 1;
  expect_refused(p, "requires kernel ABI 1.1");
  p = entry();
  p.hdr.struct_size = 48;
  expect_refused(p, "struct_size is 48");
  p = entry();
  p.hdr.struct_size = 0;
  expect_refused(p, "struct_size is 0");
  p = entry();
  p.id = nullptr;
  expect_refused(p, "no id");
  p.id = "";
  expect_refused(p, "no id");
  p.id = "a/b";
  expect_refused(p, "letters, digits");
  for (int missing = 0; missing < 6; ++missing) {
    p = entry();
    if (missing == 0) p.open = nullptr;
    if (missing == 1) p.close = nullptr;
    if (missing == 2) p.query = nullptr;
    if (missing == 3) p.plan = nullptr;
    if (missing == 4) p.run = nullptr;
    if (missing == 5) p.plan_free = nullptr;
    expect_refused(p, "function is NULL");
  }
  open_status = QN_E_UNAVAILABLE;
  expect_refused(entry(), "no licence for this machine");
  EXPECT_EQ(relu(), kRelu);  // the runtime is as before
}

TEST_F(Plugins, NewerMinorsAreAccepted) {
  static qn_kernel_plugin p = entry();
  p.abi_minor = QN_KERNEL_ABI_MINOR + 7;
  ASSERT_WORKS(qn_plugin_register(rt, &p, nullptr, &e));
  EXPECT_EQ(relu(), kRelu);
  EXPECT_EQ(counts.runs, 1);
}

TEST_F(Plugins, FaultsFallBackAndAreCounted) {
  static const qn_kernel_plugin p = entry();
  ASSERT_WORKS(qn_plugin_register(rt, &p, nullptr, &e));
  for (qn_status* where : {&run_status, &plan_status}) {
    *where = QN_E_INTERNAL;
    EXPECT_EQ(relu(), kRelu);
    *where = QN_OK;
  }
  qn_stats s{};
  s.hdr.struct_size = sizeof s;
  ASSERT_WORKS(qn_runtime_stats(rt, &s, &e));
  EXPECT_GE(s.faults, 1u);
}

TEST_F(Plugins, ExplainNamesEveryCandidate) {
  static const qn_kernel_plugin p = entry();
  ASSERT_WORKS(qn_plugin_register(rt, &p, nullptr, &e));
  struct Rows {
    int chosen = 0;
    std::vector<std::string> names;
  } rows;
  qn_array* x = floats({1, 2}, {2});
  ASSERT_WORKS(qn_explain_op(
      rt, QN_OP_RELU, &x, 1, nullptr, 0,
      [](void* self, const qn_candidate_report* r) {
        auto* all = static_cast<Rows*>(self);
        all->chosen += static_cast<int>(r->chosen);
        all->names.push_back(std::string(r->plugin) + "/" + r->kernel);
      },
      &rows, &e));
  EXPECT_EQ(rows.chosen, 1);
  EXPECT_NE(std::find(rows.names.begin(), rows.names.end(), "from_memory/relu.test"),
            rows.names.end());
  EXPECT_GE(rows.names.size(), 2u);
}

TEST_F(Plugins, KernelReportNamesWhatRan) {
  static const qn_kernel_plugin p = entry();
  ASSERT_WORKS(qn_plugin_register(rt, &p, nullptr, &e));
  ASSERT_WORKS(qn_set_profiling(rt, 1, &e));
  relu();
  std::string all;
  ASSERT_WORKS(qn_report_kernels(
      rt,
      [](void* self, const qn_kernel_report* r) {
        *static_cast<std::string*>(self) +=
            std::string(r->plugin) + "/" + r->kernel + " " + std::to_string(r->runs) + "\n";
      },
      &all, &e));
  EXPECT_NE(all.find("from_memory/relu.test 1\n"), std::string::npos) << all;
}

}  // namespace
