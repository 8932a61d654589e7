// Selection rules, the report, and what happens when a kernel fails.
#include <cmath>
#include <cstring>

#include "helpers.h"
#include "quern/kernel.h"

namespace quern_test {
namespace {

struct Row {
  std::string op, plugin, kernel, rejected;
};

std::vector<Row> report(qn_runtime* rt) {
  std::vector<Row> rows;
  QN_CHECK(qn_report_kernels(
      rt,
      [](void* self, const qn_kernel_report* r) {
        static_cast<std::vector<Row>*>(self)->push_back({r->op, r->plugin, r->kernel, r->rejected});
      },
      &rows, e));
  return rows;
}

TEST(Selection, RulesDecide) {
  Rt rt("matmul[f32]=naive; *=naive");
  const A x = rt.floats({1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(values(matmul(x, x)), (std::vector<float>{7, 10, 15, 22}));
  ASSERT_EQ(report(rt).size(), 1u);
  EXPECT_EQ(report(rt)[0].plugin, "naive");
}

// Sums and products of halves that f32 holds exactly, by whichever kernels: the results are their
// roundings.
TEST(Selection, HalvesGoThroughFloatWhereThatIsServed) {
  std::vector<float> a(48 * 64), b(64 * 40);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i % 23) / 8 - 1.25f;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 19) / 4 - 2;
  const auto as = [](const A& x, qn_dtype t) {
    qn_array* y = nullptr;
    QN_CHECK(qn_astype(nullptr, x, t, &y, e));
    return A(y);
  };
  for (const qn_dtype t : {QN_F16, QN_BF16}) {
    std::vector<std::vector<float>> got;
    for (const char* kernels : {"", "*=naive"}) {
      Rt rt(kernels);
      const A y = matmul(as(rt.floats(a, {48, 64}), t), as(rt.floats(b, {64, 40}), t));
      EXPECT_EQ(qn_array_dtype(y), t);
      got.push_back(values(as(y, QN_F32)));
      for (const Row& r : report(rt)) {
        if (!r.op.starts_with("matmul")) continue;
        EXPECT_EQ(r.plugin == "naive", *kernels != 0);
      }
    }
    for (std::size_t i = 0; i < 48; ++i)
      for (std::size_t j = 0; j < 40; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < 64; ++k) sum += double(a[i * 64 + k]) * double(b[k * 40 + j]);
        const double last = std::ldexp(1, std::ilogb(sum == 0 ? 1 : sum) - (t == QN_F16 ? 10 : 7));
        const float at = got[0][i * 40 + j];
        EXPECT_LE(std::abs(double(at) - sum), last / 2) << i << ", " << j;
        EXPECT_EQ(at, got[1][i * 40 + j]) << i << ", " << j;
      }
  }
}

TEST(Selection, BadRulesAreRefusedWithTheirPlace) {
  Rt rt;
  for (const char* bad : {"matmul", "=naive", "matmul=", "mat mul=naive", "conv[nhwc=naive",
                          "conv[]=naive", "*=naive|", "a=b=c;=", "conv]=x"}) {
    Failure f;
    EXPECT_EQ(qn_runtime_set_kernels(rt, bad, f.slot()), QN_E_INVALID_ARGUMENT) << bad;
    EXPECT_NE(f.text().find("rule"), std::string::npos) << bad << ": " << f.text();
  }
  for (const char* good :
       {"", " ; ", "*=naive", "conv2d*[nhwc, f32] = onednn/conv.*|naive ; matmul=tbb"})
    QN_CHECK(qn_runtime_set_kernels(rt, good, e));
}

// A plugin that offers matmul at a very low price and then fails in the way that it is told to.
struct Faulty {
  qn_status plan_status = QN_OK, run_status = QN_OK;
  bool wrong_layout = false;
};
Faulty faulty;

qn_status open_plugin(const qn_host* host, void** self, qn_error_slot*) noexcept {
  *self = const_cast<qn_host*>(host);
  return QN_OK;
}
void close_plugin(void*) noexcept {}
qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  if (op->op != QN_OP_MATMUL) return QN_OK;
  qn_candidate c{};
  c.hdr.struct_size = sizeof c;
  c.name = {"cheap", 5};
  c.est_ns = 0.001;
  return static_cast<const qn_host*>(self)->offer(answer, &c);
}
qn_status plan(void* self, const qn_opdesc*, std::uint32_t, qn_plan** out, qn_plan_info*,
               qn_error_slot* slot) noexcept {
  if (faulty.plan_status != QN_OK) {
    static_cast<const qn_host*>(self)->error(slot, "no plan today");
    return faulty.plan_status;
  }
  *out = reinterpret_cast<qn_plan*>(&faulty);
  return QN_OK;
}
qn_status run(const qn_plan*, const qn_run*) noexcept { return faulty.run_status; }
void plan_free(void*, qn_plan*) noexcept {}

qn_kernel_plugin faulty_plugin() {
  qn_kernel_plugin p{};
  p.hdr.struct_size = sizeof p;
  p.id = "faulty";
  p.open = open_plugin;
  p.close = close_plugin;
  p.query = query;
  p.plan = plan;
  p.run = run;
  p.plan_free = plan_free;
  return p;
}

class Faults : public testing::TestWithParam<std::pair<qn_status, qn_status>> {};

TEST_P(Faults, TheNextCandidateGivesTheRightAnswer) {
  faulty = {GetParam().first, GetParam().second, false};
  const qn_kernel_plugin entry = faulty_plugin();
  Rt rt;
  QN_CHECK(qn_plugin_register(rt, &entry, nullptr, e));
  const A x = rt.floats({1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(values(matmul(x, x)), (std::vector<float>{7, 10, 15, 22}));
  EXPECT_EQ(rt.stats().faults, 1u);
  EXPECT_EQ(values(matmul(x, x)), (std::vector<float>{7, 10, 15, 22}));
  EXPECT_EQ(rt.stats().faults, 1u);
  bool told = false;
  for (const Row& r : report(rt)) told |= r.rejected.find("quarantined") != std::string::npos;
  EXPECT_TRUE(told);
}

INSTANTIATE_TEST_SUITE_P(All, Faults,
                         testing::Values(std::pair(QN_E_INTERNAL, QN_OK),
                                         std::pair(QN_E_UNIMPLEMENTED, QN_OK),
                                         std::pair(QN_OK, QN_E_INTERNAL),
                                         std::pair(QN_OK, QN_E_UNIMPLEMENTED)));

TEST(Plugins, RetiredOnesServeNoMore) {
  faulty = {};
  const qn_kernel_plugin entry = faulty_plugin();
  Rt rt;
  qn_plugin* p = nullptr;
  QN_CHECK(qn_plugin_register(rt, &entry, &p, e));
  EXPECT_STREQ(qn_plugin_id(p), "faulty");
  qn_plugin* again = nullptr;
  Failure f;
  EXPECT_EQ(qn_plugin_register(rt, &entry, &again, f.slot()), QN_E_ALREADY_EXISTS);
  QN_CHECK(qn_plugin_retire(p, e));
  const A x = rt.floats({1, 2, 3, 4}, {2, 2});
  EXPECT_EQ(values(matmul(x, x)), (std::vector<float>{7, 10, 15, 22}));
  EXPECT_EQ(qn_plugin_retire(p, nullptr), QN_E_FAILED_PRECONDITION);
  qn_plugin_release(p);
}

TEST(Plugins, RelativePathsAndOtherFilesAreRefused) {
  Rt rt;
  Failure f;
  EXPECT_EQ(qn_plugin_load(rt, "naive.so", nullptr, f.slot()), QN_E_INVALID_ARGUMENT);
  EXPECT_NE(qn_plugin_load(rt, "/nonexistent/x.so", nullptr, nullptr), QN_OK);
  EXPECT_NE(qn_plugin_load(rt, "/etc/passwd", nullptr, nullptr), QN_OK);
}

}  // namespace
}  // namespace quern_test
