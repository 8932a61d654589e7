// Runs the steps of a compiled element-wise program over a range of tiles.
// Not here: how the steps came about (map_program.cpp).
#include "plugins/simd/map_run.h"

#include <cstring>

#include "plugins/simd/strided_ops.h"

namespace quern::simd {
namespace {

// Longer runs by vectors.
template <class T>
void copy_run(const T* src, std::int64_t stride, std::int64_t n, T* dst) {
  if (n <= 16) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = src[i * stride];
  } else if (stride == 1) {
    std::memcpy(dst, src, static_cast<std::size_t>(n) * sizeof(T));
  } else {
    const CopyKind kind = stride == 0 ? CopyKind::fill : CopyKind::strided;
    copy_block_fn(kind, sizeof(T), 0)(src, dst, {1, 0, 0}, {n, stride, 1});
  }
}

// A row that repeats: one period is copied, then doubled.
template <class T>
void gather_period(const MapInput& in, const T* base, std::int64_t lo, std::int64_t n, T* dst) {
  const std::int64_t period = in.shape[1], start = lo % period, s = in.stride[1];
  const std::int64_t head = std::min(n, period - start);
  copy_run(base + start * s, s, head, dst);
  std::int64_t have = head;
  if (have < n && start > 0) {
    const std::int64_t more = std::min(n - have, start);
    copy_run(base, s, more, dst + have);
    have += more;
  }
  while (have < n) {
    const std::int64_t more = std::min(n - have, have / period * period);
    std::memcpy(dst + have, dst, static_cast<std::size_t>(more) * sizeof(T));
    have += more;
  }
}

// Elements lo .. lo+n of the output's memory order, read through the input's strides.
template <class T>
void gather(const MapInput& in, const void* data, std::int64_t lo, std::int64_t n, void* to) {
  const T* base = static_cast<const T*>(data);
  T* dst = static_cast<T*>(to);
  if (in.nd == 2 && in.stride[0] == 0) return gather_period(in, base, lo, n, dst);
  const int last = in.nd - 1;
  std::int64_t index[kMaxDims];
  for (int k = last; k >= 0; --k) {
    index[k] = lo % in.shape[k];
    lo /= in.shape[k];
    base += index[k] * in.stride[k];
  }
  while (true) {
    const std::int64_t run = std::min(n, in.shape[last] - index[last]);
    copy_run(base, in.stride[last], run, dst);
    dst += run;
    n -= run;
    if (n == 0) return;
    base -= index[last] * in.stride[last];
    index[last] = 0;
    for (int k = last - 1; k >= 0; --k) {
      base += in.stride[k];
      if (++index[k] < in.shape[k]) break;
      base -= index[k] * in.stride[k];
      index[k] = 0;
    }
  }
}

void gather_any(const MapInput& in, const void* data, std::int64_t lo, std::int64_t n, void* to) {
  if (in.itemsize == 8)
    gather<std::uint64_t>(in, data, lo, n, to);
  else if (in.itemsize == 4)
    gather<std::uint32_t>(in, data, lo, n, to);
  else if (in.itemsize == 2)
    gather<std::uint16_t>(in, data, lo, n, to);
  else
    gather<std::uint8_t>(in, data, lo, n, to);
}

inline void execute(const MapStep& s, const void** ptr, std::size_t n) {
  const void* src[3] = {ptr[s.src[0]], s.src[1] >= 0 ? ptr[s.src[1]] : nullptr,
                        s.src[2] >= 0 ? ptr[s.src[2]] : nullptr};
  s.fn(src, const_cast<void*>(ptr[s.dst]), n);
}

// Asks for a share of the next tile's memory before each step of this one, so that steps that
// compute and steps that wait for memory overlap.
class Ahead {
 public:
  // `n` elements of every moving stream follow those of this tile.
  Ahead(const MapCode& code, const void* const* ptr, std::size_t n)
      : code_(code), ptr_(ptr), n_(n) {
    const std::size_t steps = std::max<std::size_t>(1, code.steps.size());
    share_ = ((n + steps - 1) / steps + 63) / 64 * 64;
  }

  void step() {
    if (at_ >= n_) return;
    const std::size_t end = std::min(n_, at_ + share_);
    for (const auto& m : code_.moving) {
      const char* p = static_cast<const char*>(ptr_[m.value]) +
                      static_cast<std::size_t>(code_.chunk) * m.itemsize;
      for (std::size_t k = at_ * m.itemsize; k < end * m.itemsize; k += 64)
        __builtin_prefetch(p + k, 0, 2);
    }
    at_ = end;
  }

 private:
  const MapCode& code_;
  const void* const* ptr_;
  std::size_t n_, share_, at_ = 0;
};

constexpr std::int64_t kFarBytes = 1 << 20;  // operands of this size do not wait in the L2 cache

}  // namespace

void run_map(const MapCode& code, const qn_buffer* in, const qn_buffer* out, std::int64_t lo,
             std::int64_t hi, void* scratch) noexcept {
  if (lo >= hi) return;
  const void* ptr[kMaxValues];
  auto* cells = static_cast<std::uint64_t*>(scratch);
  char* slots = static_cast<char*>(scratch) + (code.n_cells * 8 + 63) / 64 * 64;
  const std::size_t slot_bytes = static_cast<std::size_t>(code.chunk) * code.item;
  void* staging = slots + code.n_slots * slot_bytes;
  for (auto [v, k] : code.const_values) ptr[v] = &code.consts[k];
  for (auto [v, k] : code.cells) ptr[v] = cells + k;
  for (auto [v, k] : code.slots) ptr[v] = slots + k * slot_bytes;
  const std::size_t n_in = code.inputs.size();
  for (std::size_t i = 0; i < n_in; ++i) {
    const MapInput& x = code.inputs[i];
    if (x.kind != MapInput::kUniform) continue;
    if (x.widen)
      x.widen(in[i].data, const_cast<void*>(ptr[i]), 1);
    else
      std::memcpy(const_cast<void*>(ptr[i]), in[i].data, x.itemsize);
  }
  for (const auto& s : code.once) execute(s, ptr, 1);
  for (const auto& s : code.fills)
    execute(s, ptr, static_cast<std::size_t>(std::min(code.chunk, hi - lo)));
  const bool far = code.steps.size() > 2 && code.n * code.item >= kFarBytes;
  for (; lo < hi; lo += code.chunk) {
    const std::int64_t n = std::min(code.chunk, hi - lo);
    for (const auto& m : code.moving)
      ptr[m.value] = static_cast<char*>((m.is_out ? out : in)[m.index].data) + lo * m.itemsize;
    for (std::size_t i = 0; i < n_in; ++i) {
      const MapInput& x = code.inputs[i];
      if (x.kind == MapInput::kGather) {
        gather_any(x, in[i].data, lo, n, x.widen ? staging : const_cast<void*>(ptr[i]));
        if (x.widen) x.widen(staging, const_cast<void*>(ptr[i]), static_cast<std::size_t>(n));
      } else if (x.kind == MapInput::kLinear && x.widen) {
        x.widen(static_cast<const char*>(in[i].data) + lo * x.itemsize, const_cast<void*>(ptr[i]),
                static_cast<std::size_t>(n));
      }
    }
    const std::int64_t then =
        far ? std::clamp<std::int64_t>(hi - lo - code.chunk, 0, code.chunk) : 0;
    Ahead ahead(code, ptr, static_cast<std::size_t>(then));
    for (const auto& s : code.steps) {
      ahead.step();
      execute(s, ptr, static_cast<std::size_t>(n));
    }
    for (const auto& s : code.stores)
      s.narrow(ptr[s.value], static_cast<char*>(out[s.out].data) + lo * s.itemsize,
               static_cast<std::size_t>(n));
  }
}

}  // namespace quern::simd
