// Runs strided copies one after the other, or side by side where they are short.
#include "plugins/simd/pieces.h"

namespace quern::simd {

bool Pieces::add(std::uint32_t input, const Axis* axes, std::size_t n, std::uint32_t itemsize,
                 std::int64_t x_offset, std::int64_t y_offset) {
  Piece p{{}, input, x_offset * itemsize, y_offset * itemsize};
  if (!p.copy.arrange(axes, n, itemsize)) return false;
  if (p.copy.units() > 0) pieces_.push_back(p);
  return true;
}

void Pieces::in_order() {
  for (const Piece& p : pieces_) {
    ns_ += p.copy.compute_ns() + 20;
    units_ += p.copy.units();
  }
}

void Pieces::side_by_side() {
  in_order();
  constexpr std::int64_t kNear = 1 << 15;  // bytes of the output that are written together
  std::int64_t line = 0;
  for (const Piece& p : pieces_) line += p.copy.line_bytes();
  if (pieces_.size() < 2 || line > kNear) return;
  std::vector<Piece> cut = pieces_;
  bool alike = true;
  for (Piece& p : cut) {
    p.copy.limit(kNear / line, kNear / static_cast<std::int64_t>(cut.size()));
    alike = alike && p.copy.units() == cut.front().copy.units();
  }
  if (!alike) return;
  together_ = true;
  pieces_ = std::move(cut);
  units_ = pieces_.front().copy.units();
}

void Pieces::copy(const Piece& p, const qn_run& run, std::int64_t lo,
                  std::int64_t hi) const noexcept {
  p.copy.run(static_cast<const char*>(run.in[p.input].data) + p.x_offset,
             static_cast<char*>(run.out[0].data) + p.y_offset, lo, hi);
}

void Pieces::run(const qn_run& run, std::int64_t lo, std::int64_t hi) const noexcept {
  if (together_) {
    for (std::int64_t u = lo; u < hi; ++u)
      for (const Piece& p : pieces_) copy(p, run, u, u + 1);
    return;
  }
  for (const Piece& p : pieces_) {
    const std::int64_t n = p.copy.units();
    if (lo < n && hi > 0) copy(p, run, std::max<std::int64_t>(lo, 0), std::min(hi, n));
    lo -= n;
    hi -= n;
  }
}

}  // namespace quern::simd
