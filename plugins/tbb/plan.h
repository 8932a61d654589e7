// The plans of our matrix product: which kernel, how it is cut into tiles, how it is run.
// The arithmetic is in kernels-inl.h.
#pragma once
#include <string>

#include "plugins/sdk/planned.hpp"
#include "plugins/tbb/kernels.h"

namespace quern::tbb {

enum Kernel : std::uint32_t {
  kDirect,     // nothing packed: small, or few rows; B's rows contiguous
  kDots,       // few rows, B's columns contiguous
  kStrips,     // a tile packs a panel of B and multiplies it by all its rows, panel after panel
  kPrepacked,  // B came packed
  kPackB,      // relayout of a constant B
  kInner,      // one row, one column: dot products, long ones in pieces
};

constexpr i64 kFewRows = 32;
constexpr i64 kRowsAtOnce = 384;  // of a tile: A's part stays in the L2 cache
constexpr i64 kPiece = 16384;     // numbers of a dot product that are summed on their own

struct Plan {
  Kernel kernel = kDirect;
  sdk::Matmul g;
  bool swapped = false;  // N was 1: the operands changed places, so that C is one row
  i64 tiles_batch = 1, tiles_m = 1, tiles_n = 1;  // tiles_n cuts panels (strips for kDirect, kDots)
  std::uint32_t max_workers = 1;
  std::uint64_t workspace = 0, scratch = 0;  // bytes

  // k is taken in even steps, long ones: few passes over C beat a panel of B that fits the L1
  // cache.
  i64 steps() const {
    const i64 most = g.M > kRowsAtOnce / 2 ? 512 : 1024;
    return std::max<i64>(1, (g.K + most - 1) / most);
  }
  i64 depth() const { return ((g.K + steps() - 1) / steps() + 15) / 16 * 16; }
  bool a_in_place() const { return g.a_k == 1 || g.K <= 1; }
  // How often tiles pack the same element of B.
  i64 b_packings() const {
    const i64 rows = std::max<i64>(1, g.M / tiles_m);
    return tiles_m * ((rows + kRowsAtOnce - 1) / kRowsAtOnce);
  }
  i64 pieces() const { return std::max<i64>(1, (g.K + kPiece - 1) / kPiece); }
  i64 n_tiles() const { return tiles_batch * tiles_m * tiles_n; }
};

// One row of C instead of one column: contiguous, and served by the kernels for few rows.
void swap_operands(Plan& p);

// Chooses tiles and memory for p.kernel.
void cut(Plan& p, const Kernels& k);

qn_status run_inner(const Plan& p, const qn_run* run);
void run_tile(const Plan& p, const qn_run* run, i64 tile, void* scratch);

// Name and size of B's packed layout.
std::string packed_name(const Kernels& k, i64 K, i64 N);
std::uint64_t packed_bytes(const Kernels& k, i64 K, i64 N);

void query_matmul(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
void query_relayout(const qn_host& host, const qn_opdesc& op, qn_answer* answer);
// Null when the op is not served, or not with these strides and this epilogue.
std::unique_ptr<sdk::Planned> plan_matmul(const qn_opdesc& op, std::uint32_t kernel,
                                          qn_plan_info& info);
std::unique_ptr<sdk::Planned> plan_relayout(const qn_opdesc& op, qn_plan_info& info);

}  // namespace quern::tbb
