// The naive plugin: its kernel table, and the conversation with the host that all its kernels
// share. Computes nothing; each kernel's file does.
#include <algorithm>
#include <memory>
#include <new>

#include "plugins/naive/naive.h"

struct qn_plan {
  const quern::naive::Kernel* kernel;
  quern::naive::Problem problem;
};

namespace quern::naive {
namespace {

// A kernel's id is its place in the concatenation of the lists.
const Kernel* kernel_by_id(std::uint32_t id) {
  for (const KernelList* list : kLists) {
    if (id < list->count) return &list->kernels[id];
    id -= static_cast<std::uint32_t>(list->count);
  }
  return nullptr;
}

// What concerns every kernel; the rest is asked of the kernel itself.
bool acceptable(const Kernel& kernel, const qn_opdesc& op, std::string* why) {
  for (std::uint32_t i = 0; i < op.n_in + op.n_out; ++i) {
    const qn_array_desc& a = i < op.n_in ? op.in[i] : op.out[i - op.n_in];
    if (a.ndim <= kMaxDims) continue;
    *why = "takes at most " + std::to_string(kMaxDims) + " axes";
    return false;
  }
  return kernel.accepts(op, why);
}

double estimate(const Kernel& kernel, const qn_opdesc& op) {
  if (kernel.est_ns) return kernel.est_ns(op);
  double elements = 0;
  for (std::uint32_t i = 0; i < op.n_op_in; ++i)
    elements += static_cast<double>(element_count(op.in[i]));
  for (std::uint32_t i = 0; i < op.n_out; ++i)
    elements += static_cast<double>(element_count(op.out[i]));
  return 400 + 2 * elements;
}

Operand copy_operand(const qn_array_desc& a) {
  Operand o;
  o.dtype = a.dtype;
  o.itemsize = item_bytes(a.dtype);
  o.shape.assign(a.shape, a.shape + a.ndim);
  o.count = element_count(a);
  if (a.layout.kind == QN_LAYOUT_STRIDED && a.layout.strides) {
    o.strides.assign(a.layout.strides, a.layout.strides + a.ndim);
  } else {
    const Strides dense = dense_strides(o.shape);
    o.strides.assign(dense.begin(), dense.begin() + a.ndim);
  }
  return o;
}

Attribute copy_attribute(const qn_attr& a) {
  Attribute c;
  c.type = a.type;
  switch (a.type) {
    case QN_ATTR_INT:
    case QN_ATTR_DTYPE:
      c.i = a.v.i;
      break;
    case QN_ATTR_FLOAT:
      c.f = a.v.f;
      break;
    case QN_ATTR_INTS:
      c.is.assign(a.v.is, a.v.is + a.count);
      break;
    case QN_ATTR_FLOATS:
      c.fs.assign(a.v.fs, a.v.fs + a.count);
      break;
    case QN_ATTR_STR:
      c.s.assign(a.v.s, a.count);
      break;
    default:
      break;
  }
  return c;
}

Problem copy_problem(const qn_opdesc& op, const qn_host* host) {
  Problem p;
  p.host = host;
  p.op = op.op;
  p.n_op_in = op.n_op_in;
  for (std::uint32_t i = 0; i < op.n_in; ++i) p.in.push_back(copy_operand(op.in[i]));
  for (std::uint32_t i = 0; i < op.n_out; ++i) p.out.push_back(copy_operand(op.out[i]));
  for (std::uint32_t i = 0; i < op.n_attr; ++i) p.attr.push_back(copy_attribute(op.attr[i]));
  if (const qn_program* program = op.program; program && op.op == QN_OP_MAP) {
    p.program.in_dtype.assign(program->in_dtype, program->in_dtype + program->n_in);
    p.program.inst.assign(program->inst, program->inst + program->n_inst);
    p.program.out.assign(program->out, program->out + program->n_out);
  }
  return p;
}

bool any_named(const qn_array_desc* a, std::uint32_t n) {
  return std::any_of(a, a + n,
                     [](const qn_array_desc& d) { return d.layout.kind != QN_LAYOUT_STRIDED; });
}

qn_status open(const qn_host* host, void** self, qn_error_slot*) QN_NOEXCEPT {
  *self = const_cast<qn_host*>(host);
  return QN_OK;
}

void close(void*) QN_NOEXCEPT {}

qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) QN_NOEXCEPT {
  const auto* host = static_cast<const qn_host*>(self);
  return sdk::guarded(nullptr, nullptr, [&]() -> qn_status {
    if (!sdk::sound(*op)) return QN_E_INVALID_ARGUMENT;
    std::uint32_t id = 0;
    for (const KernelList* list : kLists) {
      for (std::size_t k = 0; k < list->count; ++k, ++id) {
        const Kernel& kernel = list->kernels[k];
        if (kernel.op != op->op) continue;
        std::string why;
        if (!acceptable(kernel, *op, &why)) {
          host->refuse(answer, kernel.name, why.c_str());
          continue;
        }
        qn_candidate c = sdk::candidate(kernel.name, id, estimate(kernel, *op));
        if (op->op == QN_OP_RELAYOUT) {  // its two layouts are the request itself
          c.n_in = c.n_out = 1;
          c.in = &op->in[0].layout;
          c.out = &op->out[0].layout;
        }
        // A bound for any layout: no kernel's workspace depends on strides.
        if (kernel.workspace) c.workspace_max = kernel.workspace(copy_problem(*op, host));
        if (const qn_status s = host->offer(answer, &c); s != QN_OK) return s;
      }
    }
    return QN_OK;
  });
}

qn_status plan(void* self, const qn_opdesc* op, std::uint32_t kernel_id, qn_plan** out,
               qn_plan_info* info, qn_error_slot* error) QN_NOEXCEPT {
  const auto* host = static_cast<const qn_host*>(self);
  return sdk::guarded(host, error, [&]() -> qn_status {
    const Kernel* kernel = kernel_by_id(kernel_id);
    std::string why;
    if (!sdk::sound(*op)) {
      why = "the description of the op is cut short or out of range";
    } else if (!kernel || kernel->op != op->op) {
      why = "no such kernel for this op";
    } else if (any_named(op->in, op->n_op_in) || any_named(op->out, op->n_out)) {
      why = "takes strided layouts only";
    } else if (op->program && op->op != QN_OP_MAP && op->program->n_inst) {
      why = "takes no epilogue";
    } else {
      acceptable(*kernel, *op, &why);
    }
    if (!why.empty()) {
      host->error(error,
                  (std::string("[naive ") + (kernel ? kernel->name : "?") + "] " + why).c_str());
      return QN_E_INVALID_ARGUMENT;
    }
    auto made = std::make_unique<qn_plan>(qn_plan{kernel, copy_problem(*op, host)});
    info->workspace = kernel->workspace ? kernel->workspace(made->problem) : 0;
    info->worker_scratch = 0;
    info->n_tiles = 0;
    *out = made.release();
    return QN_OK;
  });
}

qn_status run(const qn_plan* plan, const qn_run* run) QN_NOEXCEPT {
  return sdk::guarded(plan->problem.host, run->error,
                      [&] { return plan->kernel->run(plan->problem, *run); });
}

qn_status tile(const qn_plan*, const qn_run*, std::uint32_t, std::uint32_t, void*) QN_NOEXCEPT {
  return QN_E_UNIMPLEMENTED;  // every kernel is SERIAL
}

void plan_free(void*, qn_plan* plan) QN_NOEXCEPT { delete plan; }

constexpr std::uint32_t sanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return 1;
#elif defined(__SANITIZE_THREAD__)
  return 2;
#else
  return 0;
#endif
}

const qn_kernel_plugin kPlugin = {
    .hdr = {sizeof(qn_kernel_plugin), 0},
    .abi_minor = QN_KERNEL_ABI_MINOR,
    .abi_minor_min = 0,
    .sanitizer = sanitizer(),
    ._pad0 = 0,
    .id = "naive",
    .version = "1.0",
    .license = "Apache-2.0",
    .description = "the reference: every op, every dtype, any strides, one thread, plain C++",
    .open = open,
    .close = close,
    .query = query,
    .plan = plan,
    .run = run,
    .tile = tile,
    .plan_free = plan_free,
};

}  // namespace
}  // namespace quern::naive

// Two copies may live in a process: the one inside libquern has a hidden entry of another name.
#if defined(QUERN_NAIVE_BUILTIN)
extern "C" __attribute__((visibility("hidden")))
const qn_kernel_plugin* quern_naive_entry(std::uint32_t);
extern "C" const qn_kernel_plugin* quern_naive_entry(std::uint32_t) {
  return &quern::naive::kPlugin;
}
#else
extern "C" QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) QN_NOEXCEPT;
extern "C" const qn_kernel_plugin* qn_kernel_plugin_v1(std::uint32_t) QN_NOEXCEPT {
  return &quern::naive::kPlugin;
}
#endif
