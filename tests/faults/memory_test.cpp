// Allocation failing at the k-th call, once and from then on, for every k of every scenario: from
// the heap and from a runtime's allocator hooks. And: the scenarios use every exported function.
#include <cstdio>
#include <fstream>

#include "folder.h"

namespace faults {
namespace {

// One run; true when the scenario came to its end.
bool run(const Scenario& s, const Folder& folder, std::set<std::string>& covered,
         const Fault& fault) {
  set(fault);
  Env e(!s.own_runtime, folder.path, covered);
  bool finished = false;
  try {
    s.run(e);
    finished = true;
  } catch (const Stopped&) {
  }
  e.expect_usable();
  return finished;
}

std::int64_t leaked(const Scenario& s, const Folder& folder, const Fault& fault) {
  std::set<std::string> covered;
  const std::int64_t before = live_blocks();
  run(s, folder, covered, fault);
  covered.clear();
  return live_blocks() - before;
}

struct Totals {
  std::uint64_t runs = 0, k = 0;
};

void every_k(const Scenario& s, const Folder& folder, Source source, Totals& totals) {
  std::set<std::string> covered;
  run(s, folder, covered, {source});  // what is made once in a process is made now
  ASSERT_TRUE(run(s, folder, covered, {source}));
  const std::uint64_t n = count();
  totals.k += n;
  for (std::uint64_t k = 1; k <= n; ++k) {
    for (const bool forever : {false, true}) {
      const Fault fault{source, k, forever};
      ++totals.runs;
      // Something kept for good at the first fault of its kind is no leak: it does not grow.
      if (leaked(s, folder, fault) == 0) continue;
      EXPECT_EQ(leaked(s, folder, fault), 0) << "blocks left when allocation " << k << " of " << n
                                             << (forever ? " and all later ones fail" : " fails");
    }
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "allocation " << k << " of " << n;
      return;
    }
  }
}

void every_scenario(Source source, const char* what) {
  const Folder folder;
  Totals totals;
  const auto scenarios = all_scenarios();
  for (const Scenario& s : scenarios) {
    SCOPED_TRACE(s.name);
    every_k(s, folder, source, totals);
  }
  std::printf("%zu scenarios, %llu values of k for %s, %llu faults\n", scenarios.size(),
              static_cast<unsigned long long>(totals.k), what,
              static_cast<unsigned long long>(totals.runs));
  EXPECT_GE(scenarios.size(), 60u);
}

TEST(Faults, EveryAllocationOfTheHeap) { every_scenario(Source::heap, "the heap"); }

TEST(Faults, EveryAllocationOfTheHooks) { every_scenario(Source::hooks, "the hooks"); }

TEST(Faults, TheScenariosUseEveryExportedFunction) {
  const Folder folder;
  std::set<std::string> covered;
  for (const Scenario& s : all_scenarios()) {
    SCOPED_TRACE(s.name);
    EXPECT_TRUE(run(s, folder, covered, {Source::heap}));
  }
  std::ifstream list(QUERN_SOURCE_DIR "/runtime/capi/symbols.txt");
  ASSERT_TRUE(list);
  for (std::string name; std::getline(list, name);)
    EXPECT_TRUE(covered.contains(name))
        << name << " is exported, and no scenario of tests/faults/scenarios_*.cpp calls it";
}

}  // namespace
}  // namespace faults
