// The plugin's entry point: passes each op on to the family of kernels that serves it.
// Holds no kernel itself.
#include "plugins/sdk/isa.hpp"
#include "plugins/simd/common.h"
#include "plugins/simd/families.h"

namespace quern::simd {

namespace {

void query_program(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  query_map(host, op, answer);  // may keep the order of x, then it is the one to take
  if (is_copy(op)) query_copy(host, op, answer);
}

std::unique_ptr<Plan> plan_program(const qn_opdesc& op, std::uint32_t id, qn_plan_info& info) {
  return id == kCopyKernel ? plan_copy(op, id, info) : plan_map(op, id, info);
}

}  // namespace

const Family* find_family(std::uint32_t op) {
  static constexpr Family kMap{query_program, plan_program};
  static constexpr Family kCopy{query_copy, plan_copy};
  static constexpr Family kRandom{query_random, plan_random};
  static constexpr Family kReduce{query_reduce, plan_reduce};
  static constexpr Family kRows{query_rows, plan_rows};
  static constexpr Family kGroups{query_groups, plan_groups};
  static constexpr Family kArg{query_arg, plan_arg};
  static constexpr Family kScan{query_scan, plan_scan};
  static constexpr Family kSearch{query_search, plan_search};
  static constexpr Family kPool{query_pool, plan_pool};
  static constexpr Family kRelayout{query_relayout, plan_relayout};
  static constexpr Family kSort{query_sort, plan_sort};
  static constexpr Family kAttention{query_attention, plan_attention};
  static constexpr Family kConv{query_conv, plan_conv};
  static constexpr Family kConvWeights{query_conv_weights, plan_conv_weights};
  static constexpr Family kFft{query_fft, plan_fft};
  static constexpr Family kArange{query_arange, plan_arange};
  static constexpr Family kScatter{query_scatter, plan_scatter};
  static constexpr Family kConcatenate{query_concatenate, plan_concatenate};
  static constexpr Family kSliceUpdate{query_slice_update, plan_slice_update};
  static constexpr Family kPad{query_pad, plan_pad};
  static constexpr Family kDequantize{query_dequantize, plan_dequantize};
  static constexpr Family kQuantized{query_quantized, plan_quantized};
  static constexpr Family kGather{query_gather, plan_gather};
  switch (op) {
    case QN_OP_RESHAPE:
    case QN_OP_AS_STRIDED:
      return &kCopy;
    case QN_OP_TAKE:
    case QN_OP_TAKE_ALONG_AXIS:
    case QN_OP_GATHER:
      return &kGather;
    case QN_OP_ARANGE:
      return &kArange;
    case QN_OP_SCATTER:
    case QN_OP_SCATTER_ADD:
    case QN_OP_SCATTER_ADD_ALONG_AXIS:
    case QN_OP_PUT_ALONG_AXIS:
      return &kScatter;
    case QN_OP_CONCATENATE:
      return &kConcatenate;
    case QN_OP_SLICE_UPDATE:
      return &kSliceUpdate;
    case QN_OP_PAD:
      return &kPad;
    case QN_OP_DEQUANTIZE:
      return &kDequantize;
    case QN_OP_QUANTIZED_MATMUL:
      return &kQuantized;
    case QN_OP_FFT:
    case QN_OP_RFFT:
    case QN_OP_IRFFT:
      return &kFft;
    case QN_OP_CONV:
    case QN_OP_CONV_INPUT_GRAD:
      return &kConv;
    case QN_OP_CONV_WEIGHT_GRAD:
      return &kConvWeights;
    case QN_OP_RELAYOUT:
      return &kRelayout;
    case QN_OP_MAP:
      return &kMap;
    case QN_OP_RANDOM_BITS:
      return &kRandom;
    case QN_OP_SUM:
    case QN_OP_PROD:
    case QN_OP_MAX:
    case QN_OP_MIN:
    case QN_OP_ALL:
    case QN_OP_ANY:
      return &kReduce;
    case QN_OP_SOFTMAX:
    case QN_OP_LOG_SOFTMAX:
    case QN_OP_LOGSUMEXP:
    case QN_OP_LAYER_NORM:
    case QN_OP_RMS_NORM:
      return &kRows;
    case QN_OP_GROUP_NORM:
      return &kGroups;
    case QN_OP_ARGMAX:
    case QN_OP_ARGMIN:
      return &kArg;
    case QN_OP_CUMSUM:
    case QN_OP_CUMPROD:
    case QN_OP_CUMMAX:
    case QN_OP_CUMMIN:
    case QN_OP_LOGCUMSUMEXP:
      return &kScan;
    case QN_OP_MAX_POOL:
    case QN_OP_MAX_POOL_GRAD:
    case QN_OP_AVG_POOL:
    case QN_OP_AVG_POOL_GRAD:
      return &kPool;
    case QN_OP_SORT:
    case QN_OP_ARGSORT:
    case QN_OP_ARGPARTITION:
      return &kSort;
    case QN_OP_SEARCHSORTED:
      return &kSearch;
    case QN_OP_SCALED_DOT_PRODUCT_ATTENTION:
      return &kAttention;
    default:
      return nullptr;
  }
}

bool dense_order(const qn_array_desc& a, std::vector<std::uint32_t>& order) {
  order.clear();
  if (a.layout.kind != QN_LAYOUT_STRIDED) return false;
  for (std::uint32_t i = 0; i < a.ndim; ++i) order.push_back(i);
  const std::int64_t* s = a.layout.strides;
  if (!s) return true;
  // An axis of size 1 may carry any stride; it keeps its place relative to its row-major
  // neighbours.
  std::vector<std::uint32_t> big;
  for (std::uint32_t i = 0; i < a.ndim; ++i)
    if (a.shape[i] != 1) big.push_back(i);
  std::stable_sort(big.begin(), big.end(), [&](auto x, auto y) { return s[x] > s[y]; });
  std::int64_t want = 1;
  for (std::size_t k = big.size(); k-- > 0;) {
    if (s[big[k]] != want) return false;
    want *= a.shape[big[k]];
  }
  order.clear();
  for (std::uint32_t i = 0; i < a.ndim; ++i)
    if (a.shape[i] == 1) order.push_back(i);
  order.insert(order.end(), big.begin(), big.end());
  return true;
}

std::vector<std::int64_t> element_strides(const qn_array_desc& a) {
  if (a.layout.kind == QN_LAYOUT_STRIDED && a.layout.strides)
    return {a.layout.strides, a.layout.strides + a.ndim};
  return sdk::dense_strides(a);
}

bool same_strides(const qn_array_desc& shape, const std::int64_t* a, const std::int64_t* b) {
  for (std::uint32_t i = 0; i < shape.ndim; ++i)
    if (shape.shape[i] > 1 && a[i] != b[i]) return false;
  return true;
}

namespace {

constexpr std::uint32_t kKernelIds = 16;  // every family numbers its kernels below this

struct Self {
  const qn_host* host;
};

qn_status open(const qn_host* host, void** self, qn_error_slot* slot) noexcept {
  return sdk::guarded(host, slot, [&] {
    *self = new Self{host};
    sdk::read_isa_limit(*host);
    choose_target();
    return QN_OK;
  });
}

void close(void* self) noexcept { delete static_cast<Self*>(self); }

qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  if (!sdk::sound(*op)) return QN_E_INVALID_ARGUMENT;
  try {
    if (const Family* f = find_family(op->op)) f->query(*host, *op, answer);
    return QN_OK;
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel_id, qn_plan** out,
               qn_plan_info* info, qn_error_slot* slot) noexcept {
  const qn_host* host = static_cast<Self*>(self)->host;
  return sdk::guarded(host, slot, [&]() -> qn_status {
    const Family* f = find_family(op->op);
    if (!f || kernel_id >= kKernelIds || !sdk::sound(*op)) {
      host->error(slot, "[simd] no such kernel for this op");
      return QN_E_INVALID_ARGUMENT;
    }
    std::unique_ptr<Plan> p = f->plan(*op, kernel_id, *info);
    if (!p) {
      host->error(slot, "the layouts are not those that were offered");
      return QN_E_UNIMPLEMENTED;
    }
    *out = reinterpret_cast<qn_plan*>(p.release());
    return QN_OK;
  });
}

qn_status tile(const qn_plan* plan, const qn_run* run, std::uint32_t tile, std::uint32_t,
               void* scratch) noexcept {
  reinterpret_cast<const Plan*>(plan)->tile(*run, tile, scratch);
  return QN_OK;
}

qn_status run(const qn_plan* plan, const qn_run* run) noexcept {
  reinterpret_cast<const Plan*>(plan)->run(*run);
  return QN_OK;
}

void plan_free(void*, qn_plan* plan) noexcept { delete reinterpret_cast<Plan*>(plan); }

}  // namespace
}  // namespace quern::simd

extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t host_minor)
    QN_NOEXCEPT;
extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) QN_NOEXCEPT {
  namespace s = quern::simd;
  static const qn_kernel_plugin table = {
    {sizeof(qn_kernel_plugin), 0},
    QN_KERNEL_ABI_MINOR,
    0,
#if defined(__SANITIZE_ADDRESS__)
    1,
#elif defined(__SANITIZE_THREAD__)
    2,
#else
    0,
#endif
    0,
    "simd",
    "1.0.0",
    "Apache-2.0",
    "Vectorised element-wise programs, reductions, convolution, pooling, softmax, attention, "
    "sorting, relayouts",
    s::open,
    s::close,
    s::query,
    s::plan,
    s::run,
    s::tile,
    s::plan_free
  };
  return &table;
}
