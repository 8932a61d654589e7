// Selection rules: "conv[nhwc,f32]=onednn; matmul=tbb|openblas; *=naive".
// Parsing and matching; the choice among what is left is the planner's.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace quern {

struct Rule {
  std::string pattern;                   // of op names, '*' matches anything
  std::vector<std::string> constraints;  // layout words or dtype names, all must hold
  std::vector<std::string>
      choices;  // "plugin" or "plugin/kernel" (kernel may end in '*'), best first
};

class RuleSet {
 public:
  RuleSet() = default;
  explicit RuleSet(std::string_view text);  // throws INVALID_ARGUMENT with the place
  // The first rule that fits an op known by any of `names`, having all constraint words in
  // `traits`; null if none.
  const Rule* match(const std::vector<std::string>& names,
                    const std::vector<std::string>& traits) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<Rule> rules_;
};

// True when `choice` of a rule means this kernel.
bool names_kernel(const std::string& choice, const std::string& plugin, const std::string& kernel);

}  // namespace quern
