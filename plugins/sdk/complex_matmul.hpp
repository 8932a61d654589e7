// A product of c64 matrices as one of f32 matrices that a plugin multiplies already: rows of A and
// C read as twice as many reals, and each row b of B stands for two, b and i b. It multiplies
// nothing itself; that B with four reals for each number is written in the workspace.
#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/matmul.hpp"
#include "plugins/sdk/planned.hpp"

namespace quern::sdk {

class ComplexMatmul {
 public:
  // False when it is no c64 product, or one with too many axes.
  bool describe(const qn_opdesc& op) {
    if (op.op != QN_OP_MATMUL || op.in[0].dtype != QN_C64 || op.in[1].dtype != QN_C64) return false;
    if (!describe_matmul(op, g_, false)) return false;
    readable_ = g_.a_k == 1 || g_.K <= 1;
    std::vector<std::int64_t> batch(g_.shape, g_.shape + g_.n_batch);
    strides_[0].clear();
    for (unsigned i = 0; i < g_.n_batch; ++i) strides_[0].push_back(2 * g_.a_batch[i]);
    strides_[0].insert(strides_[0].end(), {readable_ ? 2 * g_.a_m : 2 * g_.K, 1});
    strides_[1].assign(g_.n_batch, 0);
    std::int64_t step = 4 * g_.K * g_.N;
    items_ = 1;
    for (unsigned i = g_.n_batch; i-- > 0;) {
      if (g_.b_batch[i] == 0) continue;  // shared: written once
      strides_[1][i] = step;
      step = saturating_product(step, g_.shape[i]);
      items_ *= g_.shape[i];
    }
    strides_[1].insert(strides_[1].end(), {2 * g_.N, 1});
    const std::pair<std::int64_t, std::int64_t> sides[] = {
        {g_.M, 2 * g_.K}, {2 * g_.K, 2 * g_.N}, {g_.M, 2 * g_.N}};
    real_ = op;
    for (unsigned i = 0; i < 3; ++i) {
      shape_[i] = batch;
      shape_[i].insert(shape_[i].end(), {sides[i].first, sides[i].second});
      array_[i] = i < 2 ? op.in[i] : op.out[0];
      array_[i].dtype = QN_F32;
      array_[i].ndim = g_.n_batch + 2;
      array_[i].shape = shape_[i].data();
      array_[i].layout = i < 2 ? with_strides(strides_[i].data()) : any_strides();
    }
    real_.n_in = real_.n_op_in = 2;
    real_.in = array_;
    real_.out = array_ + 2;
    real_.program = nullptr;
    real_.const_mask = 0;
    return true;
  }

  // The real product, B already written; valid while this object stays where it is.
  const qn_opdesc& real() const { return real_; }
  // Whether A lies so that its rows read as reals; else it is asked for row-major.
  bool readable() const { return readable_; }
  std::uint64_t bytes() const {
    const std::int64_t n = saturating_product(16 * items_, saturating_product(g_.K, g_.N));
    return (std::uint64_t(n) + 63) / 64 * 64;
  }
  double written_ns() const { return 2.0 * double(items_) * double(g_.K) * double(g_.N); }
  std::int64_t rows() const { return items_ * g_.K; }

  // Rows [first, last) of all items' B.
  void write(const float* b, float* to, std::int64_t first, std::int64_t last) const {
    for (std::int64_t r = first; r < last;) {
      const std::int64_t item = r / g_.K, k = r % g_.K;
      const std::int64_t some = std::min({last - r, g_.K - k, std::int64_t{8}});
      write_rows(b + 2 * (offset(item) + k * g_.b_k), to + 4 * r * g_.N, some);
      r += some;
    }
  }

 private:
  std::int64_t offset(std::int64_t item) const {
    std::int64_t at = 0;
    for (unsigned i = g_.n_batch; i-- > 0;) {
      if (g_.b_batch[i] == 0) continue;
      at += item % g_.shape[i] * g_.b_batch[i];
      item /= g_.shape[i];
    }
    return at;
  }
  void write_rows(const float* from, float* to, std::int64_t rows) const {
    const std::int64_t N = g_.N;
    if (g_.b_n == 1) {
      for (std::int64_t k = 0; k < rows; ++k) {
        const float* b = from + 2 * k * g_.b_k;
        float *plain = to + 4 * k * N, *turned = plain + 2 * N;
        for (std::int64_t n = 0; n < 2 * N; n += 2) {
          plain[n] = b[n];
          plain[n + 1] = b[n + 1];
          turned[n] = -b[n + 1];
          turned[n + 1] = b[n];
        }
      }
      return;
    }
    for (std::int64_t n = 0; n < N; ++n) {
      for (std::int64_t k = 0; k < rows; ++k) {
        const float* b = from + 2 * (k * g_.b_k + n * g_.b_n);
        float *plain = to + 4 * k * N + 2 * n, *turned = plain + 2 * N;
        plain[0] = b[0];
        plain[1] = b[1];
        turned[0] = -b[1];
        turned[1] = b[0];
      }
    }
  }

  Matmul g_;
  bool readable_ = true;
  std::int64_t items_ = 1;  // of B
  std::vector<std::int64_t> shape_[3], strides_[2];
  qn_array_desc array_[3] = {};
  qn_opdesc real_{};
};

// Numbers of kernels for c64 begin here: this plus that of the kernel for f32.
constexpr std::uint32_t kComplexKernels = 0x100;

// Offers the cheapest of what `query(host, op, answer)` offers for the real product. True when op
// is a c64 product.
template <class Query>
bool offer_complex(const qn_host& host, const qn_opdesc& op, qn_answer* answer, Query query) {
  ComplexMatmul m;
  if (!m.describe(op)) return false;
  struct Best {
    std::string name;
    qn_candidate candidate{};
  } best;
  qn_host listener = host;  // of what is offered: its answer is `best`
  listener.offer = [](qn_answer* to, const qn_candidate* c) QN_NOEXCEPT {
    Best& b = *reinterpret_cast<Best*>(to);
    if (c->n_in > 1 && c->in[1].kind != QN_LAYOUT_STRIDED) return QN_OK;
    if (!b.name.empty() && c->est_ns >= b.candidate.est_ns) return QN_OK;
    try {
      b.name.assign(c->name.ptr, c->name.len);
      b.candidate = *c;
    } catch (...) {
      return qn_status(QN_E_RESOURCE_EXHAUSTED);
    }
    return qn_status(QN_OK);
  };
  listener.refuse = [](qn_answer*, const char*, const char*) QN_NOEXCEPT {};
  query(listener, m.real(), reinterpret_cast<qn_answer*>(&best));
  if (best.name.empty()) {
    host.refuse(answer, "complex", "no kernel for the real product that stands for it");
    return true;
  }
  const double parallel = std::max(1u, op.max_workers);
  best.name = "complex." + best.name;
  std::vector<std::int64_t> dense(op.in[0].ndim, 1);
  for (std::uint32_t i = op.in[0].ndim; i-- > 1;) dense[i - 1] = dense[i] * op.in[0].shape[i];
  const bool keep =
      m.readable() && op.in[0].layout.kind == QN_LAYOUT_STRIDED && op.in[0].layout.strides;
  std::vector<qn_layout> in(op.n_in, any_strides());
  in[0] = with_strides(keep ? op.in[0].layout.strides : dense.data());
  qn_candidate c = candidate(best.name.c_str(), kComplexKernels + best.candidate.kernel_id,
                             best.candidate.est_ns + 300 + m.written_ns() / parallel);
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.n_in = op.n_in;
  c.in = in.data();
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = m.bytes() + best.candidate.workspace_max;
  host.offer(answer, &c);
  return true;
}

class ComplexPlan final : public Planned {
 public:
  ComplexPlan(const qn_opdesc& op, std::uint32_t workers) : workers_(workers) { m_.describe(op); }
  ComplexMatmul m_;
  std::unique_ptr<Planned> real_;
  qn_plan_info info_{};  // of the real product

  qn_status run(const qn_run& run) const noexcept override {
    Task task{*this, run, {}, {}, 1};
    // Some 30 us of writing a part.
    task.parts = std::uint32_t(
        std::clamp<std::int64_t>(std::int64_t(m_.written_ns() / 30000), 1,
                                 std::max<std::int64_t>(1, std::min<std::int64_t>(m_.rows(), 64))));
    qn_status s = each(run, write_part, &task, task.parts);
    if (s != QN_OK) return s;
    task.in[0] = run.in[0];
    task.in[1].data = run.workspace;
    task.real = run;
    task.real.in = task.in;
    task.real.workspace = static_cast<char*>(run.workspace) + m_.bytes();
    if (info_.n_tiles == 0) return real_->run(task.real);
    return each(run, run_tile, &task, info_.n_tiles);
  }

 private:
  struct Task {
    const ComplexPlan& plan;
    const qn_run& run;
    qn_buffer in[2];
    qn_run real;
    std::uint32_t parts;
  };
  qn_status each(const qn_run& run, qn_task_fn f, Task* task, std::uint32_t n) const noexcept {
    if (n > 1) return run.executor->parallel_for(run.executor->self, f, task, n, workers_);
    if (n == 1) f(task, 0, 0);
    return QN_OK;
  }
  static void write_part(void* self, std::uint32_t i, std::uint32_t) noexcept {
    const Task& t = *static_cast<const Task*>(self);
    const std::int64_t rows = t.plan.m_.rows();
    t.plan.m_.write(static_cast<const float*>(t.run.in[1].data),
                    static_cast<float*>(t.run.workspace), part(rows, i, t.parts),
                    part(rows, i + 1, t.parts));
  }
  static void run_tile(void* self, std::uint32_t i, std::uint32_t worker) noexcept {
    const Task& t = *static_cast<const Task*>(self);
    t.plan.real_->tile(t.real, i,
                       static_cast<char*>(t.run.scratch) + worker * t.plan.info_.worker_scratch);
  }

  std::uint32_t workers_;
};

// `plan(op, kernel, info)` plans the real product. Null when it does, or with strides that were not
// offered.
template <class Plan>
std::unique_ptr<Planned> plan_complex(const qn_opdesc& op, std::uint32_t kernel, qn_plan_info& info,
                                      Plan plan) {
  ComplexMatmul m;
  if (kernel < kComplexKernels || !m.describe(op) || !m.readable() ||
      (op.program && op.program->n_inst > 0)) {
    return nullptr;
  }
  auto all = std::make_unique<ComplexPlan>(op, std::max(1u, op.max_workers));
  all->info_ = info;
  all->real_ = plan(all->m_.real(), kernel - kComplexKernels, all->info_);
  if (!all->real_) return nullptr;
  info.workspace = all->m_.bytes() + all->info_.workspace;
  info.worker_scratch = all->info_.worker_scratch;
  info.n_tiles = 0;
  return all;
}

}  // namespace quern::sdk
