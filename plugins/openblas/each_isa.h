// For functions whose loops the compiler makes vectors of: compiled once for each instruction set,
// the widest that the CPU has is called.
#pragma once

#if defined(__x86_64__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define QUERN_EACH_ISA [[gnu::target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")]]
#else
#define QUERN_EACH_ISA
#endif
