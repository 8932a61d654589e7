// How far one result is from another.
#pragma once
#include <string>

#include "runtime/cli/check/problem.h"

namespace quern_cli::check {

struct Difference {
  bool good = true;
  std::string text;  // where the worst element is, and both values
};

// got against want, both dense. Floats: |got - want| <= tolerance * (|want| + rms of want +
// `floor`), NaN and infinities alike; everything else bit for bit. The tolerance is that of the
// dtype, which is the coarsest one that took part in the problem.
Difference compare(const Bytes& got, const Bytes& want, qn_dtype dtype, double tolerance,
                   double floor);
double tolerance_of(const Problem&);
// A hundredth of the largest input, times the square root of how many inputs there are for each
// output: where terms cancel, that is what errors are relative to.
double floor_of(const Problem&);
// False when an input holds infinities or numbers whose products leave the range: then the order of
// operations decides what comes out.
bool tame(const Problem&);
// Element i as a number; complex: the absolute value is not taken, `part` picks one.
double element(const Bytes&, qn_dtype, std::size_t i, int part = 0);

}  // namespace quern_cli::check
