// The plans of matrix products on the matrix unit: which kernel, how it is cut into tiles, how it
// is run. The arithmetic is in tiles.cpp.
#pragma once
#include <string>

#include "plugins/amx/plans.h"
#include "plugins/amx/tiles.h"
#include "plugins/sdk/matmul.hpp"
#include "plugins/sdk/quern_plugin.hpp"

namespace quern::amx {

constexpr i64 kResident = 512 << 10;

struct Plan {
  Kernel kernel = kTiled;
  sdk::Matmul g;
  Type type = Type::kF32;
  Parts parts = kThree;
  i64 depth = 0;         // of k in a panel
  i64 rows_at_once = 0;  // of A, packed by a worker
  i64 tiles_batch = 1, tiles_m = 1, tiles_n = 1;
  std::uint32_t max_workers = 1;
  std::uint64_t workspace = 0, scratch = 0;  // bytes

  i64 n_tiles() const { return tiles_batch * tiles_m * tiles_n; }
  i64 panels() const { return (g.N + kCols - 1) / kCols; }                   // of B
  i64 depths() const { return (g.K + depth - 1) / depth; }                   // panels along k
  i64 column_bytes() const { return depths() * panel_bytes(depth, parts); }  // 32 columns of B
  // Columns of C that are finished together where it is not f32: they are summed in scratch memory.
  i64 chunk() const { return panels() < 16 ? panels() * kCols : 16 * kCols; }
  i64 size() const { return type == Type::kF32 ? 4 : 2; }  // bytes of an element
  // Scratch memory of a tile: packed rows of A, packed panels of B, sums. Few panels of B stay
  // there for all rows; of many there are two, one packed while the other is multiplied.
  i64 a_bytes() const { return rows_at_once / kRows * panel_bytes(depth, parts); }
  i64 tile_panels() const { return (panels() + tiles_n - 1) / tiles_n; }
  bool resident() const { return tile_panels() * column_bytes() <= kResident; }
  i64 slot_bytes() const {
    if (kernel != kTiled) return 0;
    return resident() ? tile_panels() * column_bytes() : 2 * panel_bytes(depth, parts);
  }
  i64 sum_bytes() const { return type == Type::kF32 ? 0 : rows_at_once * chunk() * 4; }
};

qn_status run_shared(const Plan& p, const qn_run* run);
void run_tile(const Plan& p, const qn_run* run, i64 tile, void* scratch);

}  // namespace quern::amx
