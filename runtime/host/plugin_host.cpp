// Loading and querying plugins. The handshake refuses with what is required, what was offered, and
// the fix.
#include "runtime/host/plugin_host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/core/error.h"
#include "runtime/host/call.h"
#include "runtime/host/fp_state.h"
#include "runtime/host/machine.h"
#include "runtime/host/object_file.h"
#include "runtime/host/offer_check.h"
#include "runtime/host/query_key.h"
#include "runtime/host/runtime.h"

extern "C" const qn_kernel_plugin* quern_naive_entry(uint32_t host_minor);

struct qn_answer {
  quern::Answer* answer;
  quern::PluginRef plugin;
  const qn_opdesc* op;
  bool offer_lost = false, reason_lost = false;  // for want of memory
};

namespace quern {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr std::uint32_t kSanitizer = 1;
#elif defined(__SANITIZE_THREAD__)
constexpr std::uint32_t kSanitizer = 2;
#else
constexpr std::uint32_t kSanitizer = 0;
#endif

Layout copy_layout(const qn_layout& l, std::size_t ndim) {
  Layout out;
  out.named = l.kind == QN_LAYOUT_NAMED;
  if (out.named) {
    out.name.assign(l.name.ptr, l.name.len);
    out.bytes = l.bytes;
  } else if (l.strides) {
    out.strides = Strides(l.strides, l.strides + ndim);
  } else {
    out.any = true;
  }
  return out;
}

qn_status offer_hook(qn_answer* a, const qn_candidate* c) noexcept {
  try {
    const qn_opdesc& op = *a->op;
    const std::string fault =
        c ? offer_fault(*c, op, a->plugin->entry()) : std::string("the candidate is NULL");
    if (!fault.empty()) {
      const bool named = c && c->name.ptr && c->name.len <= 256;
      a->answer->refusals.push_back({a->plugin->id(),
                                     named ? std::string(c->name.ptr, c->name.len) : "offer",
                                     "turned down: " + fault});
      return QN_E_INVALID_ARGUMENT;
    }
    Offer o;
    o.plugin = a->plugin;
    o.kernel.assign(c->name.ptr, c->name.len);
    o.kernel_id = c->kernel_id;
    o.threading = c->threading;
    for (std::uint32_t i = 0; i < op.n_in; ++i)
      o.in.push_back(i < c->n_in ? copy_layout(c->in[i], op.in[i].ndim) : copy_layout({}, 0));
    for (std::uint32_t i = 0; i < op.n_out; ++i)
      o.out.push_back(i < c->n_out ? copy_layout(c->out[i], op.out[i].ndim) : copy_layout({}, 0));
    o.inplace_mask = c->inplace_mask;
    o.est_ns = c->est_ns;
    o.workspace_max = c->workspace_max;
    o.epilogue_taken = c->epilogue_taken;
    o.deterministic = c->deterministic != 0;
    a->answer->offers.push_back(std::move(o));
    return QN_OK;
  } catch (...) {
    a->offer_lost = true;
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

void refuse_hook(qn_answer* a, const char* name, const char* reason) noexcept {
  try {
    a->answer->refusals.push_back({a->plugin->id(), name ? name : "", reason ? reason : ""});
  } catch (...) {  // not worth failing for
    a->reason_lost = true;
  }
}

void error_hook(qn_error_slot* slot, const char* text) noexcept {
  try {
    if (slot && text) slot->text = text;
  } catch (...) {
  }
}

void log_hook(void* self, std::int32_t level, const char* text, std::uint64_t len) noexcept {
  try {
    static_cast<Runtime*>(self)->log(level, std::string(text, len));
  } catch (...) {
  }
}

const void* extension_hook(void*, const char* id) noexcept {
  if (!id || std::strcmp(id, QN_EXT_MAX_ISA) != 0) return nullptr;
  return &max_isa();  // does not throw: the runtime asked before
}

void* alloc_hook(void* self, std::uint64_t size, std::uint64_t, std::uint32_t tag) noexcept {
  try {
    return static_cast<Allocator*>(self)->allocate(size, tag);
  } catch (...) {
    return nullptr;
  }
}

void free_hook(void* self, void* p, std::uint64_t size, std::uint64_t, std::uint32_t tag) noexcept {
  if (p) static_cast<Allocator*>(self)->free(p, size, tag);
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(QN_E_FAILED_PRECONDITION,
              str("[plugin] ", path.empty() ? "registered plugin" : path, ": ", why));
}

}  // namespace

Plugin::Plugin(Runtime& runtime, const qn_kernel_plugin* e, std::string path)
    : entry_(e), path_(std::move(path)) {
  if (!e)
    refuse(path_, str("its entry returned NULL: it does not support host minor version ",
                      QN_KERNEL_ABI_MINOR, "; use a plugin built for this Quern"));
  if (e->hdr.struct_size < sizeof(qn_kernel_plugin) || e->hdr.struct_size > 65536 ||
      e->hdr.struct_size % 8 != 0)
    refuse(path_, str("struct_size is ", e->hdr.struct_size, ", required at least ",
                      sizeof(qn_kernel_plugin), " and a multiple of 8; rebuild it with kernel.h"));
  if (e->abi_minor_min > QN_KERNEL_ABI_MINOR)
    refuse(path_, str("it requires kernel ABI 1.", e->abi_minor_min, ", this host offers 1.",
                      QN_KERNEL_ABI_MINOR, "; update Quern or use an older plugin"));
  if (!e->id || !*e->id) refuse(path_, "it has no id; set qn_kernel_plugin.id");
  for (const char* c = e->id; *c; ++c)
    if (!std::isalnum(static_cast<unsigned char>(*c)) && *c != '_')
      refuse(path_, "its id may only have letters, digits and '_'");
  if (!e->open || !e->close || !e->query || !e->plan || !e->plan_free || (!e->run && !e->tile))
    refuse(path_, "a required function is NULL (open, close, query, plan, plan_free, run or tile)");
  if (kSanitizer != 0 && e->sanitizer != 0 && e->sanitizer != kSanitizer)
    refuse(path_, "it was built with another sanitizer than this library");
  id_ = e->id;
  const std::string build = build_of(e);
  identity_ = str(id_, "@", e->version ? e->version : "", build.empty() ? "" : "+", build);
  allocator_ = {{sizeof(qn_allocator), 0}, runtime.allocator().get(), alloc_hook, free_hook};
  host_.hdr.struct_size = sizeof host_;
  host_.abi_minor = QN_KERNEL_ABI_MINOR;
  host_.sanitizer = kSanitizer;
  host_.self = &runtime;
  host_.offer = offer_hook;
  host_.refuse = refuse_hook;
  host_.error = error_hook;
  host_.log = log_hook;
  host_.extension = extension_hook;
  host_.allocator = &allocator_;
}

// The last plan and the last handle are gone.
Plugin::~Plugin() {
  if (opened_) call_plugin(entry_->close, self_);
}

void Plugin::open() {
  qn_error_slot slot;
  const qn_status s = call_plugin(&slot, entry_->open, &host_, &self_, &slot);
  if (s == QN_E_RESOURCE_EXHAUSTED)
    throw Error(s, str("[plugin] ", path_.empty() ? "registered plugin" : path_, ": ",
                       slot.text.empty() ? "out of memory" : slot.text));
  if (s != QN_OK) refuse(path_, "open failed: " + slot.text);
  opened_ = active_ = true;
}

PluginRef PluginHost::add(const qn_kernel_plugin* entry, std::string path) {
  auto p = std::make_shared<Plugin>(runtime_, entry, std::move(path));
  for (const PluginRef& q : plugins_)
    if (q->active() && q->id() == p->id())
      throw Error(QN_E_ALREADY_EXISTS,
                  str("[plugin] a plugin with id '", p->id(), "' is already active (",
                      q->path().empty() ? "built in" : q->path(), "); retire it first"));
  p->open();
  plugins_.push_back(p);
  answers_.clear();
  return p;
}

void PluginHost::add_builtin() { add(quern_naive_entry(QN_KERNEL_ABI_MINOR), ""); }

PluginRef PluginHost::load(const std::string& path) {
  if (const std::string fault = object_file_fault(path); !fault.empty())
    throw Error(QN_E_NOT_FOUND, str("[plugin] can't load ", path, ": ", fault));
  FpState keep;  // a fast-math library can switch on FTZ when it loads
  // Pinned only when it is there: glibc keeps an object that is to stay for good also when memory
  // runs out while it loads it, and hands it out the next time without running its initialisers.
  void* lib = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const bool pinned =
      lib && dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD | RTLD_NODELETE);
  if (!pinned) {
    const char* why = dlerror();
    const std::unique_ptr<void, int (*)(void*)> close(lib, dlclose);
    throw Error(QN_E_NOT_FOUND,
                str("[plugin] can't load ", path, ": ", why ? why : "unknown reason"));
  }
  auto entry = reinterpret_cast<qn_kernel_plugin_v1_fn>(dlsym(lib, QN_KERNEL_ENTRY));
  if (!entry)
    refuse(path, str("it does not export ", QN_KERNEL_ENTRY,
                     ": no plugin, or one for another "
                     "major version of the kernel ABI than ",
                     QN_KERNEL_ABI_MAJOR));
  return add(entry(QN_KERNEL_ABI_MINOR), path);
}

void PluginHost::add_directory(const std::string& dir) {
  std::vector<std::string> files;
  // Not std::filesystem: its iterator ends the process when memory runs out.
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(dir.c_str()), closedir);
  while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.size() > 3 && name.ends_with(".so") && name != "naive.so")
      files.push_back(str(dir, "/", name));
  }
  std::sort(files.begin(), files.end());
  for (const std::string& f : files) {
    try {
      load(f);
    } catch (const Error& e) {
      refused_.push_back({f, e.what()});
      runtime_.log(QN_LOG_WARNING, e.what());
    }
  }
}

void PluginHost::add_bundled() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<const void*>(&quern_naive_entry), &info) || !info.dli_fname) return;
  const std::unique_ptr<char, void (*)(void*)> self(realpath(info.dli_fname, nullptr), std::free);
  if (!self && errno == ENOMEM) throw std::bad_alloc();
  if (!self) return;
  const std::string_view path = self.get();
  add_directory(str(path.substr(0, path.rfind('/')), "/quern"));
}

void PluginHost::add_directories(const char* dirs) {
  if (!dirs || getauxval(AT_SECURE)) return;
  std::string_view rest = dirs;
  while (!rest.empty()) {
    const std::size_t k = rest.find(':');
    const std::string dir(rest.substr(0, k));
    rest = k == std::string_view::npos ? std::string_view() : rest.substr(k + 1);
    if (!dir.empty() && dir[0] == '/') add_directory(dir);
  }
}

void PluginHost::retire(const PluginRef& plugin) {
  retired_.push_back({plugin->path(), plugin->id()});
  plugin->stop();
  std::erase(plugins_, plugin);
  answers_.clear();  // they hold the plugin
}

void PluginHost::quarantine(const std::string& plugin, const std::string& kernel, std::uint32_t op,
                            const std::string& reason) {
  ++faults;
  answers_.clear();
  const Quarantined* known = find_quarantined(plugin, kernel, op);
  if (!known) quarantined_.push_back({plugin, kernel, reason, op});
}

const PluginHost::Quarantined* PluginHost::find_quarantined(const std::string& plugin,
                                                            const std::string& kernel,
                                                            std::uint32_t op) const {
  for (const Quarantined& q : quarantined_)
    if (q.op == op && q.kernel == kernel && q.plugin == plugin) return &q;
  return nullptr;
}

Answer ask(const PluginRef& plugin, const qn_opdesc& op) {
  Answer answer;
  qn_answer a{&answer, plugin, &op};
  const qn_status s = call_plugin(nullptr, plugin->entry().query, plugin->self(), &op, &a);
  if (a.offer_lost || s == QN_E_RESOURCE_EXHAUSTED)
    throw Error(QN_E_RESOURCE_EXHAUSTED, str("[plugin] '", plugin->id(), "': out of memory"));
  if (s != QN_OK) answer.offers.clear();
  return answer;
}

Answer PluginHost::query(const qn_opdesc& op) {
  std::string key = query_key(op);
  if (const auto known = answers_.find(key); known != answers_.end()) return known->second;
  Answer answer;
  bool lasting = true, starved = false;
  for (const PluginRef& p : plugins_) {
    if (!p->active()) continue;
    qn_answer a{&answer, p, &op};
    const std::size_t before = answer.offers.size();
    qn_error_slot slot;
    const qn_status s = call_plugin(&slot, p->entry().query, p->self(), &op, &a);
    if (a.offer_lost)
      throw Error(QN_E_RESOURCE_EXHAUSTED, str("[plugin] '", p->id(), "': out of memory"));
    lasting = lasting && !a.reason_lost;
    starved = starved || s == QN_E_RESOURCE_EXHAUSTED;
    if (s != QN_OK) {
      lasting = false;
      answer.offers.resize(before);
      answer.refusals.push_back(
          {p->id(), "query", str("failed with ", s, slot.text.empty() ? "" : ": ", slot.text)});
    }
  }
  std::erase_if(answer.offers, [&](const Offer& o) {
    const Quarantined* q = find_quarantined(o.plugin->id(), o.kernel, op.op);
    if (q)
      answer.refusals.push_back(
          {o.plugin->id(), o.kernel, "quarantined after a fault: " + q->reason});
    return q != nullptr;
  });
  // "No kernel" would be the wrong reason.
  if (starved && answer.offers.empty())
    throw Error(QN_E_RESOURCE_EXHAUSTED, "[plugin] out of memory while asking for kernels");
  if (answers_.size() >= kMaxAnswers) answers_.clear();
  if (lasting) answers_.emplace(std::move(key), answer);
  return answer;
}

}  // namespace quern
