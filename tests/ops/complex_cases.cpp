// Complex numbers: every function on c64 against std::complex in f64, with the gradient
// dL/dRe + i dL/dIm; promotion, conversions, order. Ops that treat parts alike have c64 in the
// tables of their own families.
#include <cmath>
#include <complex>
#include <limits>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

using Complex = std::complex<double>;

const Dtypes kC64 = {QN_C64};

Complex at_place(const Value& v, std::size_t i) {
  return {v.data[i], v.imag.empty() ? 0.0 : v.imag[i]};
}

void push(Value& v, const Complex& z) {
  v.data.push_back(z.real());
  v.imag.push_back(z.imag());
}

Reference of_one(Complex (*f)(const Complex&)) {
  return [f](const Values& in) {
    Value v{in[0].shape, {}};
    for (std::size_t i = 0; i < in[0].data.size(); ++i) push(v, f(at_place(in[0], i)));
    return v;
  };
}

Reference part_of_one(double (*f)(const Complex&)) {
  return [f](const Values& in) {
    Value v{in[0].shape, {}};
    for (std::size_t i = 0; i < in[0].data.size(); ++i) v.data.push_back(f(at_place(in[0], i)));
    return v;
  };
}

// The offset of the element at `index` in v, which broadcasts.
Complex broadcast_complex(const Value& v, const Shape& index) {
  Value imag{v.shape, v.imag};
  return {broadcast_at(v, index), v.imag.empty() ? 0 : broadcast_at(imag, index)};
}

Reference of_two(Complex (*f)(const Complex&, const Complex&)) {
  return [f](const Values& in) {
    Value v{broadcast(in[0].shape, in[1].shape), {}};
    for_each_index(v.shape, [&](const Shape& i) {
      push(v, f(broadcast_complex(in[0], i), broadcast_complex(in[1], i)));
    });
    return v;
  };
}

Reference test_of_two(bool (*f)(const Complex&, const Complex&)) {
  return [f](const Values& in) {
    return make(broadcast(in[0].shape, in[1].shape), [&](const Shape& i) {
      return f(broadcast_complex(in[0], i), broadcast_complex(in[1], i)) ? 1.0 : 0.0;
    });
  };
}

bool less(const Complex& x, const Complex& y) {
  return x.real() != y.real() ? x.real() < y.real() : x.imag() < y.imag();
}

void add(Cases& cases, Case c) {
  c.by_parts = false;
  cases.push_back(std::move(c));
}

struct Unary {
  const char* op;
  Complex (*f)(const Complex&);
  double low = -2, high = 2;
  double tolerance = 1;
};

const Unary kUnary[] = {
    {"negative", [](const Complex& z) { return -z; }},
    {"conjugate", [](const Complex& z) { return std::conj(z); }},
    {"square", [](const Complex& z) { return z * z; }},
    {"sqrt", [](const Complex& z) { return std::sqrt(z); }},
    {"rsqrt", [](const Complex& z) { return 1.0 / std::sqrt(z); }, 0.3, 2},
    {"exp", [](const Complex& z) { return std::exp(z); }},
    {"log", [](const Complex& z) { return std::log(z); }},
    {"log2", [](const Complex& z) { return std::log(z) / std::log(2.0); }},
    {"log10", [](const Complex& z) { return std::log10(z); }},
    {"log1p", [](const Complex& z) { return std::log(1.0 + z); }, 0.1, 2},
    {"sin", [](const Complex& z) { return std::sin(z); }},
    {"cos", [](const Complex& z) { return std::cos(z); }},
    {"tan", [](const Complex& z) { return std::tan(z); }, 0.2, 1.2},
    {"arcsin", [](const Complex& z) { return std::asin(z); }},
    {"arccos", [](const Complex& z) { return std::acos(z); }},
    {"arctan", [](const Complex& z) { return std::atan(z); }, -0.9, 0.9},
    {"sinh", [](const Complex& z) { return std::sinh(z); }},
    {"cosh", [](const Complex& z) { return std::cosh(z); }},
    {"tanh", [](const Complex& z) { return std::tanh(z); }, 0.2, 1.2},
    {"arcsinh", [](const Complex& z) { return std::asinh(z); }},
    {"arccosh", [](const Complex& z) { return std::acosh(z); }},
    {"arctanh", [](const Complex& z) { return std::atanh(z); }, -0.9, 0.9},
    {"reciprocal", [](const Complex& z) { return 1.0 / z; }, 0.4, 2},
    {"degrees", [](const Complex& z) { return z * (180 / M_PI); }},
    {"radians", [](const Complex& z) { return z * (M_PI / 180); }},
};

struct Binary {
  const char* op;
  Complex (*f)(const Complex&, const Complex&);
  double low = -2, high = 2;
};

const Binary kBinary[] = {
    {"add", [](const Complex& x, const Complex& y) { return x + y; }},
    {"subtract", [](const Complex& x, const Complex& y) { return x - y; }},
    {"multiply", [](const Complex& x, const Complex& y) { return x * y; }},
    {"divide", [](const Complex& x, const Complex& y) { return x / y; }, 0.4, 2},
    {"power", [](const Complex& x, const Complex& y) { return std::exp(y * std::log(x)); }, 0.3,
     1.8},
    {"logaddexp",
     [](const Complex& x, const Complex& y) { return std::log(std::exp(x) + std::exp(y)); }, -1, 1},
    {"maximum", [](const Complex& x, const Complex& y) { return less(x, y) ? y : x; }},
    {"minimum", [](const Complex& x, const Complex& y) { return less(y, x) ? y : x; }},
};

void add_functions(Cases& cases) {
  for (const Unary& u : kUnary) {
    for (const Shape& s : {Shape{2, 3, 4}, Shape{}, Shape{3, 67}, Shape{0, 3}}) {
      add(cases, {u.op,
                  label(s) + "_c64",
                  {{s, u.low, u.high}},
                  {},
                  of_one(u.f),
                  kC64,
                  Result::same,
                  count(s) < 30,
                  u.tolerance});
    }
  }
  for (const Binary& b : kBinary) {
    for (const auto& [x, y] : {std::pair{Shape{2, 3, 4}, Shape{2, 3, 4}},
                               {{3, 1}, {1, 4}},
                               {{}, {2, 3}},
                               {{5, 33}, {5, 1}},
                               {{0, 3}, {1, 3}}}) {
      add(cases, {b.op,
                  label(x) + "_" + label(y) + "_c64",
                  {{x, b.low, b.high}, {y, b.low, b.high}},
                  {},
                  of_two(b.f),
                  kC64,
                  Result::same,
                  count(x) < 30});
    }
  }
  add(cases, {"sign",
              "c64",
              {{{3, 5}}},
              {},
              of_one([](const Complex& z) { return z / std::abs(z); }),
              kC64,
              Result::same,
              false});
  add(cases, {"round",
              "c64",
              {{{3, 5}, -5, 5}},
              {},
              of_one([](const Complex& z) {
                return Complex(std::nearbyint(z.real()), std::nearbyint(z.imag()));
              }),
              kC64,
              Result::same,
              false});
}

void add_parts(Cases& cases) {
  for (const Shape& s : {Shape{2, 3, 4}, Shape{}, Shape{0, 3}}) {
    add(cases, {"abs",
                label(s) + "_c64",
                {{s, 0.1, 5}},
                {},
                part_of_one([](const Complex& z) { return std::abs(z); }),
                kC64,
                Result::part});
    Dtypes any = kAny;
    add(cases, {"real",
                label(s),
                {{s}},
                {},
                part_of_one([](const Complex& z) { return z.real(); }),
                any,
                Result::part});
    add(cases, {"imag",
                label(s),
                {{s}},
                {},
                part_of_one([](const Complex& z) { return z.imag(); }),
                any,
                Result::part});
    cases.push_back({"conjugate", label(s), {{s}}, {}, map1([](double x) { return x; }), kAll});
  }
  for (const auto& [x, y] : {std::pair{Shape{2, 3, 4}, Shape{2, 3, 4}}, {{3, 1}, {4}}, {{}, {}}}) {
    add(cases,
        {"complex",
         label(x) + "_" + label(y),
         {{x}, {y}},
         {},
         of_two([](const Complex& a, const Complex& b) { return Complex(a.real(), b.real()); }),
         kNumbers,
         Result::complex});
  }
}

void add_tests(Cases& cases) {
  struct Test {
    const char* op;
    bool (*f)(const Complex&, const Complex&);
  };
  const Test tests[] = {
      {"equal", [](const Complex& x, const Complex& y) { return x == y; }},
      {"not_equal", [](const Complex& x, const Complex& y) { return x != y; }},
      {"less", [](const Complex& x, const Complex& y) { return less(x, y); }},
      {"less_equal", [](const Complex& x, const Complex& y) { return !less(y, x); }},
      {"greater", [](const Complex& x, const Complex& y) { return less(y, x); }},
      {"greater_equal", [](const Complex& x, const Complex& y) { return !less(x, y); }},
      {"logical_and", [](const Complex& x, const Complex& y) { return x != 0.0 && y != 0.0; }},
      {"logical_xor", [](const Complex& x, const Complex& y) { return (x != 0.0) != (y != 0.0); }},
  };
  // Whole parts, so that some are equal.
  const auto whole = [](Values& in) {
    for (Value& v : in) {
      for (double& x : v.data) x = std::nearbyint(x);
      for (double& x : v.imag) x = std::nearbyint(x);
    }
  };
  for (const Test& t : tests) {
    add(cases, {t.op,
                "c64",
                {{{5, 33}, -1, 1}, {{5, 33}, -1, 1}},
                {},
                test_of_two(t.f),
                kC64,
                Result::boolean,
                false,
                1,
                whole});
  }
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const auto special = [&](const char* op, double (*f)(const Complex&)) {
    add(cases, {op,
                "c64_special",
                {{{1, 6}, 0, 0, 0, true, {nan, 1, -inf, 1, inf, inf}}},
                {},
                part_of_one(f),
                kC64,
                Result::boolean,
                false,
                1,
                [inf, nan](Values& in) { in[0].imag = {1, inf, nan, 1, 0, 1}; }});
  };
  special("isnan", [](const Complex& z) {
    return std::isnan(z.real()) || std::isnan(z.imag()) ? 1.0 : 0.0;
  });
  special("isinf", [](const Complex& z) {
    return std::isinf(z.real()) || std::isinf(z.imag()) ? 1.0 : 0.0;
  });
  special("isfinite", [](const Complex& z) {
    return std::isfinite(z.real()) && std::isfinite(z.imag()) ? 1.0 : 0.0;
  });
  special("isposinf", [](const Complex& z) {
    return z == Complex(std::numeric_limits<double>::infinity(), 0) ? 1.0 : 0.0;
  });
  add(cases, {"isclose",
              "c64",
              {{{4, 5}}, {{4, 5}}},
              {},
              test_of_two([](const Complex&, const Complex&) { return true; }),
              kC64,
              Result::boolean,
              false,
              1,
              [](Values& in) { in[0] = in[1]; }});
}

Complex fold(const Value& v, std::size_t row, std::size_t n, bool product) {
  Complex total = product ? 1 : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Complex z = at_place(v, row * n + i);
    total = product ? total * z : total + z;
  }
  return total;
}

void add_reductions(Cases& cases) {
  const auto rows = [](const Values& in, const auto& f) {
    Value v{{in[0].shape[0]}, {}};
    const auto n = static_cast<std::size_t>(in[0].shape[1]);
    for (std::size_t r = 0; r < static_cast<std::size_t>(in[0].shape[0]); ++r) push(v, f(r, n));
    return v;
  };
  const auto product = [rows](const Values& in) {
    return rows(in, [&](std::size_t r, std::size_t n) { return fold(in[0], r, n, true); });
  };
  add(cases,
      {"prod", "c64", {{{4, 5}, 0.3, 1.5}}, {ints({1})}, product, kC64, Result::same, true, 4});
  for (bool largest : {true, false}) {
    const auto best = [](const Values& in, std::size_t r, std::size_t n, bool most) {
      std::size_t b = r * n;
      for (std::size_t i = r * n; i < r * n + n; ++i) {
        const Complex z = at_place(in[0], i), have = at_place(in[0], b);
        if (most ? less(have, z) : less(z, have)) b = i;
      }
      return b;
    };
    add(cases, {largest ? "max" : "min",
                "c64",
                {{{4, 5}}},
                {ints({1})},
                [rows, best, largest](const Values& in) {
                  return rows(in, [&](std::size_t r, std::size_t n) {
                    return at_place(in[0], best(in, r, n, largest));
                  });
                },
                kC64});
    add(cases, {largest ? "argmax" : "argmin",
                "c64",
                {{{4, 5}}},
                {ints({1})},
                [best, largest](const Values& in) {
                  return make({4}, [&](const Shape& i) {
                    const auto r = static_cast<std::size_t>(i[0]);
                    return static_cast<double>(best(in, r, 5, largest) - r * 5);
                  });
                },
                kC64,
                Result::index,
                false});
  }
  for (bool product : {false, true}) {
    add(cases, {product ? "cumprod" : "cumsum",
                "c64",
                {{{4, 5}, 0.3, 1.5}},
                {integer(1)},
                [product](const Values& in) {
                  Value v{in[0].shape, {}};
                  for (std::size_t i = 0; i < in[0].data.size(); ++i) {
                    const Complex z = at_place(in[0], i);
                    const bool first = i % 5 == 0;
                    const Complex before = first ? Complex(product) : at_place(v, i - 1);
                    push(v, product ? before * z : before + z);
                  }
                  return v;
                },
                kC64,
                Result::same,
                true,
                4});
  }
  const auto variance = [](const Values& in) {
    return make({4}, [&](const Shape& i) {
      const auto r = static_cast<std::size_t>(i[0]);
      const Complex mean = fold(in[0], r, 5, false) / 5.0;
      double sum = 0;
      for (std::size_t k = 0; k < 5; ++k) sum += std::norm(at_place(in[0], r * 5 + k) - mean);
      return sum / 5;
    });
  };
  add(cases, {"var", "c64", {{{4, 5}}}, {ints({1})}, variance, kC64, Result::part, true, 10});
}

void add_conversions(Cases& cases) {
  for (qn_dtype from : kAny) {
    add(cases, {"astype",
                std::string("c64_from_") + name(from),
                {{{3, 7}, 0, 5, from}},
                {dtype(QN_C64)},
                of_one([](const Complex& z) { return z; }),
                {QN_C64},
                Result::same,
                from == QN_C64});
    add(cases, {"add",
                std::string("c64_and_") + name(from),
                {{{3, 7}}, {{7}, 0, 5, from}},
                {},
                of_two([](const Complex& x, const Complex& y) { return x + y; }),
                kC64,
                Result::same,
                false});
  }
  for (qn_dtype to : {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_U8}) {
    add(cases, {"astype",
                std::string("c64_to_") + name(to),
                {{{3, 7}, 0, 5, QN_C64}},
                {dtype(to)},
                [to](const Values& in) {
                  return make(in[0].shape,
                              [&](const Shape& i) { return rounded(at(in[0], i), to); });
                },
                {to},
                Result::same,
                to == QN_F32});
  }
  add(cases, {"astype",
              "c64_to_bool",
              {{{1, 4}, 0, 0, QN_C64, false, {0, 1, 0, 2}}},
              {dtype(QN_BOOL)},
              [](const Values&) {
                return Value{{1, 4}, {0, 1, 1, 1}};
              },
              {QN_BOOL},
              Result::same,
              false,
              1,
              [](Values& in) {
                in[0].imag = {0, 0, 3, 1};
              }});
}

}  // namespace

Cases complex_cases() {
  Cases cases;
  add_functions(cases);
  add_parts(cases);
  add_tests(cases);
  add_reductions(cases);
  add_conversions(cases);
  return cases;
}

}  // namespace quern::test
