// The file functions that libquern calls, as this program sees them: each can fail. What does not
// fail goes to libc.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>

#include "inject.h"

namespace {

bool fails() {
  if (!faults::event(faults::Source::files)) return false;
  errno = faults::error();
  return true;
}

template <typename F>
F libc(F, const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define REAL(name) static const auto real = libc(&::name, #name)

extern "C" {
int open(const char* path, int flags, ...) {
  REAL(open);
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list list;
    va_start(list, flags);
    mode = va_arg(list, mode_t);
    va_end(list);
  }
  return fails() ? -1 : real(path, flags, mode);
}
int fstat(int fd, struct stat* st) noexcept {
  REAL(fstat);
  return fails() ? -1 : real(fd, st);
}
ssize_t pread(int fd, void* to, size_t n, off_t at) {
  REAL(pread);
  return fails() ? -1 : real(fd, to, n, at);
}
// A write that fails has written half: what follows must not count on more.
ssize_t pwrite(int fd, const void* from, size_t n, off_t at) {
  REAL(pwrite);
  if (!fails()) return real(fd, from, n, at);
  const int e = errno;
  if (n > 1) (void)real(fd, from, n / 2, at);
  errno = e;
  return -1;
}
// What the kernel has, no killed process takes away: nothing here needs the disk.
int fsync(int) { return fails() ? -1 : 0; }
int rename(const char* from, const char* to) noexcept {
  REAL(rename);
  return fails() ? -1 : real(from, to);
}
int flock(int fd, int operation) noexcept {
  REAL(flock);
  return fails() ? -1 : real(fd, operation);
}
int fchmod(int fd, mode_t mode) noexcept {
  REAL(fchmod);
  return fails() ? -1 : real(fd, mode);
}
int close(int fd) {
  REAL(close);
  const bool broken = fails();
  const int e = errno;
  const int result = real(fd);
  if (!broken) return result;
  errno = e;
  return -1;
}
}
