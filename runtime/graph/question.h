// Question: what selection asked for one op, and every candidate that answered, ready to be timed.
// Timing is in timing.h, who decides when in tuner.h.
#pragma once
#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "runtime/graph/planned_step.h"

namespace quern {

// A measured kernel takes the place of the one that estimates choose when its time is below this
// part of the other's: alone and with warm caches a few percent mean nothing.
constexpr double kWorthChanging = 0.95;

struct Question {
  struct Candidate {
    std::string name;   // "simd@1.0.0+build/conv.tiles"
    PlannedStep step;   // forms without storage
    double beyond = 0;  // what choosing it costs besides its run: relayouts, what it leaves undone
    double price = 0;   // by estimates, all included
  };
  std::string digest, title;
  std::vector<Candidate> candidates;
  std::size_t chosen = 0;  // by estimates
};

// A plan's questions, on their way to the background.
struct TuningRequest {
  std::vector<Question> questions;
  std::atomic<bool> stale{false};  // other kernels would be chosen now: plan again
};

// The name of the i-th offer of an answer in tuning tables.
std::string candidate_name(std::span<const Offer> offers, std::size_t i);

}  // namespace quern
