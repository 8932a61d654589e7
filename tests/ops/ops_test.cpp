// Runs the tables: each row on each plugin against its reference, and its gradient against finite differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/ops/harness.h"

namespace quern::test {
namespace {

const Cases& all_cases() {
  static const Cases cases = [] {
    Cases all;
    for (auto table : {elementwise_cases, reduce_cases, shape_cases, contract_cases, pool_cases, normalize_cases,
                       random_cases}) {
      for (Case& c : table()) all.push_back(std::move(c));
    }
    return all;
  }();
  return cases;
}

qn_dtype expected_dtype(const Case& c, qn_dtype t) {
  switch (c.result) {
    case Result::same: return t;
    case Result::floating: return is_float(t) ? t : QN_F32;
    case Result::boolean: return QN_BOOL;
    case Result::index: return QN_U32;
    default: return 0;
  }
}

std::vector<Array> input_arrays(const Runtime& rt, const Case& c, const Values& values, qn_dtype t, Form form) {
  std::vector<Array> in;
  for (std::size_t i = 0; i < values.size(); ++i) in.push_back(array(rt, values[i], input_dtype(c, i, t), form));
  return in;
}

void expect_reference(const Case& c, const Array& out, const Values& values, qn_dtype t) {
  const qn_dtype want = expected_dtype(c, t);
  if (want) {
    EXPECT_STREQ(name(out.dtype()), name(want));
  }
  const std::string d = difference(read(out), c.reference(values), out.dtype(), c.tolerance);
  EXPECT_TRUE(d.empty()) << d;
}

struct ForwardParam {
  std::string plugin;
  std::size_t row;
};

class Forward : public testing::TestWithParam<ForwardParam> {};

TEST_P(Forward, MatchesReference) {
  const Case& c = all_cases()[GetParam().row];
  Runtime& rt = Runtime::preferring(GetParam().plugin);
  if (!rt.has_plugin(GetParam().plugin)) GTEST_SKIP() << GetParam().plugin << " was not built";
  for (qn_dtype t : c.dtypes) {
    for (Form form : kForms) {
      SCOPED_TRACE(std::string(name(t)) + " " + name(form));
      try {
        const Values values = input_values(c, t, form);
        expect_reference(c, apply(rt, c.op, input_arrays(rt, c, values, t, form), c.attrs), values, t);
      } catch (const Failure& e) {
        ADD_FAILURE() << e.what();
      }
    }
  }
}

// The same array as every input, when the inputs are alike.
TEST_P(Forward, TakesOneArrayForAllInputs) {
  const Case& c = all_cases()[GetParam().row];
  const bool alike = c.in.size() > 1 && !c.prepare && std::all_of(c.in.begin(), c.in.end(), [&](const Input& i) {
                       return i.shape == c.in[0].shape && i.dtype == c.in[0].dtype && i.low == c.in[0].low;
                     });
  if (!alike) return;
  Runtime& rt = Runtime::preferring(GetParam().plugin);
  if (!rt.has_plugin(GetParam().plugin)) GTEST_SKIP() << GetParam().plugin << " was not built";
  const qn_dtype t = c.dtypes.front();
  Values values = input_values(c, t, Form::dense);
  values.assign(values.size(), values[0]);
  const std::vector<Array> in(values.size(), array(rt, values[0], input_dtype(c, 0, t)));
  expect_reference(c, apply(rt, c.op, in, c.attrs), values, t);
}

std::vector<ForwardParam> forward_params() {
  std::vector<ForwardParam> params;
  for (const std::string& plugin : bundled_plugins()) {
    for (std::size_t i = 0; i < all_cases().size(); ++i) params.push_back({plugin, i});
  }
  return params;
}

INSTANTIATE_TEST_SUITE_P(Ops, Forward, testing::ValuesIn(forward_params()), [](const auto& info) {
  const Case& c = all_cases()[info.param.row];
  return info.param.plugin + "_" + c.op + "_" + c.label;
});

// ---- gradients: of sum(op(in..) * weights), in f64, on the reference kernels

struct Loss {
  const Runtime& rt;
  const Case& c;
  Array weights;
};

qn_status loss_callback(void* self, qn_array* const* in, std::uint32_t n_in, qn_array** out, std::uint32_t,
                        qn_error** error) {
  const auto& loss = *static_cast<const Loss*>(self);
  try {
    std::vector<Array> inputs;
    for (std::uint32_t i = 0; i < n_in; ++i) inputs.emplace_back(qn_array_retain(in[i]));
    const Array result = apply(loss.rt, loss.c.op, inputs, loss.c.attrs);
    out[0] = apply(loss.rt, "sum", {apply(loss.rt, "multiply", {result, loss.weights}, {})}, {}).release();
    return QN_OK;
  } catch (const Failure& e) {
    return qn_error_new(e.code, e.what(), error);
  }
}

double weighted_sum(const Value& v, const Value& weights) {
  double s = 0;
  for (std::size_t i = 0; i < v.data.size(); ++i) s += v.data[i] * weights.data[i];
  return s;
}

class Gradient : public testing::TestWithParam<std::size_t> {};

TEST_P(Gradient, MatchesFiniteDifferences) {
  const Case& c = all_cases()[GetParam()];
  Runtime& rt = Runtime::preferring("naive");
  Values values = input_values(c, QN_F64, Form::dense);
  Value weights = c.reference(values);
  for (std::size_t i = 0; i < weights.data.size(); ++i) weights.data[i] = 0.5 + std::sin(1.7 * static_cast<double>(i));

  std::vector<std::uint32_t> argnums;
  for (std::uint32_t i = 0; i < c.in.size(); ++i) {
    if (c.in[i].differentiable) argnums.push_back(i);
  }
  Loss loss{rt, c, array(rt, weights, QN_F64)};
  qn_error* error = nullptr;
  qn_fn *f = nullptr, *g = nullptr;
  check(qn_fn_create(rt.get(), loss_callback, &loss, nullptr, static_cast<std::uint32_t>(c.in.size()), 1, &f, &error),
        error);
  check(qn_fn_value_and_grad(f, argnums.data(), static_cast<std::uint32_t>(argnums.size()), &g, &error), error);
  const std::vector<Array> in = input_arrays(rt, c, values, QN_F64, Form::dense);
  std::vector<qn_array*> raw, out(1 + argnums.size());
  for (const Array& a : in) raw.push_back(a.get());
  check(qn_fn_call(g, raw.data(), static_cast<std::uint32_t>(raw.size()), out.data(),
                   static_cast<std::uint32_t>(out.size()), &error),
        error);
  std::vector<Array> results(out.begin(), out.end());
  qn_fn_release(f);
  qn_fn_release(g);

  const double want_loss = weighted_sum(c.reference(values), weights);
  EXPECT_NEAR(read(results[0]).data.at(0), want_loss, 1e-9 * (1 + std::abs(want_loss)) * c.tolerance);
  for (std::size_t k = 0; k < argnums.size(); ++k) {
    const Value got = read(results[k + 1]);
    std::vector<double>& x = values[argnums[k]].data;
    EXPECT_EQ(got.shape, values[argnums[k]].shape);
    ASSERT_EQ(got.data.size(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr double h = 1e-5;
      const double at = x[i];
      x[i] = at + h;
      const double above = weighted_sum(c.reference(values), weights);
      x[i] = at - h;
      const double below = weighted_sum(c.reference(values), weights);
      x[i] = at;
      const double want = (above - below) / (2 * h);
      ASSERT_NEAR(got.data[i], want, 1e-6 * (1 + std::abs(want)) * c.tolerance)
          << "input " << argnums[k] << ", element " << i;
    }
  }
}

std::vector<std::size_t> gradient_params() {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < all_cases().size(); ++i) {
    const Case& c = all_cases()[i];
    const bool has_f64 = std::find(c.dtypes.begin(), c.dtypes.end(), QN_F64) != c.dtypes.end();
    const bool any = std::any_of(c.in.begin(), c.in.end(), [](const Input& in) { return in.differentiable; });
    if (c.gradient && has_f64 && any) rows.push_back(i);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Ops, Gradient, testing::ValuesIn(gradient_params()), [](const auto& info) {
  const Case& c = all_cases()[info.param];
  return c.op + "_" + c.label;
});

}  // namespace
}  // namespace quern::test
