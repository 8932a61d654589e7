// Entry points of plugins: loading, registering, retiring.
// The handshake and the file checks are in host/plugin_host.cpp.
#include "runtime/capi/handles.h"
#include "runtime/host/plugin_host.h"

using namespace quern;
using namespace quern::capi;

struct qn_plugin {
  std::shared_ptr<Plugin> plugin;
  Runtime* runtime = nullptr;  // counted
};

namespace {

// `add` makes the plugin known to the runtime; the handle is made first, so that nothing fails
// after.
template <typename Add>
void hand_out(Runtime& rt, qn_plugin** out, Add&& add) {
  auto made = std::make_unique<qn_plugin>();
  made->plugin = add();
  if (!out) return;
  made->runtime = &rt;
  rt.retain();
  *out = made.release();
}

}  // namespace

qn_status qn_plugin_load(qn_runtime* rt, const char* path, qn_plugin** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(path, fn, "path");
    if (path[0] != '/') fail_invalid("[", fn, "] path '", path, "' is not absolute");
    hand_out(*unwrap(rt), out, [&] { return unwrap(rt)->load_plugin(path); });
  });
}

qn_status qn_plugin_register(qn_runtime* rt, const qn_kernel_plugin* entry, qn_plugin** out,
                             qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(entry, fn, "entry");
    hand_out(*unwrap(rt), out, [&] { return unwrap(rt)->register_plugin(entry); });
  });
}

qn_status qn_plugin_retire(qn_plugin* p, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(p, fn, "the plugin");
    p->runtime->retire_plugin(p->plugin);
  });
}

void qn_plugin_release(qn_plugin* p) {
  if (!p) return;
  Runtime* rt = p->runtime;
  delete p;  // before the runtime, which closes plugins
  rt->release();
}

const char* qn_plugin_id(const qn_plugin* p) { return p ? p->plugin->id().c_str() : ""; }
