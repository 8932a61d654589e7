// Writing zip archives: every member's header is written twice, the second time with its sizes.
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <new>

#include "runtime/core/error.h"
#include "runtime/io/zip.h"
#include "runtime/io/zip_format.h"

namespace quern {
namespace {

using namespace zip;

constexpr std::uint16_t kVersion = 45;                // that reads zip64
constexpr std::uint32_t kDate = 1 << 5 | 1;           // 1 January 1980, 0:00
constexpr std::uint32_t kMode = 0100644u << 16;       // a regular file
constexpr std::uint16_t kMadeBy = 3 << 8 | kVersion;  // Unix

std::uint16_t flags_of(const std::string& name) {
  for (const char c : name)
    if (c & 0x80) return kUtf8;
  return 0;
}

// What the local header and the directory entry have in common.
void put_member(std::string& to, const ZipMember& m, std::uint32_t packed, std::uint32_t size,
                std::uint16_t extra) {
  put(to, kVersion);
  put(to, flags_of(m.name));
  put(to, m.deflated ? kDeflated : kStored);
  put(to, std::uint16_t{0});
  put(to, static_cast<std::uint16_t>(kDate));
  put(to, m.crc);
  put(to, packed);
  put(to, size);
  put(to, static_cast<std::uint16_t>(m.name.size()));
  put(to, extra);
}

std::string local_header(const ZipMember& m) {
  std::string h;
  put(h, kLocal);
  put_member(h, m, kMax32, kMax32, 20);
  h += m.name;
  put(h, kExtra64);
  put(h, std::uint16_t{16});
  put(h, m.size);
  put(h, m.packed);
  return h;
}

// Bytes on their way into the file, compressed or not, with their checksum.
class Body {
 public:
  Body(OutputFile& file, ZipMember& m) : file_(file), m_(m), start_(file.size()) {
    if (m.deflated && ::deflateInit2(&z_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8,
                                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Body() {
    if (m_.deflated) ::deflateEnd(&z_);
  }
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  void put(const void* data, std::uint64_t bytes) {
    const auto* p = static_cast<const unsigned char*>(data);
    m_.size += bytes;
    while (bytes > 0) {
      const auto n = static_cast<uInt>(std::min<std::uint64_t>(bytes, 1u << 30));
      m_.crc = static_cast<std::uint32_t>(::crc32(m_.crc, p, n));
      if (m_.deflated)
        squeeze(p, n, Z_NO_FLUSH);
      else
        file_.write(p, n);
      p += n;
      bytes -= n;
    }
  }
  void finish() {
    if (m_.deflated) squeeze(nullptr, 0, Z_FINISH);
    m_.packed = file_.size() - start_;
  }

 private:
  void squeeze(const unsigned char* p, uInt n, int flush) {
    z_.next_in = const_cast<unsigned char*>(p);
    z_.avail_in = n;
    do {
      z_.next_out = room_;
      z_.avail_out = sizeof room_;
      (void)::deflate(&z_, flush);  // cannot fail on a valid stream
      file_.write(room_, sizeof room_ - z_.avail_out);
    } while (z_.avail_out == 0);
  }
  OutputFile& file_;
  ZipMember& m_;
  std::uint64_t start_;
  z_stream z_{};
  unsigned char room_[1 << 16];
};

}  // namespace

void ZipWriter::add(const std::string& name, const std::function<void(const Put&)>& write_body) {
  if (name.size() > kMax16)
    fail_invalid("[npz] a name of ", name.size(), " bytes, expected at most ", kMax16);
  Written w;
  w.member.name = name;
  w.member.deflated = deflate_;
  w.header_at = file_.size();
  const std::string placeholder = local_header(w.member);
  file_.write(placeholder.data(), placeholder.size());
  const auto body = std::make_unique<Body>(file_, w.member);
  write_body([&](const void* p, std::uint64_t n) { body->put(p, n); });
  body->finish();
  const std::string header = local_header(w.member);
  file_.rewrite(header.data(), header.size(), w.header_at);
  written_.push_back(std::move(w));
}

void ZipWriter::finish() {
  const std::uint64_t at = file_.size(), count = written_.size();
  std::string s;
  for (const Written& w : written_) {
    std::string extra;
    const auto field = [&](std::uint64_t v) {
      if (v < kMax32) return static_cast<std::uint32_t>(v);
      put(extra, v);
      return kMax32;
    };
    const std::uint32_t size = field(w.member.size), packed = field(w.member.packed),
                        header_at = field(w.header_at);
    const std::size_t n = extra.empty() ? 0 : extra.size() + 4;
    put(s, kCentral);
    put(s, kMadeBy);
    put_member(s, w.member, packed, size, static_cast<std::uint16_t>(n));
    put(s, std::uint16_t{0});  // comment
    put(s, std::uint16_t{0});  // disk
    put(s, std::uint16_t{0});  // internal attributes
    put(s, kMode);
    put(s, header_at);
    s += w.member.name;
    if (n) {
      put(s, kExtra64);
      put(s, static_cast<std::uint16_t>(extra.size()));
      s += extra;
    }
  }
  const std::uint64_t bytes = s.size();
  if (at >= kMax32 || bytes >= kMax32 || count >= kMax16) {
    put(s, kEnd64);
    put(s, kEnd64Size - 12);
    put(s, kMadeBy);
    put(s, kVersion);
    put(s, std::uint64_t{0});  // both disks
    put(s, count);
    put(s, count);
    put(s, bytes);
    put(s, at);
    put(s, kLocator64);
    put(s, std::uint32_t{0});
    put(s, at + bytes);
    put(s, std::uint32_t{1});
  }
  const auto count16 = static_cast<std::uint16_t>(std::min<std::uint64_t>(count, kMax16));
  put(s, kEnd);
  put(s, std::uint32_t{0});  // both disks
  put(s, count16);
  put(s, count16);
  put(s, static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, kMax32)));
  put(s, static_cast<std::uint32_t>(std::min<std::uint64_t>(at, kMax32)));
  put(s, std::uint16_t{0});  // comment
  file_.write(s.data(), s.size());
}

}  // namespace quern
