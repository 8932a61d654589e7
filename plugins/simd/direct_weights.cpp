// The relayout of weights to the blocks that direct convolution reads.
// Not here: the way back, which nothing needs.
#include <cstdio>
#include <cstring>

#include "plugins/simd/direct.h"
#include "plugins/simd/families.h"

namespace quern::simd {
namespace {

// True when the layout of `to` is packed weights of an array of that shape.
bool parse(const qn_array_desc& from, const qn_layout& to, DirectShape& s,
           sdk::WeightStrides& strides) {
  if (to.kind != QN_LAYOUT_NAMED || to.name.len >= 96 || from.dtype != QN_F32) return false;
  if ((from.ndim != 3 && from.ndim != 4) || from.layout.kind != QN_LAYOUT_STRIDED) return false;
  const std::string name(to.name.ptr, to.name.len);
  int nhwc = 0, grad = 0, flip = 0, used = 0;
  long long groups = 0, lanes = 0;
  if (std::sscanf(name.c_str(), "simd/direct:%d:%d:%d:%lld:%lld%n", &nhwc, &grad, &flip, &groups,
                  &lanes, &used) != 5 ||
      static_cast<std::size_t>(used) != name.size())
    return false;
  s = {};
  const std::int64_t filters = from.shape[0], count = sdk::element_count(from);
  if (groups < 1 || filters % groups || lanes != direct_ops().lanes || count == 0 ||
      count > std::int64_t{1} << 40)
    return false;
  s.h = {1, 1, 1, 1, 1, 0};
  for (std::uint32_t k = 0; k + 2 < from.ndim; ++k) {
    DirectAxis& a = k + 3 == from.ndim ? s.w : s.h;
    a = {1, 1, from.shape[(nhwc ? 1 : 2) + k], 1, 1, 0};
  }
  s.lanes = lanes, s.groups = groups, s.flip = flip != 0;
  s.cg = from.shape[nhwc ? from.ndim - 1 : 1], s.og = filters / groups;
  if (grad) std::swap(s.cg, s.og);
  s.c = s.cg * groups;
  bundle(s);
  const std::vector<std::int64_t> own = element_strides(from);
  strides = sdk::weight_strides(own.data(), from.ndim, nhwc != 0, grad != 0, filters / groups);
  return to.bytes == static_cast<std::uint64_t>(s.weight_floats()) * 4;
}

constexpr std::int64_t kMostFilters = 2 * 64;  // of a block of two vectors of any size

struct DirectWeightsPlan : Plan {
  DirectShape shape{};
  sdk::WeightStrides strides{};

  // A block of a group's filters.
  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const DirectShape& s = shape;
    const std::int64_t group = t / s.blocks(), b = t % s.blocks(), first = b * s.block();
    const std::int64_t width = s.width(b), count = std::min(width, s.og - first);
    const auto* all = static_cast<const float*>(run.in[0].data);
    // Filter o of the block and channel c lie at filter[o] + c * strides.c.
    const float* filter[kMostFilters];
    for (std::int64_t o = 0; o < count; ++o)
      filter[o] = s.small ? all + (group * (s.lanes / s.small) + o / s.small) * strides.group +
                                o % s.small * strides.o
                          : all + group * strides.group + (first + o) * strides.o;
    auto* to =
        static_cast<float*>(run.out[0].data) + group * s.group_floats() + b * s.block_floats();
    const std::int64_t depth = s.small ? s.small : s.cg;
    for (std::int64_t i = 0; i < s.h.taps; ++i) {
      for (std::int64_t j = 0; j < s.w.taps; ++j, to += depth * width) {
        const std::int64_t tap = (s.flip ? s.h.taps - 1 - i : i) * strides.h +
                                 (s.flip ? s.w.taps - 1 - j : j) * strides.w;
        // A few lines of each filter at a time.
        constexpr std::int64_t kAtOnce = 16;
        for (std::int64_t c = 0; c < depth; c += kAtOnce) {
          const std::int64_t n = std::min(kAtOnce, depth - c);
          for (std::int64_t o = 0; o < count; ++o)
            for (std::int64_t k = 0; k < n; ++k)
              to[(c + k) * width + o] = filter[o][tap + (c + k) * strides.c];
          for (std::int64_t k = 0; k < n; ++k)
            std::memset(to + (c + k) * width + count, 0,
                        static_cast<std::size_t>(width - count) * 4);
        }
      }
    }
  }
};

}  // namespace

bool offer_direct_weights(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  DirectShape s;
  sdk::WeightStrides strides;
  if (!parse(op.in[0], op.out[0].layout, s, strides)) return false;
  const auto floats = static_cast<double>(s.weight_floats());
  const double tiles = static_cast<double>(s.groups * s.blocks());
  const qn_candidate c = sdk::relayout_candidate(
      op, "relayout.direct", 3,
      300 + floats * 2.0 / std::min(tiles, static_cast<double>(std::max(1u, op.max_workers))));
  host.offer(answer, &c);
  return true;
}

std::unique_ptr<Plan> plan_direct_weights(const qn_opdesc& op, qn_plan_info& info) {
  auto p = std::make_unique<DirectWeightsPlan>();
  if (!parse(op.in[0], op.out[0].layout, p->shape, p->strides)) return nullptr;
  info.n_tiles = static_cast<std::uint32_t>(p->shape.groups * p->shape.blocks());
  return p;
}

}  // namespace quern::simd
