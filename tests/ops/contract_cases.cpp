// matmul, and convolution with all its attributes and gradients.
#include <algorithm>

#include "tests/ops/windows.h"

namespace quern::test {
namespace {

const Dtypes kSingle = {QN_F32};

Value matmul(const Values& in) {
  Value x = in[0], y = in[1];
  const bool row = x.shape.size() == 1, column = y.shape.size() == 1;
  if (row) x.shape.insert(x.shape.begin(), 1);
  if (column) y.shape.push_back(1);
  const std::int64_t depth = x.shape.back();
  Shape to = broadcast(Shape(x.shape.begin(), x.shape.end() - 2),
                       Shape(y.shape.begin(), y.shape.end() - 2));
  const std::size_t batch = to.size();
  to.push_back(x.shape[x.shape.size() - 2]);
  to.push_back(y.shape.back());
  Value out = make(to, [&](const Shape& i) {
    double sum = 0;
    Shape left = i, right = i;
    for (std::int64_t k = 0; k < depth; ++k) {
      left[batch + 1] = k;
      right[batch] = k;
      // The matrix axes are indexed as they are: a size of 1 there has only index 0.
      sum += broadcast_at(x, left) * broadcast_at(y, right);
    }
    return sum;
  });
  if (column) out.shape.pop_back();
  if (row) out.shape.erase(out.shape.begin() + static_cast<std::ptrdiff_t>(batch));
  return out;
}

void add_matmul(Cases& cases) {
  const std::pair<Shape, Shape> pairs[] = {
      {{3, 4}, {4, 5}},
      {{4}, {4}},
      {{4}, {4, 3}},
      {{3, 4}, {4}},
      {{2, 3, 4}, {4, 5}},
      {{2, 3, 4}, {2, 4, 5}},
      {{2, 1, 3, 4}, {5, 4, 2}},
      {{4}, {2, 4, 3}},
      {{2, 3, 4}, {4}},
      {{1, 7}, {7, 1}},
      {{3, 0}, {0, 2}},
      {{0, 3}, {3, 2}},
      {{2, 0, 3}, {3, 4}},
      {{1, 1}, {1, 1}},
      {{65, 33}, {33, 47}},
      {{1, 130}, {130, 70}},
      {{70, 130}, {130, 1}},
      {{160, 40}, {40, 50}},   // more rows than a kernel packs at once
      {{390, 515}, {515, 3}},  // than a tile takes at once
      {{34, 16}, {16, 600}},   // columns
      {{6, 2100}, {2100, 9}},  // depth
  };
  for (const auto& [x, y] : pairs) {
    cases.push_back({"matmul",
                     label(x) + "_" + label(y),
                     {{x}, {y}},
                     {},
                     matmul,
                     kFloats,
                     Result::same,
                     count(x) < 100 && count(y) < 100,
                     4});
    cases.push_back({"matmul",
                     label(x) + "_" + label(y) + "_c64",
                     {{x}, {y}},
                     {},
                     bilinear(matmul),
                     {QN_C64},
                     Result::same,
                     count(x) < 100 && count(y) < 100,
                     4});
    cases.back().by_parts = false;
  }
  cases.push_back({"matmul",
                   "integers",
                   {{{3, 4}}, {{4, 5}}},
                   {},
                   matmul,
                   {QN_I32, QN_U8, QN_I64},
                   Result::any,
                   false});
  for (double beta : {1.0, 0.5}) {
    cases.push_back({"addmm",
                     beta == 1 ? "plain" : "scaled",
                     {{{5}}, {{3, 4}}, {{4, 5}}},
                     {number(beta == 1 ? 1 : 2), number(beta)},
                     [beta](const Values& in) {
                       Value v = matmul({in[1], in[2]});
                       for_each_index(v.shape, [&](const Shape& i) {
                         at(v, i) = (beta == 1 ? 1 : 2) * at(v, i) + beta * broadcast_at(in[0], i);
                       });
                       return v;
                     },
                     kFloats,
                     Result::same,
                     true,
                     4});
  }
}

struct Conv {
  const char* label;
  std::int64_t batch, in_channels, out_channels, groups;
  Shape size, kernel, stride, low, high, dilation, input_dilation;
  bool flip;
  std::string layout;

  std::vector<Attribute> attrs() const {
    return {ints(stride),         ints(low),       ints(high),    ints(dilation),
            ints(input_dilation), integer(groups), integer(flip), text(layout)};
  }
  std::vector<Attribute> attrs_after(const Shape& s) const {
    std::vector<Attribute> a = attrs();
    a.insert(a.begin(), ints(s));
    return a;
  }
  Shape x() const { return image_shape(layout, batch, in_channels, size); }
  Shape w() const { return image_shape(layout, out_channels, in_channels / groups, kernel); }
  static std::int64_t entry(const Shape& s, std::size_t k) { return s.size() == 1 ? s[0] : s[k]; }
  Shape y_size() const {
    Shape s;
    for (std::size_t k = 0; k < size.size(); ++k) {
      const std::int64_t span =
          (size[k] - 1) * entry(input_dilation, k) + 1 + entry(low, k) + entry(high, k);
      s.push_back((span - (kernel[k] - 1) * entry(dilation, k) - 1) / entry(stride, k) + 1);
    }
    return s;
  }
  Shape y() const { return image_shape(layout, batch, out_channels, y_size()); }

  // Calls f(place in y, in x, in w) for every product of the sum that defines the convolution.
  void for_each_product(const std::function<void(std::size_t, std::size_t, std::size_t)>& f) const {
    const Shape xs = x(), ws = w(), ys = y();
    const bool last = layout == "nhwc";
    const auto x_step = static_cast<std::size_t>(last ? 1 : count(size));
    const auto w_step = static_cast<std::size_t>(last ? 1 : count(kernel));
    const auto depth = static_cast<std::size_t>(in_channels / groups);
    for (std::int64_t n = 0; n < batch; ++n) {
      for_each_index(y_size(), [&](const Shape& p) {
        for_each_index(kernel, [&](const Shape& k) {
          Shape from(p.size()), tap(p.size());
          for (std::size_t a = 0; a < p.size(); ++a) {
            const std::int64_t at =
                p[a] * entry(stride, a) + k[a] * entry(dilation, a) - entry(low, a);
            if (at < 0 || at % entry(input_dilation, a) != 0) return;
            from[a] = at / entry(input_dilation, a);
            if (from[a] >= size[a]) return;
            tap[a] = flip ? kernel[a] - 1 - k[a] : k[a];
          }
          for (std::int64_t o = 0; o < out_channels; ++o) {
            const std::int64_t first = o / (out_channels / groups) * (in_channels / groups);
            const std::size_t iy = place(ys, image_index(layout, n, o, p)),
                              ix = place(xs, image_index(layout, n, first, from)),
                              iw = place(ws, image_index(layout, o, 0, tap));
            for (std::size_t c = 0; c < depth; ++c) f(iy, ix + c * x_step, iw + c * w_step);
          }
        });
      });
    }
  }
};

const Conv kConvs[] = {
    {"plain", 2, 3, 4, 1, {6, 5}, {3, 2}, {1}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"nchw", 2, 3, 4, 1, {6, 5}, {3, 2}, {1}, {1}, {1}, {1}, {1}, false, "nchw"},
    {"stride", 2, 3, 4, 1, {7, 8}, {3, 3}, {2, 3}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"uneven_padding", 1, 2, 3, 1, {5, 4}, {3, 3}, {1}, {2, 0}, {1, 3}, {1}, {1}, false, "nhwc"},
    {"dilation", 2, 2, 3, 1, {8, 9}, {3, 2}, {1}, {1}, {1}, {2, 3}, {1}, false, "nhwc"},
    {"input_dilation", 1, 2, 3, 1, {4, 5}, {3, 3}, {1}, {2}, {2}, {1}, {2, 3}, false, "nhwc"},
    {"everything",
     2,
     4,
     6,
     2,
     {5, 6},
     {2, 3},
     {2, 1},
     {1, 2},
     {2, 1},
     {1, 2},
     {2, 1},
     true,
     "nchw"},
    {"groups", 2, 4, 6, 2, {5, 5}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"depthwise", 2, 4, 4, 4, {5, 5}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"pointwise", 2, 5, 7, 1, {4, 3}, {1, 1}, {1}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"flip", 2, 3, 4, 1, {5, 5}, {3, 2}, {1}, {1}, {1}, {1}, {1}, true, "nhwc"},
    {"one_axis", 2, 3, 4, 1, {9}, {4}, {2}, {1}, {2}, {1}, {1}, false, "nhwc"},
    {"one_axis_nchw", 2, 3, 4, 1, {9}, {4}, {2}, {1}, {2}, {1}, {1}, false, "nchw"},
    {"three_axes", 1, 2, 3, 1, {4, 3, 5}, {2, 3, 2}, {1, 2, 1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"five_by_five", 2, 1, 20, 1, {9, 9}, {5, 5}, {1}, {2}, {2}, {1}, {1}, false, "nhwc"},
    {"no_images", 0, 2, 3, 1, {4, 4}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
};

// Large enough for the blocked and transformed kernels; too large for finite differences.
const Conv kLargeConvs[] = {
    {"large_5x5", 3, 20, 50, 1, {14, 14}, {5, 5}, {1}, {2}, {2}, {1}, {1}, false, "nhwc"},
    {"large_3x3", 2, 32, 16, 1, {10, 11}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_3x3_nchw", 2, 16, 32, 1, {10, 11}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nchw"},
    {"large_stride", 2, 16, 24, 1, {13, 12}, {3, 3}, {2}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_first", 2, 3, 40, 1, {23, 21}, {7, 7}, {2}, {3}, {3}, {1}, {1}, false, "nhwc"},
    {"large_one_channel", 1, 1, 16, 1, {12, 13}, {3, 3}, {1}, {1}, {1}, {1}, {1}, true, "nhwc"},
    {"large_squares", 2, 3, 24, 1, {17, 24}, {8, 8}, {8}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"large_points", 2, 36, 40, 1, {9, 10}, {1, 1}, {1}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"large_points_stride", 2, 36, 40, 1, {9, 10}, {1, 1}, {2}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"large_points_around",
     1,
     64,
     40,
     2,
     {6, 7},
     {1, 1},
     {2, 3},
     {1, 2},
     {1, 4},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_small_image", 2, 64, 70, 1, {7, 7}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_deep_stride", 1, 64, 40, 1, {15, 13}, {3, 3}, {2}, {1}, {0}, {1}, {1}, false, "nhwc"},
    {"large_odd", 5, 7, 18, 1, {9, 7}, {5, 5}, {1}, {0, 3}, {4, 1}, {1}, {1}, false, "nhwc"},
    {"large_5x7_flip", 2, 6, 21, 1, {10, 9}, {5, 7}, {1}, {2, 3}, {2, 3}, {1}, {1}, true, "nchw"},
    {"large_dilation",
     2,
     8,
     12,
     1,
     {15, 13},
     {5, 4},
     {1},
     {4, 2},
     {3, 4},
     {2, 3},
     {1},
     false,
     "nhwc"},
    {"large_groups", 2, 24, 36, 3, {8, 9}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_9x9", 1, 5, 6, 1, {12, 11}, {9, 9}, {1}, {4}, {4}, {1}, {1}, false, "nhwc"},
    {"large_one_axis", 2, 12, 9, 1, {37}, {3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_one_axis_groups", 2, 32, 64, 8, {45}, {12}, {1}, {3}, {2}, {1}, {1}, false, "nhwc"},
    {"large_depthwise", 2, 19, 19, 19, {12, 23}, {3, 5}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_depthwise_stride",
     2,
     20,
     20,
     20,
     {11, 30},
     {3, 4},
     {2, 3},
     {1, 2},
     {0, 1},
     {1},
     {1},
     false,
     "nchw"},
    {"large_depthwise_dilation", 1, 6, 6, 6, {41}, {7}, {1}, {9}, {5}, {3}, {1}, true, "nhwc"},
    {"large_depthwise_spread", 1, 33, 33, 33, {170}, {12}, {1}, {6}, {5}, {1}, {2}, false, "nhwc"},
    {"large_depthwise_3x3", 2, 40, 40, 40, {7, 17}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_depthwise_3x3_uneven",
     1,
     17,
     17,
     17,
     {9, 20},
     {3, 3},
     {3, 1},
     {1},
     {1},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_3x3_wide",
     1,
     17,
     17,
     17,
     {9, 20},
     {3, 3},
     {1, 2},
     {1},
     {1},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_5x5_uneven",
     1,
     16,
     16,
     16,
     {9, 20},
     {5, 5},
     {2, 1},
     {2},
     {2},
     {2, 1},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_3x3_by_2",
     1,
     35,
     35,
     35,
     {9, 20},
     {3, 3},
     {2},
     {1},
     {1},
     {1},
     {1},
     true,
     "nhwc"},
    {"large_depthwise_5x5", 1, 18, 18, 18, {6, 11}, {5, 5}, {1}, {2}, {2}, {1}, {1}, false, "nchw"},
    {"large_depthwise_5x5_by_2",
     1,
     32,
     32,
     32,
     {9, 23},
     {5, 5},
     {2},
     {2},
     {1},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_7x7", 1, 24, 24, 24, {9, 13}, {7, 7}, {1}, {3}, {3}, {1}, {1}, true, "nhwc"},
    {"large_depthwise_7x7_by_2",
     1,
     16,
     16,
     16,
     {8, 21},
     {7, 7},
     {2},
     {3},
     {3},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_dilated",
     2,
     20,
     20,
     20,
     {9, 19},
     {3, 3},
     {1},
     {3},
     {3},
     {3},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_apart",
     1,
     20,
     20,
     20,
     {13, 19},
     {3, 3},
     {2},
     {2},
     {2},
     {3},
     {1},
     false,
     "nhwc"},
    {"large_depthwise_gaps",
     1,
     17,
     17,
     17,
     {11, 29},
     {2, 1},
     {3},
     {0},
     {1},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_one_axis_7", 2, 20, 12, 1, {83}, {7}, {1}, {3}, {3}, {1}, {1}, false, "nhwc"},
    {"large_one_axis_12_flip", 2, 24, 36, 3, {57}, {12}, {1}, {5}, {6}, {1}, {1}, true, "nchw"},
    {"large_one_axis_23", 1, 8, 9, 1, {70}, {23}, {1}, {0}, {11}, {2}, {1}, false, "nhwc"},
    {"large_one_axis_by_4", 2, 16, 24, 1, {48}, {8}, {4}, {2}, {2}, {1}, {1}, false, "nhwc"},
    {"large_one_axis_by_5", 1, 32, 8, 1, {45}, {11}, {5}, {3}, {3}, {1}, {1}, true, "nchw"},
    {"large_across_by_2", 2, 20, 12, 1, {6, 20}, {3, 4}, {1, 2}, {1}, {1}, {1}, {1}, true, "nhwc"},
    {"large_one_axis_gaps", 1, 16, 12, 1, {42}, {2}, {3}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"large_one_axis_long", 1, 33, 34, 1, {150}, {3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_groups_of_32", 4, 32, 48, 2, {5, 9}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_groups_of_4",
     6,
     32,
     64,
     4,
     {6, 9},
     {1, 5},
     {3, 1},
     {2, 1},
     {2, 1},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_two_dilations",
     1,
     70,
     40,
     2,
     {4, 20},
     {3, 3},
     {1},
     {1, 2},
     {1, 2},
     {1, 2},
     {1},
     false,
     "nhwc"},
    {"large_wide_stride", 2, 40, 33, 1, {9, 37}, {3, 3}, {1, 2}, {1}, {1}, {1}, {1}, true, "nhwc"},
    {"large_strides", 2, 24, 16, 2, {9, 11}, {5, 4}, {2, 3}, {3, 1}, {2}, {1}, {1}, true, "nhwc"},
    {"large_strides_nchw",
     2,
     16,
     24,
     1,
     {8, 9},
     {3, 5},
     {3, 2},
     {1, 4},
     {2, 0},
     {1},
     {1},
     false,
     "nchw"},
    {"large_stride_dilation",
     1,
     16,
     16,
     1,
     {12, 10},
     {3, 4},
     {1, 2},
     {2, 1},
     {2, 1},
     {2, 1},
     {1},
     false,
     "nhwc"},
    {"large_three_axes",
     1,
     16,
     16,
     1,
     {5, 6, 4},
     {3, 2, 3},
     {2, 1, 2},
     {1},
     {1},
     {1},
     {1},
     false,
     "nhwc"},
    {"large_first_layer", 1, 3, 33, 1, {23, 30}, {7, 7}, {2}, {3}, {3}, {1}, {1}, false, "nhwc"},
    {"large_first_rows", 2, 4, 16, 1, {60, 9}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_narrow", 3, 5, 40, 1, {21, 3}, {5, 5}, {1, 2}, {2}, {2}, {2, 1}, {1}, true, "nhwc"},
    {"large_pointwise", 2, 350, 40, 1, {5, 6}, {1, 1}, {1}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"large_pointwise_by_2",
     1,
     40,
     70,
     1,
     {15, 13},
     {1, 1},
     {2},
     {0},
     {0},
     {1},
     {1},
     false,
     "nchw"},
    {"large_deep", 1, 130, 20, 1, {6, 7}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nhwc"},
    {"large_patches", 1, 3, 24, 1, {32, 48}, {8, 8}, {8}, {0}, {0}, {1}, {1}, false, "nhwc"},
    {"large_small_groups", 2, 32, 32, 8, {9, 14}, {3, 3}, {1, 2}, {1}, {1}, {1}, {1}, true, "nhwc"},
    {"large_groups_of_8", 1, 64, 64, 8, {12, 11}, {3, 3}, {1}, {1}, {1}, {1}, {1}, false, "nchw"},
    {"large_margin", 2, 9, 20, 1, {14, 15}, {3, 2}, {1}, {4, 3}, {3, 5}, {1}, {1}, false, "nhwc"},
    {"large_one_axis_dilation", 1, 16, 16, 1, {61}, {11}, {1}, {25}, {25}, {5}, {1}, false, "nchw"},
};

Value convolved(const Conv& c, const Values& in) {
  Value y = make(c.y(), [](const Shape&) { return 0.0; });
  c.for_each_product(
      [&](auto iy, auto ix, auto iw) { y.data[iy] += in[0].data[ix] * in[1].data[iw]; });
  return y;
}

void add_conv(Cases& cases, const Conv& c, bool small) {
  const Dtypes& dtypes = small ? kFloats : kSingle;
  const auto forward = [&c](const Values& in) { return convolved(c, in); };
  const auto input_grad = [&c](const Values& in) {
    Value x = make(c.x(), [](const Shape&) { return 0.0; });
    c.for_each_product(
        [&](auto iy, auto ix, auto iw) { x.data[ix] += in[0].data[iy] * in[1].data[iw]; });
    return x;
  };
  const auto weight_grad = [&c](const Values& in) {
    Value w = make(c.w(), [](const Shape&) { return 0.0; });
    c.for_each_product(
        [&](auto iy, auto ix, auto iw) { w.data[iw] += in[0].data[ix] * in[1].data[iy]; });
    return w;
  };
  // Transformed kernels may be off by 5e-5 of the rms.
  cases.push_back(
      {"conv", c.label, {{c.x()}, {c.w()}}, c.attrs(), forward, dtypes, Result::same, small, 5});
  cases.push_back({"conv_input_grad",
                   c.label,
                   {{c.y()}, {c.w()}},
                   c.attrs_after(c.x()),
                   input_grad,
                   dtypes,
                   Result::same,
                   small,
                   5});
  cases.push_back({"conv_weight_grad",
                   c.label,
                   {{c.x()}, {c.y()}},
                   c.attrs_after(c.w()),
                   weight_grad,
                   dtypes,
                   Result::same,
                   small,
                   5});
}

struct Transposed {
  const char* label;
  std::int64_t in_channels, out_channels, groups, stride, padding, dilation, extra;
  std::string layout;
};

const Transposed kTransposed[] = {
    {"plain", 3, 2, 1, 1, 0, 1, 0, "nhwc"},  {"stride", 3, 2, 1, 2, 1, 1, 0, "nhwc"},
    {"extra", 3, 2, 1, 2, 1, 1, 1, "nhwc"},  {"dilation", 2, 3, 1, 1, 1, 2, 0, "nchw"},
    {"groups", 4, 6, 2, 2, 0, 1, 0, "nhwc"},
};

void add_conv_transpose(Cases& cases, const Transposed& t) {
  const Shape size = {4, 5}, kernel = {3, 2};
  Shape out_size;
  for (std::size_t k = 0; k < 2; ++k) {
    out_size.push_back((size[k] - 1) * t.stride - 2 * t.padding + t.dilation * (kernel[k] - 1) + 1 +
                       t.extra);
  }
  const auto reference = [=, &t](const Values& in) {
    Value y =
        make(image_shape(t.layout, 2, t.out_channels, out_size), [](const Shape&) { return 0.0; });
    const std::int64_t per_in = t.in_channels / t.groups, per_out = t.out_channels / t.groups;
    for (std::int64_t n = 0; n < 2; ++n) {
      for (std::int64_t o = 0; o < t.out_channels; ++o) {
        for (std::int64_t c = 0; c < per_in; ++c) {
          for_each_index(size, [&](const Shape& p) {
            for_each_index(kernel, [&](const Shape& k) {
              Shape to(2);
              for (std::size_t a = 0; a < 2; ++a) {
                to[a] = p[a] * t.stride + k[a] * t.dilation - t.padding;
                if (to[a] < 0 || to[a] >= out_size[a]) return;
              }
              at(y, image_index(t.layout, n, o, to)) +=
                  at(in[0], image_index(t.layout, n, o / per_out * per_in + c, p)) *
                  at(in[1], image_index(t.layout, o, c, k));
            });
          });
        }
      }
    }
    return y;
  };
  cases.push_back({"conv_transpose",
                   t.label,
                   {{image_shape(t.layout, 2, t.in_channels, size)},
                    {image_shape(t.layout, t.out_channels, t.in_channels / t.groups, kernel)}},
                   {ints({t.stride}), ints({t.padding}), ints({t.dilation}), ints({t.extra}),
                    integer(t.groups), text(t.layout)},
                   reference,
                   kFloats,
                   Result::same,
                   true,
                   5});
}

// The named convolutions are conv with equal padding on both sides.
void add_named(Cases& cases) {
  static const Conv one = {"", 2, 3, 4, 1, {7}, {3}, {2}, {1}, {1}, {1}, {1}, false, "nhwc"};
  static const Conv two = {"",     2,   3,   4,   1,   {5, 6}, {3, 2},
                           {1, 2}, {1}, {1}, {1}, {1}, false,  "nhwc"};
  static const Conv three = {"",  1,   2,   3,   1,   {3, 4, 3}, {2, 2, 2},
                             {1}, {1}, {1}, {1}, {1}, false,     "nhwc"};
  const auto add = [&](const char* op, const Conv& c, std::vector<Attribute> attrs) {
    cases.push_back({op,
                     "plain",
                     {{c.x()}, {c.w()}},
                     std::move(attrs),
                     [&c](const Values& in) { return convolved(c, in); },
                     kFloats,
                     Result::same,
                     true,
                     5});
  };
  add("conv1d", one, {integer(2), integer(1)});
  add("conv2d", two, {ints({1, 2}), ints({1})});
  add("conv3d", three, {ints({1}), ints({1})});
}

}  // namespace

Cases contract_cases() {
  Cases cases;
  add_matmul(cases);
  for (const Conv& c : kConvs) add_conv(cases, c, true);
  for (const Conv& c : kLargeConvs) add_conv(cases, c, false);
  for (const Transposed& t : kTransposed) add_conv_transpose(cases, t);
  add_named(cases);
  return cases;
}

}  // namespace quern::test
