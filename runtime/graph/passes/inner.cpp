// Inner products: a sum over the last axes of products or squares, which nothing else reads,
// becomes a matrix product of rows and columns, so that the products are never stored. Only f32,
// and rows long enough for it to pay.
#include <algorithm>
#include <vector>

#include "runtime/graph/passes/rewriter.h"

namespace quern {
namespace {

constexpr std::int64_t kLeastRow = 64;

class InnerProducts : Rewriter {
 public:
  using Rewriter::Rewriter;

  void run() {
    const auto is_sum = [&](const IrOp& op) {
      return op.op == QN_OP_SUM && dtype(op.in[0]) == DType::f32;
    };
    if (std::none_of(ir_.ops.begin(), ir_.ops.end(), is_sum)) return;
    maker_.assign(ir_.values.size(), nullptr);
    readers_.assign(ir_.values.size(), 0);
    const std::vector<IrOp> before = ir_.ops;
    for (const IrOp& op : before) {
      for (int v : op.out) maker_[static_cast<std::size_t>(v)] = &op;
      for (int v : op.in) ++readers_[static_cast<std::size_t>(v)];
    }
    std::vector<int> gone;
    replace(is_sum, [&](const IrOp& op) {
      if (!place(op)) return false;
      gone.push_back(op.in[0]);
      return true;
    });
    std::erase_if(ir_.ops, [&](const IrOp& op) {
      return std::find(gone.begin(), gone.end(), op.out[0]) != gone.end();
    });
  }

 private:
  // Read by one op only, and by no caller.
  bool passing(int v) const {
    const auto i = static_cast<std::size_t>(v);
    return readers_[i] == 1 && !ir_.values[i].held;
  }
  // Would otherwise be part of one map with its reader.
  bool fusable(int v) const {
    const IrOp* op = maker_[static_cast<std::size_t>(v)];
    return op && op_info(op->op).kind == OpKind::ELEMENTWISE && passing(v);
  }

  bool place(const IrOp& op) {
    const IrOp* product = maker_[static_cast<std::size_t>(op.in[0])];
    if (!product || !passing(op.in[0]) || rule_for(op)) return false;
    if (product->op != QN_OP_MULTIPLY && product->op != QN_OP_SQUARE) return false;
    const int a = product->in[0], b = product->in[product->in.size() - 1];
    const Shape s = shape(op.in[0]);
    for (int v : {a, b})
      if (dtype(v) != DType::f32 || shape(v) != s) return false;
    if (a != b && fusable(a) && fusable(b)) return false;  // else both would have to be stored
    std::int64_t rows = 1, length = 1;
    if (!split(op, s, rows, length) || length < kLeastRow) return false;
    const std::size_t n_values = ir_.values.size(), n_ops = ir_.ops.size();
    const int left = reshape(a, Ints{rows, 1, length}), right = reshape(b, Ints{rows, length, 1});
    const int sums = emit(QN_OP_MATMUL, {left, right}, {}, Shape{rows, 1, 1}, DType::f32);
    if (!served(rt_, ir_, ir_.ops.back(), false)) {
      ir_.values.resize(n_values);
      ir_.ops.resize(n_ops);
      return false;
    }
    const Shape to = shape(op.out[0]);
    reshape(sums, Ints(to.begin(), to.end()));
    give(op.out[0]);
    return true;
  }

  // Rows that are summed, and their length; false when the axes are not the last ones.
  static bool split(const IrOp& op, const Shape& s, std::int64_t& rows, std::int64_t& length) {
    const auto n = static_cast<std::int64_t>(s.size());
    std::vector<bool> summed(s.size(), op.attrs.is(0).empty());
    for (std::int64_t axis : op.attrs.is(0))
      summed[static_cast<std::size_t>(axis < 0 ? axis + n : axis)] = true;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (i > 0 && summed[i - 1] && !summed[i]) return false;
      (summed[i] ? length : rows) *= s[i];
    }
    return rows > 0;
  }

  std::vector<const IrOp*> maker_;  // of each value there was before, or null
  std::vector<int> readers_;
};

}  // namespace

void inner_products(Runtime& rt, Ir& ir) { InnerProducts(rt, ir).run(); }

}  // namespace quern
