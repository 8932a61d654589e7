// `quern tune`: measures the kernels of ops, or of a program while it runs, into a file; or says
// what the file holds. The measuring is the library's.
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "runtime/cli/candidates.h"
#include "runtime/cli/table.h"
#include "runtime/cli/tuning.h"

extern char** environ;

namespace quern_cli {

TuningState tuning_of(qn_runtime* rt) {
  TuningState s;
  const qn_tuning_report_fn take = [](void* self, const qn_tuning_report* r) {
    *static_cast<TuningState*>(self) = {r->mode,      r->file,           r->problem,
                                        r->questions, r->candidates_run, r->spent_ns};
  };
  call(qn_report_tuning, rt, take, static_cast<void*>(&s));
  return s;
}

namespace {

// Runs it with tuning on; returns its exit code.
int run_program(const std::vector<std::string>& words, const std::string& file) {
  ::setenv("QUERN_TUNING", ("measure:" + file).c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (const int e = ::posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ); e != 0)
    throw LibraryError("can't run " + words[0] + ": " + std::generic_category().message(e));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void evaluate(qn_runtime* rt, const Request& request, const std::vector<ArrayHandle>& inputs) {
  const std::vector<qn_attr> attrs = request.raw_attrs();
  std::vector<qn_array*> in, out(request.n_out);
  for (const ArrayHandle& a : inputs) in.push_back(a.get());
  call(qn_op, rt, request.id, static_cast<qn_array* const*>(in.data()),
       static_cast<uint32_t>(in.size()), attrs.data(), static_cast<uint32_t>(attrs.size()),
       out.data(), static_cast<uint32_t>(out.size()));
  std::vector<ArrayHandle> held;
  for (qn_array* a : out) held.emplace_back(a);
  call(qn_eval, static_cast<qn_array* const*>(out.data()), static_cast<uint32_t>(out.size()));
}

// One row for each kernel that was measured for the op, the fastest first.
Json tune_op(const Options& o, const std::string& op) {
  Options one = o;
  one.op = op;
  const Request request = make_request(one);
  const RuntimeHandle rt = make_runtime(o.threads, o.kernels);
  const auto inputs = make_inputs(rt.get(), request);
  std::string before;
  call(qn_runtime_set_tuning, rt.get(), "off");
  for (const Candidate& c : candidates_of(rt.get(), request, inputs))
    if (c.chosen) before = c.plugin + "/" + c.kernel;
  call(qn_runtime_set_tuning, rt.get(), ("measure:" + o.file).c_str());
  evaluate(rt.get(), request, inputs);
  auto candidates = candidates_of(rt.get(), request, inputs);
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) {
    const auto key = [](const Candidate& c) { return c.measured_ns > 0 ? c.measured_ns : 1e300; };
    return key(a) < key(b);
  });
  Json j = {{"request", request.text()}, {"candidates", Json::array()}};
  for (const Candidate& c : candidates)
    if (c.reason.empty())
      j["candidates"].push_back({{"plugin", c.plugin},
                                 {"kernel", c.kernel},
                                 {"measured_ns", c.measured_ns},
                                 {"est_ns", c.est_ns},
                                 {"chosen", c.chosen},
                                 {"chosen_by_estimates", c.plugin + "/" + c.kernel == before}});
  return j;
}

std::string text_of(const Json& op) {
  Table t({"", "kernel", "measured", "estimate"});
  bool other = false;
  for (const Json& c : op.at("candidates")) {
    const double ns = c.at("measured_ns");
    const bool chosen = c.at("chosen"), before = c.at("chosen_by_estimates");
    other = other || (before && !chosen);
    t.add({chosen   ? "*"
           : before ? "e"
                    : "",
           c.at("plugin").get<std::string>() + "/" + c.at("kernel").get<std::string>(),
           ns > 0 ? duration(ns) : "-", duration(c.at("est_ns"))});
  }
  const std::string title = op.at("request").get<std::string>() + "\n\n";
  if (t.empty()) return title + "No choice is to be made.\n\n";
  return title + t.text("llrr") + "* = chosen" +
         (other ? ", e = what estimates would choose\n\n" : "\n\n");
}

}  // namespace

void run_tune(const Options& o) {
  Options absolute = o;
  absolute.file = std::filesystem::absolute(o.file).string();
  if (!o.command.empty() && !o.ops.empty())
    throw UsageError("ops and a program are given, expected one of them");
  if (o.ops.size() > 1 && (!o.shapes.empty() || !o.attrs.empty()))
    throw UsageError("--shape and --attr are given for several ops, expected one op");
  Json j = {{"file", absolute.file}, {"ops", Json::array()}};
  int code = 0;
  if (!o.command.empty()) code = run_program(o.command, absolute.file);
  for (const std::string& op : o.ops) {
    j["ops"].push_back(tune_op(absolute, op));
    if (!o.json) std::cout << text_of(j["ops"].back());
  }
  const RuntimeHandle rt = make_runtime(o.threads, o.kernels);
  call(qn_runtime_set_tuning, rt.get(), ("read:" + absolute.file).c_str());
  const TuningState s = tuning_of(rt.get());
  j["questions"] = s.questions;
  j["problem"] = s.problem;
  if (!o.command.empty()) j["exit_code"] = code;
  if (o.json)
    std::cout << j.dump(2) << "\n";
  else if (s.problem.empty())
    std::cout << absolute.file << " has times for " << s.questions
              << " combinations of op, shapes and layouts on this machine. Use them:\n"
              << "  QUERN_TUNING=read:" << absolute.file << "\n";
  else
    std::cout << s.problem << "\n";
  if (code != 0 && !o.json) std::cout << o.command[0] << " ended with exit code " << code << "\n";
  if (code != 0 || !s.problem.empty()) throw Refused{};
}

}  // namespace quern_cli
