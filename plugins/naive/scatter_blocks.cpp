// scatter: a copy of x with blocks set to, or combined with, updates, block after block in
// row-major order. Sums and products of 16-bit floats are kept in f32 and rounded once.
#include "plugins/naive/blocks.h"
#include "plugins/naive/scalar.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (op.in[0].dtype != op.in[1].dtype) *why = "x and updates differ in dtype";
  const std::string_view mode(op.attr[1].v.s, op.attr[1].count);
  if (mode != "set" && mode != "add" && !is_real(op.in[0].dtype))
    *why = "combines complex numbers by adding only";
  return why->empty() && accept_blocks(op, 2, why);
}

bool widens(qn_dtype t, std::string_view mode) {
  return (t == QN_F16 || t == QN_BF16) && (mode == "add" || mode == "prod");
}

// Where results grow: the output itself, or f32 in the workspace in row-major order.
struct Target {
  void* data;
  Strides strides;
};

// combine(element of the target, update) for every element of every block.
template <typename Stored, typename T, typename F>
void combine_all(const Problem& p, const qn_run& run, const Target& target, F&& combine) {
  const Operand &x = p.in[0], &updates = p.in[1];
  const Blocks blocks(p, run, 2, x, updates, updates.shape);
  const Strides from = strides_of(updates);
  Strides inner{};
  for (std::size_t i = 0; i < x.ndim(); ++i) inner[i] = from[blocks.places.size() + i];
  blocks.each(target.strides, from, [&](std::int64_t at, std::int64_t block) {
    for_each<2>(blocks.sizes, {target.strides, inner}, [&](const auto& k) {
      const auto old = load<Stored>(target.data, at + k[0]);
      store<Stored>(target.data, at + k[0], combine(old, load<T>(run.in[1].data, block + k[1])));
    });
  });
}

template <typename Stored, typename T>
void combine_by(std::string_view mode, const Problem& p, const qn_run& run, const Target& target) {
  using C = compute_t<T>;
  if (mode == "add")
    combine_all<Stored, T>(p, run, target, [](C a, C b) { return scalar::add<C>(a, b); });
  else if (mode == "prod")
    combine_all<Stored, T>(p, run, target, [](C a, C b) { return scalar::multiply<C>(a, b); });
  else if (mode == "max")
    combine_all<Stored, T>(p, run, target, [](C a, C b) { return scalar::maximum<C>(a, b); });
  else
    combine_all<Stored, T>(p, run, target, [](C a, C b) { return scalar::minimum<C>(a, b); });
}

void set_all(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &updates = p.in[1], &y = p.out[0];
  const Blocks blocks(p, run, 2, x, updates, updates.shape);
  const Strides from = strides_of(updates), to = strides_of(y);
  Strides inner{};
  for (std::size_t i = 0; i < x.ndim(); ++i) inner[i] = from[blocks.places.size() + i];
  blocks.each(to, from, [&](std::int64_t at, std::int64_t block) {
    copy_strided(advance(run.out[0].data, at, y.itemsize), to,
                 advance(run.in[1].data, block, y.itemsize), inner, blocks.sizes, y.itemsize);
  });
}

qn_status run_scatter(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &y = p.out[0];
  const std::string_view mode = p.text(1);
  const Strides out = strides_of(y);
  if (!widens(x.dtype, mode)) {
    copy_strided(run.out[0].data, out, run.in[0].data, strides_of(x), y.shape, y.itemsize);
    if (p.in[1].count == 0) return QN_OK;
    if (mode == "set") {
      set_all(p, run);
      return QN_OK;
    }
    if (x.dtype == QN_C64) {
      combine_all<C64, C64>(p, run, {run.out[0].data, out}, scalar::add<C64>);
      return QN_OK;
    }
    dispatch(x.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      combine_by<T, T>(mode, p, run, {run.out[0].data, out});
    });
    return QN_OK;
  }
  const Target wide{run.workspace, dense_strides(y.shape)};
  dispatch_float(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for_each<2>(y.shape, {wide.strides, strides_of(x)}, [&](const auto& at) {
      store<float>(wide.data, at[0], load<T>(run.in[0].data, at[1]));
    });
    if (p.in[1].count) combine_by<float, T>(mode, p, run, wide);
    for_each<2>(y.shape, {wide.strides, out}, [&](const auto& at) {
      store<T>(run.out[0].data, at[1], load<float>(wide.data, at[0]));
    });
  });
  return QN_OK;
}

std::uint64_t workspace(const Problem& p) {
  return widens(p.in[0].dtype, p.text(1))
             ? static_cast<std::uint64_t>(p.in[0].count) * sizeof(float)
             : 0;
}

const Kernel kTable[] = {
    {QN_OP_SCATTER, "scatter", accepts, run_scatter, nullptr, workspace},
};

}  // namespace

const KernelList scatter_blocks_kernels = kernel_list(kTable);

}  // namespace quern::naive
