// scaled_dot_product_attention: softmax(scale * q k' + mask) v, one query at a time, in f64.
// The scores of one query are kept in the workspace.
#include <algorithm>
#include <limits>

#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

bool accepts(const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 0; i < 3; ++i) {
    if (!is_float(op.in[i].dtype)) *why = "takes floating dtypes only";
  }
  if (op.in[3].dtype != QN_BOOL && !is_float(op.in[3].dtype))
    *why = "mask must be bool or floating";
  return why->empty();
}

// Scores that are masked out by a truth value: as far down as f32 goes, so that a query that sees
// nothing gets the mean of all values rather than NaN.
constexpr double kHidden = std::numeric_limits<float>::lowest();

struct Query {
  std::int64_t batch, head, shared, row;  // shared: the key head of `head`
};

template <typename T>
double read(const Problem& p, const qn_run& run, std::size_t i, std::int64_t a, std::int64_t b,
            std::int64_t c, std::int64_t d) {
  const auto& s = p.in[i].strides;
  return load<T>(run.in[i].data, a * s[0] + b * s[1] + c * s[2] + d * s[3]);
}

// Fills `score` with the probabilities of all keys.
template <typename T>
void weigh(const Problem& p, const qn_run& run, const Query& at, const Strides& mask,
           double* score) {
  const std::int64_t keys = p.in[1].shape[2], width = p.in[0].shape[3];
  const std::int64_t visible = keys - p.in[0].shape[2] + at.row;  // the last key seen if causal
  const bool causal = p.integer(1) != 0;
  double largest = -std::numeric_limits<double>::infinity(), total = 0;
  for (std::int64_t j = 0; j < keys; ++j) {
    double s = 0;
    for (std::int64_t d = 0; d < width; ++d)
      s += read<T>(p, run, 0, at.batch, at.head, at.row, d) *
           read<T>(p, run, 1, at.batch, at.shared, j, d);
    s *= p.number(0);
    const std::int64_t m = at.batch * mask[0] + at.head * mask[1] + at.row * mask[2] + j * mask[3];
    dispatch(p.in[3].dtype, [&](auto tag) {
      using M = typename decltype(tag)::type;
      const auto v = load<M>(run.in[3].data, m);
      if constexpr (std::is_same_v<M, Bool>)
        s = v ? s : kHidden;
      else
        s += static_cast<double>(v);
    });
    if (causal && j > visible) s = kHidden;
    score[j] = s;
    largest = s > largest || s != s ? s : largest;
  }
  for (std::int64_t j = 0; j < keys; ++j) total += score[j] = std::exp(score[j] - largest);
  for (std::int64_t j = 0; j < keys; ++j) score[j] /= total;
}

qn_status run_attention(const Problem& p, const qn_run& run) {
  const Operand &q = p.in[0], &k = p.in[1], &y = p.out[0];
  const std::int64_t share = k.shape[1] ? q.shape[1] / k.shape[1] : 1, keys = k.shape[2];
  const Strides mask = broadcast_strides(p.in[3], 4);
  auto* score = static_cast<double*>(run.workspace);
  dispatch_float(q.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (std::int64_t b = 0; b < y.shape[0]; ++b) {
      for (std::int64_t h = 0; h < y.shape[1]; ++h) {
        for (std::int64_t i = 0; i < y.shape[2]; ++i) {
          weigh<T>(p, run, {b, h, h / share, i}, mask, score);
          for (std::int64_t e = 0; e < y.shape[3]; ++e) {
            double sum = 0;
            for (std::int64_t j = 0; j < keys; ++j)
              sum += score[j] * read<T>(p, run, 2, b, h / share, j, e);
            const auto& s = y.strides;
            store<T>(run.out[0].data, b * s[0] + h * s[1] + i * s[2] + e * s[3], sum);
          }
        }
      }
    }
  });
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  const double queries = static_cast<double>(element_count(op.out[0])) /
                         std::max<double>(1, static_cast<double>(op.out[0].shape[3]));
  const auto keys = static_cast<double>(op.in[1].shape[2]);
  const auto width = static_cast<double>(op.in[0].shape[3] + op.out[0].shape[3]);
  return 100 + queries * keys * (2 * width + 30);
}

std::uint64_t workspace(const Problem& p) {
  return static_cast<std::uint64_t>(p.in[1].shape[2]) * sizeof(double);
}

const Kernel kTable[] = {
    {QN_OP_SCALED_DOT_PRODUCT_ATTENTION, "attention", accepts, run_attention, estimate, workspace}};

}  // namespace

const KernelList attention_kernels = kernel_list(kTable);

}  // namespace quern::naive
