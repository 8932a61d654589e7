// Forward mode, second order and mapping of every row of the tables: tangents against finite
// differences, Hessian-vector products against finite differences of gradients, mapped ops against
// one example after another. All in f64 on the reference kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/ops/rows.h"

namespace quern::test {
namespace {

Runtime& reference_runtime() { return Runtime::preferring("naive"); }

// An open trace of values, or of placeholders when axes are given.
class Trace {
 public:
  explicit Trace(const std::vector<Array>& in, const std::vector<std::int64_t>& axes = {}) {
    std::vector<qn_array*> raw = handles(in), traced(in.size());
    qn_error* error = nullptr;
    check(qn_trace_begin(reference_runtime().get(), raw.data(), count(raw),
                         axes.empty() ? nullptr : axes.data(),
                         axes.empty() ? QN_TRACE_VALUES : QN_TRACE_PLACEHOLDERS, traced.data(),
                         &trace_, &error),
          error);
    for (qn_array* a : traced) inputs.emplace_back(a);
  }
  ~Trace() { qn_trace_end(trace_); }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  std::vector<Array> vjp(const Array& y, const Array& cotangent,
                         const std::vector<std::uint32_t>& argnums) const {
    std::vector<qn_array*> out(argnums.size()), outputs{y.get()}, c{cotangent.get()};
    qn_error* error = nullptr;
    check(qn_trace_vjp(trace_, outputs.data(), 1, c.data(), argnums.data(), count(argnums),
                       out.data(), &error),
          error);
    return {out.begin(), out.end()};
  }
  std::vector<Array> jvp(const std::vector<Array>& ys, const std::vector<Array>& tangents,
                         const std::vector<std::uint32_t>& argnums) const {
    std::vector<qn_array*> out(ys.size()), outputs = handles(ys), t = handles(tangents);
    qn_error* error = nullptr;
    check(qn_trace_jvp(trace_, outputs.data(), count(outputs), t.data(), argnums.data(),
                       count(argnums), out.data(), &error),
          error);
    return {out.begin(), out.end()};
  }
  Array vmap(const Array& y, std::int64_t out_axis) const {
    qn_array *out = nullptr, *output = y.get();
    qn_error* error = nullptr;
    check(qn_trace_vmap(trace_, &output, 1, &out_axis, &out, &error), error);
    return Array(out);
  }
  std::vector<Array> inputs;

 private:
  template <typename T>
  static std::uint32_t count(const std::vector<T>& v) {
    return static_cast<std::uint32_t>(v.size());
  }
  static std::vector<qn_array*> handles(const std::vector<Array>& arrays) {
    std::vector<qn_array*> raw;
    for (const Array& a : arrays) raw.push_back(a.get());
    return raw;
  }
  qn_trace* trace_ = nullptr;
};

// Values in [-1, 1], the same at every run.
Value wave(const Shape& shape, double speed) {
  Value v{shape, {}};
  std::int64_t n = 1;
  for (std::int64_t d : shape) n *= d;
  for (std::int64_t i = 0; i < n; ++i)
    v.data.push_back(std::sin(0.3 + speed * static_cast<double>(i)));
  return v;
}

// A row prepared for derivatives.
struct Point {
  const Case& c;
  Runtime& rt = reference_runtime();
  Values values = input_values(c, QN_F64, Form::dense);
  std::vector<std::uint32_t> argnums = {};
  Values directions = {};

  explicit Point(const Case& row) : c(row) {
    for (std::uint32_t i = 0; i < c.in.size(); ++i)
      if (c.in[i].differentiable) {
        argnums.push_back(i);
        directions.push_back(wave(values[i].shape, 1.3 + i));
      }
  }
  std::vector<Array> inputs(double step) const {
    Values v = values;
    for (std::size_t k = 0; k < argnums.size(); ++k)
      for (std::size_t i = 0; i < v[argnums[k]].data.size(); ++i)
        v[argnums[k]].data[i] += step * directions[k].data[i];
    return input_arrays(rt, c, v, QN_F64, Form::dense);
  }
  std::vector<Array> tangents() const {
    std::vector<Array> t;
    for (const Value& d : directions) t.push_back(array(rt, d, QN_F64));
    return t;
  }
  Array op(const std::vector<Array>& in) const {
    return apply(rt, c.op, in, c.attrs, c.n_out, c.which);
  }
};

void expect_near(const Value& got, const Value& above, const Value& below, double h, double rel) {
  EXPECT_EQ(got.shape, above.shape);
  ASSERT_EQ(got.data.size(), above.data.size());
  double largest = 1;
  for (double v : got.data)
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < got.data.size(); ++i) {
    const double want = (above.data[i] - below.data[i]) / (2 * h);
    if (!std::isfinite(want)) continue;  // -inf before the first element of a running maximum
    ASSERT_NEAR(got.data[i], want, rel * largest) << "element " << i;
  }
}

class Transform : public testing::TestWithParam<std::string> {
 public:
  static void TearDownTestSuite() {
    std::printf("[  COUNT   ] %d tangents, %d Hessian-vector products, %d mapped calls checked\n",
                tangents, products, mapped);
  }

 protected:
  template <typename F>
  void for_rows(bool (*wanted)(const Case&), F check_row) {
    for (const Case& c : all_cases()) {
      if (c.op != GetParam() || !wanted(c)) continue;
      SCOPED_TRACE(c.op + " " + c.label);
      try {
        check_row(c);
      } catch (const Failure& e) {
        ADD_FAILURE() << e.what();
      }
    }
  }
  static inline int tangents = 0, products = 0, mapped = 0;
};

using Derivative = Transform;

bool real_gradient(const Case& c) { return has_gradient(c) && has(c, QN_F64); }

TEST_P(Derivative, TangentsMatchFiniteDifferences) {
  for_rows(real_gradient, [](const Case& c) {
    const Point p(c);
    const Trace t(p.inputs(0));
    const Array y = p.op(t.inputs);
    if (y.dtype() != QN_F64) return;
    const Value got = read(t.jvp({y}, p.tangents(), p.argnums)[0]);
    constexpr double h = 1e-5;
    expect_near(got, read(p.op(p.inputs(h))), read(p.op(p.inputs(-h))), h, 1e-6 * c.tolerance);
    ++tangents;
  });
}

// Gradients of sum(op * weights) at step * directions from the point.
std::vector<Array> gradients(const Point& p, const std::vector<Array>& in, const Array& weights) {
  const Trace t(in);
  return t.vjp(p.op(t.inputs), weights, p.argnums);
}

TEST_P(Derivative, SecondOrderMatchesFiniteDifferencesOfGradients) {
  for_rows(real_gradient, [](const Case& c) {
    const Point p(c);
    const Array plain = p.op(p.inputs(0));
    if (plain.dtype() != QN_F64) return;
    const Array weights = array(p.rt, wave(plain.shape(), 1.7), QN_F64);
    constexpr double h = 1e-5;
    const auto above = gradients(p, p.inputs(h), weights);
    const auto below = gradients(p, p.inputs(-h), weights);

    // Forward over reverse, and reverse over reverse with the directions as cotangents: the Hessian
    // is symmetric, so both are its product with the directions.
    const Trace t(p.inputs(0));
    const std::vector<Array> g = gradients(p, t.inputs, weights), d = p.tangents();
    const std::vector<Array> forward = t.jvp(g, d, p.argnums);
    std::vector<Array> reverse(g.size());
    for (std::size_t k = 0; k < g.size(); ++k) {
      const auto part = t.vjp(g[k], d[k], p.argnums);
      for (std::size_t i = 0; i < part.size(); ++i)
        reverse[i] = k ? apply(p.rt, "add", {reverse[i], part[i]}, {}) : part[i];
    }
    for (std::size_t k = 0; k < g.size(); ++k) {
      SCOPED_TRACE("input " + std::to_string(p.argnums[k]));
      const Value up = read(above[k]), down = read(below[k]);
      expect_near(read(forward[k]), up, down, h, 1e-5 * c.tolerance);
      expect_near(read(reverse[k]), up, down, h, 1e-5 * c.tolerance);
      products += 2;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, Derivative, testing::ValuesIn(ops_of(real_gradient)),
                         [](const auto& info) { return info.param; });

// ---- mapping

constexpr std::int64_t kExamples = 3;

// Example b of input i: its elements moved along by some places; or only scaled, where a row wants
// inputs of a certain kind.
Value example(const Case& c, std::size_t i, const Value& v, std::int64_t b) {
  Value r = v;
  const bool certain = c.prepare || !c.in[i].data.empty();
  for (auto* part : {&r.data, &r.imag}) {
    if (part->empty()) continue;
    const auto n = static_cast<std::ptrdiff_t>(part->size());
    if (!certain)
      std::rotate(part->begin(), part->begin() + n * b / kExamples % n, part->end());
    else if (c.in[i].differentiable)
      for (double& x : *part) x *= 1 + 0.25 * static_cast<double>(b);
  }
  return r;
}

// All examples of v, side by side along an axis: the first or the last.
Value examples(const Case& c, std::size_t i, const Value& v, bool last) {
  Value r{v.shape, {}};
  r.shape.insert(last ? r.shape.end() : r.shape.begin(), kExamples);
  std::vector<Value> parts;
  for (std::int64_t b = 0; b < kExamples; ++b) parts.push_back(example(c, i, v, b));
  for (auto part : {&Value::data, &Value::imag}) {
    const std::size_t n = (v.*part).size();
    std::vector<double>& to = r.*part;
    for (std::size_t k = 0; k < n * kExamples; ++k)
      to.push_back(last ? (parts[k % kExamples].*part)[k / kExamples]
                        : (parts[k / n].*part)[k % n]);
  }
  return r;
}

// mapped: bit i = input i is mapped.
void check_map(const Case& c, qn_dtype dtype, std::uint32_t mask, bool last) {
  SCOPED_TRACE("mapped inputs " + std::to_string(mask) + (last ? ", last axis" : ", first axis"));
  Runtime& rt = reference_runtime();
  const Values values = input_values(c, dtype, Form::dense);
  std::vector<Array> in;
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool on = mask >> i & 1;
    in.push_back(
        array(rt, on ? examples(c, i, values[i], last) : values[i], input_dtype(c, i, dtype)));
    axes.push_back(!on ? QN_AXIS_NONE : last ? -1 : 0);
  }
  Array out;
  {
    const Trace t(in, axes);
    out = t.vmap(apply(rt, c.op, t.inputs, c.attrs, c.n_out, c.which), 0);
  }
  const Value all = read(out);
  for (std::int64_t b = 0; b < kExamples; ++b) {
    Values one = values;
    for (std::size_t i = 0; i < one.size(); ++i)
      if (mask >> i & 1) one[i] = example(c, i, one[i], b);
    const Array want =
        apply(rt, c.op, input_arrays(rt, c, one, dtype, Form::dense), c.attrs, c.n_out, c.which);
    ASSERT_STREQ(name(out.dtype()), name(want.dtype()));
    const Value w = read(want);
    ASSERT_EQ(all.shape.size(), w.shape.size() + 1);
    ASSERT_EQ(all.shape[0], kExamples);
    const auto n = static_cast<std::ptrdiff_t>(w.data.size());
    Value got{Shape(all.shape.begin() + 1, all.shape.end()),
              {all.data.begin() + b * n, all.data.begin() + (b + 1) * n}};
    if (!all.imag.empty())
      got.imag.assign(all.imag.begin() + b * n, all.imag.begin() + (b + 1) * n);
    const std::string d = difference(got, w, want.dtype(), c.tolerance);
    ASSERT_TRUE(d.empty()) << "example " << b << ": " << d;
  }
}

bool any_input(const Case& c) { return !c.in.empty() && c.in.size() <= 8; }

class Mapping : public Transform {};

TEST_P(Mapping, MatchesOneExampleAfterAnother) {
  for_rows(any_input, [](const Case& c) {
    const qn_dtype t = has(c, QN_F64) ? QN_F64 : c.dtypes.front();
    const std::uint32_t all = (1u << c.in.size()) - 1;
    check_map(c, t, all, true);
    check_map(c, t, all, false);
    ++mapped;
    for (std::size_t i = 0; c.in.size() > 1 && i < c.in.size(); ++i) {
      check_map(c, t, 1u << i, i % 2 != 0);
      ++mapped;
    }
    ++mapped;
  });
}

INSTANTIATE_TEST_SUITE_P(Ops, Mapping, testing::ValuesIn(ops_of(any_input)),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace quern::test
