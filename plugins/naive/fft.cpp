// fft, rfft, irfft: rows along each axis, one after the other, each in complex f64 and rounded to
// c64 once an axis. Cutting and padding to size is done before, by the shape rule.
#include <algorithm>

#include "plugins/naive/fft_row.h"
#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

using Complex = FftRow::Complex;

// Attribute numbers; n (0) and axes (1) are common to the three ops.
struct Request {
  std::span<const std::int64_t> n, axes;
  bool inverse;
  std::string_view norm;
  explicit Request(const Problem& p)
      : n(p.ints(0)),
        axes(p.ints(1)),
        inverse(p.op == QN_OP_IRFFT || (p.op == QN_OP_FFT && p.integer(2) != 0)),
        norm(p.text(p.op == QN_OP_FFT ? 3 : 2)) {}
};

double scale_of(const Request& r, std::int64_t n) {
  const auto size = static_cast<double>(n);
  if (r.norm == "ortho") return 1 / std::sqrt(size);
  return (r.norm == "forward") == r.inverse ? 1 : 1 / size;
}

// A c64 or f32 array in memory.
struct Plane {
  void* data;
  Strides strides;
  std::int64_t length;  // along the axis that is transformed
  bool real;
};

Complex read(const Plane& a, std::int64_t at) {
  return a.real ? Complex(load<float>(a.data, at)) : Complex(load<C64>(a.data, at));
}

void write(const Plane& a, std::int64_t at, const Complex& v) {
  if (a.real)
    store<float>(a.data, at, v.real());
  else
    store<C64>(a.data, at, v);
}

// Transforms of length n along `axis` of all rows of `shape`, from `x` to `y`, which may be one. A
// half spectrum that comes in is completed by symmetry; of a full one that goes out, what fits.
void along_axis(const Request& r, std::size_t axis, std::int64_t n, Plane x, Plane y,
                std::span<const std::int64_t> shape, Complex* memory) {
  std::array<std::int64_t, kMaxDims> rows{};
  std::copy(shape.begin(), shape.end(), rows.begin());
  rows[axis] = 1;
  Complex* row = memory;
  const FftRow fft(n, memory + n);
  const std::int64_t x_step = x.strides[axis], y_step = y.strides[axis];
  const double scale = scale_of(r, n);
  const bool half = y.real && !x.real;
  for_each<2>({rows.data(), shape.size()}, {x.strides, y.strides}, [&](const auto& at) {
    for (std::int64_t k = 0; k < x.length; ++k) row[k] = read(x, at[0] + k * x_step);
    if (half) {
      row[0] = row[0].real();
      if (n % 2 == 0) row[n / 2] = row[n / 2].real();
      for (std::int64_t k = 1; k < (n + 1) / 2; ++k) row[n - k] = std::conj(row[k]);
    }
    if (r.inverse) std::transform(row, row + n, row, [](const Complex& v) { return std::conj(v); });
    fft.transform(row);
    for (std::int64_t k = 0; k < y.length; ++k) {
      write(y, at[1] + k * y_step, (r.inverse ? std::conj(row[k]) : row[k]) * scale);
    }
  });
}

qn_status run_fft(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  if (y.count == 0) return QN_OK;
  const Request r(p);
  auto* memory = static_cast<Complex*>(run.workspace);
  const auto plane = [](const Operand& o, void* data) {
    return Plane{data, strides_of(o), 0, o.dtype == QN_F32};
  };
  const Plane source = plane(x, const_cast<void*>(run.in[0].data)), out = plane(y, run.out[0].data);
  // irfft works on a copy of its half spectrum until the last axis.
  Plane between = out;
  if (p.op == QN_OP_IRFFT && r.axes.size() > 1) {
    between = {memory, dense_strides(x.shape), 0, false};
    memory +=
        (static_cast<std::uint64_t>(x.count) * sizeof(C64) + sizeof(Complex) - 1) / sizeof(Complex);
  }
  // rfft begins with the last axis, which becomes the shorter one; irfft ends with it.
  Plane from = source;
  for (std::size_t i = 0; i < r.axes.size(); ++i) {
    const bool last = i + 1 == r.axes.size();
    const std::size_t k = p.op == QN_OP_RFFT ? r.axes.size() - 1 - i : i;
    const auto axis = static_cast<std::size_t>(r.axes[k]);
    Plane to = last ? out : between;
    const bool from_x = from.data == source.data, to_y = p.op != QN_OP_IRFFT || last;
    from.length = from_x || p.op == QN_OP_IRFFT ? x.shape[axis] : y.shape[axis];
    to.length = to_y ? y.shape[axis] : x.shape[axis];
    along_axis(r, axis, r.n[k], from, to, to_y ? y.shape : x.shape, memory);
    from = to;
  }
  return QN_OK;
}

std::uint64_t workspace(const Problem& p) {
  std::uint64_t row = 0;
  for (const std::int64_t n : p.ints(0)) {
    row = std::max(row, static_cast<std::uint64_t>(n) + FftRow::memory_for(n));
  }
  const bool copies = p.op == QN_OP_IRFFT && p.ints(1).size() > 1;
  const std::uint64_t copy = copies ? p.in[0].bytes() + sizeof(Complex) : 0;
  return row * sizeof(Complex) + copy;
}

bool accepts(const qn_opdesc& op, std::string* why) {
  const qn_dtype have = op.in[0].dtype;
  if (op.op != QN_OP_RFFT && op.op != QN_OP_FFT && have != QN_C64) *why = "takes c64 only";
  if (op.op == QN_OP_RFFT && have != QN_F32) *why = "takes f32 only";
  if (op.op == QN_OP_FFT && have != QN_C64 && have != QN_F32) *why = "takes c64 and f32 only";
  return why->empty();
}

double estimate(const qn_opdesc& op) {
  const double n = static_cast<double>(element_count(op.out[0]) + element_count(op.in[0]));
  return 500 + 5 * n * std::log2(n + 2);
}

const Kernel kTable[] = {
    {QN_OP_FFT, "fft", accepts, run_fft, estimate, workspace},
    {QN_OP_RFFT, "rfft", accepts, run_fft, estimate, workspace},
    {QN_OP_IRFFT, "irfft", accepts, run_fft, estimate, workspace},
};

}  // namespace

const KernelList fft_kernels = kernel_list(kTable);

}  // namespace quern::naive
