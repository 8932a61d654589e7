// Reference convolution: the definition, summed in f64 one output pixel at a time.
// Gradients are in conv_grad.cpp.
#include "plugins/naive/conv.h"

#include <algorithm>

namespace quern::naive {
namespace {

// The filter as f64 in the order [tap][C / groups][O], then one pixel's sums [O].
std::uint64_t conv_workspace(const Problem& p) {
  return sizeof(double) * static_cast<std::uint64_t>(p.in[1].count + p.in[1].shape[0]);
}

template <typename T>
void pack_filter(const ConvGeometry& g, const Image& w, const void* data, double* packed) {
  for_each_position(w.size, [&](const Spatial& tap) {
    const std::int64_t base = g.tap_offset(w, tap);
    for (std::int64_t c = 0; c < w.channels; ++c) {
      for (std::int64_t o = 0; o < w.first; ++o) {
        *packed++ = load<T>(data, base + c * w.channel_step + o * w.first_step);
      }
    }
  });
}

template <typename T>
void convolve(const Problem& p, const qn_run& run) {
  const ConvGeometry g(p, 0);
  const Image x(p.in[0], g.last), w(p.in[1], g.last), y(p.out[0], g.last);
  const std::int64_t filters = w.first, per_group = filters / g.groups;
  double* packed = static_cast<double*>(run.workspace);
  double* sums = packed + p.in[1].count;
  pack_filter<T>(g, w, run.in[1].data, packed);
  for (std::int64_t n = 0; n < y.first; ++n) {
    for_each_position(y.size, [&](const Spatial& out) {
      std::fill_n(sums, filters, 0.0);
      g.for_each_tap(out, w.size, x.size, [&](const Spatial& in, std::int64_t tap) {
        const double* row = packed + tap * w.channels * filters;
        std::int64_t at = x.at(n, in);
        for (std::int64_t group = 0; group < g.groups; ++group) {
          for (std::int64_t c = 0; c < w.channels; ++c, at += x.channel_step) {
            const double value = load<T>(run.in[0].data, at);
            add_scaled(sums + group * per_group, value, row + c * filters + group * per_group,
                       per_group);
          }
        }
      });
      const std::int64_t at = y.at(n, out);
      for (std::int64_t o = 0; o < filters; ++o)
        store<T>(run.out[0].data, at + o * y.channel_step, sums[o]);
    });
  }
}

qn_status run_conv(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype, [&](auto tag) { convolve<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

double estimate(const qn_opdesc& op) { return conv_est_ns(op.out[0], op.in[1]); }

const Kernel kTable[] = {
    {QN_OP_CONV, "conv", accept_spatial, run_conv, estimate, conv_workspace},
};

}  // namespace

const KernelList conv_kernels = kernel_list(kTable);

}  // namespace quern::naive
