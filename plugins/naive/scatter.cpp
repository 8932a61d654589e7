// scatter_add and scatter_add_along_axis: a copy of x with updates added where indices point;
// duplicates add up. 16-bit floats add up in f32 and round once; nothing else is kept beyond the
// dtype's precision.
#include "plugins/naive/indexing.h"
#include "plugins/naive/scalar.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  if (!accept_indices(op, why)) return false;
  if (op.in[2].dtype != op.in[0].dtype) *why = "x and updates differ in dtype";
  return why->empty();
}

bool is_16_bit(qn_dtype t) { return t == QN_F16 || t == QN_BF16; }

// Where the sums are kept while they grow: the output itself, or f32 in the workspace, in row-major
// order.
template <typename T>
struct Sums {
  static constexpr bool apart = std::is_class_v<T> && sizeof(T) == 2;
  using Stored = std::conditional_t<apart, float, T>;
  void* data;
  Strides strides;

  Sums(const Problem& p, const qn_run& run)
      : data(apart ? run.workspace : run.out[0].data),
        strides(apart ? dense_strides(p.out[0].shape) : strides_of(p.out[0])) {
    const Operand &x = p.in[0], &y = p.out[0];
    if constexpr (apart) {
      for_each<2>(y.shape, {strides, strides_of(x)}, [&](const auto& at) {
        store<float>(data, at[0], load<T>(run.in[0].data, at[1]));
      });
    } else {
      copy_strided(data, strides, run.in[0].data, strides_of(x), y.shape, y.itemsize);
    }
  }

  void add(std::int64_t at, compute_t<T> update) {
    store<Stored>(data, at, scalar::add<compute_t<T>>(load<Stored>(data, at), update));
  }

  void finish(const Problem& p, const qn_run& run) {
    if constexpr (apart) {
      for_each<2>(p.out[0].shape, {strides, strides_of(p.out[0])}, [&](const auto& at) {
        store<T>(run.out[0].data, at[1], load<float>(data, at[0]));
      });
    }
  }
};

// Walks `shape`; `base` makes the strides with which the sums are walked, standing still along the
// index.
template <typename Base>
qn_status add_all(const Problem& p, const qn_run& run, std::size_t axis,
                  std::span<const std::int64_t> shape, const Strides& indices, Base&& base) {
  const Operand &x = p.in[0], &updates = p.in[2];
  dispatch_number(x.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    Sums<T> sums(p, run);
    if (x.count) {
      dispatch_integer(p.in[1].dtype, [&](auto index_tag) {
        using I = typename decltype(index_tag)::type;
        const Strides update_strides = broadcast_strides(updates, shape.size());
        for_each<3>(shape, {base(sums.strides), indices, update_strides}, [&](const auto& at) {
          const std::int64_t i =
              clamp_index(to_index(load<I>(run.in[1].data, at[1])), x.shape[axis]);
          sums.add(at[0] + i * sums.strides[axis], load<T>(run.in[2].data, at[2]));
        });
      });
    }
    sums.finish(p, run);
  });
  return QN_OK;
}

qn_status run_scatter_add(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &indices = p.in[1];
  const std::size_t axis = normal_axis(p.integer(0), x.ndim());
  const TakeAxes t(x, indices, axis);
  return add_all(p, run, axis, {t.shape.data(), t.n}, t.indices, [&](const Strides& sums) {
    Strides s{};
    for (std::size_t i = 0; i < x.ndim(); ++i) {
      if (i != axis) s[i < axis ? i : i - 1 + indices.ndim()] = sums[i];
    }
    return s;
  });
}

qn_status run_scatter_add_along_axis(const Problem& p, const qn_run& run) {
  const Operand &x = p.in[0], &indices = p.in[1], &updates = p.in[2];
  const std::size_t axis = normal_axis(p.integer(0), x.ndim()), n = x.ndim();
  std::array<std::int64_t, kMaxDims> shape{};
  // The axes broadcast; x has no say along `axis`.
  for (std::size_t i = 0; i < n; ++i) {
    shape[i] = i == axis ? 1 : x.shape[i];
    for (const Operand* o : {&indices, &updates}) {
      const std::size_t lead = n - o->ndim();
      if (i >= lead && o->shape[i - lead] != 1) shape[i] = o->shape[i - lead];
    }
  }
  return add_all(p, run, axis, {shape.data(), n}, broadcast_strides(indices, n),
                 [&](const Strides& sums) {
                   Strides s = sums;
                   for (std::size_t i = 0; i < n; ++i) {
                     if (i == axis || x.shape[i] == 1) s[i] = 0;
                   }
                   return s;
                 });
}

std::uint64_t workspace(const Problem& p) {
  return is_16_bit(p.in[0].dtype) ? static_cast<std::uint64_t>(p.in[0].count) * sizeof(float) : 0;
}

const Kernel kTable[] = {
    {QN_OP_SCATTER_ADD, "scatter_add", accepts, run_scatter_add, nullptr, workspace},
    {QN_OP_SCATTER_ADD_ALONG_AXIS, "scatter_add_along_axis", accepts, run_scatter_add_along_axis,
     nullptr, workspace},
};

}  // namespace

const KernelList scatter_kernels = kernel_list(kTable);

}  // namespace quern::naive
