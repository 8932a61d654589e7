// Marks for loops over whole numbers that the compiler turns into vectors on its own. Holds no
// loop.
#pragma once

// Before a loop: what it writes lies on no element that a later turn reads.
#ifdef __clang__
#define QUERN_VECTORS _Pragma("clang loop vectorize(assume_safety)")
#else
#define QUERN_VECTORS _Pragma("GCC ivdep")
#endif

// Inside Highway's target namespace, before loops: whole vectors of AVX-512 rather than halves.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define QUERN_WIDE_VECTORS _Pragma("GCC target(\"prefer-vector-width=512\")")
#else
#define QUERN_WIDE_VECTORS
#endif
