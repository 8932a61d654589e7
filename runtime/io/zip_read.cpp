// Reading zip archives: the central directory is checked as a whole before any member is read.
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

#include "runtime/core/error.h"
#include "runtime/io/zip.h"
#include "runtime/io/zip_format.h"

namespace quern {
namespace {

using namespace zip;

constexpr std::uint64_t kMaxDirectory = 100u << 20;
constexpr std::uint64_t kMaxRatio = 1032;  // deflate cannot do better

template <typename... T>
[[noreturn]] void malformed(const InputFile& file, const T&... what) {
  throw Error(QN_E_DATA_LOSS, str(file.where(), what...));
}
template <typename... T>
[[noreturn]] void unsupported(const InputFile& file, const T&... what) {
  throw Error(QN_E_UNIMPLEMENTED, str(file.where(), what...));
}

std::string read_text(const InputFile& file, std::uint64_t bytes, std::uint64_t at) {
  std::string s(bytes, '\0');
  file.read(s.data(), bytes, at);
  return s;
}

struct Directory {
  std::uint64_t at = 0, bytes = 0, count = 0;
};

Directory find_directory(const InputFile& file) {
  if (file.size() < kEndSize) malformed(file, file.size(), " bytes, too short for a zip archive");
  const std::uint64_t tail = std::min<std::uint64_t>(file.size(), kEndSize + kMax16);
  const std::string s = read_text(file, tail, file.size() - tail);
  // The record lies before a comment of the length it names.
  std::uint64_t i = tail - kEndSize;
  while (get<std::uint32_t>(&s[i]) != kEnd || get<std::uint16_t>(&s[i + 20]) != tail - kEndSize - i)
    if (i-- == 0) malformed(file, "it is not a zip archive, or its end is missing");
  if (get<std::uint16_t>(&s[i + 4]) != 0 || get<std::uint16_t>(&s[i + 6]) != 0)
    unsupported(file, "archives in several parts are not supported");
  Directory d{get<std::uint32_t>(&s[i + 16]), get<std::uint32_t>(&s[i + 12]),
              get<std::uint16_t>(&s[i + 10])};
  std::uint64_t end = file.size() - tail + i;
  if (d.at == kMax32 || d.bytes == kMax32 || d.count == kMax16) {
    if (end < kLocator64Size + kEnd64Size) malformed(file, "the zip64 record is missing");
    const std::string l = read_text(file, kLocator64Size, end - kLocator64Size);
    const std::uint64_t at = get<std::uint64_t>(&l[8]);
    if (get<std::uint32_t>(l.data()) == kLocator64) {
      if (at > end - kLocator64Size - kEnd64Size) malformed(file, "the zip64 record is missing");
      const std::string e = read_text(file, kEnd64Size, at);
      if (get<std::uint32_t>(e.data()) != kEnd64) malformed(file, "the zip64 record is missing");
      d = {get<std::uint64_t>(&e[48]), get<std::uint64_t>(&e[40]), get<std::uint64_t>(&e[32])};
      end = at;
    }
  }
  if (d.bytes > kMaxDirectory || d.at > end || d.bytes > end - d.at)
    malformed(file, "directory of ", d.bytes, " bytes at ", d.at, ", expected at most ",
              kMaxDirectory, " and within the file");
  if (d.count > d.bytes / kCentralSize)
    malformed(file, d.count, " members in a directory of ", d.bytes, " bytes");
  return d;
}

// Sizes and place of a member whose 32-bit fields say that the zip64 field holds them.
void read_extra(const InputFile& file, std::string_view extra, ZipMember& m,
                std::uint64_t& header_at) {
  std::uint64_t* wanted[] = {&m.size, &m.packed, &header_at};
  while (extra.size() >= 4) {
    const auto id = get<std::uint16_t>(extra.data());
    const std::size_t n = get<std::uint16_t>(extra.data() + 2);
    if (n > extra.size() - 4) malformed(file, "'", m.name, "': an extra field is cut off");
    if (id == kExtra64) {
      std::string_view field = extra.substr(4, n);
      for (std::uint64_t* w : wanted) {
        if (*w != kMax32) continue;
        if (field.size() < 8) malformed(file, "'", m.name, "': the zip64 field is cut off");
        *w = get<std::uint64_t>(field.data());
        field.remove_prefix(8);
      }
      return;
    }
    extra.remove_prefix(4 + n);
  }
}

// The member at the start of `record`; returns the bytes that its directory entry takes.
std::uint64_t read_entry(const InputFile& file, std::string_view record, const Directory& dir,
                         ZipMember& m) {
  if (record.size() < kCentralSize || get<std::uint32_t>(record.data()) != kCentral)
    malformed(file, "the directory is damaged");
  const char* p = record.data();
  const auto flags = get<std::uint16_t>(p + 8), method = get<std::uint16_t>(p + 10);
  const std::uint64_t name = get<std::uint16_t>(p + 28), extra = get<std::uint16_t>(p + 30),
                      comment = get<std::uint16_t>(p + 32);
  if (name + extra + comment > record.size() - kCentralSize)
    malformed(file, "the directory is cut off");
  m.name = record.substr(kCentralSize, name);
  if (m.name.find('\0') != std::string::npos) malformed(file, "a name contains a NUL");
  if (flags & kEncrypted) unsupported(file, "'", m.name, "' is encrypted");
  if (method != kStored && method != kDeflated)
    unsupported(file, "'", m.name, "': compression ", method, ", expected stored or deflated");
  m.deflated = method == kDeflated;
  m.crc = get<std::uint32_t>(p + 16);
  m.packed = get<std::uint32_t>(p + 20);
  m.size = get<std::uint32_t>(p + 24);
  std::uint64_t header_at = get<std::uint32_t>(p + 42);
  read_extra(file, record.substr(kCentralSize + name, extra), m, header_at);

  if (header_at > dir.at || dir.at - header_at < kLocalSize)
    malformed(file, "'", m.name, "' lies outside the file");
  const std::string local = read_text(file, kLocalSize, header_at);
  if (get<std::uint32_t>(local.data()) != kLocal)
    malformed(file, "'", m.name, "': its header is damaged");
  const std::uint64_t skip =
      kLocalSize + get<std::uint16_t>(&local[26]) + get<std::uint16_t>(&local[28]);
  if (skip > dir.at - header_at || m.packed > dir.at - header_at - skip)
    malformed(file, "'", m.name, "': ", m.packed, " bytes of data lie outside the file");
  m.data_at = header_at + skip;
  if (m.deflated ? m.size / kMaxRatio > m.packed : m.size != m.packed)
    malformed(file, "'", m.name, "': ", m.packed, " bytes of data cannot hold ", m.size);
  return kCentralSize + name + extra + comment;
}

}  // namespace

std::vector<ZipMember> read_zip_directory(const InputFile& file) {
  const Directory dir = find_directory(file);
  const std::string text = read_text(file, dir.bytes, dir.at);
  std::string_view rest = text;
  std::vector<ZipMember> members;
  std::unordered_set<std::string> names;
  for (std::uint64_t i = 0; i < dir.count; ++i) {
    ZipMember m;
    rest.remove_prefix(read_entry(file, rest, dir, m));
    if (!names.insert(m.name).second) malformed(file, "the name '", m.name, "' occurs twice");
    members.push_back(std::move(m));
  }
  std::sort(members.begin(), members.end(), [](const ZipMember& a, const ZipMember& b) {
    return std::pair(a.data_at, a.packed) < std::pair(b.data_at, b.packed);
  });
  for (std::size_t i = 1; i < members.size(); ++i)
    if (members[i].data_at - members[i - 1].data_at < members[i - 1].packed)
      malformed(file, "'", members[i].name, "': its data overlap others");
  return members;
}

struct ZipReader::Inflater {
  z_stream stream{};
  unsigned char in[1 << 16];
  bool ended = false;
};

ZipReader::ZipReader(const InputFile& file, const ZipMember& member)
    : file_(file), member_(member), crc_(::crc32(0, nullptr, 0)) {
  if (!member.deflated) return;
  auto inflater = std::make_unique<Inflater>();
  if (::inflateInit2(&inflater->stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  inflater_ = inflater.release();
}

ZipReader::~ZipReader() {
  if (!inflater_) return;
  ::inflateEnd(&inflater_->stream);
  delete inflater_;
}

void ZipReader::fail(const char* what) const { malformed(file_, "'", member_.name, "': ", what); }

void ZipReader::read(void* to, std::uint64_t bytes) {
  if (bytes > member_.size - given_) fail("the data are too short");
  given_ += bytes;
  auto* p = static_cast<unsigned char*>(to);
  while (bytes > 0) {
    const std::uint64_t n = std::min<std::uint64_t>(bytes, 1u << 30);
    if (inflater_) {
      inflate_into(p, n);
    } else {
      file_.read(p, n, member_.data_at + at_);
      at_ += n;
    }
    crc_ = ::crc32(crc_, p, static_cast<uInt>(n));
    p += n;
    bytes -= n;
  }
}

void ZipReader::inflate_into(unsigned char* to, std::uint64_t bytes) {
  z_stream& z = inflater_->stream;
  z.next_out = to;
  z.avail_out = static_cast<uInt>(bytes);
  while (z.avail_out > 0) {
    if (inflater_->ended) fail("the data are too short");
    if (z.avail_in == 0) {
      const std::uint64_t n = std::min<std::uint64_t>(member_.packed - at_, sizeof inflater_->in);
      if (n == 0) fail("the compressed data are cut off");
      file_.read(inflater_->in, n, member_.data_at + at_);
      at_ += n;
      z.next_in = inflater_->in;
      z.avail_in = static_cast<uInt>(n);
    }
    const int status = ::inflate(&z, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_STREAM_END)
      inflater_->ended = true;
    else if (status != Z_OK && status != Z_BUF_ERROR)
      fail("the compressed data are damaged");
  }
}

void ZipReader::finish() {
  char rest[4096];
  while (given_ < member_.size)
    read(rest, std::min<std::uint64_t>(member_.size - given_, sizeof rest));
  if (crc_ != member_.crc) fail("the data do not match their checksum");
}

}  // namespace quern
