// Widening: where only the naive kernels compute an op in f16 or bf16 and others do in f32, its
// halves are converted to f32, the op runs there, and its results are rounded back, as the naive
// kernels would have done. Element-wise ops are left alone: their kernels round after every step.
#include "runtime/graph/passes/rewriter.h"

namespace quern {
namespace {

bool computes(std::uint32_t op) {
  switch (op) {
    case QN_OP_SUM:
    case QN_OP_PROD:
    case QN_OP_MAX:
    case QN_OP_MIN:
    case QN_OP_ARGMAX:
    case QN_OP_ARGMIN:
    case QN_OP_LOGSUMEXP:
    case QN_OP_CUMSUM:
    case QN_OP_CUMPROD:
    case QN_OP_LOGCUMSUMEXP:
    case QN_OP_SORT:
    case QN_OP_ARGSORT:
    case QN_OP_ARGPARTITION:
    case QN_OP_MATMUL:
    case QN_OP_CONV:
    case QN_OP_CONV_INPUT_GRAD:
    case QN_OP_CONV_WEIGHT_GRAD:
    case QN_OP_MAX_POOL:
    case QN_OP_MAX_POOL_GRAD:
    case QN_OP_AVG_POOL:
    case QN_OP_AVG_POOL_GRAD:
    case QN_OP_SOFTMAX:
    case QN_OP_LOG_SOFTMAX:
    case QN_OP_LAYER_NORM:
    case QN_OP_RMS_NORM:
    case QN_OP_GROUP_NORM:
    case QN_OP_SCALED_DOT_PRODUCT_ATTENTION:
    case QN_OP_DEQUANTIZE:
      return true;
    default:
      return false;
  }
}

class Widening {
 public:
  Widening(Runtime& rt, Ir& ir) : rt_(rt), ir_(ir), wide_(ir.values.size(), -1) {}

  void run() {
    std::vector<IrOp> before = std::move(ir_.ops);
    ir_.ops.clear();
    for (IrOp& op : before) {
      if (computes(op.op) && has_half(op) && !served(rt_, ir_, op, false) &&
          served(rt_, ir_, op, true))
        place(std::move(op));
      else
        ir_.ops.push_back(std::move(op));
    }
  }

 private:
  IrValue& value(int v) { return ir_.values[static_cast<std::size_t>(v)]; }

  bool has_half(const IrOp& op) {
    for (int v : op.in)
      if (is_half(value(v).dtype)) return true;
    return false;
  }

  int add(Shape shape, DType t) {
    IrValue v;
    v.shape = std::move(shape);
    v.dtype = t;
    ir_.values.push_back(std::move(v));
    wide_.push_back(-1);
    return static_cast<int>(ir_.values.size()) - 1;
  }

  void convert(int from, int to) {
    IrOp c;
    c.op = QN_OP_ASTYPE;
    c.attrs.push_back(value(to).dtype);
    c.in.push_back(from);
    c.out.push_back(to);
    c.n_op_in = 1;
    ir_.ops.push_back(std::move(c));
  }

  void place(IrOp op) {
    for (int& v : op.in) {
      if (!is_half(value(v).dtype)) continue;
      if (wide_[static_cast<std::size_t>(v)] < 0) {
        const int fresh = add(value(v).shape, DType::f32);
        convert(v, fresh);
        wide_[static_cast<std::size_t>(v)] = fresh;
      }
      v = wide_[static_cast<std::size_t>(v)];
    }
    std::vector<std::pair<int, int>> rounded;
    for (int& v : op.out) {
      if (!is_half(value(v).dtype)) continue;
      const int fresh = add(value(v).shape, DType::f32);
      rounded.emplace_back(fresh, v);
      v = fresh;
    }
    op.root_dtype = widened(op.root_dtype);
    ir_.ops.push_back(std::move(op));
    for (const auto& [from, to] : rounded) convert(from, to);
  }

  Runtime& rt_;
  Ir& ir_;
  std::vector<int> wide_;  // of each half value its f32 form, once there is one
};

}  // namespace

void widen(Runtime& rt, Ir& ir) {
  for (const IrValue& v : ir.values)
    if (is_half(v.dtype)) return Widening(rt, ir).run();
}

}  // namespace quern
