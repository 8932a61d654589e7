// Zip archives as npz uses them: members stored or deflated, zip64 where sizes ask for it, CRCs
// checked. No encryption, no other compression, nothing is unpacked into files.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/io/file.h"

namespace quern {

struct ZipMember {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t packed = 0, size = 0;  // bytes in the file, and unpacked
  std::uint64_t data_at = 0;
};

// The archive's members in file order, from its central directory: names unique, data within the
// file and apart from each other. Throws DATA_LOSS; UNIMPLEMENTED for what is not supported.
std::vector<ZipMember> read_zip_directory(const InputFile& file);

// Hands out a member's unpacked bytes in order. finish() checks that all of them were read and that
// the CRC is right.
class ZipReader {
 public:
  ZipReader(const InputFile& file, const ZipMember& member);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;
  void read(void* to, std::uint64_t bytes);
  void finish();

 private:
  void inflate_into(unsigned char* to, std::uint64_t bytes);
  [[noreturn]] void fail(const char* what) const;
  const InputFile& file_;
  const ZipMember& member_;
  std::uint64_t at_ = 0, given_ = 0;  // packed bytes taken, unpacked bytes handed out
  unsigned long crc_ = 0;
  struct Inflater;
  Inflater* inflater_ = nullptr;
};

// Writes an archive. The same members in the same order give the same bytes: no times are kept.
class ZipWriter {
 public:
  ZipWriter(OutputFile& file, bool deflate) : file_(file), deflate_(deflate) {}
  // Calls write_body(put) once; put(data, bytes) appends to the member. Throws Error.
  using Put = std::function<void(const void*, std::uint64_t)>;
  void add(const std::string& name, const std::function<void(const Put&)>& write_body);
  void finish();  // the central directory

 private:
  OutputFile& file_;
  bool deflate_;
  struct Written {
    ZipMember member;
    std::uint64_t header_at = 0;
  };
  std::vector<Written> written_;
};

}  // namespace quern
