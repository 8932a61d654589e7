// npz archives: arrays by name. The container is in zip_*.cpp, the arrays are in npy.cpp.
#include "runtime/io/npz.h"

#include "runtime/core/error.h"
#include "runtime/io/npy.h"
#include "runtime/io/zip.h"

namespace quern {
namespace {
constexpr std::string_view kSuffix = ".npy";
}

void save_npz(const std::string& path, std::span<const NamedArray> arrays, bool deflate) {
  prepare_to_save("npz", arrays);
  OutputFile file("npz", path);
  ZipWriter zip(file, deflate);
  for (const auto& [name, array] : arrays) {
    zip.add(str(name, kSuffix), [&array = array](const ZipWriter::Put& put) {
      const std::string head = npy_preamble(array.dtype(), array.shape());
      put(head.data(), head.size());
      with_dense_bytes(array, put);
    });
  }
  zip.finish();
  file.commit();
}

std::vector<NamedArray> load_npz(Runtime& rt, const std::string& path) {
  const InputFile file("npz", path);
  std::vector<NamedArray> out;
  for (const ZipMember& m : read_zip_directory(file)) {
    if (!m.name.ends_with(kSuffix)) continue;
    ZipReader zip(file, m);
    Array a = read_npy(rt, str(file.where(), "'", m.name, "': "), m.size,
                       [&](void* to, std::uint64_t bytes) { zip.read(to, bytes); });
    zip.finish();
    out.emplace_back(m.name.substr(0, m.name.size() - kSuffix.size()), std::move(a));
  }
  return out;
}

}  // namespace quern
