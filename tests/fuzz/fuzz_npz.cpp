// The npz reader: the input is the archive. Checksums are set right first, where the input has the
// records for it: otherwise hardly any changed archive would get past them.
#include <zlib.h>

#include "fuzz.h"
#include "loaded.h"

namespace {

template <typename T>
T get(const std::vector<std::uint8_t>& v, std::size_t at) {
  T x{};
  if (at + sizeof x <= v.size()) std::memcpy(&x, &v[at], sizeof x);
  return x;
}

// For stored members: the CRC in the directory becomes that of the bytes it names.
void repair(std::vector<std::uint8_t>& v) {
  for (std::size_t i = 0; i + 46 <= v.size(); ++i) {
    if (get<std::uint32_t>(v, i) != 0x02014b50 || get<std::uint16_t>(v, i + 10) != 0) continue;
    const std::size_t header = get<std::uint32_t>(v, i + 42), n = get<std::uint32_t>(v, i + 20);
    const std::size_t at =
        header + 30 + get<std::uint16_t>(v, header + 26) + get<std::uint16_t>(v, header + 28);
    if (header > v.size() || at > v.size() || n > v.size() - at) continue;
    const auto crc = static_cast<std::uint32_t>(::crc32(0, v.data() + at, static_cast<uInt>(n)));
    std::memcpy(&v[i + 16], &crc, sizeof crc);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> archive(data, data + size);
  if (size % 8 != 0) repair(archive);
  qn_error* e = nullptr;
  fuzz::worked(qn_load_npz(fuzz::runtime(), fuzz::as_file(archive.data(), archive.size()),
                           fuzz::read_found, nullptr, &e),
               e);
  return 0;
}
