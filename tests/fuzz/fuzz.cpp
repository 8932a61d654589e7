// The shared runtime, the shared file, and the numbers that inputs stand for.
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <limits>

namespace fuzz {

std::int64_t Input::integer() {
  const std::uint8_t kind = byte();
  if (kind < 160) return kind % 9;  // sizes, axes
  if (kind < 200) return -static_cast<std::int64_t>(kind % 9);
  const std::int64_t near = byte() % 5 - 2;
  if (kind < 250) {
    static constexpr int kBits[] = {7, 8, 15, 16, 30, 31, 32, 33, 40, 60, 61, 62};
    const std::int64_t v = (std::int64_t{1} << kBits[kind % 12]) + near;
    return kind % 2 ? v : -v;
  }
  if (kind < 253)
    return near > 0 ? std::numeric_limits<std::int64_t>::min() + near
                    : std::numeric_limits<std::int64_t>::max() + near;
  return static_cast<std::int64_t>(raw());
}

double Input::number() {
  switch (byte() % 8) {
    case 0:
      return 0;
    case 1:
      return -1;
    case 2:
      return std::numeric_limits<double>::infinity();
    case 3:
      return std::nan("");
    case 4:
      return 1e300;
    case 5: {
      const std::uint64_t bits = raw();
      double v;
      std::memcpy(&v, &bits, sizeof v);
      return v;
    }
    default:
      return integer() / 4.0;
  }
}

qn_dtype Input::dtype() {
  static constexpr qn_dtype kAll[] = {QN_BOOL, QN_U8,  QN_I8,  QN_U16,  QN_I16, QN_U32, QN_I32,
                                      QN_U64,  QN_I64, QN_F16, QN_BF16, QN_F32, QN_F64, QN_C64};
  const std::uint8_t k = byte();
  if (k >= 250) return static_cast<qn_dtype>(raw());
  return k < 100 ? QN_F32 : kAll[k % 14];
}

std::string Input::text(std::size_t most) {
  std::string s;
  for (std::size_t n = byte(); n > 0 && s.size() < most && !empty(); --n)
    s += static_cast<char>(byte());
  return s;
}

qn_runtime* runtime() {
  static qn_runtime* const rt = [] {
    qn_runtime_config c{};
    c.hdr.struct_size = sizeof c;
    c.plugin_policy = QN_PLUGINS_BUILTIN;
    c.n_threads = 1;
    c.memory_limit = 16 << 20;
    c.kernels = "";
    qn_runtime* made = nullptr;
    if (qn_runtime_create(&c, &made, nullptr) != QN_OK) broken("no runtime");
    return made;
  }();
  return rt;
}

const char* as_file(const std::uint8_t* data, std::size_t size) {
  static const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (::pwrite(fd, data, size, 0) != static_cast<ssize_t>(size) ||
      ::ftruncate(fd, static_cast<off_t>(size)) != 0)
    broken("no file to write to");
  return path.c_str();
}

}  // namespace fuzz
