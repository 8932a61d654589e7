// quern.hpp and a client in C: the headers as an application uses them.
// Each op's own numbers are tested with the ops.
#include <gtest/gtest.h>

#include "quern/quern.hpp"

extern "C" double c_client_sum(void);

namespace {

using quern::Array;
using quern::Runtime;

TEST(CClient, Computes) { EXPECT_EQ(c_client_sum(), 90); }

TEST(Hpp, Operators) {
  Runtime rt;
  const Array x(rt, std::vector<float>{1, 2, 3, 4}, {2, 2});
  const Array y = (x + 1.0) * x - x / 2.0;
  EXPECT_EQ(y.values<float>(), (std::vector<float>{1.5f, 5, 10.5f, 18}));
  EXPECT_EQ((-x).values<float>(), (std::vector<float>{-1, -2, -3, -4}));
  EXPECT_EQ((2.0 - x).values<float>(), (std::vector<float>{1, 0, -1, -2}));
  EXPECT_EQ(quern::matmul(x, x).values<float>(), (std::vector<float>{7, 10, 15, 22}));
  EXPECT_EQ(quern::sum(x).item(), 10);
  EXPECT_EQ(quern::mean(x, {0}).values<float>(), (std::vector<float>{2, 3}));
  EXPECT_EQ(quern::reshape(x, {4}).shape(), quern::Ints{4});
  EXPECT_EQ(quern::transpose(x).values<float>(), (std::vector<float>{1, 3, 2, 4}));
  EXPECT_NEAR(quern::sum(quern::softmax(x)).item(), 2, 1e-6);
  EXPECT_EQ(quern::relu(x - 3.0).values<float>(), (std::vector<float>{0, 0, 0, 1}));
  EXPECT_EQ(quern::concatenate({x, x}, 1).shape(), (quern::Ints{2, 4}));
  EXPECT_EQ(quern::make(qn_flatten, nullptr, x.get(), 0, -1).shape(), quern::Ints{4});
  EXPECT_EQ(quern::full(rt, {3}, 7).values<float>(), (std::vector<float>{7, 7, 7}));
}

TEST(Hpp, Conv2d) {
  Runtime rt;
  const Array x = quern::full(rt, {1, 4, 4, 1}, 1), w = quern::full(rt, {2, 3, 3, 1}, 1);
  const Array y = quern::conv2d(x, w, {1}, {1});
  EXPECT_EQ(y.shape(), (quern::Ints{1, 4, 4, 2}));
  EXPECT_EQ(y.values<float>()[0], 4);
  EXPECT_EQ(quern::max_pool(y, {2}).shape(), (quern::Ints{1, 2, 2, 2}));
}

TEST(Hpp, Gradients) {
  Runtime rt;
  const quern::Function loss(rt, 2, 1, [](const std::vector<Array>& in) {
    return std::vector<Array>{quern::sum(quern::square(in[0]) * in[1])};
  });
  const Array x(rt, std::vector<float>{1, 2, 3}, {3}), w(rt, std::vector<float>{2, 2, 2}, {3});
  const auto out = quern::value_and_grad(loss, {0, 1})({x, w});
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].item(), 28);
  EXPECT_EQ(out[1].values<float>(), (std::vector<float>{4, 8, 12}));
  EXPECT_EQ(out[2].values<float>(), (std::vector<float>{1, 4, 9}));
  const auto pulled = quern::vjp(loss, {0})({x, w, Array(rt, 10.0)});
  EXPECT_EQ(pulled[1].values<float>(), (std::vector<float>{40, 80, 120}));
  const quern::Function step = quern::compile(quern::value_and_grad(loss));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(step({x, w})[1].values<float>(), (std::vector<float>{4, 8, 12}));
}

TEST(Hpp, FunctionsOfFunctions) {
  Runtime rt;
  const quern::Function f(rt, 1, 1, [](const std::vector<Array>& in) {
    return std::vector<Array>{quern::sum(in[0] * in[0])};
  });
  const Array x(rt, std::vector<float>{1, 2, 3, 4}, {2, 2});
  const Array t(rt, std::vector<float>{1, 0, 0, 1}, {2, 2});
  EXPECT_EQ(quern::jvp(f)({x, t})[1].item(), 2 + 8);
  EXPECT_EQ(quern::vmap(f)({x})[0].values<float>(), (std::vector<float>{5, 25}));
  EXPECT_EQ(quern::vmap(f, {1})({x})[0].values<float>(), (std::vector<float>{10, 20}));
  EXPECT_THROW(quern::vmap(f, {1, 1}), quern::Error);
  EXPECT_EQ(quern::value_and_grad(quern::checkpoint(f))({x})[1].values<float>(),
            (std::vector<float>{2, 4, 6, 8}));
}

TEST(Hpp, Errors) {
  Runtime rt;
  const Array x(rt, std::vector<float>{1, 2}, {2}), y(rt, std::vector<float>{1, 2, 3}, {3});
  try {
    x + y;
    FAIL() << "shapes (2) and (3) were added";
  } catch (const quern::Error& e) {
    EXPECT_EQ(e.code(), QN_E_INVALID_ARGUMENT);
    EXPECT_NE(std::string(e.what()).find("[add]"), std::string::npos) << e.what();
  }
  EXPECT_THROW(Array(rt, std::vector<float>{1}, {2}), quern::Error);
  EXPECT_THROW(x.values<double>(), quern::Error);
  const quern::Function bad(rt, 1, 1, [](const std::vector<Array>&) -> std::vector<Array> {
    throw std::runtime_error("body failed");
  });
  try {
    bad({x});
    FAIL();
  } catch (const quern::Error& e) {
    EXPECT_NE(std::string(e.what()).find("body failed"), std::string::npos);
  }
}

}  // namespace
