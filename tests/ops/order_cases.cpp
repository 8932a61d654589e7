// sort, argsort, median, searchsorted. What argpartition and topk promise is in order_test.cpp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

bool before(double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); }

// The elements of the line through `i` along `axis`, and their stable order.
std::vector<double> line(const Value& v, Shape i, std::size_t axis) {
  std::vector<double> elements;
  for (i[axis] = 0; i[axis] < v.shape[axis]; ++i[axis]) elements.push_back(at(v, i));
  return elements;
}

std::vector<std::size_t> order(const std::vector<double>& v) {
  std::vector<std::size_t> places(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) places[i] = i;
  std::stable_sort(places.begin(), places.end(),
                   [&](std::size_t a, std::size_t b) { return before(v[a], v[b]); });
  return places;
}

Reference sorted(std::size_t axis) {
  return [axis](const Values& in) {
    return make(in[0].shape, [&](const Shape& i) {
      const std::vector<double> v = line(in[0], i, axis);
      return v[order(v)[static_cast<std::size_t>(i[axis])]];
    });
  };
}

Reference places(std::size_t axis) {
  return [axis](const Values& in) {
    return make(in[0].shape, [&](const Shape& i) {
      return static_cast<double>(order(line(in[0], i, axis))[static_cast<std::size_t>(i[axis])]);
    });
  };
}

double middle_of(const std::vector<double>& v) {
  const std::vector<std::size_t> by = order(v);
  return (v[by[(v.size() - 1) / 2]] + v[by[v.size() / 2]]) / 2;
}

void add_sorts(Cases& cases) {
  struct Sort {
    const char* label;
    Shape shape;
    std::int64_t asked;
    std::size_t axis;
  };
  for (const Sort& s :
       {Sort{"line", {17}, -1, 0}, Sort{"rows", {3, 9}, 1, 1}, Sort{"columns", {9, 3}, 0, 0},
        Sort{"middle", {2, 5, 3}, -2, 1}, Sort{"single", {4, 1}, -1, 1},
        Sort{"empty_lines", {0, 3}, -1, 1}, Sort{"empty_axis", {2, 0}, -1, 1}}) {
    cases.push_back({"sort", s.label, {{s.shape}}, {integer(s.asked)}, sorted(s.axis), kAll});
    cases.push_back({"argsort",
                     s.label,
                     {{s.shape}},
                     {integer(s.asked)},
                     places(s.axis),
                     kAll,
                     Result::index,
                     false});
  }
  cases.push_back({"sort",
                   "long",
                   {{{2, 700}, -100, 100}},
                   {},
                   sorted(1),
                   {QN_F32, QN_I32, QN_F16, QN_I8, QN_U8}});
  cases.push_back({"argsort",
                   "long",
                   {{{2, 700}, -100, 100}},
                   {},
                   places(1),
                   {QN_F32, QN_I32, QN_F16, QN_I8, QN_BOOL},
                   Result::index,
                   false});
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                   infinity = std::numeric_limits<double>::infinity();
  const Input odd{{8}, 0, 0, 0, true, {nan, 1, -0.0, 0, infinity, -infinity, nan, -2}};
  cases.push_back({"sort", "nan", {odd}, {}, sorted(0), kFloats, Result::same, false});
  cases.push_back({"argsort", "nan", {odd}, {}, places(0), kFloats, Result::index, false});
}

void add_medians(Cases& cases) {
  struct Median {
    const char* label;
    Shape shape, axes;
    bool keepdims;
  };
  for (const Median& m :
       {Median{"all", {5}, {}, false}, Median{"even", {4, 2}, {}, false},
        Median{"rows", {3, 5}, {1}, false}, Median{"columns", {4, 3}, {0}, true},
        Median{"two", {3, 2, 4}, {0, 2}, false}, Median{"two_kept", {3, 2, 4}, {0, 2}, true},
        Median{"scalar", {}, {}, false}, Median{"none_left", {0, 3}, {1}, false}}) {
    Shape asked = m.axes;
    if (!asked.empty()) asked.back() -= static_cast<std::int64_t>(m.shape.size());
    cases.push_back({"median",
                     m.label,
                     {{m.shape}},
                     {ints(asked), integer(m.keepdims)},
                     [m](const Values& in) { return reduce(in[0], m.axes, m.keepdims, middle_of); },
                     kAll,
                     Result::floating});
  }
}

void add_searches(Cases& cases) {
  for (const bool right : {false, true}) {
    const auto found = [right](const Values& in) {
      return make(in[1].shape, [&](const Shape& i) {
        const double value = at(in[1], i);
        const std::vector<double>& v = in[0].data;
        const auto place = right ? std::upper_bound(v.begin(), v.end(), value, before)
                                 : std::lower_bound(v.begin(), v.end(), value, before);
        return static_cast<double>(place - v.begin());
      });
    };
    for (const auto& [label, n, values] :
         {std::tuple("line", 9, Shape{7}), std::tuple("block", 9, Shape{2, 3}),
          std::tuple("many", 37, Shape{150}), std::tuple("scalar", 9, Shape{}),
          std::tuple("nothing", 0, Shape{3}), std::tuple("no_values", 4, Shape{0})}) {
      cases.push_back({"searchsorted",
                       std::string(label) + (right ? "_right" : "_left"),
                       {{{n}}, {values}},
                       {text(right ? "right" : "left")},
                       found,
                       kAll,
                       Result::index,
                       false,
                       1,
                       [](Values& in) { std::sort(in[0].data.begin(), in[0].data.end()); }});
    }
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    cases.push_back({"searchsorted",
                     right ? "nan_right" : "nan_left",
                     {{{4}, 0, 0, 0, true, {1, 2, nan, nan}}, {{3}, 0, 0, 0, true, {2, nan, 9}}},
                     {text(right ? "right" : "left")},
                     found,
                     kFloats,
                     Result::index,
                     false});
  }
}

}  // namespace

Cases order_cases() {
  Cases cases;
  add_sorts(cases);
  add_medians(cases);
  add_searches(cases);
  return cases;
}

}  // namespace quern::test
