// Runs the tables: each row on each plugin against its reference, and its gradient against finite
// differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <ostream>

#include "tests/ops/rows.h"

namespace quern::test {
namespace {

qn_dtype expected_dtype(const Case& c, qn_dtype t) {
  switch (c.result) {
    case Result::same:
      return t;
    case Result::floating:
      return is_float(t) || t == QN_C64 ? t : QN_F32;
    case Result::boolean:
      return QN_BOOL;
    case Result::index:
      return QN_U32;
    case Result::part:
      return t == QN_C64 ? QN_F32 : t;
    case Result::complex:
      return QN_C64;
    default:
      return 0;
  }
}

// What was compared in this process, printed at its end: `ctest` runs one test a process, the
// binary on its own gives the totals.
struct Tally : testing::Environment {
  std::map<std::string, std::size_t> problems;  // by plugin; ops it lacks are naive's there too
  std::size_t gradients = 0;

  void TearDown() override {
    std::size_t total = 0;
    for (const auto& [plugin, n] : problems) {
      total += n;
      std::printf("[  COUNT   ] %zu problems of %s, %zu kernels used\n", n, plugin.c_str(),
                  Runtime::preferring(plugin).kernels());
    }
    if (total)
      std::printf("[  COUNT   ] %zu kernel problems compared with a double precision reference\n",
                  total);
    if (gradients)
      std::printf("[  COUNT   ] %zu gradients compared with finite differences\n", gradients);
  }
};

Tally& tally() {
  static auto* t = static_cast<Tally*>(testing::AddGlobalTestEnvironment(new Tally));
  return *t;
}

[[maybe_unused]] const Tally& registered = tally();

void expect_value(const Case& c, const Array& out, const Value& reference, qn_dtype t) {
  const qn_dtype want = expected_dtype(c, t);
  if (want) {
    EXPECT_STREQ(name(out.dtype()), name(want));
  }
  const std::string d = difference(read(out), reference, out.dtype(), c.tolerance);
  EXPECT_TRUE(d.empty()) << d;
}

// The dtypes and forms of one row.
void check_row(const Runtime& rt, const Case& c, std::size_t& compared) {
  for (qn_dtype t : c.dtypes) {
    Value want;  // the same for all forms but the last, `repeated`, which changes the values
    for (Form form : kForms) {
      SCOPED_TRACE(c.op + " " + c.label + ", " + name(t) + ", " + name(form));
      const Values values = input_values(c, t, form);
      if (form == Form::dense || form == Form::repeated) want = expected(c, values);
      const std::vector<Array> in = input_arrays(rt, c, values, t, form);
      expect_value(c, apply(rt, c.op, in, c.attrs, c.n_out, c.which), want, t);
      ++compared;
    }
  }
}

// The same array as every input, when the inputs are alike.
void check_shared_input(const Runtime& rt, const Case& c) {
  const bool alike =
      c.in.size() > 1 && !c.prepare && std::all_of(c.in.begin(), c.in.end(), [&](const Input& i) {
        return i.shape == c.in[0].shape && i.dtype == c.in[0].dtype && i.low == c.in[0].low;
      });
  if (!alike) return;
  SCOPED_TRACE(c.op + " " + c.label + ", one array for all inputs");
  const qn_dtype t = c.dtypes.front();
  Values values = input_values(c, t, Form::dense);
  values.assign(values.size(), values[0]);
  const std::vector<Array> in(values.size(), array(rt, values[0], input_dtype(c, 0, t)));
  expect_value(c, apply(rt, c.op, in, c.attrs, c.n_out, c.which), expected(c, values), t);
}

// One test for each plugin and op: its rows.
struct ForwardParam {
  std::string plugin, op;
};

void PrintTo(const ForwardParam& p, std::ostream* out) { *out << p.op << " on " << p.plugin; }

class Forward : public testing::TestWithParam<ForwardParam> {};

TEST_P(Forward, MatchesReference) {
  const auto& [plugin, op] = GetParam();
  Runtime& rt = Runtime::preferring(plugin);
  if (!rt.has_plugin(plugin)) GTEST_SKIP() << plugin << " was not built";
  for (const Case& c : all_cases()) {
    if (c.op != op) continue;
    try {
      check_row(rt, c, tally().problems[plugin]);
      check_shared_input(rt, c);
    } catch (const Failure& e) {
      ADD_FAILURE() << c.label << ": " << e.what();
    }
  }
}

std::vector<ForwardParam> forward_params() {
  std::vector<ForwardParam> params;
  for (const std::string& plugin : bundled_plugins()) {
    for (const std::string& op : ops_of([](const Case&) { return true; }))
      params.push_back({plugin, op});
  }
  return params;
}

INSTANTIATE_TEST_SUITE_P(Ops, Forward, testing::ValuesIn(forward_params()),
                         [](const auto& info) { return info.param.plugin + "_" + info.param.op; });

// ---- gradients: of the real part of sum(op(in..) * weights), in f64 or c64, on the reference
// kernels

struct Loss {
  const Runtime& rt;
  const Case& c;
  Array weights;
};

qn_status loss_callback(void* self, qn_array* const* in, std::uint32_t n_in, qn_array** out,
                        std::uint32_t, qn_error** error) {
  const auto& loss = *static_cast<const Loss*>(self);
  try {
    std::vector<Array> inputs;
    for (std::uint32_t i = 0; i < n_in; ++i) inputs.emplace_back(qn_array_retain(in[i]));
    const Array result =
        apply(loss.rt, loss.c.op, inputs, loss.c.attrs, loss.c.n_out, loss.c.which);
    Array sum = apply(loss.rt, "sum", {apply(loss.rt, "multiply", {result, loss.weights}, {})}, {});
    if (sum.dtype() == QN_C64) sum = apply(loss.rt, "real", {sum}, {});
    out[0] = sum.release();
    return QN_OK;
  } catch (const Failure& e) {
    return qn_error_new(e.code, e.what(), error);
  }
}

double weighted_sum(const Value& v, const Value& weights) {
  double s = 0;
  for (std::size_t i = 0; i < v.data.size(); ++i) s += v.data[i] * weights.data[i];
  for (std::size_t i = 0; i < v.imag.size(); ++i) s -= v.imag[i] * weights.imag[i];
  return s;
}

// The gradient of a complex input is dL/dRe + i dL/dIm, as in MLX.
void check_gradient(const Case& c, qn_dtype t) {
  SCOPED_TRACE(c.op + " " + c.label + ", " + name(t));
  Runtime& rt = Runtime::preferring("naive");
  Values values = input_values(c, t, Form::dense);
  Value weights = expected(c, values);
  for (std::size_t i = 0; i < weights.data.size(); ++i)
    weights.data[i] = 0.5 + std::sin(1.7 * static_cast<double>(i));
  for (std::size_t i = 0; i < weights.imag.size(); ++i)
    weights.imag[i] = 0.3 - std::cos(1.3 * static_cast<double>(i));
  // Parts are f32; finite differences of the reference are not.
  const bool narrow = t == QN_C64 || !weights.imag.empty();
  const double tolerance = (narrow ? 2e-4 : 1e-6) * c.tolerance;

  std::vector<std::uint32_t> argnums;
  for (std::uint32_t i = 0; i < c.in.size(); ++i) {
    if (c.in[i].differentiable) argnums.push_back(i);
  }
  Loss loss{rt, c, array(rt, weights, weights.imag.empty() ? QN_F64 : QN_C64)};
  qn_error* error = nullptr;
  qn_fn *f = nullptr, *g = nullptr;
  const auto n_in = static_cast<std::uint32_t>(c.in.size()),
             n_arg = static_cast<std::uint32_t>(argnums.size());
  check(qn_fn_create(rt.get(), loss_callback, &loss, nullptr, n_in, 1, &f, &error), error);
  check(qn_fn_value_and_grad(f, argnums.data(), n_arg, &g, &error), error);
  const std::vector<Array> in = input_arrays(rt, c, values, t, Form::dense);
  std::vector<qn_array*> raw, out(1 + n_arg);
  for (const Array& a : in) raw.push_back(a.get());
  check(qn_fn_call(g, raw.data(), n_in, out.data(), 1 + n_arg, &error), error);
  const std::vector<Array> results(out.begin(), out.end());
  qn_fn_release(f);
  qn_fn_release(g);

  const double want_loss = weighted_sum(expected(c, values), weights);
  EXPECT_NEAR(read(results[0]).data.at(0), want_loss,
              (narrow ? 1e-4 : 1e-9) * (1 + std::abs(want_loss)) * c.tolerance);
  for (std::size_t k = 0; k < n_arg; ++k) {
    const Value got = read(results[k + 1]);
    Value& input = values[argnums[k]];
    EXPECT_EQ(got.shape, input.shape);
    ASSERT_EQ(got.data.size(), input.data.size());
    ASSERT_EQ(got.imag.size(), input.imag.size());
    for (bool imag : {false, true}) {
      std::vector<double>& x = imag ? input.imag : input.data;
      const std::vector<double>& slope = imag ? got.imag : got.data;
      const std::size_t every = x.size() / 16 + 1;  // references are slow: 16 stand for all
      for (std::size_t i = 0; i < x.size(); i += every) {
        constexpr double h = 1e-5;
        const double middle = x[i];
        x[i] = middle + h;
        const double above = weighted_sum(expected(c, values), weights);
        x[i] = middle - h;
        const double below = weighted_sum(expected(c, values), weights);
        x[i] = middle;
        const double want = (above - below) / (2 * h);
        ASSERT_NEAR(slope[i], want, tolerance * (1 + std::abs(want)))
            << "input " << argnums[k] << ", element " << i << (imag ? ", imaginary part" : "");
      }
    }
  }
}

class Gradient : public testing::TestWithParam<std::string> {};

TEST_P(Gradient, MatchesFiniteDifferences) {
  for (const Case& c : all_cases()) {
    if (c.op != GetParam() || !has_gradient(c)) continue;
    try {
      for (qn_dtype t : {QN_F64, QN_C64}) {
        if (!has(c, t)) continue;
        check_gradient(c, t);
        ++tally().gradients;
      }
    } catch (const Failure& e) {
      ADD_FAILURE() << c.label << ": " << e.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, Gradient, testing::ValuesIn(ops_of(has_gradient)),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace quern::test
