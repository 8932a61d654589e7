// Folding: what follows a convolution (a transposed one too) or matrix product and scales and
// shifts its channels by constants, as batch normalisation with fixed statistics does, goes into
// the weights:
//   (conv(x, w) - m) * s + b = conv(x, w * s) + (b - m * s).
// Only where rounding is free (not in the strict class), in f32 and f64, where nothing else reads
// the op's own result or the weights (so not beside their gradients), and where each weight is used
// for many results.
// A scale that is infinite or NaN gives nothing finite in its channel either way. A finite result
// can become infinite, or lose its digits, only where the product of a weight and the scales leaves
// the range of the dtype though that of the sum and the scales does not.
#include <algorithm>
#include <optional>
#include <vector>

#include "runtime/graph/passes/constants.h"
#include "runtime/graph/passes/rewriter.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

constexpr std::int64_t kLeastUses = 16;  // of each weight and shift

class Folding : Rewriter {
 public:
  using Rewriter::Rewriter;

  bool run() {
    constant_ = constants(ir_, false);
    maker_.assign(ir_.values.size(), -1);
    readers_.resize(ir_.values.size());
    for (std::size_t i = 0; i < ir_.ops.size(); ++i) {
      for (int v : ir_.ops[i].out) maker_[at(v)] = static_cast<int>(i);
      for (int v : ir_.ops[i].in) readers_[at(v)].push_back(static_cast<int>(i));
    }
    std::vector<Chain> chains;
    std::vector<int> chain_of(ir_.ops.size(), -1);
    for (std::size_t i = 0; i < ir_.ops.size(); ++i)
      if (auto c = chain(static_cast<int>(i))) {
        chain_of[i] = static_cast<int>(chains.size());
        for (const Link& l : c->links) chain_of[at(l.op)] = static_cast<int>(chains.size());
        chains.push_back(std::move(*c));
      }
    if (chains.empty()) return false;
    before_ = std::move(ir_.ops);
    ir_.ops.clear();
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (chain_of[i] < 0)
        ir_.ops.push_back(before_[i]);
      else if (const Chain& c = chains[at(chain_of[i])]; c.links.back().op == static_cast<int>(i))
        place(c);
    }
    return true;
  }

 private:
  struct Link {
    int op;     // number of an addition, subtraction, product or quotient
    int other;  // its operand that is not the chain
  };
  struct Chain {
    int root;  // number of the convolution or matrix product
    std::size_t axis;
    std::vector<Link> links;
  };

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  static bool shifts(std::uint32_t op) { return op == QN_OP_ADD || op == QN_OP_SUBTRACT; }
  static bool scales(std::uint32_t op) { return op == QN_OP_MULTIPLY || op == QN_OP_DIVIDE; }
  // Transposed convolutions are recorded as gradients; their attributes come after a shape.
  static bool transposed(const IrOp& op) { return op.op == QN_OP_CONV_INPUT_GRAD; }
  static bool convolves(const IrOp& op) { return op.op == QN_OP_CONV || transposed(op); }
  static bool nhwc(const IrOp& conv) {
    return conv.attrs.s(ConvAttr::kLayout + (transposed(conv) ? 1 : 0)) == "nhwc";
  }

  std::optional<Chain> chain(int i) const {
    const IrOp& root = ir_.ops[at(i)];
    const bool conv = convolves(root);
    if (!conv && root.op != QN_OP_MATMUL) return {};
    if (transposed(root) && root.attrs.i(ConvAttr::kGroups + 1) != 1) return {};
    const int y = root.out[0], w = root.in[1];
    const Shape& s = shape(y);
    if (dtype(y) != DType::f32 && dtype(y) != DType::f64) return {};
    if (dtype(w) != dtype(y) || !constant_[at(w)]) return {};
    if (!conv && (shape(w).size() != 2 || shape(root.in[0]).size() < 2)) return {};
    Chain c{i, conv && !nhwc(root) ? 1 : s.size() - 1, {}};
    bool scaled = false, shifted = false;
    for (int v = y; readers_[at(v)].size() == 1 && !ir_.values[at(v)].held;) {
      const int r = readers_[at(v)][0];
      const IrOp& op = ir_.ops[at(r)];
      if (!shifts(op.op) && !scales(op.op)) break;
      const bool turns = op.op == QN_OP_ADD || op.op == QN_OP_MULTIPLY;
      if (op.in[0] != v && !turns) break;
      const int other = op.in[op.in[0] == v ? 1 : 0], out = op.out[0];
      if (shape(out) != s || dtype(out) != dtype(y) || dtype(other) != dtype(y)) break;
      if (!constant_[at(other)] || !by_channel(other, s, c.axis)) break;
      (scales(op.op) ? scaled : shifted) = true;
      c.links.push_back({r, other});
      v = out;
    }
    if (c.links.size() < 2) return {};
    // Kernels of matrix products read weights as they lie: a scaled copy must be worth its memory.
    if (!conv && c.links.size() - (shifted ? 1 : 0) < 2) return {};
    if (element_count(s) < kLeastUses * s[c.axis] || (scaled && !read_here_only(root))) return {};
    return c;
  }

  // v has one value a channel, or one in all.
  bool by_channel(int v, const Shape& s, std::size_t axis) const {
    const Shape& own = shape(v);
    if (own.size() > s.size()) return false;
    for (std::size_t k = 0; k < own.size(); ++k)
      if (own[k] != 1 && k + s.size() - own.size() != axis) return false;
    return true;
  }

  bool read_here_only(const IrOp& root) const {
    for (int v = root.in[1]; v >= 0;) {
      if (readers_[at(v)].size() != 1 || ir_.values[at(v)].held) return false;
      v = maker_[at(v)] < 0 ? -1 : ir_.ops[at(maker_[at(v)])].in[0];
    }
    return std::none_of(readers_[at(root.in[0])].begin(), readers_[at(root.in[0])].end(),
                        [&](int r) { return ir_.ops[at(r)].op == QN_OP_CONV_WEIGHT_GRAD; });
  }

  int binary(std::uint32_t op, int a, int b) {
    return emit(op, {a, b}, {}, broadcast_shapes("fold", shape(a), shape(b)), dtype(a));
  }
  int unary(std::uint32_t op, int a) { return emit(op, {a}, {}, shape(a), dtype(a)); }

  void place(const Chain& c) {
    const IrOp& last = before_[at(c.links.back().op)];
    int scale = -1, shift = -1;
    for (const Link& l : c.links) {
      const std::uint32_t op = before_[at(l.op)].op;
      if (shifts(op)) {
        const bool plain = op == QN_OP_ADD;
        shift = shift >= 0 ? binary(op, shift, l.other)
                           : (plain ? l.other : unary(QN_OP_NEGATIVE, l.other));
        continue;
      }
      if (shift >= 0) shift = binary(op, shift, l.other);
      scale = scale >= 0             ? binary(op, scale, l.other)
              : op == QN_OP_MULTIPLY ? l.other
                                     : unary(QN_OP_RECIPROCAL, l.other);
    }
    IrOp root = before_[at(c.root)];
    if (scale >= 0) root.in[1] = scaled(root, scale);
    if (shift < 0) {
      root.out[0] = last.out[0];
      ir_.ops.push_back(std::move(root));
      return;
    }
    const int y = root.out[0];
    ir_.ops.push_back(std::move(root));
    emit(QN_OP_ADD, {y, shift}, {}, shape(y), dtype(y));
    give(last.out[0]);
  }

  // The weights of op, each output channel times its scale.
  int scaled(const IrOp& op, int scale) {
    const int w = op.in[1];
    const std::int64_t n = element_count(shape(scale));
    const auto column = [&](std::size_t rank) {
      Ints to(n == 1 ? 0 : rank, 1);
      if (n != 1) to[0] = n;
      return reshape(scale, to);
    };
    if (transposed(op))
      return binary(QN_OP_MULTIPLY, w, column(nhwc(op) ? 1 : shape(w).size() - 1));
    if (convolves(op)) return binary(QN_OP_MULTIPLY, w, column(shape(w).size()));
    // Weights stored by output channels stay so.
    const IrOp* maker = maker_[at(w)] < 0 ? nullptr : &before_[at(maker_[at(w)])];
    if (maker && maker->op == QN_OP_TRANSPOSE && maker->attrs.is(0)[0] == 1)
      return transpose(binary(QN_OP_MULTIPLY, maker->in[0], column(2)), Ints{1, 0});
    return binary(QN_OP_MULTIPLY, w, column(1));
  }

  std::vector<IrOp> before_;
  std::vector<char> constant_;
  std::vector<int> maker_;                 // of each value, or -1
  std::vector<std::vector<int>> readers_;  // of each value, one entry a reading
};

}  // namespace

bool fold(Runtime& rt, Ir& ir) {
  const auto contracts = [](const IrOp& op) {
    return op.op == QN_OP_CONV || op.op == QN_OP_CONV_INPUT_GRAD || op.op == QN_OP_MATMUL;
  };
  if (rt.accuracy() == QN_CLASS_STRICT || std::none_of(ir.ops.begin(), ir.ops.end(), contracts))
    return false;
  return Folding(rt, ir).run();
}

}  // namespace quern
