// Comparison of results, and the numbers behind the dtypes.
#include "runtime/cli/check/compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace quern_cli::check {
namespace {

template <class T>
double as(const unsigned char* p) {
  T t;
  std::memcpy(&t, p, sizeof t);
  return static_cast<double>(t);
}

double half(std::uint16_t h) {
  const int exponent = h >> 10 & 31;
  const double fraction = h & 1023;
  const double v = exponent == 0    ? std::ldexp(fraction, -24)
                   : exponent == 31 ? (fraction != 0 ? std::nan("") : INFINITY)
                                    : std::ldexp(fraction + 1024, exponent - 25);
  return h >> 15 ? -v : v;
}

double tolerance_of(qn_dtype t) {
  switch (t) {
    case QN_F16:
      return 4e-3;
    case QN_BF16:
      return 3e-2;
    case QN_F64:
      return 1e-11;
    default:
      return 5e-5;
  }
}

bool floating(qn_dtype t) {
  return t == QN_F16 || t == QN_BF16 || t == QN_F32 || t == QN_F64 || t == QN_C64;
}

std::string number(double v) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", v);
  return text;
}

}  // namespace

double element(const Bytes& b, qn_dtype t, std::size_t i, int part) {
  const unsigned char* p = b.data() + i * itemsize(t);
  switch (t) {
    case QN_BOOL:
    case QN_U8:
      return as<std::uint8_t>(p);
    case QN_U16:
      return as<std::uint16_t>(p);
    case QN_U32:
      return as<std::uint32_t>(p);
    case QN_U64:
      return as<std::uint64_t>(p);
    case QN_I8:
      return as<std::int8_t>(p);
    case QN_I16:
      return as<std::int16_t>(p);
    case QN_I32:
      return as<std::int32_t>(p);
    case QN_I64:
      return as<std::int64_t>(p);
    case QN_F16: {
      std::uint16_t h;
      std::memcpy(&h, p, sizeof h);
      return half(h);
    }
    case QN_BF16: {
      std::uint16_t h;
      std::memcpy(&h, p, sizeof h);
      const std::uint32_t u = std::uint32_t{h} << 16;
      float f;
      std::memcpy(&f, &u, sizeof f);
      return static_cast<double>(f);
    }
    case QN_F64:
      return as<double>(p);
    case QN_C64:
      return as<float>(p + 4 * part);
    default:
      return as<float>(p);
  }
}

double tolerance_of(const Problem& p) {
  double t = 0;
  for (const auto* list : {&p.in, &p.out})
    for (const Meta& m : *list)
      if (floating(m.dtype)) t = std::max(t, tolerance_of(m.dtype));
  for (const qn_inst& i : p.program.inst)
    if (floating(i.dtype)) t = std::max(t, tolerance_of(i.dtype));
  return t;
}

namespace {

// The largest magnitude among the floating inputs; infinite when one is not finite.
double largest_input(const Problem& p) {
  double most = 0;
  for (std::size_t i = 0; i < p.in.size(); ++i) {
    const qn_dtype t = p.in[i].dtype;
    if (!floating(t)) continue;
    const std::size_t n = p.values[i].size() / itemsize(t);
    for (std::size_t k = 0; k < n; ++k)
      for (int part = 0; part < (t == QN_C64 ? 2 : 1); ++part) {
        const double v = std::abs(element(p.values[i], t, k, part));
        most = std::isfinite(v) ? std::max(most, v) : INFINITY;
      }
  }
  return most;
}

}  // namespace

double floor_of(const Problem& p) {
  const double most = largest_input(p);
  int64_t in = 1, out = 1;
  for (const Meta& m : p.in) in = std::max(in, m.count());
  for (const Meta& m : p.out) out = std::max(out, m.count());
  const double terms = static_cast<double>(in) / static_cast<double>(out);
  return std::isfinite(most) ? most / 100 * std::sqrt(std::max(1.0, terms)) : 0;
}

bool tame(const Problem& p) { return largest_input(p) < 1e6; }

Difference compare(const Bytes& got, const Bytes& want, qn_dtype t, double tolerance,
                   double floor) {
  if (got.size() != want.size()) return {false, "another number of bytes"};
  const std::size_t n = got.size() / std::max(1u, itemsize(t));
  if (!floating(t)) {
    for (std::size_t i = 0; i < n; ++i)
      if (std::memcmp(got.data() + i * itemsize(t), want.data() + i * itemsize(t), itemsize(t)) !=
          0)
        return {false, "element " + std::to_string(i) + " is " + number(element(got, t, i)) +
                           ", expected " + number(element(want, t, i))};
    return {};
  }
  const int parts = t == QN_C64 ? 2 : 1;
  double squares = 0, counted = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (int k = 0; k < parts; ++k)
      if (const double w = element(want, t, i, k); std::isfinite(w)) squares += w * w, ++counted;
  const double rms = counted > 0 ? std::sqrt(squares / counted) : 0;
  double worst = 0;
  std::size_t where = 0;
  int which = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (int k = 0; k < parts; ++k) {
      const double g = element(got, t, i, k), w = element(want, t, i, k);
      if (g == w || (std::isnan(g) && std::isnan(w))) continue;
      const double scale = std::abs(w) + rms + floor;
      double e =
          std::isfinite(g) && std::isfinite(w) && scale > 0 ? std::abs(g - w) / scale : INFINITY;
      if (scale < 1e-30 && std::abs(g) < 1e-30) e = 0;  // denormals, which may round away
      if (e > worst) worst = e, where = i, which = k;
    }
  if (worst <= tolerance) return {};
  return {false, "element " + std::to_string(where) + " is " +
                     number(element(got, t, where, which)) + ", expected " +
                     number(element(want, t, where, which)) + " (error " + number(worst) + " of " +
                     number(tolerance) + ")"};
}

}  // namespace quern_cli::check
