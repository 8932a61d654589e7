// Execution: primitives with argument sets made ahead, the tile plan, and how work is cut into
// tiles. Knows no op; the families fill in primitives and operands.
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <thread>

#include "plugins/onednn/onednn.h"

#if DNNL_CPU_RUNTIME == DNNL_RUNTIME_OMP
#include <omp.h>
#endif

namespace quern::onednn {

#if DNNL_CPU_RUNTIME == DNNL_RUNTIME_OMP
OneThread::OneThread() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
}
OneThread::~OneThread() {
  if (before_ != 1) omp_set_num_threads(before_);
}
#elif DNNL_CPU_RUNTIME == DNNL_RUNTIME_SEQ
OneThread::OneThread() : before_(1) {}
OneThread::~OneThread() = default;
#else
#error "the plugin needs oneDNN built for OpenMP or sequential"
#endif

dnnl::engine& cpu() {
  static dnnl::engine* engine = new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return *engine;
}

void expect_room() {
  constexpr std::size_t bytes = 16 << 20;
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  munmap(p, bytes);
}

struct Prim::Set {
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  dnnl::stream stream;
  std::vector<dnnl::memory> memory;
  std::vector<dnnl_exec_arg_t> args;
};

namespace {

// Setting the address of a memory object with padding rewrites the padding with zeros. Inputs have
// zeros there already and may be shared between threads, so theirs are described as plain bytes.
Md bytes_md(const Md& md) {
  const auto n = static_cast<dnnl_dim_t>(md.get_size());
  return Md({n}, dnnl::memory::data_type::u8, dnnl::memory::format_tag::a);
}

dnnl::memory unset(const Md& md) { return dnnl::memory(md, cpu(), DNNL_MEMORY_NONE); }

}  // namespace

Prim::Prim(const dnnl::primitive& prim, const Md& scratchpad, const std::vector<Slot>& slots,
           unsigned sets)
    : prim_(prim),
      scratch_bytes_(scratchpad.get_size()),
      n_slots_(slots.size()),
      sets_(new Set[std::max(1u, sets)]),
      n_sets_(std::max(1u, sets)) {
  for (unsigned i = 0; i < n_sets_; ++i) {
    Set& s = sets_[i];
    s.stream = dnnl::stream(cpu());
    for (const Slot& slot : slots) {
      s.memory.push_back(unset(slot.output ? slot.md : bytes_md(slot.md)));
      s.args.push_back({slot.arg, s.memory.back().get()});
    }
    if (scratch_bytes_) {
      s.memory.push_back(unset(scratchpad));
      s.args.push_back({DNNL_ARG_SCRATCHPAD, s.memory.back().get()});
    }
  }
}

Prim::~Prim() = default;

qn_status Prim::execute(void* const* ptrs, void* scratch, unsigned first_set) const noexcept {
  unsigned at = first_set % n_sets_;
  for (unsigned tries = 0; sets_[at].busy.test_and_set(std::memory_order_acquire);) {
    at = (at + 1) % n_sets_;
    if (++tries % n_sets_ == 0) std::this_thread::yield();
  }
  Set& s = sets_[at];
  dnnl_status_t st = dnnl_success;
  for (std::size_t i = 0; i < n_slots_ && st == dnnl_success; ++i)
    st = dnnl_memory_set_data_handle(s.args[i].memory, ptrs[i]);
  if (st == dnnl_success && scratch_bytes_)
    st = dnnl_memory_set_data_handle(s.args[n_slots_].memory, scratch);
  if (st == dnnl_success) {
    try {  // oneDNN lets the exceptions of its own small allocations through
      st = dnnl_primitive_execute(prim_.get(), s.stream.get(), static_cast<int>(s.args.size()),
                                  s.args.data());
    } catch (const std::bad_alloc&) {
      st = dnnl_out_of_memory;
    }
  }
  s.busy.clear(std::memory_order_release);
  return st == dnnl_success         ? QN_OK
         : st == dnnl_out_of_memory ? QN_E_RESOURCE_EXHAUSTED
                                    : QN_E_INTERNAL;
}

qn_status Plan::explain(const qn_run& run, qn_status status) const {
  if (status != QN_OK && host)
    host->error(run.error, status == QN_E_RESOURCE_EXHAUSTED
                               ? "out of memory"
                               : "oneDNN failed to execute a primitive");
  return status;
}

qn_status TilePlan::tile(const qn_run& run, std::uint32_t t, std::uint32_t worker,
                         void* scratch) const {
  const OneThread guard;
  void* ptrs[16];
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Operand& o = operands[i];
    char* p = static_cast<char*>((o.from == Operand::In ? run.in : run.out)[o.index].data);
    ptrs[i] = p + o.tile_stride * static_cast<std::int64_t>(t);
  }
  const Prim& p = rest && t + 1 == info.n_tiles ? *rest : *full;
  return explain(run, p.execute(ptrs, scratch, worker));
}

void TilePlan::finish(std::uint64_t n_tiles) {
  info.worker_scratch =
      round64(std::max(full->scratch_bytes(), rest ? rest->scratch_bytes() : std::uint64_t{0}));
  info.n_tiles = static_cast<std::uint32_t>(n_tiles);
}

Tiling Tiling::of(std::int64_t units, double ns_per_unit) {
  constexpr double kTileNs = 40e3;
  constexpr std::int64_t kMaxTiles = 64;
  auto tiles = static_cast<std::int64_t>(std::lround(std::min(1e6, units * ns_per_unit / kTileNs)));
  tiles = std::clamp<std::int64_t>(tiles, 1, std::min(units, kMaxTiles));
  if (tiles > 1 && units % tiles != 0) {  // a near divisor saves the second primitive
    for (std::int64_t k = tiles; k <= std::min(units, tiles * 3 / 2); ++k)
      if (units % k == 0) {
        tiles = k;
        break;
      }
  }
  Tiling t{units, (units + tiles - 1) / tiles, 0, 0};
  t.tiles = (units + t.per_tile - 1) / t.per_tile;
  t.rest = units % t.per_tile;
  return t;
}

double cost_ns(double flops, double rate, double bytes, double tiles, double workers) {
  const double lanes = std::max(1.0, std::min(workers, tiles));
  const double rounds =
      std::ceil(std::max(1.0, tiles) / lanes) / std::max(1.0, tiles);  // of all work
  return std::max(flops / rate, bytes / 20.0) * rounds + 2000.0 + 1000.0 * rounds * tiles;
}

qn_status Offer::give(const qn_host* host, qn_answer* answer) const {
  qn_candidate c = sdk::candidate(name.c_str(), kernel_id, est_ns);
  std::vector<qn_layout> layouts;
  for (std::size_t i = 0; i < in.size(); ++i)
    layouts.push_back(in_any[i] ? sdk::any_strides() : in[i].view());
  const qn_layout o = out.view();
  c.threading = threading;
  c.n_in = static_cast<std::uint32_t>(layouts.size());
  c.in = layouts.data();
  c.n_out = 1;
  c.out = &o;
  c.confidence = QN_CONFIDENCE_MODEL;
  c.workspace_max = workspace;
  c.epilogue_taken = taken;
  return host->offer(answer, &c);
}

bool all_f32(const qn_opdesc& op) {
  for (std::uint32_t i = 0; i < op.n_op_in; ++i)
    if (op.in[i].dtype != QN_F32) return false;
  if (op.n_out != 1) return false;
  return op.program || op.out[0].dtype == QN_F32;
}

bool unfit(const char* impl) {
  const std::string_view s(impl);
  const bool gemm = s.find("gemm") != s.npos && s.find("brgemm") == s.npos;
  return s.find("ref") != s.npos || gemm;
}

void rethrow_shortage(const dnnl::error& e) {
  if (e.status == dnnl_out_of_memory) throw std::bad_alloc();
}

dnnl::primitive_attr user_scratch() {
  dnnl::primitive_attr a;
  a.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return a;
}

}  // namespace quern::onednn
