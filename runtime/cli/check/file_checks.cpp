// Lint of the shared object, and what loading it changes in the process.
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cfenv>
#include <clocale>
#include <cstdlib>
#include <filesystem>

#include "runtime/cli/check/elf.h"
#include "runtime/cli/check/parts.h"
#include "runtime/cli/check/subject.h"
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

extern char** environ;

namespace quern_cli::check {
namespace {

std::string joined(const std::vector<std::string>& v) {
  std::string s;
  for (std::size_t i = 0; i < v.size() && i < 8; ++i) s += (i ? ", " : "") + v[i];
  return v.size() > 8 ? s + ", .. (" + std::to_string(v.size()) + ")" : s;
}

// What a library's initialisers must leave alone.
struct ProcessState {
  std::size_t threads = 0, files = 0;
  std::string directory, locale, environment, handlers;
  mode_t mask = 0;
  unsigned fp = 0;

  static ProcessState now() {
    ProcessState s;
    auto entries = [](const char* dir) {
      std::error_code ec;
      return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir, ec),
                                                    std::filesystem::directory_iterator()));
    };
    s.threads = entries("/proc/self/task");
    s.files = entries("/proc/self/fd");
    s.directory = std::filesystem::current_path().string();
    const char* l = std::setlocale(LC_ALL, nullptr);
    s.locale = l ? l : "";
    for (char** e = environ; e && *e; ++e) s.environment += std::string(*e) + "\n";
    for (int n = 1; n < 32; ++n) {
      struct sigaction a {};
      if (sigaction(n, nullptr, &a) == 0)
        s.handlers += std::to_string(reinterpret_cast<std::uintptr_t>(a.sa_handler)) + " ";
    }
    s.mask = umask(0);
    umask(s.mask);
#if defined(__SSE2__)
    s.fp = _mm_getcsr() & ~0x3fu;
#else
    s.fp = static_cast<unsigned>(std::fegetround());
#endif
    return s;
  }
};

}  // namespace

void check_file(const std::string& path, Report& report) {
  report.stage("file", "");
  const ElfFacts f = read_elf(path);
  if (!report.verify(f.fault.empty(), "file.elf", f.fault)) return;
  const std::string entry = QN_KERNEL_ENTRY;
  std::vector<std::string> others;
  bool found = false, other_major = false;
  for (const std::string& e : f.exports) {
    if (e == entry) {
      found = true;
    } else {
      others.push_back(e);
      other_major |= e.starts_with("qn_kernel_plugin_v");
    }
  }
  report.verify(found, "file.entry",
                "it does not export " + entry +
                    (other_major ? "; it is built for another major version of the kernel ABI: " +
                                       joined(others)
                                 : std::string()));
  report.verify(others.empty(), "file.exports",
                "it exports more than its entry: " + joined(others) +
                    "; link with a version script or -fvisibility=hidden");
  std::vector<std::string> ours;
  for (const std::string& i : f.imports)
    if (i.starts_with("qn_")) ours.push_back(i);
  report.verify(ours.empty(), "file.imports", "it imports " + joined(ours) + " from libquern");
  for (const char* odd : {"exit", "_exit", "fork", "system", "execve", "signal", "sigaction",
                          "setlocale", "chdir", "setenv"})
    if (std::find(f.imports.begin(), f.imports.end(), odd) != f.imports.end())
      report.advise("file.imports", std::string("it can call ") + odd);
  const bool needs_us = std::any_of(f.needed.begin(), f.needed.end(),
                                    [](const std::string& n) { return n.starts_with("libquern"); });
  report.verify(!needs_us, "file.needs",
                "it is linked to libquern: a plugin imports nothing of it");
  for (const std::string& n : f.needed)
    report.verify(n.find('/') == std::string::npos, "file.needs",
                  "it needs " + n + " by a path, which holds on one machine only");
  if (!f.run_path.empty() && !f.run_path.starts_with("$ORIGIN"))
    report.advise("file.needs", "it looks for libraries in " + f.run_path);
  report.verify(!f.text_relocations, "file.initialisers",
                "it has text relocations: compile with -fPIC");
  report.verify(!f.executable_stack, "file.initialisers", "it asks for an executable stack");
  report.verify(!f.preinit, "file.initialisers", "it has a DT_PREINIT_ARRAY");
  if (f.initialisers > 1)
    report.advise("file.initialisers", std::to_string(f.initialisers) + " run when it is loaded");
}

void check_load(const std::string& path, Report& report) {
  report.stage("load", "");
  const ProcessState before = ProcessState::now();
  void* lib = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  const char* why = lib ? nullptr : dlerror();
  const ProcessState after = ProcessState::now();
  if (!report.verify(lib != nullptr, "load.works", why ? why : "dlopen failed")) return;
  report.verify(after.fp == before.fp, "load.fp_state",
                "loading it changes rounding, flush-to-zero or exception masks (-ffast-math links "
                "such an initialiser)");
  report.verify(after.threads == before.threads, "load.threads", "loading it starts a thread");
  report.verify(after.handlers == before.handlers, "load.effects",
                "loading it changes signal handlers");
  report.verify(after.directory == before.directory && after.locale == before.locale &&
                    after.environment == before.environment && after.mask == before.mask,
                "load.effects", "loading it changes directory, locale, environment or umask");
  report.verify(after.files == before.files, "load.effects", "loading it leaves a file open");
}

}  // namespace quern_cli::check
