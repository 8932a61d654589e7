// Reductions over one axis, several, all and none; argmax and argmin; mean, var and std.
#include <algorithm>
#include <cmath>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

double product_of(const std::vector<double>& v) {
  double p = 1;
  for (double x : v) p *= x;
  return p;
}
double max_of(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }
double min_of(const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); }
double all_of(const std::vector<double>& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return x != 0; });
}
double any_of(const std::vector<double>& v) {
  return std::any_of(v.begin(), v.end(), [](double x) { return x != 0; });
}
double mean_of(const std::vector<double>& v) { return sum_of(v) / static_cast<double>(v.size()); }
double deviation(const std::vector<double>& v, double ddof) {
  const double m = mean_of(v);
  double s = 0;
  for (double x : v) s += (x - m) * (x - m);
  return s / (static_cast<double>(v.size()) - ddof);
}
double argmax_of(const std::vector<double>& v) {
  return static_cast<double>(std::max_element(v.begin(), v.end()) - v.begin());
}
double argmin_of(const std::vector<double>& v) {
  return static_cast<double>(std::min_element(v.begin(), v.end()) - v.begin());
}

struct Place {
  const char* label;
  Shape shape, axes;  // as given to the op
  Shape positive;     // the same, counted from the start
  bool keepdims, empty = false;
};

const Place kPlaces[] = {
    {"last", {2, 3, 5}, {-1}, {2}, false},
    {"first_kept", {4, 3, 2}, {0}, {0}, true},
    {"middle", {3, 4, 5}, {1}, {1}, false},
    {"two", {3, 4, 5}, {2, 0}, {0, 2}, false},
    {"all", {3, 7}, {}, {}, false},
    {"all_kept", {3, 7}, {}, {}, true},
    {"scalar", {}, {}, {}, false},
    {"long_row", {3, 300}, {1}, {1}, false},
    {"long_column", {300, 5}, {0}, {0}, false},
    {"many_short", {70, 5}, {1}, {1}, false},
    {"wide", {4, 301}, {0}, {0}, false},
    {"deep", {2, 19, 70}, {1}, {1}, false},
    {"thin", {3, 90, 2}, {1}, {1}, true},
    {"long_columns", {2, 150, 5}, {0, 1}, {0, 1}, false},
    {"two_outer", {3, 4, 40}, {0, 1}, {0, 1}, false},
    {"ends", {7, 3, 90}, {0, 2}, {0, 2}, false},
    {"no_rows", {0, 3}, {1}, {1}, false},
    {"of_nothing", {2, 0}, {1}, {1}, false, true},
};

struct Op {
  const char* name;
  double (*fold)(const std::vector<double>&);
  double low, high;
  const Dtypes& dtypes;
  Result result;
  bool of_nothing;  // has a value for no elements
  double tolerance = 1;
};

const Op kOps[] = {
    {"sum", sum_of, -2, 2, kAny, Result::any, true, 4},
    {"prod", product_of, 1, 1.9, kNumbers, Result::any, true, 4},
    {"max", max_of, -9, 9, kNumbers, Result::same, false},
    {"min", min_of, -9, 9, kNumbers, Result::same, false},
    {"all", all_of, 0, 1, kAll, Result::boolean, true},
    {"any", any_of, 0, 1, kAll, Result::boolean, true},
    {"logsumexp", logsumexp_of, -5, 5, kFloats, Result::same, false},
    {"mean", mean_of, -2, 2, kFields, Result::same, false, 4},
};

}  // namespace

Cases reduce_cases() {
  Cases cases;
  for (const Op& op : kOps) {
    for (const Place& p : kPlaces) {
      if (p.empty && !op.of_nothing) continue;
      const bool product = std::string(op.name) == "prod";
      if (product && count(p.shape) > 100) continue;  // grows out of f16
      const auto reference = [&p, fold = op.fold](const Values& in) {
        return reduce(in[0], p.positive, p.keepdims, fold);
      };
      const bool gradient = op.result != Result::boolean && count(p.shape) < 100 && !p.empty;
      cases.push_back({op.name,
                       p.label,
                       {{p.shape, op.low, op.high}},
                       {ints(p.axes), integer(p.keepdims)},
                       reference,
                       op.dtypes,
                       op.result,
                       gradient,
                       op.tolerance});
    }
  }
  for (const Place& p : kPlaces) {
    if (p.empty || p.axes.size() > 1) continue;
    const auto argmax = [&p](const Values& in) {
      return reduce(in[0], p.positive, p.keepdims, argmax_of);
    };
    const auto argmin = [&p](const Values& in) {
      return reduce(in[0], p.positive, p.keepdims, argmin_of);
    };
    const std::vector<Attribute> attrs = {ints(p.axes), integer(p.keepdims)};
    // Few values, so that there are ties.
    cases.push_back(
        {"argmax", p.label, {{p.shape, -2, 2}}, attrs, argmax, kNumbers, Result::index, false});
    cases.push_back(
        {"argmin", p.label, {{p.shape, -2, 2}}, attrs, argmin, kNumbers, Result::index, false});
    if (p.shape.empty()) continue;
    // Many times one number have a variance of 0, known only as well as their mean.
    if (p.positive == Shape{0} && p.shape[0] > 4) continue;
    for (int ddof : {0, 1}) {
      const auto var = [&p, ddof](const Values& in) {
        return reduce(in[0], p.positive, p.keepdims,
                      [&](const auto& v) { return deviation(v, ddof); });
      };
      const auto std = [&p, ddof](const Values& in) {
        return reduce(in[0], p.positive, p.keepdims,
                      [&](const auto& v) { return std::sqrt(deviation(v, ddof)); });
      };
      const std::string label = std::string(p.label) + "_ddof" + std::to_string(ddof);
      const std::vector<Attribute> with_ddof = {ints(p.axes), integer(p.keepdims), integer(ddof)};
      const bool gradient = count(p.shape) < 100;
      // A row of 16-bit numbers that repeat has a variance of 0, known only as well as its mean.
      const Dtypes wide = {QN_F32, QN_F64};
      cases.push_back(
          {"var", label, {{p.shape}}, with_ddof, var, wide, Result::same, gradient, 10});
      if (p.axes != Shape{0}) {
        cases.push_back(
            {"std", label, {{p.shape}}, with_ddof, std, wide, Result::same, gradient, 10});
      }
    }
  }
  for (std::uint32_t which : {0u, 1u}) {
    cases.push_back(
        {"minmax",
         which ? "high" : "low",
         {{{3, 4, 5}, -9, 9}},
         {ints({1})},
         [which](const Values& in) { return reduce(in[0], {1}, false, which ? max_of : min_of); },
         kNumbers});
    cases.back().n_out = 2;
    cases.back().which = which;
  }
  // Equal maxima share the gradient, so finite differences have nothing to say here.
  cases.push_back({"max",
                   "ties",
                   {{{2, 4}, 0, 0, 0, true, {1, 3, 3, 2, 5, 5, 5, 0}}},
                   {ints({1})},
                   [](const Values& in) { return reduce(in[0], {1}, false, max_of); },
                   kNumbers,
                   Result::same,
                   false});
  const double nan = std::nan("");
  for (const char* op : {"max", "min"}) {
    cases.push_back({op,
                     "nan",
                     {{{2, 3}, 0, 0, 0, true, {1, nan, 3, 4, 5, nan}}},
                     {ints({1})},
                     [nan](const Values&) {
                       return Value{{2}, {nan, nan}};
                     },
                     kFloats,
                     Result::same,
                     false});
  }
  // The first of several NaN is the largest and the smallest, whatever vectors it falls into.
  for (const std::int64_t axis : {0, 1}) {
    for (const char* op : {"argmax", "argmin"}) {
      const bool most = op[3] == 'm' && op[4] == 'a';
      std::vector<double> data;
      for (int i = 0; i < 40 * 40; ++i) data.push_back(i % 7 == 3 ? i % 5 : i % 11 - 3);
      for (const int i : {5 * 40 + 9, 5 * 40 + 30, 38 * 40 + 39, 39 * 40 + 39, 20 * 40 + 9})
        data[static_cast<std::size_t>(i)] = nan;
      cases.push_back({op,
                       "nan_along_" + std::to_string(axis),
                       {{{40, 40}, 0, 0, 0, true, data}},
                       {ints({axis})},
                       [axis, most](const Values& in) {
                         return reduce(in[0], {axis}, false, [most](const std::vector<double>& v) {
                           for (std::size_t i = 0; i < v.size(); ++i)
                             if (std::isnan(v[i])) return static_cast<double>(i);
                           return most ? argmax_of(v) : argmin_of(v);
                         });
                       },
                       kFloats,
                       Result::index,
                       false});
    }
  }
  cases.push_back({"argmax",
                   "long",
                   {{{140000}, -100, 100}},
                   {},
                   [](const Values& in) { return reduce(in[0], {0}, false, argmax_of); },
                   {QN_I16},
                   Result::index,
                   false});
  cases.push_back({"logsumexp",
                   "large",
                   {{{2, 3}, 0, 0, 0, true, {900, 901, 899, -900, -901, -899}}},
                   {ints({1})},
                   [](const Values& in) { return reduce(in[0], {1}, false, logsumexp_of); }});
  return cases;
}

}  // namespace quern::test
