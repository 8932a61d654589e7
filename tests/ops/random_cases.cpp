// Random numbers: the bits of threefry2x32 for a key, and the distributions made of them.
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

struct Words {
  std::uint32_t a, b;
};

std::uint32_t rotated(std::uint32_t x, unsigned by) { return x << by | x >> (32 - by); }

// Salmon and others 2011, with 20 rounds.
Words threefry2x32(Words key, Words counter) {
  const unsigned rotations[] = {13, 15, 26, 6, 17, 29, 16, 24};
  const std::uint32_t keys[] = {key.a, key.b, key.a ^ key.b ^ 0x1BD11BDAu};
  Words x = {counter.a + key.a, counter.b + key.b};
  for (unsigned round = 0; round < 20; ++round) {
    x.a += x.b;
    x.b = rotated(x.b, rotations[round % 8]) ^ x.a;
    if (round % 4 != 3) continue;
    const unsigned group = round / 4 + 1;
    x.a += keys[group % 3];
    x.b += keys[(group + 1) % 3] + group;
  }
  return x;
}

// n bytes: the two words of counter (i, upper + i) go to places i and upper + i; a middle word is
// alone.
std::vector<std::uint8_t> random_bytes(const Value& key, std::size_t n) {
  const Words k = {static_cast<std::uint32_t>(key.data[0]),
                   static_cast<std::uint32_t>(key.data[1])};
  const auto words = static_cast<std::uint32_t>((n + 3) / 4), half = words / 2,
             upper = words - half;
  std::vector<std::uint32_t> out(words);
  for (std::uint32_t i = 0; i < half; ++i) {
    const Words w = threefry2x32(k, {i, upper + i});
    out[i] = w.a;
    out[upper + i] = w.b;
  }
  if (upper > half) out[half] = threefry2x32(k, {half, 0}).a;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < n; ++i)
    bytes.push_back(static_cast<std::uint8_t>(out[i / 4] >> 8 * (i % 4)));
  return bytes;
}

Value bits(const Value& key, const Shape& shape, std::size_t width) {
  const std::vector<std::uint8_t> bytes =
      random_bytes(key, static_cast<std::size_t>(count(shape)) * width);
  std::size_t next = 0;
  return make(shape, [&](const Shape&) {
    double v = 0;
    for (std::size_t k = 0; k < width; ++k) v += std::ldexp(bytes[next++], static_cast<int>(8 * k));
    return v;
  });
}

Value uniform(const Value& key, const Shape& shape) {
  Value v = bits(key, shape, 4);
  for (double& d : v.data) d = std::ldexp(d, -32);
  return v;
}

// The x for which half of (1 + erf(x / sqrt(2))) is p, by bisection.
double normal_quantile(double p) {
  double low = -9, high = 9;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

Input key_input(double a, double b) { return {{2}, 0, 0, QN_U32, false, {a, b}}; }

}  // namespace

Cases random_cases() {
  Cases cases;
  struct Key {
    const char* label;
    double a, b;
  };
  for (const Key& k :
       {Key{"zero", 0, 0}, Key{"seven", 0, 7}, Key{"large", 4294967295.0, 123456789}}) {
    for (const Shape& s : {Shape{4}, Shape{3, 5}, Shape{1}, Shape{0}, Shape{}, Shape{7, 11}}) {
      for (std::size_t width : {1u, 2u, 4u}) {
        const qn_dtype t = width == 1 ? QN_U8 : width == 2 ? QN_U16 : QN_U32;
        Case c{"random_bits",
               std::string(k.label) + "_" + label(s) + "_" + std::to_string(width),
               {key_input(k.a, k.b)},
               {ints(s), integer(static_cast<std::int64_t>(width))},
               [s, width](const Values& in) { return bits(in[0], s, width); },
               {t}};
        cases.push_back(c);
      }
    }
  }
  // Published values: what JAX and MLX give for key 0.
  cases.push_back({"random_split",
                   "known",
                   {key_input(0, 0)},
                   {},
                   [](const Values&) {
                     return Value{{2, 2}, {4146024105.0, 967050713.0, 2718843009.0, 1272950319.0}};
                   },
                   {QN_U32}});
  cases.push_back({"random_uniform",
                   "range",
                   {key_input(0, 3), {{}, -1, -1, QN_F32, false}, {{}, 3, 3, QN_F32, false}},
                   {ints({5, 9}), dtype(QN_F32)},
                   [](const Values& in) {
                     Value v = uniform(in[0], {5, 9});
                     for (double& d : v.data) d = 4 * d - 1;
                     return v;
                   },
                   {QN_F32},
                   Result::same,
                   false});
  cases.push_back({"random_normal",
                   "standard",
                   {key_input(0, 5), {{}, 0, 0, QN_F32, false}, {{}, 1, 1, QN_F32, false}},
                   {ints({5, 9}), dtype(QN_F32)},
                   [](const Values& in) {
                     Value v = uniform(in[0], {5, 9});
                     for (double& d : v.data) d = normal_quantile(d);
                     return v;
                   },
                   {QN_F32},
                   Result::same,
                   false,
                   20});
  cases.push_back({"random_bernoulli",
                   "third",
                   {key_input(0, 9), {{}, 0.3, 0.3, QN_F32, false}},
                   {ints({5, 9})},
                   [](const Values& in) {
                     Value v = uniform(in[0], {5, 9});
                     for (double& d : v.data) d = d < in[1].data[0] ? 1 : 0;
                     return v;
                   },
                   {QN_BOOL},
                   Result::same,
                   false});
  return cases;
}

}  // namespace quern::test
