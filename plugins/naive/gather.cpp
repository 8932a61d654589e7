// gather: blocks of x, at starts given by index arrays, copied one behind the other.
// Moves bytes: every dtype, no arithmetic.
#include "plugins/naive/blocks.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) { return accept_blocks(op, 1, why); }

qn_status run_gather(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  if (y.count == 0) return QN_OK;
  const Blocks blocks(p, run, 1, x, y, y.shape);
  const Strides from = strides_of(x), to = strides_of(y);
  Strides inner{};
  for (std::size_t i = 0; i < x.ndim(); ++i) inner[i] = to[blocks.places.size() + i];
  blocks.each(from, to, [&](std::int64_t at, std::int64_t block) {
    copy_strided(advance(run.out[0].data, block, y.itemsize), inner,
                 advance(run.in[0].data, at, x.itemsize), from, blocks.sizes, y.itemsize);
  });
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  double blocks = 1;
  for (std::uint32_t i = 0; i + op.in[0].ndim < op.out[0].ndim; ++i)
    blocks *= static_cast<double>(op.out[0].shape[i]);
  return 100 + 30 * blocks + static_cast<double>(element_count(op.out[0]));
}

const Kernel kTable[] = {{QN_OP_GATHER, "gather", accepts, run_gather, estimate}};

}  // namespace

const KernelList gather_kernels = kernel_list(kTable);

}  // namespace quern::naive
