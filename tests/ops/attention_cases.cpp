// rms_norm, rope and scaled_dot_product_attention.
#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

void add_rms_norms(Cases& cases) {
  const auto norm = [](double eps) {
    return [eps](const Values& in) {
      const std::int64_t n = in[0].shape.back();
      return make(in[0].shape, [&](const Shape& i) {
        double squares = 0;
        Shape at_k = i;
        for (std::int64_t k = 0; k < n; ++k) {
          at_k.back() = k;
          squares += at(in[0], at_k) * at(in[0], at_k);
        }
        const double w = in[1].shape.empty() ? in[1].data[0] : at(in[1], {i.back()});
        return at(in[0], i) / std::sqrt(squares / static_cast<double>(n) + eps) * w;
      });
    };
  };
  for (const Shape& s : {Shape{4, 7}, Shape{2, 3, 33}, Shape{5}, Shape{0, 4}, Shape{3, 0}}) {
    cases.push_back({"rms_norm",
                     label(s),
                     {{s}, {{s.back()}}},
                     {number(1e-3)},
                     norm(1e-3),
                     kFloats,
                     Result::same,
                     true,
                     4});
  }
  cases.push_back(
      {"rms_norm", "scalar_w", {{{3, 8}}, {{}}}, {}, norm(1e-5), kFloats, Result::same, true, 4});
}

struct Rope {
  const char* label;
  Shape x;
  std::int64_t dims;
  bool traditional;
  double base, scale;
  Shape offset;
  bool freqs;
};

Reference rotated(const Rope& r) {
  return [r](const Values& in) {
    return make(r.x, [&](const Shape& i) {
      const std::int64_t d = i.back(), half = r.dims / 2;
      if (d >= r.dims) return at(in[0], i);
      const std::int64_t pair = r.traditional ? d / 2 : d % half;
      const bool first = r.traditional ? d % 2 == 0 : d < half;
      Shape other = i;
      other.back() += (first ? 1 : -1) * (r.traditional ? 1 : half);
      const double offset =
          r.offset.empty() ? in[1].data[0] : at(in[1], {r.offset[0] == 1 ? 0 : i[0]});
      const double rate =
          r.freqs ? 1 / at(in[2], {pair})
                  : std::pow(r.base, -static_cast<double>(pair) / static_cast<double>(half));
      const double angle = (static_cast<double>(i[i.size() - 2]) + offset) * r.scale * rate;
      const double sine = std::sin(angle) * (first ? -1 : 1);
      return at(in[0], i) * std::cos(angle) + at(in[0], other) * sine;
    });
  };
}

void add_ropes(Cases& cases) {
  for (const Rope& r : {Rope{"halves", {2, 5, 8}, 8, false, 1e4, 1, {}, false},
                        Rope{"pairs", {2, 5, 8}, 8, true, 1e4, 1, {}, false},
                        Rope{"part", {2, 2, 3, 7}, 4, false, 100, 0.5, {}, false},
                        Rope{"part_pairs", {2, 2, 3, 7}, 4, true, 100, 2, {1}, false},
                        Rope{"offsets", {3, 2, 4, 6}, 6, false, 1e4, 1, {3}, false},
                        Rope{"freqs", {2, 5, 8}, 8, false, 1e4, 1, {}, true},
                        Rope{"empty", {0, 5, 4}, 4, false, 1e4, 1, {}, false}}) {
    Input offset = index_input(r.offset, 0, 9);
    Input freqs{r.freqs ? Shape{r.dims / 2} : Shape{}, 1, 5, QN_F32, false};
    cases.push_back({"rope",
                     r.label,
                     {{r.x}, offset, freqs},
                     {integer(r.dims), integer(r.traditional), number(r.base), number(r.scale)},
                     rotated(r),
                     kFloats,
                     Result::same,
                     true,
                     4});
  }
}

struct Attention {
  const char* label;
  Shape q, k, v, mask;
  bool truth, causal;
};

// The value at (b, h, i, e) by the definition.
Reference attended(const Attention& a, double scale) {
  return [a, scale](const Values& in) {
    Shape to = a.q;
    to[3] = a.v[3];
    return make(to, [&](const Shape& i) {
      const std::int64_t keys = a.k[2], shared = i[1] / (a.q[1] / a.k[1]);
      std::vector<double> s;
      for (std::int64_t j = 0; j < keys; ++j) {
        double dot = 0;
        for (std::int64_t d = 0; d < a.q[3]; ++d)
          dot += at(in[0], {i[0], i[1], i[2], d}) * at(in[1], {i[0], shared, j, d});
        dot *= scale;
        const double m = broadcast_at(in[3], {i[0], i[1], i[2], j});
        dot = a.truth ? (m != 0 ? dot : std::numeric_limits<float>::lowest()) : dot + m;
        if (a.causal && j > i[2] + keys - a.q[2]) dot = std::numeric_limits<float>::lowest();
        s.push_back(dot);
      }
      const double most = s.empty() ? 0 : *std::max_element(s.begin(), s.end());
      double total = 0, sum = 0;
      for (std::int64_t j = 0; j < keys; ++j) {
        const double p = std::exp(s[static_cast<std::size_t>(j)] - most);
        total += p;
        sum += p * at(in[2], {i[0], shared, j, i[3]});
      }
      return keys == 0 ? 0 : sum / total;
    });
  };
}

void add_attentions(Cases& cases) {
  for (const Attention& a :
       {Attention{"plain", {2, 2, 4, 5}, {2, 2, 6, 5}, {2, 2, 6, 3}, {}, false, false},
        Attention{"groups", {1, 6, 3, 4}, {1, 2, 5, 4}, {1, 2, 5, 4}, {}, false, false},
        Attention{"added", {2, 2, 3, 4}, {2, 1, 4, 4}, {2, 1, 4, 4}, {2, 1, 3, 4}, false, false},
        Attention{"added_row", {2, 2, 3, 4}, {2, 2, 4, 4}, {2, 2, 4, 4}, {4}, false, false},
        Attention{"truth", {2, 2, 3, 4}, {2, 2, 4, 4}, {2, 2, 4, 4}, {3, 4}, true, false},
        Attention{"causal", {1, 2, 5, 4}, {1, 2, 5, 4}, {1, 2, 5, 4}, {}, false, true},
        Attention{"causal_more_keys", {1, 2, 3, 4}, {1, 1, 6, 4}, {1, 1, 6, 2}, {}, false, true},
        Attention{"causal_more_queries", {1, 1, 5, 4}, {1, 1, 3, 4}, {1, 1, 3, 2}, {}, false, true},
        Attention{"wide", {1, 2, 37, 64}, {1, 1, 75, 64}, {1, 1, 75, 40}, {}, false, true},
        Attention{"wide_added",
                  {1, 2, 9, 16},
                  {1, 2, 130, 16},
                  {1, 2, 130, 24},
                  {2, 1, 130},
                  false,
                  false},
        Attention{
            "added_many", {1, 1, 66, 9}, {1, 1, 97, 9}, {1, 1, 97, 9}, {66, 97}, false, false},
        Attention{
            "truth_many", {1, 2, 66, 8}, {1, 1, 66, 8}, {1, 1, 66, 9}, {2, 1, 66}, true, true},
        Attention{"one_query", {1, 2, 1, 64}, {1, 2, 140, 64}, {1, 2, 140, 64}, {}, false, true},
        Attention{
            "one_query_odd", {1, 2, 1, 37}, {1, 2, 65, 37}, {1, 2, 65, 83}, {65}, false, false},
        Attention{"one_query_groups",
                  {2, 8, 1, 33},
                  {2, 2, 131, 33},
                  {2, 2, 131, 18},
                  {2, 8, 1, 131},
                  true,
                  false},
        Attention{"one_query_many_heads",
                  {1, 12, 1, 16},
                  {1, 1, 70, 16},
                  {1, 1, 70, 16},
                  {12, 1, 70},
                  false,
                  true},
        Attention{"four_queries", {1, 1, 4, 32}, {1, 1, 129, 32}, {1, 1, 129, 33}, {}, false, true},
        Attention{"three_more_queries", {1, 2, 3, 8}, {1, 2, 2, 8}, {1, 2, 2, 8}, {}, false, true},
        Attention{"no_keys", {1, 2, 3, 4}, {1, 2, 0, 4}, {1, 2, 0, 4}, {}, false, false},
        Attention{"no_queries", {1, 2, 0, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}, {}, false, false},
        Attention{"no_batch", {0, 2, 2, 4}, {0, 2, 3, 4}, {0, 2, 3, 4}, {}, false, true}}) {
    Input mask{a.mask};
    if (a.truth) mask = {a.mask, 0, 1, QN_BOOL, false};
    const bool small = a.q[2] < 9 && a.k[2] < 20;
    cases.push_back({"scaled_dot_product_attention",
                     a.label,
                     {{a.q}, {a.k}, {a.v}, mask},
                     {number(0.4), integer(a.causal)},
                     attended(a, 0.4),
                     kFloats,
                     Result::same,
                     small,
                     4});
  }
}

}  // namespace

Cases attention_cases() {
  Cases cases;
  add_rms_norms(cases);
  add_ropes(cases);
  add_attentions(cases);
  return cases;
}

}  // namespace quern::test
