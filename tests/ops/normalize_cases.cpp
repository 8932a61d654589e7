// softmax, log_softmax, layer_norm, group_norm and the losses built on them.
#include <algorithm>
#include <cmath>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

// log(softmax) over axes counted from the start.
Value log_softmax(const Value& x, const Shape& axes) {
  const Value total = reduce(x, axes, true, logsumexp_of);
  return make(x.shape, [&](const Shape& i) { return at(x, i) - broadcast_at(total, i); });
}

Value softmax(const Value& x, const Shape& axes) {
  Value v = log_softmax(x, axes);
  for (double& d : v.data) d = std::exp(d);
  return v;
}

void add_softmax(Cases& cases) {
  struct Place {
    const char* label;
    Shape shape, asked, axes;
  };
  static const Place places[] = {
      {"last", {3, 5}, {-1}, {1}},       {"first", {4, 3}, {0}, {0}},
      {"middle", {2, 4, 3}, {1}, {1}},   {"two", {2, 4, 3}, {0, 2}, {0, 2}},
      {"row", {7}, {-1}, {0}},           {"long", {3, 131}, {-1}, {1}},
      {"no_rows", {0, 3}, {-1}, {1}},    {"one", {4, 1}, {-1}, {1}},
      {"many_short", {70, 5}, {1}, {1}}, {"tall", {700, 3}, {0}, {0}},
      {"wide", {5, 301}, {0}, {0}},      {"deep", {2, 19, 70}, {1}, {1}},
  };
  for (const Place& p : places) {
    const bool gradient = count(p.shape) < 100;
    cases.push_back({"softmax",
                     p.label,
                     {{p.shape, -4, 4}},
                     {ints(p.asked)},
                     [&p](const Values& in) { return softmax(in[0], p.axes); },
                     kFloats,
                     Result::same,
                     gradient,
                     2});
    cases.push_back({"log_softmax",
                     p.label,
                     {{p.shape, -4, 4}},
                     {ints(p.asked)},
                     [&p](const Values& in) { return log_softmax(in[0], p.axes); },
                     kFloats,
                     Result::same,
                     gradient,
                     2});
  }
  const Input large{{2, 3}, 0, 0, 0, true, {900, 901, 899, -900, -901, -899}};
  cases.push_back({"softmax",
                   "large",
                   {large},
                   {},
                   [](const Values& in) { return softmax(in[0], {1}); },
                   kFloats,
                   Result::same,
                   true,
                   2});
  cases.push_back({"log_softmax",
                   "large",
                   {large},
                   {},
                   [](const Values& in) { return log_softmax(in[0], {1}); },
                   kFloats,
                   Result::same,
                   true,
                   2});
  const double inf = INFINITY;
  // Down a column: a maximum that grows late, and -inf first.
  const Input late{
      {9, 2}, 0,    0,
      0,      true, {-inf, -200, 1, -300, -1, -inf, 0, 0, 2, -150, -9, 3, -inf, 5, 40, 80, 39, 60}};
  for (const char* op : {"softmax", "log_softmax"})
    cases.push_back({op,
                     "late_maximum",
                     {late},
                     {ints({0})},
                     [op](const Values& in) {
                       return op[0] == 's' ? softmax(in[0], {0}) : log_softmax(in[0], {0});
                     },
                     {QN_F64, QN_F32},
                     Result::same,
                     false,
                     2});
  const Input holes{{2, 3}, 0, 0, 0, true, {1, -inf, 2, -inf, -inf, 3}};
  cases.push_back({"softmax",
                   "holes",
                   {holes},
                   {},
                   [](const Values& in) { return softmax(in[0], {1}); },
                   kFloats,
                   Result::same,
                   false,
                   2});
}

Value layer_norm(const Values& in, double eps) {
  const std::int64_t n = in[0].shape.back();
  return make(in[0].shape, [&](const Shape& i) {
    double mean = 0, variance = 0;
    Shape k = i;
    for (k.back() = 0; k.back() < n; ++k.back()) mean += at(in[0], k) / static_cast<double>(n);
    for (k.back() = 0; k.back() < n; ++k.back()) {
      variance += (at(in[0], k) - mean) * (at(in[0], k) - mean) / static_cast<double>(n);
    }
    const double w = broadcast_at(in[1], {i.back()}), b = broadcast_at(in[2], {i.back()});
    return (at(in[0], i) - mean) / std::sqrt(variance + eps) * w + b;
  });
}

void add_layer_norm(Cases& cases) {
  const auto reference = [](const Values& in) { return layer_norm(in, 1e-5); };
  const Input weight{{6}}, bias{{6}}, one{{}};
  cases.push_back({"layer_norm",
                   "rows",
                   {{{3, 6}}, weight, bias},
                   {},
                   reference,
                   kFloats,
                   Result::same,
                   true,
                   4});
  cases.push_back({"layer_norm",
                   "batch",
                   {{{2, 3, 6}}, weight, bias},
                   {},
                   reference,
                   kFloats,
                   Result::same,
                   true,
                   4});
  cases.push_back({"layer_norm",
                   "scalars",
                   {{{3, 6}}, one, one},
                   {},
                   reference,
                   kFloats,
                   Result::same,
                   true,
                   4});
  cases.push_back({"layer_norm",
                   "scalar_bias",
                   {{{3, 6}}, weight, one},
                   {},
                   reference,
                   kFloats,
                   Result::same,
                   true,
                   4});
  cases.push_back({"layer_norm",
                   "eps",
                   {{{3, 6}}, weight, bias},
                   {number(0.5)},
                   [](const Values& in) { return layer_norm(in, 0.5); },
                   kFloats,
                   Result::same,
                   true,
                   4});
  cases.push_back({"layer_norm",
                   "long",
                   {{{3, 131}}, {{131}}, {{131}}},
                   {},
                   reference,
                   kFloats,
                   Result::same,
                   false,
                   4});
  // Rows far from zero, and rows whose first elements are far from all others.
  std::vector<double> offset(3 * 131), outliers(3 * 131);
  for (std::size_t i = 0; i < offset.size(); ++i) {
    const double wave = std::sin(static_cast<double>(i * i));
    offset[i] = 64 + wave;
    outliers[i] = i % 131 < 16 ? 200 + wave : wave;
  }
  const auto add_given = [&](const char* label, const std::vector<double>& data) {
    cases.push_back({"layer_norm",
                     label,
                     {{{3, 131}, 0, 0, 0, true, data}, {{131}}, {{131}}},
                     {},
                     reference,
                     kFloats,
                     Result::same,
                     false,
                     4});
  };
  add_given("offset", offset);
  add_given("outliers", outliers);
  add_given("equal", std::vector<double>(3 * 131, 7.25));
  cases.push_back({"layer_norm",
                   "no_rows",
                   {{{0, 6}}, weight, bias},
                   {},
                   reference,
                   kFloats,
                   Result::same,
                   true,
                   4});
}

Value group_norm(const Value& x, std::int64_t groups, bool interleaved, double eps) {
  const std::int64_t size = x.shape.back() / groups;
  const auto group = [&](const Shape& i) {
    return interleaved ? i.back() % groups : i.back() / size;
  };
  struct Sums {
    double n = 0, sum = 0, squares = 0;
  };
  std::vector<Sums> all(static_cast<std::size_t>(x.shape[0] * groups));
  const auto of = [&](const Shape& i) -> Sums& {
    return all[static_cast<std::size_t>(i[0] * groups + group(i))];
  };
  for_each_index(x.shape, [&](const Shape& i) { of(i).n += 1, of(i).sum += at(x, i); });
  for_each_index(x.shape, [&](const Shape& i) {
    const double d = at(x, i) - of(i).sum / of(i).n;
    of(i).squares += d * d;
  });
  return make(x.shape, [&](const Shape& i) {
    const Sums& s = of(i);
    return (at(x, i) - s.sum / s.n) / std::sqrt(s.squares / s.n + eps);
  });
}

void add_group_norm(Cases& cases) {
  struct Row {
    const char* label;
    Input x;
    std::int64_t groups;
    bool interleaved;
    double eps;
  };
  std::vector<double> offset(2 * 50 * 6), outliers(2 * 50 * 6);
  for (std::size_t i = 0; i < offset.size(); ++i) {
    const double wave = std::sin(static_cast<double>(i * i));
    offset[i] = 64 + wave;
    outliers[i] = i % 300 < 60 ? 200 + wave : wave;
  }
  const Row rows[] = {
      {"runs", {{2, 2, 2, 6}}, 3, false, 1e-5},
      {"interleaved", {{2, 3, 6}}, 2, true, 1e-5},
      {"instance", {{2, 4, 3}}, 3, false, 0.5},
      {"one", {{2, 3, 4}}, 1, false, 1e-5},
      {"rows", {{3, 8}}, 2, true, 1e-5},
      {"many_channels", {{1, 2, 5, 84}}, 4, false, 1e-5},
      {"parts", {{2, 70, 61, 36}}, 6, true, 1e-5},
      {"offset", {{2, 50, 6}, 0, 0, 0, true, offset}, 2, false, 1e-5},
      {"outliers", {{2, 50, 6}, 0, 0, 0, true, outliers}, 3, false, 1e-5},
      {"equal", {{2, 5, 4}, 0, 0, 0, true, std::vector<double>(40, 7.25)}, 2, false, 1e-5},
      {"no_items", {{0, 3, 4}}, 2, false, 1e-5},
      {"no_positions", {{2, 0, 4}}, 2, false, 1e-5},
      {"no_channels", {{2, 3, 0}}, 1, false, 1e-5},
  };
  for (const Row& r : rows)
    cases.push_back({"group_norm",
                     r.label,
                     {r.x},
                     {integer(r.groups), integer(r.interleaved), number(r.eps)},
                     [groups = r.groups, interleaved = r.interleaved, eps = r.eps](
                         const Values& in) { return group_norm(in[0], groups, interleaved, eps); },
                     kFloats,
                     Result::same,
                     count(r.x.shape) < 60 && !r.x.data.size(),
                     4});
}

void add_losses(Cases& cases) {
  const auto picked = [](const Value& log_probs, const Value& targets) {
    return make(targets.shape, [&](const Shape& i) {
      Shape from = i;
      from.push_back(static_cast<std::int64_t>(at(targets, i)));
      return -at(log_probs, from);
    });
  };
  const Input targets = index_input({4}, 0, 2);
  cases.push_back({"nll_loss", "rows", {{{4, 3}}, targets}, {}, [=](const Values& in) {
                     return picked(in[0], in[1]);
                   }});
  cases.push_back({"cross_entropy",
                   "rows",
                   {{{4, 3}}, targets},
                   {},
                   [=](const Values& in) { return picked(log_softmax(in[0], {1}), in[1]); },
                   kFloats,
                   Result::same,
                   true,
                   2});
  cases.push_back({"cross_entropy",
                   "first_axis",
                   {{{3, 4}}, targets},
                   {integer(0)},
                   [](const Values& in) {
                     const Value l = log_softmax(in[0], {0});
                     return make({4}, [&](const Shape& i) {
                       return -at(l, {static_cast<std::int64_t>(at(in[1], i)), i[0]});
                     });
                   },
                   kFloats,
                   Result::same,
                   true,
                   2});
}

}  // namespace

Cases normalize_cases() {
  Cases cases;
  add_softmax(cases);
  add_layer_norm(cases);
  add_group_norm(cases);
  add_losses(cases);
  return cases;
}

}  // namespace quern::test
