// Which instruction sets the vector loops are compiled for; included before Highway.
// Left out: SSSE3, which nearly no processor has as its best, and the vectors of unknown size of
// SVE.
#pragma once
#include <cstring>

#include "hwy/detect_targets.h"
#undef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
