// gather, scatter and put_along_axis.
#include <algorithm>
#include <cmath>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

// Index arrays of shape I on `axes` of x, and the block cut or written there.
struct Place {
  const char* label;
  Shape x;
  std::vector<Shape> indices;
  Shape axes, block, places;
};

const Place kPlaces[] = {
    {"elements", {4, 5}, {{6}, {6}}, {0, 1}, {1, 1}, {6}},
    {"rows", {4, 5}, {{3}}, {0}, {1, 5}, {3}},
    {"windows", {4, 5}, {{3}}, {1}, {2, 2}, {3}},
    {"broadcast", {4, 5, 3}, {{2, 1}, {3}}, {0, 2}, {1, 5, 1}, {2, 3}},
    {"backward", {4, 5, 3}, {{2}, {2}}, {-1, 0}, {1, 2, 2}, {2}},
    {"one", {4, 5}, {{}}, {0}, {1, 5}, {}},
    {"no_index", {4, 5}, {}, {}, {2, 3}, {}},
    {"no_places", {4, 5}, {{0}}, {0}, {1, 5}, {0}},
    {"no_elements", {4, 0}, {{3}}, {0}, {1, 0}, {3}},
    {"scalar_x", {}, {}, {}, {}, {}},
};

// Where element `at` (of I + block) lies in x; the index arrays begin at in[first].
Shape source(const Place& p, const Values& in, std::size_t first, const Shape& all) {
  const auto lead = static_cast<std::ptrdiff_t>(p.places.size());
  const Shape place(all.begin(), all.begin() + lead);
  Shape from(all.begin() + lead, all.end());
  for (std::size_t k = 0; k < p.axes.size(); ++k) {
    const std::int64_t n = static_cast<std::int64_t>(p.x.size());
    const auto axis = static_cast<std::size_t>(p.axes[k] < 0 ? p.axes[k] + n : p.axes[k]);
    auto i = static_cast<std::int64_t>(broadcast_at(in[first + k], place));
    if (i < 0) i += p.x[axis];
    from[axis] += std::clamp<std::int64_t>(i, 0, p.x[axis] - p.block[axis]);
  }
  return from;
}

Shape joined(const Place& p) {
  Shape all = p.places;
  all.insert(all.end(), p.block.begin(), p.block.end());
  return all;
}

std::vector<Input> with_indices(std::vector<Input> in, const Place& p, std::int64_t reach) {
  for (const Shape& s : p.indices) in.push_back(index_input(s, -reach, reach));
  return in;
}

void add_gathers(Cases& cases) {
  for (const Place& p : kPlaces) {
    cases.push_back({"gather",
                     p.label,
                     with_indices({{p.x}}, p, 6),  // also out of range
                     {ints(p.axes), ints(p.block)},
                     [&p](const Values& in) {
                       return make(joined(p),
                                   [&](const Shape& i) { return at(in[0], source(p, in, 1, i)); });
                     },
                     kAll});
  }
  const Place& p = kPlaces[3];
  for (const auto& [a, b] : {std::pair(QN_U32, QN_U32), std::pair(QN_I64, QN_I32),
                             std::pair(QN_U8, QN_I8), std::pair(QN_U64, QN_I16)}) {
    std::vector<Input> in = with_indices({{p.x}}, p, 2);
    in[1].dtype = a, in[2].dtype = b;
    cases.push_back({"gather",
                     std::string("by_") + name(a) + "_" + name(b),
                     in,
                     {ints(p.axes), ints(p.block)},
                     [&p](const Values& v) {
                       return make(joined(p),
                                   [&](const Shape& i) { return at(v[0], source(p, v, 1, i)); });
                     },
                     {QN_F32}});
  }
}

struct Mode {
  const char* name;
  double (*combine)(double old, double update);
  const Dtypes& dtypes;  // a reference: made before the lists themselves
};

const Dtypes kSummed = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_I64, QN_I16,
                        QN_I8,  QN_U32, QN_U64, QN_U16,  QN_U8,  QN_C64};

const Mode kModes[] = {
    {"set", [](double, double u) { return u; }, kAny},
    {"add", [](double x, double u) { return x + u; }, kSummed},
    {"prod", [](double x, double u) { return x * u; }, kNumbers},
    {"max", [](double x, double u) { return std::max(x, u); }, kAll},
    {"min", [](double x, double u) { return std::min(x, u); }, kAll},
};

Reference scattered(const Place& p, const Mode& m) {
  return [&p, &m](const Values& in) {
    Value v = in[0];
    for_each_index(joined(p), [&](const Shape& i) {
      double& to = at(v, source(p, in, 2, i));
      to = m.combine(to, broadcast_at(in[1], i));
    });
    return v;
  };
}

void add_scatters(Cases& cases) {
  for (const Mode& m : kModes) {
    const bool set = m.name == std::string("set");
    for (const Place& p : kPlaces) {
      // The gradient of `set` is MLX's, which is that of the function only without repetition.
      cases.push_back({"scatter",
                       std::string(m.name) + "_" + p.label,
                       with_indices({{p.x}, {joined(p)}}, p, 6),
                       {ints(p.axes), text(m.name)},
                       scattered(p, m),
                       m.dtypes,
                       Result::same,
                       !set || p.places.empty(),
                       4});
    }
  }
  static const Place apart = {"apart", {5, 3}, {{3}}, {0}, {1, 3}, {3}};
  const Input rows{{3}, 0, 0, QN_I32, false, {4, 0, -3}};
  cases.push_back({"scatter",
                   "set_apart",
                   {{apart.x}, {joined(apart)}, rows},
                   {ints(apart.axes), text("set")},
                   scattered(apart, kModes[0]),
                   kAll});
  cases.push_back({"scatter",
                   "add_one_block",  // updates broadcast over the places
                   {{apart.x}, {{1, 1, 3}}, rows},
                   {ints(apart.axes), text("add")},
                   scattered(apart, kModes[1]),
                   kNumbers,
                   Result::same,
                   true,
                   4});
  // Zeros in x and updates, some of them on one place.
  static const Place twice = {"twice", {4}, {{5}}, {0}, {1}, {5}};
  cases.push_back({"scatter",
                   "prod_zeros",
                   {{{4}, 0, 0, 0, true, {2, 0, 3, 1.5}},
                    {{5, 1}, 0, 0, 0, true, {0, 2, 3, 0, 0}},
                    {{5}, 0, 0, QN_I32, false, {0, 0, 1, 2, 2}}},
                   {ints(twice.axes), text("prod")},
                   scattered(twice, kModes[2]),
                   kFloats});
  // A zero in x beside one in the updates, and three zeros on one place.
  static const Place thrice = {"thrice", {3}, {{6}}, {0}, {1}, {6}};
  cases.push_back({"scatter",
                   "prod_many_zeros",
                   {{{3}, 0, 0, 0, true, {0, 2, 3}},
                    {{6, 1}, 0, 0, 0, true, {0, 4, 0, 0, 0, -2}},
                    {{6}, 0, 0, QN_I32, false, {0, 0, 1, 1, 1, 1}}},
                   {ints(thrice.axes), text("prod")},
                   scattered(thrice, kModes[2]),
                   kFloats});
}

void add_puts(Cases& cases) {
  struct Put {
    const char* label;
    Shape x, indices, values;
    std::int64_t asked;
    std::size_t axis;
    std::vector<double> data;  // of the indices; empty = any, also out of range
  };
  static const Put puts[] = {
      {"rows", {3, 5}, {3, 2}, {3, 2}, -1, 1, {4, 0, -1, 2, 1, -2}},
      {"columns", {4, 3}, {2, 3}, {2, 3}, 0, 0, {0, 1, 2, 3, -2, -1}},
      {"any", {3, 5}, {3, 4}, {3, 4}, 1, 1, {}},
      {"broadcast", {3, 5}, {1, 2}, {}, 1, 1, {3, -5}},
      {"none", {3, 5}, {3, 0}, {3, 0}, 1, 1, {}},
      {"empty", {0, 5}, {0, 2}, {1}, 1, 1, {}},
  };
  for (const Put& p : puts) {
    Input indices = index_input(p.indices, -7, 7);
    indices.data = p.data;
    cases.push_back({"put_along_axis",
                     p.label,
                     {{p.x}, indices, {p.values}},
                     {integer(p.asked)},
                     [&p](const Values& in) {
                       Value v = in[0];
                       Shape to = p.x;
                       to[p.axis] = p.indices[p.axis];
                       for_each_index(to, [&](const Shape& i) {
                         const std::int64_t n = p.x[p.axis];
                         auto k = static_cast<std::int64_t>(broadcast_at(in[1], i));
                         Shape there = i;
                         there[p.axis] = std::clamp<std::int64_t>(k < 0 ? k + n : k, 0, n - 1);
                         at(v, there) = broadcast_at(in[2], i);
                       });
                       return v;
                     },
                     kAll,
                     Result::same,
                     p.label != std::string("any")});
  }
}

}  // namespace

Cases gather_cases() {
  Cases cases;
  add_gathers(cases);
  add_scatters(cases);
  add_puts(cases);
  return cases;
}

}  // namespace quern::test
