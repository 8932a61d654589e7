// The hostile fixtures and what each must lead to.
#pragma once
#include <ostream>

namespace quern_test {

enum class Real {
  REFUSED,   // qn_plugin_load fails, with a text
  FAULT,     // the kernel is quarantined, the result is right and the fault is counted
  HARMLESS,  // loads; the result is right
  CONTAINED  // crashes: only inside of `quern check`
};

struct Hostile {
  const char* name;   // of the shared object
  const char* check;  // that must fail
  Real real;
  const char* text;  // part of the error or reason, where there is one
};

inline void PrintTo(const Hostile& h, std::ostream* out) { *out << h.name; }

inline constexpr Hostile kHostile[] = {
    {"wrong_major", "file.entry", Real::REFUSED, "does not export"},
    {"missing_export", "file.entry", Real::REFUSED, "does not export"},
    {"extra_export", "file.exports", Real::HARMLESS, ""},
    {"not_elf", "file.elf", Real::REFUSED, "can't load"},
    {"wrong_machine", "file.elf", Real::REFUSED, "can't load"},
    {"truncated", "file.elf", Real::REFUSED, "can't load"},
    {"needs_missing", "load.works", Real::REFUSED, "can't load"},
    {"ftz_on_load", "load.fp_state", Real::HARMLESS, ""},
    {"signal_on_load", "load.effects", Real::HARMLESS, ""},
    {"short_struct", "entry.struct_size", Real::REFUSED, "struct_size is 48"},
    {"long_struct", "entry.struct_size", Real::REFUSED, "struct_size is 1073741824"},
    {"needs_newer", "entry.works", Real::REFUSED, "requires kernel ABI 1.99"},
    {"null_entry", "entry.works", Real::REFUSED, "returned NULL"},
    {"null_function", "entry.functions", Real::REFUSED, "function is NULL"},
    {"bad_id", "entry.id", Real::REFUSED, "letters, digits"},
    {"taken_id", "entry.id", Real::REFUSED, "already active"},
    {"open_fails", "open.works", Real::REFUSED, "this machine has no relu"},
    {"leaves_thread", "life.threads", Real::HARMLESS, ""},
    {"shared_self", "life.two_runtimes", Real::HARMLESS, ""},
    {"claims_all", "query.unknown_op", Real::HARMLESS, ""},
    {"short_candidate", "offer.valid", Real::HARMLESS, ""},
    {"bad_estimate", "offer.valid", Real::HARMLESS, ""},
    {"bad_inplace", "offer.valid", Real::HARMLESS, ""},
    {"huge_workspace", "offer.valid", Real::HARMLESS, ""},
    {"bad_epilogue", "offer.valid", Real::HARMLESS, ""},
    {"same_name_twice", "offer.names", Real::HARMLESS, ""},
    {"overlapping_layout", "offer.layout", Real::HARMLESS, ""},
    {"silent_error", "error.text", Real::FAULT, "failed with"},
    {"no_plan", "plan.status", Real::FAULT, "no plan"},
    {"throws_in_plan", "plan.throws", Real::FAULT, "plan threw this"},
    {"lies_workspace", "plan.workspace", Real::FAULT, "bytes of workspace"},
    {"throws", "run.throws", Real::FAULT, "run threw this"},
    {"error_code", "run.status", Real::FAULT, "the unit is on fire"},
    {"overruns", "run.overrun", Real::FAULT, "wrote outside of output 0"},
    {"writes_input", "run.writes_input", Real::FAULT, "wrote to input 0"},
    {"uses_workspace", "run.workspace", Real::FAULT, "wrote outside of its workspace"},
    {"reads_workspace", "run.result", Real::FAULT, "differs"},
    {"lies_layout", "run.reads_outside", Real::FAULT, "differs"},
    {"nan_output", "run.result", Real::FAULT, "differs"},
    {"wrong_result", "run.result", Real::FAULT, "differs"},
    {"half_written", "run.result", Real::FAULT, "differs"},
    {"slow", "run.slow", Real::HARMLESS, ""},
    {"changes_rounding", "run.fp_state", Real::HARMLESS, ""},
    {"changes_ftz", "run.fp_state", Real::HARMLESS, ""},
    {"allocates", "run.allocates", Real::HARMLESS, ""},
    {"prints", "output.silent", Real::HARMLESS, ""},
    {"careless", "memory.crash", Real::HARMLESS, ""},
    {"aborts", "run.crash", Real::CONTAINED, ""},
    {"segfaults", "run.crash", Real::CONTAINED, ""},
    {"exits", "run.exit", Real::CONTAINED, ""},
    {"hangs", "run.timeout", Real::CONTAINED, ""},
};

}  // namespace quern_test
