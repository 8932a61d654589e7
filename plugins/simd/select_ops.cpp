// Selection for every instruction set. A sample brackets the wanted key; what lies in the bracket
// is kept, until so little is left that all ranks are counted. Not here: how lines become keys
// (sort.cpp).
#include <algorithm>
#include <cmath>
#include <limits>

#include "plugins/simd/select.h"
#include "plugins/simd/targets.h"  // before Highway looks at the instruction sets

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "plugins/simd/select_ops.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "plugins/simd/cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {

constexpr std::int64_t kSample = 32, kFew = 64;

struct Counted {
  std::int64_t below = 0, equal = 0;
};

template <class T>
HWY_INLINE Counted CountAround(const T* x, std::int64_t n, T key) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto k = hn::Set(d, key);
  Counted c;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    c.below += static_cast<std::int64_t>(hn::CountTrue(d, hn::Lt(v, k)));
    c.equal += static_cast<std::int64_t>(hn::CountTrue(d, hn::Eq(v, k)));
  }
  for (; i < n; ++i) c.below += x[i] < key, c.equal += x[i] == key;
  return c;
}

// The element of this rank among few, by counting what lies below each.
template <class T>
HWY_INLINE T OfFew(const T* x, std::int64_t n, std::int64_t rank) {
  for (std::int64_t i = 0;; ++i) {
    const Counted c = CountAround(x, n, x[i]);
    if ((c.below <= rank && rank < c.below + c.equal) || i + 1 == n) return x[i];
  }
}

// Keeps the keys from low to high in y and counts those below; gives how many were kept.
template <class T>
HWY_INLINE std::int64_t Keep(const T* x, std::int64_t n, T low, T high, T* y, std::int64_t& below) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto lo = hn::Set(d, low), hi = hn::Set(d, high);
  std::int64_t kept = 0, i = 0;
  below = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto under = hn::Lt(v, lo);
    below += static_cast<std::int64_t>(hn::CountTrue(d, under));
    const auto inside = hn::Not(hn::Or(under, hn::Gt(v, hi)));
    kept += static_cast<std::int64_t>(hn::CompressStore(v, inside, d, y + kept));
  }
  for (; i < n; ++i) {
    below += x[i] < low;
    if (x[i] >= low && x[i] <= high) y[kept++] = x[i];
  }
  return kept;
}

template <class T>
T Kth(T* keys, std::int64_t n, std::int64_t rank, T* room) {
  T *x = keys, *y = room;
  constexpr T kLeast = std::numeric_limits<T>::lowest(), kMost = std::numeric_limits<T>::max();
  while (n > kFew) {
    T sample[kSample];
    for (std::int64_t k = 0; k < kSample; ++k) sample[k] = x[k * n / kSample];
    // In the sample the wanted key is expected at rank * kSample / n, give or take two deviations.
    const std::int64_t at = rank * kSample / n;
    const auto share = (static_cast<float>(at) + 0.5f) / kSample;
    const auto off = static_cast<std::int64_t>(2 + 2 * std::sqrt(kSample * share * (1 - share)));
    T low = at < off ? kLeast : OfFew(sample, kSample, at - off);
    T high = at + off >= kSample ? kMost : OfFew(sample, kSample, at + off);
    if (low == high) {
      const Counted c = CountAround(x, n, low);
      if (c.below <= rank && rank < c.below + c.equal) return low;
      low = rank < c.below ? kLeast : low + 1;
      high = rank < c.below ? high - 1 : kMost;
    }
    std::int64_t below = 0, kept = Keep(x, n, low, high, y, below);
    if (rank < below) {  // rarely: outside of the bracket
      kept = Keep(x, n, kLeast, static_cast<T>(low - 1), y, below);
    } else if (rank >= below + kept) {
      kept = Keep(x, n, static_cast<T>(high + 1), kMost, y, below);
    } else if (kept > n - n / 4) {
      // Many equal keys: settle the lowest of the sample on its own.
      const T pivot = OfFew(sample, kSample, 0);
      const Counted c = CountAround(x, n, pivot);
      if (c.below <= rank && rank < c.below + c.equal) return pivot;
      kept = rank < c.below ? Keep(x, n, kLeast, static_cast<T>(pivot - 1), y, below)
                            : Keep(x, n, static_cast<T>(pivot + 1), kMost, y, below);
    }
    rank -= below;
    n = kept;
    std::swap(x, y);
  }
  return OfFew(x, n, rank);
}

template <class T>
void Around(const T* keys, std::int64_t n, T key, std::uint32_t* y) {
  const hn::ScalableTag<T> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  using Index = hn::TFromD<decltype(du)>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const Counted c = CountAround(keys, n, key);
  std::int64_t below = 0, equal = c.below, above = c.below + c.equal, i = 0;
  if constexpr (sizeof(T) == 4) {
    const auto k = hn::Set(d, key);
    auto at = hn::Iota(du, 0);
    const auto next = hn::Set(du, static_cast<Index>(lanes));
    for (; i + lanes <= n; i += lanes) {
      const auto v = hn::LoadU(d, keys + i);
      const auto less = hn::Lt(v, k), more = hn::Gt(v, k);
      const auto same = hn::Not(hn::Or(less, more));
      const auto put = [&](hn::Mask<decltype(d)> which, std::int64_t& to) HWY_ATTR {
        to += static_cast<std::int64_t>(
            hn::CompressBlendedStore(at, hn::RebindMask(du, which), du, y + to));
      };
      put(less, below);
      if (!hn::AllFalse(d, same)) put(same, equal);
      put(more, above);
      at = hn::Add(at, next);
    }
  }
  for (; i < n; ++i) {
    std::int64_t& to = keys[i] < key ? below : keys[i] == key ? equal : above;
    y[to++] = static_cast<std::uint32_t>(i);
  }
}

template <class T>
std::int64_t Below(const T* x, std::int64_t n, T key) {
  return CountAround(x, n, key).below;
}

template <class T>
std::int64_t CopyBetween(const T* x, std::int64_t n, T low, T high, T* y) {
  const hn::ScalableTag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto lo = hn::Set(d, low), hi = hn::Set(d, high);
  std::int64_t kept = 0, i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(d, x + i);
    const auto inside = hn::Not(hn::Or(hn::Lt(v, lo), hn::Gt(v, hi)));
    kept += static_cast<std::int64_t>(hn::CompressBlendedStore(v, inside, d, y + kept));
  }
  for (; i < n; ++i)
    if (x[i] >= low && x[i] <= high) y[kept++] = x[i];
  return kept;
}

void KeysOfFloats(const void* from, std::int64_t n, std::int32_t* keys, std::int32_t* copy) {
  const DI d;
  const auto* x = static_cast<const std::int32_t*>(from);
  const std::int64_t lanes = LaneCount();
  const auto rest = hn::Set(d, 0x7fffffff), infinity = hn::Set(d, 0x7f800000);
  for (std::int64_t i = 0; i < n; i += lanes) {
    const std::int64_t k = std::min(lanes, n - i);
    const auto v = k == lanes ? hn::LoadU(d, x + i) : LoadPart(d, x + i, k, 0);
    const auto magnitude = hn::And(v, rest);
    auto key = hn::Xor(v, hn::And(hn::BroadcastSignBit(v), rest));
    key = hn::IfThenElse(hn::Gt(magnitude, infinity), rest, key);
    key = hn::IfThenZeroElse(hn::Eq(magnitude, hn::Zero(d)), key);
    if (k == lanes) {
      hn::StoreU(key, d, keys + i);
      hn::StoreU(key, d, copy + i);
    } else {
      StorePart(d, key, keys + i, k);
      StorePart(d, key, copy + i, k);
    }
  }
}

SelectOps GetSelectOps() {
  return {KeysOfFloats,         Kth<std::int32_t>,         Kth<std::int64_t>,
          Around<std::int32_t>, Around<std::int64_t>,      Below<std::int32_t>,
          Below<std::int64_t>,  CopyBetween<std::int32_t>, CopyBetween<std::int64_t>};
}

bool HasVectors() { return HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR; }

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace quern::simd {

HWY_EXPORT(GetSelectOps);
HWY_EXPORT(HasVectors);

SelectOps select_ops() { return HWY_DYNAMIC_DISPATCH(GetSelectOps)(); }

bool has_vectors() { return HWY_DYNAMIC_DISPATCH(HasVectors)(); }

}  // namespace quern::simd
#endif
