// The reader of tuning files: the input is the file. "machine ?" stands for this machine, and to
// every other input its checksum is added, so that the lines themselves are read.
#include <zlib.h>

#include "fuzz.h"

namespace {

struct Told {
  std::string problem;
  std::uint64_t questions = 0;
};

Told load(const std::string& text) {
  const char* path = fuzz::as_file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  qn_error* e = nullptr;
  if (!fuzz::worked(
          qn_runtime_set_tuning(fuzz::runtime(), (std::string("read:") + path).c_str(), &e), e))
    fuzz::broken("a bad file is no error");
  Told told;
  e = nullptr;
  const bool ok = fuzz::worked(qn_report_tuning(
                                   fuzz::runtime(),
                                   [](void* self, const qn_tuning_report* r) {
                                     *static_cast<Told*>(self) = {r->problem, r->questions};
                                   },
                                   &told, &e),
                               e);
  if (!ok) fuzz::broken("no report");
  if (!told.problem.empty() && told.questions)
    fuzz::broken("times from a file that was passed over");
  return told;
}

std::string with_checksum(std::string text) {
  char sum[32];
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
  std::snprintf(sum, sizeof sum, "sum %08lx\n", crc);
  return text + sum;
}

// As the library says it of a file from elsewhere.
std::string this_machine() {
  const std::string problem = load(with_checksum("quern tuning 1\nmachine elsewhere\n")).problem;
  const std::size_t from = problem.find("this is '"), to = problem.find("'; they");
  if (from == std::string::npos || to == std::string::npos)
    fuzz::broken("no machine:", problem.c_str());
  return problem.substr(from + 9, to - from - 9);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string machine = "machine " + this_machine(), stand_in = "machine ?";
  std::string text(reinterpret_cast<const char*>(data), size);
  for (std::size_t at = text.find(stand_in); at != std::string::npos;
       at = text.find(stand_in, at + machine.size()))
    text.replace(at, stand_in.size(), machine);
  load(size % 2 ? text : with_checksum(text));
  return 0;
}
