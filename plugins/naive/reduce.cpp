// Reductions over axes: sum, prod, max, min, all, any, argmax, argmin, logsumexp.
// One output element at a time, in row-major order of the reduced axes; floats accumulate in f64.
#include <limits>

#include "plugins/naive/naive.h"
#include "plugins/naive/scalar.h"

namespace quern::naive {
namespace {

// The input's axes, split into those kept and those reduced.
struct Split {
  std::array<std::int64_t, kMaxDims> kept_shape{}, reduced_shape{};
  Strides kept_in{}, kept_out{}, reduced_in{};
  std::size_t n_kept = 0, n_reduced = 0;

  explicit Split(const Problem& p) {
    const Operand &x = p.in[0], &y = p.out[0];
    const bool keepdims = p.integer(1) != 0;
    for (std::size_t i = 0; i < x.ndim(); ++i) {
      bool reduced = p.ints(0).empty();
      for (const std::int64_t axis : p.ints(0))
        reduced = reduced || static_cast<std::size_t>(axis) == i;
      if (reduced) {
        reduced_shape[n_reduced] = x.shape[i];
        reduced_in[n_reduced++] = x.strides[i];
      } else {
        kept_shape[n_kept] = x.shape[i];
        kept_in[n_kept] = x.strides[i];
        kept_out[n_kept] = y.strides[keepdims ? i : n_kept];
        ++n_kept;
      }
    }
  }

  // f(offset in x of the first element, offset in y) for every output element.
  template <typename F>
  void each_output(F&& f) const {
    for_each<2>({kept_shape.data(), n_kept}, {kept_in, kept_out},
                [&](const auto& at) { f(at[0], at[1]); });
  }

  // f(offset in x) for every element that goes into the output element which begins at `base`.
  template <typename F>
  void each_reduced(std::int64_t base, F&& f) const {
    for_each<1>({reduced_shape.data(), n_reduced}, {reduced_in},
                [&](const auto& at) { f(base + at[0]); });
  }
};

bool accepts_sum(const qn_opdesc& op, std::string* why) {
  const auto kind = [](qn_dtype t) { return is_float(t) ? 1 : t == QN_C64 ? 2 : 0; };
  if (!op.program && kind(op.in[0].dtype) != kind(op.out[0].dtype))
    *why = "changes between integers, floats and complex numbers";
  return why->empty();
}

// Integers are summed modulo 2^64 and cut to the output's width.
template <typename T>
using Total = std::conditional_t<std::is_integral_v<compute_t<T>>, std::uint64_t, accumulate_t<T>>;

template <typename A>
void store_total(const Operand& y, void* out, std::int64_t at, A total) {
  dispatch_number(y.dtype, [&](auto tag) {
    using O = typename decltype(tag)::type;
    if constexpr (std::is_same_v<Total<O>, A>) store<O>(out, at, total);
  });
}

template <bool Product>
qn_status run_total(const Problem& p, const qn_run& run) {
  const Split split(p);
  dispatch_number(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    split.each_output([&](std::int64_t base, std::int64_t out) {
      Total<T> total{Product ? 1 : 0};
      split.each_reduced(base, [&](std::int64_t at) {
        const auto x = static_cast<Total<T>>(load<T>(run.in[0].data, at));
        total = Product ? total * x : total + x;
      });
      store_total(p.out[0], run.out[0].data, out, total);
    });
  });
  return QN_OK;
}

// What every other number of the type is at least as good as.
template <bool Largest, typename C>
C least_for() {
  using Limits = std::numeric_limits<C>;
  if constexpr (scalar::is_complex<C>) {
    const float part = least_for<Largest, float>();
    return {part, part};
  } else if constexpr (std::is_floating_point_v<C>) {
    return Largest ? -Limits::infinity() : Limits::infinity();
  } else {
    return Largest ? Limits::lowest() : Limits::max();
  }
}

template <bool Largest>
qn_status run_extreme(const Problem& p, const qn_run& run) {
  const Split split(p);
  dispatch_number(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    using C = compute_t<T>;
    const C identity = least_for<Largest, C>();
    split.each_output([&](std::int64_t base, std::int64_t out) {
      C best = identity;
      split.each_reduced(base, [&](std::int64_t at) {
        const C x = load<T>(run.in[0].data, at);
        best = Largest ? scalar::maximum(best, x) : scalar::minimum(best, x);
      });
      store<T>(run.out[0].data, out, best);
    });
  });
  return QN_OK;
}

// The first NaN, if there is one, wins: it is what max and min give.
template <bool Largest>
qn_status run_index(const Problem& p, const qn_run& run) {
  const Split split(p);
  dispatch_number(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    split.each_output([&](std::int64_t base, std::int64_t out) {
      compute_t<T> best{};
      std::int64_t best_index = 0, index = 0;
      split.each_reduced(base, [&](std::int64_t at) {
        const auto x = load<T>(run.in[0].data, at);
        const bool ahead = Largest ? scalar::less(best, x) : scalar::less(x, best);
        const bool better = ahead || (x != x && best == best);
        if (index == 0 || better) {
          best = x;
          best_index = index;
        }
        ++index;
      });
      dispatch_integer(p.out[0].dtype, [&](auto out_tag) {
        store<typename decltype(out_tag)::type>(run.out[0].data, out, best_index);
      });
    });
  });
  return QN_OK;
}

template <bool All>
qn_status run_truth(const Problem& p, const qn_run& run) {
  const Split split(p);
  dispatch(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    split.each_output([&](std::int64_t base, std::int64_t out) {
      bool result = All;
      split.each_reduced(base, [&](std::int64_t at) {
        const bool x = load<T>(run.in[0].data, at) != compute_t<T>{0};
        result = All ? result && x : result || x;
      });
      store<Bool>(run.out[0].data, out, result);
    });
  });
  return QN_OK;
}

qn_status run_logsumexp(const Problem& p, const qn_run& run) {
  const Split split(p);
  dispatch_float(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    split.each_output([&](std::int64_t base, std::int64_t out) {
      double largest = -std::numeric_limits<double>::infinity(), total = 0;
      split.each_reduced(base, [&](std::int64_t at) {
        largest = scalar::maximum<double>(largest, load<T>(run.in[0].data, at));
      });
      if (std::isfinite(largest)) {
        split.each_reduced(base, [&](std::int64_t at) {
          total += std::exp(load<T>(run.in[0].data, at) - largest);
        });
        largest += std::log(total);
      }
      store<T>(run.out[0].data, out, largest);
    });
  });
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  return 100 + 2 * static_cast<double>(element_count(op.in[0]));
}
double estimate_exp(const qn_opdesc& op) {
  return 100 + 12 * static_cast<double>(element_count(op.in[0]));
}

const Kernel kTable[] = {
    {QN_OP_SUM, "sum", accepts_sum, run_total<false>, estimate},
    {QN_OP_PROD, "prod", accepts_sum, run_total<true>, estimate},
    {QN_OP_MAX, "max", accept_any, run_extreme<true>, estimate},
    {QN_OP_MIN, "min", accept_any, run_extreme<false>, estimate},
    {QN_OP_ALL, "all", accept_real, run_truth<true>, estimate},
    {QN_OP_ANY, "any", accept_real, run_truth<false>, estimate},
    {QN_OP_ARGMAX, "argmax", accept_any, run_index<true>, estimate},
    {QN_OP_ARGMIN, "argmin", accept_any, run_index<false>, estimate},
    {QN_OP_LOGSUMEXP, "logsumexp", accept_float, run_logsumexp, estimate_exp},
};

}  // namespace

const KernelList reduce_kernels = kernel_list(kTable);

}  // namespace quern::naive
