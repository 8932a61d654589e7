// Entry points of safetensors files. The format is in io/.
// Names are NUL-terminated here; the reader refuses names with a NUL inside.
#include "runtime/capi/handles.h"
#include "runtime/io/safetensors.h"

using namespace quern;
using namespace quern::capi;

namespace {

void check_path(const char* fn, const char* path) {
  need(path, fn, "path");
  if (!*path) fail_invalid("[", fn, "] path is empty");
}

}  // namespace

qn_status qn_save_safetensors(const char* path, const char* const* names, qn_array* const* arrays,
                              uint32_t n, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    check_path(fn, path);
    if (n > 0) need(names, fn, "names");
    ArrayList list;
    arrays_arg(fn, nullptr, arrays, n, list);
    std::vector<std::pair<std::string, Array>> items;
    items.reserve(n);
    for (uint32_t i = 0; i < n; ++i) {
      if (!names[i]) fail_invalid("[", fn, "] name ", i, " of ", n, " is NULL");
      items.emplace_back(names[i], list[i]);
    }
    save_safetensors(path, items);
  });
}

qn_status qn_load_safetensors(qn_runtime* rt, const char* path, qn_array_found_fn found, void* self,
                              qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    check_path(fn, path);
    if (!found) fail_null(fn, "the callback");
    for (const auto& [name, array] : load_safetensors(*unwrap(rt), path)) {
      const qn_status status = found(self, name.c_str(), handle(array));
      if (status != QN_OK)
        throw Error(status, str("[", fn, "] the callback stopped at '", name, "'"));
    }
  });
}
