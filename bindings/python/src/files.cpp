// safetensors files, through the library's reader and writer.
#include "bind.h"

namespace qpy {

namespace {

nb::dict load_safetensors(const std::string& path) {
  nb::dict out;
  qn_error* error = nullptr;
  qn_status s = qn_load_safetensors(
      runtime(), path.c_str(),
      [](void* self, const char* name, qn_array* array) -> qn_status {
        const Object o(wrap(qn_array_retain(array)));
        return o && PyDict_SetItemString(static_cast<nb::dict*>(self)->ptr(), name, o.get()) == 0
                   ? QN_OK
                   : QN_E_UNKNOWN;
      },
      &out, &error);
  check(s, error);
  return out;
}

void save_safetensors(const std::string& path, const nb::dict& arrays) {
  std::vector<std::string> names;
  std::vector<qn_array*> values;
  for (const auto& [key, value] : arrays) {
    names.push_back(nb::cast<std::string>(key));
    qn_array* a = array_arg(value.ptr(), "save_safetensors");
    if (!a) throw nb::python_error();
    values.push_back(a);
  }
  std::vector<const char*> texts;
  for (const std::string& n : names) texts.push_back(n.c_str());
  qn_error* error = nullptr;
  check(qn_save_safetensors(path.c_str(), texts.data(), values.data(),
                            static_cast<std::uint32_t>(values.size()), &error),
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
