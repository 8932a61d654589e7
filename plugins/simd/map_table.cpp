// Which loop serves a step, and what it costs. Holds no loop.
#include "plugins/simd/map.h"

namespace quern::simd {

MapFn map_fn(std::uint32_t op, Lane in, Lane out, unsigned uniform_mask) {
  switch (op) {
    case kInstFill:
    case kInstCopy:
    case QN_OP_WHERE:
      return move_fn(op, lane_size(out), uniform_mask);
    case kInstRoundF16:
    case kInstRoundBf16:
      return uniform_mask ? nullptr : half_fns(op == kInstRoundF16 ? QN_F16 : QN_BF16).round;
    case QN_OP_ASTYPE:
      return uniform_mask ? nullptr : convert_fn(in, out);
    case kInstToFloatOdd:
      return uniform_mask ? nullptr : odd_fn(in);
    case QN_OP_COMPLEX:
      return uniform_mask ? nullptr : complex_fn(op);
    default:
      break;
  }
  MapFn f = nullptr;
  switch (in) {
    case Lane::kFloat:
      f = float_fn(op, uniform_mask);
      if (!f) f = float_math_fn(op, uniform_mask);
      break;
    case Lane::kDouble:
      f = double_fn(op, uniform_mask);
      break;
    case Lane::kComplex:
      f = uniform_mask ? nullptr : complex_fn(op);
      break;
    default:
      if (is_integer(in) && (op == QN_OP_FLOOR_DIVIDE || op == QN_OP_REMAINDER))
        return uniform_mask & 1 ? nullptr : divide_fn(in, op == QN_OP_REMAINDER, uniform_mask == 2);
      f = uniform_mask ? nullptr : integer_fn(op, in);
      break;
  }
  return f || uniform_mask ? f : scalar_fn(op, in);
}

MapFn clamp_fn(Lane lane, bool maximum_first, unsigned uniform_mask) {
  const std::uint32_t op = maximum_first ? kInstMaxMin : kInstMinMax;
  if (lane == Lane::kFloat) return float_fn(op, uniform_mask);
  if (lane == Lane::kDouble) return double_fn(op, uniform_mask);
  return lane == Lane::kComplex || uniform_mask ? nullptr : integer_fn(op, lane);
}

namespace {

double float_cost(std::uint32_t op) {
  switch (op) {
    case QN_OP_DIVIDE:
    case QN_OP_SQRT:
    case QN_OP_RECIPROCAL:
    case QN_OP_FLOOR_DIVIDE:
      return 0.2;
    case QN_OP_EXP:
    case QN_OP_SIGMOID:
    case QN_OP_TANH:
    case QN_OP_ERF:
      return 0.25;
    case QN_OP_LOG:
    case QN_OP_RSQRT:
    case QN_OP_SIN:
    case QN_OP_COS:
    case QN_OP_ARCTAN:
    case QN_OP_REMAINDER:
      return 0.4;
    case QN_OP_ARCTAN2:
    case QN_OP_LOGADDEXP:
    case QN_OP_SOFTPLUS:
    case QN_OP_POWER:  // one of the simple exponents, or not
      return 1.0;
    default:
      return (op >= QN_OP_SQRT && op <= QN_OP_ARCTANH) || op == QN_OP_ERFINV ? 0.7 : 0.05;
  }
}

}  // namespace

double step_cost(std::uint32_t op, Lane in) {
  const double cost = float_cost(op);
  switch (in) {
    case Lane::kFloat:
      return cost;
    case Lane::kDouble:
      return op == QN_OP_POWER || op == QN_OP_ERF || op == QN_OP_ERFINV ? 15 : cost * 4;
    case Lane::kComplex:
      return op == QN_OP_WHERE || cost < 0.1 ? 0.2 : complex_fn(op) ? 2 + cost * 4 : 60;
    default:
      return op == QN_OP_POWER                                   ? 4
             : op == QN_OP_FLOOR_DIVIDE || op == QN_OP_REMAINDER ? 0.8
                                                                 : 0.03 * lane_size(in);
  }
}

}  // namespace quern::simd
