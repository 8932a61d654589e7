// Hostile plugins, three ways: `quern check` names the fault; loaded for real the program gets the
// right numbers or an error; a sound plugin of the same source passes.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/plugins/hostile_cases.h"
#include "tests/runtime/helpers.h"
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace quern_test {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& p) {
  std::ifstream in(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Files that no compiler makes, from a sound one.
fs::path path_of(const std::string& name) {
  const fs::path dir = QUERN_FIXTURE_DIR;
  const bool spoilt = name == "not_elf" || name == "wrong_machine" || name == "truncated";
  if (!spoilt) return dir / (name + ".so");
  const fs::path made = fs::path(testing::TempDir()) / (name + std::to_string(getpid()) + ".so");
  std::string bytes = read_file(dir / "none.so");
  if (name == "not_elf") bytes = "This is not a shared object.\n";
  if (name == "wrong_machine") bytes.at(18) = static_cast<char>(0x2b);  // SPARC V9
  if (name == "truncated") bytes.resize(bytes.size() / 3);
  std::ofstream(made, std::ios::binary) << bytes;
  return made;
}

struct Checked {
  int exit_code = -1;
  std::string json;
  // The number of failures of a check, as the report has it.
  long failed(const std::string& check) const {
    const auto at = json.find("\"name\": \"" + check + "\"");
    if (at == std::string::npos) return 0;
    const auto n = json.find("\"failed\": ", at);
    return n == std::string::npos ? 0 : std::stol(json.substr(n + 10));
  }
};

Checked quern_check(const fs::path& plugin, const std::string& more) {
  Checked c;
  const std::string command =
      std::string("'") + QUERN_TOOL + "' check '" + plugin.string() + "' --json " + more + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return c;
  std::array<char, 65536> part;
  for (std::size_t n; (n = fread(part.data(), 1, part.size(), pipe)) > 0;)
    c.json.append(part.data(), n);
  const int status = pclose(pipe);
  c.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return c;
}

class HostilePlugin : public testing::TestWithParam<Hostile> {};

TEST_P(HostilePlugin, CheckNamesTheFault) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the tool neither sees the heap nor gets the faults in a sanitizer build";
#endif
  const Hostile& h = GetParam();
  const bool hangs = std::string(h.name) == "hangs";
  const Checked c =
      quern_check(path_of(h.name), std::string("--op relu --timeout ") + (hangs ? "5" : "100"));
  EXPECT_EQ(c.exit_code, 1) << c.json;
  EXPECT_GT(c.failed(h.check), 0) << "expected " << h.check << " to fail:\n" << c.json;
}

struct Quarantine {
  std::string kernels, reasons;
};

Quarantine quarantined(const Rt& rt) {
  Quarantine q;
  QN_CHECK(qn_report_quarantined(
      rt,
      [](void* self, const qn_quarantine_report* r) {
        auto& all = *static_cast<Quarantine*>(self);
        all.kernels += std::string(r->plugin) + "/" + r->kernel + " for " + r->op + "\n";
        all.reasons += std::string(r->reason) + "\n";
      },
      &q, e));
  return q;
}

A relu(const Rt& rt, const A& x) {
  qn_array* y = nullptr;
  QN_CHECK(qn_relu(rt, x, &y, e));
  return A(y);
}

TEST_P(HostilePlugin, LoadedForRealTheResultIsRight) {
  const Hostile& h = GetParam();
  if (h.real == Real::CONTAINED) GTEST_SKIP() << "would end this process";
#if defined(__SSE2__)
  const unsigned fp = _mm_getcsr() & ~0x3fu;
#endif
  const Rt rt("*=hostile|naive");
  QN_CHECK(qn_set_verify(rt, 1, e));
  qn_plugin* plugin = nullptr;
  qn_error* error = nullptr;
  const qn_status loaded = qn_plugin_load(rt, path_of(h.name).c_str(), &plugin, &error);
  const std::string message = qn_error_message(error);
  qn_error_free(error);
  EXPECT_EQ(loaded != QN_OK, h.real == Real::REFUSED) << message;
  if (h.real == Real::REFUSED) {
    EXPECT_NE(message.find(h.text), std::string::npos) << message;
  }
  std::vector<float> in, want;
  for (int i = 0; i < 600; ++i) {
    in.push_back(static_cast<float>(i % 7 - 3));
    want.push_back(in.back() < 0 ? 0 : in.back());
  }
  std::vector<float> want_turned;
  for (int c = 0; c < 20; ++c)
    for (int r = 0; r < 30; ++r) want_turned.push_back(want[static_cast<std::size_t>(r * 20 + c)]);
  for (int i = 0; i < 2; ++i) {
    const A x = rt.floats(in, {30, 20});
    EXPECT_EQ(values(relu(rt, x)), want);
    EXPECT_EQ(values(relu(rt, transpose(x))), want_turned);
    EXPECT_EQ(values(x), in);
  }
  const Quarantine q = quarantined(rt);
  if (h.real == Real::FAULT) {
    EXPECT_GE(rt.stats().faults, 1u);
    EXPECT_NE(q.kernels.find("hostile/relu for map"), std::string::npos) << q.kernels;
    EXPECT_NE(q.reasons.find(h.text), std::string::npos) << q.reasons;
  } else {
    EXPECT_EQ(rt.stats().faults, 0u) << q.reasons;
    EXPECT_EQ(q.kernels, "");
  }
#if defined(__SSE2__)
  EXPECT_EQ(_mm_getcsr() & ~0x3fu, fp);
#endif
  qn_plugin_release(plugin);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, HostilePlugin, testing::ValuesIn(kHostile),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(QuernCheck, PassesASoundPlugin) {
  const Checked c = quern_check(path_of("none"), "--op relu");
  EXPECT_EQ(c.exit_code, 0) << c.json;
  EXPECT_NE(c.json.find("\"passed\": true"), std::string::npos);
}

TEST(QuernCheck, WarnsOfALibraryThatCrashesWithoutMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the tool does not see the heap in a sanitizer build";
#endif
  const Checked c = quern_check(path_of("careless_library"), "--op relu");
  EXPECT_EQ(c.exit_code, 0) << c.json;
  EXPECT_NE(c.json.find("\"name\": \"memory.library_crash\""), std::string::npos) << c.json;
  EXPECT_NE(c.json.find("\"library\": \"libfixture_careless.so\""), std::string::npos);
  EXPECT_EQ(c.failed("memory.crash"), 0);
}

TEST(QuernCheck, RefusesWhatIsNoFile) {
  EXPECT_EQ(quern_check("/no/such/plugin.so", "").exit_code, 2);
}

TEST(Containment, TheSamePluginTwiceIsRefused) {
  const Rt rt;
  const std::string path = path_of("none").string();
  QN_CHECK(qn_plugin_load(rt, path.c_str(), nullptr, e));
  qn_error* error = nullptr;
  EXPECT_EQ(qn_plugin_load(rt, path.c_str(), nullptr, &error), QN_E_ALREADY_EXISTS);
  EXPECT_NE(std::string(qn_error_message(error)).find("retire it first"), std::string::npos);
  qn_error_free(error);
}

TEST(Containment, ErrorTextReachesTheLog) {
  std::string log;
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.kernels = "*=hostile|naive";
  c.log_self = &log;
  c.log = [](void* self, int32_t, const char* text, uint64_t n) noexcept {
    static_cast<std::string*>(self)->append(text, n);
  };
  qn_runtime* rt = nullptr;
  QN_CHECK(qn_runtime_create(&c, &rt, e));
  QN_CHECK(qn_plugin_load(rt, path_of("error_code").c_str(), nullptr, e));
  qn_array *x = nullptr, *y = nullptr;
  QN_CHECK(qn_scalar(rt, -2, QN_F32, &x, e));
  QN_CHECK(qn_relu(rt, x, &y, e));
  double v = -1;
  QN_CHECK(qn_array_item_f64(y, &v, e));
  EXPECT_EQ(v, 0);
  EXPECT_NE(log.find("hostile/relu"), std::string::npos) << log;
  EXPECT_NE(log.find("the unit is on fire"), std::string::npos) << log;
  qn_array_release(x);
  qn_array_release(y);
  qn_runtime_release(rt);
}

TEST(Containment, RetiredWhileInUse) {
  const Rt rt("*=hostile|naive");
  std::atomic<bool> stop{false};
  std::vector<std::thread> users;
  const A x = rt.floats({-1, 2, -3, 4}, {4});
  for (int i = 0; i < 3; ++i)
    users.emplace_back([&] {
      while (!stop) ASSERT_EQ(values(relu(rt, x)), (std::vector<float>{0, 2, 0, 4}));
    });
  for (int i = 0; i < 20; ++i) {
    qn_plugin* plugin = nullptr;
    QN_CHECK(qn_plugin_load(rt, path_of("none").c_str(), &plugin, e));
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    QN_CHECK(qn_plugin_retire(plugin, e));
    qn_plugin_release(plugin);
  }
  stop = true;
  for (std::thread& t : users) t.join();
  EXPECT_EQ(rt.stats().faults, 0u);
}

}  // namespace
}  // namespace quern_test
