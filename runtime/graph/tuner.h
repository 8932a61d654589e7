// Tuner: what is known of kernels' real times, and who measures when: nobody, the planner at once,
// or a thread in the background. One a runtime that asked for it.
// Choosing by the times is the planner's business (passes/assign.cpp).
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "runtime/graph/question.h"
#include "runtime/host/tuning_file.h"

namespace quern {

class Runtime;

enum class TuningMode { OFF, READ, MEASURE, BACKGROUND };

class Tuner {
 public:
  // "off" or "" (null), "read:FILE", "measure[:FILE]", "background[:FILE]". Reads the file. Throws
  // INVALID_ARGUMENT for other texts.
  static std::unique_ptr<Tuner> create(Runtime& rt, std::string_view spec);
  static void check(std::string_view spec);  // throws as create does
  // Ends the thread, writes what was not written yet.
  ~Tuner();

  TuningMode mode() const { return mode_; }
  // The times for the candidates of `answer`, as far as they were measured, are written into them.
  // False when nothing is known, or when not all of the candidates were there at that time.
  bool apply(const std::string& digest, std::span<Offer> offers);
  // MEASURE, under the runtime's lock: times the candidates on the runtime's threads.
  void measure(const Question& q);
  // MEASURE: writes what was measured since the last time. Failures are logged.
  void save() noexcept;
  // BACKGROUND: questions of a plan that is in use. The thread starts with the first ones.
  void later(std::shared_ptr<TuningRequest> request) noexcept;
  // Lets go of the plugin's candidates; returns when nothing of it runs.
  void forget(const Plugin& plugin);

  struct State {
    const char* mode;
    std::string file, problem;
    std::uint64_t questions, candidates_run, spent_ns, waiting;
  };
  State state() const;

 private:
  Tuner(Runtime& rt, TuningMode mode, std::string path);
  void load();
  void work() noexcept;
  void serve(TuningRequest& r, std::unique_lock<std::mutex>& lock);
  bool write() noexcept;
  std::uint32_t workers() const;

  Runtime& rt_;
  const TuningMode mode_;
  std::optional<TuningFile> file_;
  TuningTable table_;
  std::atomic<bool> stop_{false};  // ends the thread
  std::atomic<bool> drop_{false};  // ends the request in hand

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_, idle_;
  std::deque<std::shared_ptr<TuningRequest>> queue_;
  MeasuredMap unsaved_;
  std::string problem_;
  bool busy_ = false;
  std::uint64_t candidates_run_ = 0, spent_ns_ = 0;
  std::chrono::steady_clock::time_point rest_until_{};
  std::thread thread_;
};

}  // namespace quern
