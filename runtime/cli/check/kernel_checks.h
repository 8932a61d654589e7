// Every kernel that a plugin offers for a problem, run and judged.
#pragma once
#include <map>
#include <set>

#include "runtime/cli/check/execution.h"
#include "runtime/cli/check/libraries.h"

namespace quern_cli::check {

class KernelChecks {
 public:
  // libraries: that came with the plugin, for as long as the process lives; with null no allocation
  // of the heap fails.
  KernelChecks(const Subject& subject, Report& report, const std::vector<Library>* libraries)
      : subject_(subject), report_(report), libraries_(libraries) {}
  void check(const Problem&);
  void check_relayout(const Problem&);

 private:
  // A way to lay the inputs out, and what the host asks for.
  struct Case {
    std::vector<Layout> in;
    Asking asking;
    const char* check;  // the name under which wrong numbers are told
  };
  // One offer made ready: what remains of the problem when part of the epilogue is taken, and the
  // layouts to use.
  struct Ready {
    Problem problem;
    std::vector<Layout> in, out;
    std::vector<Bytes> values;
  };

  Answers ask(const Problem&, const Case&);
  bool make_ready(const Problem&, const Case&, const Offer&, Ready&);
  std::unique_ptr<Plan> make_plan(const Ready&, const Offer&, Asking);
  void judge(const Ready&, const Execution&, const char* check);
  void basic(const Problem&, const Case&, bool timed);
  void strided(const Problem&);
  void repeated(const Problem&);
  void deep(const Problem&);
  void same_bits(const Ready&, const Offer&, const Plan&);
  void threads(const Problem&, uint32_t accuracy);
  void in_place(const Ready&, const Offer&, const Plan&);
  void concurrent(const Ready&, const Offer&, const Plan&);
  void failing_allocations(const Problem&, const Offer&, const Ready&);
  void bad_requests(const Ready&);
  void say(const Problem& p, const std::string& kernel, const char* how);

  const Subject& subject_;
  Report& report_;
  const std::vector<Library>* libraries_;
  std::map<std::string, int> depth_;  // problems looked at in depth, for each kernel
  std::set<std::string> advised_;     // of their small allocations
  std::set<std::string> hopeless_;    // kernels so slow that more runs would take for ever
  std::string subject_text_;
};

}  // namespace quern_cli::check
