// Runs strided copies one after the other, or side by side where they are short.
#include "plugins/simd/pieces.h"

namespace quern::simd {
namespace {

constexpr std::int64_t kZipped = 1 << 12;  // elements of each input in a unit

}  // namespace

bool Pieces::add(std::uint32_t input, const Axis* axes, std::size_t n, std::uint32_t itemsize,
                 std::int64_t x_offset, std::int64_t y_offset) {
  Piece p{{}, input, x_offset * itemsize, y_offset * itemsize};
  if (!p.copy.arrange(axes, n, itemsize)) return false;
  if (p.copy.units() > 0) pieces_.push_back(p);
  size_ = itemsize;
  return true;
}

void Pieces::in_order() {
  for (const Piece& p : pieces_) {
    ns_ += p.copy.compute_ns() + 20;
    units_ += p.copy.units();
  }
}

// True for 2 to 4 contiguous inputs of which each gives every k-th element.
bool Pieces::zips(std::int64_t* n) const {
  const auto k = static_cast<std::int64_t>(pieces_.size());
  if (k < 2 || k > 4) return false;
  *n = pieces_[0].copy.spread_line(k);
  for (std::int64_t i = 0; i < k; ++i) {
    const Piece& p = pieces_[static_cast<std::size_t>(i)];
    if (p.copy.spread_line(k) != *n || p.x_offset != 0 || p.y_offset != i * size_) return false;
  }
  return *n > 0;
}

void Pieces::side_by_side() {
  in_order();
  constexpr std::int64_t kNear = 1 << 15;  // bytes of the output that are written together
  if (zips(&line_)) {
    zip_ = zip_fn(size_, pieces_.size());
    units_ = (line_ + kZipped - 1) / kZipped;
    ns_ = static_cast<double>(line_) * static_cast<double>(pieces_.size()) * size_ / 16;
    return;
  }
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
  if (zip_) {
    const std::int64_t from = lo * kZipped, to = std::min(line_, hi * kZipped);
    const void* x[4];
    for (std::size_t k = 0; k < pieces_.size(); ++k)
      x[k] = static_cast<const char*>(run.in[pieces_[k].input].data) + from * size_;
    const auto step = static_cast<std::int64_t>(pieces_.size()) * size_;
    if (from < to) zip_(x, static_cast<char*>(run.out[0].data) + from * step, to - from);
    return;
  }
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
