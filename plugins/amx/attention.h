// Attention on the matrix unit: keys and values packed once a head, then tiles of queries.
// Not here: offers and plans (attention.cpp), the loops (attention_tiles.cpp).
#pragma once
#include "plugins/amx/tiles.h"

namespace quern::amx {

constexpr i64 kQueries = 64;  // of a tile, at most
constexpr i64 kKeys = 64;     // seen at once

struct AttentionShape {
  i64 heads, share;  // query heads, and how many of them use a key head
  i64 queries, keys, width, out_width;
  Type type;
  Parts parts;  // of queries and keys; weights and values have two

  // Packed keys and values of kKeys keys.
  i64 key_bytes() const { return kKeys / kRows * panel_bytes(width, parts); }
  i64 value_bytes() const { return (out_width + kRows - 1) / kRows * panel_bytes(kKeys, kTwo); }
  i64 blocks() const { return (keys + kKeys - 1) / kKeys; }
  i64 head_bytes() const { return blocks() * (key_bytes() + value_bytes()); }
  // Bytes of scratch: packed queries and weights, scores, results turned, three numbers a query.
  i64 scratch_bytes() const {
    const i64 panels = kQueries / kCols;
    return panels * (panel_bytes(width, parts) + panel_bytes(kKeys, kTwo)) +
           4 * kQueries * (kKeys + (out_width + kRows - 1) / kRows * kRows + 2);
  }
};

// Keys and values of block `block` of a head. k, v: the head's first; packed: of the head.
void pack_keys(const AttentionShape& s, const void* k, const void* v, i64 block, void* packed);

struct AttentionTile {
  const void* q;       // first query; rows are dense
  const void* packed;  // of the head
  void* y;             // first result, rows dense
  i64 queries;
  i64 visible;              // last key the first query sees; keys or more: all see all
  const void* mask;         // of the first query and key
  i64 mask_row, mask_step;  // elements between queries, between keys
  bool truth;               // the mask holds bytes, zero hides; else it is added
  Type mask_type;
  float scale;
  void* scratch;  // scratch_bytes()
};

// Sets the unit up itself.
void attend(const AttentionShape& s, const AttentionTile& t);

}  // namespace quern::amx
