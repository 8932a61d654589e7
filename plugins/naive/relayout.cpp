// relayout: x rewritten from one strided layout to another; and the strided copy that other kernels
// use. Does not read or write NAMED layouts: they belong to the plugin that names them.
#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

// The copy's axes, without those of size 1 and with neighbours merged where both sides allow it.
struct Axes {
  std::array<std::int64_t, kMaxDims> shape{};
  Strides dst{}, src{};
  std::size_t n = 0;
};

Axes merge_axes(std::span<const std::int64_t> shape, const Strides& dst, const Strides& src) {
  Axes a;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    const std::size_t last = a.n - 1;
    if (a.n && a.dst[last] == dst[i] * shape[i] && a.src[last] == src[i] * shape[i]) {
      a.shape[last] *= shape[i];
      a.dst[last] = dst[i];
      a.src[last] = src[i];
    } else {
      a.shape[a.n] = shape[i];
      a.dst[a.n] = dst[i];
      a.src[a.n++] = src[i];
    }
  }
  return a;
}

template <std::size_t Itemsize>
void copy_run(char* dst, std::int64_t dst_step, const char* src, std::int64_t src_step,
              std::int64_t n) {
  constexpr auto size = static_cast<std::int64_t>(Itemsize);
  if (dst_step == 1 && src_step == 1) {
    std::memcpy(dst, src, static_cast<std::size_t>(n) * Itemsize);
    return;
  }
  for (std::int64_t k = 0; k < n; ++k)
    std::memcpy(dst + k * dst_step * size, src + k * src_step * size, Itemsize);
}

bool accept_strided(const qn_opdesc& op, std::string* why) {
  if (op.in[0].layout.kind == QN_LAYOUT_STRIDED && op.out[0].layout.kind == QN_LAYOUT_STRIDED)
    return true;
  *why = "rewrites strided layouts only, not named ones";
  return false;
}

qn_status run_relayout(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  copy_strided(run.out[0].data, strides_of(y), run.in[0].data, strides_of(x), y.shape, y.itemsize);
  return QN_OK;
}

const Kernel kTable[] = {{QN_OP_RELAYOUT, "relayout", accept_strided, run_relayout}};

}  // namespace

const KernelList relayout_kernels = kernel_list(kTable);

void copy_strided(void* dst, const Strides& dst_strides, const void* src,
                  const Strides& src_strides, std::span<const std::int64_t> shape,
                  std::uint32_t itemsize) {
  const Axes a = merge_axes(shape, dst_strides, src_strides);
  for_each_run<2>({a.shape.data(), a.n}, {a.dst, a.src},
                  [&](const auto& at, std::int64_t n, const auto& step) {
                    auto* d = static_cast<char*>(advance(dst, at[0], itemsize));
                    const auto* s = static_cast<const char*>(advance(src, at[1], itemsize));
                    switch (itemsize) {
                      case 1:
                        copy_run<1>(d, step[0], s, step[1], n);
                        break;
                      case 2:
                        copy_run<2>(d, step[0], s, step[1], n);
                        break;
                      case 4:
                        copy_run<4>(d, step[0], s, step[1], n);
                        break;
                      default:
                        copy_run<8>(d, step[0], s, step[1], n);
                        break;
                    }
                  });
}

}  // namespace quern::naive
