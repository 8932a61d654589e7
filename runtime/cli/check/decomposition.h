// Decompositions, whose numbers are not unique, and solutions, which lie far apart for matrices
// next to singular: judged by what defines them.
#pragma once
#include <optional>

#include "runtime/cli/check/compare.h"

namespace quern_cli::check {

// Whether dense `got` are factors of the problem's input: they multiply to it, vectors are
// orthonormal, singular values and those of symmetric matrices are the expected ones. Nothing for
// other ops, and for matrices without a decomposition. `which`: the output that is wrong.
std::optional<Difference> judge_decomposition(const Problem&, const std::vector<Bytes>& got,
                                              std::size_t& which);

}  // namespace quern_cli::check
