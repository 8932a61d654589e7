// Unfolding: where only the naive kernels serve a convolution or its gradient by the weights, its
// windows become the rows of a matrix, and the op a matrix product with it:
//   conv(x, w)[p, o] = sum over k, c of x[p * stride + k * dilation, c] * w[o, k, c].
// Left alone are sums too small to pay for that and windows that would fill memory.
#include <algorithm>

#include "runtime/graph/passes/rewriter.h"

namespace quern {
namespace {

constexpr std::int64_t kLeastProducts = 1 << 14, kMostBytes = std::int64_t{1} << 28;

struct Axis {
  std::int64_t stride, low, high, dilation, spread, taps, out;
};

class Unfolding : Rewriter {
 public:
  using Rewriter::Rewriter;

  void run() {
    replace([](const IrOp& op) { return op.op == QN_OP_CONV || op.op == QN_OP_CONV_WEIGHT_GRAD; },
            [&](const IrOp& op) { return place(op); });
  }

  bool would_place(const IrOp& op) {
    const std::size_t n_values = ir_.values.size(), n_ops = ir_.ops.size();
    const bool placed = place(op);
    ir_.values.resize(n_values);
    ir_.ops.resize(n_ops);
    return placed;
  }

 private:
  // An array of the op with its channels last.
  int last(int v) {
    if (last_) return v;
    Ints axes{0};
    for (std::size_t i = 2; i < shape(v).size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    axes.push_back(1);
    return transpose(v, axes);
  }
  Shape last(const Shape& s) const {
    if (last_) return s;
    Shape to{s[0]};
    for (std::size_t i = 2; i < s.size(); ++i) to.push_back(s[i]);
    to.push_back(s[1]);
    return to;
  }

  // Reads the op; false where it is not for this pass.
  bool read(const IrOp& op) {
    const bool forward = op.op == QN_OP_CONV;
    const AttrList& a = op.attrs;
    const std::size_t at = forward ? 0 : 1;
    last_ = a.s(at + ConvAttr::kLayout) == "nhwc";
    const Shape x = last(shape(op.in[0])), w = last(shape(forward ? op.in[1] : op.out[0])),
                y = last(shape(forward ? op.out[0] : op.in[1]));
    for (const Shape* s : {&x, &w, &y})
      for (std::int64_t n : *s)
        if (n == 0) return false;
    groups_ = a.i(at + ConvAttr::kGroups);
    flip_ = a.b(at + ConvAttr::kFlip);
    axes_.clear();
    double columns = static_cast<double>(x.back() / groups_), bytes = 1;
    for (std::int64_t n : y) bytes *= static_cast<double>(n);
    bytes /= static_cast<double>(y.back());
    for (std::size_t i = 0; i + 2 < x.size(); ++i) {
      axes_.push_back({a.is(at + ConvAttr::kStride)[i], a.is(at + ConvAttr::kLow)[i],
                       a.is(at + ConvAttr::kHigh)[i], a.is(at + ConvAttr::kDilation)[i],
                       a.is(at + ConvAttr::kInputDilation)[i], w[1 + i], y[1 + i]});
      columns *= static_cast<double>(w[1 + i]);
    }
    const double products = bytes * columns * static_cast<double>(y.back());
    bytes *=
        columns * static_cast<double>(groups_) * static_cast<double>(itemsize(dtype(op.in[0])));
    // The padded input may be much larger than what the windows read of it.
    double room = static_cast<double>(x[0]) * static_cast<double>(x.back());
    for (std::size_t i = 0; i < axes_.size(); ++i)
      room *= static_cast<double>(x[1 + i]) * static_cast<double>(axes_[i].spread) +
              std::max(0.0, static_cast<double>(axes_[i].low)) +
              std::max(0.0, static_cast<double>(axes_[i].high));
    room *= static_cast<double>(itemsize(dtype(op.in[0])));
    return products >= kLeastProducts && bytes <= kMostBytes && room <= kMostBytes;
  }

  // The input with zeros between and around its elements, less what negative padding cuts off.
  int prepared(int x) {
    const std::size_t n = axes_.size();
    Shape s = shape(x);
    bool spread = false;
    for (const Axis& a : axes_) spread = spread || a.spread > 1;
    if (spread) {
      Ints split{s[0]}, low(2 * n + 2, 0), high(2 * n + 2, 0), merged{s[0]};
      for (std::size_t i = 0; i < n; ++i) {
        split.push_back(s[1 + i]), split.push_back(1);
        high[2 + 2 * i] = axes_[i].spread - 1;
        merged.push_back(s[1 + i] * axes_[i].spread);
        s[1 + i] = (s[1 + i] - 1) * axes_[i].spread + 1;
      }
      split.push_back(s.back()), merged.push_back(s.back());
      x = slice(reshape(padded(reshape(x, split), low, high), merged), Ints(n + 2, 0), s);
    }
    Ints low(n + 2, 0), high(n + 2, 0), start(n + 2, 0);
    for (std::size_t i = 0; i < n; ++i) {
      low[1 + i] = std::max<std::int64_t>(0, axes_[i].low);
      high[1 + i] = std::max<std::int64_t>(0, axes_[i].high);
      start[1 + i] = std::max<std::int64_t>(0, -axes_[i].low);
      s[1 + i] += axes_[i].low + axes_[i].high;
    }
    return slice(padded(x, low, high), start, s);
  }

  // The windows of x as a matrix ([groups,] windows, taps * channels).
  int windows(int x) {
    x = prepared(x);
    const Shape s = shape(x);
    const Strides step = dense_strides(s);
    Ints to, strides, matrix;
    const auto axis = [&](std::int64_t size, std::int64_t stride) {
      to.push_back(size), strides.push_back(stride);
    };
    const std::int64_t channels = s.back() / groups_;
    if (groups_ > 1) axis(groups_, channels), matrix.push_back(groups_);
    axis(s[0], step[0]);
    std::int64_t rows = s[0], columns = channels;
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      axis(axes_[i].out, step[1 + i] * axes_[i].stride);
      rows *= axes_[i].out;
    }
    for (std::size_t i = 0; i < axes_.size(); ++i) {
      axis(axes_[i].taps, step[1 + i] * axes_[i].dilation);
      columns *= axes_[i].taps;
    }
    axis(channels, 1);
    matrix.push_back(rows), matrix.push_back(columns);
    const int v = emit(QN_OP_AS_STRIDED, {x}, attributes(to, strides, std::int64_t{0}),
                       Shape(to.begin(), to.end()), dtype(x));
    return reshape(v, matrix);
  }

  int product(int a, int b) {
    Shape s = shape(a);
    s.back() = shape(b).back();
    return emit(QN_OP_MATMUL, {a, b}, {}, std::move(s), dtype(a));
  }

  Ints with_groups(std::int64_t a, std::int64_t b) const {
    return groups_ > 1 ? Ints{groups_, a, b} : Ints{a, b};
  }
  // Swaps the last two axes.
  int turned(int v) { return transpose(v, groups_ > 1 ? Ints{0, 2, 1} : Ints{1, 0}); }

  // Both give the number of the product among the ops, and end with the op's own result.
  std::size_t place_forward(const IrOp& op) {
    int w = last(op.in[1]);
    if (flip_) w = reversed(w, 1, axes_.size());
    const int x = windows(last(op.in[0]));
    const std::int64_t outs = shape(op.in[1])[0];
    w = turned(reshape(w, with_groups(outs / groups_, shape(x).back())));
    int y = product(x, w);
    const std::size_t at = ir_.ops.size() - 1;
    if (groups_ > 1) y = transpose(y, Ints{1, 0, 2});
    finish(y, op);
    return at;
  }

  std::size_t place_gradient(const IrOp& op) {
    const int x = windows(last(op.in[0]));
    const std::int64_t rows = shape(x)[shape(x).size() - 2], outs = shape(op.out[0])[0];
    int dy = last(op.in[1]);
    dy = groups_ > 1 ? transpose(reshape(dy, Ints{rows, groups_, outs / groups_}), Ints{1, 2, 0})
                     : transpose(reshape(dy, Ints{rows, outs}), Ints{1, 0});
    const int w = product(dy, x);
    const std::size_t at = ir_.ops.size() - 1;
    finish(w, op);
    return at;
  }

  // v, whatever its axes, becomes the op's result.
  void finish(int v, const IrOp& op) {
    const Shape to = last(shape(op.out[0]));
    v = reshape(v, Ints(to.begin(), to.end()));
    if (op.op == QN_OP_CONV_WEIGHT_GRAD && flip_) v = reversed(v, 1, axes_.size());
    if (!last_) {
      Ints back{0, static_cast<std::int64_t>(to.size()) - 1};
      for (std::size_t i = 1; i + 1 < to.size(); ++i) back.push_back(static_cast<std::int64_t>(i));
      transpose(v, back);
    }
    give(op.out[0]);
  }

  bool place(const IrOp& op) {
    const Rule* rule = rule_for(op);
    if ((!rule && served_somehow(op)) || !read(op)) return false;
    const std::size_t n_values = ir_.values.size(), n_ops = ir_.ops.size();
    const std::size_t at = op.op == QN_OP_CONV ? place_forward(op) : place_gradient(op);
    if (preferred(rule, op, ir_.ops[at])) return true;
    ir_.values.resize(n_values);
    ir_.ops.resize(n_ops);
    return false;
  }

  std::vector<Axis> axes_;  // of the op at hand, like all below
  bool last_ = true;        // channels last
  bool flip_ = false;
  std::int64_t groups_ = 1;
};

}  // namespace

void unfold(Runtime& rt, Ir& ir) { Unfolding(rt, ir).run(); }

bool unfoldable(Runtime& rt, Ir& ir, const IrOp& op) { return Unfolding(rt, ir).would_place(op); }

}  // namespace quern
