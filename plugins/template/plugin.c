/* A kernel plugin to start from: relu on float32, in C, with no header but kernel.h.
 * README.md beside it builds, checks and uses it. */
#include <quern/kernel.h>

static const qn_host* as_host(void* self) { return self; }
static qn_status open(const qn_host* host, void** self, qn_error_slot* e) {
  *self = (void*)host;
  return (void)e, QN_OK;
}
static void close(void* self) { (void)self; }
/* Element-wise ops come as programs of the op `map`; this plugin takes those that are one relu. */
static int serves(const qn_opdesc* op, int64_t* n) {
  if (op->hdr.struct_size < sizeof *op || op->op != QN_OP_MAP || op->n_in != 1 || !op->program ||
      op->program->n_inst != 1 || op->program->inst[0].op != QN_OP_RELU || op->n_out != 1)
    return 0;
  int64_t most = *n = 1; /* without axes of size 0: `dense` below must not overflow either */
  for (uint32_t i = 0; i < op->in->ndim; ++i) {
    const int64_t size = op->in->shape[i];
    if (size < 0 || size > 1 << 30 || most > 1 << 30) return 0;
    *n *= size, most *= size ? size : 1;
  }
  return op->in->dtype == QN_F32 && op->in->ndim <= 32 && op->in->ndim == op->out->ndim;
}
static qn_status query(void* self, const qn_opdesc* op, qn_answer* answer) {
  int64_t n, dense[32]; /* the strides it wants of its input; its output is row-major by default */
  if (!serves(op, &n)) return QN_OK;
  for (uint32_t i = op->in->ndim; i-- > 0;)
    dense[i] = i + 1 == op->in->ndim ? 1 : dense[i + 1] * op->in->shape[i + 1];
  const qn_layout in = {.kind = QN_LAYOUT_STRIDED, .strides = dense};
  qn_candidate c = {.hdr = {sizeof c, 0}, .name = {"relu", 4}, .n_in = 1, .in = &in};
  c.est_ns = 200 + 0.3 * (double)n; /* an honest estimate: kernels are compared by it */
  c.inplace_mask = c.deterministic = 1;
  return as_host(self)->offer(answer, &c);
}
static qn_status plan(void* self, const qn_opdesc* op, uint32_t kernel, qn_plan** out,
                      qn_plan_info* info, qn_error_slot* e) {
  const qn_allocator* a = as_host(self)->allocator;
  int64_t n, *p;
  if (!serves(op, &n) || kernel != 0) return as_host(self)->error(e, "not offered"), QN_E_INTERNAL;
  p = a->alloc(a->self, sizeof n, 64, QN_TAG_WORKSPACE);
  if (!p) return as_host(self)->error(e, "out of memory"), QN_E_RESOURCE_EXHAUSTED;
  *p = n, *out = (qn_plan*)p;
  return (void)info, QN_OK;
}
static qn_status run(const qn_plan* p, const qn_run* r) {
  const float* x = r->in[0].data;
  float* y = r->out[0].data;
  for (int64_t i = *(const int64_t*)p; i-- > 0;) y[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays */
  return QN_OK;
}
static void plan_free(void* self, qn_plan* p) {
  as_host(self)->allocator->free(as_host(self)->allocator->self, p, 8, 64, QN_TAG_WORKSPACE);
}
QN_KERNEL_EXPORT const qn_kernel_plugin* qn_kernel_plugin_v1(uint32_t host_minor) {
  static const qn_kernel_plugin table = {// clang-format off
      {sizeof table, 0}, QN_KERNEL_ABI_MINOR, 0, 0, 0, "my_relu", "1.0", "Apache-2.0",
      "relu on float32", open, close, query, plan, run, 0, plan_free};  // clang-format on
  return (void)host_minor, &table;
}
