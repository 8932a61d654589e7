// Entry points of array files. The formats are in io/.
// Names are NUL-terminated here; the readers refuse names with a NUL inside.
#include "runtime/capi/handles.h"
#include "runtime/io/npy.h"
#include "runtime/io/npz.h"
#include "runtime/io/safetensors.h"

using namespace quern;
using namespace quern::capi;

namespace {

void check_path(const char* fn, const char* path) {
  need(path, fn, "path");
  if (!*path) fail_invalid("[", fn, "] path is empty");
}

// The arrays with their names; all of one runtime.
std::vector<NamedArray> named_arrays(const char* fn, const char* const* names,
                                     qn_array* const* arrays, uint32_t n) {
  if (n > 0) need(names, fn, "names");
  ArrayList list;
  arrays_arg(fn, nullptr, arrays, n, list);
  std::vector<NamedArray> items;
  items.reserve(n);
  for (uint32_t i = 0; i < n; ++i) {
    if (!names[i]) fail_invalid("[", fn, "] name ", i, " of ", n, " is NULL");
    items.emplace_back(names[i], list[i]);
  }
  return items;
}

void hand_out(const char* fn, const std::vector<NamedArray>& arrays, qn_array_found_fn found,
              void* self) {
  for (const auto& [name, array] : arrays) {
    const qn_status status = found(self, name.c_str(), handle(array));
    if (status != QN_OK)
      throw Error(status, str("[", fn, "] the callback stopped at '", name, "'"));
  }
}

}  // namespace

qn_status qn_save_safetensors(const char* path, const char* const* names, qn_array* const* arrays,
                              uint32_t n, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    check_path(fn, path);
    save_safetensors(path, named_arrays(fn, names, arrays, n), {});
  });
}

qn_status qn_save_safetensors_with_metadata(const char* path, const char* const* names,
                                            qn_array* const* arrays, uint32_t n,
                                            const char* const* keys, const char* const* values,
                                            uint32_t n_metadata, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    check_path(fn, path);
    const std::vector<NamedArray> items = named_arrays(fn, names, arrays, n);
    if (n_metadata > 0) {
      need(keys, fn, "keys");
      need(values, fn, "values");
    }
    Metadata metadata;
    for (uint32_t i = 0; i < n_metadata; ++i) {
      if (!keys[i] || !values[i])
        fail_invalid("[", fn, "] metadata entry ", i, " of ", n_metadata, " is NULL");
      metadata.emplace_back(keys[i], values[i]);
    }
    save_safetensors(path, items, metadata);
  });
}

qn_status qn_load_safetensors(qn_runtime* rt, const char* path, qn_array_found_fn found, void* self,
                              qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    check_path(fn, path);
    if (!found) fail_null(fn, "the callback");
    hand_out(fn, load_safetensors(*unwrap(rt), path), found, self);
  });
}

qn_status qn_load_safetensors_metadata(const char* path, qn_text_found_fn found, void* self,
                                       qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    check_path(fn, path);
    if (!found) fail_null(fn, "the callback");
    const Metadata metadata = load_safetensors_metadata(path);
    for (const auto& [key, value] : metadata)
      if (key.find('\0') != std::string::npos || value.find('\0') != std::string::npos)
        throw Error(QN_E_DATA_LOSS, str("[", fn, "] ", path, ": the metadata contain a NUL"));
    for (const auto& [key, value] : metadata) {
      const qn_status status = found(self, key.c_str(), value.c_str());
      if (status != QN_OK)
        throw Error(status, str("[", fn, "] the callback stopped at '", key, "'"));
    }
  });
}

qn_status qn_save_npy(const char* path, qn_array* array, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    check_path(fn, path);
    need(array, fn, "array");
    save_npy(path, share(array));
  });
}

qn_status qn_load_npy(qn_runtime* rt, const char* path, qn_array** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    check_path(fn, path);
    need(out, fn, "out");
    *out = give(load_npy(*unwrap(rt), path));
  });
}

qn_status qn_save_npz(const char* path, const char* const* names, qn_array* const* arrays,
                      uint32_t n, uint32_t compression, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    check_path(fn, path);
    if (compression > QN_NPZ_DEFLATED)
      fail_invalid("[", fn, "] compression is ", compression, ", expected QN_NPZ_STORED (0) or ",
                   "QN_NPZ_DEFLATED (1)");
    save_npz(path, named_arrays(fn, names, arrays, n), compression == QN_NPZ_DEFLATED);
  });
}

qn_status qn_load_npz(qn_runtime* rt, const char* path, qn_array_found_fn found, void* self,
                      qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    check_path(fn, path);
    if (!found) fail_null(fn, "the callback");
    hand_out(fn, load_npz(*unwrap(rt), path), found, self);
  });
}
