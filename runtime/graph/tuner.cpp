// Modes, the file, and the thread of the background mode.
#include "runtime/graph/tuner.h"

#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "runtime/core/error.h"
#include "runtime/graph/timing.h"
#include "runtime/host/executor.h"
#include "runtime/host/machine.h"
#include "runtime/host/plugin_host.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

constexpr TimingLimits kNow{50e6, 0, false};
// In the background: short turns, and nothing that would hold a processor for long.
constexpr TimingLimits kLater{5e6, 250e6, true};
constexpr double kShare = 0.01;                            // of the time, at most
constexpr std::uint64_t kMostSpentNs = 20'000'000'000ull;  // in the life of a tuner
constexpr std::size_t kMostWaiting = 1024;                 // plans
constexpr auto kSaveEvery = std::chrono::seconds(5);

struct ModeName {
  const char* name;
  TuningMode mode;
};
constexpr ModeName kModes[] = {{"read", TuningMode::READ},
                               {"measure", TuningMode::MEASURE},
                               {"background", TuningMode::BACKGROUND}};

std::string machine() {
  const std::string_view build = qn_build_info();
  return str("quern ", build.substr(0, build.find('\n')), " on ", cpu_identity());
}

std::pair<TuningMode, std::string> parse(std::string_view spec) {
  if (spec.empty() || spec == "off") return {TuningMode::OFF, ""};
  const std::size_t colon = spec.find(':');
  const std::string_view word = spec.substr(0, colon);
  const std::string path(colon == std::string_view::npos ? "" : spec.substr(colon + 1));
  for (const ModeName& m : kModes)
    if (word == m.name && (!path.empty() || (m.mode != TuningMode::READ && word == spec)))
      return {m.mode, path};
  fail_invalid("[tuning] '", spec,
               "' given, expected off, read:FILE, measure[:FILE] or background[:FILE]");
}

bool offers_of(const Question& q, const Plugin& p) {
  return std::any_of(q.candidates.begin(), q.candidates.end(),
                     [&](const auto& c) { return c.step.offer.plugin.get() == &p; });
}

// Would another candidate be taken, and is it worth a new plan?
bool changes(const Question& q, const Measured& m) {
  double best = -1, chosen = -1;
  for (std::size_t i = 0; i < q.candidates.size() && i < m.timings.size(); ++i) {
    if (m.timings[i].ns < 0) continue;
    const double total = m.timings[i].ns + q.candidates[i].beyond;
    if (best < 0 || total < best) best = total;
    if (i == q.chosen) chosen = total;
  }
  return best >= 0 && (chosen < 0 || best < kWorthChanging * chosen);
}

}  // namespace

std::unique_ptr<Tuner> Tuner::create(Runtime& rt, std::string_view spec) {
  const auto [mode, path] = parse(spec);
  if (mode == TuningMode::OFF) return nullptr;
  std::unique_ptr<Tuner> t(new Tuner(rt, mode, path));
  t->load();
  return t;
}

void Tuner::check(std::string_view spec) { parse(spec); }

Tuner::Tuner(Runtime& rt, TuningMode mode, std::string path) : rt_(rt), mode_(mode) {
  if (!path.empty()) file_.emplace(std::move(path), machine());
}

Tuner::~Tuner() {
  {
    std::lock_guard lock(mutex_);
    stop_ = drop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  save();
}

void Tuner::load() {
  if (!file_) return;
  TuningFile::Loaded l = file_->load();
  table_.add(l.found);
  if (l.missing && mode_ == TuningMode::READ)
    l.problem = str("[tuning] ", file_->path(), " does not exist; estimates decide");
  if (l.problem.empty()) return;
  rt_.log(QN_LOG_WARNING, l.problem);
  problem_ = std::move(l.problem);
}

// In the strict class neither the choice nor its reasons may depend on the number of threads.
std::uint32_t Tuner::workers() const {
  return rt_.accuracy() == QN_CLASS_STRICT ? 1 : rt_.executor().workers();
}

bool Tuner::apply(const std::string& digest, std::span<Offer> offers) {
  const auto known = table_.find(digest);
  if (!known) return false;
  std::vector<double> ns;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    const std::string name = candidate_name(offers, i);
    const auto t = std::find_if(known->timings.begin(), known->timings.end(),
                                [&](const Timing& k) { return k.candidate == name; });
    if (t == known->timings.end()) return false;
    ns.push_back(t->ns);
  }
  if (std::all_of(ns.begin(), ns.end(), [](double t) { return t < 0; })) return true;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    offers[i].measured_ns = std::max(0.0, ns[i]);
    offers[i].passed_over = ns[i] < 0;
  }
  return true;
}

void Tuner::measure(const Question& q) {
  const TimeBy by = workers() == 1 ? TimeBy::ONE_THREAD : TimeBy::THREADS;
  std::uint64_t runs = 0;
  const std::uint64_t start = thread_ns();
  auto timings = time_candidates(rt_, q, by, workers(), kNow, stop_, &runs);
  const std::uint64_t spent = thread_ns() - start;
  std::lock_guard lock(mutex_);
  candidates_run_ += runs;
  spent_ns_ += spent;
  if (timings.empty()) return;
  const auto m = std::make_shared<const Measured>(Measured{q.title, std::move(timings)});
  table_.put(q.digest, m);
  unsaved_[q.digest] = m;
}

void Tuner::save() noexcept { write(); }

bool Tuner::write() noexcept {
  MeasuredMap mine;
  try {
    {
      std::lock_guard lock(mutex_);
      if (!file_) unsaved_.clear();
      if (unsaved_.empty()) return true;
      mine = unsaved_;
    }
    file_->merge(mine);
    std::lock_guard lock(mutex_);
    for (const auto& [digest, m] : mine)
      if (const auto it = unsaved_.find(digest); it != unsaved_.end() && it->second == m)
        unsaved_.erase(it);
    problem_.clear();
    return true;
  } catch (const Error& e) {
    rt_.log(QN_LOG_WARNING, e.what());
    try {
      std::lock_guard lock(mutex_);
      problem_ = e.what();
    } catch (...) {  // the log has told
    }
  } catch (...) {
    rt_.log(QN_LOG_WARNING, "[tuning] out of memory while writing the file");
  }
  return false;
}

void Tuner::later(std::shared_ptr<TuningRequest> request) noexcept {
  try {
    std::lock_guard lock(mutex_);
    if (spent_ns_ >= kMostSpentNs || queue_.size() >= kMostWaiting) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
    queue_.push_back(std::move(request));
    wake_.notify_all();
  } catch (...) {  // no memory or no thread to be had: nothing is measured
  }
}

void Tuner::forget(const Plugin& plugin) {
  std::unique_lock lock(mutex_);
  std::erase_if(queue_, [&](const auto& r) {
    return std::any_of(r->questions.begin(), r->questions.end(),
                       [&](const Question& q) { return offers_of(q, plugin); });
  });
  drop_ = true;
  wake_.notify_all();
  idle_.wait(lock, [&] { return !busy_; });
  drop_ = false;
}

void Tuner::work() noexcept {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the embedder's handlers run on its own threads
  // Runs where nothing else wants to; without the right to say so, at the usual priority.
  const sched_param lowest{};
  pthread_setschedparam(pthread_self(), SCHED_IDLE, &lowest);
  auto saved = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (queue_.empty()) {
      lock.unlock();
      const bool written = write();
      lock.lock();
      saved = std::chrono::steady_clock::now();
      const auto ready = [&] { return stop_ || !queue_.empty(); };
      if (written || unsaved_.empty())
        wake_.wait(lock, ready);
      else
        wake_.wait_for(lock, kSaveEvery, ready);
      continue;
    }
    busy_ = true;
    {
      const std::shared_ptr<TuningRequest> r = std::move(queue_.front());
      queue_.pop_front();
      try {
        serve(*r, lock);
      } catch (...) {  // out of memory: the plan stays as it is
        if (!lock.owns_lock()) lock.lock();
      }
      r->questions.clear();
    }
    busy_ = false;
    idle_.notify_all();
    if (spent_ns_ >= kMostSpentNs) queue_.clear();
    if (std::chrono::steady_clock::now() - saved > kSaveEvery) {
      lock.unlock();
      write();
      lock.lock();
      saved = std::chrono::steady_clock::now();
    }
  }
}

void Tuner::serve(TuningRequest& r, std::unique_lock<std::mutex>& lock) {
  bool stale = false;
  for (const Question& q : r.questions) {
    auto m = table_.find(q.digest);
    if (!m) {
      wake_.wait_until(lock, rest_until_, [&] { return stop_ || drop_; });
      if (stop_ || drop_ || spent_ns_ >= kMostSpentNs) break;
      lock.unlock();
      std::uint64_t runs = 0;
      const std::uint64_t start = thread_ns();
      auto timings = time_candidates(rt_, q, TimeBy::ONE_THREAD, workers(), kLater, drop_, &runs);
      const std::uint64_t spent = thread_ns() - start;
      lock.lock();
      candidates_run_ += runs;
      spent_ns_ += spent;
      rest_until_ = std::chrono::steady_clock::now() +
                    std::chrono::nanoseconds(
                        static_cast<std::int64_t>(static_cast<double>(spent) * (1 / kShare - 1)));
      if (timings.empty()) continue;
      m = std::make_shared<const Measured>(Measured{q.title, std::move(timings)});
      table_.put(q.digest, m);
      unsaved_[q.digest] = m;
    }
    stale = stale || changes(q, *m);
  }
  if (stale) r.stale = true;
}

Tuner::State Tuner::state() const {
  State s{};
  for (const ModeName& m : kModes)
    if (m.mode == mode_) s.mode = m.name;
  if (file_) s.file = file_->path();
  std::lock_guard lock(mutex_);
  s.problem = problem_;
  s.questions = table_.all().size();
  s.candidates_run = candidates_run_;
  s.spent_ns = spent_ns_;
  s.waiting = queue_.size() + (busy_ ? 1 : 0);
  return s;
}

}  // namespace quern
