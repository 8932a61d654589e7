// What kernels of convolutions share: strides of arrays of images and of weights, and the part of
// an epilogue that they do themselves. Header-only; it computes no convolution.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "plugins/sdk/epilogue.hpp"
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::sdk {

// Strides of a's shape laid out densely in the given axis order, slowest axis first.
[[gnu::noinline]] inline std::vector<std::int64_t> strides_in_order(
    const qn_array_desc& a, const std::vector<std::uint32_t>& order) {
  std::vector<std::int64_t> s(a.ndim, 1);
  std::int64_t step = 1;
  for (std::size_t k = order.size(); k-- > 0;) {
    s[order[k]] = step;
    step *= a.shape[order[k]];
  }
  return s;
}

// Row-major strides.
inline std::vector<std::int64_t> dense_strides(const qn_array_desc& a) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < a.ndim; ++i) order.push_back(i);
  return strides_in_order(a, order);
}

// Of conv and its gradients, whose attributes begin with a shape.
inline bool is_nhwc(const qn_opdesc& op) {
  return attr_str(op, op.op == QN_OP_CONV ? 7 : 8) == "nhwc";
}

// Channels-last strides of an array of images (N, C and spatial axes in the op's order).
inline std::vector<std::int64_t> channels_last_strides(const qn_array_desc& a, bool nhwc) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < a.ndim; ++i) order.push_back(i);
  if (!nhwc) order.erase(order.begin() + 1), order.push_back(1);
  return strides_in_order(a, order);
}

// Strides in elements of an array of weights: (filter, tap row, tap column, channel), and from one
// group to the next.
struct WeightStrides {
  std::int64_t o, h, w, c, group;
};

// Strides of weights whose axes have strides `s`; the gradient by the input reads filters as
// channels and channels as filters. filters: of one group.
inline WeightStrides weight_strides(const std::int64_t* s, std::uint32_t ndim, bool nhwc, bool grad,
                                    std::int64_t filters) {
  WeightStrides w{};
  w.group = s[0] * filters;
  w.o = s[0];
  w.c = s[nhwc ? ndim - 1 : 1];
  const std::uint32_t first = nhwc ? 1 : 2;
  w.w = s[first + ndim - 3];
  w.h = ndim == 4 ? s[first] : 0;
  if (grad) std::swap(w.o, w.c);
  return w;
}

// What is done to each output of a convolution before it is stored, for one run.
struct ConvEpilogue {
  const Epilogue* steps;
  const float* operand[Epilogue::max_steps];  // of a step; null: its constant
  bool channel[Epilogue::max_steps];          // one value a channel; neither: a single value
  bool full[Epilogue::max_steps];             // an operand that lies like the output
};

// How an epilogue is found, and what it asks of its operands.
struct ConvChain {
  Epilogue steps;
  bool channel[Epilogue::max_steps] = {};
  bool full[Epilogue::max_steps] = {};

  ConvChain() = default;

  // The longest chain of f32 steps whose operands are single values, one a channel, or of y's
  // shape.
  ConvChain(const qn_opdesc& op, bool nhwc, EpilogueSteps known = EpilogueSteps::basic) {
    if (!op.program) return;
    const Epilogue found = match_epilogue(op, QN_F32, known);
    for (std::uint32_t k = 0; k < found.n; ++k) {
      if (found.step[k].input < 0) continue;
      const Operand kind =
          classify(op.in[found.step[k].input], op.out[0], nhwc ? op.out[0].ndim - 1 : 1);
      if (kind == Operand::kOther) return;
      channel[k] = kind == Operand::kChannel;
      full[k] = kind == Operand::kFull;
    }
    steps = found;
  }

  // Appends the layouts of the epilogue's inputs for an output with strides y. They point into the
  // result.
  std::vector<std::vector<std::int64_t>> layouts(const qn_opdesc& op,
                                                 const std::vector<std::int64_t>& y,
                                                 std::vector<qn_layout>& in) const {
    std::vector<std::vector<std::int64_t>> strides(op.n_in);
    for (std::uint32_t i = op.n_op_in; i < op.n_in; ++i) {
      in.push_back(any_strides());
      for (std::uint32_t k = 0; k < steps.n; ++k) {
        if (steps.step[k].input != static_cast<std::int32_t>(i) || op.in[i].ndim == 0) continue;
        strides[i] = full[k] ? y : dense_strides(op.in[i]);
        in.back() = with_strides(strides[i].data());
      }
    }
    return strides;
  }

  // [worker] Its operands in a run.
  ConvEpilogue at(const qn_run& run) const noexcept {
    ConvEpilogue e{&steps, {}, {}, {}};
    for (std::uint32_t k = 0; k < steps.n; ++k) {
      const std::int32_t i = steps.step[k].input;
      e.operand[k] = i < 0 ? nullptr : static_cast<const float*>(run.in[i].data);
      e.channel[k] = channel[k];
      e.full[k] = full[k];
    }
    return e;
  }

 private:
  enum class Operand : std::uint8_t { kOther, kScalar, kChannel, kFull };

  static Operand classify(const qn_array_desc& in, const qn_array_desc& out,
                          std::uint32_t channel_axis) {
    if (in.ndim > out.ndim) return Operand::kOther;
    const std::uint32_t lead = out.ndim - in.ndim;
    bool scalar = true, one = lead <= channel_axis, all = in.ndim == out.ndim;
    for (std::uint32_t i = 0; i < in.ndim; ++i) {
      const std::int64_t want = out.shape[lead + i];
      scalar = scalar && in.shape[i] == 1;
      all = all && in.shape[i] == want;
      one = one && in.shape[i] == (lead + i == channel_axis ? want : 1);
    }
    return scalar ? Operand::kScalar
           : one  ? Operand::kChannel
           : all  ? Operand::kFull
                  : Operand::kOther;
  }
};

}  // namespace quern::sdk
