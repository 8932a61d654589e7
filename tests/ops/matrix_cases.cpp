// view, as_strided, matrices by diagonal, roll, repeat, tile.
#include <algorithm>
#include <cstring>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

// The bytes of v's elements stored as From, read as To.
template <typename From, typename To>
Value reread(const Value& v, Shape to) {
  std::vector<unsigned char> bytes;
  for (double d : v.data) {
    const From f = static_cast<From>(d);
    const auto* b = reinterpret_cast<const unsigned char*>(&f);
    bytes.insert(bytes.end(), b, b + sizeof f);
  }
  Value out{std::move(to), {}};
  for (std::size_t i = 0; i + sizeof(To) <= bytes.size(); i += sizeof(To)) {
    To t;
    std::memcpy(&t, bytes.data() + i, sizeof t);
    out.data.push_back(static_cast<double>(t));
  }
  return out;
}

template <typename From, typename To>
void add_view(Cases& cases, const char* label, qn_dtype from, qn_dtype to, Shape shape, Shape out) {
  cases.push_back(
      {"view",
       label,
       {{std::move(shape), -100, 100}},
       {dtype(to)},
       [out = std::move(out)](const Values& in) { return reread<From, To>(in[0], out); },
       {from},
       Result::any,
       false});
}

void add_views(Cases& cases) {
  add_view<float, std::int32_t>(cases, "f32_i32", QN_F32, QN_I32, {3, 4}, {3, 4});
  add_view<float, std::uint8_t>(cases, "f32_u8", QN_F32, QN_U8, {3, 2}, {3, 8});
  add_view<std::uint8_t, std::uint32_t>(cases, "u8_u32", QN_U8, QN_U32, {3, 8}, {3, 2});
  add_view<std::int16_t, std::int64_t>(cases, "i16_i64", QN_I16, QN_I64, {2, 8}, {2, 2});
  add_view<double, std::uint32_t>(cases, "f64_u32", QN_F64, QN_U32, {2, 3, 1}, {2, 3, 2});
  add_view<std::int32_t, std::uint32_t>(cases, "scalar", QN_I32, QN_U32, {}, {});
  add_view<std::int32_t, std::int64_t>(cases, "empty", QN_I32, QN_I64, {2, 0}, {2, 0});
  add_view<std::int32_t, std::int16_t>(cases, "no_rows", QN_I32, QN_I16, {0, 3}, {0, 6});
  cases.push_back({"view",
                   "same",
                   {{{3, 2}}},
                   {dtype(QN_F64)},
                   [](const Values& in) { return in[0]; },
                   {QN_F64}});
  struct Strided {
    const char* label;
    Shape x, to, asked, strides;
    std::int64_t offset;
  };
  static const Strided strided[] = {
      {"windows", {10}, {4, 3}, {2, 1}, {2, 1}, 0},
      {"overlap", {3, 4}, {5, 4}, {1, 2}, {1, 2}, 1},
      {"backward", {3, 4}, {3, 2}, {-4, -1}, {-4, -1}, 11},
      {"repeated", {3, 4}, {2, 3}, {0, 1}, {0, 1}, 5},
      {"default", {3, 4}, {2, 5}, {}, {5, 1}, 2},
      {"scalar", {3, 4}, {}, {}, {}, 7},
      {"empty", {3, 4}, {0, 3}, {100, 100}, {100, 100}, -5},
  };
  for (const Strided& s : strided) {
    cases.push_back({"as_strided",
                     s.label,
                     {{s.x}},
                     {ints(s.to), ints(s.asked), integer(s.offset)},
                     [&s](const Values& in) {
                       return make(s.to, [&](const Shape& i) {
                         std::int64_t at = s.offset;
                         for (std::size_t k = 0; k < i.size(); ++k) at += i[k] * s.strides[k];
                         return in[0].data[static_cast<std::size_t>(at)];
                       });
                     },
                     kAll});
  }
}

void add_diagonals(Cases& cases) {
  struct Matrix {
    std::int64_t n, asked, m, k;
  };
  for (const Matrix& s : {Matrix{3, -1, 3, 0}, Matrix{3, 5, 5, 2}, Matrix{4, 2, 2, -2},
                          Matrix{2, 3, 3, 100}, Matrix{2, 3, 3, -100}, Matrix{0, -1, 0, 0}}) {
    for (qn_dtype t : {QN_F32, QN_I32, QN_BOOL, QN_F16}) {
      const std::vector<Attribute> attrs = {integer(s.n), integer(s.asked), integer(s.k), dtype(t)};
      const std::string label = std::to_string(s.n) + "_" + std::to_string(s.m) + "_by_" +
                                std::to_string(s.k) + "_" + name(t);
      const auto mask = [s](bool (*one)(std::int64_t)) {
        return [s, one](const Values&) {
          return make({s.n, s.m}, [&](const Shape& i) { return one(i[1] - i[0] - s.k) ? 1.0 : 0; });
        };
      };
      cases.push_back({"eye",
                       label,
                       {},
                       attrs,
                       mask([](std::int64_t d) { return d == 0; }),
                       {t},
                       Result::same,
                       false});
      cases.push_back({"tri",
                       label,
                       {},
                       attrs,
                       mask([](std::int64_t d) { return d <= 0; }),
                       {t},
                       Result::same,
                       false});
    }
  }
  for (const Shape& s : {Shape{3, 4}, Shape{2, 4, 3}, Shape{0, 3}}) {
    for (const std::int64_t k : {0, 1, -2, 9}) {
      const auto kept = [k](bool low) {
        return [k, low](const Values& in) {
          return make(in[0].shape, [&](const Shape& i) {
            const std::int64_t d = i[i.size() - 1] - i[i.size() - 2] - k;
            return (low ? d <= 0 : d >= 0) ? at(in[0], i) : 0;
          });
        };
      };
      const std::string name = label(s) + "_by_" + std::to_string(k);
      cases.push_back({"tril", name, {{s}}, {integer(k)}, kept(true), kAll});
      cases.push_back({"triu", name, {{s}}, {integer(k)}, kept(false), kAll});
    }
  }
  struct Diagonal {
    const char* label;
    Shape shape;
    std::int64_t offset, asked1, asked2;
    std::size_t axis1, axis2;
    Shape to;
  };
  static const Diagonal diagonals[] = {
      {"main", {3, 4}, 0, 0, 1, 0, 1, {3}},
      {"above", {3, 4}, 2, 0, 1, 0, 1, {2}},
      {"below", {3, 4}, -1, 0, 1, 0, 1, {2}},
      {"beyond", {3, 4}, 5, 0, 1, 0, 1, {0}},
      {"turned", {3, 4}, 1, -1, 0, 1, 0, {2}},
      {"planes", {2, 3, 4}, 0, 2, 0, 2, 0, {3, 2}},
      {"planes_back", {2, 3, 4}, 1, 1, 2, 1, 2, {2, 3}},
      {"empty", {0, 3, 2}, 0, 1, 2, 1, 2, {0, 2}},
  };
  for (const Diagonal& d : diagonals) {
    cases.push_back({"diagonal",
                     d.label,
                     {{d.shape}},
                     {integer(d.offset), integer(d.asked1), integer(d.asked2)},
                     [&d](const Values& in) {
                       return make(d.to, [&](const Shape& i) {
                         Shape from(d.shape.size());
                         std::size_t next = 0;
                         for (std::size_t a = 0; a < from.size(); ++a) {
                           if (a != d.axis1 && a != d.axis2) from[a] = i[next++];
                         }
                         from[d.axis1] = i.back() + std::max<std::int64_t>(-d.offset, 0);
                         from[d.axis2] = i.back() + std::max<std::int64_t>(d.offset, 0);
                         return at(in[0], from);
                       });
                     },
                     kAll});
  }
  for (const std::int64_t k : {0, 2, -1}) {
    cases.push_back({"diag",
                     "spread_by_" + std::to_string(k),
                     {{{3}}},
                     {integer(k)},
                     [k](const Values& in) {
                       const std::int64_t n = 3 + std::abs(k);
                       return make({n, n}, [&](const Shape& i) {
                         return i[1] - i[0] == k ? at(in[0], {std::min(i[0], i[1])}) : 0;
                       });
                     },
                     kAll});
  }
  cases.push_back({"diag",
                   "none",
                   {{{0}}},
                   {integer(1)},
                   [](const Values&) {
                     return Value{{1, 1}, {0}};
                   },
                   kAll});
  cases.push_back({"diag",
                   "taken",
                   {{{3, 4}}},
                   {integer(1)},
                   [](const Values& in) {
                     return make({3}, [&](const Shape& i) { return at(in[0], {i[0], i[0] + 1}); });
                   },
                   kAll});
}

void add_repeats(Cases& cases) {
  struct Roll {
    const char* label;
    Shape shape, shifts, axes;
    Shape by;  // for each axis
  };
  for (const Roll& r :
       {Roll{"right", {3, 4}, {1}, {1}, {0, 1}}, Roll{"left", {3, 4}, {-6}, {0}, {-6, 0}},
        Roll{"both", {3, 4}, {1, 2}, {0, -1}, {1, 2}},
        Roll{"one_shift", {3, 4}, {5}, {0, 1}, {5, 5}}, Roll{"same_axis", {5}, {1, 2}, {0, 0}, {3}},
        Roll{"empty", {0, 2}, {1}, {0}, {1, 0}}}) {
    cases.push_back({"roll",
                     r.label,
                     {{r.shape}},
                     {ints(r.shifts), ints(r.axes)},
                     [r](const Values& in) {
                       return make(r.shape, [&](Shape i) {
                         for (std::size_t k = 0; k < i.size(); ++k)
                           i[k] = ((i[k] - r.by[k]) % r.shape[k] + r.shape[k]) % r.shape[k];
                         return at(in[0], i);
                       });
                     },
                     kAll});
  }
  for (const auto& [label, shape] :
       {std::pair("flat", Shape{3, 4}), std::pair("scalar", Shape{})}) {
    cases.push_back({"roll",
                     label,
                     {{shape}},
                     {ints({1, 4})},
                     [](const Values& in) {
                       Value v = in[0];
                       const auto by = static_cast<std::ptrdiff_t>(5 % v.data.size());
                       std::rotate(v.data.begin(), v.data.end() - by, v.data.end());
                       return v;
                     },
                     kAll});
  }
  struct Repeat {
    const char* label;
    Shape shape;
    std::int64_t repeats, asked;
    std::size_t axis;
  };
  for (const Repeat& r : {Repeat{"rows", {3, 2}, 2, 0, 0}, Repeat{"last", {3, 2}, 3, -1, 1},
                          Repeat{"none", {3, 2}, 0, 1, 1}, Repeat{"empty", {0, 2}, 2, 0, 0}}) {
    Shape to = r.shape;
    to[r.axis] *= r.repeats;
    cases.push_back({"repeat",
                     r.label,
                     {{r.shape}},
                     {integer(r.repeats), integer(r.asked)},
                     [r, to](const Values& in) {
                       return make(to, [&](Shape i) {
                         i[r.axis] /= r.repeats;
                         return at(in[0], i);
                       });
                     },
                     kAll});
  }
  struct Tile {
    const char* label;
    Shape shape, reps, to;
  };
  for (const Tile& t : {Tile{"line", {3}, {2}, {6}}, Tile{"more", {2}, {2, 3}, {2, 6}},
                        Tile{"fewer", {3, 2}, {2}, {3, 4}}, Tile{"block", {3, 2}, {2, 3}, {6, 6}},
                        Tile{"scalar", {}, {2}, {2}}, Tile{"same", {3, 2}, {}, {3, 2}},
                        Tile{"none", {3, 2}, {0, 2}, {0, 4}}}) {
    cases.push_back({"tile",
                     t.label,
                     {{t.shape}},
                     {ints(t.reps)},
                     [t](const Values& in) {
                       return make(t.to, [&](const Shape& i) {
                         Shape from(i.end() - static_cast<std::ptrdiff_t>(t.shape.size()), i.end());
                         for (std::size_t k = 0; k < from.size(); ++k) from[k] %= t.shape[k];
                         return at(in[0], from);
                       });
                     },
                     kAll});
  }
}

}  // namespace

Cases matrix_cases() {
  Cases cases;
  add_views(cases);
  add_diagonals(cases);
  add_repeats(cases);
  return cases;
}

}  // namespace quern::test
