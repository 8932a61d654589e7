// What an embedder plugs in: allocator, executor, log; and the memory limit.
// Hooks with missing functions are in structs_test.cpp.
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "support.h"

namespace {

struct Heap {
  std::mutex mutex;
  std::map<void*, uint64_t> live;
  int allocations = 0, mismatches = 0;
  bool fail = false;
};

void* heap_alloc(void* self, uint64_t size, uint64_t align, uint32_t tag) noexcept {
  Heap& h = *static_cast<Heap*>(self);
  std::lock_guard lock(h.mutex);
  if (h.fail || tag < QN_TAG_ARRAY || tag > QN_TAG_PACKED) return nullptr;
  void* p = std::aligned_alloc(align, (size + align - 1) / align * align);
  h.live[p] = size;
  ++h.allocations;
  return p;
}

void heap_free(void* self, void* p, uint64_t size, uint64_t, uint32_t) noexcept {
  Heap& h = *static_cast<Heap*>(self);
  std::lock_guard lock(h.mutex);
  if (!h.live.contains(p) || h.live[p] != size) ++h.mismatches;
  h.live.erase(p);
  std::free(p);
}

qn_runtime_config config() {
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.n_threads = 2;
  c.plugin_policy = QN_PLUGINS_BUILTIN;
  return c;
}

// Sum over a matmul of ones of the given size; -1 when something failed.
double work(qn_runtime* rt, int64_t n, qn_error** error) {
  qn_array *one = nullptr, *x = nullptr, *y = nullptr, *sum = nullptr;
  const int64_t shape[] = {n, n};
  double out = -1;
  if (qn_scalar(rt, 1, QN_F32, &one, error) == QN_OK &&
      qn_full(rt, one, shape, 2, &x, error) == QN_OK && qn_matmul(rt, x, x, &y, error) == QN_OK &&
      qn_sum(rt, y, nullptr, 0, 0, &sum, error) == QN_OK)
    qn_array_item_f64(sum, &out, error);
  for (qn_array* a : {one, x, y, sum}) qn_array_release(a);
  return out;
}

TEST(Hooks, Allocator) {
  Heap heap;
  qn_allocator a{{sizeof a, 0}, &heap, heap_alloc, heap_free};
  qn_runtime_config c = config();
  c.allocator = &a;
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  a = {};  // it was copied
  qn_error* e = nullptr;
  EXPECT_EQ(work(rt, 32, &e), 32768) << qn_error_message(e);
  EXPECT_GT(heap.allocations, 0);
  heap.fail = true;
  EXPECT_EQ(work(rt, 500, &e), -1);
  EXPECT_EQ(qn_error_code(e), QN_E_RESOURCE_EXHAUSTED) << qn_error_message(e);
  qn_error_free(e);
  e = nullptr;
  heap.fail = false;
  EXPECT_EQ(work(rt, 32, &e), 32768) << qn_error_message(e);
  qn_runtime_release(rt);
  EXPECT_TRUE(heap.live.empty());
  EXPECT_EQ(heap.mismatches, 0);
}

TEST(Hooks, MemoryLimit) {
  qn_runtime_config c = config();
  c.memory_limit = 1 << 20;
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  qn_error* e = nullptr;
  EXPECT_EQ(work(rt, 1000, &e), -1);
  EXPECT_EQ(qn_error_code(e), QN_E_RESOURCE_EXHAUSTED) << qn_error_message(e);
  EXPECT_NE(std::string(qn_error_message(e)).find("limit"), std::string::npos);
  qn_error_free(e);
  e = nullptr;
  EXPECT_EQ(work(rt, 64, &e), 262144) << qn_error_message(e);
  qn_stats s{};
  s.hdr.struct_size = sizeof s;
  ASSERT_WORKS(qn_runtime_stats(rt, &s, &e));
  EXPECT_EQ(s.bytes_limit, 1u << 20);
  EXPECT_LE(s.bytes_peak, 1u << 20);
  qn_runtime_release(rt);
}

struct Pool {
  std::atomic<int> loops{0}, tasks{0};
};

qn_status pool_for(void* self, qn_task_fn fn, void* task, uint32_t n,
                   uint32_t max_workers) noexcept {
  Pool& p = *static_cast<Pool*>(self);
  ++p.loops;
  const uint32_t workers = max_workers < 3 ? max_workers : 3;
  std::atomic<uint32_t> next{0};
  auto run = [&](uint32_t worker) {
    for (uint32_t i = next++; i < n; i = next++) {
      fn(task, i, worker);
      ++p.tasks;
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t w = 1; w < workers; ++w) threads.emplace_back(run, w);
  run(0);
  for (std::thread& t : threads) t.join();
  return QN_OK;
}

TEST(Hooks, Executor) {
  Pool pool;
  qn_executor x{{sizeof x, 0}, &pool, [](void*) noexcept -> uint32_t { return 3; }, pool_for};
  qn_runtime_config c = config();
  c.executor = &x;
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  x = {};
  qn_error* e = nullptr;
  EXPECT_EQ(work(rt, 300, &e), 27000000) << qn_error_message(e);
  qn_error_free(e);
  qn_runtime_release(rt);
  // naive kernels may all be serial; with bundled plugins the loops must reach the hook
  c.plugin_policy = QN_PLUGINS_BUNDLED;
  x = {{sizeof x, 0}, &pool, [](void*) noexcept -> uint32_t { return 3; }, pool_for};
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  e = nullptr;
  EXPECT_EQ(work(rt, 300, &e), 27000000) << qn_error_message(e);
  qn_error_free(e);
  qn_runtime_release(rt);
  EXPECT_GE(pool.tasks, pool.loops);
}

TEST(Hooks, LogTakesWarnings) {
  static std::atomic<int> lines;
  lines = 0;
  qn_runtime_config c = config();
  c.log = [](void* self, int32_t, const char* text, uint64_t len) noexcept {
    if (self == &lines && text && len > 0) ++lines;
  };
  c.log_self = &lines;
  qn_runtime* rt = nullptr;
  ASSERT_WORKS(qn_runtime_create(&c, &rt, &e));
  qn_error* e = nullptr;
  EXPECT_EQ(work(rt, 8, &e), 512) << qn_error_message(e);
  qn_error_free(e);
  qn_runtime_release(rt);
}

}  // namespace
