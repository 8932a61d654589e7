// The safetensors reader: the input is the file, but for the header's length, which is set right
// for most inputs.
#include "fuzz.h"
#include "loaded.h"

namespace {

qn_status metadata_found(void*, const char* key, const char* value) {
  if (!key || !value) fuzz::broken("nothing handed out");
  return QN_OK;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> file(data, data + size);
  if (size > 9 && size % 8 != 0) {
    std::uint64_t length = size - 8;
    for (std::size_t i = 9; i < size; ++i)
      if (data[i - 1] == '}' && data[i] != '}' && data[i] != ',') {
        length = i - 8;
        break;
      }
    std::memcpy(file.data(), &length, sizeof length);
  }
  const char* path = fuzz::as_file(file.data(), file.size());
  qn_error* e = nullptr;
  fuzz::worked(qn_load_safetensors(fuzz::runtime(), path, fuzz::read_found, nullptr, &e), e);
  e = nullptr;
  fuzz::worked(qn_load_safetensors_metadata(path, metadata_found, nullptr, &e), e);
  return 0;
}
