// Measured times of candidates, by what selection was asked; and their text, as kept on disk.
// It measures nothing and opens no file.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace quern {

// One candidate of a question: "simd@1.0.0+build/conv.tiles".
struct Timing {
  std::string candidate;
  double ns = -1;  // of one run; negative = not measured: too costly by its estimate, or it failed
};

struct Measured {
  std::string title;            // "conv2d f32(4, 32, 32, 32), ..", for people
  std::vector<Timing> timings;  // all candidates that were there, also those not measured
};

// By digest of the question (32 hex digits).
using MeasuredMap = std::map<std::string, std::shared_ptr<const Measured>>;

// Thread-safe.
class TuningTable {
 public:
  std::shared_ptr<const Measured> find(const std::string& digest) const;
  // The newest stays; beyond kMost nothing is added.
  void put(const std::string& digest, std::shared_ptr<const Measured> m);
  void add(const MeasuredMap& others);  // what is known already stays
  MeasuredMap all() const;

 private:
  static constexpr std::size_t kMost = 65536;
  mutable std::mutex mutex_;
  MeasuredMap map_;
};

// The contents of a tuning file: measurements of one or several machines.
struct TuningText {
  MeasuredMap mine;
  std::string others;     // sections of other machines and versions, word for word
  std::string one_other;  // the name of one of these
};
// `machine`: a line that says what the times hold for. Returns "" or why the text is damaged; then
// `out` is untouched.
std::string parse_tuning(std::string_view text, const std::string& machine, TuningText& out);
std::string format_tuning(const TuningText& t, const std::string& machine);
// True for text that begins as tuning files do, whole or damaged.
bool is_tuning(std::string_view text);

}  // namespace quern
