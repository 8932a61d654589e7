// Tuning: measured times decide, are kept in a file, and nothing that is wrong with the file harms.
// Times are compared only with those of a kernel that takes hundreds of times longer than any
// other.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "helpers.h"
#include "quern/kernel.h"

namespace quern_test {
namespace {

// ---- a plugin that claims to be nearly free and takes a millisecond of processor time ----

struct Liar {
  const qn_host* host = nullptr;
  std::int64_t m = 0, k = 0, n = 0;
};
std::atomic<int> liars_open{0}, liar_runs{0};

qn_status open_liar(const qn_host* host, void** self, qn_error_slot*) noexcept {
  *self = new Liar{host};
  ++liars_open;
  return QN_OK;
}
void close_liar(void* self) noexcept {
  delete static_cast<Liar*>(self);
  --liars_open;
}
qn_status query_liar(void* self, const qn_opdesc* op, qn_answer* answer) noexcept {
  if (op->op != QN_OP_MATMUL || op->in[0].ndim != 2 || op->in[0].dtype != QN_F32) return QN_OK;
  qn_candidate c{};
  c.hdr.struct_size = sizeof c;
  c.name = {"slow", 4};
  const std::int64_t a[] = {op->in[0].shape[1], 1}, b[] = {op->in[1].shape[1], 1};
  qn_layout in[] = {{}, {}};
  in[0].strides = a;
  in[1].strides = b;
  c.in = in;
  c.n_in = 2;
  c.est_ns = 0.001;
  c.deterministic = 1;
  return static_cast<Liar*>(self)->host->offer(answer, &c);
}
qn_status plan_liar(void*, const qn_opdesc* op, std::uint32_t, qn_plan** out, qn_plan_info*,
                    qn_error_slot*) noexcept {
  *out = reinterpret_cast<qn_plan*>(
      new Liar{nullptr, op->in[0].shape[0], op->in[0].shape[1], op->in[1].shape[1]});
  return QN_OK;
}
std::int64_t processor_ns() {
  struct timespec t;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1000000000 + t.tv_nsec;
}
qn_status run_liar(const qn_plan* p, const qn_run* r) noexcept {
  ++liar_runs;
  const std::int64_t end = processor_ns() + 1000000;
  while (processor_ns() < end) {
  }
  const auto& s = *reinterpret_cast<const Liar*>(p);
  const auto *a = static_cast<const float*>(r->in[0].data),
             *b = static_cast<const float*>(r->in[1].data);
  auto* c = static_cast<float*>(r->out[0].data);
  for (std::int64_t i = 0; i < s.m; ++i)
    for (std::int64_t j = 0; j < s.n; ++j) {
      float sum = 0;
      for (std::int64_t k = 0; k < s.k; ++k) sum += a[i * s.k + k] * b[k * s.n + j];
      c[i * s.n + j] = sum;
    }
  return QN_OK;
}
void free_liar(void*, qn_plan* p) noexcept { delete reinterpret_cast<Liar*>(p); }

qn_kernel_plugin liar(const char* version = "1") {
  qn_kernel_plugin p{};
  p.hdr.struct_size = sizeof p;
  p.id = "liar";
  p.version = version;
  p.open = open_liar;
  p.close = close_liar;
  p.query = query_liar;
  p.plan = plan_liar;
  p.run = run_liar;
  p.plan_free = free_liar;
  return p;
}

// ---- what tests ask ----

struct Tuned {
  std::string mode, file, problem;
  std::uint64_t questions = 0, run = 0, waiting = 0;
};

// A runtime with the liar and a tuning.
class Lab {
 public:
  explicit Lab(const std::string& tuning, const char* kernels = "", std::uint32_t accuracy = 0,
               std::uint32_t threads = 2, const char* version = "1", std::uint64_t limit = 0)
      : entry_(liar(version)) {
    qn_runtime_config c{};
    c.hdr.struct_size = sizeof c;
    c.n_threads = threads;
    c.kernels = kernels;
    c.accuracy = accuracy;
    c.memory_limit = limit;
    c.tuning = tuning.c_str();
    c.log = [](void* self, std::int32_t, const char* text, std::uint64_t n) noexcept {
      static_cast<Lab*>(self)->logged.append(text, n).append("\n");
    };
    c.log_self = this;
    QN_CHECK(qn_runtime_create(&c, &rt, e));
    QN_CHECK(qn_plugin_register(rt, &entry_, &plugin, e));
  }
  ~Lab() {
    qn_plugin_release(plugin);
    qn_runtime_release(rt);
  }

  // x @ x, and which plugin did it.
  std::string product(std::int64_t n = 2) {
    std::vector<float> v(static_cast<std::size_t>(n * n), 0.5f),
        want(v.size(), 0.25f * static_cast<float>(n));
    qn_array* a = nullptr;
    const std::int64_t shape[] = {n, n};
    QN_CHECK(qn_array_from_data(rt, v.data(), shape, 2, QN_F32, &a, e));
    const A x(a);
    EXPECT_EQ(values(matmul(x, x)), want);
    return plugin_of(str_of(n));
  }
  static std::string str_of(std::int64_t n) {
    return "f32(" + std::to_string(n) + ", " + std::to_string(n) + ")";
  }
  // Of the newest plan whose shapes begin with `shape`.
  std::string plugin_of(const std::string& shape) {
    struct Seen {
      std::string shape, plugin;
      std::string* rejected;
      double* measured;
    } seen{shape, "", &rejected, &measured_ns};
    QN_CHECK(qn_report_kernels(
        rt,
        [](void* self, const qn_kernel_report* r) {
          auto& s = *static_cast<Seen*>(self);
          if (std::string(r->shapes).rfind(s.shape, 0) != 0 || std::string(r->op) != "matmul")
            return;
          s.plugin = r->plugin;
          *s.rejected = r->rejected;
          *s.measured = r->measured_ns;
        },
        &seen, e));
    return seen.plugin;
  }
  Tuned tuned() const {
    Tuned t;
    QN_CHECK(qn_report_tuning(
        rt,
        [](void* self, const qn_tuning_report* r) {
          *static_cast<Tuned*>(self) = {r->mode,      r->file,           r->problem,
                                        r->questions, r->candidates_run, r->plans_waiting};
        },
        &t, e));
    return t;
  }

  std::uint64_t cached_bytes() const {
    qn_stats s{};
    s.hdr.struct_size = sizeof s;
    QN_CHECK(qn_runtime_stats(rt, &s, e));
    return s.bytes_cached;
  }

  qn_runtime* rt = nullptr;
  qn_plugin* plugin = nullptr;
  std::string logged, rejected;
  double measured_ns = 0;

 private:
  qn_kernel_plugin entry_;
};

// A file of its own for each test.
class Tuning : public testing::Test {
 protected:
  Tuning() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path = testing::TempDir() + "quern_tuning_" + info->name() + "_" + std::to_string(getpid());
    std::remove(path.c_str());
  }
  ~Tuning() override { std::remove(path.c_str()); }
  std::string read() const {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream s;
    s << in.rdbuf();
    return s.str();
  }
  void write(const std::string& text) const {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }
  // A good file with the times of the 2x2 product.
  std::string good() {
    Lab("measure:" + path).product();
    return read();
  }
  std::string path;
};

// As the file's last line has it.
std::string with_checksum(std::string text) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int k = 0; k < 8; ++k) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  char sum[16];
  std::snprintf(sum, sizeof sum, "sum %08x\n", ~crc);
  return text + sum;
}
std::string without_checksum(const std::string& text) { return text.substr(0, text.rfind("sum ")); }
std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what << " in " << text;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

TEST_F(Tuning, EstimatesDecideUnlessAskedOtherwise) {
  Lab lab("off");
  EXPECT_EQ(lab.product(), "liar");
  EXPECT_EQ(lab.measured_ns, 0);
  EXPECT_EQ(lab.tuned().mode, "off");
}

TEST_F(Tuning, MeasuredTimesDecide) {
  Lab lab("measure");
  EXPECT_NE(lab.product(), "liar");
  EXPECT_GT(lab.measured_ns, 0);
  EXPECT_NE(lab.rejected.find("liar/slow: measured "), std::string::npos) << lab.rejected;
  const Tuned t = lab.tuned();
  EXPECT_EQ(t.mode, "measure");
  EXPECT_EQ(t.questions, 1u);
  EXPECT_GE(t.run, 2u);
  EXPECT_EQ(t.file, "");
  EXPECT_NE(lab.product(), "liar");
  EXPECT_EQ(lab.tuned().run, t.run);  // known from now on
}

TEST_F(Tuning, CandidatesAreReportedWithTheirTimes) {
  Lab lab("measure");
  lab.product();
  std::vector<float> v(4, 1.0f);
  const std::int64_t shape[] = {2, 2};
  qn_array* x = nullptr;
  QN_CHECK(qn_array_from_data(lab.rt, v.data(), shape, 2, QN_F32, &x, e));
  const A hold(x);
  qn_array* in[] = {x, x};
  struct Seen {
    double liar = 0, chosen = 0, estimate = 0;
  } seen;
  QN_CHECK(qn_explain_op(
      lab.rt, QN_OP_MATMUL, in, 2, nullptr, 0,
      [](void* self, const qn_candidate_report* r) {
        auto& s = *static_cast<Seen*>(self);
        if (std::string(r->plugin) == "liar") s.liar = r->measured_ns, s.estimate = r->est_ns;
        if (r->chosen) s.chosen = r->measured_ns;
      },
      &seen, e));
  EXPECT_GE(seen.liar, 1e6);  // what it takes of the processor's time at least
  EXPECT_GT(seen.chosen, 0);
  EXPECT_LT(seen.chosen, seen.liar);
  EXPECT_EQ(seen.estimate, 0.001);  // what it claims is still told
}

TEST_F(Tuning, RulesComeFirst) {
  Lab lab("measure", "matmul=liar");
  EXPECT_EQ(lab.product(), "liar");
}

TEST_F(Tuning, TheFileSpeaksInAnotherRuntime) {
  good();
  Lab lab("read:" + path);
  EXPECT_NE(lab.product(), "liar");
  EXPECT_EQ(lab.tuned().run, 0u);
  EXPECT_EQ(lab.tuned().questions, 1u);
  EXPECT_EQ(lab.tuned().file, path);
  EXPECT_EQ(lab.tuned().problem, "");
  EXPECT_EQ(lab.logged, "");
  EXPECT_EQ(lab.product(3), "liar");  // not measured, and "read" measures nothing
  EXPECT_EQ(Lab("read:" + path, "", 0, 1).product(), "liar");  // nor for another number of threads
}

TEST_F(Tuning, AMissingFileIsTold) {
  Lab lab("read:" + path);
  EXPECT_EQ(lab.product(), "liar");
  EXPECT_NE(lab.tuned().problem.find("does not exist"), std::string::npos);
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST_F(Tuning, DamagedFilesAreIgnoredAndReplaced) {
  const std::string whole = good();
  std::vector<std::string> bad{"quern tuning 1\n", replaced(whole, "tuning 1", "tuning 2"),
                               whole + "x", whole + whole};
  for (std::size_t n = 1; n < whole.size(); n += std::max<std::size_t>(1, whole.size() / 16))
    bad.push_back(whole.substr(0, n));
  for (std::size_t at = 16; at < whole.size(); at += std::max<std::size_t>(1, whole.size() / 16)) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    bad.push_back(flipped);
  }
  // The checksum is right, the text is not.
  const std::string body = without_checksum(whole);
  for (const auto& text :
       {body + "nonsense\n", body + "op 12\n", body + " x y\n", body + " 12\n", body + " nan a\n",
        body + " -5 a\n", body + "op zz" + std::string(30, '0') + " t\n",
        replaced(body, "machine ", "engine "), replaced(body, "op ", " 5 ")})
    bad.push_back(with_checksum(text));
  for (const std::string& text : bad) {
    write(text);
    Lab lab("read:" + path);
    EXPECT_EQ(lab.product(), "liar") << text;
    EXPECT_NE(lab.tuned().problem.find("ignored"), std::string::npos) << text;
    EXPECT_NE(lab.logged.find(path), std::string::npos) << text;
    EXPECT_EQ(read(), text);  // reading leaves it alone
  }
  write("");  // as a writer that is killed may leave it
  EXPECT_EQ(Lab("read:" + path).tuned().problem, "");
  write(whole.substr(0, whole.size() / 2));
  EXPECT_NE(Lab("measure:" + path).product(), "liar");
  EXPECT_EQ(Lab("read:" + path).tuned().questions, 1u);
}

TEST_F(Tuning, OtherFilesAreNeverWritten) {
  for (const std::string text : {"my notes\n", "quern", "\n"}) {
    write(text);
    {
      Lab lab("measure:" + path);
      EXPECT_NE(lab.product(), "liar");
      EXPECT_NE(lab.tuned().problem.find("no tuning file"), std::string::npos);
      EXPECT_NE(lab.logged.find("no tuning file"), std::string::npos);
    }
    EXPECT_EQ(read(), text);
  }
  const std::string nowhere = path + "/there/is/none";
  Lab lab("measure:" + nowhere);
  EXPECT_NE(lab.product(), "liar");
  EXPECT_NE(lab.tuned().problem, "");
}

TEST_F(Tuning, TimesOfOtherMachinesAreIgnoredAndKept) {
  std::string text = without_checksum(good());
  const std::size_t at = text.find("machine ");
  const std::string mine = text.substr(at, text.find('\n', at) - at);
  const std::string foreign = with_checksum(replaced(text, mine, "machine abacus"));
  write(foreign);
  {
    Lab lab("read:" + path);
    EXPECT_EQ(lab.product(), "liar");
    EXPECT_NE(lab.tuned().problem.find("abacus"), std::string::npos) << lab.tuned().problem;
    EXPECT_NE(lab.logged.find("ignored"), std::string::npos);
  }
  EXPECT_NE(Lab("measure:" + path).product(), "liar");
  text = read();
  EXPECT_NE(text.find("machine abacus\nop "), std::string::npos);
  EXPECT_NE(text.find(mine + "\nop "), std::string::npos);
  EXPECT_EQ(Lab("read:" + path).tuned().problem, "");
}

TEST_F(Tuning, TimesOfOtherVersionsOfAPluginAreNot) {
  good();
  Lab lab("read:" + path, "", 0, 2, "2");
  EXPECT_EQ(lab.product(), "liar");
  EXPECT_NE(Lab("measure:" + path, "", 0, 2, "2").product(), "liar");
  EXPECT_NE(read().find("liar@2"), std::string::npos);
}

TEST_F(Tuning, ManyWritersLoseNothing) {
  constexpr int kWriters = 4, kEach = 3;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w)
    threads.emplace_back([&, w] {
      Lab lab("measure:" + path, "", 0, 2);
      for (int i = 0; i < kEach; ++i) EXPECT_NE(lab.product(2 + w * kEach + i), "liar");
      EXPECT_EQ(lab.tuned().problem, "");
    });
  for (std::thread& t : threads) t.join();
  Lab lab("read:" + path);
  EXPECT_EQ(lab.tuned().questions, std::uint64_t{kWriters * kEach});
  EXPECT_EQ(lab.logged, "");
}

TEST_F(Tuning, InTheBackground) {
  Lab lab("background:" + path);
  EXPECT_EQ(lab.product(), "liar");
  EXPECT_EQ(lab.tuned().waiting, 0u);  // not for a plan that ran once
  for (int i = 0; i < 10; ++i) lab.product();
  const std::uint64_t cached = lab.cached_bytes();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (std::chrono::steady_clock::now() < end &&
         (lab.tuned().questions == 0 || lab.tuned().waiting))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GE(lab.tuned().run, 2u);
  EXPECT_EQ(lab.cached_bytes(), cached);  // it took memory of its own
  EXPECT_NE(lab.product(), "liar");
  EXPECT_EQ(lab.tuned().mode, "background");
  QN_CHECK(qn_runtime_set_tuning(lab.rt, "off", e));  // writes the file
  EXPECT_NE(Lab("read:" + path).product(), "liar");
}

TEST_F(Tuning, InTheBackgroundForCompiledFunctions) {
  Lab lab("background");
  const Fn f =
      Fn(
          lab.rt, [](const std::vector<A>& in) { return std::vector<A>{matmul(in[0], in[0])}; }, 1,
          1)
          .compile();
  std::vector<float> v{1, 2, 3, 4};
  const std::int64_t shape[] = {2, 2};
  qn_array* a = nullptr;
  QN_CHECK(qn_array_from_data(lab.rt, v.data(), shape, 2, QN_F32, &a, e));
  const A x(a);
  const std::vector<float> want{7, 10, 15, 22};
  for (int i = 0; i < 10; ++i) EXPECT_EQ(values(f({x})[0]), want);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
  while (std::chrono::steady_clock::now() < end &&
         (lab.tuned().questions == 0 || lab.tuned().waiting))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const int before = liar_runs;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(values(f({x})[0]), want);
  EXPECT_EQ(liar_runs, before);
}

TEST_F(Tuning, APluginIsRetiredWhileItIsMeasured) {
  const int open = liars_open;
  Lab lab("background");
  EXPECT_EQ(liars_open, open + 1);
  for (std::int64_t n = 2; n < 6; ++n)
    for (int i = 0; i < 8; ++i) lab.product(n);
  EXPECT_GT(lab.tuned().waiting + lab.tuned().questions, 0u);
  QN_CHECK(qn_plugin_retire(lab.plugin, e));
  qn_plugin_release(std::exchange(lab.plugin, nullptr));
  EXPECT_EQ(liars_open, open);  // closed: nothing holds it
  EXPECT_NE(lab.product(), "liar");
}

TEST_F(Tuning, TheStrictClassIsMeasuredOnOneThreadForAll) {
  constexpr std::uint32_t kStrict = 1;
  {
    Lab lab("background", "", kStrict);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(lab.product(), "liar");
    EXPECT_EQ(lab.tuned().run + lab.tuned().waiting + lab.tuned().questions, 0u);
  }
  Lab one("measure:" + path, "", kStrict, 1);
  const std::string winner = one.product();
  EXPECT_NE(winner, "liar");
  for (const std::uint32_t threads : {1u, 2u, 4u}) {
    Lab lab("read:" + path, "", kStrict, threads);
    EXPECT_EQ(lab.product(), winner) << threads;
  }
}

TEST_F(Tuning, WithoutMemoryForItEstimatesDecide) {
  // Room for the product of two 64 KiB arrays and their result, not for copies of them.
  Lab lab("measure", "", 0, 2, "1", 260 * 1024);
  EXPECT_EQ(lab.product(128), "liar");
  EXPECT_EQ(lab.tuned().questions, 0u);
}

TEST_F(Tuning, InTheBackgroundTheMemoryLimitIsTheProgramsOwn) {
  Lab lab("background", "", 0, 2, "1", 260 * 1024);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(lab.product(128), "liar");
  while (lab.tuned().waiting) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(lab.tuned().run, 0u);
  EXPECT_EQ(lab.product(128), "liar");
}

TEST_F(Tuning, OtherTextsAreRefused) {
  Lab lab("off");
  for (const char* bad :
       {"on", "read", "read:", "measure:", "background:", "OFF", "off:x", " off"}) {
    Failure f;
    EXPECT_EQ(qn_runtime_set_tuning(lab.rt, bad, f.slot()), QN_E_INVALID_ARGUMENT) << bad;
    EXPECT_NE(f.text().find("expected off, read:FILE"), std::string::npos) << f.text();
  }
  Failure f;
  EXPECT_EQ(qn_runtime_set_tuning(lab.rt, nullptr, f.slot()), QN_E_INVALID_ARGUMENT);
  for (const char* good : {"", "off", "measure", "background"})
    QN_CHECK(qn_runtime_set_tuning(lab.rt, good, e));
  EXPECT_EQ(qn_report_tuning(lab.rt, nullptr, nullptr, nullptr), QN_E_INVALID_ARGUMENT);
}

// Fused, packed, blocked and strided operands are measured too; results stay what they were.
TEST_F(Tuning, ANetworkComputesTheSame) {
  auto train = [](const Rt& rt) {
    auto ramp = [&](std::vector<std::int64_t> shape) {
      std::size_t n = 1;
      for (const std::int64_t d : shape) n *= static_cast<std::size_t>(d);
      std::vector<float> v(n);
      for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>(i * 7 % 13) / 26.0f - 0.25f;
      return rt.floats(v, std::move(shape));
    };
    const Fn loss(
        rt,
        [](const std::vector<A>& in) {
          const std::int64_t pad[] = {2}, two[] = {2};
          qn_array *y = nullptr, *p = nullptr;
          QN_CHECK(
              qn_conv2d(nullptr, in[0], in[1], nullptr, 0, pad, 1, nullptr, 0, 1, "nhwc", &y, e));
          const A act = apply(qn_relu, A(y) + in[2]);
          QN_CHECK(qn_max_pool(nullptr, act, two, 1, nullptr, 0, nullptr, 0, "nhwc", &p, e));
          const A z = matmul(reshape(A(p), {4, -1}), transpose(in[3]));
          return std::vector<A>{sum(z * z)};
        },
        4, 1);
    const Fn step = loss.value_and_grad({1, 2, 3});
    std::vector<float> all;
    for (const A& a :
         step({ramp({4, 12, 12, 3}), ramp({20, 5, 5, 3}), ramp({20}), ramp({33, 720})})) {
      const auto v = values(a);
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  };
  const Rt plain, tuned;
  QN_CHECK(qn_runtime_set_tuning(tuned, "measure", e));
  const auto want = train(plain), got = train(tuned);
  double scale = 0;
  for (const float w : want) scale = std::max(scale, std::abs(static_cast<double>(w)));
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-4 * scale) << i;
  EXPECT_EQ(tuned.stats().faults, 0u);
}

}  // namespace
}  // namespace quern_test
