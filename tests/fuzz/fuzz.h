// Shared by the fuzz harnesses: an input as a stream of choices, one small runtime for all runs,
// and the contract that every call must keep. A broken contract ends the process, as a crash would.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "quern/quern.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

// Choices made by the input's bytes; zeros behind its end.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : p_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *p_++;
  }
  std::uint32_t below(std::uint32_t n) { return n < 2 ? 0 : (n <= 256 ? byte() : word()) % n; }
  bool one_in(std::uint32_t n) { return below(n) == n - 1; }
  std::uint32_t word() { return byte() | std::uint32_t{byte()} << 8; }
  std::uint64_t raw() {
    std::uint64_t v = 0;
    for (int i = 0; i < 8; ++i) v = v << 8 | byte();
    return v;
  }
  // Mostly small numbers; also those around the powers of two where sizes overflow.
  std::int64_t integer();
  double number();
  qn_dtype dtype();
  std::string text(std::size_t most);

 private:
  const std::uint8_t* p_;
  std::size_t left_;
};

// Built-in kernels, one thread, 16 MiB at most. Lives as long as the process.
qn_runtime* runtime();

[[noreturn]] inline void broken(const char* what, const char* detail = "") {
  std::fprintf(stderr, "contract broken: %s %s\n", what, detail);
  std::abort();
}

// Of a call with status s, given error e: frees e. Returns whether the call worked.
inline bool worked(qn_status s,
                   qn_error*& e) {  // a reference: the call that sets e stands beside it
  if (s == QN_OK) {
    if (e) broken("an error beside QN_OK:", qn_error_message(e));
    return true;
  }
  if (!e) broken("a failure without an error");
  if (qn_error_code(e) != s) broken("the error has another code");
  const char* text = qn_error_message(e);
  if (std::strlen(text) < 8 || text[0] != '[') broken("a poor text:", text);
  if (s == QN_E_INTERNAL || s == QN_E_UNKNOWN) broken("an internal error:", text);
  qn_error_free(e);
  return false;
}

// The bytes as a file that has a path; the same file for all runs.
const char* as_file(const std::uint8_t* data, std::size_t size);

}  // namespace fuzz
