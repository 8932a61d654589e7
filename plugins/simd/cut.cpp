// See cut.h.
#include "plugins/simd/cut.h"

namespace quern::simd {
namespace {

bool has(AxisSet axes, std::uint32_t i) {
  return std::find(axes.begin(), axes.end(), std::int64_t{i}) != axes.end();
}

}  // namespace

AxisOrder row_major(const qn_array_desc& x) {
  AxisOrder order;
  for (std::uint32_t i = 0; i < x.ndim; ++i) order.push_back(i);
  return order;
}

AxisOrder moved_last(const qn_array_desc& x, AxisSet axes) {
  AxisOrder order = row_major(x);
  std::stable_partition(order.begin(), order.end(), [&](std::uint32_t i) { return !has(axes, i); });
  return order;
}

bool cut_lines(const qn_array_desc& x, AxisSet axes, const AxisOrder& order, Cut& c) {
  c = {};
  int stage = 0;  // before the op's axes, among them, behind them
  for (std::uint32_t i : order) {
    if (x.shape[i] == 1) continue;
    const bool along = has(axes, i);
    if (along && stage == 2) return false;
    if (along) stage = 1;
    if (!along && stage == 1) stage = 2;
    (stage == 0 ? c.outer : stage == 1 ? c.n : c.inner) *= x.shape[i];
  }
  return true;
}

bool keeps_order(const qn_array_desc& x, AxisSet axes, const AxisOrder& order) {
  std::uint32_t last = 0;
  for (std::uint32_t i : order) {
    if (x.shape[i] == 1 || has(axes, i)) continue;
    if (i < last) return false;
    last = i;
  }
  return true;
}

}  // namespace quern::simd
