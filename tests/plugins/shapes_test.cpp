// Descriptions whose sizes multiply beyond 64 bits: what plugins/sdk counts in them, and that the
// template and the hostile fixtures' common part do not offer strides that wrapped around.
// Whole plugins are asked such things by `quern check`.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "plugins/sdk/quern_plugin.hpp"

namespace quern_test {
namespace {

using Shape = std::vector<std::int64_t>;
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t k2_30 = std::int64_t{1} << 30;

qn_array_desc described(const Shape& shape) {
  qn_array_desc a{};
  a.hdr.struct_size = sizeof a;
  a.dtype = QN_F32;
  a.ndim = static_cast<std::uint32_t>(shape.size());
  a.shape = shape.data();
  a.layout = quern::sdk::any_strides();
  return a;
}

std::int64_t counted(const Shape& shape) { return quern::sdk::element_count(described(shape)); }

TEST(SdkShapes, ElementsAreCountedWithoutOverflow) {
  EXPECT_EQ(counted({}), 1);
  EXPECT_EQ(counted({3, 1, 5}), 15);
  EXPECT_EQ(counted({k2_30, k2_30, 4}), k2_30 * k2_30 * 4);
  EXPECT_EQ(counted({k2_30, k2_30, 8}), kLargest);
  EXPECT_EQ(counted({k2_30, k2_30, k2_30, k2_30, k2_30}), kLargest);
  EXPECT_EQ(counted({kLargest, kLargest}), kLargest);
}

TEST(SdkShapes, AnAxisOfSizeZeroMakesNone) {
  EXPECT_EQ(counted({0}), 0);
  EXPECT_EQ(counted({0, kLargest, kLargest}), 0);
  EXPECT_EQ(counted({kLargest, kLargest, 0}), 0);
  EXPECT_EQ(counted({-1, 5}), 0);
  EXPECT_EQ(counted({std::numeric_limits<std::int64_t>::min(), kLargest}), 0);
}

TEST(SdkShapes, RowMajorStridesBeyondTheLargestNumberAreNone) {
  const Shape shape{2, k2_30, k2_30, 16}, wrapped{0, k2_30 * 16, 16, 1}, small{2, 3, 1, 4},
      dense{12, 4, -7, 1}, swapped{12, 1, 4, 1};
  qn_array_desc a = described(shape);
  a.layout.strides = wrapped.data();  // as a product that wraps around would have them
  EXPECT_FALSE(quern::sdk::is_row_major(a));
  a = described(small);
  a.layout.strides = dense.data();
  EXPECT_TRUE(quern::sdk::is_row_major(a)) << "the stride of an axis of size 1 does not matter";
  a.layout.strides = swapped.data();
  EXPECT_FALSE(quern::sdk::is_row_major(a));
}

// What a host writes down of an answer.
struct Answer {
  std::vector<Shape> strides;
};

// Strides that the plugin wants of its operand, for relu on an f32 array of this shape; one an
// offer.
std::vector<Shape> offered(const std::string& fixture, const Shape& shape) {
  const std::string path = std::string(QUERN_FIXTURE_DIR) + "/" + fixture + ".so";
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw std::runtime_error(dlerror());
  const auto entry = reinterpret_cast<const qn_kernel_plugin* (*)(std::uint32_t)>(
      dlsym(library, "qn_kernel_plugin_v1"));
  const qn_kernel_plugin* const plugin = entry(QN_KERNEL_ABI_MINOR);
  static std::size_t rank;
  rank = shape.size();
  qn_host host{};
  host.hdr.struct_size = sizeof host;
  host.offer = [](qn_answer* answer, const qn_candidate* c) noexcept {
    const std::int64_t* s = c->n_in ? c->in[0].strides : nullptr;
    reinterpret_cast<Answer*>(answer)->strides.emplace_back(s, s + (s ? rank : 0));
    return qn_status{QN_OK};
  };
  void* self = nullptr;
  plugin->open(&host, &self, nullptr);
  const qn_dtype f32 = QN_F32;
  const qn_inst relu{QN_OP_RELU, QN_F32, 0, -1, -1, 0, 0};
  const std::uint32_t result = 1;
  const qn_program program{{sizeof program, 0}, 1, 1, 1, 1, &f32, &relu, &result};
  const qn_array_desc x = described(shape);
  qn_opdesc op{};
  op.hdr.struct_size = sizeof op;
  op.op = QN_OP_MAP;
  op.n_op_in = op.n_in = op.n_out = 1;
  op.in = op.out = &x;
  op.program = &program;
  Answer answer;
  EXPECT_EQ(plugin->query(self, &op, reinterpret_cast<qn_answer*>(&answer)), QN_OK);
  plugin->close(self);
  dlclose(library);
  return answer.strides;
}

class RelusOfOurs : public testing::TestWithParam<const char*> {};

TEST_P(RelusOfOurs, OfferStridesThatNumberTheElements) {
  EXPECT_EQ(offered(GetParam(), {2, 3, 4}), std::vector<Shape>{Shape({12, 4, 1})});
  EXPECT_EQ(offered(GetParam(), {0, 5}), std::vector<Shape>{Shape({5, 1})});
  EXPECT_EQ(offered(GetParam(), {k2_30, k2_30}), std::vector<Shape>{Shape({k2_30, 1})});
}

TEST_P(RelusOfOurs, OfferNothingWhereStridesWouldOverflow) {
  EXPECT_TRUE(offered(GetParam(), {k2_30, k2_30, k2_30}).empty());
  EXPECT_TRUE(offered(GetParam(), {0, k2_30, k2_30, k2_30, k2_30}).empty());
  EXPECT_TRUE(offered(GetParam(), {k2_30, k2_30, k2_30, k2_30, 0}).empty());
  EXPECT_TRUE(offered(GetParam(), {kLargest, 2}).empty());
}

INSTANTIATE_TEST_SUITE_P(SdkShapes, RelusOfOurs, testing::Values("template", "none"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace quern_test
