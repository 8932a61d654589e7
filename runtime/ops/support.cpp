// Helpers of the rules: constants like an array, and the undoing of broadcasting.
// No rules of ops here.
#include "runtime/ops/support.h"

#include <algorithm>

namespace quern {

Array zeros_like(const Array& x) { return ops::broadcast_to(constant(x, 0), ints(x.shape())); }

Array ones_like(const Array& x) { return ops::broadcast_to(constant(x, 1), ints(x.shape())); }

Array sum_to(const Array& g, IntSpan to) {
  const Shape& from = g.shape();
  if (std::equal(from.begin(), from.end(), to.begin(), to.end())) return g;
  const std::size_t lead = from.size() - to.size();
  Ints axes;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const bool repeated = i < lead || (to[i - lead] == 1 && from[i] != 1);
    if (repeated) axes.push_back(static_cast<std::int64_t>(i));
  }
  // An empty list of axes would mean all of them.
  const Array s = axes.empty() ? g : ops::sum(g, axes);
  const Shape& got = s.shape();
  if (std::equal(got.begin(), got.end(), to.begin(), to.end())) return s;
  return ops::reshape(s, ints(to));
}

}  // namespace quern
