// `quern check PLUGIN.so`: starts a child process for each part, adds up what they report, prints.
// The parts themselves are in *_checks.cpp.
#include <atomic>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "runtime/cli/check/generate.h"
#include "runtime/cli/check/memory.h"
#include "runtime/cli/check/parts.h"
#include "runtime/cli/check/process.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/table.h"

namespace quern_cli {
namespace {

using check::Ended;

struct Row {
  unsigned long passed = 0, failed = 0;
  std::vector<std::string> texts;
};

struct Timing {
  std::string kernel, problem;
  double est_ns, ns;
};

// A library that crashes where memory it asked for is refused: the plugin can't help it.
struct LibraryCrash {
  unsigned times = 0;
  std::string first;
};

struct Totals {
  std::map<std::string, Row> checks;
  std::map<std::string, LibraryCrash> library_crashes;  // by the library's name
  std::vector<std::string> advice;
  std::map<std::string, double> counts;
  std::vector<Timing> timings;
  unsigned children = 0;

  void fail(const std::string& name, const std::string& text) {
    Row& r = checks[name];
    ++r.failed;
    if (r.texts.size() < 5) r.texts.push_back(text);
  }
};

std::string signal_text(int number) {
  const char* name = sigabbrev_np(number);
  return name ? "SIG" + std::string(name) : "signal " + std::to_string(number);
}

void add(Totals& t, const std::string& part, const Ended& e) {
  ++t.children;
  std::string stage = "tool", subject = part;
  bool ended = false, explained = false;
  std::istringstream lines(e.events);
  for (std::string line; std::getline(lines, line);) {
    const Json j = Json::parse(line, nullptr, false);
    if (j.is_discarded()) continue;
    const std::string event = j.value("event", "");
    if (event == "stage") {
      stage = j.at("stage");
      subject = j.at("subject");
    } else if (event == "fail") {
      t.fail(j.at("check"), j.at("text"));
      explained = true;
    } else if (event == "more") {
      t.checks[j.at("check")].failed += j.at("n").get<unsigned long>();
    } else if (event == "pass") {
      t.checks[j.at("check")].passed += j.at("n").get<unsigned long>();
    } else if (event == "advice") {
      t.advice.push_back(j.at("check").get<std::string>() + ": " + j.at("text").get<std::string>());
    } else if (event == "count") {
      t.counts[j.at("what")] += j.at("n").get<double>();
    } else if (event == "timing") {
      t.timings.push_back({j.at("kernel"), j.at("problem"), j.at("est_ns"), j.at("ns")});
    } else if (event == "end") {
      ended = true;
    }
  }
  // A stage may be the very name of a check ("query.short_struct").
  auto ending = [&](const char* how) {
    return stage.find('.') == std::string::npos ? stage + how : stage;
  };
  if (e.timed_out)
    t.fail(ending(".timeout"), subject + ": did not come to an end");
  else if (e.signal != 0)
    t.fail(ending(".crash"), subject + ": " + signal_text(e.signal));
  else if (!ended && !(e.exit_code == check::kFaultExit && explained))
    t.fail(ending(".exit"),
           subject + ": the process was ended with exit code " + std::to_string(e.exit_code));
  if (!e.output.empty() && e.signal == 0)
    t.fail("output.silent", "printed: " + e.output.substr(0, e.output.find('\n')));
}

// True when the process ended inside of a library that had asked for memory and got none.
bool note_library_crash(Totals& t, const Ended& e) {
  if (e.exit_code != check::kLibraryExit) return false;
  std::istringstream lines(e.events);
  for (std::string line; std::getline(lines, line);) {
    const Json j = Json::parse(line, nullptr, false);
    if (j.is_discarded() || j.value("event", "") != "library_crash") continue;
    LibraryCrash& c = t.library_crashes[j.at("library")];
    if (c.times++ == 0) c.first = j.at("text");
    return true;
  }
  return false;
}

// How well estimates order what was measured: the share of pairs in the right order.
double agreement(const std::vector<Timing>& v) {
  double right = 0, pairs = 0;
  for (std::size_t i = 0; i < v.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) {
      // Differences below a factor of two say nothing here.
      const double ratio = v[i].ns / std::max(v[k].ns, 1.0);
      if (ratio < 2 && ratio > 0.5) continue;
      ++pairs;
      right += (v[i].est_ns > v[k].est_ns) == (v[i].ns > v[k].ns) ? 1 : 0;
    }
  return pairs > 0 ? right / pairs : 1;
}

std::vector<std::string> parts_of(const Options& o) {
  std::vector<std::string> parts{"file", "load", "entry", "life", "queries"};
  std::vector<std::string> ops = check::recordable_ops();
  ops.push_back("relayout");
  for (const std::string& op : ops)
    if (o.op.empty() || o.op == op) parts.push_back("kernels " + op);
  if (!o.op.empty() && parts.size() == 5)
    throw UsageError("no op is called '" + o.op + "'; `quern ops` lists them");
  return parts;
}

Totals run_parts(const Options& o, const std::string& path) {
  Totals totals;
  std::mutex mutex;
  auto run = [&](const std::string& part) {
    Ended e = check::run_self({"check", path, "--part", part}, o.seconds);
    std::unique_lock lock(mutex);
    if (note_library_crash(totals, e)) {
      // The rest of the part is seen with a heap that does not fail.
      ++totals.children;
      lock.unlock();
      e = check::run_self({"check", path, "--part", part, "--heap-works"}, o.seconds);
      lock.lock();
    }
    add(totals, part, e);
  };
  const std::vector<std::string> parts = parts_of(o);
  run(parts[0]);
  run(parts[1]);
  // What can't be loaded has no kernels.
  for (const char* needed : {"file.elf", "file.entry", "load.works"})
    if (totals.checks[needed].failed) return totals;
  for (std::size_t i = 2; i < 5; ++i) run(parts[i]);
  for (const auto& [name, row] : totals.checks)
    if (row.failed && (name.starts_with("entry.") || name.starts_with("open."))) return totals;
  std::atomic<std::size_t> next{5};
  auto work = [&] {
    for (std::size_t i = next++; i < parts.size(); i = next++) run(parts[i]);
  };
  std::vector<std::thread> threads;
  for (unsigned k = 1; k < std::max(1u, o.jobs); ++k) threads.emplace_back(work);
  work();
  for (std::thread& t : threads) t.join();
  return totals;
}

}  // namespace

void run_check(const Options& o) {
  std::error_code ec;
  const std::string path = std::filesystem::absolute(o.path, ec).string();
  if (!o.part.empty()) std::exit(check::run_part(path, o.part, !o.heap_works, check::kEventFd));
  if (!std::filesystem::is_regular_file(path, ec)) throw UsageError("can't read " + o.path);
  Totals totals = run_parts(o, path);
  std::map<std::string, std::vector<Timing>> by_kernel;
  for (const Timing& t : totals.timings) by_kernel[t.kernel].push_back(t);
  for (const auto& [kernel, v] : by_kernel)
    if (const double a = agreement(v); v.size() >= 4 && a < 0.7)
      totals.advice.push_back("cost.rank: estimates of " + kernel + " put " +
                              std::to_string(static_cast<int>(a * 100)) +
                              " % of its problems in the measured order");
  unsigned long failed = 0, passed = 0;
  for (const auto& [name, row] : totals.checks) {
    failed += row.failed ? 1 : 0;
    passed += row.failed ? 0 : 1;
  }
  Json j = {{"plugin", path}, {"passed", failed == 0}, {"checks", Json::array()}};
  Table t({"check", "", "passed", "failed"});
  std::string texts;
  for (const auto& [name, row] : totals.checks) {
    if (row.failed + row.passed == 0) continue;
    j["checks"].push_back(
        {{"name", name}, {"passed", row.passed}, {"failed", row.failed}, {"texts", row.texts}});
    t.add({name, row.failed ? "FAILED" : "ok", std::to_string(row.passed),
           std::to_string(row.failed)});
    for (const std::string& text : row.texts) texts += name + ": " + text + "\n";
  }
  j["warnings"] = Json::array();
  std::string warnings;
  for (const auto& [library, c] : totals.library_crashes) {
    const std::string text = library +
                             ", which the plugin needs, crashes when memory it asks for is refused "
                             "(first of " +
                             std::to_string(c.times) + ": " + c.first + ")";
    j["warnings"].push_back(
        {{"name", "memory.library_crash"}, {"library", library}, {"n", c.times}, {"text", text}});
    warnings += "warning: memory.library_crash: " + text + "\n";
  }
  j["advice"] = totals.advice;
  j["counts"] = totals.counts;
  j["processes"] = totals.children;
  j["costs"] = Json::array();
  for (const auto& [kernel, v] : by_kernel)
    j["costs"].push_back({{"kernel", kernel}, {"measured", v.size()}, {"in_order", agreement(v)}});
  if (o.json) {
    std::cout << j.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    std::cout << t.text("llrr");
    if (!texts.empty()) std::cout << "\n" << texts;
    if (!warnings.empty()) std::cout << "\n" << warnings;
    if (!totals.advice.empty()) std::cout << "\n";
    for (const std::string& a : totals.advice) std::cout << "advice: " << a << "\n";
    std::cout << "\n";
    for (const auto& [what, n] : totals.counts) std::cout << fixed(n, 0) << " " << what << ", ";
    std::cout << totals.children << " processes\n"
              << (failed ? std::to_string(failed) + " checks failed\n"
                         : "all " + std::to_string(passed) + " checks passed\n");
  }
  if (failed) throw Refused();
}

}  // namespace quern_cli
