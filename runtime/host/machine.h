// What measured times hold for: the processor, and the build of a piece of code.
// It describes; what follows from a difference is the tuning file's business.
#pragma once
#include <cstdint>
#include <string>

namespace quern {

// One line: architecture, model, instruction sets and what limits them. Two machines with the same
// line run the same kernels at about the same speed.
std::string cpu_identity();

// The widest instruction set that kernels may use, QN_ISA_*: the environment's QUERN_MAX_ISA, read
// once in the life of the process. Throws when that is no name of one.
const std::uint32_t& max_isa();

// The first 16 hex digits of the build id of the object (library or program) that `address` lies
// in; "" when it was linked without one. Any thread.
std::string build_of(const void* address);

}  // namespace quern
