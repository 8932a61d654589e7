// Gradients of the element-wise ops, in recorded ops so that they can be differentiated again.
// No kernels here, and no walk over a graph: one op at a time. Shape rules are in elementwise.cpp.
#include <numbers>

#include "runtime/ops/support.h"

namespace quern::grad {
namespace {

// d loss / d x = f(cotangent), for an op of one input.
template <typename F>
void unary(Vjp& v, F f) {
  if (wants(v, 0)) v.set(0, f(v.cot()));
}

// The same for inputs 0 and 1, each summed over the axes along which it was repeated.
template <typename F, typename G>
void binary(Vjp& v, F f, G g) {
  if (wants(v, 0)) v.set(0, sum_to(f(v.cot()), v.in(0).shape()));
  if (wants(v, 1)) v.set(1, sum_to(g(v.cot()), v.in(1).shape()));
}

Array one_minus(const Array& x) { return ops::subtract(constant(x, 1), x); }
Array one_plus(const Array& x) { return ops::add(constant(x, 1), x); }
Array scaled(const Array& x, double by) { return ops::multiply(x, constant(x, by)); }

}  // namespace

void zero(Vjp&) {}  // an unset gradient is zero

void none(Vjp&) { throw Error(QN_E_FAILED_PRECONDITION, "[grad] this op has no gradient"); }

void identity(Vjp& v) {
  unary(v, [](const Array& g) { return g; });
}

void astype(Vjp& v) {
  unary(v, [&](const Array& g) { return cast(g, v.in(0).dtype()); });
}

void negative(Vjp& v) {
  unary(v, [](const Array& g) { return ops::negative(g); });
}

void abs(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, ops::sign(v.in(0))); });
}

void real(Vjp& v) {
  unary(v, [&](const Array& g) { return cast(g, v.in(0).dtype()); });
}

void imag(Vjp& v) {
  if (!is_complex(v.in(0).dtype())) return;
  unary(v, [&](const Array& g) { return ops::complex(constant(g, 0), g); });
}

void conjugate(Vjp& v) {
  unary(v, [](const Array& g) { return conj(g); });
}

void complex(Vjp& v) {
  binary(
      v, [](const Array& g) { return ops::real(g); }, [](const Array& g) { return ops::imag(g); });
}

void square(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, scaled(conj(v.in(0)), 2)); });
}

void sqrt(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::divide(scaled(g, 0.5), conj(v.out())); });
}

void rsqrt(Vjp& v) {
  unary(v, [&](const Array& g) {
    const Array cube = ops::multiply(v.out(), ops::square(v.out()));
    return ops::multiply(scaled(g, -0.5), conj(cube));
  });
}

void exp(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, conj(v.out())); });
}

void expm1(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, one_plus(v.out())); });
}

void log(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::divide(g, conj(v.in(0))); });
}

void log2(Vjp& v) {
  unary(v,
        [&](const Array& g) { return ops::divide(scaled(g, std::numbers::log2e), conj(v.in(0))); });
}

void log10(Vjp& v) {
  unary(v, [&](const Array& g) {
    return ops::divide(scaled(g, std::numbers::log10e), conj(v.in(0)));
  });
}

void log1p(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::divide(g, conj(one_plus(v.in(0)))); });
}

void sin(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, conj(ops::cos(v.in(0)))); });
}

void cos(Vjp& v) {
  unary(v,
        [&](const Array& g) { return ops::negative(ops::multiply(g, conj(ops::sin(v.in(0))))); });
}

void tan(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, conj(one_plus(ops::square(v.out())))); });
}

namespace {
// The conjugate of 1 / sqrt((1 - x)(1 + x)): accurate near -1 and 1, where 1 - x * x is not.
Array over_circle(const Array& x) {
  return conj(ops::rsqrt(ops::multiply(one_minus(x), one_plus(x))));
}
}  // namespace

void arcsin(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, over_circle(v.in(0))); });
}

void arccos(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::negative(ops::multiply(g, over_circle(v.in(0)))); });
}

void arctan(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::divide(g, conj(one_plus(ops::square(v.in(0))))); });
}

void sinh(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, conj(ops::cosh(v.in(0)))); });
}

void cosh(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, conj(ops::sinh(v.in(0)))); });
}

void tanh(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, conj(one_minus(ops::square(v.out())))); });
}

void arcsinh(Vjp& v) {
  unary(v, [&](const Array& g) {
    return ops::multiply(g, conj(ops::rsqrt(one_plus(ops::square(v.in(0))))));
  });
}

void arccosh(Vjp& v) {
  unary(v, [&](const Array& g) {
    const Array& x = v.in(0);
    const Array below = ops::subtract(x, constant(x, 1));
    // Two roots, not the root of the product: it is real only where the function is.
    return ops::multiply(g, conj(ops::multiply(ops::rsqrt(below), ops::rsqrt(one_plus(x)))));
  });
}

void arctanh(Vjp& v) {
  unary(v, [&](const Array& g) {
    const Array& x = v.in(0);
    return ops::divide(g, conj(ops::multiply(one_minus(x), one_plus(x))));
  });
}

void reciprocal(Vjp& v) {
  unary(v, [&](const Array& g) {
    return ops::negative(ops::multiply(g, conj(ops::square(v.out()))));
  });
}

void sigmoid(Vjp& v) {
  unary(v, [&](const Array& g) {
    return ops::multiply(g, ops::multiply(v.out(), one_minus(v.out())));
  });
}

void softplus(Vjp& v) {
  unary(v, [&](const Array& g) { return ops::multiply(g, ops::sigmoid(v.in(0))); });
}

void relu(Vjp& v) {
  unary(v, [&](const Array& g) {
    return ops::where(ops::greater(v.out(), constant(v.out(), 0)), g, constant(g, 0));
  });
}

void erf(Vjp& v) {
  unary(v, [&](const Array& g) {
    const Array bell = ops::exp(ops::negative(ops::square(v.in(0))));
    return ops::multiply(scaled(g, 2 * std::numbers::inv_sqrtpi), bell);
  });
}

void erfinv(Vjp& v) {
  unary(v, [&](const Array& g) {
    return ops::multiply(scaled(g, 0.5 / std::numbers::inv_sqrtpi), ops::exp(ops::square(v.out())));
  });
}

void add(Vjp& v) {
  binary(
      v, [](const Array& g) { return g; }, [](const Array& g) { return g; });
}

void subtract(Vjp& v) {
  binary(
      v, [](const Array& g) { return g; }, [](const Array& g) { return ops::negative(g); });
}

void multiply(Vjp& v) {
  binary(
      v, [&](const Array& g) { return ops::multiply(g, conj(v.in(1))); },
      [&](const Array& g) { return ops::multiply(g, conj(v.in(0))); });
}

void divide(Vjp& v) {
  binary(
      v, [&](const Array& g) { return ops::divide(g, conj(v.in(1))); },
      [&](const Array& g) {
        return ops::negative(ops::divide(ops::multiply(g, conj(v.out())), conj(v.in(1))));
      });
}

void remainder(Vjp& v) {
  binary(
      v, [](const Array& g) { return g; },
      [&](const Array& g) {
        return ops::negative(ops::multiply(g, ops::floor_divide(v.in(0), v.in(1))));
      });
}

void power(Vjp& v) {
  const Array& x = v.in(0);
  const Array& y = v.in(1);
  binary(
      v,
      [&](const Array& g) {
        // y * x^(y - 1), and 0 for y = 0 also at x = 0.
        const Array below = ops::subtract(y, constant(y, 1));
        const Array e = ops::where(ops::equal(y, constant(y, 0)), constant(y, 1), below);
        return ops::multiply(g, conj(ops::multiply(y, ops::power(x, e))));
      },
      [&](const Array& g) {
        // x^y * log(x), and 0 at x = 0.
        const Array base = ops::where(ops::equal(x, constant(x, 0)), constant(x, 1), x);
        return ops::multiply(g, conj(ops::multiply(v.out(), ops::log(base))));
      });
}

namespace {
// The whole gradient goes to x where `first` is true, else to y.
void select(Vjp& v, const Array& first) {
  binary(
      v, [&](const Array& g) { return ops::where(first, g, constant(g, 0)); },
      [&](const Array& g) { return ops::where(first, constant(g, 0), g); });
}
}  // namespace

void maximum(Vjp& v) { select(v, ops::greater(v.in(0), v.in(1))); }

void minimum(Vjp& v) { select(v, ops::less(v.in(0), v.in(1))); }

void arctan2(Vjp& v) {
  const Array& x = v.in(0);
  const Array& y = v.in(1);
  const Array over = ops::reciprocal(ops::add(ops::square(x), ops::square(y)));
  binary(
      v, [&](const Array& g) { return ops::multiply(g, ops::multiply(y, over)); },
      [&](const Array& g) { return ops::negative(ops::multiply(g, ops::multiply(x, over))); });
}

void logaddexp(Vjp& v) {
  const Array& x = v.in(0);
  const Array& y = v.in(1);
  // The weight of `a` in the sum; the sigmoid of a difference where there is one.
  const auto weight = [&](const Array& a, const Array& b) {
    return is_complex(a.dtype()) ? conj(ops::exp(ops::subtract(a, v.out())))
                                 : ops::sigmoid(ops::subtract(a, b));
  };
  binary(
      v, [&](const Array& g) { return ops::multiply(g, weight(x, y)); },
      [&](const Array& g) { return ops::multiply(g, weight(y, x)); });
}

void where(Vjp& v) {
  const Array& g = v.cot();
  const Array& condition = v.in(0);
  if (wants(v, 1)) {
    v.set(1, sum_to(ops::where(condition, g, constant(g, 0)), v.in(1).shape()));
  }
  if (wants(v, 2)) {
    v.set(2, sum_to(ops::where(condition, constant(g, 0), g), v.in(2).shape()));
  }
}

}  // namespace quern::grad
