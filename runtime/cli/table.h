// Text in aligned columns for people.
// No wrapping, no colours: the output stays easy to cut and grep.
#pragma once
#include <string>
#include <vector>

namespace quern_cli {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.size() == 1; }
  // right: a character a column, 'r' = aligned to the right.
  std::string text(const std::string& align = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string fixed(double value, int digits);
// Nanoseconds in the unit that reads best: "812 ns", "9.31 us", "12.4 ms".
std::string duration(double ns);
std::string bytes(double n);
// "1.2e-07"; "0" for 0.
std::string scientific(double v);

}  // namespace quern_cli
