// safetensors files, through the library's reader and writer.
#include "bind.h"

namespace qpy {

namespace {

using Named = std::vector<std::pair<std::string, Ref>>;

qn_status keep(void* self, const char* name, qn_array* array) noexcept {
  try {
    static_cast<Named*>(self)->emplace_back(name, Ref::share(array));
    return QN_OK;
  } catch (...) {
    return QN_E_RESOURCE_EXHAUSTED;
  }
}

nb::dict load_safetensors(const std::string& path) {
  Named found;
  qn_error* error = nullptr;
  check(
      unlocked([&] { return qn_load_safetensors(runtime(), path.c_str(), keep, &found, &error); }),
      error);
  nb::dict out;
  for (auto& [name, array] : found) out[nb::str(name.c_str())] = object_of(std::move(array));
  return out;
}

void save_safetensors(const std::string& path, const nb::dict& arrays) {
  std::vector<std::string> names;
  std::vector<qn_array*> values;
  std::vector<Ref> held;  // other threads may rebind the objects meanwhile
  for (const auto& [key, value] : arrays) {
    names.push_back(nb::cast<std::string>(key));
    qn_array* a = array_arg(value.ptr(), "save_safetensors");
    if (!a) throw nb::python_error();
    values.push_back(a);
    held.push_back(Ref::share(a));
  }
  std::vector<const char*> texts;
  for (const std::string& n : names) texts.push_back(n.c_str());
  qn_error* error = nullptr;
  check(unlocked([&] {
          return qn_save_safetensors(path.c_str(), texts.data(), values.data(),
                                     static_cast<std::uint32_t>(values.size()), &error);
        }),
        error);
}

}  // namespace

void add_files(nb::module_& m) {
  m.def("load_safetensors", &load_safetensors, nb::arg("path"),
        "The arrays of a safetensors file by name.");
  m.def("save_safetensors", &save_safetensors, nb::arg("path"), nb::arg("arrays"),
        "Writes a safetensors file; replaces path in one step.");
}

}  // namespace qpy
