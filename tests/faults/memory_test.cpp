// Allocation failing at the k-th call, once and from then on, for every k of every scenario: from
// the heap and from a runtime's allocator hooks. And: the scenarios use every exported function.
#include <cctype>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "folder.h"

namespace faults {
namespace {

struct Outcome {
  bool finished;
  std::vector<double> seen;
};

// Whether what was seen under a fault is what is seen without, or the beginning of it. A plugin
// that is out of memory leaves the work to the next candidate, which may round differently.
void expect_same(const Scenario& s, const Outcome& got, const std::vector<double>& want) {
  ASSERT_TRUE(got.finished ? got.seen.size() == want.size() : got.seen.size() <= want.size());
  const double tolerance = s.given == Given::plugin || s.once ? 1e-4 : 0;
  for (std::size_t i = 0; i < got.seen.size(); ++i)
    ASSERT_LE(std::abs(got.seen[i] - want[i]), tolerance * (1 + std::abs(want[i])))
        << "value " << i << " is " << got.seen[i] << ", without a fault " << want[i];
}

// One run under a fault; then one without in the same runtime, which must come to its end.
Outcome run(const Scenario& s, const Folder& folder, std::set<std::string>& covered,
            const Fault& fault) {
  set(fault);
  Env e(s.given, s.plugin, folder.path, covered);
  if (s.spared) spare(s.spared);
  const auto attempt = [&] {
    e.seen.clear();
    try {
      s.run(e);
      return true;
    } catch (const Stopped&) {
      return false;
    }
  };
  Outcome first{attempt(), {}};
  first.seen = e.seen;
  const bool broken = injected();
  e.release();
  e.expect_usable();
  if (broken && !s.once && s.given != Given::nothing) {
    set({fault.source});
    EXPECT_TRUE(attempt());
    expect_same(s, first, e.seen);
  }
  return first;
}

std::int64_t leaked(const Scenario& s, const Folder& folder, const Fault& fault,
                    const std::vector<double>& want) {
  std::set<std::string> covered;
  const std::int64_t before = live_blocks();
  expect_same(s, run(s, folder, covered, fault), want);
  covered.clear();
  return live_blocks() - before;
}

// What a whole run of this program has done, said at its end.
class Totals : public ::testing::Environment {
 public:
  struct Of {
    std::uint64_t scenarios = 0, k = 0, faults = 0;
  };
  Of heap, hooks;
  void TearDown() override {
    for (const auto& [of, what] : {std::pair{heap, "the heap"}, std::pair{hooks, "the hooks"}})
      if (of.scenarios)
        std::printf("[  COUNT   ] %llu scenarios, %llu values of k for %s, %llu faults\n",
                    static_cast<unsigned long long>(of.scenarios),
                    static_cast<unsigned long long>(of.k), what,
                    static_cast<unsigned long long>(of.faults));
  }
};
Totals& totals() {
  static auto* const t =
      static_cast<Totals*>(::testing::AddGlobalTestEnvironment(new Totals));  // gtest's to delete
  return *t;
}
[[maybe_unused]] const Totals& at_start = totals();

void every_k(const Scenario& s, Source source, Totals::Of& sum) {
  const Folder folder;
  std::set<std::string> covered;
  run(s, folder, covered, {source});  // what is made once in a process is made now
  const Outcome whole = run(s, folder, covered, {source});
  const std::uint64_t n = count();
  ASSERT_TRUE(whole.finished);
  const std::uint64_t step = n < 2000 ? 1 : n / 1000;
  for (std::uint64_t k = 1; k <= n; k += step) {
    ++sum.k;
    for (const bool forever : {false, true}) {
      const Fault fault{source, k, forever};
      ++sum.faults;
      // Something kept for good at the first fault of its kind is no leak: it does not grow.
      if (leaked(s, folder, fault, whole.seen) == 0 || s.spared) continue;
      EXPECT_EQ(leaked(s, folder, fault, whole.seen), 0)
          << "blocks left when allocation " << k << " of " << n
          << (forever ? " and all later ones fail" : " fails");
    }
    ASSERT_FALSE(::testing::Test::HasFailure()) << "allocation " << k << " of " << n;
  }
  ++sum.scenarios;
}

class Memory : public ::testing::TestWithParam<Scenario> {};
TEST_P(Memory, EveryAllocationOfTheHeap) { every_k(GetParam(), Source::heap, totals().heap); }
TEST_P(Memory, EveryAllocationOfTheHooks) { every_k(GetParam(), Source::hooks, totals().hooks); }

// "array from data" is the test array_from_data.
std::string test_name(const ::testing::TestParamInfo<Scenario>& info) {
  std::string name = info.param.name;
  std::erase_if(name, [](unsigned char c) { return !std::isalnum(c) && c != ' '; });
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Faults, Memory, ::testing::ValuesIn(all_scenarios()), test_name);

TEST(Faults, TheScenariosUseEveryExportedFunction) {
  const Folder folder;
  std::set<std::string> covered;
  for (const Scenario& s : all_scenarios()) {
    SCOPED_TRACE(s.name);
    EXPECT_TRUE(run(s, folder, covered, {Source::heap}).finished);
  }
  EXPECT_GE(all_scenarios().size(), 60u);
  std::ifstream list(QUERN_SOURCE_DIR "/runtime/capi/symbols.txt");
  ASSERT_TRUE(list);
  for (std::string name; std::getline(list, name);)
    EXPECT_TRUE(covered.contains(name))
        << name << " is exported, and no scenario of tests/faults/scenarios_*.cpp calls it";
}

}  // namespace
}  // namespace faults
