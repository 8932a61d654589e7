// npy files: magic, version, length, header, data. The header's text is parsed in npy_header.cpp.
#include "runtime/io/npy.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/host/runtime.h"
#include "runtime/io/file.h"
#include "runtime/io/named_arrays.h"
#include "runtime/io/npy_header.h"

namespace quern {
namespace {

static_assert(std::endian::native == std::endian::little, "npy data are written little-endian");
constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::uint64_t kMaxHeader = 1u << 20;  // NumPy refuses more than 10,000 bytes by default
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 62;

// false: more than 2^62.
bool data_size(const NpyHeader& h, std::uint64_t& bytes) {
  bytes = itemsize(h.dtype);
  bool empty = false;
  for (const std::int64_t d : h.shape) {
    empty = empty || d == 0;
    if (d > 1 &&
        (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(d), &bytes) || bytes > kMaxBytes))
      return false;
  }
  if (empty) bytes = 0;
  return true;
}

void swap_bytes(void* data, std::uint64_t bytes, std::size_t item) {
  auto* p = static_cast<char*>(data);
  for (std::uint64_t i = 0; i < bytes; i += item) std::reverse(p + i, p + i + item);
}

Strides column_major(IntSpan shape) {
  Strides s(shape.size(), 1);
  for (std::size_t i = 1; i < shape.size(); ++i)
    s[i] = s[i - 1] * std::max<std::int64_t>(shape[i - 1], 1);
  return s;
}

}  // namespace

Array read_npy(Runtime& rt, const std::string& where, std::uint64_t size, const ReadFn& read) {
  const auto malformed = [&](const auto&... what) {
    throw Error(QN_E_DATA_LOSS, str(where, what...));
  };
  unsigned char start[12] = {};
  if (size < 10) malformed(size, " bytes, too short for an npy header");
  read(start, 10);
  if (std::memcmp(start, kMagic.data(), kMagic.size()) != 0)
    malformed("it does not start with the npy magic");
  const unsigned major = start[6];
  if (major < 1 || major > 3)
    throw Error(QN_E_UNIMPLEMENTED, str(where, "npy version ", major, ".", unsigned{start[7]},
                                        ", expected 1.0, 2.0 or 3.0"));
  std::uint64_t at = 10, length = start[8] | start[9] << 8;
  if (major > 1) {
    if (size < 12) malformed(size, " bytes, too short for an npy header");
    read(start + 10, 2);
    at = 12;
    length |= std::uint64_t{start[10]} << 16 | std::uint64_t{start[11]} << 24;
  }
  if (length > kMaxHeader || length > size - at)
    malformed("header of ", length, " bytes in ", size, ", expected at most ", kMaxHeader,
              " and within the file");
  std::string text(length, '\0');
  read(text.data(), length);
  NpyHeader h = parse_npy_header(where, text);
  std::uint64_t bytes = 0;
  if (!data_size(h, bytes)) malformed("shape ", to_string(h.shape), " is too large");
  if (bytes > size - at - length)
    malformed(size - at - length, " bytes of data, shape ", to_string(h.shape), " of ",
              name(h.dtype), " needs ", bytes);

  auto buffer =
      std::make_shared<Buffer>(rt.allocator(), std::max<std::uint64_t>(bytes, 1), QN_TAG_ARRAY);
  read(buffer->data(), bytes);
  if (h.big_endian) {
    const std::size_t item = h.dtype == DType::c64 ? 4 : itemsize(h.dtype);
    swap_bytes(buffer->data(), bytes, item);
  }
  if (h.dtype == DType::boolean) normalize_booleans(buffer->data(), bytes);
  Strides strides = h.fortran_order && bytes > 0 ? column_major(h.shape) : dense_strides(h.shape);
  return make_leaf(rt, h.dtype, std::move(h.shape), std::move(strides), std::move(buffer));
}

std::string npy_preamble(DType dtype, IntSpan shape) {
  std::string dict = str("{'descr': '", npy_descr(dtype), "', 'fortran_order': False, 'shape': (");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    dict += std::to_string(shape[i]);
    if (i + 1 < shape.size() || shape.size() == 1) dict += ",";
    if (i + 1 < shape.size()) dict += " ";
  }
  dict += "), }";
  const std::size_t head = kMagic.size() + 4;  // version and length
  dict.append(63 - (head + dict.size()) % 64, ' ');
  dict += '\n';
  std::string out(kMagic);
  out += {'\1', '\0', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return out += dict;
}

void save_npy(const std::string& path, const Array& array) {
  array.runtime().eval({&array, 1});
  const std::string head = npy_preamble(array.dtype(), array.shape());
  OutputFile file("npy", path);
  file.write(head.data(), head.size());
  with_dense_bytes(array, [&](const void* p, std::uint64_t n) { file.write(p, n); });
  file.commit();
}

Array load_npy(Runtime& rt, const std::string& path) {
  const InputFile file("npy", path);
  std::uint64_t at = 0;
  return read_npy(rt, file.where(), file.size(), [&](void* to, std::uint64_t bytes) {
    file.read(to, bytes, at);
    at += bytes;
  });
}

}  // namespace quern
