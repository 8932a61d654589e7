// Fourier transforms against the defining sum in f64: lengths with small and large prime factors,
// axes, sizes that cut and pad, norms.
#include <cmath>
#include <complex>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

using Complex = std::complex<double>;

// v along `axis`, cut or padded to n, transformed by the definition.
Value along(const Value& v, std::size_t axis, std::int64_t n, bool inverse, double scale) {
  Value out{v.shape, {}};
  out.shape[axis] = n;
  const Value imag{v.shape, v.imag};
  const std::int64_t have = std::min(n, v.shape[axis]);
  const double turn = (inverse ? 2 : -2) * M_PI / static_cast<double>(n);
  std::vector<Complex> roots;
  for (std::int64_t k = 0; k < n; ++k)
    roots.push_back(std::polar(1.0, turn * static_cast<double>(k)));
  for_each_index(out.shape, [&](const Shape& index) {
    Complex sum = 0;
    Shape i = index;
    for (std::int64_t j = 0; j < have; ++j) {
      i[axis] = j;
      const Complex z(at(v, i), v.imag.empty() ? 0 : at(imag, i));
      sum += z * roots[static_cast<std::size_t>(j * index[axis] % n)];
    }
    out.data.push_back(sum.real() * scale);
    out.imag.push_back(sum.imag() * scale);
  });
  return out;
}

// The first n of the elements along axis.
Value cut(const Value& v, std::size_t axis, std::int64_t n) {
  Shape shape = v.shape;
  shape[axis] = n;
  Value out = make(shape, [&](const Shape& i) { return at(v, i); });
  if (!v.imag.empty()) {
    const Value imag{v.shape, v.imag};
    out.imag = make(shape, [&](const Shape& i) { return at(imag, i); }).data;
  }
  return out;
}

// A half spectrum along axis, completed to n by symmetry with respect to all of `axes`.
Value completed(const Value& v, const Shape& axes, std::int64_t n) {
  const auto last = static_cast<std::size_t>(axes.back());
  Value half = v;
  if (half.imag.empty()) half.imag.assign(half.data.size(), 0);
  const std::int64_t have = v.shape[last];
  const Value imag{v.shape, half.imag};
  Value out{v.shape, {}};
  out.shape[last] = n;
  for_each_index(out.shape, [&](const Shape& index) {
    Shape i = index;
    const bool mirror = i[last] > n / 2;
    if (mirror) {
      for (const std::int64_t a : axes) {
        const auto k = static_cast<std::size_t>(a);
        i[k] = (out.shape[k] - i[k]) % out.shape[k];
      }
    }
    const bool given = i[last] < have;
    out.data.push_back(given ? at(half, i) : 0);
    out.imag.push_back(given ? (mirror ? -1 : 1) * at(imag, i) : 0);
  });
  return out;
}

struct Transform {
  const char* label;
  Shape shape, n, axes;
  bool inverse = false;
  const char* norm = "backward";
};

double scale_of(const Transform& t, std::int64_t n, bool inverse) {
  const std::string norm = t.norm;
  const auto size = static_cast<double>(n);
  if (norm == "ortho") return 1 / std::sqrt(size);
  return (norm == "forward") == inverse ? 1 : 1 / size;
}

std::size_t positive(std::int64_t axis, const Shape& shape) {
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(shape.size()) : axis);
}

Value all_axes(Value v, const Transform& t, const Shape& n, bool inverse) {
  for (std::size_t i = 0; i < t.axes.size(); ++i)
    v = along(v, positive(t.axes[i], v.shape), n[i], inverse, scale_of(t, n[i], inverse));
  return v;
}

Shape sizes(const Transform& t, bool half) {
  Shape n = t.n;
  for (std::size_t i = n.size(); i < t.axes.size(); ++i) {
    const std::int64_t have = t.shape[positive(t.axes[i], t.shape)];
    n.push_back(half && i + 1 == t.axes.size() ? 2 * (have - 1) : have);
  }
  return n;
}

const Transform kTransforms[] = {
    {"one", {3, 1}, {}, {-1}},
    {"two", {3, 2}, {}, {-1}},
    {"eight", {2, 8}, {}, {-1}},
    {"factors", {2, 60}, {}, {-1}},
    {"prime", {2, 31}, {}, {-1}},
    {"large_prime", {2, 37}, {}, {-1}},
    {"twice_prime", {1, 94}, {}, {-1}},
    {"power", {1, 256}, {}, {-1}},
    {"many_factors", {2, 143}, {924}, {-1}},
    {"long", {1, 529}, {1056}, {-1}},
    {"long_columns", {529, 2}, {1056}, {0}},
    {"many_lines", {19, 12}, {}, {-1}},
    {"many_columns", {6, 35}, {}, {0}},
    {"few_lines", {3, 256}, {}, {-1}},
    {"lines_in_pairs", {5, 96}, {192}, {-1}},
    {"lines_in_fours", {7, 64}, {}, {-1}},
    {"blocks_that_overlap", {2, 200}, {400}, {-1}},
    {"eights", {1, 512}, {}, {-1}},
    {"short_lines", {35, 16}, {}, {-1}},
    {"square", {32, 33}, {}, {0, 1}},
    {"prime_lines", {18, 67}, {}, {-1}},
    {"prime_columns", {41, 17}, {}, {0}},
    {"long_prime", {1, 257}, {}, {-1}},
    {"twice_long_prime", {2, 262}, {}, {-1}},
    {"long_prime_columns", {131, 2}, {}, {0}},
    {"few_columns", {96, 3}, {}, {0}},
    {"middle_axis", {3, 16, 5}, {}, {1}},
    {"inverse_short_lines", {40, 8}, {}, {-1}, true},
    {"inverse_lines", {5, 33}, {64}, {-1}, true},
    {"first_axis", {6, 4}, {}, {0}},
    {"cut", {3, 7}, {4}, {-1}},
    {"padded", {3, 4}, {7}, {1}},
    {"plane", {2, 4, 5}, {}, {1, 2}},
    {"plane_sizes", {3, 4, 5}, {5, 3}, {0, 2}},
    {"order", {3, 4, 2}, {}, {2, 0}},
    {"ortho", {2, 6}, {}, {-1}, false, "ortho"},
    {"forward", {2, 6}, {}, {-1}, false, "forward"},
    {"inverse", {2, 6}, {}, {-1}, true},
    {"inverse_ortho", {2, 5}, {}, {-1}, true, "ortho"},
    {"inverse_forward", {2, 5}, {}, {-1}, true, "forward"},
};

}  // namespace

Cases fft_cases() {
  Cases cases;
  const Dtypes any = {QN_C64, QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_U8, QN_BOOL},
               real = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_U8, QN_BOOL};
  for (const Transform& t : kTransforms) {
    const bool gradient = count(t.shape) < 50;
    std::vector<Attribute> attrs = {ints(t.n), ints(t.axes), integer(t.inverse), text(t.norm)};
    cases.push_back(
        {"fft",
         t.label,
         {{t.shape}},
         attrs,
         [&t](const Values& in) { return all_axes(in[0], t, sizes(t, false), t.inverse); },
         any,
         Result::complex,
         gradient,
         4});
    cases.back().by_parts = false;
    if (t.inverse) continue;
    attrs.erase(attrs.begin() + 2);
    cases.push_back({"rfft",
                     t.label,
                     {{t.shape}},
                     attrs,
                     [&t](const Values& in) {
                       const Shape n = sizes(t, false);
                       const Value v = all_axes(in[0], t, n, false);
                       return cut(v, positive(t.axes.back(), v.shape), n.back() / 2 + 1);
                     },
                     real,
                     Result::complex,
                     gradient,
                     4});
    const std::int64_t have = t.shape[positive(t.axes.back(), t.shape)];
    if (have == 1 && t.n.empty()) continue;
    cases.push_back({"irfft",
                     t.label,
                     {{t.shape}},
                     attrs,
                     [&t](const Values& in) {
                       const Shape n = sizes(t, true);
                       // The other axes first; then symmetry along the last one alone.
                       Transform rest = t, last = t;
                       rest.axes.pop_back();
                       last.axes = {static_cast<std::int64_t>(positive(t.axes.back(), t.shape))};
                       Value v = in[0];
                       v = all_axes(v, rest, Shape(n.begin(), n.end() - 1), true);
                       v = completed(v, last.axes, n.back());
                       v = all_axes(v, last, {n.back()}, true);
                       v.imag.clear();
                       return v;
                     },
                     {QN_C64, QN_F32, QN_I32},
                     Result::any,
                     gradient,
                     4});
    cases.back().by_parts = false;
  }
  // The defaults: the last axis as it is.
  cases.push_back({"fft",
                   "defaults",
                   {{{2, 5}}},
                   {},
                   [](const Values& in) { return along(in[0], 1, 5, false, 1); },
                   {QN_C64},
                   Result::complex,
                   true,
                   4});
  cases.back().by_parts = false;
  return cases;
}

}  // namespace quern::test
