// quantize and dequantize, affine: groups of numbers along the last axis as small integers with a
// scale and a bias. A row's integers follow one another without gaps, lowest bits of the first word
// first.
#include <algorithm>
#include <cmath>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

// The words of one row, read and written a few bits at a time.
struct Row {
  void* data;
  std::int64_t step;  // between words

  std::uint32_t get(std::int64_t bit, std::int64_t count) const {
    std::uint32_t v = 0;
    for (std::int64_t got = 0; got < count;) {
      const std::int64_t at = (bit + got) % 32, n = std::min<std::int64_t>(count - got, 32 - at);
      const std::uint32_t word = load<std::uint32_t>(data, (bit + got) / 32 * step);
      v |= (word >> at & ((1u << n) - 1)) << got;
      got += n;
    }
    return v;
  }
  // The bits must be 0.
  void put(std::int64_t bit, std::int64_t count, std::uint32_t v) const {
    for (std::int64_t done = 0; done < count;) {
      const std::int64_t at = (bit + done) % 32, n = std::min<std::int64_t>(count - done, 32 - at);
      const std::int64_t place = (bit + done) / 32 * step;
      const std::uint32_t part = v >> done & ((1u << n) - 1);
      store<std::uint32_t>(data, place, load<std::uint32_t>(data, place) | part << at);
      done += n;
    }
  }
};

struct Affine {
  float scale, bias;
};

// The end of larger magnitude is met exactly by a whole number of steps from 0, and becomes the
// bias; the scale is negative when that end is the upper one. One bit has just the two ends.
Affine affine_of(float low, float high, std::int64_t bits) {
  if (bits == 1) return {high - low, low};
  const auto steps = static_cast<float>((1 << bits) - 1);
  const bool lower = std::abs(low) > std::abs(high);
  const float size = std::max((high - low) / steps, 1e-7f), end = lower ? low : high;
  const float scale = lower ? size : -size, whole = std::nearbyint(end / scale);
  return whole != 0 ? Affine{end / whole, end} : Affine{scale, 0};
}

template <typename T>
void quantize(const Problem& p, const qn_run& run) {
  const Operand &w = p.in[0], &packed = p.out[0], &scales = p.out[1], &biases = p.out[2];
  const std::int64_t group = p.integer(0), bits = p.integer(1), n = w.shape.back();
  const std::size_t last = w.ndim() - 1;
  const float top = static_cast<float>((1 << bits) - 1);
  for_each<4>({w.shape.data(), last},
              {strides_of(w), strides_of(packed), strides_of(scales), strides_of(biases)},
              [&](const auto& at) {
                const Row row{advance(run.out[0].data, at[1], 4), packed.strides[last]};
                for (std::int64_t k = 0; k < packed.shape[last]; ++k)
                  store<std::uint32_t>(row.data, k * row.step, std::uint32_t{0});
                const auto value = [&](std::int64_t k) -> float {
                  return static_cast<float>(load<T>(run.in[0].data, at[0] + k * w.strides[last]));
                };
                for (std::int64_t first = 0; first < n; first += group) {
                  float low = value(first), high = low;
                  for (std::int64_t k = 1; k < group; ++k) {
                    low = std::min(low, value(first + k));
                    high = std::max(high, value(first + k));
                  }
                  const Affine a = affine_of(low, high, bits);
                  for (std::int64_t k = 0; k < group; ++k) {
                    const float q = std::nearbyint((value(first + k) - a.bias) / a.scale);
                    const float inside = !(q > 0) ? 0 : q > top ? top : q;
                    row.put((first + k) * bits, bits, static_cast<std::uint32_t>(inside));
                  }
                  store<T>(run.out[1].data, at[2] + first / group * scales.strides[last], a.scale);
                  store<T>(run.out[2].data, at[3] + first / group * biases.strides[last], a.bias);
                }
              });
}

qn_status run_quantize(const Problem& p, const qn_run& run) {
  dispatch_float(p.in[0].dtype, [&](auto tag) { quantize<typename decltype(tag)::type>(p, run); });
  return QN_OK;
}

qn_status run_dequantize(const Problem& p, const qn_run& run) {
  const Operand &packed = p.in[0], &scales = p.in[1], &biases = p.in[2], &y = p.out[0];
  const std::int64_t group = p.integer(0), bits = p.integer(1);
  const std::size_t last = y.ndim() - 1;
  dispatch_float(y.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each<4>(
        {y.shape.data(), last},
        {strides_of(packed), strides_of(scales), strides_of(biases), strides_of(y)},
        [&](const auto& at) {
          const Row row{const_cast<void*>(advance(run.in[0].data, at[0], 4)), packed.strides[last]};
          for (std::int64_t k = 0; k < y.shape[last]; ++k) {
            const double scale = load<T>(run.in[1].data, at[1] + k / group * scales.strides[last]),
                         bias = load<T>(run.in[2].data, at[2] + k / group * biases.strides[last]);
            store<T>(run.out[0].data, at[3] + k * y.strides[last],
                     row.get(k * bits, bits) * scale + bias);
          }
        });
  });
  return QN_OK;
}

bool accepts_dequantize(const qn_opdesc& op, std::string* why) {
  if (op.in[0].dtype != QN_U32 || !is_float(op.in[1].dtype) || op.in[1].dtype != op.in[2].dtype)
    *why = "takes u32 words, and scales and biases of one floating dtype";
  return why->empty();
}

double estimate(const qn_opdesc& op) {
  const qn_array_desc& numbers = op.op == QN_OP_QUANTIZE ? op.in[0] : op.out[0];
  return 100 + 12 * static_cast<double>(element_count(numbers));
}

const Kernel kTable[] = {
    {QN_OP_QUANTIZE, "quantize", accept_float, run_quantize, estimate},
    {QN_OP_DEQUANTIZE, "dequantize", accepts_dequantize, run_dequantize, estimate},
};

}  // namespace

const KernelList quantize_kernels = kernel_list(kTable);

}  // namespace quern::naive
