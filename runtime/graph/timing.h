// Timing candidates beside each other, on memory of their own filled with made-up values.
// Whether and when to do it is the tuner's business.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "runtime/graph/question.h"
#include "runtime/host/tuning_table.h"

namespace quern {

class Runtime;

enum class TimeBy {
  // The steady clock, on the runtime's threads; nothing else may run on them.
  THREADS,
  // The processor time of the calling thread, tiles one after another; what several workers would
  // make of it is computed. Immune to what else runs.
  ONE_THREAD,
};

struct TimingLimits {
  double budget_ns;   // for one question, beyond the first runs
  double longest_ns;  // candidates with a higher price are not run; 0 = no limit
  bool own_memory;    // not from the runtime's cache; nothing is timed where a memory limit is near
};

// Times the candidates that may win, in order of price; each warm and several times, the least
// counts. Entries are in the candidates' order. Empty when memory ran out or `stop` was set, then
// nothing is known. *runs: how many candidates ran. Never throws what a candidate does wrong.
std::vector<Timing> time_candidates(Runtime& rt, const Question& q, TimeBy by,
                                    std::uint32_t workers, const TimingLimits& limits,
                                    const std::atomic<bool>& stop, std::uint64_t* runs);

// Processor time of the calling thread, nanoseconds.
std::uint64_t thread_ns();

}  // namespace quern
