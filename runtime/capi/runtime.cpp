// Entry points of the runtime object: life cycle, rules, counters.
// Reports about plugins and kernels are in report.cpp.
#include <cstddef>

#include "runtime/capi/handles.h"

using namespace quern;
using namespace quern::capi;

namespace {

constexpr std::uint32_t kMaxThreads = 4096;

qn_allocator read_allocator(const char* fn, const qn_allocator* p) {
  qn_allocator a = read_struct(fn, "qn_allocator", p);
  if (!a.alloc) fail_invalid("[", fn, "] qn_allocator.alloc is NULL");
  if (!a.free) fail_invalid("[", fn, "] qn_allocator.free is NULL");
  return a;
}

qn_executor read_executor(const char* fn, const qn_executor* p) {
  qn_executor e = read_struct(fn, "qn_executor", p);
  if (!e.concurrency) fail_invalid("[", fn, "] qn_executor.concurrency is NULL");
  if (!e.parallel_for) fail_invalid("[", fn, "] qn_executor.parallel_for is NULL");
  if (e.concurrency(e.self) == 0)
    fail_invalid("[", fn, "] qn_executor.concurrency gives 0, expected at least 1");
  return e;
}

}  // namespace

qn_status qn_runtime_create(const qn_runtime_config* config, qn_runtime** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(out, fn, "out");
    if (!config) {
      *out = wrap(Runtime::create(nullptr));
      return;
    }
    qn_runtime_config c = read_struct(fn, "qn_runtime_config", config);
    qn_allocator allocator{};
    qn_executor executor{};
    if (c.allocator) {
      allocator = read_allocator(fn, c.allocator);
      c.allocator = &allocator;
    }
    if (c.executor) {
      executor = read_executor(fn, c.executor);
      c.executor = &executor;
    }
    if (c.plugin_policy > QN_PLUGINS_PATH)
      fail_invalid("[", fn, "] plugin_policy is ", c.plugin_policy,
                   ", expected QN_PLUGINS_* (0 to 2)");
    if (c.accuracy > 2) fail_invalid("[", fn, "] accuracy is ", c.accuracy, ", expected 0 to 2");
    if (c.n_threads > kMaxThreads)
      fail_invalid("[", fn, "] n_threads is ", c.n_threads, ", expected 0 to ", kMaxThreads);
    *out = wrap(Runtime::create(&c));
  });
}

qn_runtime* qn_runtime_retain(qn_runtime* rt) {
  if (rt) unwrap(rt)->retain();
  return rt;
}

void qn_runtime_release(qn_runtime* rt) {
  if (rt) unwrap(rt)->release();
}

qn_status qn_runtime_set_kernels(qn_runtime* rt, const char* rules, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(rules, fn, "rules");
    unwrap(rt)->set_kernels(rules);
  });
}

qn_status qn_runtime_set_tuning(qn_runtime* rt, const char* tuning, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(tuning, fn, "tuning");
    unwrap(rt)->set_tuning(tuning);
  });
}

qn_status qn_runtime_stats(qn_runtime* rt, qn_stats* stats, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    constexpr std::uint32_t kMaxSize = 4096;
    need(rt, fn, "rt");
    need(stats, fn, "stats");
    const std::uint32_t size = stats->hdr.struct_size;
    if (size < sizeof(qn_hdr) || size > kMaxSize)
      fail_invalid("[", fn, "] qn_stats.hdr.struct_size is ", size,
                   ", expected sizeof(qn_stats) (here ", sizeof(qn_stats), ")");
    qn_stats s{};
    s.hdr = stats->hdr;
    unwrap(rt)->fill_stats(s);
    // The header stays the caller's; members that this library does not know are zero.
    char* to = reinterpret_cast<char*>(stats);
    const std::size_t known = size < sizeof s ? size : sizeof s;
    std::memcpy(to + sizeof(qn_hdr), reinterpret_cast<char*>(&s) + sizeof(qn_hdr),
                known - sizeof(qn_hdr));
    std::memset(to + known, 0, size - known);
  });
}

qn_status qn_runtime_reset_peak(qn_runtime* rt, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    unwrap(rt)->reset_peak();
  });
}

qn_status qn_runtime_clear_cache(qn_runtime* rt, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    unwrap(rt)->clear_cache();
  });
}

qn_status qn_set_profiling(qn_runtime* rt, uint32_t on, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    unwrap(rt)->set_profiling(on != 0);
  });
}

qn_status qn_set_verify(qn_runtime* rt, uint32_t every, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    unwrap(rt)->set_verify(every);
  });
}
