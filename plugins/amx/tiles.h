// Products of blocks on the matrix unit (AMX): packing into its tiles, and the block product.
// It knows nothing of ops, plans or threads.
//
// The unit multiplies bfloat16 and sums in f32. An f32 is cut into three bfloat16 that sum to it
// exactly (each has 8 bits and a sign); of the nine products of parts the six largest are computed,
// and what is left out stays below 2^-25 of the product: less than the rounding of an f32 product.
// Values below 2^-126 count as 0, and parts of values below 2^-110 that small are lost.
#pragma once
#include <cstdint>

#include "plugins/sdk/row_program.hpp"

namespace quern::amx {

using i64 = std::int64_t;

constexpr i64 kRows = 32;    // of C in a block: two tiles of 16
constexpr i64 kCols = 32;    // of C in a block
constexpr i64 kStep = 32;    // of k in a tile
constexpr i64 kTile = 1024;  // bytes

// How an operand is cut.
enum Parts : int {
  kOne = 1,    // bfloat16, or values rounded to it
  kTwo = 2,    // float16 exactly; f32 to 2^-17. Three products
  kThree = 3,  // f32. Six products
};

// A panel is 32 rows of A, or 32 columns of B, over some depth: for each 32 of k the tiles of each
// part, two by two; then one line of 64 bytes whose first word says whether the panel has values
// that cannot be cut (not finite, or too large): products with those are made in f32.
constexpr i64 steps_of(i64 k) { return (k + kStep - 1) / kStep; }
constexpr i64 panel_bytes(i64 k, Parts parts) { return steps_of(k) * parts * 2 * kTile + 64; }

enum class Type { kF32, kF16, kBF16 };

// An operand in memory: element strides along the panel (rows of A, columns of B) and along k.
struct Source {
  const void* data;
  Type type;
  i64 s_i, s_k;
};

// Packs n <= 32 rows of A into dst, a panel of depth k; what is beyond them becomes 0.
void pack_a(void* dst, Parts parts, const Source& from, i64 n, i64 k);
// The same of n <= 32 columns of B, but only `count` steps from `first` on. Steps come in order.
void pack_b(void* dst, Parts parts, const Source& from, i64 n, i64 k, i64 first, i64 count);

// The unit's registers are set up for one thread from here to the end of the scope.
class Tiles {
 public:
  explicit Tiles(i64 rows = 16);  // of a tile of A and C, 1 to 16
  ~Tiles();
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

constexpr i64 kPieces = 6;  // of 16 columns and 32 of k

// A panel of B, n <= 32 columns of depth k, to be packed while the unit multiplies others.
struct Ahead {
  char* dst;
  Source from;
  i64 n, k;
  i64 total = 2 * kPieces * steps_of(k), done = 0;  // pieces
  bool exact = false;
  alignas(64) float fetched[2][16][16];  // by the pieces of 16 columns of a step
};

// C (m x n, n <= 32, row stride ldc elements) = or += the product of the panels of m rows of A, one
// after the other, with a panel of B, all of depth k. ahead: packed meanwhile; next: a panel of B
// that is asked for meanwhile; both may be null. Within the scope of a Tiles.
void multiply(Parts parts, const void* a, i64 m, const void* b, i64 k, float* c, i64 ldc, i64 n,
              bool add, Ahead* ahead, const void* next);

// n floats rounded to `to` (not kF32).
void round_row(void* dst, Type to, const float* src, i64 n);

// A step of an epilogue over a row, as sdk::row_step.
void row_step(sdk::RowStep::Kind kind, float* to, i64 n, const float* a, i64 s_a, const float* b,
              i64 s_b);

// Whether this CPU has the unit. Where it has not, nothing else of these headers may be called:
// their inline functions may have been compiled for it.
bool present();
// Whether this CPU has the unit and the system lets this process use it. The first call asks the
// system for it, once for the process.
bool available();

}  // namespace quern::amx
