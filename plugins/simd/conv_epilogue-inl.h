// Loads and stores of a few channels, and the steps of an epilogue on a vector of them.
// Included once for each instruction set.
#if defined(QUERN_SIMD_CONV_EPILOGUE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef QUERN_SIMD_CONV_EPILOGUE_INL_H_
#undef QUERN_SIMD_CONV_EPILOGUE_INL_H_
#else
#define QUERN_SIMD_CONV_EPILOGUE_INL_H_
#endif

#include "hwy/highway.h"
#include "plugins/sdk/conv.hpp"
#include "plugins/simd/vmath-inl.h"

HWY_BEFORE_NAMESPACE();
namespace quern::simd {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The first `count` lanes, the others zero.
template <class D>
HWY_INLINE hn::Vec<D> LoadSome(D d, const float* p, std::int64_t count) {
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::LoadU(d, p);
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  HWY_ALIGN float part[HWY_MAX_BYTES / 4] = {};
  for (std::int64_t i = 0; i < count; ++i) part[i] = p[i];
  return hn::Load(d, part);
#endif
}

template <class D>
HWY_INLINE void StoreSome(hn::Vec<D> v, D d, float* p, std::int64_t count) {
  if (count >= static_cast<std::int64_t>(hn::Lanes(d))) return hn::StoreU(v, d, p);
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(v, hn::FirstN(d, static_cast<std::size_t>(count)), d, p);
#else
  HWY_ALIGN float part[HWY_MAX_BYTES / 4];
  hn::Store(v, d, part);
  for (std::int64_t i = 0; i < count; ++i) p[i] = part[i];
#endif
}

// Within bounds that are numbers; NaN stays. The vector instructions of x86 give their second
// operand for NaN.
template <class D>
HWY_INLINE hn::Vec<D> AtLeast([[maybe_unused]] D d, hn::Vec<D> v, hn::Vec<D> low) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  return hn::Max(low, v);
#else
  return VMax(d, v, low);
#endif
}
template <class D>
HWY_INLINE hn::Vec<D> AtMost([[maybe_unused]] D d, hn::Vec<D> v, hn::Vec<D> high) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  return hn::Min(high, v);
#else
  return VMin(d, v, high);
#endif
}
template <class D>
HWY_INLINE hn::Vec<D> Bounded(D d, hn::Vec<D> v, hn::Vec<D> low, hn::Vec<D> high) {
  return AtMost(d, AtLeast(d, v, low), high);
}

// One step; x: its operand.
template <class D>
HWY_INLINE hn::Vec<D> Apply(D d, sdk::EpilogueStep::Kind kind, hn::Vec<D> v, hn::Vec<D> x) {
  switch (kind) {
    case sdk::EpilogueStep::relu:
      return AtLeast(d, v, hn::Zero(d));
    case sdk::EpilogueStep::silu:
      return hn::Mul(v, VSigmoid(d, v));
    case sdk::EpilogueStep::add:
      return hn::Add(v, x);
    case sdk::EpilogueStep::subtract:
      return hn::Sub(v, x);
    case sdk::EpilogueStep::multiply:
      return hn::Mul(v, x);
    case sdk::EpilogueStep::maximum:
      return VMax(d, v, x);
    case sdk::EpilogueStep::minimum:
      return VMin(d, v, x);
  }
  return v;
}

// at: the output's place in its array.
template <class D>
HWY_INLINE hn::Vec<D> Finish(D d, hn::Vec<D> v, const sdk::ConvEpilogue& e, std::int64_t channel,
                             std::int64_t at, std::int64_t count) {
  for (std::uint32_t k = 0; k < e.steps->n; ++k) {
    const sdk::EpilogueStep& step = e.steps->step[k];
    const float* p = e.operand[k];
    const auto x = !p             ? hn::Set(d, static_cast<float>(step.imm))
                   : e.full[k]    ? LoadSome(d, p + at, count)
                   : e.channel[k] ? LoadSome(d, p + channel, count)
                                  : hn::Set(d, *p);
    v = Apply(d, step.kind, v, x);
  }
  return v;
}

}  // namespace HWY_NAMESPACE
}  // namespace quern::simd
HWY_AFTER_NAMESPACE();
#endif
