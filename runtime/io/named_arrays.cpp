// Checks of names, and row-major bytes of arrays with any strides.
#include "runtime/io/named_arrays.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/host/runtime.h"
#include "runtime/io/strided_copy.h"

namespace quern {

void prepare_to_save(const char* format, std::span<const NamedArray> arrays) {
  std::unordered_set<std::string> names;
  ArrayList values;
  for (const NamedArray& item : arrays) {
    try {
      (void)nlohmann::json(item.first).dump();
    } catch (const nlohmann::json::exception&) {
      fail_invalid("[", format, "] the name of array ", &item - arrays.data(),
                   " is not valid UTF-8");
    }
    if (!names.insert(item.first).second)
      fail_invalid("[", format, "] the name '", item.first, "' is given twice");
    values.push_back(item.second);
  }
  if (!values.empty()) values[0].runtime().eval(values);
}

void with_dense_bytes(const Array& array,
                      const std::function<void(const void*, std::uint64_t)>& use) {
  const ArrayRep& a = *array.rep();
  const std::uint64_t bytes = static_cast<std::uint64_t>(array.size()) * itemsize(a.dtype);
  if (bytes == 0) return;
  if (is_dense(a.shape, a.strides)) return use(a.data(), bytes);
  const auto dense = std::make_unique_for_overwrite<char[]>(bytes);
  copy_to_dense(dense.get(), a.data(), a.shape, a.strides, itemsize(a.dtype));
  use(dense.get(), bytes);
}

void normalize_booleans(void* data, std::uint64_t n) {
  auto* p = static_cast<unsigned char*>(data);
  for (std::uint64_t i = 0; i < n; ++i) p[i] = p[i] != 0;
}

}  // namespace quern
