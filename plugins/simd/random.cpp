// random_bits of width 4: threefry2x32 on vectors of counters, the same bits as the plain kernel.
// Not here: widths 1 and 2, and everything that is built from the bits.
#include <cstring>

#include "plugins/simd/families.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/random.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <int kBits, class V>
HWY_INLINE void Round(V& x, V& y) {
  x = hn::Add(x, y);
  y = hn::Xor(hn::Or(hn::ShiftLeft<kBits>(y), hn::ShiftRight<32 - kBits>(y)), x);
}

template <class V>
HWY_INLINE void Group(V& x, V& y, V add_x, V add_y, bool first) {
  if (first) {
    Round<13>(x, y), Round<15>(x, y), Round<26>(x, y), Round<6>(x, y);
  } else {
    Round<17>(x, y), Round<29>(x, y), Round<16>(x, y), Round<24>(x, y);
  }
  x = hn::Add(x, add_x);
  y = hn::Add(y, add_y);
}

template <class D>
HWY_INLINE void Hash(D d, const std::uint32_t* key, hn::Vec<D>& x, hn::Vec<D>& y) {
  const std::uint32_t ks[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  x = hn::Add(x, hn::Set(d, ks[0]));
  y = hn::Add(y, hn::Set(d, ks[1]));
  for (std::uint32_t i = 0; i < 5; ++i)
    Group(x, y, hn::Set(d, ks[(i + 1) % 3]), hn::Set(d, ks[(i + 2) % 3] + i + 1), i % 2 == 0);
}

// Words lo .. hi of the first half and their partners, `apart` words later.
void FillBits(const std::uint32_t* key, std::uint32_t* out, std::uint32_t lo, std::uint32_t hi,
              std::uint32_t apart) {
  const hn::ScalableTag<std::uint32_t> d;
  const auto lanes = static_cast<std::uint32_t>(hn::Lanes(d));
  std::uint32_t i = lo;
  for (; i + lanes <= hi; i += lanes) {
    auto x = hn::Iota(d, i), y = hn::Iota(d, i + apart);
    Hash(d, key, x, y);
    hn::StoreU(x, d, out + i);
    hn::StoreU(y, d, out + apart + i);
  }
  const hn::CappedTag<std::uint32_t, 1> one;
  for (; i < hi; ++i) {
    auto x = hn::Set(one, i), y = hn::Set(one, i + apart);
    Hash(one, key, x, y);
    out[i] = hn::GetLane(x);
    out[apart + i] = hn::GetLane(y);
  }
}

// The word in the middle of an odd count; its partner is thrown away.
void MiddleBits(const std::uint32_t* key, std::uint32_t* out, std::uint32_t half) {
  const hn::CappedTag<std::uint32_t, 1> one;
  auto x = hn::Set(one, half), y = hn::Zero(one);
  Hash(one, key, x, y);
  out[half] = hn::GetLane(x);
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(FillBits);
HWY_EXPORT(MiddleBits);

namespace {

struct RandomPlan : Plan {
  std::uint32_t half = 0, odd = 0, n_tiles = 1;
  void tile(const qn_run& run, std::uint32_t t, void*) const noexcept override {
    const auto* key = static_cast<const std::uint32_t*>(run.in[0].data);
    auto* out = static_cast<std::uint32_t*>(run.out[0].data);
    HWY_DYNAMIC_DISPATCH(FillBits)
    (key, out, static_cast<std::uint32_t>(split(half, n_tiles, t)),
     static_cast<std::uint32_t>(split(half, n_tiles, t + 1)), half + odd);
    if (odd && t == 0) HWY_DYNAMIC_DISPATCH(MiddleBits)(key, out, half);
  }
};

}  // namespace

void query_random(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const std::int64_t n = sdk::element_count(op.out[0]);
  if (sdk::attr_int(op, 1) != 4 || n >= std::int64_t{1} << 32)
    return host.refuse(answer, "random_bits", "only words of 4 bytes, fewer than 2^32");
  const std::int64_t one = 1;
  const qn_layout in = sdk::with_strides(&one);
  qn_candidate c = sdk::candidate("random_bits", 1,
                                  estimate_ns(0, static_cast<double>(n) * 0.7, op.max_workers));
  c.threading = QN_THREADING_TILES;
  c.n_in = 1;
  c.in = &in;
  host.offer(answer, &c);
}

std::unique_ptr<Plan> plan_random(const qn_opdesc& op, std::uint32_t, qn_plan_info& info) {
  auto plan = std::make_unique<RandomPlan>();
  const std::int64_t n = sdk::element_count(op.out[0]);
  plan->half = static_cast<std::uint32_t>(n / 2);
  plan->odd = static_cast<std::uint32_t>(n % 2);
  plan->n_tiles = free_tiles(static_cast<double>(n) * 0.7, op.max_workers, n / 64 + 1);
  info.n_tiles = plan->n_tiles;
  return plan;
}

}  // namespace quern::simd
#endif
