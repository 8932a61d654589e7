// Runs the steps of a compiled element-wise program over a range of tiles.
// Not here: how the steps came about (map_program.cpp).
#include "plugins/simd/map_run.h"

#include <cstring>

#include "plugins/simd/map_gather.h"

namespace quern::simd {
namespace {

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

// Inputs of one element, for all or for the row of element lo, to their cells.
void one_element(const MapCode& code, const qn_buffer* in, const void* const* ptr, std::int64_t lo,
                 MapInput::Kind kind) {
  for (std::size_t i = 0; i < code.inputs.size(); ++i) {
    const MapInput& x = code.inputs[i];
    if (x.kind != kind) continue;
    std::uint64_t element;
    gather_elements(x, in[i].data, lo, 1, &element);
    if (x.widen)
      x.widen(&element, const_cast<void*>(ptr[i]), 1);
    else
      std::memcpy(const_cast<void*>(ptr[i]), &element, x.itemsize);
  }
}

// What follows from inputs of one element.
void settle(const MapCode& code, const void** ptr, std::int64_t n) {
  for (const auto& s : code.once) execute(s, ptr, 1);
  for (const auto& s : code.fills) execute(s, ptr, static_cast<std::size_t>(n));
}

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
  void* home[kMaxValues];  // where inputs are copied to that are not read where they lie
  for (std::size_t i = 0; i < n_in; ++i) home[i] = const_cast<void*>(ptr[i]);
  one_element(code, in, ptr, lo, MapInput::kUniform);
  if (!code.by_row) settle(code, ptr, std::min(code.chunk, hi - lo));
  const bool far = code.steps.size() > 2 && code.n * code.item >= kFarBytes;
  bool first = true;
  for (std::int64_t n; lo < hi; lo += n, first = false) {
    n = std::min(code.chunk, hi - lo);
    if (code.row) n = std::min(n, code.row - lo % code.row);
    if (code.by_row) {
      one_element(code, in, ptr, lo, MapInput::kRow);
      settle(code, ptr, n);
    }
    for (const auto& m : code.moving)
      ptr[m.value] = static_cast<char*>((m.is_out ? out : in)[m.index].data) + lo * m.itemsize;
    for (std::size_t i = 0; i < n_in; ++i) {
      const MapInput& x = code.inputs[i];
      if (x.kind == MapInput::kGather) {
        if (x.repeats && !first) continue;
        const void* there = side_by_side(x, in[i].data, lo, n);
        if (!there) {
          there = x.widen ? staging : home[i];
          gather_elements(x, in[i].data, lo, n, const_cast<void*>(there));
        }
        ptr[i] = x.widen ? home[i] : there;
        if (x.widen) x.widen(there, home[i], static_cast<std::size_t>(n));
      } else if (x.kind == MapInput::kLinear && x.widen) {
        x.widen(static_cast<const char*>(in[i].data) + lo * x.itemsize, const_cast<void*>(ptr[i]),
                static_cast<std::size_t>(n));
      }
    }
    const std::int64_t then = far ? std::clamp<std::int64_t>(hi - lo - code.chunk, 0, n) : 0;
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
