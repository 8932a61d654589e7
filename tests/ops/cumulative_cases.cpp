// Running totals along one axis.
#include <cmath>
#include <limits>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

struct Line {
  const char* label;
  Shape shape;
  std::int64_t asked;
  std::size_t axis;
};

const Line kLines[] = {{"one", {6}, -1, 0},           {"rows", {3, 5}, 1, 1},
                       {"columns", {5, 3}, 0, 0},     {"middle", {2, 4, 3}, -2, 1},
                       {"empty_lines", {0, 3}, 1, 1}, {"empty_axis", {2, 0}, 1, 1},
                       {"single", {3, 1}, -1, 1},     {"long_rows", {2, 37}, 1, 1},
                       {"wide", {3, 75}, 0, 0},       {"deep", {2, 3, 19}, 1, 1}};

using Step = double (*)(double total, double x);

Reference running(std::size_t axis, bool reverse, bool inclusive, double start, Step step) {
  return [=](const Values& in) {
    const Value& x = in[0];
    return make(x.shape, [&](const Shape& i) {
      double total = start;
      const std::int64_t n = x.shape[axis], last = i[axis];
      for (std::int64_t k = reverse ? n - 1 : 0; k != last; k += reverse ? -1 : 1) {
        Shape at_k = i;
        at_k[axis] = k;
        total = step(total, at(x, at_k));
      }
      return inclusive ? step(total, at(x, i)) : total;
    });
  };
}

double larger(double a, double b) { return std::isnan(a) ? a : !(b <= a) ? b : a; }
double smaller(double a, double b) { return std::isnan(a) ? a : !(b >= a) ? b : a; }
double log_sum(double a, double b) {
  const double m = larger(a, b);
  return std::isinf(m) ? m : m + std::log(std::exp(a - m) + std::exp(b - m));
}

struct Total {
  const char* op;
  double start;
  Step step;
  Dtypes dtypes;
  Result result;
  double tolerance;
};

}  // namespace

Cases cumulative_cases() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto add = [](double a, double b) { return a + b; };
  const auto multiply = [](double a, double b) { return a * b; };
  const Total totals[] = {{"cumsum", 0, add, kNumbers, Result::same, 2},
                          {"cumprod", 1, multiply, kAll, Result::same, 2},
                          {"cummax", -infinity, larger, kAll, Result::same, 1},
                          {"cummin", infinity, smaller, kAll, Result::same, 1},
                          {"logcumsumexp", -infinity, log_sum, kAll, Result::floating, 2}};
  Cases cases;
  for (const Total& t : totals) {
    for (const Line& l : kLines) {
      for (const bool reverse : {false, true}) {
        for (const bool inclusive : {true, false}) {
          const bool finite = inclusive || std::isfinite(t.start);
          cases.push_back(
              {t.op,
               std::string(l.label) + (reverse ? "_reverse" : "") + (inclusive ? "" : "_exclusive"),
               {{l.shape}},
               {integer(l.asked), integer(reverse), integer(inclusive)},
               running(l.axis, reverse, inclusive, t.start, t.step),
               finite ? t.dtypes : kFloats,  // an integer cannot be infinite
               t.result,
               finite,
               t.tolerance});
        }
      }
    }
  }
  // What integers start from.
  for (const bool largest : {true, false}) {
    const double start = largest ? -128 : 127;
    cases.push_back({largest ? "cummax" : "cummin",
                     "exclusive_i8",
                     {{{5}}},
                     {integer(0), integer(0), integer(0)},
                     running(0, false, false, start, largest ? larger : smaller),
                     {QN_I8}});
  }
  cases.push_back(
      {"cumsum", "bool", {{{7}}}, {}, running(0, false, true, 0, add), {QN_BOOL}, Result::any});
  // Lines so long that they are cut into blocks.
  for (const bool reverse : {false, true}) {
    for (const bool columns : {false, true}) {
      const Shape shape = columns ? Shape{70000, 2} : Shape{140000};
      const std::int64_t step = columns ? 2 : 1;
      const auto run = [=](double start, Step take) {
        return [=](const Values& in) {
          Value v = in[0];
          const auto n = static_cast<std::int64_t>(v.data.size());
          for (std::int64_t c = 0; c < step; ++c) {
            double total = start;
            for (std::int64_t k = c; k < n; k += step) {
              double& x = v.data[static_cast<std::size_t>(reverse ? n - 1 - k : k)];
              x = total = take(total, x);
            }
          }
          return v;
        };
      };
      const std::string label =
          std::string(columns ? "blocks_of_columns" : "blocks") + (reverse ? "_reverse" : "");
      const std::vector<Attribute> attrs = {integer(0), integer(reverse)};
      cases.push_back(
          {"cumsum", label, {{shape, -9, 9}}, attrs, run(0, add), {QN_I32}, Result::same, false});
      if (columns != reverse) continue;
      cases.push_back({"cummax",
                       label,
                       {{shape, -1e6, 1e6}},
                       attrs,
                       run(-infinity, larger),
                       {QN_F32},
                       Result::same,
                       false});
      cases.push_back({"logcumsumexp",
                       label,
                       {{shape}},
                       attrs,
                       run(-infinity, log_sum),
                       {QN_F32},
                       Result::same,
                       false,
                       2});
    }
  }
  // Partial products of a vector would overflow where no running product does.
  cases.push_back({"cumprod",
                   "far_apart",
                   {{{6}, 0, 0, 0, true, {1e-30, 1e-8, 1e30, 1e30, 1e-30, 1e-20}}},
                   {},
                   running(0, false, true, 1, multiply),
                   {QN_F32, QN_F64},
                   Result::same,
                   false});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> odd = {1, -infinity, 2, nan, 0, infinity};
  const std::vector<double> low = {-infinity, -infinity, 1, infinity, 0, 2};
  for (const Total& t : totals) {
    for (const bool reverse : {false, true}) {
      const std::string turn = reverse ? "_reverse" : "";
      for (const auto& [label, data] : {std::pair("nan", odd), std::pair("infinite", low)})
        cases.push_back({t.op,
                         label + turn,
                         {{{6}, 0, 0, 0, true, data}},
                         {integer(0), integer(reverse)},
                         running(0, reverse, true, t.start, t.step),
                         kFloats,
                         Result::same,
                         false});
    }
  }
  // Zeros among the factors: no gradient by division.
  for (const bool reverse : {false, true})
    cases.push_back({"cumprod",
                     reverse ? "zeros_reverse" : "zeros",
                     {{{2, 4}, 0, 0, 0, true, {2, 0, 3, 1.5, 0, 2, 0, -1}}},
                     {integer(1), integer(reverse)},
                     running(1, reverse, true, 1, multiply),
                     kFloats});
  // Far from 0, where exp alone would overflow.
  cases.push_back({"logcumsumexp",
                   "large",
                   {{{4}, 0, 0, 0, true, {-900, 800, 900, -1000}}},
                   {},
                   running(0, false, true, -infinity, log_sum),
                   {QN_F64, QN_F32}});
  return cases;
}

}  // namespace quern::test
