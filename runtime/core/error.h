// The one exception type of the runtime, and how its text is built.
// It does not reach a caller: capi's guard turns it into a qn_error.
#pragma once
#include <charconv>
#include <cstdint>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
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

template <typename T>
inline constexpr bool is_text = std::is_convertible_v<const T&, std::string_view>;

template <typename T>
constexpr bool wider_than_a_byte() {
  if constexpr (std::is_integral_v<T>) return sizeof(T) > 1;
  return false;
}
template <typename T>
inline constexpr bool is_whole_number = wider_than_a_byte<T>();

template <typename T>
void append(std::string& s, const T& part) {
  if constexpr (is_text<T>) {
    s += std::string_view(part);
  } else if constexpr (is_whole_number<T>) {
    char digits[24];
    s.append(digits, std::to_chars(digits, digits + sizeof digits, part).ptr);
  } else {
    s += part;  // a char
  }
}

// Concatenates anything printable: str("[add] shapes ", a, " and ", b). Texts and whole numbers do
// without a stream: plans have thousands of them.
template <typename... T>
std::string str(const T&... parts) {
  if constexpr (((is_text<T> || is_whole_number<T> || std::is_same_v<T, char>)&&...)) {
    std::string s;
    (append(s, parts), ...);
    return s;
  } else {
    std::ostringstream s;
    s.exceptions(std::ios::badbit);  // without it a stream swallows bad_alloc, and half the text
    (s << ... << parts);
    return s.str();
  }
}

template <typename... T>
[[noreturn]] void fail_invalid(const T&... parts) {
  throw Error(QN_E_INVALID_ARGUMENT, str(parts...));
}

}  // namespace quern
