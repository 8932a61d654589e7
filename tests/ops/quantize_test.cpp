// quantize on every plugin: three results, so no row of a table. Each number comes back within half
// a step, the end of larger magnitude exactly; and known values, those of MLX.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/ops/harness.h"

namespace quern::test {
namespace {

struct Packed {
  Array w, scales, biases;
};

Packed quantize(const Runtime& rt, const Array& w, std::int64_t group, std::int64_t bits) {
  qn_error* error = nullptr;
  std::uint32_t id = 0;
  check(qn_op_lookup("quantize", &id, &error), error);
  qn_attr attrs[2] = {};
  attrs[0].type = attrs[1].type = QN_ATTR_INT;
  attrs[0].v.i = group, attrs[1].v.i = bits;
  qn_array *in = w.get(), *out[3];
  check(qn_op(rt.get(), id, &in, 1, attrs, 2, out, 3, &error), error);
  return {Array(out[0]), Array(out[1]), Array(out[2])};
}

Value waves(const Shape& s) {
  Value v{s, {}};
  for (std::int64_t i = 0; i < s[0] * s[1]; ++i)
    v.data.push_back(2 * std::sin(1.3 * double(i)) + 0.5 * std::cos(0.11 * double(i)) - 0.3);
  return v;
}

class QuantizeOn : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!runtime().has_plugin(GetParam())) GTEST_SKIP() << GetParam() << " was not built";
  }
  Runtime& runtime() { return Runtime::preferring(GetParam()); }
};

TEST_P(QuantizeOn, ComesBackWithinHalfAStep) {
  const Value v = waves({3, 256});
  for (const std::int64_t bits : {2, 3, 4, 5, 6, 8}) {
    for (const std::int64_t group : {32, 64, 128}) {
      for (const Form form : {Form::dense, Form::transposed, Form::reversed}) {
        SCOPED_TRACE(std::to_string(bits) + " bits, groups of " + std::to_string(group));
        const Packed p = quantize(runtime(), array(runtime(), v, QN_F32, form), group, bits);
        EXPECT_EQ(p.w.shape(), (Shape{3, 8 * bits}));
        EXPECT_EQ(p.scales.shape(), (Shape{3, 256 / group}));
        const std::vector<Attribute> attrs = {integer(group), integer(bits)};
        const Value back = read(apply(runtime(), "dequantize", {p.w, p.scales, p.biases}, attrs));
        const Value scales = read(p.scales);
        for (std::size_t g = 0; g < scales.data.size(); ++g) {
          const double step = std::abs(scales.data[g]);
          double most = 0, met = 0;
          for (std::size_t i = 0; i < static_cast<std::size_t>(group); ++i) {
            const std::size_t k = g * static_cast<std::size_t>(group) + i;
            // The scale is fitted to one end: the other may lie up to a step beyond the last
            // integer.
            ASSERT_NEAR(back.data[k], v.data[k], 1.01 * step + 1e-6);
            if (std::abs(v.data[k]) > std::abs(most)) most = v.data[k], met = back.data[k];
          }
          EXPECT_NEAR(met, most, 1e-6 * (1 + std::abs(most)));
        }
      }
    }
  }
}

TEST_P(QuantizeOn, KnownValues) {
  Value ramp{{1, 32}, {}};
  for (int i = 0; i < 32; ++i) ramp.data.push_back(i - 12);
  Packed p = quantize(runtime(), array(runtime(), ramp, QN_F32), 32, 4);
  EXPECT_EQ(read(p.w).data, (std::vector<double>{3167608559, 2291767979, 1146447479, 1122867}));
  EXPECT_FLOAT_EQ(static_cast<float>(read(p.scales).data[0]), -2.1111112f);
  EXPECT_EQ(read(p.biases).data[0], 19);
  const Value same{{1, 32}, std::vector<double>(32, 3)};
  p = quantize(runtime(), array(runtime(), same, QN_F32), 32, 4);
  EXPECT_EQ(read(p.w).data, std::vector<double>(4, 0));
  EXPECT_EQ(read(p.biases).data[0], 3);
}

INSTANTIATE_TEST_SUITE_P(Ops, QuantizeOn, testing::ValuesIn(bundled_plugins()),
                         [](const auto& info) { return info.param; });

TEST(QuantizeErrors, NameTheOpAndWhatIsExpected) {
  Runtime& rt = Runtime::preferring("naive");
  const Array w = array(rt, waves({2, 64}), QN_F32);
  const auto refused = [&](const Array& x, std::int64_t group, std::int64_t bits,
                           const char* says) {
    try {
      quantize(rt, x, group, bits);
      ADD_FAILURE() << "accepted: " << says;
    } catch (const Failure& e) {
      EXPECT_EQ(e.code, QN_E_INVALID_ARGUMENT);
      EXPECT_NE(std::string(e.what()).find(says), std::string::npos) << e.what();
    }
  };
  refused(w, 16, 4, "group_size 16; expected 32, 64 or 128");
  refused(w, 64, 7, "bits 7; expected 1, 2, 3, 4, 5, 6 or 8");
  refused(w, 128, 4, "multiple of 128");
  refused(array(rt, {{64}, std::vector<double>(64)}, QN_F32), 64, 4, "at least two axes");
  refused(array(rt, waves({2, 64}), QN_I32), 64, 4, "a floating dtype");
  const Packed p = quantize(rt, w, 64, 4);
  EXPECT_THROW(apply(rt, "dequantize", {p.w, p.scales, p.w}, {}), Failure);
  EXPECT_THROW(apply(rt, "dequantize", {p.w, p.scales, p.biases}, {integer(32)}), Failure);
  EXPECT_THROW(apply(rt, "dequantize", {w, p.scales, p.biases}, {}), Failure);
  EXPECT_THROW(apply(rt, "quantized_matmul", {p.w, p.w, p.scales, p.biases}, {}), Failure);
}

}  // namespace
}  // namespace quern::test
