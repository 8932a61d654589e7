// The parts of `quern check`; each runs in a process of its own.
#pragma once
#include "runtime/cli/check/report.h"
#include "runtime/cli/check/subject.h"

namespace quern_cli::check {

void check_file(const std::string& path, Report&);     // the ELF file, unloaded
void check_load(const std::string& path, Report&);     // dlopen and what it changes
void check_entry(const std::string& path, Report&);    // the handshake
void check_life(const std::string& path, Report&);     // open and close, twice, without memory
void check_queries(const std::string& path, Report&);  // about ops that do not exist
// The problems that arise from a public op, "relayout" included. heap_fails: with allocations of
// the heap failing.
void check_kernels(const std::string& path, const std::string& op, bool heap_fails, Report&);
// A sound problem spoilt in every way a description can be.
void hostile_queries(const Subject&, const Problem& sound, Report&);

// Runs the part named `part` ("file", "load", "kernels conv", ..), reporting to fd. Returns the
// exit code.
int run_part(const std::string& path, const std::string& part, bool heap_fails, int fd);

}  // namespace quern_cli::check
