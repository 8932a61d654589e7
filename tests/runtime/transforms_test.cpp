// jvp, vmap and checkpoint: nesting, axes, custom gradients under them, memory, errors.
// What each op does under them is tested with the ops.
#include <cmath>

#include "traced.h"

namespace quern_test {
namespace {

using F = std::vector<float>;

A dot(const A& x, const A& y) { return sum(x * y); }

Fn jvp(const Fn& f, std::vector<std::uint32_t> argnums) {
  qn_fn* g = nullptr;
  QN_CHECK(qn_fn_jvp(f, argnums.data(), static_cast<std::uint32_t>(argnums.size()), &g, e));
  return Fn(g);
}
Fn vmap(const Fn& f, const std::vector<std::int64_t>& in = {},
        const std::vector<std::int64_t>& out = {}) {
  qn_fn* g = nullptr;
  QN_CHECK(
      qn_fn_vmap(f, in.empty() ? nullptr : in.data(), out.empty() ? nullptr : out.data(), &g, e));
  return Fn(g);
}
Fn checkpoint(const Fn& f) {
  qn_fn* g = nullptr;
  QN_CHECK(qn_fn_checkpoint(f, &g, e));
  return Fn(g);
}

TEST(Jvp, OfAFunction) {
  Rt rt;
  const Fn f(
      rt,
      [](const std::vector<A>& in) {
        return std::vector<A>{in[0] * in[1], sum(in[1]), in[1] - in[1]};
      },
      2, 3);
  const A x = rt.floats({1, 2}, {2}), y = rt.floats({3, 4}, {2}), t = rt.floats({10, 100}, {2});
  const auto r = jvp(f, {0})({x, y, t});
  ASSERT_EQ(r.size(), 6u);
  EXPECT_EQ(values(r[0]), (F{3, 8}));
  EXPECT_EQ(values(r[3]), (F{30, 400}));
  EXPECT_EQ(item(r[4]), 0);
  EXPECT_EQ(values(jvp(f, {1, 0})({x, y, t, t})[3]), (F{10 + 30, 200 + 400}));
  EXPECT_EQ(values(jvp(f, {0}).compile()({x, y, t})[3]), (F{30, 400}));
  EXPECT_THROW(jvp(f, {0})({x, y, rt.scalar(1)}), std::runtime_error);
}

TEST(Jvp, ForwardOverReverseAndReverseOverForward) {
  Rt rt;
  const A x = rt.floats({1, 2, -3}, {3}), t = rt.floats({1, 10, 100}, {3});
  Traced outer(rt, {x});
  std::vector<A> g, d;
  A y;
  {
    Traced inner(rt, {outer.inputs[0]});
    y = dot(inner.inputs[0] * inner.inputs[0], inner.inputs[0]);
    g = inner.vjp({y}, {rt.scalar(1)});
    d = inner.jvp({y}, {t});
  }
  EXPECT_EQ(item(d[0]), 3 + 120 + 2700);
  EXPECT_EQ(values(outer.jvp({g[0]}, {t})[0]), (F{6, 120, -1800}));
  EXPECT_EQ(values(outer.vjp({d[0]}, {rt.scalar(1)})[0]), (F{6, 120, -1800}));
  EXPECT_EQ(item(outer.jvp({d[0]}, {t})[0]), 6 + 12 * 100 - 18 * 10000);
}

TEST(Vmap, AxesInAndOut) {
  Rt rt;
  const A m = rt.floats({1, 2, 3, 4, 5, 6}, {2, 3}), v = rt.floats({1, 10}, {2});
  const Fn f(
      rt,
      [](const std::vector<A>& in) {
        return std::vector<A>{in[0] * in[1], sum(in[0])};
      },
      2, 2);
  auto shape = [](const A& a) {
    return std::vector<std::int64_t>(qn_array_shape(a), qn_array_shape(a) + qn_array_ndim(a));
  };
  auto r = vmap(f, {1, QN_AXIS_NONE})({m, v});  // columns
  EXPECT_EQ(shape(r[0]), (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(values(r[0]), (F{1, 40, 2, 50, 3, 60}));
  EXPECT_EQ(values(r[1]), (F{5, 7, 9}));
  r = vmap(f, {-1, QN_AXIS_NONE}, {1, 0})({m, v});
  EXPECT_EQ(shape(r[0]), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(values(r[0]), (F{1, 2, 3, 40, 50, 60}));
  r = vmap(f, {QN_AXIS_NONE, 0}, {0, QN_AXIS_NONE})({m, v});  // output 1 is the same for all
  EXPECT_EQ(shape(r[0]), (std::vector<std::int64_t>{2, 2, 3}));
  EXPECT_EQ(item(r[1]), 21);
  r = vmap(f, {QN_AXIS_NONE, 0})({m, v});
  EXPECT_EQ(values(r[1]), (F{21, 21}));
  r = vmap(f)({rt.floats({}, {0, 4}), rt.floats({}, {0})});
  EXPECT_EQ(shape(r[0]), (std::vector<std::int64_t>{0, 4}));
}

TEST(Vmap, OfGradientAndGradientOfVmap) {
  Rt rt;
  const A xs = rt.floats({1, 2, 3, 4, 5, 6}, {3, 2}), w = rt.floats({10, 100}, {2});
  const Fn f(
      rt, [](const std::vector<A>& in) { return std::vector<A>{dot(in[0] * in[0], in[1])}; }, 2, 1);
  const auto r = vmap(f.value_and_grad({0, 1}), {0, QN_AXIS_NONE})({xs, w});
  EXPECT_EQ(values(r[0]), (F{10 + 400, 90 + 1600, 250 + 3600}));
  EXPECT_EQ(values(r[1]), (F{20, 400, 60, 800, 100, 1200}));
  EXPECT_EQ(values(r[2]), (F{1, 4, 9, 16, 25, 36}));  // a gradient of w for each example
  Traced t(rt, {xs, w});
  const A y = sum(vmap(f, {0, QN_AXIS_NONE})({t.inputs[0], t.inputs[1]})[0]);
  const auto g = t.vjp({y}, {rt.scalar(1)}, {0, 1});
  EXPECT_EQ(values(g[0]), (F{20, 400, 60, 800, 100, 1200}));
  EXPECT_EQ(values(g[1]), (F{35, 56}));
  t.end();
  const Fn twice = vmap(vmap(f, {0, QN_AXIS_NONE}), {QN_AXIS_NONE, 0});
  EXPECT_EQ(values(twice({xs, rt.floats({1, 0, 0, 1}, {2, 2})})[0]), (F{1, 9, 25, 4, 16, 36}));
  EXPECT_EQ(values(vmap(f, {0, QN_AXIS_NONE}).compile()({xs, w})[0]), (F{410, 1690, 3850}));
  EXPECT_EQ(values(vmap(f.compile(), {0, QN_AXIS_NONE})({xs, w})[0]), (F{410, 1690, 3850}));
}

TEST(Vmap, Errors) {
  Rt rt;
  const A m = rt.floats({1, 2, 3, 4, 5, 6}, {2, 3}), v = rt.floats({1, 10}, {2});
  const Fn f(
      rt, [](const std::vector<A>& in) { return std::vector<A>{sum(in[0]) + sum(in[1])}; }, 2, 1);
  EXPECT_THROW(vmap(f, {QN_AXIS_NONE, QN_AXIS_NONE})({m, v}), std::runtime_error);
  EXPECT_THROW(vmap(f, {1, 0})({m, v}), std::runtime_error);  // 3 and 2 examples
  EXPECT_THROW(vmap(f, {0, 1})({m, v}), std::runtime_error);  // no such axis
  EXPECT_THROW(vmap(f, {0, 0}, {1})({m, v}), std::runtime_error);
  EXPECT_THROW(vmap(f, {0, 0}, {QN_AXIS_NONE})({m, v}), std::runtime_error);
  const Fn looks(
      rt,
      [](const std::vector<A>& in) {
        eval({in[0]});
        return std::vector<A>{in[0]};
      },
      1, 1);
  EXPECT_THROW(vmap(looks)({v}), std::runtime_error);
  EXPECT_EQ(values(looks({v})[0]), (F{1, 10}));
}

// in: x, value, tangent or cotangent; all rules say 100 x
std::vector<A> hundred(const std::vector<A>& in) {
  A g = in[0] * in[2];
  for (int i = 0; i < 2; ++i) g = g + g + g + g + g;
  return {g + g + g + g};
}

A custom(const A& x, const A& value, qn_fn* vjp, qn_fn* jvp) {
  qn_array *in[] = {x}, *v[] = {value}, *out = nullptr;
  QN_CHECK(qn_custom_gradient(in, 1, v, 1, vjp, jvp, nullptr, &out, e));
  return A(out);
}

TEST(CustomGradient, UnderForwardModeAndMapping) {
  Rt rt;
  const A x = rt.floats({1, 2}, {2}), t = rt.floats({1, 10}, {2});
  const Fn rule(rt, hundred, 3, 1);
  Traced a(rt, {x});
  const A& z = a.inputs[0];
  // jvp from its own function; from the transpose of vjp.
  EXPECT_EQ(values(a.jvp({custom(z, z * z, nullptr, rule)}, {t})[0]), (F{100, 2000}));
  EXPECT_EQ(values(a.jvp({custom(z, z * z, rule, nullptr)}, {t})[0]), (F{100, 2000}));
  EXPECT_THROW(a.vjp({custom(z, z * z, nullptr, rule)}, {t}), std::runtime_error);
  // Mapped inside a gradient.
  qn_trace* raw = nullptr;
  qn_array *in = z, *one = nullptr;
  const std::int64_t axis = 0;
  QN_CHECK(qn_trace_begin(rt, &in, 1, &axis, QN_TRACE_PLACEHOLDERS, &one, &raw, e));
  const A p(one);
  qn_array *y = custom(p, p * p, rule, nullptr).give(), *mapped = nullptr;
  QN_CHECK(qn_trace_vmap(raw, &y, 1, nullptr, &mapped, e));
  qn_array_release(y);
  qn_trace_end(raw);
  const A m(mapped);
  EXPECT_EQ(values(m), (F{1, 4}));
  EXPECT_EQ(values(a.vjp({sum(m)}, {rt.scalar(1)})[0]), (F{100, 200}));
}

constexpr std::int64_t kSide = 64;

// A deep chain whose intermediate results are all needed by its gradient.
std::vector<A> deep(const std::vector<A>& in) {
  A x = in[0];
  for (int i = 0; i < 12; ++i) x = apply(qn_sin, matmul(x, in[1]));
  return {x};
}

TEST(Checkpoint, SameGradientsLessMemory) {
  Rt rt("", 1);
  std::vector<float> v(kSide * kSide), eye(kSide * kSide);
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i % 17) * 0.1f - 0.8f;
  for (std::size_t i = 0; i < kSide; ++i) eye[i * kSide + i] = 1.1f;
  const A x = rt.floats(v, {kSide, kSide}), w = rt.floats(eye, {kSide, kSide});
  const Fn f(rt, deep, 2, 1);
  const Fn g = checkpoint(f);
  struct Run {
    F gradient;
    std::uint64_t peak, kernels;
  };
  auto run = [&](const Fn& part) {
    QN_CHECK(qn_runtime_clear_cache(rt, e));
    QN_CHECK(qn_runtime_reset_peak(rt, e));
    const qn_stats before = rt.stats();
    Traced t(rt, {x, w});
    A y = t.inputs[0];
    for (int i = 0; i < 4; ++i) y = part({y, t.inputs[1]})[0];
    const A loss = sum(y);
    const auto grads = t.vjp({loss}, {rt.scalar(1)});
    t.end();
    eval({loss, grads[0]});
    const qn_stats after = rt.stats();
    return Run{values(grads[0]), after.bytes_peak - before.bytes_active,
               after.kernels_run - before.kernels_run};
  };
  const Run plain = run(f), again = run(g);
  ASSERT_EQ(plain.gradient.size(), again.gradient.size());
  for (std::size_t i = 0; i < plain.gradient.size(); ++i)
    ASSERT_NEAR(plain.gradient[i], again.gradient[i], 1e-3 * (1 + std::abs(plain.gradient[i])));
  EXPECT_GT(again.kernels, plain.kernels + 3 * 12);  // computed twice, not merged
  EXPECT_LT(again.peak, plain.peak * 6 / 10);
}

TEST(Checkpoint, SecondOrderCapturesAndOtherTransforms) {
  Rt rt;
  const A x = rt.floats({1, 2, -3}, {3}), w = rt.floats({2, 3, 4}, {3});
  Traced outer(rt, {w});
  Traced t(rt, {x});
  A y;
  {
    Traced part(rt, {t.inputs[0]});
    const A& z = part.inputs[0];
    y = part.checkpoint({z * z * z * outer.inputs[0]})[0];  // w from outside
  }
  const A g = t.vjp({sum(y)}, {rt.scalar(1)})[0];
  EXPECT_EQ(values(g), (F{6, 36, 108}));
  EXPECT_EQ(values(t.jvp({y}, {w})[0]), (F{12, 108, 432}));
  EXPECT_EQ(values(t.vjp({sum(g)}, {rt.scalar(1)})[0]), (F{12, 36, -72}));
  EXPECT_EQ(values(outer.vjp({sum(y)}, {rt.scalar(1)})[0]), (F{1, 8, -27}));
  t.end();
  const Fn f(
      rt, [](const std::vector<A>& in) { return std::vector<A>{sum(in[0] * in[0])}; }, 1, 1);
  const Fn c = checkpoint(f);
  EXPECT_EQ(item(c({x})[0]), 14);
  EXPECT_EQ(values(c.value_and_grad({0}).compile()({x})[1]), (F{2, 4, -6}));
  EXPECT_EQ(values(vmap(c.value_and_grad({0}))({reshape(x, {3, 1})})[1]), (F{2, 4, -6}));
}

}  // namespace
}  // namespace quern_test
