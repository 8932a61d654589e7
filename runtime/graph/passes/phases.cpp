// Phases: where only the naive kernels serve the gradient of a convolution by its input (which is
// transposed convolution), mostly because of its strides, the outputs of each phase of the strides
// become channels of one convolution without strides: with u = i + padding_low = q * stride + r,
//   dx[i] = sum over j of dy[q - j] * w[r + stride * j],
// a convolution over q whose filters are every stride-th tap of w from tap r on.
#include <cstdlib>

#include "runtime/graph/passes/rewriter.h"

namespace quern {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

constexpr std::int64_t kMostStride = 256, kMostPadding = std::int64_t{1} << 40;

struct Axis {
  std::int64_t stride, low, dilation, taps;
  std::int64_t phase_taps, first, count;     // taps of a phase; the first q and how many there are
  std::int64_t conv_low = 0, conv_high = 0;  // padding of dy
};

class Phases : Rewriter {
 public:
  using Rewriter::Rewriter;

  void run() {
    replace([](const IrOp& op) { return op.op == QN_OP_CONV_INPUT_GRAD; },
            [&](const IrOp& op) { return place(op); });
  }

 private:
  // Reads the axes of `op`; false where it is not for this pass.
  bool read(const IrOp& op) {
    const AttrList& a = op.attrs;
    const Shape &dy = shape(op.in[0]), &w = shape(op.in[1]), &dx = shape(op.out[0]);
    last_ = a.s(1 + ConvAttr::kLayout) == "nhwc";
    first_ = last_ ? 1 : 2;
    channel_ = last_ ? dx.size() - 1 : 1;
    groups_ = a.i(1 + ConvAttr::kGroups);
    axes_.clear();
    for (const Shape* s : {&dy, &w, &dx})
      for (std::int64_t n : *s)
        if (n == 0) return false;
    for (std::size_t i = 0; i + 2 < dx.size(); ++i) {
      Axis x{a.is(1 + ConvAttr::kStride)[i],
             a.is(1 + ConvAttr::kLow)[i],
             a.is(1 + ConvAttr::kDilation)[i],
             w[first_ + i],
             0,
             0,
             0};
      if (a.is(1 + ConvAttr::kInputDilation)[i] != 1 || (x.stride > 1 && x.dilation > 1))
        return false;
      if (x.stride > kMostStride || std::abs(x.low) > kMostPadding) return false;
      const std::int64_t end = x.low + dx[first_ + i] - 1;
      x.phase_taps = ceil_div(x.taps, x.stride);
      x.first = floor_div(x.low, x.stride);
      x.count = floor_div(end, x.stride) - x.first + 1;
      const std::int64_t reach = x.dilation * (x.phase_taps - 1);
      x.conv_low = reach - x.first;
      x.conv_high = x.count - dy[first_ + i] - x.conv_low + reach;
      axes_.push_back(x);
    }
    return true;
  }

  // w (O, k.., C/groups) as filters (groups * phases * C/groups, taps.., O/groups) of the
  // convolution, or the same with channels before the taps.
  int filters(const IrOp& op) {
    int w = op.in[1];
    const Shape from = shape(w);
    const std::size_t n = axes_.size();
    const std::int64_t outs = from[0] / groups_, ins = from[channel_];
    Ints low(from.size(), 0), high(from.size(), 0);
    for (std::size_t i = 0; i < n; ++i)
      high[first_ + i] = axes_[i].phase_taps * axes_[i].stride - from[first_ + i];
    if (op.attrs.b(1 + ConvAttr::kFlip)) {
      // The op's own flip reverses all taps: undone here, so that what follows need not know.
      w = reversed(w, first_, n);
    }
    w = padded(w, low, high);
    // (groups, outs, [ins,] taps, stride, taps, stride.., [ins])
    Ints split{groups_, outs};
    if (!last_) split.push_back(ins);
    for (const Axis& a : axes_) split.push_back(a.phase_taps), split.push_back(a.stride);
    if (last_) split.push_back(ins);
    w = reshape(w, split);
    const auto at = [](std::size_t k) { return static_cast<std::int64_t>(k); };
    const std::size_t taps = last_ ? 2 : 3, in_axis = last_ ? 2 + 2 * n : 2;
    Ints order{0};
    for (std::size_t i = 0; i < n; ++i) order.push_back(at(taps + 2 * i + 1));
    order.push_back(at(in_axis));
    if (!last_) order.push_back(1);
    for (std::size_t i = 0; i < n; ++i) order.push_back(at(taps + 2 * i));
    if (last_) order.push_back(1);
    w = reversed(transpose(w, order), last_ ? n + 2 : n + 3, n);
    Ints merged{groups_ * ins};
    for (const Axis& a : axes_) merged[0] *= a.stride;
    if (!last_) merged.push_back(outs);
    for (const Axis& a : axes_) merged.push_back(a.phase_taps);
    if (last_) merged.push_back(outs);
    return reshape(w, merged);
  }

  // z (N, q.., groups * phases * C/groups) as dx (N, i.., C), or both with channels first.
  void collect(int z, const IrOp& op) {
    const Shape dx = shape(op.out[0]);
    const std::size_t n = axes_.size();
    const std::int64_t ins = dx[channel_] / groups_;
    const auto at = [](std::size_t k) { return static_cast<std::int64_t>(k); };
    Ints split{dx[0]}, order{0}, merged{dx[0]};
    const auto push_q = [&] {
      for (const Axis& a : axes_) split.push_back(a.count);
    };
    if (last_) push_q();
    split.push_back(groups_);
    for (const Axis& a : axes_) split.push_back(a.stride);
    split.push_back(ins);
    if (!last_) push_q();
    const std::size_t q = last_ ? 1 : n + 3, group = last_ ? n + 1 : 1;
    const auto push_channels = [&] {
      order.push_back(at(group)), order.push_back(at(group + n + 1));
      merged.push_back(dx[channel_]);
    };
    if (!last_) push_channels();
    for (std::size_t i = 0; i < n; ++i) {
      order.push_back(at(q + i)), order.push_back(at(group + 1 + i));
      merged.push_back(axes_[i].count * axes_[i].stride);
    }
    if (last_) push_channels();
    z = reshape(transpose(reshape(z, split), order), merged);
    Ints start(dx.size(), 0);
    for (std::size_t i = 0; i < n; ++i)
      start[first_ + i] = axes_[i].low - axes_[i].first * axes_[i].stride;
    slice(z, start, dx);
    give(op.out[0]);
  }

  bool place(const IrOp& op) {
    const Rule* rule = rule_for(op);
    if (!rule && served_somehow(op)) return false;
    if (!read(op)) return false;
    const std::size_t n_values = ir_.values.size(), n_ops = ir_.ops.size();
    const int w = filters(op);
    Ints ones(axes_.size(), 1), low, high, dilation;
    Shape q{shape(op.out[0])[0]};
    if (!last_) q.push_back(shape(w)[0]);
    for (const Axis& a : axes_) {
      low.push_back(a.conv_low), high.push_back(a.conv_high), dilation.push_back(a.dilation);
      q.push_back(a.count);
    }
    if (last_) q.push_back(shape(w)[0]);
    const int z = emit(QN_OP_CONV, {op.in[0], w},
                       attributes(ones, low, high, dilation, ones, groups_, std::int64_t{0},
                                  std::string(op.attrs.s(1 + ConvAttr::kLayout))),
                       std::move(q), dtype(op.out[0]));
    const IrOp conv = ir_.ops.back();
    if (!preferred(rule, op, conv) && !unfoldable(rt_, ir_, conv)) {
      ir_.values.resize(n_values);
      ir_.ops.resize(n_ops);
      return false;
    }
    collect(z, op);
    return true;
  }

  std::vector<Axis> axes_;  // of the op at hand, like all below
  bool last_ = true;        // channels last
  std::size_t first_ = 1, channel_ = 0;
  std::int64_t groups_ = 1;
};

}  // namespace

void split_phases(Runtime& rt, Ir& ir) { Phases(rt, ir).run(); }

}  // namespace quern
