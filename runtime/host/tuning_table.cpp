// The text: lines "machine NAME", "op DIGEST TITLE", " NS CANDIDATE", and a checksum as the last.
#include "runtime/host/tuning_table.h"

#include <zlib.h>

#include <charconv>
#include <cmath>

#include "runtime/core/error.h"

namespace quern {
namespace {

constexpr std::string_view kHead = "quern tuning 1\n", kSum = "sum ", kMachine = "machine ",
                           kOp = "op ";
constexpr std::size_t kDigest = 32, kSumDigits = 8;

std::string checksum(std::string_view text) {
  const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  std::string hex(kSumDigits, '0');
  for (std::size_t i = 0; i < kSumDigits; ++i)
    hex[i] = "0123456789abcdef"[sum >> (4 * (kSumDigits - 1 - i)) & 15];
  return hex;
}

// Names come from plugins: one line, printable.
std::string on_one_line(std::string_view s) {
  std::string out;
  for (const char c : s) {
    const bool plain = static_cast<unsigned char>(c) >= 32 && c != 127 && c != '%';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

std::string from_one_line(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool code =
        s[i] == '%' && i + 2 < s.size() && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0;
    out += code ? static_cast<char>(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2])) : s[i];
    if (code) i += 2;
  }
  return out;
}

std::string number(double ns) {
  if (ns < 0) return "-";
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, ns, std::chars_format::fixed, 1);
  return {text, end.ptr};
}

bool read_number(std::string_view s, double& ns) {
  if (s == "-") {
    ns = -1;
    return true;
  }
  const auto r = std::from_chars(s.data(), s.data() + s.size(), ns);
  return r.ec == std::errc() && r.ptr == s.data() + s.size() && std::isfinite(ns) && ns >= 0;
}

// Reads the lines of this machine's section.
class Section {
 public:
  // False for a line that does not belong here.
  bool line(std::string_view l) {
    if (l.starts_with(kOp)) {
      flush();
      l.remove_prefix(kOp.size());
      if (l.size() < kDigest || (l.size() > kDigest && l[kDigest] != ' ')) return false;
      digest_ = l.substr(0, kDigest);
      for (const char c : digest_)
        if (hex_value(c) < 0) return false;
      op_.title = l.size() > kDigest ? from_one_line(l.substr(kDigest + 1)) : "";
      return true;
    }
    if (digest_.empty() || l.empty() || l[0] != ' ') return false;
    l.remove_prefix(1);
    const std::size_t space = l.find(' ');
    Timing t;
    if (space == std::string_view::npos || !read_number(l.substr(0, space), t.ns)) return false;
    t.candidate = from_one_line(l.substr(space + 1));
    op_.timings.push_back(std::move(t));
    return true;
  }
  void flush() {
    if (!digest_.empty()) found[digest_] = std::make_shared<Measured>(std::move(op_));
    digest_.clear();
    op_ = {};
  }
  MeasuredMap found;

 private:
  std::string digest_;
  Measured op_;
};

}  // namespace

std::shared_ptr<const Measured> TuningTable::find(const std::string& digest) const {
  std::lock_guard lock(mutex_);
  const auto it = map_.find(digest);
  return it == map_.end() ? nullptr : it->second;
}

void TuningTable::put(const std::string& digest, std::shared_ptr<const Measured> m) {
  std::lock_guard lock(mutex_);
  const auto it = map_.find(digest);
  if (it != map_.end())
    it->second = std::move(m);
  else if (map_.size() < kMost)
    map_.emplace(digest, std::move(m));
}

void TuningTable::add(const MeasuredMap& others) {
  std::lock_guard lock(mutex_);
  for (const auto& [digest, m] : others)
    if (map_.size() < kMost) map_.emplace(digest, m);
}

MeasuredMap TuningTable::all() const {
  std::lock_guard lock(mutex_);
  return map_;
}

bool is_tuning(std::string_view text) { return text.starts_with(kHead.substr(0, kHead.find('1'))); }

std::string parse_tuning(std::string_view text, const std::string& machine, TuningText& out) {
  if (!is_tuning(text)) return "it is no tuning file";
  if (!text.starts_with(kHead)) return "it has another format than this library's";
  const std::size_t tail = kSum.size() + kSumDigits + 1;
  if (text.size() < kHead.size() + tail || !text.ends_with('\n') ||
      text.substr(text.size() - tail, kSum.size()) != kSum)
    return "it is damaged: its end is missing";
  const std::string_view body = text.substr(0, text.size() - tail);
  if (text.substr(text.size() - tail + kSum.size(), kSumDigits) != checksum(body))
    return "it is damaged: its checksum does not match";
  TuningText t;
  Section section;
  bool mine = false, any = false;
  const std::string name = on_one_line(machine);
  std::string_view rest = body.substr(kHead.size());
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return "it is damaged: a line does not end";
    const std::string_view l = rest.substr(0, end), whole = rest.substr(0, end + 1);
    rest.remove_prefix(end + 1);
    if (l.starts_with(kMachine)) {
      section.flush();
      any = true;
      mine = l.substr(kMachine.size()) == name;
      if (!mine) t.one_other = l.substr(kMachine.size());
    } else if (!any || (mine && !section.line(l))) {
      return str("it is damaged: the line '", l.substr(0, 60), "' means nothing");
    }
    if (!mine) t.others += whole;
  }
  section.flush();
  t.mine = std::move(section.found);
  out = std::move(t);
  return "";
}

std::string format_tuning(const TuningText& t, const std::string& machine) {
  std::string s(kHead);
  s += t.others;
  s.append(kMachine).append(on_one_line(machine)).append("\n");
  for (const auto& [digest, m] : t.mine) {
    s.append(kOp).append(digest).append(" ").append(on_one_line(m->title)).append("\n");
    for (const Timing& c : m->timings)
      s.append(" ").append(number(c.ns)).append(" ").append(on_one_line(c.candidate)).append("\n");
  }
  const std::string sum = checksum(s);
  return s.append(kSum).append(sum).append("\n");
}

}  // namespace quern
