// Running totals along one axis: cumsum, cumprod, cummax, cummin, logcumsumexp.
// One line at a time from its first element (its last with reverse); floats accumulate in f64.
#include <limits>

#include "plugins/naive/indexing.h"
#include "plugins/naive/scalar.h"

namespace quern::naive {
namespace {

// What a total starts from and how it takes in an element x. Integers are summed and multiplied
// modulo 2^64 and cut to their width.
template <typename T>
struct Sum {
  using Total =
      std::conditional_t<std::is_integral_v<compute_t<T>>, std::uint64_t, accumulate_t<T>>;
  static Total start() { return 0; }
  static Total take(Total total, compute_t<T> x) { return total + static_cast<Total>(x); }
};

template <typename T>
struct Product {
  using Total = typename Sum<T>::Total;
  static Total start() { return 1; }
  static Total take(Total total, compute_t<T> x) { return total * static_cast<Total>(x); }
};

template <typename T, bool Largest>
struct Extreme {
  using Total = compute_t<T>;
  static Total start() {
    using Limits = std::numeric_limits<Total>;
    if constexpr (std::is_floating_point_v<Total>)
      return Largest ? -Limits::infinity() : Limits::infinity();
    else
      return Largest ? Limits::lowest() : Limits::max();
  }
  static Total take(Total total, compute_t<T> x) {
    return Largest ? scalar::maximum(total, x) : scalar::minimum(total, x);
  }
};
template <typename T>
using Max = Extreme<T, true>;
template <typename T>
using Min = Extreme<T, false>;

template <typename T>
struct LogSumExp {
  using Total = double;
  static Total start() { return -std::numeric_limits<double>::infinity(); }
  static Total take(Total total, compute_t<T> x) {
    const auto v = static_cast<double>(x);
    if (total == v) return v + std::log(2.0);  // also for two equal infinities
    return scalar::maximum(total, v) + std::log1p(std::exp(-std::abs(total - v)));
  }
};

template <typename T, typename Op>
void scan(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  const std::size_t axis = normal_axis(p.integer(0), x.ndim());
  const bool reverse = p.integer(1) != 0, inclusive = p.integer(2) != 0;
  std::array<std::int64_t, kMaxDims> lines{};
  for (std::size_t i = 0; i < x.ndim(); ++i) lines[i] = i == axis ? 1 : x.shape[i];
  const std::int64_t n = x.shape[axis];
  for_each<2>({lines.data(), x.ndim()}, {strides_of(x), strides_of(y)}, [&](const auto& at) {
    auto total = Op::start();
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int64_t i = reverse ? n - 1 - k : k;
      const auto next = Op::take(total, load<T>(run.in[0].data, at[0] + i * x.strides[axis]));
      store<T>(run.out[0].data, at[1] + i * y.strides[axis], inclusive ? next : total);
      total = next;
    }
  });
}

template <template <typename> typename Op>
qn_status run_scan(const Problem& p, const qn_run& run) {
  dispatch(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    scan<T, Op<T>>(p, run);
  });
  return QN_OK;
}

// The totals that complex numbers have, too.
template <template <typename> typename Op>
qn_status run_arithmetic(const Problem& p, const qn_run& run) {
  if (p.in[0].dtype != QN_C64) return run_scan<Op>(p, run);
  scan<C64, Op<C64>>(p, run);
  return QN_OK;
}

qn_status run_logcumsumexp(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    scan<T, LogSumExp<T>>(p, run);
  });
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  return 100 + 4 * static_cast<double>(element_count(op.in[0]));
}
double estimate_exp(const qn_opdesc& op) {
  return 100 + 30 * static_cast<double>(element_count(op.in[0]));
}

const Kernel kTable[] = {
    {QN_OP_CUMSUM, "cumsum", accept_any, run_arithmetic<Sum>, estimate},
    {QN_OP_CUMPROD, "cumprod", accept_any, run_arithmetic<Product>, estimate},
    {QN_OP_CUMMAX, "cummax", accept_real, run_scan<Max>, estimate},
    {QN_OP_CUMMIN, "cummin", accept_real, run_scan<Min>, estimate},
    {QN_OP_LOGCUMSUMEXP, "logcumsumexp", accept_float, run_logcumsumexp, estimate_exp},
};

}  // namespace

const KernelList scan_kernels = kernel_list(kTable);

}  // namespace quern::naive
