// Entry points of plugins: loading, registering, retiring.
// The handshake and the file checks are in host/plugin_host.cpp.
#include "runtime/capi/handles.h"
#include "runtime/host/plugin_host.h"

using namespace quern;
using namespace quern::capi;

struct qn_plugin {
  std::shared_ptr<Plugin> plugin;
  Runtime* runtime;  // counted
};

namespace {

void hand_out(Runtime& rt, std::shared_ptr<Plugin> plugin, qn_plugin** out) {
  if (!out) return;
  *out = new qn_plugin{std::move(plugin), &rt};
  rt.retain();
}

}  // namespace

qn_status qn_plugin_load(qn_runtime* rt, const char* path, qn_plugin** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(path, fn, "path");
    if (path[0] != '/') fail_invalid("[", fn, "] path '", path, "' is not absolute");
    hand_out(*unwrap(rt), unwrap(rt)->load_plugin(path), out);
  });
}

qn_status qn_plugin_register(qn_runtime* rt, const qn_kernel_plugin* entry, qn_plugin** out,
                             qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(entry, fn, "entry");
    hand_out(*unwrap(rt), unwrap(rt)->register_plugin(entry), out);
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
