// Lines of JSON for the parent.
// Lost lines are not an error: the parent may be gone.
#include "runtime/cli/check/report.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

namespace quern_cli::check {

using Json = nlohmann::ordered_json;

namespace {
// Texts come from the plugin: bytes that are not UTF-8 are replaced.
std::string dump(const Json& j) {
  return j.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}
}  // namespace

void Report::send(const std::string& line) {
  std::size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = write(fd_, line.data() + done, line.size() - done);
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

void Report::stage(const std::string& stage, const std::string& subject) {
  subject_ = subject;
  send(dump({{"event", "stage"}, {"stage", stage}, {"subject", subject}}));
}

void Report::fail(const std::string& check, const std::string& text) {
  const auto n = ++failed_[check];
  if (n > kMaxTexts) return;
  send(dump({{"event", "fail"},
             {"check", check},
             {"text", subject_.empty() ? text : subject_ + ": " + text}}));
}

void Report::advise(const std::string& check, const std::string& text) {
  send(dump({{"event", "advice"}, {"check", check}, {"text", text}}));
}

void Report::timing(const std::string& kernel, double estimated_ns, double measured_ns) {
  send(dump({{"event", "timing"},
             {"kernel", kernel},
             {"problem", subject_},
             {"est_ns", estimated_ns},
             {"ns", measured_ns}}));
}

void Report::flush() {
  for (const auto& [check, n] : passed_)
    send(dump({{"event", "pass"}, {"check", check}, {"n", n}}));
  for (const auto& [check, n] : failed_)
    if (n > kMaxTexts) send(dump({{"event", "more"}, {"check", check}, {"n", n - kMaxTexts}}));
  for (const auto& [what, n] : counts_) send(dump({{"event", "count"}, {"what", what}, {"n", n}}));
  send(dump({{"event", "end"}}));
  passed_.clear();
  failed_.clear();
  counts_.clear();
}

}  // namespace quern_cli::check
