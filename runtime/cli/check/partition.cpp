// See partition.h; one line after the other.
#include "runtime/cli/check/partition.h"

#include <cmath>

namespace quern_cli::check {
namespace {

bool before(double a, double b) { return a < b || (std::isnan(b) && !std::isnan(a)); }

}  // namespace

std::optional<Difference> judge_partition(const Problem& p, const std::vector<Bytes>& got) {
  if (p.op != QN_OP_ARGPARTITION || p.attrs.size() < 2 || got.size() != 1) return std::nullopt;
  const Shape& shape = p.in[0].shape;
  const auto axis = static_cast<std::size_t>(p.attrs[1].i);
  if (axis >= shape.size() || got[0].size() != p.want[0].size()) return std::nullopt;
  const auto n = static_cast<std::size_t>(shape[axis]),
             kth = static_cast<std::size_t>(p.attrs[0].i);
  std::size_t inner = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= static_cast<std::size_t>(shape[i]);
  const auto lines = n ? static_cast<std::size_t>(p.in[0].count()) / n : 0;
  for (std::size_t line = 0; line < lines; ++line) {
    const std::size_t first = line / inner * inner * n + line % inner;
    const auto place = [&](const Bytes& b, std::size_t k) {
      return static_cast<std::size_t>(element(b, p.out[0].dtype, first + k * inner));
    };
    const auto value = [&](std::size_t at) {
      return element(p.values[0], p.in[0].dtype, first + at * inner);
    };
    const double middle = value(place(p.want[0], kth));
    std::vector<char> seen(n, 0);
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t at = place(got[0], k);
      const std::string where = "line " + std::to_string(line) + ", place " + std::to_string(k);
      if (at >= n || seen[at])
        return Difference{false, where + " names no other place of the line"};
      seen[at] = 1;
      const double v = value(at);
      const bool good = (k > kth || !before(middle, v)) && (k < kth || !before(v, middle));
      if (!good) return Difference{false, where + " is on the wrong side of the kth element"};
    }
  }
  return Difference{};
}

}  // namespace quern_cli::check
