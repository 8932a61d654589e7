// Parser and matcher of selection rules. The grammar is in rules.h and in quern.h.
#include "runtime/host/rules.h"

#include <algorithm>

#include "runtime/core/error.h"

namespace quern {
namespace {

std::string trimmed(std::string_view s) {
  const auto a = s.find_first_not_of(" \t\r\n");
  if (a == std::string_view::npos) return "";
  return std::string(s.substr(a, s.find_last_not_of(" \t\r\n") - a + 1));
}

std::vector<std::string> split(std::string_view s, char by) {
  std::vector<std::string> v;
  for (;;) {
    const auto k = s.find(by);
    v.push_back(trimmed(s.substr(0, k)));
    if (k == std::string_view::npos) return v;
    s.remove_prefix(k + 1);
  }
}

bool word(const std::string& s, const char* extra) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [&](unsigned char c) {
    return std::isalnum(c) || c == '_' ||
           std::string_view(extra).find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// '*' in the pattern stands for any text. Linear but for one factor: rules may come from outside,
// and fnmatch takes exponential time for some.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Rule parse_rule(const std::string& text) {
  auto bad = [&](const char* what) {
    fail_invalid(
        "[kernels] rule '", text, "': ", what,
        "; expected op[layout,dtype]=plugin|plugin/kernel, such as conv*[nhwc]=onednn|naive");
  };
  const auto eq = text.find('=');
  if (eq == std::string::npos) bad("no '='");
  std::string left = trimmed(std::string_view(text).substr(0, eq));
  Rule r;
  if (const auto open = left.find('['); open != std::string::npos) {
    if (left.back() != ']') bad("'[' without ']' before '='");
    r.constraints = split(std::string_view(left).substr(open + 1, left.size() - open - 2), ',');
    for (const auto& c : r.constraints)
      if (!word(c, "")) bad("an empty or odd word between the brackets");
    left = trimmed(std::string_view(left).substr(0, open));
  }
  if (!word(left, "*")) bad("the op's name may have letters, digits, '_' and '*'");
  r.pattern = left;
  r.choices = split(std::string_view(text).substr(eq + 1), '|');
  for (const auto& c : r.choices)
    if (!word(c, "*/.-:")) bad("an empty or odd plugin name after '='");
  return r;
}

}  // namespace

RuleSet::RuleSet(std::string_view text) : text_(text) {
  if (text.size() > 65536) fail_invalid("[kernels] rules longer than 65536 bytes");
  if (text.find('\0') != std::string_view::npos) fail_invalid("[kernels] rules hold a NUL byte");
  for (const std::string& r : split(text, ';'))
    if (!r.empty()) rules_.push_back(parse_rule(r));
}

const Rule* RuleSet::match(const std::vector<std::string>& names,
                           const std::vector<std::string>& traits) const {
  for (const Rule& r : rules_) {
    const bool named = std::any_of(names.begin(), names.end(),
                                   [&](const std::string& n) { return matches(r.pattern, n); });
    if (!named) continue;
    if (std::all_of(r.constraints.begin(), r.constraints.end(), [&](const std::string& c) {
          return std::find(traits.begin(), traits.end(), c) != traits.end();
        }))
      return &r;
  }
  return nullptr;
}

bool names_kernel(const std::string& choice, const std::string& plugin, const std::string& kernel) {
  const auto slash = choice.find('/');
  if (slash == std::string::npos) return matches(choice, plugin);
  const std::string_view c = choice;
  return matches(c.substr(0, slash), plugin) && matches(c.substr(slash + 1), kernel);
}

}  // namespace quern
