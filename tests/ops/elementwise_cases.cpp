// Element-wise ops: one row a function, spread over a few shapes, and the places where they are
// special.
#include <cmath>
#include <limits>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

struct Unary {
  const char* op;
  double (*f)(double);
  double low, high;
  const Dtypes& dtypes;
  Result result = Result::same;
};

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

// Newton's iteration on erf.
double erfinv(double y) {
  double x = 0;
  for (int i = 0; i < 60; ++i) x -= (std::erf(x) - y) / (2 / std::sqrt(M_PI) * std::exp(-x * x));
  return x;
}

const Unary kUnary[] = {
    {"negative", [](double x) { return -x; }, -5, 5, kSigned},
    {"abs", [](double x) { return std::abs(x); }, -5, 5, kNumbers},
    {"sign", sign_of, -3, 3, kNumbers},
    {"square", [](double x) { return x * x; }, -5, 5, kNumbers},
    {"sqrt", [](double x) { return std::sqrt(x); }, 0.1, 9, kNumbers, Result::floating},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.6, 9, kFloats},
    {"exp", [](double x) { return std::exp(x); }, -5, 5, kNumbers, Result::floating},
    {"expm1", [](double x) { return std::expm1(x); }, -1, 1, kFloats},
    {"log", [](double x) { return std::log(x); }, 0.5, 9, kFloats},
    {"log2", [](double x) { return std::log2(x); }, 0.5, 9, kFloats},
    {"log10", [](double x) { return std::log10(x); }, 0.5, 9, kFloats},
    {"log1p", [](double x) { return std::log1p(x); }, -0.5, 1, kFloats},
    {"sin", [](double x) { return std::sin(x); }, -7, 7, kNumbers, Result::floating},
    {"cos", [](double x) { return std::cos(x); }, -7, 7, kFloats},
    {"tan", [](double x) { return std::tan(x); }, -1.2, 1.2, kFloats},
    {"arcsin", [](double x) { return std::asin(x); }, -0.9, 0.9, kFloats},
    {"arccos", [](double x) { return std::acos(x); }, -0.9, 0.9, kFloats},
    {"arctan", [](double x) { return std::atan(x); }, -4, 4, kFloats},
    {"sinh", [](double x) { return std::sinh(x); }, -3, 3, kFloats},
    {"cosh", [](double x) { return std::cosh(x); }, -3, 3, kFloats},
    {"tanh", [](double x) { return std::tanh(x); }, -3, 3, kFloats},
    {"arcsinh", [](double x) { return std::asinh(x); }, -4, 4, kFloats},
    {"arccosh", [](double x) { return std::acosh(x); }, 1.2, 5, kFloats},
    {"arctanh", [](double x) { return std::atanh(x); }, -0.8, 0.8, kFloats},
    {"floor", [](double x) { return std::floor(x); }, -5, 5, kNumbers},
    {"ceil", [](double x) { return std::ceil(x); }, -5, 5, kNumbers},
    {"round", [](double x) { return std::nearbyint(x); }, -5, 5, kNumbers},
    {"trunc", [](double x) { return std::trunc(x); }, -5, 5, kNumbers},
    {"reciprocal", [](double x) { return 1 / x; }, 1, 9, kNumbers, Result::floating},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, -6, 6, kFloats},
    {"softplus", [](double x) { return std::log1p(std::exp(x)); }, -6, 6, kFloats},
    {"relu", [](double x) { return x > 0 ? x : 0; }, -5, 5, kNumbers},
    {"erf", [](double x) { return std::erf(x); }, -3, 3, kFloats},
    {"erfinv", erfinv, -0.9, 0.9, kFloats},
    {"logical_not", [](double x) { return x == 0 ? 1.0 : 0.0; }, -1, 1, kAll, Result::boolean},
    {"isnan", [](double x) { return std::isnan(x) ? 1.0 : 0.0; }, -1, 1, kAll, Result::boolean},
    {"isinf", [](double x) { return std::isinf(x) ? 1.0 : 0.0; }, -1, 1, kAll, Result::boolean},
    {"copy", [](double x) { return x; }, -5, 5, kAny},
    {"identity", [](double x) { return x; }, -5, 5, kAny},
    {"stop_gradient", [](double x) { return x; }, -5, 5, kAny},
};

struct Binary {
  const char* op;
  double (*f)(double, double);
  double low, high;    // of x
  double low2, high2;  // of y
  const Dtypes& dtypes;
  Result result = Result::same;
};

double floored_remainder(double x, double y) {
  const double r = std::fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

const Binary kBinary[] = {
    {"add", [](double x, double y) { return x + y; }, -5, 5, -5, 5, kSigned},
    {"subtract", [](double x, double y) { return x - y; }, -5, 5, -5, 5, kSigned},
    {"multiply", [](double x, double y) { return x * y; }, -5, 5, -5, 5, kNumbers},
    {"divide", [](double x, double y) { return x / y; }, -5, 5, 1, 5, kNumbers, Result::floating},
    {"remainder", floored_remainder, -5, 5, 1, 4, kNumbers},
    {"power", [](double x, double y) { return std::pow(x, y); }, 1, 3, 0, 3, kNumbers},
    {"maximum", [](double x, double y) { return x > y ? x : y; }, -5, 5, -5, 5, kNumbers},
    {"minimum", [](double x, double y) { return x < y ? x : y; }, -5, 5, -5, 5, kNumbers},
    {"arctan2", [](double x, double y) { return std::atan2(x, y); }, -5, 5, 1, 5, kFloats},
    {"logaddexp", [](double x, double y) { return std::log(std::exp(x) + std::exp(y)); }, -5, 5, -5,
     5, kFloats},
    {"equal", [](double x, double y) { return x == y ? 1.0 : 0.0; }, -2, 2, -2, 2, kAll,
     Result::boolean},
    {"not_equal", [](double x, double y) { return x != y ? 1.0 : 0.0; }, -2, 2, -2, 2, kAll,
     Result::boolean},
    {"less", [](double x, double y) { return x < y ? 1.0 : 0.0; }, -2, 2, -2, 2, kAll,
     Result::boolean},
    {"less_equal", [](double x, double y) { return x <= y ? 1.0 : 0.0; }, -2, 2, -2, 2, kAll,
     Result::boolean},
    {"greater", [](double x, double y) { return x > y ? 1.0 : 0.0; }, -2, 2, -2, 2, kAll,
     Result::boolean},
    {"greater_equal", [](double x, double y) { return x >= y ? 1.0 : 0.0; }, -2, 2, -2, 2, kAll,
     Result::boolean},
    {"logical_and", [](double x, double y) { return x != 0 && y != 0 ? 1.0 : 0.0; }, -1, 1, -1, 1,
     kAll, Result::boolean},
    {"logical_or", [](double x, double y) { return x != 0 || y != 0 ? 1.0 : 0.0; }, -1, 1, -1, 1,
     kAll, Result::boolean},
};

template <typename F>
double bits(double x, double y, F f) {
  return static_cast<double>(f(static_cast<std::int64_t>(x), static_cast<std::int64_t>(y)));
}

const Dtypes kSignedIntegers = {QN_I32, QN_I64, QN_I16, QN_I8};

const Binary kIntegerBinary[] = {
    {"bitwise_and",
     [](double x, double y) { return bits(x, y, [](auto a, auto b) { return a & b; }); }, -60, 60,
     -60, 60, kIntegers},
    {"bitwise_or",
     [](double x, double y) { return bits(x, y, [](auto a, auto b) { return a | b; }); }, -60, 60,
     -60, 60, kIntegers},
    {"bitwise_xor",
     [](double x, double y) { return bits(x, y, [](auto a, auto b) { return a ^ b; }); }, -60, 60,
     -60, 60, kIntegers},
    {"left_shift",
     [](double x, double y) { return bits(x, y, [](auto a, auto b) { return a << b; }); }, 0, 3, 0,
     4, kIntegers},
    {"right_shift",
     [](double x, double y) { return bits(x, y, [](auto a, auto b) { return a >> b; }); }, -60, 60,
     0, 4, kIntegers},
    {"floor_divide", [](double x, double y) { return std::floor(x / y); }, -60, 60, 1, 7,
     kIntegers},
    {"remainder", floored_remainder, -60, 60, -7, -1, kSignedIntegers},
};

const Binary kFloatBinary[] = {
    {"floor_divide", [](double x, double y) { return std::floor(x / y); }, -9, 9, 0.5, 3, kFloats},
};

const double kInf = std::numeric_limits<double>::infinity(),
             kNan = std::numeric_limits<double>::quiet_NaN();

void add_unary(Cases& cases) {
  for (const Unary& u : kUnary) {
    const bool smooth = u.result == Result::same || u.result == Result::floating;
    for (const Shape& s : {Shape{2, 3, 4}, Shape{}, Shape{3, 67}, Shape{0, 3}}) {
      const bool gradient = smooth && count(s) < 30 && std::string(u.op) != "stop_gradient";
      cases.push_back(
          {u.op, label(s), {{s, u.low, u.high}}, {}, map1(u.f), u.dtypes, u.result, gradient});
    }
  }
  cases.push_back({"bitwise_invert",
                   "integers",
                   {{{3, 7}, -60, 60}},
                   {},
                   map1([](double x) { return -x - 1; }),
                   {QN_I32, QN_I64, QN_I16, QN_I8},
                   Result::same,
                   false});
  cases.push_back({"bitwise_invert",
                   "bool",
                   {{{3, 7}}},
                   {},
                   map1([](double x) { return 1 - x; }),
                   {QN_BOOL},
                   Result::same,
                   false});
  // What a function does at the ends of its domain.
  const auto special = [&](const char* op, std::vector<double> x, double (*f)(double),
                           Result r = Result::same) {
    const Shape s{static_cast<std::int64_t>(x.size())};
    cases.push_back(
        {op, "special", {{s, 0, 0, 0, true, std::move(x)}}, {}, map1(f), kFloats, r, false});
  };
  special("exp", {-kInf, kInf, kNan, 0, -0.0, -200},
          [](double x) { return x == -200 ? 0 : std::exp(x); });
  special("log", {0, kInf, kNan, 1, -1}, [](double x) { return std::log(x); });
  special("tanh", {-kInf, kInf, kNan, 0, 60, -60}, [](double x) { return std::tanh(x); });
  special("sigmoid", {-kInf, kInf, kNan, 0, 300, -300},
          [](double x) { return x == -300 ? 0 : 1 / (1 + std::exp(-x)); });
  special("softplus", {-kInf, kInf, kNan, 0, 800, -800},
          [](double x) { return (x < 0 ? 0 : x) + std::log1p(std::exp(-std::abs(x))); });
  special("expm1", {-kInf, kInf, kNan, 0, -60, 1e-7}, [](double x) { return std::expm1(x); });
  special("log2", {0, kInf, kNan, 1, 8, -1}, [](double x) { return std::log2(x); });
  special("log10", {0, kInf, kNan, 1, 1000, -1, -kInf}, [](double x) { return std::log10(x); });
  special("log1p", {-1, kInf, kNan, 0, -2}, [](double x) { return std::log1p(x); });
  special("sqrt", {0, kInf, kNan, 4, 1e-4, -1}, [](double x) { return std::sqrt(x); });
  special("rsqrt", {0, kInf, kNan, 4, 1e-4, -1}, [](double x) { return 1 / std::sqrt(x); });
  special("tan", {kInf, kNan, 0, 3, 60000}, [](double x) { return std::tan(x); });
  special("arcsin", {1, -1, 2, kInf, kNan, 0}, [](double x) { return std::asin(x); });
  special("arccos", {1, -1, 2, -kInf, kNan, 0}, [](double x) { return std::acos(x); });
  special("arctan", {kInf, -kInf, kNan, 0, 60000}, [](double x) { return std::atan(x); });
  special("sinh", {kInf, -kInf, kNan, 0, 11, -1e-4}, [](double x) { return std::sinh(x); });
  special("cosh", {kInf, -kInf, kNan, 0, 11}, [](double x) { return std::cosh(x); });
  special("arcsinh", {kInf, -kInf, kNan, 0, 60000, 1e-4}, [](double x) { return std::asinh(x); });
  special("arccosh", {kInf, -kInf, kNan, 1, 0.5, -3, 60000},
          [](double x) { return std::acosh(x); });
  special("arctanh", {1, -1, 2, -kInf, kNan, 0}, [](double x) { return std::atanh(x); });
  special("erf", {kInf, -kInf, kNan, 0, 9}, [](double x) { return std::erf(x); });
  special("round", {0.5, 1.5, 2.5, -0.5, -1.5, kInf, kNan},
          [](double x) { return std::nearbyint(x); });
  special("sign", {-kInf, kInf, kNan, 0}, sign_of);
  special(
      "isnan", {-kInf, kInf, kNan, 0}, [](double x) { return std::isnan(x) ? 1.0 : 0.0; },
      Result::boolean);
  special(
      "isinf", {-kInf, kInf, kNan, 0}, [](double x) { return std::isinf(x) ? 1.0 : 0.0; },
      Result::boolean);
}

void add_binary(Cases& cases, const Binary& b) {
  const std::pair<Shape, Shape> pairs[] = {
      {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {4}},  {{3, 1}, {1, 4}}, {{}, {2, 3}}, {{}, {}},
      {{0, 3}, {1, 3}},       {{5, 33}, {5, 1}},
  };
  for (const auto& [x, y] : pairs) {
    const bool gradient = b.result != Result::boolean && count(x) < 30;
    cases.push_back({b.op,
                     label(x) + "_" + label(y),
                     {{x, b.low, b.high}, {y, b.low2, b.high2}},
                     {},
                     map2(b.f),
                     b.dtypes,
                     b.result,
                     gradient});
  }
}

void add_special_pairs(Cases& cases) {
  const std::vector<double> x = {kNan, 1, kNan, kInf, -kInf, 0},
                            y = {1, kNan, kNan, 1, kInf, -kInf};
  const auto special = [&](const char* op, double (*f)(double, double), Result r = Result::same) {
    cases.push_back({op,
                     "special",
                     {{{6}, 0, 0, 0, true, x}, {{6}, 0, 0, 0, true, y}},
                     {},
                     map2(f),
                     kFloats,
                     r,
                     false});
  };
  special("maximum", [](double a, double b) { return std::isnan(a) || a > b ? a : b; });
  special("minimum", [](double a, double b) { return std::isnan(a) || a < b ? a : b; });
  special("logaddexp", [](double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return kNan;
    if (std::isfinite(a) && std::isfinite(b)) return std::log(std::exp(a) + std::exp(b));
    return a > b ? a : b;  // the other one vanishes beside an infinity
  });
  special(
      "less", [](double a, double b) { return a < b ? 1.0 : 0.0; }, Result::boolean);
  special(
      "not_equal", [](double a, double b) { return a != b ? 1.0 : 0.0; }, Result::boolean);
  cases.push_back({"logaddexp",
                   "large",
                   {{{3}, 0, 0, 0, true, {900, -900, 10}}, {{3}, 0, 0, 0, true, {900, -900, 0}}},
                   {},
                   map2([](double a, double b) {
                     return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
                   })});
  for (const char* op : {"floor_divide", "remainder"}) {
    cases.push_back({op,
                     "by_zero",
                     {{{4}, 1, 9}, {{4}, 0, 0}},
                     {},
                     map2([](double, double) { return 0.0; }),
                     kIntegers,
                     Result::same,
                     false});
  }
  const auto pairs = [&](const char* op, double (*f)(double, double), std::vector<double> a,
                         std::vector<double> b) {
    const Shape s{static_cast<std::int64_t>(a.size())};
    cases.push_back({op,
                     "special",
                     {{s, 0, 0, 0, true, std::move(a)}, {s, 0, 0, 0, true, std::move(b)}},
                     {},
                     map2(f),
                     kFloats,
                     Result::same,
                     false});
  };
  pairs("power", [](double a, double b) { return std::pow(a, b); },
        {-2, -2, -2, 0, 0, -0.0, kInf, kInf, -kInf, -kInf, -kInf, 1, -1, kNan, 2, 0.5, 0.5, 7},
        {3, 2, 0.5, 2, -1, -3, 0, -2, 3, 0.5, -3, kNan, -kInf, 0, kInf, kInf, -kInf, kNan});
  pairs("arctan2", [](double a, double b) { return std::atan2(a, b); },
        {0, -0.0, 0, -0.0, 3, -3, kInf, -kInf, kInf, 1, -1, kNan, 1, 0},
        {1, 1, -1, -1, 0, 0, 2, -kInf, kInf, -kInf, kInf, 1, kNan, 0});
  pairs("remainder", floored_remainder, {kInf, 3, -3, 3, -3, 0, kNan, 60000, -7},
        {2, kInf, kInf, -kInf, -kInf, 4, 2, 0.5, 0});
  const Dtypes wide = {QN_I64, QN_U64};
  for (const char* op : {"floor_divide", "remainder"}) {
    const bool quotient = std::string(op) == "floor_divide";
    for (const bool scalar : {false, true})
      cases.push_back({op,
                       scalar ? "wide_scalar" : "wide",
                       {{{3}, 0, 0, 0, true, {0x1p60 + 0x1p10, 0x1p52, 200}},
                        scalar ? Input{{}, 256, 256} : Input{{3}, 0, 0, 0, true, {256, 512, 16}}},
                       {},
                       map2(quotient ? [](double a, double b) { return std::floor(a / b); }
                                     : [](double a, double b) { return floored_remainder(a, b); }),
                       wide,
                       Result::same,
                       false});
  }
  cases.push_back({"left_shift",
                   "by_width",
                   {{{3}, 1, 9}, {{3}, 0, 0, 0, true, {32, 33, 40}}},
                   {},
                   map2([](double, double) { return 0.0; }),
                   {QN_I32, QN_U32},
                   Result::same,
                   false});
}

// Long rows, and rows that repeat over several tiles of a kernel.
void add_long(Cases& cases) {
  const std::pair<Shape, Shape> pairs[] = {{{3, 700}, {3, 1}},  {{5, 1100}, {1100}},
                                           {{300, 37}, {37}},   {{700, 9}, {700, 1}},
                                           {{3, 1}, {1, 5000}}, {{2, 3, 600}, {3, 1}}};
  for (const auto& [x, y] : pairs)
    for (const bool less : {false, true})
      cases.push_back({less ? "less" : "multiply",
                       "long_" + label(x) + "_" + label(y),
                       {{x, -5, 5}, {y, -5, 5}},
                       {},
                       less ? map2([](double a, double b) { return a < b ? 1.0 : 0.0; })
                            : map2([](double a, double b) { return a * b; }),
                       less ? kAll : kSigned,
                       less ? Result::boolean : Result::same,
                       false});
}

void add_mixed_dtypes(Cases& cases) {
  struct Mix {
    const char* label;
    qn_dtype x, y, out;
  };
  for (const Mix& m :
       {Mix{"i32_f16", QN_I32, QN_F16, QN_F16}, Mix{"u8_i8", QN_U8, QN_I8, QN_I16},
        Mix{"f16_bf16", QN_F16, QN_BF16, QN_F32}, Mix{"bool_i64", QN_BOOL, QN_I64, QN_I64},
        Mix{"u64_i32", QN_U64, QN_I32, QN_F32}, Mix{"f32_f64", QN_F32, QN_F64, QN_F64}}) {
    // The dtype under test names only the one that is expected.
    cases.push_back({"add",
                     m.label,
                     {{{3, 5}, -5, 5, m.x, false}, {{3, 5}, -5, 5, m.y, false}},
                     {},
                     map2([](double a, double b) { return a + b; }),
                     {m.out}});
  }
}

void add_others(Cases& cases) {
  const auto choose = [](const Values& in) {
    return make(broadcast(in[0].shape, broadcast(in[1].shape, in[2].shape)), [&](const Shape& i) {
      return broadcast_at(in[0], i) != 0 ? broadcast_at(in[1], i) : broadcast_at(in[2], i);
    });
  };
  cases.push_back({"where",
                   "same",
                   {{{2, 3, 4}, 0, 1, QN_BOOL, false}, {{2, 3, 4}}, {{2, 3, 4}}},
                   {},
                   choose,
                   kAny});
  cases.push_back({"where",
                   "broadcast",
                   {{{3, 1}, 0, 1, QN_BOOL, false}, {{4}}, {{2, 1, 4}}},
                   {},
                   choose,
                   kAny});
  const auto clip = [](const Values& in) {
    return make(in[0].shape, [&](const Shape& i) {
      return std::min(std::max(at(in[0], i), broadcast_at(in[1], i)), broadcast_at(in[2], i));
    });
  };
  cases.push_back({"clip",
                   "scalars",
                   {{{3, 5}, -4, 4}, {{}, -1, -1}, {{}, 2, 2}},
                   {},
                   clip,
                   {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I8, QN_I16, QN_I32, QN_I64}});
  cases.push_back(
      {"clip", "bounds", {{{3, 35}, 0, 9}, {{35}, 1, 3}, {{}, 5, 5}}, {}, clip, kNumbers});
  const auto is_unsigned = [](qn_dtype t) {
    return t == QN_U8 || t == QN_U16 || t == QN_U32 || t == QN_U64;
  };
  for (qn_dtype from : kAll)
    for (qn_dtype to : kAll) {
      const double low = is_unsigned(from) || is_unsigned(to) ? 0 : -9;
      cases.push_back({"astype",
                       std::string(name(from)) + "_" + name(to),
                       {{{3, 21}, low, 9, from, is_float(from) && is_float(to)}},
                       {dtype(to)},
                       [to](const Values& in) {
                         return make(in[0].shape,
                                     [&](const Shape& i) { return rounded(at(in[0], i), to); });
                       },
                       {to},
                       Result::same,
                       false});
    }
  cases.push_back({"astype",
                   "gradient",
                   {{{3, 4}}},
                   {dtype(QN_F64)},
                   map1([](double x) { return x; }),
                   {QN_F64}});
}

}  // namespace

Cases elementwise_cases() {
  Cases cases;
  add_unary(cases);
  for (const Binary& b : kBinary) add_binary(cases, b);
  for (const Binary& b : kIntegerBinary) add_binary(cases, b);
  for (const Binary& b : kFloatBinary) add_binary(cases, b);
  add_special_pairs(cases);
  add_long(cases);
  add_mixed_dtypes(cases);
  add_others(cases);
  // One op in two dtype families is two rows: the label tells them apart.
  for (Case& c : cases) {
    if ((c.op == "floor_divide" || c.op == "remainder") && c.label != "by_zero" &&
        c.label.substr(0, 4) != "wide" && c.label != "special")
      c.label += c.dtypes.size() == 4 && !is_float(c.dtypes[0]) ? "_signed"
                 : is_float(c.dtypes[0])                        ? "_floats"
                                                                : "_integers";
  }
  return cases;
}

}  // namespace quern::test
