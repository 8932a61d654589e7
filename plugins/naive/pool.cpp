// Reference pooling and its gradients over 1 to 3 spatial axes.
// Padding is never stored: max skips it, avg counts it as zeros.
#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/naive/spatial.h"

namespace quern::naive {
namespace {

struct PoolGeometry {
  Spatial kernel, stride, padding;
  bool last;

  // `k` is the place of `kernel` among the attributes.
  PoolGeometry(const Problem& p, std::size_t k) {
    const std::size_t rank = p.in[0].ndim() - 2;
    kernel = spatial_attribute(p.ints(k), rank, 1, {1, 1, 1});
    stride = spatial_attribute(p.ints(k + 1), rank, 1, kernel);
    padding = spatial_attribute(p.ints(k + 2), rank, 0, {});
    last = channels_last(p.text(k + 3));
  }
  double window() const { return static_cast<double>(kernel[0] * kernel[1] * kernel[2]); }

  // Calls f(input position) for each element of the window at `out` that is not padding, in
  // row-major order.
  template <typename F>
  void for_each_in_window(const Spatial& out, const Spatial& input, F&& f) const {
    Spatial low, high, p;
    for (int i = 0; i < kSpatial; ++i) {
      const std::int64_t start = out[i] * stride[i] - padding[i];
      low[i] = std::max<std::int64_t>(start, 0);
      high[i] = std::min(start + kernel[i], input[i]);
    }
    for (p[0] = low[0]; p[0] < high[0]; ++p[0]) {
      for (p[1] = low[1]; p[1] < high[1]; ++p[1]) {
        for (p[2] = low[2]; p[2] < high[2]; ++p[2]) f(static_cast<const Spatial&>(p));
      }
    }
  }
};

// Calls f(n, c, output position) for each element of y.
template <typename F>
void for_each_output(const Image& y, F&& f) {
  for (std::int64_t n = 0; n < y.first; ++n) {
    for_each_position(y.size, [&](const Spatial& out) {
      for (std::int64_t c = 0; c < y.channels; ++c) f(n, c, out);
    });
  }
}

struct Largest {
  double value = -std::numeric_limits<double>::infinity();
  std::int64_t place = -1;  // the caller's number of the element; -1: the window holds only padding

  // The first of equals stays; NaN is larger than any number.
  void see(double v, std::int64_t at) {
    if (place >= 0 && !(v > value || (std::isnan(v) && !std::isnan(value)))) return;
    value = v;
    place = at;
  }
};

template <typename T>
void max_pool(const Problem& p, const qn_run& run) {
  const PoolGeometry g(p, 0);
  const Image x(p.in[0], g.last), y(p.out[0], g.last);
  for_each_output(y, [&](std::int64_t n, std::int64_t c, const Spatial& out) {
    Largest largest;
    g.for_each_in_window(out, x.size, [&](const Spatial& in) {
      largest.see(load<T>(run.in[0].data, x.at(n, in) + c * x.channel_step), 0);
    });
    store<T>(run.out[0].data, y.at(n, out) + c * y.channel_step, largest.value);
  });
}

template <typename T>
void avg_pool(const Problem& p, const qn_run& run) {
  const PoolGeometry g(p, 0);
  const Image x(p.in[0], g.last), y(p.out[0], g.last);
  for_each_output(y, [&](std::int64_t n, std::int64_t c, const Spatial& out) {
    double sum = 0;
    g.for_each_in_window(out, x.size, [&](const Spatial& in) {
      sum += load<T>(run.in[0].data, x.at(n, in) + c * x.channel_step);
    });
    store<T>(run.out[0].data, y.at(n, out) + c * y.channel_step, sum / g.window());
  });
}

// The gradient as f64 in the order [N][pixel][C].
std::uint64_t grad_workspace(const Problem& p) {
  return sizeof(double) * static_cast<std::uint64_t>(p.out[0].count);
}

std::int64_t place_in_sums(const Image& x, std::int64_t n, std::int64_t c, const Spatial& p) {
  return (((n * x.size[0] + p[0]) * x.size[1] + p[1]) * x.size[2] + p[2]) * x.channels + c;
}

template <typename T>
void store_sums(const Image& x, const double* sums, void* data) {
  for_each_output(x, [&](std::int64_t n, std::int64_t c, const Spatial& p) {
    store<T>(data, x.at(n, p) + c * x.channel_step, *sums++);
  });
}

template <typename T>
void max_pool_grad(const Problem& p, const qn_run& run) {
  const PoolGeometry g(p, 0);
  const Image x(p.in[0], g.last), dy(p.in[2], g.last), dx(p.out[0], g.last);
  double* sums = static_cast<double*>(run.workspace);
  std::fill_n(sums, p.out[0].count, 0.0);
  for_each_output(dy, [&](std::int64_t n, std::int64_t c, const Spatial& out) {
    Largest largest;
    g.for_each_in_window(out, x.size, [&](const Spatial& in) {
      largest.see(load<T>(run.in[0].data, x.at(n, in) + c * x.channel_step),
                  place_in_sums(x, n, c, in));
    });
    if (largest.place < 0) return;
    sums[largest.place] += load<T>(run.in[2].data, dy.at(n, out) + c * dy.channel_step);
  });
  store_sums<T>(dx, sums, run.out[0].data);
}

template <typename T>
void avg_pool_grad(const Problem& p, const qn_run& run) {
  const PoolGeometry g(p, 1);
  const Image dy(p.in[0], g.last), dx(p.out[0], g.last);
  double* sums = static_cast<double*>(run.workspace);
  std::fill_n(sums, p.out[0].count, 0.0);
  for_each_output(dy, [&](std::int64_t n, std::int64_t c, const Spatial& out) {
    const double share = load<T>(run.in[0].data, dy.at(n, out) + c * dy.channel_step) / g.window();
    g.for_each_in_window(out, dx.size,
                         [&](const Spatial& in) { sums[place_in_sums(dx, n, c, in)] += share; });
  });
  store_sums<T>(dx, sums, run.out[0].data);
}

qn_status run_pool(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    switch (p.op) {
      case QN_OP_MAX_POOL:
        return max_pool<T>(p, run);
      case QN_OP_MAX_POOL_GRAD:
        return max_pool_grad<T>(p, run);
      case QN_OP_AVG_POOL:
        return avg_pool<T>(p, run);
      default:
        return avg_pool_grad<T>(p, run);
    }
  });
  return QN_OK;
}

// Two nanoseconds for each element of each window.
double estimate(const qn_opdesc& op) {
  const bool shape_first = op.op == QN_OP_AVG_POOL_GRAD, forward = op.n_op_in == 1 && !shape_first;
  const qn_attr& kernel = op.attr[shape_first ? 1 : 0];
  double window = 1;
  for (std::uint32_t i = 0; i < kernel.count; ++i) window *= static_cast<double>(kernel.v.is[i]);
  const qn_array_desc& y = forward ? op.out[0] : op.in[op.n_op_in - 1];
  return 1000 + 2 * window * static_cast<double>(element_count(y));
}

const Kernel kTable[] = {
    {QN_OP_MAX_POOL, "max_pool", accept_spatial, run_pool, estimate},
    {QN_OP_MAX_POOL_GRAD, "max_pool_grad", accept_spatial, run_pool, estimate, grad_workspace},
    {QN_OP_AVG_POOL, "avg_pool", accept_spatial, run_pool, estimate},
    {QN_OP_AVG_POOL_GRAD, "avg_pool_grad", accept_spatial, run_pool, estimate, grad_workspace},
};

}  // namespace

const KernelList pool_kernels = kernel_list(kTable);

}  // namespace quern::naive
