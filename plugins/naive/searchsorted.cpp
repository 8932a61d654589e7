// searchsorted: binary search of each value in a sorted line, in the order of sort.
// A line that is not sorted gives some index within it, nothing worse.
#include "plugins/naive/indexing.h"
#include "plugins/naive/order.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (!accept_real(op, why)) return false;
  if (op.in[0].dtype != op.in[1].dtype) *why = "sorted and values differ in dtype";
  if (op.in[0].shape[0] > kMaxOrdered) *why = "axis too long for 32-bit indices";
  return why->empty();
}

qn_status run_searchsorted(const Problem& p, const qn_run& run) {
  const Operand &line = p.in[0], &values = p.in[1], &y = p.out[0];
  const bool right = p.text(0) == "right";
  dispatch(line.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each<2>(y.shape, {strides_of(values), strides_of(y)}, [&](const auto& at) {
      const auto value = load<T>(run.in[1].data, at[0]);
      std::int64_t low = 0, high = line.shape[0];
      while (low < high) {
        const std::int64_t middle = low + (high - low) / 2;
        const auto element = load<T>(run.in[0].data, middle * line.strides[0]);
        const bool below = right ? !before(value, element) : before(element, value);
        (below ? low : high) = below ? middle + 1 : middle;
      }
      store<std::uint32_t>(run.out[0].data, at[1], static_cast<std::uint32_t>(low));
    });
  });
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  const auto n = static_cast<double>(op.in[0].shape[0]);
  return 100 + static_cast<double>(element_count(op.in[1])) * 4 * (1 + std::log2(n + 1));
}

const Kernel kTable[] = {{QN_OP_SEARCHSORTED, "searchsorted", accepts, run_searchsorted, estimate}};

}  // namespace

const KernelList searchsorted_kernels = kernel_list(kTable);

}  // namespace quern::naive
