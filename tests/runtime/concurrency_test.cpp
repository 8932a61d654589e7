// Random programs in several runtimes at once: the bits of the strict class, whatever the number of
// threads and whoever else is computing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <thread>

#include "tests/runtime/helpers.h"

namespace quern_test {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr unsigned kPrograms = 6, kRounds = 1;
constexpr std::int64_t kLarge = 48;
#else
constexpr unsigned kPrograms = 16, kRounds = 3;
constexpr std::int64_t kLarge = 112;
#endif
constexpr unsigned kThreads = 16, kRuntimes = 4;

struct Strict {
  explicit Strict(std::uint32_t threads) {
    qn_runtime_config c{};
    c.hdr.struct_size = sizeof c;
    c.n_threads = threads;
    c.accuracy = 1;
    c.kernels = "";
    QN_CHECK(qn_runtime_create(&c, &rt, e));
  }
  ~Strict() { qn_runtime_release(rt); }
  qn_runtime* rt = nullptr;
};

struct Draw {
  std::uint32_t state;
  std::uint32_t below(std::uint32_t n) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
  }
};

A array(qn_runtime* rt, Draw& draw, std::int64_t rows, std::int64_t columns) {
  std::vector<float> v(static_cast<std::size_t>(rows * columns));
  for (float& f : v) f = static_cast<float>(draw.below(4096)) / 2048.0f - 1.0f;
  const std::int64_t shape[] = {rows, columns};
  qn_array* a = nullptr;
  QN_CHECK(qn_array_from_data(rt, v.data(), shape, 2, QN_F32, &a, e));
  return A(a);
}

A softmax(const A& x) {
  const std::int64_t axis[] = {-1};
  qn_array* o = nullptr;
  QN_CHECK(qn_softmax(nullptr, x, axis, 1, &o, e));
  return A(o);
}

A sum_rows(const A& x) {
  const std::int64_t axis[] = {0};
  qn_array* o = nullptr;
  QN_CHECK(qn_sum(nullptr, x, axis, 1, 1, &o, e));
  return A(o);
}

A conv(const A& x, std::int64_t n, Draw& draw, qn_runtime* rt) {
  const std::int64_t pad[] = {1};
  const A image = reshape(x, {1, n, n, 1});
  const A weights = reshape(array(rt, draw, 8, 9), {8, 3, 3, 1});
  qn_array *y = nullptr, *s = nullptr;
  QN_CHECK(qn_conv2d(nullptr, image, weights, nullptr, 0, pad, 1, nullptr, 0, 1, "nhwc", &y, e));
  const A held(y);
  const std::int64_t axis[] = {3};
  QN_CHECK(qn_sum(nullptr, held, axis, 1, 0, &s, e));
  return reshape(A(s), {n, n});
}

// A program of a dozen ops on square matrices; its result as bytes.
std::vector<float> program(qn_runtime* rt, unsigned seed) {
  Draw draw{seed * 2654435761u + 1};
  const std::int64_t n = draw.below(2) ? kLarge : 5 + static_cast<std::int64_t>(draw.below(30));
  std::vector<A> stack{array(rt, draw, n, n), array(rt, draw, n, n)};
  for (int i = 0; i < 12; ++i) {
    const A x = stack[draw.below(static_cast<std::uint32_t>(stack.size()))];
    const A y = stack[draw.below(static_cast<std::uint32_t>(stack.size()))];
    switch (draw.below(9)) {
      case 0:
        stack.push_back(softmax(matmul(x, y)));
        break;
      case 1:
        stack.push_back(x + y * x);
        break;
      case 2:
        stack.push_back(apply(qn_tanh, x - y));
        break;
      case 3:
        stack.push_back(apply(qn_relu, matmul(x, transpose(y)) + sum_rows(x)));
        break;
      case 4:
        stack.push_back(softmax(transpose(x)));
        break;
      case 5:
        stack.push_back(apply(qn_tanh, sum_rows(x) + y));
        break;
      case 6:
        stack.push_back(apply(qn_tanh, conv(x, n, draw, rt)));
        break;
      case 7:
        stack.push_back(apply(qn_sigmoid, x));
        eval({stack.back(), y});
        break;
      default:
        stack.push_back(apply(qn_maximum, x, transpose(y)));
    }
  }
  std::vector<float> out;
  for (std::size_t k = stack.size() - 3; k < stack.size(); ++k) {
    const std::vector<float> v = values(stack[k]);
    out.insert(out.end(), v.begin(), v.end());
  }
  out.push_back(static_cast<float>(item(sum(stack.back()))));
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<std::vector<float>> serial_results() {
  const Strict one(1);
  std::vector<std::vector<float>> v;
  for (unsigned p = 0; p < kPrograms; ++p) v.push_back(program(one.rt, p));
  return v;
}

TEST(Concurrency, StrictBitsForAnyNumberOfThreads) {
  const auto want = serial_results();
  for (const std::uint32_t threads : {1u, 2u, 3u, 5u, 8u}) {
    const Strict rt(threads);
    for (unsigned p = 0; p < kPrograms; ++p)
      EXPECT_TRUE(same_bits(program(rt.rt, p), want[p])) << threads << " threads, program " << p;
  }
}

TEST(Concurrency, SixteenThreadsInFourRuntimes) {
  const auto want = serial_results();
  std::vector<std::unique_ptr<Strict>> runtimes;
  for (unsigned r = 0; r < kRuntimes; ++r) runtimes.push_back(std::make_unique<Strict>(1 + r));
  std::atomic<int> wrong{0}, failed{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      try {
        for (unsigned k = 0; k < kRounds * kPrograms; ++k) {
          const unsigned p = (k * 5 + t * 3) % kPrograms;
          if (!same_bits(program(runtimes[(t + k / 4) % kRuntimes]->rt, p), want[p])) ++wrong;
        }
      } catch (const std::exception&) {
        ++failed;
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace quern_test
