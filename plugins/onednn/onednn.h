// Shared parts of the oneDNN plugin: layouts, primitives with reusable arguments, plans, post-ops.
// No op is served here; each family has its own file and the two entry points declared at the end.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::onednn {

using Md = dnnl::memory::desc;
using Dims = dnnl::memory::dims;

// oneDNN splits its loops by OpenMP's thread count when a primitive is made and when it runs; tiles
// are the host's, so both happen under a count of one, put back afterwards.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

dnnl::engine& cpu();

// oneDNN does not survive an allocation that fails: it constructs objects where malloc gave
// nothing. Throws std::bad_alloc unless the process may have as much more memory as oneDNN takes
// for a primitive, so that a limit reached is nearly always met here. [any]
void expect_room();

// ---- layouts ----
// How an array's axes become oneDNN's dims. channels_last: (N, sp.., C) -> (N, C, sp..), also for
// weights (O, sp.., I). groups > 0: axis O is split into (G, O/G) afterwards.
struct Axes {
  bool channels_last = false;
  std::int64_t groups = 0;
};

struct Layout {
  bool named = false;
  Dims strides;      // of the array's axes
  std::string name;  // named
  std::uint64_t bytes = 0;
  qn_layout view() const;
};

Dims dense_strides(const Dims& shape, bool channels_last_memory, bool channels_last_shape);
Dims md_dims(const Dims& shape, Axes axes);
Md strided_md(const Dims& shape, const Dims& strides, Axes axes);
Md any_md(const Dims& dims);
Md with_batch(const Md& md, std::int64_t n);
bool batch_outermost(const Md& md);
bool is_named(const qn_layout& l);
// nullopt: a form that can't be written down (not blocked, compensated, shifted).
std::optional<Layout> layout_of(const Md& md, Axes axes);
std::optional<Md> parse_name(std::string_view name, Axes* axes);
Dims shape_of(const qn_array_desc& a);
// The descriptor of an operand as plan() gets it. `expected` is what query() would offer now: the
// answer of `any` may change between the two, because oneDNN's cache takes axes of size 1 for
// equal.
Md given_md(const qn_array_desc& a, Axes axes, const Md& expected);
std::int64_t image_bytes(const Md& md);

// ---- primitives ----
struct Slot {
  int arg;
  Md md;
  bool output;
};

// A primitive with argument sets made ahead, so that execution allocates nothing and any number of
// threads may execute it at once.
class Prim {
 public:
  Prim(const dnnl::primitive& prim, const Md& scratchpad, const std::vector<Slot>& slots,
       unsigned sets);
  ~Prim();
  Prim(const Prim&) = delete;
  Prim& operator=(const Prim&) = delete;
  std::uint64_t scratch_bytes() const { return scratch_bytes_; }
  // ptrs: one for each slot. OK, RESOURCE_EXHAUSTED or INTERNAL.
  qn_status execute(void* const* ptrs, void* scratch, unsigned first_set) const noexcept;

 private:
  struct Set;
  dnnl::primitive prim_;
  std::uint64_t scratch_bytes_;
  std::size_t n_slots_;
  std::unique_ptr<Set[]> sets_;
  unsigned n_sets_;
};

inline std::uint64_t round64(std::uint64_t n) { return (n + 63) / 64 * 64; }

// ---- plans ----
struct Plan {
  virtual ~Plan() = default;
  virtual qn_status run(const qn_run&) const { return QN_E_INTERNAL; }
  virtual qn_status tile(const qn_run&, std::uint32_t, std::uint32_t, void*) const {
    return QN_E_INTERNAL;
  }
  // Passes the status on, with a text for the run when it is a failure.
  qn_status explain(const qn_run&, qn_status) const;
  qn_plan_info info{};
  const qn_host* host = nullptr;
};

struct Operand {
  enum From { In, Out } from;
  std::uint32_t index;       // of the input or output
  std::int64_t tile_stride;  // bytes from a tile's data to the next one's
};

// One primitive on each of some independent tiles.
struct TilePlan final : Plan {
  qn_status tile(const qn_run&, std::uint32_t, std::uint32_t, void*) const override;
  // Sets info, once the primitives are there.
  void finish(std::uint64_t n_tiles);
  std::unique_ptr<Prim> full, rest;  // rest: for a smaller last tile
  std::vector<Operand> operands;
};

// `units` independent pieces cut into tiles by the work of each, never by the number of workers.
struct Tiling {
  std::int64_t units, per_tile, tiles, rest;
  static Tiling of(std::int64_t units, double ns_per_unit);
};

// ---- epilogues ----
struct Epilogue {
  struct Binary {
    std::uint32_t in;  // of op.in
    int post_index;
    bool full;     // of the output's shape and layout
    bool channel;  // one value a channel; neither: a single value
    Md md;
  };
  std::uint32_t taken = 0;
  int bias_in = -1;
  dnnl::post_ops ops;
  std::vector<Binary> binary;
};

// The output as an epilogue sees it: which of its axes, and which dim of md, counts the channels.
struct EpilogueTarget {
  std::uint32_t channel_axis;
  int channel_dim;
  Md md;
  bool bias;  // the first addition of one value a channel may become the op's own bias
};
// nullopt unless the first `prefix` instructions are a chain oneDNN can append and after them only
// the last one's value is read.
std::optional<Epilogue> make_epilogue(const qn_opdesc& op, std::uint32_t prefix,
                                      const EpilogueTarget& t);

// ---- offering ----
struct Offer {
  std::string name;
  std::uint32_t kernel_id = 0, threading = QN_THREADING_TILES;
  double est_ns = 0;
  std::vector<Layout> in;
  std::vector<bool> in_any;  // true: any strides, in[i] unused
  Layout out;
  std::uint64_t workspace = 0;
  std::uint32_t taken = 0;
  qn_status give(const qn_host* host, qn_answer* answer) const;
};
// Appends the layouts of the epilogue's inputs to the offer.
void epilogue_layouts(const qn_opdesc& op, const Epilogue* e, const Layout& out, Offer& offer);
// Appends the slots and operands of the epilogue's inputs: how far a tile moves them in bytes.
void epilogue_operands(const Epilogue& e, std::int64_t out_step, std::int64_t channel_step,
                       std::vector<Slot>& slots, std::vector<Operand>& operands);
double cost_ns(double flops, double rate, double bytes, double tiles, double workers);
bool all_f32(const qn_opdesc& op);
// Implementations that are not taken: the reference ones, slower than other plugins, and those by
// oneDNN's own gemm, which allocates while it runs.
bool unfit(const char* impl);
// For a catch block that takes an error for "oneDNN has no such kernel": throws std::bad_alloc when
// memory ran out.
void rethrow_shortage(const dnnl::error& e);
dnnl::primitive_attr user_scratch();

// ---- families: offers or refuses / makes the plan (throws on failure) ----
using QueryFn = void (*)(const qn_host*, const qn_opdesc&, qn_answer*);
using PlanFn = std::unique_ptr<Plan> (*)(const qn_opdesc&, std::uint32_t kernel_id);
void conv_query(const qn_host*, const qn_opdesc&, qn_answer*);
std::unique_ptr<Plan> conv_plan(const qn_opdesc&, std::uint32_t);
void conv_weights_query(const qn_host*, const qn_opdesc&, qn_answer*);
std::unique_ptr<Plan> conv_weights_plan(const qn_opdesc&, std::uint32_t);
void pool_query(const qn_host*, const qn_opdesc&, qn_answer*);
std::unique_ptr<Plan> pool_plan(const qn_opdesc&, std::uint32_t);
void matmul_query(const qn_host*, const qn_opdesc&, qn_answer*);
std::unique_ptr<Plan> matmul_plan(const qn_opdesc&, std::uint32_t);
void rows_query(const qn_host*, const qn_opdesc&, qn_answer*);
std::unique_ptr<Plan> rows_plan(const qn_opdesc&, std::uint32_t);
void relayout_query(const qn_host*, const qn_opdesc&, qn_answer*);
std::unique_ptr<Plan> relayout_plan(const qn_opdesc&, std::uint32_t);

}  // namespace quern::onednn
