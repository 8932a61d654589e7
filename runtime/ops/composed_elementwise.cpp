// Composed element-wise ops: tests for infinities, angles, rounding to decimals, divmod, closeness.
// Each is an exact expression of other ops; none has a kernel or a gradient of its own.
#include <limits>
#include <numbers>

#include "runtime/ops/support.h"

namespace quern::composed {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// A boolean of x's shape that says the same everywhere.
Array everywhere(const Array& x, bool value) {
  return ops::broadcast_to(scalar(x.runtime(), value, DType::boolean), ints(x.shape()));
}

// x == value, for a value that only floats have.
void equals(Call& c, ArrayList& out, double value) {
  const Array& x = c.in[0];
  const bool possible = is_float(x.dtype()) || is_complex(x.dtype());
  out.push_back(possible ? ops::equal(x, constant(x, value)) : everywhere(x, false));
}

void scale(Call& c, ArrayList& out, double by) {
  const Array x = cast(c.in[0], float_of(c.in[0].dtype()));
  out.push_back(ops::multiply(x, constant(x, by)));
}

double largest(DType t) {
  switch (t) {
    case DType::f16:
      return 65504;
    case DType::bf16:
      return 0x1.FEp127;
    case DType::f64:
      return std::numeric_limits<double>::max();
    default:
      return std::numeric_limits<float>::max();
  }
}

double at_most_one(const Call& c, std::size_t attr, const char* what, double otherwise) {
  const Floats& given = c.attrs.fs(attr);
  if (given.size() > 1) {
    fail_invalid("[", c.name, "] ", given.size(), " numbers for ", what, ", expected one or none");
  }
  return given.empty() ? otherwise : given[0];
}

// The largest power of ten that an integer dtype holds has this exponent.
int digits(DType t) {
  switch (t) {
    case DType::i8:
    case DType::u8:
      return std::numeric_limits<std::uint8_t>::digits10;
    case DType::i16:
    case DType::u16:
      return std::numeric_limits<std::uint16_t>::digits10;
    case DType::i32:
    case DType::u32:
      return std::numeric_limits<std::uint32_t>::digits10;
    case DType::u64:
      return std::numeric_limits<std::uint64_t>::digits10;
    default:
      return std::numeric_limits<std::int64_t>::digits10;
  }
}

double power_of_ten(std::int64_t n) {
  double p = 1;
  for (; n > 0; --n) p *= 10;
  return p;
}

// x to the nearest multiple of 10^n, a tie to the even one, in integer arithmetic throughout.
Array round_integer(const Array& x, std::int64_t n) {
  if (n > digits(x.dtype())) return zeros_like(x);
  const Array s = constant(x, power_of_ten(n)), one = constant(x, 1);
  const Array quotient = ops::floor_divide(x, s);
  const Array below = ops::remainder(x, s), above = ops::subtract(s, below);
  const Array odd = ops::equal(ops::bitwise_and(quotient, one), one);
  const Array up =
      ops::logical_or(ops::greater(below, above), ops::logical_and(ops::equal(below, above), odd));
  return ops::multiply(ops::add(quotient, cast(up, x.dtype())), s);
}

Array both_nan(const Array& x, const Array& y) {
  return ops::logical_and(ops::isnan(x), ops::isnan(y));
}

Array close(const Call& c) {
  const DType t = float_of(promote(c.in[0].dtype(), c.in[1].dtype()));
  const Array x = cast(c.in[0], t), y = cast(c.in[1], t);
  const Array size = ops::abs(y);
  const Array room =
      ops::add(constant(size, c.attrs.f(1)), ops::multiply(constant(size, c.attrs.f(0)), size));
  const Array near = ops::less_equal(ops::abs(ops::subtract(x, y)), room);
  const Array infinite = ops::logical_or(ops::isinf(x), ops::isinf(y));
  const Array out = ops::where(infinite, ops::equal(x, y), near);
  return c.attrs.b(2) ? ops::logical_or(out, both_nan(x, y)) : out;
}

}  // namespace

void isfinite(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const bool always = !is_float(x.dtype()) && !is_complex(x.dtype());
  // False for NaN too: it is below nothing.
  const auto bounded = [](const Array& part) {
    return ops::less(ops::abs(part), constant(part, kInf));
  };
  out.push_back(always ? everywhere(x, true)
                : is_complex(x.dtype())
                    ? ops::logical_and(bounded(ops::real(x)), bounded(ops::imag(x)))
                    : bounded(x));
}

void isposinf(Call& c, ArrayList& out) { equals(c, out, kInf); }

void isneginf(Call& c, ArrayList& out) { equals(c, out, -kInf); }

void degrees(Call& c, ArrayList& out) { scale(c, out, 180 / std::numbers::pi); }

void radians(Call& c, ArrayList& out) { scale(c, out, std::numbers::pi / 180); }

void nan_to_num(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const double most = largest(x.dtype());
  const double high = at_most_one(c, 1, "posinf", most), low = at_most_one(c, 2, "neginf", -most);
  if (is_complex(x.dtype())) {
    fail_invalid("[nan_to_num] dtype ", name(x.dtype()), ": expected a real dtype");
  }
  if (!is_float(x.dtype())) {
    out.push_back(x);
    return;
  }
  const Array below = ops::where(ops::equal(x, constant(x, -kInf)), constant(x, low), x);
  const Array bounded = ops::where(ops::equal(x, constant(x, kInf)), constant(x, high), below);
  out.push_back(ops::where(ops::isnan(x), constant(x, c.attrs.f(0)), bounded));
}

void round_decimals(Call& c, ArrayList& out) {
  const Array& x = c.in[0];
  const std::int64_t n = c.attrs.i(0);
  if (n == 0) {
    out.push_back(ops::round(x));
  } else if (!is_float(x.dtype()) && !is_complex(x.dtype())) {
    const bool whole = n > 0 || x.dtype() == DType::boolean;
    out.push_back(whole ? x : round_integer(x, -n));
  } else if (n > 308 || n < -308) {
    fail_invalid("[round_decimals] decimals ", n, ", expected -308 to 308");
  } else {
    // 16-bit floats have no room for the scaled number.
    const bool narrow = x.dtype() == DType::f16 || x.dtype() == DType::bf16;
    const Array wide = narrow ? cast(x, DType::f32) : x;
    const Array s = constant(wide, power_of_ten(n < 0 ? -n : n));
    const Array rounded = n > 0 ? ops::divide(ops::round(ops::multiply(wide, s)), s)
                                : ops::multiply(ops::round(ops::divide(wide, s)), s);
    out.push_back(cast(rounded, x.dtype()));
  }
}

void divmod(Call& c, ArrayList& out) {
  out.push_back(ops::floor_divide(c.in[0], c.in[1]));
  out.push_back(ops::remainder(c.in[0], c.in[1]));
}

void logical_xor(Call& c, ArrayList& out) {
  out.push_back(ops::not_equal(cast(c.in[0], DType::boolean), cast(c.in[1], DType::boolean)));
}

void isclose(Call& c, ArrayList& out) { out.push_back(close(c)); }

void allclose(Call& c, ArrayList& out) { out.push_back(ops::all(close(c))); }

void array_equal(Call& c, ArrayList& out) {
  const Array &x = c.in[0], &y = c.in[1];
  if (x.shape() != y.shape()) {
    out.push_back(scalar(c.runtime, 0, DType::boolean));
    return;
  }
  const DType t = promote(x.dtype(), y.dtype());
  const Array a = cast(x, t), b = cast(y, t);
  const Array same = ops::equal(a, b);
  out.push_back(ops::all(c.attrs.b(0) ? ops::logical_or(same, both_nan(a, b)) : same));
}

void minmax(Call& c, ArrayList& out) {
  out.push_back(ops::min(c.in[0], c.attrs.is(0), c.attrs.b(1)));
  out.push_back(ops::max(c.in[0], c.attrs.is(0), c.attrs.b(1)));
}

}  // namespace quern::composed
