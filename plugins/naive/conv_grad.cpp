// Reference gradients of convolution: the exact adjoints of conv.cpp in its input and in its
// filter, summed in f64. Neither is written as another convolution, so they check kernels that are.
#include <algorithm>

#include "plugins/naive/conv.h"

namespace quern::naive {
namespace {

constexpr std::size_t kStride =
    1;  // place of `stride` among the attributes; the shape comes before it

// The filter as f64 [tap][O][C / groups], then one image's gradient [pixel][C].
std::uint64_t input_workspace(const Problem& p) {
  const std::int64_t images = std::max<std::int64_t>(p.out[0].shape[0], 1);
  return sizeof(double) * static_cast<std::uint64_t>(p.in[1].count + p.out[0].count / images);
}

template <typename T>
void input_grad(const Problem& p, const qn_run& run) {
  const ConvGeometry g(p, kStride);
  const Image y(p.in[0], g.last), w(p.in[1], g.last), x(p.out[0], g.last);
  const std::int64_t filters = w.first, per_group = filters / g.groups;
  double* packed = static_cast<double*>(run.workspace);
  double* sums = packed + p.in[1].count;
  double* next = packed;
  for_each_position(w.size, [&](const Spatial& tap) {
    const std::int64_t base = g.tap_offset(w, tap);
    for (std::int64_t o = 0; o < filters; ++o) {
      for (std::int64_t c = 0; c < w.channels; ++c) {
        *next++ = load<T>(run.in[1].data, base + o * w.first_step + c * w.channel_step);
      }
    }
  });
  for (std::int64_t n = 0; n < x.first; ++n) {
    std::fill_n(sums, x.pixels() * x.channels, 0.0);
    for_each_position(y.size, [&](const Spatial& out) {
      const std::int64_t at = y.at(n, out);
      g.for_each_tap(out, w.size, x.size, [&](const Spatial& in, std::int64_t tap) {
        const double* rows = packed + tap * filters * w.channels;
        double* pixel = sums + ((in[0] * x.size[1] + in[1]) * x.size[2] + in[2]) * x.channels;
        for (std::int64_t o = 0; o < filters; ++o) {
          const double value = load<T>(run.in[0].data, at + o * y.channel_step);
          add_scaled(pixel + o / per_group * w.channels, value, rows + o * w.channels, w.channels);
        }
      });
    });
    const double* sum = sums;
    for_each_position(x.size, [&](const Spatial& in) {
      const std::int64_t at = x.at(n, in);
      for (std::int64_t c = 0; c < x.channels; ++c)
        store<T>(run.out[0].data, at + c * x.channel_step, *sum++);
    });
  }
}

// The gradient as f64 [tap][C / groups][O], then one pixel of dy [O].
std::uint64_t weight_workspace(const Problem& p) {
  return sizeof(double) * static_cast<std::uint64_t>(p.out[0].count + p.out[0].shape[0]);
}

template <typename T>
void weight_grad(const Problem& p, const qn_run& run) {
  const ConvGeometry g(p, kStride);
  const Image x(p.in[0], g.last), y(p.in[1], g.last), w(p.out[0], g.last);
  const std::int64_t filters = w.first, per_group = filters / g.groups;
  double* sums = static_cast<double*>(run.workspace);
  double* row = sums + p.out[0].count;
  std::fill_n(sums, p.out[0].count, 0.0);
  for (std::int64_t n = 0; n < y.first; ++n) {
    for_each_position(y.size, [&](const Spatial& out) {
      const std::int64_t base = y.at(n, out);
      for (std::int64_t o = 0; o < filters; ++o)
        row[o] = load<T>(run.in[1].data, base + o * y.channel_step);
      g.for_each_tap(out, w.size, x.size, [&](const Spatial& in, std::int64_t tap) {
        double* rows = sums + tap * w.channels * filters;
        std::int64_t at = x.at(n, in);
        for (std::int64_t group = 0; group < g.groups; ++group) {
          for (std::int64_t c = 0; c < w.channels; ++c, at += x.channel_step) {
            const double value = load<T>(run.in[0].data, at);
            add_scaled(rows + c * filters + group * per_group, value, row + group * per_group,
                       per_group);
          }
        }
      });
    });
  }
  for_each_position(w.size, [&](const Spatial& tap) {
    const std::int64_t base = g.tap_offset(w, tap);
    for (std::int64_t c = 0; c < w.channels; ++c) {
      for (std::int64_t o = 0; o < filters; ++o) {
        store<T>(run.out[0].data, base + c * w.channel_step + o * w.first_step, *sums++);
      }
    }
  });
}

qn_status run_input_grad(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype,
                 [&](auto tag) { input_grad<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

qn_status run_weight_grad(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype,
                 [&](auto tag) { weight_grad<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

double estimate_input(const qn_opdesc& op) { return conv_est_ns(op.in[0], op.in[1]); }
double estimate_weight(const qn_opdesc& op) { return conv_est_ns(op.in[1], op.out[0]); }

const Kernel kTable[] = {
    {QN_OP_CONV_INPUT_GRAD, "conv_input_grad", accept_spatial, run_input_grad, estimate_input,
     input_workspace},
    {QN_OP_CONV_WEIGHT_GRAD, "conv_weight_grad", accept_spatial, run_weight_grad, estimate_weight,
     weight_workspace},
};

}  // namespace

const KernelList conv_grad_kernels = kernel_list(kTable);

}  // namespace quern::naive
