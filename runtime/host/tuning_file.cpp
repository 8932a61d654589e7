// Reading, and reading again under a lock before writing.
#include "runtime/host/tuning_file.h"

#include "runtime/core/error.h"
#include "runtime/io/file.h"

namespace quern {
namespace {

constexpr const char* kFormat = "tuning";
constexpr std::uint64_t kLargest = 64u << 20;  // bytes

std::string read_all(const std::string& path) {
  const InputFile in(kFormat, path);
  if (in.size() > kLargest) fail_invalid("[tuning] ", path, " has ", in.size(), " bytes");
  std::string text(in.size(), '\0');
  in.read(text.data(), in.size(), 0);
  return text;
}

}  // namespace

TuningFile::TuningFile(std::string path, std::string machine)
    : path_(std::move(path)), machine_(std::move(machine)) {}

TuningFile::Loaded TuningFile::load() const {
  Loaded l;
  std::string text;
  try {
    text = read_all(path_);
  } catch (const Error& e) {
    l.missing = e.code() == QN_E_NOT_FOUND;
    if (!l.missing) l.problem = str(e.what(), "; it is ignored");
    return l;
  }
  if (text.empty()) return l;  // another process is about to write it
  TuningText t;
  const std::string why = parse_tuning(text, machine_, t);
  if (!why.empty())
    l.problem = str("[tuning] ", path_, ": ", why, "; it is ignored");
  else if (t.mine.empty() && !t.one_other.empty())
    l.problem = str("[tuning] ", path_, ": its times are of '", t.one_other, "', this is '",
                    machine_, "'; they are ignored");
  l.found = std::move(t.mine);
  return l;
}

void TuningFile::merge(const MeasuredMap& mine) const {
  const FileLock lock(kFormat, path_);
  TuningText t;
  const std::string text = read_all(path_);
  if (!text.empty()) {
    if (!is_tuning(text))
      throw Error(QN_E_FAILED_PRECONDITION,
                  str("[tuning] ", path_, " is no tuning file; it is left as it is"));
    parse_tuning(text, machine_, t);  // nothing is taken from a damaged one
  }
  for (const auto& [digest, m] : mine) t.mine[digest] = m;
  const std::string now = format_tuning(t, machine_);
  OutputFile out(kFormat, path_);
  out.write(now.data(), now.size());
  out.commit();
}

}  // namespace quern
