// What a child process of `quern check` tells its parent: one JSON line an event, on one
// descriptor. It decides nothing; command.cpp adds the lines up.
#pragma once
#include <map>
#include <string>

namespace quern_cli::check {

// Used from one thread, but for crash(). A check's name is stable: "run.result".
class Report {
 public:
  explicit Report(int fd) : fd_(fd) {}
  // What is about to happen, so that a crash or a timeout can be told as "STAGE.crash".
  void stage(const std::string& stage, const std::string& subject);
  // n comparisons of a check went well. Kept and sent by flush().
  void pass(const std::string& check, unsigned long n = 1) { passed_[check] += n; }
  // `text` without the subject of the stage, which is added. After kMaxTexts of one check only
  // counted.
  void fail(const std::string& check, const std::string& text);
  bool verify(bool good, const std::string& check, const std::string& text) {
    good ? pass(check) : fail(check, text);
    return good;
  }
  // Advice: does not make the plugin fail.
  void advise(const std::string& check, const std::string& text);
  // A figure for the summary, such as the number of problems.
  void count(const std::string& what, double n) { counts_[what] += n; }
  void timing(const std::string& kernel, double estimated_ns, double measured_ns);
  void flush();
  int fd() const { return fd_; }

 private:
  static constexpr int kMaxTexts = 3;
  void send(const std::string& line);
  int fd_;
  std::string subject_;
  std::map<std::string, unsigned long> passed_, failed_;
  std::map<std::string, double> counts_;
};

}  // namespace quern_cli::check
