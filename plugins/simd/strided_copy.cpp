// Which loop fits a strided copy, and into which pieces it is cut.
// Not here: the loops (strided_ops.cpp).
#include "plugins/simd/strided_copy.h"

#include <algorithm>

#include "plugins/simd/strided_ops.h"

namespace quern::simd {

bool StridedCopy::arrange(const Axis* axes, std::size_t n, std::uint32_t itemsize) {
  if (n > kMaxWalkAxes || (itemsize != 1 && itemsize != 2 && itemsize != 4 && itemsize != 8))
    return false;
  *this = {};
  size_ = itemsize;
  Axis sorted[kMaxWalkAxes];
  std::size_t kept = 0;
  for (std::size_t k = 0; k < n; ++k) {
    Axis a = axes[k];
    if (a.n == 0) return true;
    if (a.n == 1) continue;
    if (a.out < 0) {  // walked from the other end
      x_shift_ += (a.n - 1) * a.in;
      y_shift_ += (a.n - 1) * a.out;
      a.in = -a.in;
      a.out = -a.out;
    }
    std::size_t at = kept++;
    for (; at > 0 && sorted[at - 1].out < a.out; --at) sorted[at] = sorted[at - 1];
    sorted[at] = a;
  }
  for (std::size_t k = 0; k < kept; ++k) {
    const Axis& a = sorted[k];
    if (n_outer_ && outer_[n_outer_ - 1].in == a.in * a.n &&
        outer_[n_outer_ - 1].out == a.out * a.n) {
      Axis& b = outer_[n_outer_ - 1];
      b = {a.n * b.n, a.in, a.out};
    } else {
      outer_[n_outer_++] = a;
    }
  }
  if (n_outer_) line_ = outer_[--n_outer_];
  choose_block();
  cut();
  return true;
}

void StridedCopy::choose_block() {
  CopyKind kind = line_.out != 1  ? CopyKind::strided
                  : line_.in == 1 ? CopyKind::runs
                  : line_.in == 0 ? CopyKind::fill
                                  : CopyKind::strided;
  std::size_t row = n_outer_;
  std::int64_t n = 0;
  if (line_.out == 1 && line_.in != 1)
    for (std::size_t k = n_outer_; k-- > 0 && n == 0;) {
      const Axis& a = outer_[k];
      if (a.in != 1) continue;
      if (line_.n <= 4 && a.out == line_.n)
        kind = CopyKind::interleave, n = line_.n;
      else if (a.n <= 4 && line_.in == a.n)
        kind = CopyKind::deinterleave, n = a.n;
      else if (a.n >= 4 && line_.in != 0)
        kind = CopyKind::transpose, n = a.n;
      if (n) row = k;
    }
  if (n == 0 && n_outer_) row = n_outer_ - 1;
  if (row < n_outer_) {
    rows_ = outer_[row];
    std::copy(outer_ + row + 1, outer_ + n_outer_, outer_ + row);
    --n_outer_;
  }
  block_ = copy_block_fn(kind, size_, n);

  double count = static_cast<double>(rows_.n) * static_cast<double>(line_.n);
  for (std::size_t k = 0; k < n_outer_; ++k) count *= static_cast<double>(outer_[k].n);
  const double lines = count / static_cast<double>(line_.n), size = size_;
  constexpr std::int64_t kWhole = 1 << 14;  // elements
  switch (kind) {
    case CopyKind::runs:
    case CopyKind::fill:
      ns_ = lines * 3 + count * size / 32;
      break;
    case CopyKind::strided:
      ns_ = lines * 2 + count * 0.6;
      break;
    case CopyKind::transpose:
      ns_ = count * (0.2 + size / 10);
      break;
    default:
      ns_ = count * size / 16;
  }
  if (kind == CopyKind::transpose) {
    row_chunk_ = 64;
    line_chunk_ = 1024;
  } else if (kind == CopyKind::deinterleave) {
    row_chunk_ = rows_.n;
    line_chunk_ = kWhole / 4;
  } else {
    line_chunk_ = std::min(line_.n, kWhole);
    row_chunk_ = kWhole / line_chunk_;
  }
}

void StridedCopy::cut() {
  row_chunk_ = std::min(row_chunk_, rows_.n);
  row_chunks_ = (rows_.n + row_chunk_ - 1) / row_chunk_;
  line_chunks_ = (line_.n + line_chunk_ - 1) / line_chunk_;
  units_ = row_chunks_ * line_chunks_;
  for (std::size_t k = 0; k < n_outer_; ++k) units_ *= outer_[k].n;
}

void StridedCopy::limit(std::int64_t rows, std::int64_t bytes) {
  row_chunk_ = std::clamp<std::int64_t>(rows, 1, row_chunk_);
  line_chunk_ = std::clamp<std::int64_t>(bytes / size_, 1, line_chunk_);
  cut();
}

void StridedCopy::run(const void* from, void* to, std::int64_t lo, std::int64_t hi) const noexcept {
  if (lo >= hi) return;
  const std::int64_t chunks = row_chunks_ * line_chunks_, size = size_;
  std::int64_t at[kMaxWalkAxes], in = x_shift_, out = y_shift_;
  std::int64_t c = lo % chunks, rest = lo / chunks;
  for (std::size_t k = n_outer_; k-- > 0; rest /= outer_[k].n) {
    at[k] = rest % outer_[k].n;
    in += at[k] * outer_[k].in;
    out += at[k] * outer_[k].out;
  }
  const auto* x = static_cast<const char*>(from);
  auto* y = static_cast<char*>(to);
  for (; lo < hi; ++lo) {
    const std::int64_t r = c / line_chunks_ * row_chunk_, l = c % line_chunks_ * line_chunk_;
    const Axis rows{std::min(row_chunk_, rows_.n - r), rows_.in, rows_.out},
        line{std::min(line_chunk_, line_.n - l), line_.in, line_.out};
    block_(x + (in + r * rows.in + l * line.in) * size,
           y + (out + r * rows.out + l * line.out) * size, rows, line);
    if (++c < chunks) continue;
    c = 0;
    for (std::size_t k = n_outer_; k-- > 0;) {
      in += outer_[k].in;
      out += outer_[k].out;
      if (++at[k] < outer_[k].n) break;
      in -= at[k] * outer_[k].in;
      out -= at[k] * outer_[k].out;
      at[k] = 0;
    }
  }
}

}  // namespace quern::simd
