// Training does not take more and more memory: after the first steps the runtime's counters of
// bytes stand still, whatever the way of stepping.
#include <memory>

#include "helpers.h"

namespace quern_test {
namespace {

// conv, bias, relu, pool, product, log-softmax, nll.
std::vector<A> loss_of(const std::vector<A>& in) {
  const std::int64_t pad[] = {1}, two[] = {2}, last[] = {-1};
  qn_array *y = nullptr, *p = nullptr, *s = nullptr, *l = nullptr;
  QN_CHECK(qn_conv2d(nullptr, in[4], in[0], nullptr, 0, pad, 1, nullptr, 0, 1, "nhwc", &y, e));
  const A act = apply(qn_relu, A(y) + in[1]);
  QN_CHECK(qn_max_pool(nullptr, act, two, 1, nullptr, 0, nullptr, 0, "nhwc", &p, e));
  const A flat = reshape(A(p), {4, -1});
  QN_CHECK(qn_log_softmax(nullptr, matmul(flat, in[2]) + in[3], last, 1, &s, e));
  QN_CHECK(qn_nll_loss(nullptr, A(s), in[5], -1, &l, e));
  return {sum(A(l))};
}

// in: parameters, velocities, images, labels; out: loss, parameters, velocities.
constexpr std::size_t kParams = 4;

class Training {
 public:
  explicit Training(bool compile)
      : gradient_(Fn(rt_, loss_of, kParams + 2, 1).value_and_grad({0, 1, 2, 3})) {
    add({8, 3, 3, 1}), add({8}), add({32, 5}), add({5});
    images_ = ramp({4, 4, 4, 1});
    const std::int32_t labels[] = {0, 3, 1, 4};
    const std::int64_t four = 4;
    qn_array* y = nullptr;
    QN_CHECK(qn_array_from_data(rt_, labels, &four, 1, QN_I32, &y, e));
    labels_ = A(y);
    rate_ = rt_.scalar(0.01);
    momentum_ = rt_.scalar(0.9);
    if (compile) {
      qn_fn *plain = nullptr, *fast = nullptr;
      QN_CHECK(qn_fn_create(rt_, step_callback, this, nullptr, 2 * kParams + 2, 1 + 2 * kParams,
                            &plain, e));
      const Fn hold(plain);
      QN_CHECK(qn_fn_compile(plain, &fast, e));
      compiled_ = std::make_unique<Fn>(fast);
    }
  }

  // The loss before the step.
  double step() {
    std::vector<A> in(params_);
    in.insert(in.end(), velocities_.begin(), velocities_.end());
    in.push_back(images_);
    in.push_back(labels_);
    std::vector<A> out = compiled_ ? (*compiled_)(in) : update(in);
    eval(out);
    for (std::size_t i = 0; i < kParams; ++i) {
      params_[i] = out[1 + i];
      velocities_[i] = out[1 + kParams + i];
    }
    return item(out[0]);
  }

  qn_stats after(int steps) {
    for (; done_ < steps; ++done_) last_loss = step();
    return rt_.stats();
  }
  double last_loss = 0;

 private:
  A ramp(std::vector<std::int64_t> shape) const {
    std::size_t n = 1;
    for (const std::int64_t d : shape) n *= static_cast<std::size_t>(d);
    std::vector<float> v(n);
    for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<float>(i * 7 % 13) / 26.0f - 0.25f;
    return rt_.floats(v, std::move(shape));
  }
  void add(std::vector<std::int64_t> shape) {
    params_.push_back(ramp(shape));
    const A zero = params_.back() - params_.back();
    eval({zero});
    velocities_.push_back(zero);
  }
  std::vector<A> update(const std::vector<A>& in) const {
    std::vector<A> args(in.begin(), in.begin() + kParams);
    args.insert(args.end(), {in[2 * kParams], in[2 * kParams + 1]});
    const std::vector<A> got = gradient_(args);
    std::vector<A> out{got[0]}, velocities;
    for (std::size_t i = 0; i < kParams; ++i) {
      velocities.push_back(in[kParams + i] * momentum_ + got[1 + i]);
      out.push_back(in[i] - velocities.back() * rate_);
    }
    out.insert(out.end(), velocities.begin(), velocities.end());
    return out;
  }
  static qn_status step_callback(void* self, qn_array* const* in, std::uint32_t n_in,
                                 qn_array** out, std::uint32_t, qn_error** error) {
    try {
      std::vector<A> args;
      for (std::uint32_t i = 0; i < n_in; ++i) args.emplace_back(qn_array_retain(in[i]));
      std::vector<A> r = static_cast<Training*>(self)->update(args);
      for (std::size_t i = 0; i < r.size(); ++i) out[i] = r[i].give();
      return QN_OK;
    } catch (const std::exception& ex) {
      return qn_error_new(QN_E_INVALID_ARGUMENT, ex.what(), error);
    }
  }

  Rt rt_;
  Fn gradient_;
  std::unique_ptr<Fn> compiled_;
  std::vector<A> params_, velocities_;
  A images_, labels_, rate_, momentum_;
  int done_ = 0;
};

TEST(Memory, ALongTrainingTakesNoMoreThanAShortOne) {
  std::vector<double> losses;
  for (const bool compile : {false, true}) {
    SCOPED_TRACE(compile ? "compiled" : "lazy");
    Training t(compile);
    const double first = t.step();
    const qn_stats early = t.after(100), late = t.after(1000);
    EXPECT_LT(t.last_loss, 0.5 * first);  // it trains
    losses.push_back(t.last_loss);
    EXPECT_EQ(late.bytes_active, early.bytes_active);
    EXPECT_EQ(late.bytes_cached, early.bytes_cached);
    EXPECT_EQ(late.bytes_peak, early.bytes_peak);
    EXPECT_EQ(late.allocations, early.allocations);
    EXPECT_EQ(late.plans, early.plans);
    EXPECT_EQ(late.plan_misses, early.plan_misses);
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-4 * losses[0]);
}

}  // namespace
}  // namespace quern_test
