// The one exception type of the runtime, and how its text is built.
// It does not reach a caller: capi's guard turns it into a qn_error.
#pragma once
#include <cstdint>
#include <exception>
#include <sstream>
#include <string>
#include <utility>

#include "quern/base.h"

namespace quern {

class Error : public std::exception {
 public:
  Error(qn_status code, std::string text) : code_(code), text_(std::move(text)) {}
  qn_status code() const noexcept { return code_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  qn_status code_;
  std::string text_;
};

// Concatenates anything printable: str("[add] shapes ", a, " and ", b).
template <typename... T>
std::string str(const T&... parts) {
  std::ostringstream s;
  s.exceptions(std::ios::badbit);  // without it a stream swallows bad_alloc, and half the text
  (s << ... << parts);
  return s.str();
}

template <typename... T>
[[noreturn]] void fail_invalid(const T&... parts) {
  throw Error(QN_E_INVALID_ARGUMENT, str(parts...));
}

}  // namespace quern
