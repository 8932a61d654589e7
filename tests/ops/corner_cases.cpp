// The corners of element-wise ops that MLX and NumPy users rely on: negative and zero operands of
// integers, conversions out of range, infinities, rounding to decimals, closeness, several outputs.
// The plain rows are in elementwise_cases.cpp.
#include <cmath>
#include <limits>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

const double kInf = std::numeric_limits<double>::infinity(),
             kNan = std::numeric_limits<double>::quiet_NaN();

using Numbers = std::vector<double>;

// A row vector: its first axis has one place, so that the form `repeated` leaves it alone.
Input given(Numbers x, qn_dtype t = 0) {
  const auto n = static_cast<std::int64_t>(x.size());
  return {{1, n}, 0, 0, t, false, std::move(x)};
}

// One row of inputs and what must come out. `prepare` changes nothing, but says that the inputs
// belong together: no run with one array for all of them.
Case row(const char* op, const char* label, std::vector<Input> in, Numbers want, Dtypes dtypes,
         Result result = Result::same, std::vector<Attribute> attrs = {}) {
  const auto n = static_cast<std::int64_t>(want.size());
  const Value value{{1, n}, std::move(want)};
  return {op,
          label,
          std::move(in),
          std::move(attrs),
          [value](const Values&) { return value; },
          dtypes,
          result,
          false,
          1,
          [](Values&) {}};
}

void add_integer_corners(Cases& cases) {
  const Dtypes all = {QN_I8, QN_I16, QN_I32, QN_I64};
  const Numbers x = {7, -7, 7, -7, 0, 5, -6, -1}, y = {2, 2, -2, -2, 3, 7, 3, 7};
  cases.push_back(
      row("floor_divide", "signs", {given(x), given(y)}, {3, -4, -4, 3, 0, 0, -2, -1}, all));
  cases.push_back(row("remainder", "signs", {given(x), given(y)}, {1, 1, -1, -1, 0, 5, 0, 6}, all));
  cases.push_back(row("power", "negative_exponent", {given({2, 1, -1, 0}), given({-1, -2, -3, -1})},
                      {0, 0, 0, 0}, all));
  cases.push_back(row("power", "wraps", {given({7, 3, 2, -5}), given({3, 5, 7, 3})},
                      {87, -13, -128, -125}, {QN_I8}));
  cases.push_back(
      row("divmod", "signs_quotient", {given(x), given(y)}, {3, -4, -4, 3, 0, 0, -2, -1}, all));
  cases.push_back(
      row("divmod", "signs_remainder", {given(x), given(y)}, {1, 1, -1, -1, 0, 5, 0, 6}, all));
  cases.back().which = 1;
  const struct {
    qn_dtype t;
    double least;
  } ends[] = {{QN_I8, -0x1p7}, {QN_I16, -0x1p15}, {QN_I32, -0x1p31}, {QN_I64, -0x1p63}};
  for (const auto& [t, least] : ends) {
    const Numbers a = {least}, b = {-1};
    cases.push_back(row("floor_divide", "least_by_minus_one", {given(a), given(b)}, a, {t}));
    cases.push_back(row("remainder", "least_by_minus_one", {given(a), given(b)}, {0}, {t}));
    cases.push_back(row("negative", "least", {given(a)}, a, {t}));
    cases.push_back(row("abs", "least", {given(a)}, a, {t}));
    const double width = std::log2(-least) + 1;
    cases.push_back(row("left_shift", "out", {given({1, 1, -1}), given({width, width + 1, -1})},
                        {0, 0, 0}, {t}));
    cases.push_back(row("right_shift", "out", {given({1, -1, -8}), given({width, width + 1, -1})},
                        {0, -1, -1}, {t}));
  }
  cases.push_back(row("right_shift", "out_unsigned", {given({1, 255, 8}), given({8, 9, 255})},
                      {0, 0, 0}, {QN_U8}));
  const Numbers p = {1, 1, 0, 0}, q = {1, 0, 1, 0};
  const auto logic = [&](const char* op, Numbers want) {
    cases.push_back(row(op, "bool", {given(p), given(q)}, std::move(want), {QN_BOOL}));
  };
  logic("add", {1, 1, 1, 0});
  logic("subtract", {0, 1, 1, 0});
  logic("multiply", {1, 0, 0, 0});
  logic("maximum", {1, 1, 1, 0});
  logic("minimum", {1, 0, 0, 0});
  logic("power", {1, 1, 0, 1});
  logic("floor_divide", {1, 0, 0, 0});
  logic("remainder", {0, 0, 0, 0});
  cases.push_back(
      row("left_shift", "bool", {given(p, QN_BOOL), given(q, QN_BOOL)}, {2, 1, 0, 0}, {QN_U8}));
}

// Values no integer dtype holds, with the result that is defined for them.
void add_conversions(Cases& cases) {
  const Numbers x = {300.7, -1.5, 3e10, -3e10, kInf, -kInf, kNan, 1e30};
  const double least32 = -0x1p31, most32 = 0x1p31 - 1, least64 = -0x1p63, most64 = 0x1p63;
  struct To {
    qn_dtype t;
    const char* label;
    Numbers want;
  };
  // 3e10 is 30000001024 in f32, 7 * 2^32 - 64770048: u32 keeps the low 32 bits.
  const To to[] = {
      {QN_I8, "i8", {44, -1, -1, 0, -1, 0, 0, -1}},
      {QN_U8, "u8", {44, 255, 255, 0, 255, 0, 0, 255}},
      {QN_I16, "i16", {300, -1, -1, 0, -1, 0, 0, -1}},
      {QN_U16, "u16", {300, 65535, 65535, 0, 65535, 0, 0, 65535}},
      {QN_I32, "i32", {300, -1, most32, least32, most32, least32, 0, most32}},
      {QN_U32,
       "u32",
       {300, 4294967295.0, 4230197248.0, 64770048.0, 4294967295.0, 0, 0, 4294967295.0}},
      {QN_I64, "i64", {300, -1, 30000001024.0, -30000001024.0, most64, least64, 0, most64}},
      {QN_U64,
       "u64",
       {300, 0x1p64, 30000001024.0, 0x1p64 - 30000001024.0, 0x1p64, 0x1p63, 0, 0x1p64}},
  };
  for (const To& c : to) {
    cases.push_back(
        row("astype", c.label, {given(x, QN_F32)}, c.want, {c.t}, Result::same, {dtype(c.t)}));
    cases.back().label = std::string("out_of_range_") + c.label;
  }
}

void add_infinities(Cases& cases) {
  const Numbers x = {kInf, -kInf, kNan, 0, -1.5};
  cases.push_back(row("isfinite", "floats", {given(x)}, {0, 0, 0, 1, 1}, kFloats, Result::boolean));
  cases.push_back(row("isposinf", "floats", {given(x)}, {1, 0, 0, 0, 0}, kFloats, Result::boolean));
  cases.push_back(row("isneginf", "floats", {given(x)}, {0, 1, 0, 0, 0}, kFloats, Result::boolean));
  Dtypes whole = kIntegers;
  whole.push_back(QN_BOOL);
  cases.push_back(row("isfinite", "integers", {given({0, 1})}, {1, 1}, whole, Result::boolean));
  cases.push_back(row("isposinf", "integers", {given({0, 1})}, {0, 0}, whole, Result::boolean));
  cases.push_back(row("isneginf", "integers", {given({0, 1})}, {0, 0}, whole, Result::boolean));
  const struct {
    qn_dtype t;
    double most;
  } ends[] = {{QN_F16, 65504},
              {QN_BF16, 0x1.FEp127},
              {QN_F32, std::numeric_limits<float>::max()},
              {QN_F64, std::numeric_limits<double>::max()}};
  for (const auto& [t, most] : ends)
    cases.push_back(row("nan_to_num", "defaults", {given(x)}, {most, -most, 0, 0, -1.5}, {t}));
  cases.push_back(row("nan_to_num", "given", {given(x)}, {2, 3, 1, 0, -1.5}, kFloats, Result::same,
                      {number(1), numbers({2}), numbers({3})}));
  cases.push_back(row("nan_to_num", "integers", {given({0, 1})}, {0, 1}, whole));
  cases.push_back(
      {"nan_to_num", "finite", {{{2, 3, 4}}}, {}, map1([](double v) { return v; }), kFloats});
}

void add_angles_and_decimals(Cases& cases) {
  for (const Shape& s : {Shape{2, 3, 4}, Shape{}, Shape{0, 3}}) {
    cases.push_back({"degrees",
                     label(s),
                     {{s, -7, 7}},
                     {},
                     map1([](double x) { return x * 180 / M_PI; }),
                     kNumbers,
                     Result::floating});
    cases.push_back({"radians",
                     label(s),
                     {{s, -100, 100}},
                     {},
                     map1([](double x) { return x * M_PI / 180; }),
                     kNumbers,
                     Result::floating});
  }
  const auto round = [&](const char* label, std::int64_t decimals, Numbers x, Numbers want,
                         const Dtypes& dtypes) {
    cases.push_back(row("round_decimals", label, {given(std::move(x))}, std::move(want), dtypes,
                        Result::same, {integer(decimals)}));
  };
  round("none", 0, {0.5, 1.5, 2.5, -0.5, -1.5}, {0, 2, 2, 0, -2}, kFloats);
  round("two", 2, {0.125, 1.2351, -2.5551}, {0.12, 1.24, -2.56}, {QN_F32, QN_F64});
  round("tens", -1, {15, 25, -34}, {20, 20, -30}, kSigned);
  round("hundreds", -2, {50, 51, 149, 150, 250}, {0, 100, 100, 200, 200},
        {QN_I32, QN_I64, QN_U16, QN_F32, QN_F64});
  round("far", -3, {-128, 127, 5}, {0, 0, 0}, {QN_I8});
  round("integers", 3, {15, 25, 7}, {15, 25, 7}, kIntegers);
}

void add_comparisons(Cases& cases) {
  const auto exclusive = [](double x, double y) { return (x != 0) != (y != 0) ? 1.0 : 0.0; };
  for (const auto& [x, y] : {std::pair{Shape{2, 3, 4}, Shape{2, 3, 4}}, {{3, 1}, {4}}, {{}, {}}}) {
    cases.push_back({"logical_xor",
                     label(x) + "_" + label(y),
                     {{x, -1, 1}, {y, -1, 1}},
                     {},
                     map2(exclusive),
                     kAll,
                     Result::boolean,
                     false});
    for (std::uint32_t which : {0u, 1u}) {
      // Far from the steps, where 16-bit operands would not say on which side they are.
      cases.push_back({"divmod",
                       label(x) + "_" + label(y) + (which ? "_remainder" : "_quotient"),
                       {{x, -60, 60}, {y, 1, 7}},
                       {},
                       which ? map2([](double a, double b) { return a - b * std::floor(a / b); })
                             : map2([](double a, double b) { return std::floor(a / b); }),
                       {QN_F64, QN_I32, QN_I64, QN_I16, QN_I8, QN_U32, QN_U64, QN_U16, QN_U8},
                       Result::same,
                       which == 1});
      cases.back().n_out = 2;
      cases.back().which = which;
    }
  }
  const Numbers x = {1, 1, 1, kInf, kInf, -kInf, kNan, kInf, 0},
                y = {1, 1.001, 1.1, kInf, -kInf, -kInf, kNan, 1, 1e-9};
  const Dtypes wide = {QN_F32, QN_F64};
  const auto close = [&](const char* label, Numbers want, std::vector<Attribute> attrs) {
    cases.push_back(row("isclose", label, {given(x), given(y)}, std::move(want), wide,
                        Result::boolean, std::move(attrs)));
  };
  close("defaults", {1, 0, 0, 1, 0, 1, 0, 0, 1}, {});
  close("loose", {1, 1, 0, 1, 0, 1, 0, 0, 1}, {number(0.01)});
  close("equal_nan", {1, 0, 0, 1, 0, 1, 1, 0, 0}, {number(1e-5), number(0), integer(1)});
  const auto one = [&](const char* op, const char* label, Numbers a, Numbers b, double want,
                       std::vector<Attribute> attrs = {}) {
    Case c = row(op, label, {given(std::move(a)), given(std::move(b))}, {want}, wide,
                 Result::boolean, std::move(attrs));
    c.reference = [want](const Values&) { return Value{{}, {want}}; };
    cases.push_back(std::move(c));
  };
  one("allclose", "near", {1, 2}, {1.000001, 2}, 1);
  one("allclose", "far", {1, 2}, {1.1, 2}, 0);
  one("array_equal", "same", {1, 2}, {1, 2}, 1);
  one("array_equal", "other", {1, 2}, {1, 3}, 0);
  one("array_equal", "shapes", {1, 2, 3}, {1, 2}, 0);
  one("array_equal", "nan", {1, kNan}, {1, kNan}, 0);
  one("array_equal", "equal_nan", {1, kNan}, {1, kNan}, 1, {integer(1)});
}

}  // namespace

Cases corner_cases() {
  Cases cases;
  add_integer_corners(cases);
  add_conversions(cases);
  add_infinities(cases);
  add_angles_and_decimals(cases);
  add_comparisons(cases);
  for (Case& c : cases) {
    if (c.op == "divmod") c.n_out = 2;
  }
  return cases;
}

}  // namespace quern::test
