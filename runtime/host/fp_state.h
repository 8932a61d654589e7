// Keeps the floating-point control state over foreign code that may change it.
#pragma once
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif
#include <cfenv>

namespace quern {

class FpState {
 public:
#if defined(__SSE2__)
  FpState() : csr_(_mm_getcsr()) {}
  ~FpState() {
    if (_mm_getcsr() != csr_) _mm_setcsr(csr_);
  }

 private:
  unsigned csr_;
#else
  FpState() { std::fegetenv(&env_); }
  ~FpState() { std::fesetenv(&env_); }

 private:
  std::fenv_t env_;
#endif
 public:
  FpState(const FpState&) = delete;
  FpState& operator=(const FpState&) = delete;
};

}  // namespace quern
