// random_bits: threefry2x32 in counter mode, in MLX's order: the same bits for a key.
// Draws no distributions: they are composed of these bits.
#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

struct Pair {
  std::uint32_t first, second;
};

std::uint32_t rotate(std::uint32_t x, int r) { return x << r | x >> (32 - r); }

Pair threefry2x32(Pair key, std::uint32_t c0, std::uint32_t c1) {
  constexpr int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const std::uint32_t ks[3] = {key.first, key.second, key.first ^ key.second ^ 0x1BD11BDAu};
  std::uint32_t x = c0 + ks[0], y = c1 + ks[1];
  for (std::uint32_t i = 0; i < 5; ++i) {
    for (const int r : rotations[i % 2]) {
      x += y;
      y = rotate(y, r) ^ x;
    }
    x += ks[(i + 1) % 3];
    y += ks[(i + 2) % 3] + i + 1;
  }
  return {x, y};
}

bool accepts(const qn_opdesc& op, std::string* why) {
  if (op.in[0].dtype != QN_U32 || op.in[0].ndim != 1 || op.in[0].shape[0] != 2)
    *why = "the key must be u32 of shape (2,)";
  return why->empty();
}

// The draw is a row of little-endian words; word w holds the elements from w * 4 / width on.
qn_status run_random_bits(const Problem& p, const qn_run& run) {
  const Operand& y = p.out[0];
  const std::int64_t per_word = 4 / y.itemsize;
  const auto put = [&](std::int64_t w, std::uint32_t word) {
    for (std::int64_t k = 0; k < per_word; ++k) {
      const std::int64_t element = w * per_word + k;
      if (element >= y.count) return;
      const std::int64_t at = element_offset(y, element);
      const std::uint32_t bits = word >> static_cast<unsigned>(8 * y.itemsize * k);
      if (y.itemsize == 1)
        store<std::uint8_t>(run.out[0].data, at, bits);
      else if (y.itemsize == 2)
        store<std::uint16_t>(run.out[0].data, at, bits);
      else
        store<std::uint32_t>(run.out[0].data, at, bits);
    }
  };
  const Pair key = {load<std::uint32_t>(run.in[0].data, 0),
                    load<std::uint32_t>(run.in[0].data, p.in[0].strides[0])};
  const std::int64_t words = (y.count + per_word - 1) / per_word, half = words / 2,
                     upper = words - half;
  for (std::int64_t i = 0; i < half; ++i) {
    const Pair r =
        threefry2x32(key, static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(upper + i));
    put(i, r.first);
    put(upper + i, r.second);
  }
  if (upper > half) put(half, threefry2x32(key, static_cast<std::uint32_t>(half), 0).first);
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  return 100 + 8 * static_cast<double>(element_count(op.out[0]));
}

const Kernel kTable[] = {{QN_OP_RANDOM_BITS, "random_bits", accepts, run_random_bits, estimate}};

}  // namespace

const KernelList random_bits_kernels = kernel_list(kTable);

}  // namespace quern::naive
