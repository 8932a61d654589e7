// Files as the formats see them: reading at a place, and writing that replaces a file as a whole or
// not at all. It knows no format.
#pragma once
#include <cstdint>
#include <string>

namespace quern {

// A descriptor that closes itself. Errors are thrown by the functions that use it.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  ~File();
  File(File&& o) noexcept : fd_(o.fd_) { o.fd_ = -1; }
  File& operator=(File&& o) noexcept;
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A regular file open for reading. `format` ("npy") begins the text of every error.
// Throws NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (not a regular file), UNAVAILABLE.
class InputFile {
 public:
  InputFile(const char* format, std::string path);
  std::uint64_t size() const { return size_; }  // bytes, when it was opened
  // "[npy] a.npy: ", the start of an error about the contents.
  std::string where() const;
  // Exactly `bytes` bytes at `at`; DATA_LOSS when the file has become shorter.
  void read(void* to, std::uint64_t bytes, std::uint64_t at) const;

 private:
  const char* format_;
  std::string path_;
  File file_;
  std::uint64_t size_ = 0;
};

// The right to replace `path` (made empty when it is not there), held against other processes and
// threads that ask for it; released at the end. Where the file system knows no locks it is given at
// once. Throws as InputFile does, and UNAVAILABLE when another holds it for seconds.
class FileLock {
 public:
  FileLock(const char* format, const std::string& path);

 private:
  File file_;
};

// A new file beside `path` that takes its place at commit(). Until then, and when anything fails or
// the process dies, `path` is what it was. The temporary file is removed on failure; what a killed
// process left is removed by the next writer of the same path.
class OutputFile {
 public:
  OutputFile(const char* format, std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::uint64_t size() const { return at_; }  // bytes written so far
  void write(const void* from, std::uint64_t bytes);
  void rewrite(const void* from, std::uint64_t bytes, std::uint64_t at);  // within what is written
  void commit();

 private:
  bool create(unsigned number);  // false: that name is in use
  void write_at(const void* from, std::uint64_t bytes, std::uint64_t at);
  const char* format_;
  std::string path_, temp_;
  File file_;
  std::uint64_t at_ = 0;
};

}  // namespace quern
