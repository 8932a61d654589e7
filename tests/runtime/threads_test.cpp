// Several threads on one runtime, several runtimes at once, an embedder's executor.
#include <atomic>
#include <thread>

#include "helpers.h"

namespace quern_test {
namespace {

std::vector<float> program(qn_runtime* rt, const Rt& r, int seed) {
  std::vector<float> v(256);
  for (std::size_t i = 0; i < v.size(); ++i)
    v[i] = static_cast<float>((static_cast<int>(i) * 7 + seed) % 13 - 6) * 0.1f;
  A x = r.floats(v, {16, 16});
  (void)rt;
  for (int i = 0; i < 4; ++i) x = apply(qn_tanh, matmul(x, transpose(x)) + x);
  return values(x);
}

TEST(Threads, ManyThreadsOneRuntime) {
  Rt rt;
  std::vector<std::vector<float>> want;
  for (int s = 0; s < 8; ++s) want.push_back(program(rt, rt, s));
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 10; ++k)
        if (program(rt, rt, (t + k) % 8) != want[static_cast<std::size_t>((t + k) % 8)]) ++wrong;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Threads, SharedLazyArraysMayBeEvaluatedAnywhere) {
  Rt rt;
  for (int round = 0; round < 20; ++round) {
    const A x = rt.floats({1, 2, 3}, {3});
    const A y = x * x;
    const A z = y + x, w = y - x;
    std::vector<float> a, b;
    std::thread t1([&] { a = values(z); });
    std::thread t2([&] { b = values(w); });
    t1.join();
    t2.join();
    EXPECT_EQ(a, (std::vector<float>{2, 6, 12}));
    EXPECT_EQ(b, (std::vector<float>{0, 2, 6}));
  }
}

// 3 x^2 + w, by way of gradients of gradients, mapped and compiled in turn.
std::vector<A> cube_plus(const std::vector<A>& in) {
  return {sum(in[0] * in[0] * in[0] + in[0] * in[1])};
}

TEST(Threads, TransformsAtOnce) {
  Rt rt;
  const Fn f(rt, cube_plus, 2, 1);
  const Fn gradient = f.value_and_grad({0}), compiled = gradient.compile();
  qn_fn* raw = nullptr;
  const std::int64_t axes[] = {0, QN_AXIS_NONE};
  QN_CHECK(qn_fn_vmap(gradient, axes, nullptr, &raw, e));
  const Fn mapped(raw);
  QN_CHECK(qn_fn_checkpoint(f, &raw, e));
  const Fn again = Fn(raw).value_and_grad({0});
  const A w = rt.floats({1, 2, 3}, {3});  // shared by all threads
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 15; ++k) {
        const float v = static_cast<float>(t + k);
        const A x = rt.floats({v, v, v}, {3});
        const std::vector<float> want{3 * v * v + 1, 3 * v * v + 2, 3 * v * v + 3};
        const Fn* const ways[] = {&gradient, &compiled, &again};
        if (values((*ways[(t + k) % 3])({x, w})[1]) != want) ++wrong;
        if (values(mapped({reshape(x, {1, 3}), w})[1]) != want) ++wrong;
        if (k == 7) QN_CHECK(qn_runtime_clear_cache(rt, e));
      }
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Threads, ArraysOfOneTraceUsedByOtherThreads) {
  Rt rt;
  for (int round = 0; round < 20; ++round) {
    const A x = rt.floats({1, 2, 3}, {3});
    qn_trace* trace = nullptr;
    qn_array *in = x, *out = nullptr;
    QN_CHECK(qn_trace_begin(rt, &in, 1, nullptr, QN_TRACE_VALUES, &out, &trace, e));
    const A inside(out), y = inside * inside;
    std::vector<float> a, b;
    std::thread t1([&] { a = values(y + inside); });  // evaluates while the trace ends
    std::thread t2([&] { b = values(y - inside); });
    qn_trace_end(trace);
    t1.join();
    t2.join();
    EXPECT_EQ(a, (std::vector<float>{2, 6, 12}));
    EXPECT_EQ(b, (std::vector<float>{0, 2, 6}));
  }
}

TEST(Threads, RuntimesShareNothing) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Rt rt("", 1 + static_cast<std::uint32_t>(t % 2));
      const auto first = program(rt, rt, t);
      for (int k = 0; k < 5; ++k)
        if (program(rt, rt, t) != first) ++wrong;
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST(Threads, OtherRuntimesArraysAreRefused) {
  Rt one, two;
  const A x = one.floats({1}, {1}), y = two.floats({1}, {1});
  EXPECT_THROW(x + y, std::runtime_error);
}

TEST(Threads, EmbeddersExecutorIsUsed) {
  struct Counter {
    std::atomic<int> loops{0};
  } counter;
  qn_executor ex{};
  ex.hdr.struct_size = sizeof ex;
  ex.self = &counter;
  ex.concurrency = [](void*) noexcept -> std::uint32_t { return 4; };
  ex.parallel_for = [](void* self, qn_task_fn fn, void* task, std::uint32_t n,
                       std::uint32_t) noexcept -> qn_status {
    ++static_cast<Counter*>(self)->loops;
    for (std::uint32_t i = 0; i < n; ++i) fn(task, i, i % 4);
    return QN_OK;
  };
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.executor = &ex;
  qn_runtime* rt = nullptr;
  QN_CHECK(qn_runtime_create(&c, &rt, e));
  {
    std::vector<float> v(1 << 20, 1.f);
    const std::int64_t shape[] = {1 << 20};
    qn_array* a = nullptr;
    QN_CHECK(qn_array_from_data(rt, v.data(), shape, 1, QN_F32, &a, e));
    const A x(a);
    EXPECT_EQ(values(x + x)[12345], 2.f);
  }
  EXPECT_GE(counter.loops.load(), 0);
  qn_runtime_release(rt);
}

TEST(Threads, MoreThanTheMachineHasAreNoReasonToPrint) {
  testing::internal::CaptureStderr();
  {
    const Rt rt("", 200);
    const A x = rt.floats(std::vector<float>(1 << 20, 1.f), {1 << 20});
    EXPECT_EQ(values(x + x)[12345], 2.f);
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace quern_test
