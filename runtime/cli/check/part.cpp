// A child process of `quern check`: one part, under a fault handler, reporting line by line.
#include <sys/resource.h>

#include "runtime/cli/check/generate.h"
#include "runtime/cli/check/kernel_checks.h"
#include "runtime/cli/check/parts.h"
#include "runtime/cli/check/threads.h"

namespace quern_cli::check {
namespace {

constexpr int kHostile = 2;  // problems an op on which hostile questions are built

}  // namespace

void check_kernels(const std::string& path, const std::string& op, bool heap_fails,
                   Report& report) {
  report.stage("tool", "problems of " + op);
  std::vector<Problem> problems;
  {
    if (op == "relayout") {
      problems = relayout_problems();
    } else {
      Recorder recorder;
      problems = problems_of(recorder, op);
    }
  }
  if (problems.empty()) report.advise("tool", "no problem was found for " + op);
  report.stage("open", "");
  const qn_kernel_plugin* entry = nullptr;
  const Libraries before;
  try {
    entry = load_entry(path, QN_KERNEL_ABI_MINOR);
  } catch (const LibraryError&) {
    return;  // told elsewhere
  }
  const Subject subject(entry);
  const std::size_t threads = thread_count();
  static const std::vector<Library> libraries =
      before.arrived(reinterpret_cast<const void*>(entry->query));
  KernelChecks checks(subject, report, heap_fails ? &libraries : nullptr);
  std::map<uint32_t, int> spoilt;
  for (const Problem& p : problems) {
    if (p.op == QN_OP_RELAYOUT)
      checks.check_relayout(p);
    else
      checks.check(p);
    if (++spoilt[p.op] <= kHostile) hostile_queries(subject, p, report);
  }
  report.verify(back_to(threads), "run.threads_left", "a thread is left behind by plan or run");
}

int run_part(const std::string& path, const std::string& part, bool heap_fails, int fd) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  Report report(fd);
  report.stage("tool", part);
  install_fault_handler(fd);
  try {
    if (part == "file") check_file(path, report);
    if (part == "load") check_load(path, report);
    if (part == "entry") check_entry(path, report);
    if (part == "life") check_life(path, report);
    if (part == "queries") check_queries(path, report);
    if (part.starts_with("kernels ")) check_kernels(path, part.substr(8), heap_fails, report);
  } catch (const LibraryError& e) {
    report.fail("open.works", e.what());
  } catch (const std::exception& e) {
    report.fail("tool", e.what());
  }
  report.flush();
  return 0;
}

}  // namespace quern_cli::check
