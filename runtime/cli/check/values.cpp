// Encoding of random numbers.
#include "runtime/cli/check/values.h"

#include <cmath>
#include <cstring>

namespace quern_cli::check {
namespace {

template <class T>
void put(unsigned char* p, double v) {
  const T t = static_cast<T>(v);
  std::memcpy(p, &t, sizeof t);
}

// Normal numbers below 2^16 in size, rounded toward zero: which neighbour is taken matters to no
// test.
std::uint16_t to_half(double v) {
  const std::uint16_t sign = std::signbit(v) ? 0x8000 : 0;
  v = std::abs(v);
  if (v < 0x1p-14) return sign;
  int exponent = 0;
  const double fraction = std::frexp(v, &exponent);  // [0.5, 1)
  return static_cast<std::uint16_t>(sign | static_cast<unsigned>(exponent + 14) << 10 |
                                    (static_cast<unsigned>(fraction * 2048) & 1023u));
}

void encode(unsigned char* p, qn_dtype t, double v) {
  switch (t) {
    case QN_BOOL:
      return put<std::uint8_t>(p, v > 0);
    case QN_U8:
      return put<std::uint8_t>(p, std::abs(v));
    case QN_U16:
      return put<std::uint16_t>(p, std::abs(v));
    case QN_U32:
      return put<std::uint32_t>(p, std::abs(v));
    case QN_U64:
      return put<std::uint64_t>(p, std::abs(v));
    case QN_I8:
      return put<std::int8_t>(p, v);
    case QN_I16:
      return put<std::int16_t>(p, v);
    case QN_I32:
      return put<std::int32_t>(p, v);
    case QN_I64:
      return put<std::int64_t>(p, v);
    case QN_F16:
      return put<std::uint16_t>(p, to_half(v));
    case QN_BF16: {
      const float f = static_cast<float>(v);
      std::uint32_t u;
      std::memcpy(&u, &f, sizeof u);
      const auto h = static_cast<std::uint16_t>(u >> 16);
      std::memcpy(p, &h, sizeof h);
      return;
    }
    case QN_F64:
      return put<double>(p, v);
    default:
      return put<float>(p, v);
  }
}

}  // namespace

std::uint64_t Draw::next() {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

Bytes random_values(const Meta& m, std::uint64_t seed, double low, double high) {
  Bytes b(m.bytes());
  Draw draw{seed};
  const uint32_t item = itemsize(m.dtype);
  const bool real = m.dtype == QN_F16 || m.dtype == QN_BF16 || m.dtype == QN_F32 ||
                    m.dtype == QN_F64 || m.dtype == QN_C64;
  for (std::size_t at = 0; at < b.size(); at += item) {
    const double v = low + (high - low) * draw.unit();
    encode(b.data() + at, m.dtype, real ? v : std::round(v));
    if (m.dtype == QN_C64) encode(b.data() + at + 4, QN_F32, low + (high - low) * draw.unit());
  }
  return b;
}

}  // namespace quern_cli::check
