// quantize, dequantize and quantized_matmul. Which integers quantize picks is in quantize_test.cpp.
#include <array>
#include <cmath>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

// Number k of a packed row, whose first word is at `row` in data.
double unpacked(const Value& w, std::size_t row, std::int64_t k, std::int64_t bits) {
  double v = 0;
  for (std::int64_t b = 0; b < bits; ++b) {
    const std::int64_t bit = k * bits + b;
    const auto word = static_cast<std::uint32_t>(w.data[row + static_cast<std::size_t>(bit / 32)]);
    if (word >> (bit % 32) & 1u) v += std::ldexp(1, static_cast<int>(b));
  }
  return v;
}

// What (w, scales, biases), beginning at in[first], stand for.
Value dequantized(const Values& in, std::size_t first, std::int64_t group, std::int64_t bits) {
  const Value &w = in[first], &scales = in[first + 1], &biases = in[first + 2];
  Shape to = w.shape;
  to.back() = to.back() * 32 / bits;
  return make(to, [&](const Shape& i) {
    Shape word = i, place_of_group = i;
    word.back() = 0;
    place_of_group.back() /= group;
    return unpacked(w, place(w.shape, word), i.back(), bits) * at(scales, place_of_group) +
           at(biases, place_of_group);
  });
}

Value product(const Value& x, const Value& w, bool transposed) {
  const std::int64_t n = transposed ? w.shape[0] : w.shape[1], inner = x.shape.back();
  Shape to = x.shape;
  to.back() = n;
  return make(to, [&](const Shape& i) {
    double sum = 0;
    Shape from = i;
    for (std::int64_t k = 0; k < inner; ++k) {
      from.back() = k;
      sum += at(x, from) * (transposed ? at(w, {i.back(), k}) : at(w, {k, i.back()}));
    }
    return sum;
  });
}

}  // namespace

Cases quantize_cases() {
  Cases cases;
  for (const std::int64_t bits : {1, 2, 3, 4, 5, 6, 8}) {
    const std::int64_t group = bits % 2 ? 32 : 64, words = 128 * bits / 32;
    const Input w{{3, words}, 0, 4294967295.0, QN_U32, false};
    const Input each{{3, 128 / group}, -1, 1};
    const std::vector<Attribute> attrs = {integer(group), integer(bits)};
    const std::string label = std::to_string(bits) + "_bits";
    cases.push_back({"dequantize",
                     label,
                     {w, each, each},
                     attrs,
                     [=](const Values& in) { return dequantized(in, 0, group, bits); },
                     kFloats});
    if (bits != 3 && bits != 4) continue;
    for (const bool transposed : {true, false}) {
      cases.push_back({"quantized_matmul",
                       label + (transposed ? "" : "_plain"),
                       {{{2, 4, transposed ? 128 : 3}}, w, each, each},
                       {integer(group), integer(bits), integer(transposed)},
                       [=](const Values& in) {
                         return product(in[0], dequantized(in, 1, group, bits), transposed);
                       },
                       {QN_F32, QN_F64},
                       Result::same,
                       true,
                       8});
    }
  }
  // One row and several, words that do not fill a vector, groups of a few words and of many.
  for (const auto& [bits, group, rows, inner] :
       {std::array<std::int64_t, 4>{4, 32, 1, 160}, std::array<std::int64_t, 4>{8, 128, 3, 256},
        std::array<std::int64_t, 4>{2, 64, 7, 192}, std::array<std::int64_t, 4>{1, 32, 2, 96}}) {
    const Input w{{5, inner * bits / 32}, 0, 4294967295.0, QN_U32, false};
    const Input each{{5, inner / group}, -1, 1};
    cases.push_back({"quantized_matmul",
                     std::to_string(rows) + "_rows_" + std::to_string(bits) + "_bits",
                     {{{rows, inner}}, w, each, each},
                     {integer(group), integer(bits), integer(1)},
                     [group = group, bits = bits](const Values& in) {
                       return product(in[0], dequantized(in, 1, group, bits), true);
                     },
                     {QN_F32},
                     Result::same,
                     false,
                     8});
  }
  cases.push_back({"dequantize",
                   "empty",
                   {{{0, 16}, 0, 1, QN_U32, false}, {{0, 2}}, {{0, 2}}},
                   {},
                   [](const Values&) {
                     return Value{{0, 128}, {}};
                   },
                   kFloats});
  return cases;
}

}  // namespace quern::test
