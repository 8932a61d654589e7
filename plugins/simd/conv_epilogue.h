// What is done to each output of a convolution before it is stored, for one run.
#pragma once
#include <cstdint>

#include "plugins/sdk/epilogue.hpp"

namespace quern::simd {

struct ConvEpilogue {
  const sdk::Epilogue* steps;
  const float* operand[sdk::Epilogue::max_steps];  // of a step; null: its constant
  bool channel[sdk::Epilogue::max_steps];          // one value a channel; neither: a single value
  bool full[sdk::Epilogue::max_steps];             // an operand that lies like the output
};

}  // namespace quern::simd
