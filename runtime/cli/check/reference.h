// The reference: naive kernels run by this tool, and a recorder through which the library itself
// makes the problems. Its shape rules, promotions, compositions, fusion and gradients thus need no
// second description here, and a new op is covered as soon as it is in the schema.
#pragma once
#include <map>
#include <memory>

#include "runtime/cli/check/subject.h"

namespace quern_cli::check {

// naive.so beside libquern, opened once a process. Throws LibraryError.
const Subject& naive();

// Fills p.want by naive kernels from p.values; an epilogue is done by a map. False when naive can't
// serve it.
bool compute_want(Problem& p);

// A runtime whose every kernel is a recorder over naive.
class Recorder {
 public:
  Recorder();
  qn_runtime* runtime() const { return runtime_.get(); }
  // What was asked since the last call, without duplicates of any earlier call; each has values and
  // want.
  std::vector<Problem> take();

 private:
  RuntimeHandle runtime_;
};

}  // namespace quern_cli::check
