// Scenarios of files: saved and loaded in every format.
#include "env.h"
#include "files.h"

namespace faults {
namespace {

// Arrays that a loader handed out; its callback runs armed.
struct Found {
  qn_array* arrays[4] = {};
  std::size_t n = 0;
};
qn_status keep_going(void* self, const char*, qn_array* a) {
  Found& found = *static_cast<Found*>(self);
  found.arrays[found.n++] = qn_array_retain(a);
  return QN_OK;
}
qn_status keep_reading(void* self, const char*, const char*) {
  ++*static_cast<int*>(self);
  return QN_OK;
}

using Loader = qn_status (*)(qn_runtime*, const char*, qn_array_found_fn, void*, qn_error**);
void load_all(Env& e, const char* name, Loader load, const std::string& path, std::size_t want) {
  Found found;
  const auto adopt = [&] {
    for (std::size_t i = 0; i < found.n; ++i) e.adopt(found.arrays[i]);
  };
  try {
    e.call(name, load, e.rt, path.c_str(), keep_going, static_cast<void*>(&found));
  } catch (const Stopped&) {
    adopt();
    throw;
  }
  adopt();
  EXPECT_EQ(found.n, want);
  for (std::size_t i = 0; i < found.n; ++i) e.look(found.arrays[i]);
}

}  // namespace

const char* const kNames[2] = {"weight with a long name", "b"};

void make_arrays(Env& e, qn_array* out[2]) {
  out[0] = e.op("transpose", {e.op("exp", {e.ramp({4, 3})})});
  out[1] = e.indices({1, 2, 3}, {3});
}

void save_safetensors(Env& e, const std::string& path) {
  qn_array* a[2];
  make_arrays(e, a);
  CALL(qn_save_safetensors, path.c_str(), kNames, static_cast<qn_array* const*>(a), 2u);
  e.look(path);
}
void save_npy(Env& e, const std::string& path) {
  qn_array* a[2];
  make_arrays(e, a);
  CALL(qn_save_npy, path.c_str(), a[0]);
  e.look(path);
}
void save_npz(Env& e, const std::string& path) {
  qn_array* a[2];
  make_arrays(e, a);
  CALL(qn_save_npz, path.c_str(), kNames, static_cast<qn_array* const*>(a), 2u, QN_NPZ_STORED);
  e.look(path);
}
void save_npz_deflated(Env& e, const std::string& path) {
  qn_array* a[2];
  make_arrays(e, a);
  CALL(qn_save_npz, path.c_str(), kNames, static_cast<qn_array* const*>(a), 2u, QN_NPZ_DEFLATED);
  e.look(path);
}
void load_safetensors(Env& e, const std::string& path) {
  load_all(e, "qn_load_safetensors", qn_load_safetensors, path, 2);
}
void load_npy(Env& e, const std::string& path) {
  qn_array** out = e.array();
  CALL(qn_load_npy, e.rt, path.c_str(), out);
  e.look(*out);
}
void load_npz(Env& e, const std::string& path) { load_all(e, "qn_load_npz", qn_load_npz, path, 2); }

std::vector<Scenario> file_scenarios() {
  return {
      {"safetensors saved", [](Env& e) { save_safetensors(e, e.path("a.safetensors")); }},
      {"safetensors loaded", [](Env& e) { load_safetensors(e, e.path("kept.safetensors")); }},
      {"safetensors with metadata",
       [](Env& e) {
         qn_array* a[2];
         make_arrays(e, a);
         const char *keys[] = {"format", "a key"},
                    *values[] = {"pt", "with a value of some length"};
         const std::string path = e.path("m.safetensors");
         CALL(qn_save_safetensors_with_metadata, path.c_str(), kNames,
              static_cast<qn_array* const*>(a), 2u, static_cast<const char* const*>(keys),
              static_cast<const char* const*>(values), 2u);
         e.look(path);
         int n = 0;
         CALL(qn_load_safetensors_metadata, path.c_str(), keep_reading, static_cast<void*>(&n));
         EXPECT_EQ(n, 2);
       }},
      {"npy saved", [](Env& e) { save_npy(e, e.path("a.npy")); }},
      {"npy loaded", [](Env& e) { load_npy(e, e.path("kept.npy")); }},
      {"npz saved", [](Env& e) { save_npz(e, e.path("a.npz")); }},
      {"npz loaded", [](Env& e) { load_npz(e, e.path("kept.npz")); }},
      {"npz deflated", [](Env& e) { save_npz_deflated(e, e.path("d.npz")); }},
      {"npz inflated", [](Env& e) { load_npz(e, e.path("kept_deflated.npz")); }},
  };
}

}  // namespace faults
