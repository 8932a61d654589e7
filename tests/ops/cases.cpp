// Rows of the tables: their inputs' values, and whether a result is near enough.
// Running them is ops_test.cpp's.
#include <cmath>
#include <sstream>

#include "tests/ops/harness.h"

namespace quern::test {

Input index_input(Shape shape, std::int64_t low, std::int64_t high) {
  return {std::move(shape), static_cast<double>(low), static_cast<double>(high), QN_I32, false};
}

qn_dtype input_dtype(const Case& c, std::size_t i, qn_dtype t) {
  return c.in[i].dtype ? c.in[i].dtype : t;
}

Values input_values(const Case& c, qn_dtype t, Form form) {
  Values values;
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    const Input& in = c.in[i];
    const qn_dtype type = input_dtype(c, i, t);
    const bool complex = type == QN_C64, whole = !is_float(type) && !complex;
    const double low = in.low < 0 && (type & 0xffu) == 1 ? 0 : in.low;  // unsigned
    Value v{in.shape, {}};
    std::int64_t n = 1;
    for (std::int64_t d : in.shape) n *= d;
    for (std::int64_t k = 0; k < n; ++k) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const double unit = static_cast<double>(state >> 11) * 0x1p-53;
      double x =
          whole ? std::floor(low + unit * (in.high - low + 1)) : low + unit * (in.high - low);
      if (type == QN_BOOL) x = unit < 0.5;
      if (!in.data.empty()) x = in.data[static_cast<std::size_t>(k) % in.data.size()];
      v.data.push_back(rounded(x, type));
    }
    if (complex) {
      for (std::int64_t k = 0; k < n; ++k) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const double unit = static_cast<double>(state >> 11) * 0x1p-53;
        v.imag.push_back(rounded(in.low + unit * (in.high - in.low), type));
      }
    }
    if (form == Form::repeated && !in.shape.empty() && in.shape[0] > 1) {
      const std::size_t row = v.data.size() / static_cast<std::size_t>(in.shape[0]);
      for (auto* part : {&v.data, &v.imag})
        for (std::size_t k = row; k < part->size(); ++k) (*part)[k] = (*part)[k - row];
    }
    values.push_back(std::move(v));
  }
  if (c.prepare) c.prepare(values);
  return values;
}

Value expected(const Case& c, const Values& values) {
  bool complex = false;
  for (const Value& v : values) complex = complex || !v.imag.empty();
  if (!complex || !c.by_parts) return c.reference(values);
  Values real = values, imag = values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    real[i].imag.clear();
    if (!imag[i].imag.empty()) imag[i].data.swap(imag[i].imag);
    imag[i].imag.clear();
  }
  Value out = c.reference(real);
  out.imag = c.reference(imag).data;
  return out;
}

namespace {

double dtype_tolerance(qn_dtype t) {
  switch (t) {
    case QN_F64:
      return 1e-11;
    case QN_F32:
    case QN_C64:
      return 1e-5;
    case QN_F16:
      return 2e-3;
    case QN_BF16:
      return 1.6e-2;
    default:
      return 0;  // integers and bool are exact
  }
}

}  // namespace

std::string difference(const Value& got, const Value& reference, qn_dtype t, double factor) {
  Value want = reference;
  // References of empty inputs do not know that they are complex.
  if (want.imag.empty()) want.imag.assign(got.imag.size(), 0);
  std::ostringstream out;
  const auto print = [&](const Shape& s) {
    out << "(";
    for (std::int64_t d : s) out << d << ",";
    out << ")";
  };
  if (got.shape != want.shape) {
    out << "shape ";
    print(got.shape);
    out << ", expected ";
    print(want.shape);
    return out.str();
  }
  if (got.imag.size() != want.imag.size()) return "real, expected complex";
  double squares = 0, finite = 0;
  for (const auto* part : {&want.data, &want.imag}) {
    for (double w : *part) {
      if (!std::isfinite(w)) continue;
      squares += w * w;
      ++finite;
    }
  }
  const double rms = finite > 0 ? std::sqrt(squares / finite) : 0,
               tolerance = factor * dtype_tolerance(t);
  for (std::size_t k = 0; k < want.data.size() + want.imag.size(); ++k) {
    const bool real = k < want.data.size();
    const std::size_t i = real ? k : k - want.data.size();
    const double g = real ? got.data[i] : got.imag[i], w = real ? want.data[i] : want.imag[i];
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    if (std::abs(g - w) <= tolerance * (std::abs(w) + rms)) continue;
    out.precision(17);
    out << (real ? "element " : "imaginary part of element ") << i << " is " << g << ", expected "
        << w;
    return out.str();
  }
  return {};
}

}  // namespace quern::test
