// Whether the matrix unit is there and may be used. Runs on any CPU.
#include "plugins/amx/tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "plugins/sdk/isa.hpp"

namespace quern::amx {
namespace {

bool has_unit() {
#if defined(__x86_64__) && defined(__linux__)
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq")) {
    return false;
  }
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  if ((d >> 22 & 1) == 0 || (d >> 24 & 1) == 0) return false;  // AMX-BF16, AMX-TILE
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return false;
  return (a >> 5 & 1) != 0;  // AVX512-BF16
#else
  return false;
#endif
}

bool permitted() {
#if defined(__x86_64__) && defined(__linux__)
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

bool present() {
  static const bool yes = has_unit();
  return yes && sdk::isa_allowed(QN_ISA_AMX);
}

bool available() {
  static const bool yes = has_unit() && permitted();
  return yes && sdk::isa_allowed(QN_ISA_AMX);
}

}  // namespace quern::amx
