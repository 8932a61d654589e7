// Traces with short names, for the tests of transforms.
// Failures become test failures with the error's text.
#pragma once
#include "helpers.h"

namespace quern_test {

// One open trace. Ends with the object.
class Traced {
 public:
  Traced(qn_runtime* rt, const std::vector<A>& in, std::uint32_t flags = QN_TRACE_VALUES,
         const std::vector<std::int64_t>& axes = {}) {
    std::vector<qn_array*> p(in.begin(), in.end()), t(in.size());
    QN_CHECK(qn_trace_begin(rt, p.data(), static_cast<std::uint32_t>(p.size()),
                            axes.empty() ? nullptr : axes.data(), flags, t.data(), &p_, e));
    for (qn_array* a : t) inputs.emplace_back(a);
  }
  ~Traced() { end(); }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;
  void end() { qn_trace_end(std::exchange(p_, nullptr)); }
  operator qn_trace*() const { return p_; }
  std::vector<A> vjp(const std::vector<A>& outputs, const std::vector<A>& cot,
                     const std::vector<std::uint32_t>& argnums = {0}) const {
    std::vector<qn_array*> y(outputs.begin(), outputs.end()), c(cot.begin(), cot.end()),
        g(argnums.size());
    QN_CHECK(qn_trace_vjp(p_, y.data(), static_cast<std::uint32_t>(y.size()), c.data(),
                          argnums.data(), static_cast<std::uint32_t>(argnums.size()), g.data(), e));
    return owned(g);
  }
  std::vector<A> jvp(const std::vector<A>& outputs, const std::vector<A>& tangents,
                     const std::vector<std::uint32_t>& argnums = {0}) const {
    std::vector<qn_array*> y(outputs.begin(), outputs.end()), t(tangents.begin(), tangents.end()),
        d(outputs.size());
    QN_CHECK(qn_trace_jvp(p_, y.data(), static_cast<std::uint32_t>(y.size()), t.data(),
                          argnums.data(), static_cast<std::uint32_t>(argnums.size()), d.data(), e));
    return owned(d);
  }
  std::vector<A> vmap(const std::vector<A>& outputs,
                      const std::vector<std::int64_t>& axes = {}) const {
    std::vector<qn_array*> y(outputs.begin(), outputs.end()), r(outputs.size());
    QN_CHECK(qn_trace_vmap(p_, y.data(), static_cast<std::uint32_t>(y.size()),
                           axes.empty() ? nullptr : axes.data(), r.data(), e));
    return owned(r);
  }
  std::vector<A> checkpoint(const std::vector<A>& outputs) const {
    std::vector<qn_array*> y(outputs.begin(), outputs.end()), r(outputs.size());
    QN_CHECK(qn_trace_checkpoint(p_, y.data(), static_cast<std::uint32_t>(y.size()), r.data(), e));
    return owned(r);
  }
  Fn compile(const std::vector<A>& outputs) const {
    std::vector<qn_array*> y(outputs.begin(), outputs.end());
    qn_fn* f = nullptr;
    QN_CHECK(qn_trace_compile(p_, y.data(), static_cast<std::uint32_t>(y.size()), &f, e));
    return Fn(f);
  }
  std::vector<A> inputs;

 private:
  static std::vector<A> owned(const std::vector<qn_array*>& p) {
    std::vector<A> out;
    for (qn_array* a : p) out.emplace_back(a);
    return out;
  }
  qn_trace* p_ = nullptr;
};

}  // namespace quern_test
