// A mark before loops over whole numbers that the compiler turns into vectors on its own: what they
// write lies on no element that a later turn reads. Holds no loop.
#pragma once
#ifdef __clang__
#define QUERN_VECTORS _Pragma("clang loop vectorize(assume_safety)")
#else
#define QUERN_VECTORS _Pragma("GCC ivdep")
#endif
