// The tool's side of the kernel ABI.
// Offers are copied with their faults noted; nothing is turned down here.
#include "runtime/cli/check/subject.h"

#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "runtime/cli/check/shield.h"

// Collects the answers of one query.
struct qn_answer {
  quern_cli::check::Answers* answers;
  const qn_opdesc* op;
};

namespace quern_cli::check {
namespace {

std::string layout_fault(const qn_layout& l) {
  if (l.kind > QN_LAYOUT_NAMED) return "a layout of unknown kind " + std::to_string(l.kind);
  if (l.kind == QN_LAYOUT_STRIDED) return "";
  if (!l.name.ptr || l.name.len == 0 || l.name.len > 4096) return "a named layout without a name";
  if (l.bytes > (uint64_t{1} << 46))
    return "a named layout of " + std::to_string(l.bytes) + " bytes";
  return "";
}

std::string fault_of(const qn_candidate& c, const qn_opdesc& op) {
  if (c.hdr.struct_size < sizeof c || c.hdr.struct_size > 65536)
    return "struct_size of the candidate is " + std::to_string(c.hdr.struct_size);
  if (!c.name.ptr || c.name.len == 0 || c.name.len > 256) return "it has no name";
  if (c.threading > QN_THREADING_PARALLEL_FOR) return "an unknown threading class";
  if (c.confidence > QN_CONFIDENCE_MEASURED) return "an unknown confidence";
  if (!std::isfinite(c.est_ns) || c.est_ns < 0) return "est_ns is not a number of nanoseconds";
  if (c.workspace_max > (uint64_t{1} << 46)) return "an absurd workspace_max";
  if (c.n_in > op.n_in || c.n_out > op.n_out) return "layouts for another number of operands";
  if ((c.n_in && !c.in) || (c.n_out && !c.out)) return "layouts are promised but NULL";
  if (op.n_in < 64 && c.inplace_mask >> op.n_in) return "inplace_mask names inputs there are not";
  const uint32_t wished = op.program && op.op != QN_OP_MAP ? op.program->n_inst : 0;
  if (c.epilogue_taken > wished) return "claims more of the epilogue than there is";
  for (uint32_t i = 0; i < c.n_in; ++i)
    if (const std::string f = layout_fault(c.in[i]); !f.empty()) return f;
  for (uint32_t i = 0; i < c.n_out; ++i)
    if (const std::string f = layout_fault(c.out[i]); !f.empty()) return f;
  return "";
}

qn_status offer_hook(qn_answer* a, const qn_candidate* c) noexcept {
  if (!a || !c) return QN_E_INVALID_ARGUMENT;
  try {
    Offer o;
    o.fault = fault_of(*c, *a->op);
    if (c->name.ptr && c->name.len <= 256) o.name.assign(c->name.ptr, c->name.len);
    if (o.fault.empty()) {
      o.kernel_id = c->kernel_id;
      o.threading = c->threading;
      o.confidence = c->confidence;
      o.deterministic = c->deterministic;
      o.epilogue_taken = c->epilogue_taken;
      o.inplace_mask = c->inplace_mask;
      o.workspace_max = c->workspace_max;
      o.est_ns = c->est_ns;
      for (uint32_t i = 0; i < a->op->n_in; ++i)
        o.in.push_back(i < c->n_in ? copy_layout(c->in[i], a->op->in[i].ndim) : Layout());
      for (uint32_t i = 0; i < a->op->n_out; ++i)
        o.out.push_back(i < c->n_out ? copy_layout(c->out[i], a->op->out[i].ndim) : Layout());
    }
    a->answers->offers.push_back(std::move(o));
    return QN_OK;
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

void refuse_hook(qn_answer* a, const char* name, const char* reason) noexcept {
  try {
    if (a)
      a->answers->refusals.push_back(std::string(name ? name : "") + ": " + (reason ? reason : ""));
  } catch (...) {  // a lost reason is no failure
  }
}

void error_hook(qn_error_slot* slot, const char* text) noexcept {
  try {
    if (slot && text) slot->text = text;
  } catch (...) {
  }
}

void log_hook(void*, int32_t, const char*, uint64_t) noexcept {}
const void* extension_hook(void*, const char*) noexcept { return nullptr; }

void* alloc_hook(void* self, uint64_t size, uint64_t align, uint32_t) noexcept {
  auto& h = *static_cast<HostHeap*>(self);
  const std::lock_guard lock(h.mutex);
  if (++h.calls == h.fail_at) return nullptr;
  const uint64_t a = std::max<uint64_t>(align, 64);
  void* p = std::aligned_alloc(a, (std::max<uint64_t>(size, 1) + a - 1) / a * a);
  if (!p) return nullptr;
  try {
    h.blocks.emplace_back(p, size);
  } catch (...) {
    std::free(p);
    return nullptr;
  }
  ++h.live;
  return p;
}

void free_hook(void* self, void* p, uint64_t size, uint64_t, uint32_t) noexcept {
  auto& h = *static_cast<HostHeap*>(self);
  if (!p) return;
  const std::lock_guard lock(h.mutex);
  const auto at = std::find(h.blocks.begin(), h.blocks.end(), std::pair{p, size});
  if (at == h.blocks.end()) {
    h.mismatch = true;
    return;
  }
  h.blocks.erase(at);
  --h.live;
  std::free(p);
}

}  // namespace

std::string Offer::signature() const {
  std::string s = name;
  for (const auto* list : {&in, &out})
    for (const Layout& l : *list) {
      s += l.named ? " " + l.name : l.any ? " any" : " strides";
      for (const int64_t n : l.strides) s += "," + std::to_string(n);
    }
  return s;
}

qn_allocator make_allocator(HostHeap* heap) {
  return {{sizeof(qn_allocator), 0}, heap, alloc_hook, free_hook};
}

qn_host make_host(const qn_allocator* allocator) {
  qn_host h{};
  h.hdr.struct_size = sizeof h;
  h.abi_minor = QN_KERNEL_ABI_MINOR;
#if defined(__SANITIZE_ADDRESS__)
  h.sanitizer = 1;
#elif defined(__SANITIZE_THREAD__)
  h.sanitizer = 2;
#endif
  h.offer = offer_hook;
  h.refuse = refuse_hook;
  h.error = error_hook;
  h.log = log_hook;
  h.extension = extension_hook;
  h.allocator = allocator;
  return h;
}

const qn_kernel_plugin* load_entry(const std::string& path, uint32_t host_minor) {
  void* lib = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!lib) {
    const char* why = dlerror();
    throw LibraryError(why ? why : "dlopen failed");
  }
  const auto entry = reinterpret_cast<qn_kernel_plugin_v1_fn>(dlsym(lib, QN_KERNEL_ENTRY));
  if (!entry) throw LibraryError("it does not export " QN_KERNEL_ENTRY);
  const qn_kernel_plugin* e = entry(host_minor);
  if (!e) throw LibraryError("its entry returned NULL");
  return e;
}

Subject::Subject(const qn_kernel_plugin* entry) : entry_(entry) {
  allocator_ = make_allocator(&heap_);
  host_ = make_host(&allocator_);
  qn_error_slot slot;
  const qn_status s = shielded(entry->open, &host_, &self_, &slot);
  if (s != QN_OK)
    throw LibraryError("open failed with " + std::string(qn_status_name(s)) +
                       (slot.text.empty() ? "" : ": " + slot.text));
}

Subject::~Subject() { entry_->close(self_); }

Answers Subject::query(const qn_opdesc* op) const {
  Answers answers;
  qn_answer a{&answers, op};
  answers.status = shielded(entry_->query, self_, op, &a);
  return answers;
}

Plan::Plan(const Subject& s, qn_opdesc* op, uint32_t kernel_id) : subject_(s) {
  info.hdr.struct_size = sizeof info;
  info.n_tiles = 1;
  qn_error_slot slot;
  status = shielded(s.entry().plan, s.self(), op, kernel_id, &plan, &info, &slot);
  error = slot.text;
}

Plan::~Plan() {
  if (plan && status == QN_OK) subject_.entry().plan_free(subject_.self(), plan);
}

}  // namespace quern_cli::check
