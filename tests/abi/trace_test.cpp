// The trace of kernels: who is told, in which order, with which times. The totals of the kernel
// report are in plugins_test.cpp.
#include "quern/trace.h"

#include "support.h"

namespace {

struct Event {
  std::string op, shapes, plugin, kernel;
  uint64_t plan, step, run_start, run_duration, start, duration, busy;
  uint32_t worker, tiles;
};

void collect(void* self, const qn_trace_event* t) noexcept {
  static_cast<std::vector<Event>*>(self)->push_back(
      {t->op, t->shapes, t->plugin, t->kernel, t->plan, t->step, t->run_start_ns,
       t->run_duration_ns, t->start_ns, t->duration_ns, t->busy_ns, t->worker, t->tiles});
}

class Trace : public AbiTest {
 protected:
  void TearDown() override {
    qn_set_trace(rt, nullptr, nullptr, nullptr);
    AbiTest::TearDown();
  }
  qn_array* product(int64_t n) {
    qn_array* y = nullptr;
    qn_error* e = nullptr;
    qn_array* x = floats(std::vector<float>(static_cast<size_t>(n * n), 1.0f), {n, n});
    EXPECT_EQ(qn_matmul(rt, x, x, &y, &e), QN_OK) << qn_error_message(e);
    qn_error_free(e);
    return keep(y);
  }
  std::vector<Event> events;
};

TEST_F(Trace, TellsEachKernelInOrder) {
  ASSERT_WORKS(qn_set_trace(rt, collect, &events, &e));
  qn_array* y = product(32);
  qn_array *z = nullptr, *total = nullptr;
  ASSERT_WORKS(qn_matmul(rt, y, y, &z, &e));
  keep(z);
  ASSERT_WORKS(qn_sum(rt, z, nullptr, 0, 0, &total, &e));
  EXPECT_EQ(values(keep(total)), std::vector<float>{32.0f * 32.0f * 32.0f * 32.0f * 32.0f});
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events[0].op, "matmul");
  EXPECT_EQ(events[0].plugin, "naive");
  EXPECT_FALSE(events[0].kernel.empty());
  EXPECT_NE(events[0].shapes.find("f32(32, 32)"), std::string::npos) << events[0].shapes;
  uint64_t step = 0, end = 0;
  for (const Event& event : events) {
    EXPECT_EQ(event.plan, events[0].plan);
    EXPECT_GE(event.step, step);
    EXPECT_LT(event.worker, 2u);
    EXPECT_GE(event.tiles, 1u);
    EXPECT_LE(event.busy, event.duration);
    EXPECT_GE(event.start, event.run_start);
    EXPECT_LE(event.start + event.duration, event.run_start + event.run_duration);
    if (event.step > step) {
      EXPECT_GE(event.start, end);
    }
    step = event.step;
    end = event.start + event.duration;
  }
}

TEST_F(Trace, ASecondRunIsToldOfTheSamePlan) {
  ASSERT_WORKS(qn_set_trace(rt, collect, &events, &e));
  values(product(8));
  const size_t once = events.size();
  values(product(8));
  ASSERT_EQ(events.size(), 2 * once);
  EXPECT_EQ(events[0].plan, events[once].plan);
  EXPECT_GE(events[once].start, events[0].start + events[0].duration);
}

TEST_F(Trace, NeedsARuntime) {
  EXPECT_FAILS(QN_E_INVALID_ARGUMENT, "[qn_set_trace] rt",
               qn_set_trace(nullptr, collect, this, &e));
}

TEST_F(Trace, OffIsOff) {
  ASSERT_WORKS(qn_set_trace(rt, collect, &events, &e));
  ASSERT_WORKS(qn_set_trace(rt, nullptr, nullptr, &e));
  values(product(8));
  EXPECT_TRUE(events.empty());
}

// With every plugin that was built: the parts of a tiled kernel add up, whoever ran them.
TEST(TraceTiles, EachWorkerTellsItsShare) {
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.n_threads = 2;
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  std::vector<Event> events;
  ASSERT_WORKS(qn_set_trace(rt, collect, &events, &e));
  const int64_t shape[] = {256, 256};
  const std::vector<float> ones(256 * 256, 1.0f);
  qn_array *x = nullptr, *y = nullptr;
  ASSERT_WORKS(qn_array_from_data(rt, ones.data(), shape, 2, QN_F32, &x, &e));
  ASSERT_WORKS(qn_matmul(rt, x, x, &y, &e));
  ASSERT_WORKS(qn_eval(&y, 1, &e));
  ASSERT_FALSE(events.empty());
  std::vector<uint64_t> seen;
  for (const Event& event : events) {
    const uint64_t part = event.step << 8 | event.worker;
    for (uint64_t s : seen) EXPECT_NE(s, part) << "a worker tells its share of a step once";
    seen.push_back(part);
  }
  ASSERT_WORKS(qn_set_trace(rt, nullptr, nullptr, &e));
  qn_array_release(x);
  qn_array_release(y);
  qn_runtime_release(rt);
}

}  // namespace
