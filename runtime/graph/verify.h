// Verify mode: a step's kernel runs on private, guarded memory; its result is held against the
// naive kernel's before it counts. Decides whether a kernel is at fault; quarantine is the
// caller's.
#pragma once
#include "runtime/graph/assign.h"

namespace quern {

// What verify needs to know of a step, kept with plans that are made while verify mode is on.
struct StepDetail {
  PlannedStep step;
  std::uint64_t workspace = 0;
  // For each input: the number of the step that packed it from a leaf; -1 = none did.
  std::vector<int> source;
};

// Calls run(in, out, workspace, scratch) with private copies and judges what it did; on success the
// outputs are copied to `out`. Returns "" or what is wrong with the kernel, then `out` is
// untouched. *error receives the largest |result - naive| / (|naive| + rms of naive), 0 where naive
// can't compare. Throws Error when memory runs out. The kernel's own failure status is passed on in
// *status, and then nothing is judged.
struct VerifiedRun {
  Runtime& rt;
  const StepDetail& detail;
  const StepDetail* const* sources;  // one an input, null = not packed from a leaf
  const void* const* source_data;    // element 0 of it
  const std::vector<qn_buffer>& in;
  const std::vector<qn_buffer>& out;
  std::uint64_t scratch_bytes;
};
using GuardedCall = qn_status (*)(void* self, const qn_buffer* in, const qn_buffer* out,
                                  void* workspace, void* scratch);
std::string verify_step(const VerifiedRun&, GuardedCall call, void* self, qn_status* status,
                        double* error);

// The comparison: largest relative error of `got` against `want` (both dense, n elements), and how
// many elements are further off than `tolerance`. Integers and bools: 0 or infinite.
struct Deviation {
  double largest = 0;
  std::uint64_t beyond = 0;
};
Deviation deviation(const void* got, const void* want, DType, std::uint64_t n, double tolerance);

}  // namespace quern
