// Pooling and its gradients.
#include <cmath>
#include <limits>

#include "tests/ops/windows.h"

namespace quern::test {
namespace {

struct Pool {
  const char* label;
  std::int64_t batch, channels;
  Shape size, kernel, stride, padding;  // stride empty: that of the kernel
  std::string layout;

  std::vector<Attribute> attrs() const {
    return {ints(kernel), ints(stride), ints(padding), text(layout)};
  }
  std::vector<Attribute> attrs_after(const Shape& s) const {
    std::vector<Attribute> a = attrs();
    a.insert(a.begin(), ints(s));
    return a;
  }
  static std::int64_t entry(const Shape& s, std::size_t k) { return s.size() == 1 ? s[0] : s[k]; }
  std::int64_t step(std::size_t k) const { return entry(stride.empty() ? kernel : stride, k); }
  Shape window() const {
    Shape w;
    for (std::size_t k = 0; k < size.size(); ++k) w.push_back(entry(kernel, k));
    return w;
  }
  Shape y_size() const {
    Shape s;
    for (std::size_t k = 0; k < size.size(); ++k) {
      s.push_back((size[k] + 2 * entry(padding, k) - entry(kernel, k)) / step(k) + 1);
    }
    return s;
  }
  Shape x() const { return image_shape(layout, batch, channels, size); }
  Shape y() const { return image_shape(layout, batch, channels, y_size()); }

  // Calls f(index into y, indices into x of the window without the padding, in row-major order).
  void for_each_window(
      const std::function<void(const Shape&, const std::vector<Shape>&)>& f) const {
    for (std::int64_t n = 0; n < batch; ++n) {
      for (std::int64_t c = 0; c < channels; ++c) {
        for_each_index(y_size(), [&](const Shape& p) {
          std::vector<Shape> inside;
          for_each_index(window(), [&](const Shape& k) {
            Shape from(p.size());
            for (std::size_t a = 0; a < p.size(); ++a) {
              from[a] = p[a] * step(a) + k[a] - entry(padding, a);
              if (from[a] < 0 || from[a] >= size[a]) return;
            }
            inside.push_back(image_index(layout, n, c, from));
          });
          f(image_index(layout, n, c, p), inside);
        });
      }
    }
  }
};

// The first largest element of the window; NaN is larger than all.
const Shape* largest(const Value& x, const std::vector<Shape>& window) {
  const Shape* best = nullptr;
  for (const Shape& i : window) {
    const double v = at(x, i), b = best ? at(x, *best) : 0;
    if (!best || v > b || (std::isnan(v) && !std::isnan(b))) best = &i;
  }
  return best;
}

const Pool kPools[] = {
    {"halves", 2, 3, {6, 4}, {2}, {}, {0}, "nhwc"},
    {"nchw", 2, 3, {6, 4}, {2}, {}, {0}, "nchw"},
    {"overlap", 2, 2, {6, 7}, {3, 3}, {2, 1}, {0}, "nhwc"},
    {"padding", 2, 2, {5, 6}, {3, 2}, {2}, {1}, "nhwc"},
    {"remainder", 1, 2, {7, 7}, {2}, {}, {0}, "nhwc"},
    {"skip", 1, 2, {7, 8}, {2}, {3}, {0}, "nhwc"},
    {"one_axis", 2, 3, {9}, {3}, {2}, {1}, "nhwc"},
    {"three_axes", 1, 2, {4, 3, 5}, {2}, {1, 1, 2}, {0}, "nhwc"},
    {"channels", 2, 20, {6, 6}, {2}, {}, {0}, "nhwc"},
    {"no_images", 0, 3, {4, 4}, {2}, {}, {0}, "nhwc"},
};

Value max_pool(const Pool& p, const Value& x) {
  Value y = make(p.y(), [](const Shape&) { return -std::numeric_limits<double>::infinity(); });
  p.for_each_window([&](const Shape& i, const std::vector<Shape>& window) {
    if (const Shape* best = largest(x, window)) at(y, i) = at(x, *best);
  });
  return y;
}

Value max_pool_grad(const Pool& p, const Value& x, const Value& dy) {
  Value dx = make(p.x(), [](const Shape&) { return 0.0; });
  p.for_each_window([&](const Shape& i, const std::vector<Shape>& window) {
    if (const Shape* best = largest(x, window)) at(dx, *best) += at(dy, i);
  });
  return dx;
}

void add_pool(Cases& cases, const Pool& p) {
  const double share = 1 / static_cast<double>(count(p.window()));
  const bool gradient = count(p.x()) < 200;
  cases.push_back({"max_pool",
                   p.label,
                   {{p.x()}},
                   p.attrs(),
                   [&p](const Values& in) { return max_pool(p, in[0]); },
                   kFloats,
                   Result::same,
                   gradient});
  cases.push_back({"avg_pool",
                   p.label,
                   {{p.x()}},
                   p.attrs(),
                   [&p, share](const Values& in) {
                     Value y = make(p.y(), [](const Shape&) { return 0.0; });
                     p.for_each_window([&](const Shape& i, const std::vector<Shape>& window) {
                       for (const Shape& from : window) at(y, i) += at(in[0], from) * share;
                     });
                     return y;
                   },
                   kFloats,
                   Result::same,
                   gradient,
                   2});
  cases.push_back({"avg_pool_grad",
                   p.label,
                   {{p.y()}},
                   p.attrs_after(p.x()),
                   [&p, share](const Values& in) {
                     Value dx = make(p.x(), [](const Shape&) { return 0.0; });
                     p.for_each_window([&](const Shape& i, const std::vector<Shape>& window) {
                       for (const Shape& to : window) at(dx, to) += at(in[0], i) * share;
                     });
                     return dx;
                   },
                   kFloats,
                   Result::same,
                   gradient,
                   2});
  // Whole numbers: many windows have several equal maxima, also in f16.
  Input x{p.x(), 0, 0, 0, false, {1, 3, 0, 3, 2, 2, 1, 0, 3, 1, 2}};
  Case grad{"max_pool_grad",
            p.label,
            {x, {p.y(), 0, 0, 0, false}, {p.y()}},
            p.attrs(),
            [&p](const Values& in) { return max_pool_grad(p, in[0], in[2]); },
            kFloats,
            Result::same,
            gradient,
            2};
  grad.prepare = [&p](Values& in) { in[1] = max_pool(p, in[0]); };
  cases.push_back(grad);
}

}  // namespace

Cases pool_cases() {
  Cases cases;
  for (const Pool& p : kPools) add_pool(cases, p);
  static const Pool two = {"", 1, 1, {2, 4}, {2}, {}, {0}, "nhwc"};
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const Input special{two.x(), 0, 0, 0, false, {nan, 1, -inf, -inf, 2, nan, -inf, -inf}};
  cases.push_back({"max_pool",
                   "special",
                   {special},
                   two.attrs(),
                   [](const Values& in) { return max_pool(two, in[0]); },
                   kFloats,
                   Result::same,
                   false});
  Case grad{"max_pool_grad",
            "special",
            {special, {two.y(), 0, 0, 0, false}, {two.y()}},
            two.attrs(),
            [](const Values& in) { return max_pool_grad(two, in[0], in[2]); },
            kFloats,
            Result::same,
            false};
  grad.prepare = [](Values& in) { in[1] = max_pool(two, in[0]); };
  cases.push_back(grad);
  return cases;
}

}  // namespace quern::test
