// StepClock: when a step ran, and each worker's share of it. Made only when somebody asks for
// times; who is told is the runtime's business.
#pragma once
#include <chrono>
#include <cstdint>
#include <vector>

#include "runtime/graph/plan.h"

namespace quern {

// Nanoseconds of the steady clock.
inline std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

// What one worker did in a step. Its own cache line: workers write at the same time.
struct alignas(64) WorkerTime {
  std::uint64_t start = 0, end = 0, busy = 0;
  std::uint32_t tiles = 0;
  bool inside = false;  // of a loop: what is nested in it counts with it

  void add(std::uint64_t from, std::uint64_t to) {
    if (tiles++ == 0) start = from;
    end = to;
    busy += to - from;
  }
};

struct StepClock {
  std::uint64_t start = 0, end = 0;
  std::vector<WorkerTime> workers;  // empty unless traced

  WorkerTime* per_worker() { return workers.empty() ? nullptr : workers.data(); }

  // One event for each worker that took part. Called under the runtime's lock.
  void tell(const TraceSink& sink, const Plan& plan, const Step& step) const {
    qn_trace_event event{};
    event.hdr.struct_size = sizeof event;
    event.op = step.info.op.c_str();
    event.shapes = step.info.shapes.c_str();
    event.plugin = step.info.plugin.c_str();
    event.kernel = step.info.kernel.c_str();
    event.plan = plan.id;
    event.step = static_cast<std::uint64_t>(&step - plan.steps.data());
    event.run_start_ns = start;
    event.run_duration_ns = end - start;
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const WorkerTime& w = workers[i];
      if (w.tiles == 0) continue;
      event.start_ns = w.start;
      event.duration_ns = w.end - w.start;
      event.busy_ns = w.busy;
      event.worker = static_cast<std::uint32_t>(i);
      event.tiles = w.tiles;
      sink.fn(sink.self, &event);
    }
  }
};

}  // namespace quern
