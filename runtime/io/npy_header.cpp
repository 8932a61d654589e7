// The dictionary in an npy file: a reader of exactly the literals that NumPy writes there, with any
// spacing, order and quotes. Nothing is evaluated.
#include "runtime/io/npy_header.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "runtime/core/error.h"

namespace quern {
namespace {

struct Descr {
  std::string_view kind;  // without the byte order
  DType dtype;
};
// V2 is how bfloat16 is written by MLX: NumPy has no name for it.
constexpr Descr kDescrs[] = {
    {"b1", DType::boolean}, {"u1", DType::u8},  {"u2", DType::u16},  {"u4", DType::u32},
    {"u8", DType::u64},     {"i1", DType::i8},  {"i2", DType::i16},  {"i4", DType::i32},
    {"i8", DType::i64},     {"f2", DType::f16}, {"V2", DType::bf16}, {"f4", DType::f32},
    {"f8", DType::f64},     {"c8", DType::c64},
};
constexpr std::size_t kMaxNdim = 64;

class Parser {
 public:
  Parser(const std::string& where, std::string_view text) : where_(where), text_(text) {}

  NpyHeader parse() {
    NpyHeader h;
    unsigned seen = 0;
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      unsigned bit = 0;
      if (key == "descr") {
        bit = 1;
        descr(h);
      } else if (key == "fortran_order") {
        bit = 2;
        h.fortran_order = truth();
      } else if (key == "shape") {
        bit = 4;
        shape(h.shape);
      } else {
        fail("the member '", key, "' is not known");
      }
      if (seen & bit) fail("the member '", key, "' occurs twice");
      seen |= bit;
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (seen != 7) fail("descr, fortran_order or shape is missing");
    skip();
    if (at_ != text_.size()) fail("text behind the dictionary");
    return h;
  }

 private:
  template <typename... T>
  [[noreturn]] void fail(const T&... what) const {
    throw Error(QN_E_DATA_LOSS, str(where_, "header: ", what..., " (at byte ", at_, ")"));
  }
  void skip() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("'", c, "' expected");
  }
  std::string_view quoted() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail("text without an end");
    const std::string_view s = text_.substr(at_, end - at_);
    for (char c : s)
      if (c < 0x20 || c > 0x7e) fail("text that is not plain ASCII");
    at_ = end + 1;
    return s;
  }
  bool word(std::string_view w) {
    skip();
    if (!text_.substr(at_).starts_with(w)) return false;
    at_ += w.size();
    return true;
  }
  bool truth() {
    if (word("True")) return true;
    if (!word("False")) fail("True or False expected");
    return false;
  }
  void descr(NpyHeader& h) {
    skip();
    if (at_ < text_.size() && text_[at_] == '[')
      throw Error(QN_E_UNIMPLEMENTED,
                  where_ + "records are not supported, expected one number type");
    const std::string_view s = quoted();
    std::string_view kind = s;
    if (!kind.empty() && std::string_view("<>|=").find(kind[0]) != std::string_view::npos) {
      h.big_endian = kind[0] == '>';
      kind.remove_prefix(1);
    }
    for (const Descr& d : kDescrs) {
      if (d.kind != kind) continue;
      h.dtype = d.dtype;
      return;
    }
    throw Error(QN_E_UNIMPLEMENTED, str(where_, "dtype '", s,
                                        "' is not supported, expected bool, integers, f2, f4, f8, ",
                                        "c8 or V2 (bfloat16)"));
  }
  std::int64_t number() {
    skip();
    std::int64_t v = 0;
    const std::size_t start = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, text_[at_] - '0', &v))
        fail("a size beyond 2^63");
    if (at_ == start) fail("a size expected");
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // written by Python 2
    return v;
  }
  void shape(Shape& out) {
    expect('(');
    while (!take(')')) {
      if (out.size() == kMaxNdim) fail("more than ", kMaxNdim, " axes");
      out.push_back(number());
      if (!take(',')) {
        expect(')');
        if (out.size() == 1) fail("a tuple of one needs a comma");
        return;
      }
    }
  }

  const std::string& where_;
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(const std::string& where, std::string_view text) {
  return Parser(where, text).parse();
}

std::string npy_descr(DType t) {
  const auto* d = std::find_if(std::begin(kDescrs), std::end(kDescrs),
                               [&](const Descr& known) { return known.dtype == t; });
  return str(itemsize(t) == 1 ? '|' : '<', d->kind);
}

}  // namespace quern
