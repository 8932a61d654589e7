// Reading and writing safetensors files with plain system calls.
// The header is checked in safetensors_header.cpp before any array is made.
#include "runtime/io/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_set>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"
#include "runtime/host/runtime.h"
#include "runtime/io/safetensors_header.h"
#include "runtime/io/strided_copy.h"

namespace quern {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian data");
constexpr std::uint64_t kMaxHeader = 100u << 20;

[[noreturn]] void fail_errno(const std::string& path, const char* what) {
  const int e = errno;
  qn_status code = QN_E_UNAVAILABLE;
  if (e == ENOENT) code = QN_E_NOT_FOUND;
  if (e == EACCES || e == EPERM || e == EROFS) code = QN_E_PERMISSION_DENIED;
  if (e == ENOSPC || e == EDQUOT || e == EMFILE || e == ENFILE) code = QN_E_RESOURCE_EXHAUSTED;
  if (e == EISDIR || e == ENOTDIR || e == ENAMETOOLONG) code = QN_E_INVALID_ARGUMENT;
  throw Error(code, str("[safetensors] cannot ", what, " ", path, ": ",
                        std::generic_category().message(e)));
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

void read_at(const std::string& path, int fd, void* to, std::uint64_t bytes, std::uint64_t at) {
  char* p = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n =
        ::pread(fd, p, std::min<std::uint64_t>(bytes, 1u << 30), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(path, "read");
    if (n == 0)
      throw Error(QN_E_DATA_LOSS, str("[safetensors] ", path, " ended while it was read"));
    p += n;
    at += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::uint64_t>(n);
  }
}

void write_all(const std::string& path, int fd, const void* from, std::uint64_t bytes) {
  const char* p = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t n = ::write(fd, p, std::min<std::uint64_t>(bytes, 1u << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(path, "write");
    p += n;
    bytes -= static_cast<std::uint64_t>(n);
  }
}

// A new file beside `path`, removed again unless it takes the place of `path`.
class Replacement {
 public:
  explicit Replacement(const std::string& path)
      : path_(path), temp_(temp_name(path)), file_(temp_, O_WRONLY | O_CREAT | O_EXCL, 0666) {
    if (!file_) fail_errno(temp_, "create");
    struct stat old;
    // A replaced file keeps its permissions; without the right to set them the new file's stay.
    if (::stat(path.c_str(), &old) == 0 && S_ISREG(old.st_mode) &&
        ::fchmod(file_.fd(), old.st_mode & 0777) != 0)
      errno = 0;
  }
  ~Replacement() {
    if (!done_) ::unlink(temp_.c_str());
  }
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  void write(const void* from, std::uint64_t bytes) { write_all(temp_, file_.fd(), from, bytes); }

  void commit() {
    if (::fsync(file_.fd()) != 0) fail_errno(temp_, "sync");
    if (!file_.close()) fail_errno(temp_, "close");
    if (::rename(temp_.c_str(), path_.c_str()) != 0) fail_errno(path_, "replace");
    done_ = true;
    const std::size_t slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "."
                               : slash == 0               ? "/"
                                                          : path_.substr(0, slash);
    File dir(folder, O_RDONLY | O_DIRECTORY);
    // Some file systems cannot sync a directory (EINVAL); the file itself is safe then.
    if (dir && ::fsync(dir.fd()) != 0 && errno != EINVAL) fail_errno(folder, "sync");
  }

 private:
  static std::string temp_name(const std::string& path) {
    static std::atomic<unsigned> counter{0};
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    return str(path, ".", ::getpid(), ".", counter.fetch_add(1), ".", now & 0xffffff, ".tmp");
  }
  std::string path_, temp_;
  File file_;
  bool done_ = false;
};

}  // namespace

void save_safetensors(const std::string& path,
                      std::span<const std::pair<std::string, Array>> arrays) {
  std::vector<const std::pair<std::string, Array>*> order;
  std::unordered_set<std::string> names;
  ArrayList values;
  for (const auto& item : arrays) {
    if (item.first == "__metadata__")
      fail_invalid("[safetensors] the name '__metadata__' is reserved");
    if (!names.insert(item.first).second)
      fail_invalid("[safetensors] the name '", item.first, "' is given twice");
    if (&item.second.runtime() != &arrays[0].second.runtime())
      fail_invalid("[safetensors] '", item.first, "' belongs to another runtime");
    order.push_back(&item);
    values.push_back(item.second);
  }
  if (!values.empty()) values[0].runtime().eval(values);
  // Wide elements first: then every array lies at a multiple of its element size.
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return itemsize(a->second.dtype()) > itemsize(b->second.dtype());
  });
  std::string header = "{";
  std::uint64_t at = 0;
  for (const auto* item : order) {
    const Array& a = item->second;
    const std::uint64_t end = at + static_cast<std::uint64_t>(a.size()) * itemsize(a.dtype());
    const nlohmann::ordered_json entry = {
        {"dtype", safetensors_dtype(a.dtype())},
        {"shape", std::vector<std::int64_t>(a.shape().begin(), a.shape().end())},
        {"data_offsets", {at, end}}};
    std::string key;
    try {
      key = nlohmann::json(item->first).dump();
    } catch (const nlohmann::json::exception&) {
      fail_invalid("[safetensors] the name of array ", item - arrays.data(), " is not valid UTF-8");
    }
    header += (header.size() > 1 ? "," : "") + key + ":" + entry.dump();
    at = end;
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  if (header.size() > kMaxHeader)
    fail_invalid("[safetensors] the header would have ", header.size(), " bytes, expected at most ",
                 kMaxHeader);

  Replacement file(path);
  const std::uint64_t length = header.size();
  file.write(&length, sizeof length);
  file.write(header.data(), length);
  for (const auto* item : order) {
    const ArrayRep& a = *item->second.rep();
    const std::uint64_t bytes = static_cast<std::uint64_t>(item->second.size()) * itemsize(a.dtype);
    if (bytes == 0) continue;
    if (is_dense(a.shape, a.strides)) {
      file.write(a.data(), bytes);
      continue;
    }
    const auto dense = std::make_unique_for_overwrite<char[]>(bytes);
    copy_to_dense(dense.get(), a.data(), a.shape, a.strides, itemsize(a.dtype));
    file.write(dense.get(), bytes);
  }
  file.commit();
}

std::vector<std::pair<std::string, Array>> load_safetensors(Runtime& rt, const std::string& path) {
  const File file(path, O_RDONLY | O_NONBLOCK);
  if (!file) fail_errno(path, "open");
  struct stat st;
  if (::fstat(file.fd(), &st) != 0) fail_errno(path, "examine");
  if (!S_ISREG(st.st_mode)) fail_invalid("[safetensors] ", path, " is not a regular file");
  const auto size = static_cast<std::uint64_t>(st.st_size);
  std::uint64_t length = 0;
  if (size < sizeof length)
    throw Error(QN_E_DATA_LOSS,
                str("[safetensors] ", path, ": ", size, " bytes, too short for a header length"));
  read_at(path, file.fd(), &length, sizeof length, 0);
  if (length > kMaxHeader || length > size - sizeof length)
    throw Error(QN_E_DATA_LOSS,
                str("[safetensors] ", path, ": header of ", length, " bytes in a file of ", size,
                    ", expected at most ", kMaxHeader, " and within the file"));
  std::string header(length, '\0');
  read_at(path, file.fd(), header.data(), length, sizeof length);
  const std::uint64_t start = sizeof length + length;

  std::vector<std::pair<std::string, Array>> out;
  for (TensorEntry& e : parse_safetensors_header(path, header, size - start)) {
    const std::uint64_t bytes = e.end - e.begin;
    auto buffer =
        std::make_shared<Buffer>(rt.allocator(), std::max<std::uint64_t>(bytes, 1), QN_TAG_ARRAY);
    read_at(path, file.fd(), buffer->data(), bytes, start + e.begin);
    if (e.dtype == DType::boolean) {
      auto* p = static_cast<unsigned char*>(buffer->data());
      for (std::uint64_t i = 0; i < bytes; ++i) p[i] = p[i] != 0;  // kernels rely on 0 and 1
    }
    Strides strides = dense_strides(e.shape);
    out.emplace_back(std::move(e.name), make_leaf(rt, e.dtype, std::move(e.shape),
                                                  std::move(strides), std::move(buffer)));
  }
  return out;
}

}  // namespace quern
