// Placing operands, calling run or tile, and looking at what is left behind.
#include "runtime/cli/check/execution.h"

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <cstring>
#include <thread>

#include "runtime/cli/check/malloc_watch.h"
#include "runtime/cli/check/shield.h"
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace quern_cli::check {
namespace {

// Rounding, flush-to-zero, exception masks; not the sticky exception flags.
unsigned fp_control() {
#if defined(__SSE2__)
  return _mm_getcsr() & ~0x3fu;
#else
  return static_cast<unsigned>(std::fegetround());
#endif
}

void restore_fp() { std::fesetenv(FE_DFL_ENV); }

thread_local bool in_loop = false;

uint32_t team_size(void* self) noexcept { return static_cast<Team*>(self)->workers(); }

qn_status team_for(void* self, qn_task_fn fn, void* task, uint32_t n,
                   uint32_t max_workers) noexcept {
  const HeapPause pause;
  const uint32_t workers =
      std::min({static_cast<Team*>(self)->workers(), std::max(1u, max_workers), std::max(1u, n)});
  if (workers == 1 || in_loop) {
    for (uint32_t i = 0; i < n; ++i) fn(task, i, 0);
    return QN_OK;
  }
  std::atomic<uint32_t> next{0};
  auto work = [&](uint32_t worker) {
    in_loop = true;
    for (uint32_t i = next++; i < n; i = next++) fn(task, i, worker);
    in_loop = false;
  };
  try {
    std::vector<std::thread> threads;
    for (uint32_t w = 1; w < workers; ++w) threads.emplace_back(work, w);
    work(0);
    for (std::thread& t : threads) t.join();
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
  return QN_OK;
}

constexpr std::uint64_t kSmallChange = 4096;  // bytes

std::uint64_t up(std::uint64_t n) { return (n + 63) / 64 * 64; }

}  // namespace

Team::Team(uint32_t workers) : workers_(workers) {
  executor_ = {{sizeof(qn_executor), 0}, this, team_size, team_for};
}

std::pair<int64_t, int64_t> extent(const Shape& shape, const Shape& strides) {
  int64_t low = 0, high = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0) return {0, -1};
    (strides[d] < 0 ? low : high) += strides[d] * (shape[d] - 1);
  }
  return {low, high};
}

Execution::Place Execution::place(Use use, const Meta& m, const Layout& l, unsigned char fill,
                                  bool at_end) {
  Place p;
  if (l.named) {
    p.block = Block(use, l.bytes, 64, at_end);
    p.base = p.block.data();
  } else {
    const auto [low, high] = extent(m.shape, l.strides);
    const auto item = static_cast<int64_t>(itemsize(m.dtype));
    const auto bytes = static_cast<std::size_t>((high - low + 1) * item);
    p.block = Block(use, bytes, at_end ? static_cast<std::size_t>(item) : 64, at_end);
    p.base = p.block.data() - low * item;
  }
  std::memset(p.block.data(), fill, p.block.bytes());
  return p;
}

Execution::Execution(const Subject& subject, const Problem& problem, const Plan& plan,
                     const Offer& offer, const std::vector<Bytes>& values,
                     const std::vector<Layout>& in, const std::vector<Layout>& out,
                     const Team& team, Setup setup)
    : subject_(subject),
      problem_(problem),
      plan_(plan),
      offer_(offer),
      in_(in),
      out_(out),
      team_(team),
      setup_(setup) {
  for (std::size_t i = 0; i < problem.in.size(); ++i) {
    const bool shared = setup.in_place == static_cast<int>(i);
    Place p =
        place(shared ? Use::OUTPUT : Use::INPUT, problem.in[i], in[i], setup.fill, setup.at_end);
    if (in[i].named)
      std::memcpy(p.base, values[i].data(), values[i].size());
    else
      scatter(values[i], problem.in[i], in[i].strides, p.base);
    if (!shared) p.block.protect();
    in_buffers_.push_back({p.base});
    from_.push_back(std::move(p));
  }
  for (std::size_t i = 0; i < problem.out.size(); ++i) {
    if (i == 0 && setup.in_place >= 0) {
      to_.emplace_back();
      to_[0].base = from_[static_cast<std::size_t>(setup.in_place)].base;
    } else {
      to_.push_back(place(Use::OUTPUT, problem.out[i], out[i], setup.fill, setup.at_end));
    }
    out_buffers_.push_back({to_.back().base});
  }
  workspace_ = Block(Use::WORKSPACE, plan.info.workspace, 64, setup.at_end);
  std::memset(workspace_.data(), setup.fill, workspace_.bytes());
  const bool tiles = offer.threading == QN_THREADING_TILES;
  const std::size_t pieces = tiles ? team.workers() : 1;
  for (std::size_t w = 0; w < pieces; ++w) {
    scratch_.emplace_back(
        Use::SCRATCH,
        tiles ? plan.info.worker_scratch : up(plan.info.worker_scratch) * team.workers(), 64,
        setup.at_end);
    std::memset(scratch_.back().data(), setup.fill, scratch_.back().bytes());
  }
  run_.hdr.struct_size = sizeof run_;
  run_.in = in_buffers_.data();
  run_.out = out_buffers_.data();
  run_.workspace = workspace_.data();
  run_.scratch = scratch_[0].data();
  run_.executor = team.executor();
  run_.error = &slot_;
}

void Execution::heap_seen(uint64_t calls, uint64_t bytes) noexcept {
  allocations_ += calls;
  uint64_t most = most_bytes_;
  while (bytes > most && !most_bytes_.compare_exchange_weak(most, bytes)) {
  }
}

void Execution::tile_task(void* self, uint32_t index, uint32_t worker) noexcept {
  auto& e = *static_cast<Execution*>(self);
  const uint32_t tile = e.setup_.backwards ? e.plan_.info.n_tiles - 1 - index : index;
  const unsigned before = fp_control();
  const HeapWatch watch;
  const qn_status s = shielded(e.subject_.entry().tile, e.plan_.plan, &e.run_, tile, worker,
                               e.scratch_[worker].data());
  e.heap_seen(watch.allocations(), watch.bytes());
  if (s != QN_OK) e.status_ = s;
  if (fp_control() != before) {
    e.fp_changed_ = true;
    restore_fp();
  }
}

void Execution::go() {
  const auto start = std::chrono::steady_clock::now();
  if (offer_.threading == QN_THREADING_TILES) {
    team_for(const_cast<Team*>(&team_), tile_task, this, plan_.info.n_tiles, team_.workers());
  } else {
    const unsigned before = fp_control();
    const HeapWatch watch;
    const qn_status s = shielded(subject_.entry().run, plan_.plan, &run_);
    heap_seen(watch.allocations(), watch.bytes());
    if (s != QN_OK) status_ = s;
    if (fp_control() != before) {
      fp_changed_ = true;
      restore_fp();
    }
  }
  ns_ = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

bool Execution::inspect(Report& report) const {
  bool good = true;
  auto want = [&](bool holds, const char* check, const std::string& text) {
    good &= report.verify(holds, check, text);
  };
  const qn_status s = status_.load();
  want(s != kThrew, "run.throws", "an exception left the kernel");
  want(s == QN_OK || s == kThrew, "run.status",
       std::string("failed with ") + qn_status_name(s) +
           (slot_.text.empty() ? "" : ": " + slot_.text));
  if (s != QN_OK && s != kThrew)
    want(!slot_.text.empty(), "error.text", "run failed without a text");
  // Libraries that a plugin calls may need a few nodes for their arguments; buffers are for plan.
  want(most_bytes_ <= kSmallChange, "run.allocates",
       "run or tile allocates " + std::to_string(most_bytes_.load()) + " bytes");
  want(!fp_changed_, "run.fp_state",
       "rounding, flush-to-zero or exception masks were left changed");
  bool outputs = true, inputs = true;
  for (const Place& p : to_) outputs &= !p.block.data() || p.block.canaries_whole();
  for (std::size_t i = 0; i < from_.size(); ++i)
    (setup_.in_place == static_cast<int>(i) ? outputs : inputs) &= from_[i].block.canaries_whole();
  want(outputs, "run.overrun", "bytes beside an output were written");
  want(inputs, "run.writes_input", "bytes beside an input were written");
  bool work = workspace_.canaries_whole();
  for (const Block& b : scratch_) work &= b.canaries_whole();
  want(work, "run.workspace", "bytes beside the workspace were written");
  return good;
}

Bytes Execution::output(std::size_t i) const {
  if (out_[i].named) return {to_[i].base, to_[i].base + out_[i].bytes};
  return gather(to_[i].base, problem_.out[i], out_[i].strides);
}

std::optional<Bytes> relayout(const Subject& subject, const Meta& m, const Layout& from,
                              const Layout& to, const Bytes& source) {
  const Problem p = relayout_problem(m);
  const std::vector<Layout> in{from}, out{to};
  Desc desc(p, in, out, {});
  const Answers a = subject.query(desc.get());
  for (const Offer& o : a.offers) {
    if (!o.fault.empty()) continue;
    const Plan plan(subject, desc.get(), o.kernel_id);
    if (plan.status != QN_OK) continue;
    const Team team(1);
    Execution e(subject, p, plan, o, {source}, in, out, team, {.at_end = false, .fill = 0});
    e.go();
    if (e.status() == QN_OK) return e.output(0);
  }
  return std::nullopt;
}

}  // namespace quern_cli::check
