// Reading and writing safetensors files with plain system calls.
// The header is checked in safetensors_header.cpp before any array is made.
#include "runtime/io/safetensors.h"

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_set>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/host/runtime.h"
#include "runtime/io/file.h"
#include "runtime/io/safetensors_header.h"

namespace quern {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian data");
constexpr std::string_view kMetadataName = "__metadata__";
constexpr std::uint64_t kMaxHeader = 100u << 20;

// `start`: where the data begin.
SafetensorsHeader read_header(const InputFile& file, std::uint64_t& start) {
  std::uint64_t length = 0;
  if (file.size() < sizeof length)
    throw Error(QN_E_DATA_LOSS,
                str(file.where(), file.size(), " bytes, too short for a header length"));
  file.read(&length, sizeof length, 0);
  if (length > kMaxHeader || length > file.size() - sizeof length)
    throw Error(QN_E_DATA_LOSS,
                str(file.where(), "header of ", length, " bytes in a file of ", file.size(),
                    ", expected at most ", kMaxHeader, " and within the file"));
  std::string header(length, '\0');
  file.read(header.data(), length, sizeof length);
  start = sizeof length + length;
  return parse_safetensors_header(file.where(), header, file.size() - start);
}

// Only single texts are made into JSON by the library: its lists and objects take memory when they
// are destroyed, and end the process when there is none.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string metadata_json(const Metadata& metadata) {
  std::unordered_set<std::string_view> keys;
  std::string out;
  try {
    for (const auto& [key, value] : metadata) {
      if (!keys.insert(key).second)
        fail_invalid("[safetensors] the metadata key '", key, "' is given twice");
      out += str(out.empty() ? '{' : ',', quoted(key), ':', quoted(value));
    }
    return out + "}";
  } catch (const nlohmann::json::exception&) {
    fail_invalid("[safetensors] the metadata are not valid UTF-8");
  }
}

// "[2,3]"
std::string list_json(IntSpan values) {
  std::string out = "[";
  for (const std::int64_t v : values) out += str(out.size() > 1 ? "," : "", v);
  return out + "]";
}

}  // namespace

void save_safetensors(const std::string& path, std::span<const NamedArray> arrays,
                      const Metadata& metadata) {
  prepare_to_save("safetensors", arrays);
  std::vector<const NamedArray*> order;
  for (const NamedArray& item : arrays) {
    if (item.first == kMetadataName)
      fail_invalid("[safetensors] the name '", kMetadataName, "' is reserved");
    order.push_back(&item);
  }
  // Wide elements first: then every array lies at a multiple of its element size.
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return itemsize(a->second.dtype()) > itemsize(b->second.dtype());
  });
  std::string header = "{";
  if (!metadata.empty()) header += str('"', kMetadataName, "\":", metadata_json(metadata));
  std::uint64_t at = 0;
  for (const auto* item : order) {
    const Array& a = item->second;
    const std::uint64_t end = at + static_cast<std::uint64_t>(a.size()) * itemsize(a.dtype());
    header += str(header.size() > 1 ? "," : "", quoted(item->first), R"(:{"dtype":")",
                  safetensors_dtype(a.dtype()), R"(","shape":)", list_json(a.shape()),
                  R"(,"data_offsets":[)", at, ",", end, "]}");
    at = end;
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  if (header.size() > kMaxHeader)
    fail_invalid("[safetensors] the header would have ", header.size(), " bytes, expected at most ",
                 kMaxHeader);

  OutputFile file("safetensors", path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header.data(), length);
  for (const auto* item : order)
    with_dense_bytes(item->second, [&](const void* p, std::uint64_t n) { file.write(p, n); });
  file.commit();
}

std::vector<NamedArray> load_safetensors(Runtime& rt, const std::string& path) {
  const InputFile file("safetensors", path);
  std::uint64_t start = 0;
  SafetensorsHeader header = read_header(file, start);
  std::vector<NamedArray> out;
  for (TensorEntry& e : header.entries) {
    const std::uint64_t bytes = e.end - e.begin;
    auto buffer =
        std::make_shared<Buffer>(rt.allocator(), std::max<std::uint64_t>(bytes, 1), QN_TAG_ARRAY);
    file.read(buffer->data(), bytes, start + e.begin);
    if (e.dtype == DType::boolean) normalize_booleans(buffer->data(), bytes);
    Strides strides = dense_strides(e.shape);
    out.emplace_back(std::move(e.name), make_leaf(rt, e.dtype, std::move(e.shape),
                                                  std::move(strides), std::move(buffer)));
  }
  return out;
}

Metadata load_safetensors_metadata(const std::string& path) {
  const InputFile file("safetensors", path);
  std::uint64_t start = 0;
  return read_header(file, start).metadata;
}

}  // namespace quern
