// From an op of linear algebra to its routine: what is asked, estimates, memory, stacks of matrices
// spread over the host's threads. No arithmetic here.
#include "plugins/openblas/linalg.h"

#include <algorithm>
#include <limits>

#include "plugins/openblas/plans.h"

namespace quern::openblas {
namespace {

const Routine* routine_of(std::uint32_t op) {
  for (const auto& table : {elimination_routines(), orthogonal_routines(), spectral_routines()}) {
    for (const Routine& r : table) {
      if (r.op == op) return &r;
    }
  }
  return nullptr;
}

Stack stack_of(const qn_array_desc& a) {
  Stack s;
  std::vector<i64> strides(a.ndim, 1);
  for (std::uint32_t i = a.ndim; i-- > 1;)
    strides[i - 1] = strides[i] * std::max<i64>(1, a.shape[i]);
  if (a.layout.strides) strides.assign(a.layout.strides, a.layout.strides + a.ndim);
  const std::uint32_t lead = a.ndim - 2;
  s.shape.assign(a.shape, a.shape + lead);
  s.strides.assign(strides.begin(), strides.begin() + lead);
  s.rows = a.shape[lead];
  s.columns = a.shape[lead + 1];
  s.row = strides[lead];
  s.column = strides[lead + 1];
  return s;
}

// Sides from which LAPACK's 32-bit counts of its memory would overflow.
constexpr i64 kLongest = 16384;

// Null where the op is served; else why not.
const char* describe(const Routine& r, const qn_opdesc& op, Problem& p) {
  p.op = op.op;
  p.dtype = op.in[0].dtype;
  for (std::uint32_t i = 0; i < op.n_op_in; ++i) {
    if (op.in[i].dtype != p.dtype || (p.dtype != QN_F32 && p.dtype != QN_F64))
      return "takes float32 and float64 only";
    if (op.in[i].ndim < 2 || op.in[i].layout.kind != QN_LAYOUT_STRIDED)
      return "takes strided matrices";
  }
  p.x = stack_of(op.in[0]);
  p.count = 1;
  for (const i64 n : p.x.shape) p.count *= n;
  switch (op.op) {
    case QN_OP_CHOLESKY:
      p.upper = sdk::attr_int(op, 0) != 0;
      break;
    case QN_OP_EIGH:
    case QN_OP_EIGVALSH:
      p.upper = sdk::attr_str(op, 0) == "U";
      break;
    case QN_OP_SOLVE_SYSTEM:
      p.b = stack_of(op.in[1]);
      p.full = sdk::attr_str(op, 0) == "full";
      p.upper = sdk::attr_str(op, 0) == "upper";
      if (p.b.columns > std::numeric_limits<std::int32_t>::max()) return "too many right sides";
      break;
    default:
      break;
  }
  if (std::max(p.m(), p.n()) > kLongest) return "a side of the matrices is above 16384";
  if (p.count > 0 && r.describe[0]) r.describe[p.dtype == QN_F64](p);
  return nullptr;
}

// How a stack is spread: parts with memory of their own, each a run of matrices.
struct Spread {
  i64 parts = 1;
  std::uint64_t bytes = 0;  // of a part
};

double item_ns(const Routine& r, const Problem& p) {
  const double rate = p.dtype == QN_F64 ? 30 : 60;  // GFLOP/s of large ones
  const double least = double(p.least());
  return r.fixed_ns + r.flops(p) / (rate * (least + 1) / (least + 100));
}

Spread spread(const Routine& r, const Problem& p, std::uint32_t workers) {
  Spread s;
  s.bytes = p.count > 0 ? r.bytes[p.dtype == QN_F64](p) : 0;
  // Small ones in more parts than workers, since some workers come late.
  const double total = item_ns(r, p) * double(p.count);
  const i64 want =
      workers <= 1 ? 1
                   : i64(std::min(total / 10000, double(workers) * (s.bytes < 1 << 20 ? 4 : 1)));
  s.parts = std::clamp<i64>(want, 1, std::max<i64>(1, p.count));
  return s;
}

class Decomposition final : public Planned {
 public:
  Decomposition(Regions& regions, const Routine& routine, Problem p, Spread s,
                std::uint32_t workers)
      : regions_(regions), routine_(routine), p_(std::move(p)), spread_(s), workers_(workers) {}

  qn_status run(const qn_run& run) const noexcept override {
    if (p_.count == 0) return QN_OK;
    // A single matrix may spread its own work.
    if (spread_.parts == 1) return part(run, 0, run.executor);
    Task task{*this, run};
    return run.executor->parallel_for(run.executor->self, run_part, &task,
                                      std::uint32_t(spread_.parts), workers_);
  }

 private:
  struct Task {
    const Decomposition& all;
    const qn_run& run;
  };
  static void run_part(void* self, std::uint32_t i, std::uint32_t) noexcept {
    const Task& t = *static_cast<const Task*>(self);
    t.all.part(t.run, i, nullptr);
  }

  qn_status part(const qn_run& run, i64 i, const qn_executor* executor) const noexcept {
    Desk desk(regions_, executor, workers_);
    char* memory = static_cast<char*>(run.workspace) + std::uint64_t(i) * spread_.bytes;
    for (i64 k = p_.count * i / spread_.parts; k < p_.count * (i + 1) / spread_.parts; ++k) {
      Item item{p_, run, k, desk, Memory(memory)};
      routine_.run[p_.dtype == QN_F64](item);
    }
    return desk.status();
  }

  Regions& regions_;
  const Routine& routine_;
  Problem p_;
  Spread spread_;
  std::uint32_t workers_;
};

}  // namespace

bool query_linalg(const qn_host& host, const qn_opdesc& op, qn_answer* answer) {
  const Routine* r = routine_of(op.op);
  if (!r) return false;
  Problem p;
  if (const char* why = describe(*r, op, p)) {
    host.refuse(answer, r->name, why);
    return true;
  }
  const Spread s = spread(*r, p, op.max_workers);
  const double work = 300 + item_ns(*r, p) * double(p.count) /
                                double(std::min<i64>(s.parts, std::max(1u, op.max_workers)));
  qn_candidate c = sdk::candidate(r->name, 0, work);
  c.threading = QN_THREADING_PARALLEL_FOR;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = s.bytes * std::uint64_t(s.parts);
  host.offer(answer, &c);
  return true;
}

std::unique_ptr<Planned> plan_linalg(Regions& regions, const qn_opdesc& op, qn_plan_info& info) {
  const Routine* r = routine_of(op.op);
  Problem p;
  if (!r || describe(*r, op, p)) return nullptr;
  const std::uint32_t workers = std::max(1u, op.max_workers);
  const Spread s = spread(*r, p, workers);
  regions.reserve(workers);
  info.workspace = s.bytes * std::uint64_t(s.parts);
  return std::make_unique<Decomposition>(regions, *r, std::move(p), s, workers);
}

}  // namespace quern::openblas
