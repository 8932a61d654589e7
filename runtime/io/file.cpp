// Plain system calls under the formats: open, read, write, sync, rename, with every failure named.
// Buffering is left to the callers, who write large pieces.
#include "runtime/io/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "runtime/core/error.h"

namespace quern {
namespace {

constexpr std::uint64_t kPiece = 1u << 30;  // of one system call

[[noreturn]] void fail_errno(const char* format, const char* what, const std::string& path) {
  const int e = errno;
  qn_status code = QN_E_UNAVAILABLE;
  if (e == ENOENT) code = QN_E_NOT_FOUND;
  if (e == EACCES || e == EPERM || e == EROFS) code = QN_E_PERMISSION_DENIED;
  if (e == ENOSPC || e == EDQUOT || e == EFBIG || e == EMFILE || e == ENFILE || e == ENOMEM)
    code = QN_E_RESOURCE_EXHAUSTED;
  if (e == EISDIR || e == ENOTDIR || e == ENAMETOOLONG || e == ELOOP) code = QN_E_INVALID_ARGUMENT;
  throw Error(code, str("[", format, "] cannot ", what, " ", path, ": ",
                        std::generic_category().message(e)));
}

int open_file(const char* path, int flags, mode_t mode = 0) {
  int fd;
  do fd = ::open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd;
}

bool same_file(int fd, const char* path) {
  struct stat a, b;
  return ::fstat(fd, &a) == 0 && ::lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File& File::operator=(File&& o) noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = std::exchange(o.fd_, -1);
  return *this;
}

InputFile::InputFile(const char* format, std::string path)
    : format_(format),
      path_(std::move(path)),
      file_(open_file(path_.c_str(), O_RDONLY | O_NONBLOCK)) {
  if (!file_) fail_errno(format_, "open", path_);
  struct stat st;
  if (::fstat(file_.fd(), &st) != 0) fail_errno(format_, "examine", path_);
  if (!S_ISREG(st.st_mode)) fail_invalid("[", format_, "] ", path_, " is not a regular file");
  size_ = static_cast<std::uint64_t>(st.st_size);
}

std::string InputFile::where() const { return str("[", format_, "] ", path_, ": "); }

void InputFile::read(void* to, std::uint64_t bytes, std::uint64_t at) const {
  char* p = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n = ::pread(file_.fd(), p, std::min(bytes, kPiece), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(format_, "read", path_);
    if (n == 0) throw Error(QN_E_DATA_LOSS, where() + "the file ended while it was read");
    p += n;
    at += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::uint64_t>(n);
  }
}

FileLock::FileLock(const char* format, const std::string& path) {
  constexpr int kTries = 400;  // of 10 ms
  for (int i = 0; i < kTries; ++i) {
    file_ = File(open_file(path.c_str(), O_RDWR | O_CREAT | O_NONBLOCK, 0666));
    if (!file_) fail_errno(format, "open", path);
    const bool locked = ::flock(file_.fd(), LOCK_EX | LOCK_NB) == 0;
    if (!locked && errno != EWOULDBLOCK && errno != EINTR) return;
    // The holder before may have replaced the file: then the lock is on one that is gone.
    struct stat mine, there;
    if (locked && ::fstat(file_.fd(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
        mine.st_dev == there.st_dev && mine.st_ino == there.st_ino)
      return;
    if (!locked) ::usleep(10000);
  }
  throw Error(QN_E_UNAVAILABLE,
              str("[", format, "] cannot write ", path, ": another process holds it"));
}

OutputFile::OutputFile(const char* format, std::string path)
    : format_(format), path_(std::move(path)) {
  struct stat old;
  const bool replaces = ::stat(path_.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode))
    fail_invalid("[", format_, "] ", path_, " is not a regular file");
  constexpr unsigned kWriters = 100;  // of one path at a time
  unsigned number = 0;
  while (!create(number))
    if (++number == kWriters)
      throw Error(QN_E_UNAVAILABLE, str("[", format_, "] cannot write ", path_, ": ", kWriters,
                                        " temporary files like ", temp_, " are in use"));
  // A replaced file keeps its permissions; without the right to set them the new file's stay.
  if (replaces && ::fchmod(file_.fd(), old.st_mode & 0777) != 0) errno = 0;
}

// The temporary file's name is one of few, and a lock tells whether its writer lives: so a killed
// process leaves one file at most, and the next writer removes it.
bool OutputFile::create(unsigned number) {
  temp_ = str(path_, ".quern-", number, ".tmp");
  const char* name = temp_.c_str();
  for (int attempt = 0; attempt < 100; ++attempt) {
    file_ = File(open_file(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666));
    if (file_) {
      const bool locked = ::flock(file_.fd(), LOCK_EX | LOCK_NB) == 0;
      // Another writer may have taken the new file for a dead one's, and removed it. Where there
      // are no locks, nobody removes anything.
      if (locked ? same_file(file_.fd(), name) : errno != EWOULDBLOCK) return true;
      continue;
    }
    if (errno != EEXIST) fail_errno(format_, "create", temp_);
    const File found(open_file(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!found && errno == ENOENT) continue;
    if (!found || ::flock(found.fd(), LOCK_EX | LOCK_NB) != 0) return false;
    struct stat st;
    if (::fstat(found.fd(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
    if (same_file(found.fd(), name) && ::unlink(name) != 0) return false;
  }
  return false;
}

OutputFile::~OutputFile() {
  if (file_) ::unlink(temp_.c_str());
}

void OutputFile::write(const void* from, std::uint64_t bytes) {
  write_at(from, bytes, at_);
  at_ += bytes;
}

void OutputFile::rewrite(const void* from, std::uint64_t bytes, std::uint64_t at) {
  write_at(from, bytes, at);
}

void OutputFile::write_at(const void* from, std::uint64_t bytes, std::uint64_t at) {
  const char* p = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t n = ::pwrite(file_.fd(), p, std::min(bytes, kPiece), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(format_, "write", temp_);
    p += n;
    at += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::uint64_t>(n);
  }
}

void OutputFile::commit() {
  const std::size_t slash = path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "."
                             : slash == 0               ? "/"
                                                        : path_.substr(0, slash);
  if (::fsync(file_.fd()) != 0) fail_errno(format_, "sync", temp_);
  // The lock is held until the file has its name. Closing later cannot lose data: they are synced.
  if (::rename(temp_.c_str(), path_.c_str()) != 0) fail_errno(format_, "replace", path_);
  file_ = File();
  const File dir(open_file(folder.c_str(), O_RDONLY | O_DIRECTORY));
  // A folder that may not be read, or a file system that cannot sync one (EINVAL), is no failure:
  // the file is complete, under its name.
  if (!dir && errno != EACCES) fail_errno(format_, "open", folder);
  if (dir && ::fsync(dir.fd()) != 0 && errno != EINVAL) fail_errno(format_, "sync", folder);
}

}  // namespace quern
