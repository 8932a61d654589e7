// Column widths and number formats.
// Knows nothing of what the columns mean.
#include "runtime/cli/table.h"

#include <algorithm>
#include <cstdio>

namespace quern_cli {

std::string Table::text(const std::string& align) const {
  std::vector<std::size_t> width;
  for (const auto& row : rows_) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string gap(width[c] - row[c].size(), ' ');
      const bool right = c < align.size() && align[c] == 'r';
      line += (c ? "  " : "") + (right ? gap + row[c] : row[c] + gap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

namespace {
std::string three_digits(double v, const char* unit) {
  return fixed(v, v >= 100 ? 0 : v >= 10 ? 1 : 2) + " " + unit;
}
}  // namespace

std::string duration(double ns) {
  if (ns < 1e3) return fixed(ns, 0) + " ns";
  if (ns < 1e6) return three_digits(ns / 1e3, "us");
  if (ns < 1e9) return three_digits(ns / 1e6, "ms");
  return three_digits(ns / 1e9, "s");
}

std::string bytes(double n) {
  if (n < 1024) return fixed(n, 0) + " B";
  if (n < 1024.0 * 1024) return three_digits(n / 1024, "KiB");
  if (n < 1024.0 * 1024 * 1024) return three_digits(n / (1024.0 * 1024), "MiB");
  return three_digits(n / (1024.0 * 1024 * 1024), "GiB");
}

std::string scientific(double v) {
  if (v == 0) return "0";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.1e", v);
  return buffer;
}

}  // namespace quern_cli
