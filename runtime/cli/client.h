// Handles and errors of the public C API, for the commands.
// Adds no behaviour: every call goes straight to libquern.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>

#include "include/quern/quern.h"

namespace quern_cli {

// The command line is wrong: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The library refused: exit code 1.
struct LibraryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct ArrayRelease {
  void operator()(qn_array* a) const { qn_array_release(a); }
};
struct RuntimeRelease {
  void operator()(qn_runtime* r) const { qn_runtime_release(r); }
};
using ArrayHandle = std::unique_ptr<qn_array, ArrayRelease>;
using RuntimeHandle = std::unique_ptr<qn_runtime, RuntimeRelease>;

[[noreturn]] void fail(qn_status status, qn_error* error);

// call(qn_eval, arrays, n): passes the error slot and throws LibraryError on failure.
template <class F, class... Args>
void call(F f, Args... args) {
  qn_error* error = nullptr;
  if (const qn_status s = f(args..., &error); s != QN_OK) fail(s, error);
}

// threads 0 = all; kernels empty = the environment's rules.
RuntimeHandle make_runtime(unsigned threads, const std::string& kernels);

}  // namespace quern_cli
