// sort, argsort and argpartition along one axis: ascending, NaN last, equal elements in the order
// they had. All sort indices in the workspace; only sort then moves elements.
#include <algorithm>

#include "plugins/naive/indexing.h"
#include "plugins/naive/order.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (!accept_real(op, why)) return false;
  const std::size_t axis = normal_axis(op.attr[op.n_attr - 1].v.i, op.in[0].ndim);
  if (op.in[0].shape[axis] > kMaxOrdered) *why = "axis too long for 32-bit indices";
  return why->empty();
}

// Calls f(offsets of the line's first element in x and y, indices in the wished order) for every
// line. `arrange` orders [begin, end) by a strict total order.
template <typename Arrange, typename F>
void each_line(const Problem& p, const qn_run& run, std::size_t axis, Arrange&& arrange, F&& f) {
  const Operand &x = p.in[0], &y = p.out[0];
  const std::int64_t n = x.shape[axis];
  if (n == 0) return;
  auto* order = static_cast<std::uint32_t*>(run.workspace);
  std::array<std::int64_t, kMaxDims> lines{};
  for (std::size_t i = 0; i < x.ndim(); ++i) lines[i] = i == axis ? 1 : x.shape[i];
  dispatch(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each<2>({lines.data(), x.ndim()}, {strides_of(x), strides_of(y)}, [&](const auto& at) {
      for (std::int64_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
      arrange(order, order + n, [&](std::uint32_t a, std::uint32_t b) {
        const auto v = load<T>(run.in[0].data, at[0] + a * x.strides[axis]),
                   w = load<T>(run.in[0].data, at[0] + b * x.strides[axis]);
        return before(v, w) || (!before(w, v) && a < b);
      });
      f(at, order);
    });
  });
}

constexpr auto kSort = [](std::uint32_t* begin, std::uint32_t* end, auto less) {
  std::sort(begin, end, less);
};

qn_status run_sort(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  const std::size_t axis = normal_axis(p.integer(0), x.ndim());
  each_line(p, run, axis, kSort, [&](const auto& at, const std::uint32_t* order) {
    for (std::int64_t i = 0; i < y.shape[axis]; ++i) {
      copy_item(advance(run.out[0].data, at[1] + i * y.strides[axis], y.itemsize),
                advance(run.in[0].data, at[0] + order[i] * x.strides[axis], x.itemsize),
                y.itemsize);
    }
  });
  return QN_OK;
}

template <typename Arrange>
void write_indices(const Problem& p, const qn_run& run, std::size_t axis, Arrange&& arrange) {
  const Operand& y = p.out[0];
  each_line(p, run, axis, arrange, [&](const auto& at, const std::uint32_t* order) {
    for (std::int64_t i = 0; i < y.shape[axis]; ++i)
      store<std::uint32_t>(run.out[0].data, at[1] + i * y.strides[axis], order[i]);
  });
}

qn_status run_argsort(const Problem& p, const qn_run& run) {
  write_indices(p, run, normal_axis(p.integer(0), p.in[0].ndim()), kSort);
  return QN_OK;
}

qn_status run_argpartition(const Problem& p, const qn_run& run) {
  const std::int64_t kth = p.integer(0);
  write_indices(p, run, normal_axis(p.integer(1), p.in[0].ndim()),
                [kth](std::uint32_t* begin, std::uint32_t* end, auto less) {
                  std::nth_element(begin, begin + kth, end, less);
                });
  return QN_OK;
}

std::uint64_t workspace(const Problem& p) {
  const std::size_t axis = normal_axis(p.attr.back().i, p.in[0].ndim());
  return static_cast<std::uint64_t>(p.in[0].shape[axis]) * sizeof(std::uint32_t);
}

double estimate(const qn_opdesc& op) {
  const std::size_t axis = normal_axis(op.attr[op.n_attr - 1].v.i, op.in[0].ndim);
  const auto n = static_cast<double>(op.in[0].shape[axis]);
  return 100 + static_cast<double>(element_count(op.in[0])) * 6 * (1 + std::log2(n + 1));
}

double estimate_partition(const qn_opdesc& op) {
  return 100 + static_cast<double>(element_count(op.in[0])) * 25;
}

const Kernel kTable[] = {
    {QN_OP_SORT, "sort", accepts, run_sort, estimate, workspace},
    {QN_OP_ARGSORT, "argsort", accepts, run_argsort, estimate, workspace},
    {QN_OP_ARGPARTITION, "argpartition", accepts, run_argpartition, estimate_partition, workspace},
};

}  // namespace

const KernelList sort_kernels = kernel_list(kTable);

}  // namespace quern::naive
