// Made-up operands, first runs in order of price, then rounds among those close to the best.
#include "runtime/graph/timing.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <new>

#include "runtime/core/error.h"
#include "runtime/graph/lone_kernel.h"
#include "runtime/graph/node.h"
#include "runtime/graph/select.h"
#include "runtime/graph/step_clock.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

constexpr std::size_t kMostCandidates = 8;
constexpr int kRounds = 7;
constexpr double kRoundNs = 30e3;  // a candidate's part of a round, at least
constexpr double kJoinNs = 2000;   // starting and joining one parallel loop

// Inline loops, and what workers would have saved.
class OneThread {
 public:
  explicit OneThread(std::uint32_t workers)
      : workers_(workers), hooks_{{sizeof(qn_executor), 0}, this, concurrency, loop} {}
  const qn_executor* hooks() const { return &hooks_; }
  // n equal parts that took ns together, on up to `most` workers.
  double shared(double ns, std::uint32_t n, std::uint32_t most) const {
    const std::uint32_t w = std::min(workers_, std::max(1u, most));
    if (n <= 1 || w <= 1) return ns;
    const std::uint32_t turns = (n + w - 1) / w;
    return ns * turns / n + kJoinNs;
  }
  double saved = 0;  // ns, over all loops since it was set

 private:
  static std::uint32_t concurrency(void* self) noexcept {
    return static_cast<OneThread*>(self)->workers_;
  }
  static qn_status loop(void* self, qn_task_fn fn, void* task, std::uint32_t n,
                        std::uint32_t most) noexcept {
    OneThread& t = *static_cast<OneThread*>(self);
    if (t.inside_) {
      for (std::uint32_t i = 0; i < n; ++i) fn(task, i, 0);
      return QN_OK;
    }
    t.inside_ = true;
    const std::uint64_t start = thread_ns();
    for (std::uint32_t i = 0; i < n; ++i) fn(task, i, 0);
    const auto ns = static_cast<double>(thread_ns() - start);
    t.inside_ = false;
    t.saved += ns - t.shared(ns, n, most);
    return QN_OK;
  }
  std::uint32_t workers_;
  bool inside_ = false;
  qn_executor hooks_;
};

class Random {
 public:
  std::uint64_t next() {
    s_ ^= s_ << 13;
    s_ ^= s_ >> 7;
    s_ ^= s_ << 17;
    return s_;
  }

 private:
  std::uint64_t s_ = 0x9E3779B97F4A7C15ull;
};

// Floating-point values in [0.5, 1): no special ones, whatever the op. Integers below `limit`: they
// may be indices.
void fill(void* to, DType d, std::uint64_t bytes, std::uint64_t limit) {
  Random r;
  auto each = [&]<typename T>(T, auto&& value) {
    for (std::uint64_t at = 0; at + sizeof(T) <= bytes; at += sizeof(T)) {
      const T v = static_cast<T>(value(r.next() >> 11));
      std::memcpy(static_cast<char*>(to) + at, &v, sizeof v);
    }
  };
  switch (d) {
    case DType::f16:
      return each(std::uint16_t{}, [](std::uint64_t x) { return 0x3800u | (x & 0x3FFu); });
    case DType::bf16:
      return each(std::uint16_t{}, [](std::uint64_t x) { return 0x3F00u | (x & 0x7Fu); });
    case DType::f32:
    case DType::c64:
      return each(std::uint32_t{}, [](std::uint64_t x) { return 0x3F000000u | (x & 0x7FFFFFu); });
    case DType::f64:
      return each(std::uint64_t{},
                  [](std::uint64_t x) { return 0x3FE0000000000000ull | (x & 0xFFFFFFFFFFFFFull); });
    case DType::boolean:
      return each(std::uint8_t{}, [](std::uint64_t x) { return x & 1; });
    default:
      break;
  }
  auto small = [&](std::uint64_t x) { return x % limit; };
  switch (itemsize(d)) {
    case 1:
      return each(std::uint8_t{}, small);
    case 2:
      return each(std::uint16_t{}, small);
    case 4:
      return each(std::uint32_t{}, small);
    default:
      return each(std::uint64_t{}, small);
  }
}

// Inputs are shared by the candidates that want them in the same layout; outputs by all.
class Memory {
 public:
  Memory(Runtime& rt, std::shared_ptr<Allocator> from, const Question& q)
      : from(std::move(from)), rt_(rt) {
    const auto& in = q.candidates.front().step.in_meta;
    for (const Meta& m : in)
      for (const std::int64_t d : m.shape)
        if (d > 0 && (d > 1 || in.size() > 1))
          limit_ = std::min(limit_, static_cast<std::uint64_t>(d));
  }

  // False when nobody can bring an input into its layout.
  bool prepare(const PlannedStep& s, std::vector<qn_buffer>& in, std::vector<qn_buffer>& out) {
    for (std::size_t i = 0; i < s.in.size(); ++i) {
      const qn_buffer* b = input(i, s.in_meta[i], s.in[i].form.layout, s.offer.plugin);
      if (!b) return false;
      in.push_back(*b);
    }
    for (std::size_t i = 0; i < s.out.size(); ++i) {
      const Span span = span_of(s.out_meta[i], s.out[i].form.layout);
      if (outputs_.size() <= i) outputs_.resize(i + 1);
      if (!outputs_[i] || outputs_[i]->bytes() < span.bytes)
        old_.push_back(std::exchange(outputs_[i],
                                     std::make_unique<Buffer>(from, span.bytes, QN_TAG_WORKSPACE)));
      out.push_back({static_cast<char*>(outputs_[i]->data()) - span.low});
    }
    return true;
  }

  const std::shared_ptr<Allocator> from;

 private:
  struct Input {
    std::unique_ptr<Buffer> buffer;
    qn_buffer start{};
  };

  const qn_buffer* input(std::size_t i, const Meta& m, const Layout& l, const PluginRef& owner) {
    Input& known = inputs_[str(i, " ", name(m.dtype), " ", layout_text(l))];
    if (known.buffer) return &known.start;
    const Span span = span_of(m, l);
    auto fresh = std::make_unique<Buffer>(from, span.bytes, QN_TAG_WORKSPACE);
    char* start = static_cast<char*>(fresh->data());
    if (!l.named) {
      fill(start, m.dtype, span.bytes, limit_);
    } else if (!pack(m, l, owner, start)) {
      return nullptr;
    }
    known = {std::move(fresh), {start - span.low}};
    return &known.start;
  }

  // A plugin that names a layout turns row-major arrays into it.
  bool pack(const Meta& m, const Layout& to, const PluginRef& owner, char* target) {
    Layout dense;
    dense.strides = dense_strides(m.shape);
    const Span span = span_of(m, dense);
    const Buffer source(from, span.bytes, QN_TAG_WORKSPACE);
    fill(source.data(), m.dtype, span.bytes, limit_);
    OpDesc d(QN_OP_RELAYOUT, {}, 1, 1, rt_.accuracy());
    d.add_input(m, dense);
    d.add_output(m, to);
    for (const Offer& o : ask(owner, d.get()).offers) {
      const LoneKernel kernel(rt_, from, owner, d, o);
      OneThread inline_loops(1);
      const qn_buffer in{source.data()}, out{target};
      if (kernel && kernel.run(&in, &out, inline_loops.hooks()) == QN_OK) return true;
    }
    return false;
  }

  Runtime& rt_;
  std::uint64_t limit_ = 127;
  std::map<std::string, Input> inputs_;
  std::vector<std::unique_ptr<Buffer>> outputs_, old_;
};

// A candidate ready to run.
class Contender {
 public:
  Contender(Runtime& rt, const Question::Candidate& c, std::size_t index, TimeBy by,
            std::uint32_t workers, Memory& memory)
      : index_(index), beyond_(c.beyond), by_(by), loops_(workers) {
    if (!memory.prepare(c.step, in_, out_)) return;
    const PlannedStep& s = c.step;
    OpDesc d(s.op, s.attrs, s.n_op_in, workers, rt.accuracy());
    describe(s, d);
    kernel_ = std::make_unique<LoneKernel>(rt, memory.from, s.offer.plugin, d, s.offer);
  }

  // Nanoseconds a run, the mean of n; negative when the kernel fails.
  double run(int n) {
    if (!kernel_ || !*kernel_) return -1;
    loops_.saved = 0;
    const bool threads = by_ == TimeBy::THREADS;
    const std::uint64_t start = threads ? now_ns() : thread_ns();
    for (int i = 0; i < n; ++i)
      if ((threads ? kernel_->run_parallel(in_.data(), out_.data())
                   : kernel_->run(in_.data(), out_.data(), loops_.hooks())) != QN_OK)
        return -1;
    const auto took = static_cast<double>((threads ? now_ns() : thread_ns()) - start);
    const double one = std::max(1.0, took - loops_.saved) / n;
    return threads || !kernel_->tiled() ? one
                                        : loops_.shared(one, kernel_->tiles(), kernel_->tiles());
  }

  std::size_t index() const { return index_; }
  double total() const { return least + beyond_; }
  double least = std::numeric_limits<double>::infinity();

 private:
  std::size_t index_;
  double beyond_;
  TimeBy by_;
  OneThread loops_;
  std::vector<qn_buffer> in_, out_;
  std::unique_ptr<LoneKernel> kernel_;
};

class Race {
 public:
  Race(Runtime& rt, const Question& q, TimeBy by, std::uint32_t workers, const TimingLimits& limits,
       const std::atomic<bool>& stop)
      : rt_(rt),
        q_(q),
        by_(by),
        workers_(workers),
        limits_(limits),
        stop_(stop),
        memory_(rt, limits.own_memory ? rt.allocator()->beside() : rt.allocator(), q) {}

  // False when it was stopped.
  bool run() {
    std::vector<std::size_t> order(q_.candidates.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return q_.candidates[a].price < q_.candidates[b].price;
    });
    for (const std::size_t i : order) {
      if (stop_) return false;
      const double price = q_.candidates[i].price;
      // A price far above what another one takes in truth need not be checked.
      if (field_.size() == kMostCandidates || (field_.size() > 1 && price > 4 * best_)) break;
      if (limits_.longest_ns > 0 && price > limits_.longest_ns && !field_.empty()) break;
      enter(i);
    }
    double left = limits_.budget_ns;
    for (int round = 0; round < kRounds && left > 0 && field_.size() > 1; ++round)
      for (Contender& c : field_) {
        if (stop_) return false;
        if (c.total() > 1.5 * best_ || left <= 0) continue;
        const int n = static_cast<int>(std::clamp(kRoundNs / c.least, 1.0, 100.0));
        const double ns = c.run(n);
        if (ns < 0) continue;
        left -= ns * n;
        c.least = std::min(c.least, ns);
        best_ = std::min(best_, c.total());
      }
    return true;
  }

  std::vector<Timing> timings() const {
    std::vector<Timing> t;
    for (const auto& c : q_.candidates) t.push_back({c.name, -1});
    for (const Contender& c : field_) t[c.index()].ns = c.least;
    return t;
  }
  std::uint64_t entered() const { return field_.size(); }

 private:
  void enter(std::size_t i) {
    Contender& c = field_.emplace_back(rt_, q_.candidates[i], i, by_, workers_, memory_);
    c.least = c.run(1);
    // The first run finds cold caches; one that is hopeless all the same is not run again.
    if (c.least >= 0 && c.total() < 10 * best_)
      if (const double again = c.run(1); again >= 0) c.least = std::min(c.least, again);
    if (c.least < 0)
      field_.pop_back();
    else
      best_ = std::min(best_, c.total());
  }

  Runtime& rt_;
  const Question& q_;
  TimeBy by_;
  std::uint32_t workers_;
  const TimingLimits& limits_;
  const std::atomic<bool>& stop_;
  Memory memory_;
  std::deque<Contender> field_;
  double best_ = std::numeric_limits<double>::infinity();
};

// Whether a limit leaves room for about what the candidates need, beside the most that was in use.
bool fits(Runtime& rt, const Question& q) {
  const Allocator::Counters c = rt.allocator()->counters();
  if (c.limit == 0) return true;
  std::uint64_t need = 0;
  for (const Question::Candidate& k : q.candidates) {
    std::uint64_t own = k.step.offer.workspace_max;
    for (std::size_t i = 0; i < k.step.in.size(); ++i)
      own += span_of(k.step.in_meta[i], k.step.in[i].form.layout).bytes;
    for (std::size_t i = 0; i < k.step.out.size(); ++i)
      own += span_of(k.step.out_meta[i], k.step.out[i].form.layout).bytes;
    need = std::max(need, 2 * own);
  }
  return need < c.limit && c.peak < c.limit - need;
}

}  // namespace

std::uint64_t thread_ns() {
  struct timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000000000u + static_cast<std::uint64_t>(t.tv_nsec);
}

std::vector<Timing> time_candidates(Runtime& rt, const Question& q, TimeBy by,
                                    std::uint32_t workers, const TimingLimits& limits,
                                    const std::atomic<bool>& stop, std::uint64_t* runs) {
  try {
    if (limits.own_memory && !fits(rt, q)) return {};
    Race race(rt, q, by, workers, limits, stop);
    if (!race.run()) return {};
    *runs += race.entered();
    return race.timings();
  } catch (const Error& e) {
    if (e.code() != QN_E_RESOURCE_EXHAUSTED) throw;
  } catch (const std::bad_alloc&) {
  }
  return {};
}

std::string candidate_name(std::span<const Offer> offers, std::size_t i) {
  const Offer& o = offers[i];
  std::size_t same = 0;  // a plugin may offer one kernel in several layouts
  for (std::size_t k = 0; k < i; ++k)
    same += offers[k].plugin == o.plugin && offers[k].kernel == o.kernel;
  return str(o.plugin->identity(), "/", o.kernel, same ? str("#", same) : std::string());
}

}  // namespace quern
