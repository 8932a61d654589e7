// A program turned into steps with a place for every value: what the tile loop executes.
// Not here: offers and layouts (map_plan.cpp).
#pragma once
#include <span>

#include "plugins/simd/map.h"
#include "plugins/simd/strided_ops.h"

namespace quern::simd {

constexpr int kMaxValues = 192;
constexpr int kMaxDims = 12;

// How one input is read along the output's memory order; dims are merged where possible.
struct MapInput {
  // kRow: one element for each row of `MapCode::row` elements.
  enum Kind : std::uint8_t { kUnused, kUniform, kLinear, kRow, kGather } kind = kUnused;
  bool repeats = false;  // every tile reads the same elements: the slot is filled once
  ConvertFn widen = nullptr;
  CopyBlockFn copy = nullptr;  // of elements along the last axis
  std::uint32_t itemsize = 4;
  int nd = 0;
  std::int64_t shape[kMaxDims], stride[kMaxDims];
};

struct MapStep {
  MapFn fn;
  std::int16_t src[3];
  std::int16_t dst;
};

// A value whose address moves with the tile: an input or output in memory order whose elements lie
// in memory as in a lane.
struct MapMoving {
  std::int16_t value;
  std::int16_t index;
  bool is_out;
  std::uint32_t itemsize;
};

struct MapStore {
  std::int16_t value;
  std::int16_t out;
  ConvertFn narrow;
  std::uint32_t itemsize;
};

struct MapCode {
  std::vector<MapInput> inputs;
  std::vector<std::uint64_t> consts;
  std::vector<std::pair<std::int16_t, std::uint32_t>> const_values;  // value, index in consts
  std::vector<std::pair<std::int16_t, std::uint32_t>> cells;  // uniform value, its 8-byte cell
  std::vector<std::pair<std::int16_t, std::uint32_t>> slots;  // tiled value, its slot
  std::vector<MapStep> once;   // on single elements, at the start of a tile
  std::vector<MapStep> fills;  // uniform values that a step wants as an array
  std::vector<MapMoving> moving;
  std::vector<MapStep> steps;
  std::vector<MapStore> stores;
  std::uint32_t n_cells = 0, n_slots = 0;
  std::uint32_t item = 4;  // bytes an element of a slot: those of the widest lane
  std::int64_t row = 0;    // tiles end where a multiple of this many elements does; 0: anywhere
  bool by_row = false;     // values of one element change with the row
  bool staging = false;
  std::int64_t n = 0;
  std::int64_t chunk = 0;
  double ns_per_element = 0;  // beside memory traffic

  std::size_t scratch_bytes() const {
    return (n_cells * 8 + 63) / 64 * 64 +
           (n_slots + (staging ? 1 : 0)) * static_cast<std::size_t>(chunk) * item;
  }
};

// A value of a program while it is compiled: its inputs, then a result for each instruction, then
// copies.
struct MapValue {
  int alias = -1;  // the value that holds the data
  Lane lane = Lane::kFloat;
  qn_dtype dtype = QN_F32;
  bool uniform = false;
  bool used = false;
  int last_use = -1;
  int out = -1;  // written straight to this output
};

// Gives the values of the steps in `code` cells, slots and moving addresses; slots are reused once
// a value was read for the last time. values: those of code's inputs come first.
void place_values(MapCode& code, std::span<MapValue> values);

// Where the operands lie: strides of every input broadcast to the output's shape, and of the
// outputs.
struct MapGeometry {
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> out_strides;
  std::vector<std::vector<std::int64_t>> in_strides;
};

// Empty text on success, else why the program can't be served.
const char* compile_map(const qn_opdesc& op, const MapGeometry& geometry, MapCode& code);

}  // namespace quern::simd
