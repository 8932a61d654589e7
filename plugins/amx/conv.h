// Direct convolution on the matrix unit: the problem as the loops see it.
// Not here: offers and plans (conv.cpp), the loops (conv_tiles.cpp).
#pragma once
#include "plugins/amx/tiles.h"
#include "plugins/sdk/conv.hpp"

namespace quern::amx {

struct ConvAxis {
  i64 in, out, taps, stride, dilation, padding;

  // One tap reads every stride-th pixel: only those are packed.
  i64 step() const { return taps == 1 ? stride : 1; }   // from a packed pixel to the next
  i64 apart() const { return taps == 1 ? 1 : stride; }  // packed pixels from an output to the next
  // Packed pixels under n outputs, a multiple of apart().
  i64 under(i64 n) const {
    const i64 all = (n - 1) * apart() + (taps - 1) * dilation + 1;
    return (all + apart() - 1) / apart() * apart();
  }
};

// x (n, h, w, c) -> y (n, oh, ow, o), both dense and channels-last; the gradient by the input is
// the same problem with other weights. cg and og are the channels of one group.
//
// A product's k runs over taps and channels in steps of 32, each a run of 32 values of the packed
// input: 32 channels of a tap, or, where taps lie side by side (`rows`), a piece of a row of taps
// with all their channels. A unit is some pixels of y, the rows of one tile of C: of one row of y,
// or (`flat`) 16 in a row of the packed input, line after line; those beyond the ends of lines are
// computed too and not kept. For that, packed lines lie in the order of their place modulo the
// stride: those that a tap reads for all lines of y lie together.
//
// The gradient of a convolution with stride s along w gives s outputs (phases) for each pixel of
// dy, each by other taps of the filter: a convolution with s * o filters, whose results lie as they
// should.
struct ConvShape {
  i64 images, c, o, groups, cg, og;
  ConvAxis h, w;
  bool flip;                              // taps are read backwards
  i64 phases, phase_padding, phase_taps;  // > 1: w.taps are those of all phases, zeros among them
  bool rows;
  Type type;
  Parts parts;
  i64 th, tw, unit;  // pixels of y in a patch, and in a unit
  bool flat;
  i64 cuts;  // of all panels, each with its tasks

  // Channels of a packed pixel of one group.
  i64 pixel() const { return rows ? cg : (cg + kStep - 1) / kStep * kStep; }
  i64 pieces() const { return rows ? steps_of(w.taps * cg) : steps_of(cg); }
  i64 steps() const { return pieces() * h.taps * (rows ? 1 : w.taps); }
  i64 panels() const { return (og + kCols - 1) / kCols; }  // of a group's filters
  // Packed weights: for each panel the steps, then a line that says whether it has values that
  // cannot be cut.
  i64 weight_bytes() const { return panel_bytes(steps() * kStep, parts); }
  i64 all_weight_bytes() const { return groups * panels() * weight_bytes(); }
  // The part of the input under a patch, packed for one group: pixels, then what the last unit of a
  // row reads beyond them, part after part.
  i64 patch_h() const { return h.under(th); }
  i64 patch_w() const { return w.under(tw); }
  // Where packed line i lies.
  i64 line(i64 i) const { return i % h.apart() * (patch_h() / h.apart()) + i / h.apart(); }
  // Places of units between a line of y and the next, and of all lines.
  i64 pitch() const { return patch_w() / w.apart(); }
  i64 units(i64 lines, i64 width) const {
    return flat ? ((lines - 1) * pitch() + width + unit - 1) / unit
                : lines * ((width + unit - 1) / unit);
  }
  i64 part_bytes() const {
    return ((patch_h() * patch_w() + unit * w.apart()) * pixel() * 2 + 64 + 63) / 64 * 64;
  }
  i64 patch_bytes() const { return parts * part_bytes(); }
  // Groups whose input is packed in one pass over the image; what they need stays in the cache.
  i64 groups_at_once() const {
    const i64 fit = (i64{768} << 10) / patch_bytes();
    return fit < 1 ? 1 : fit < groups ? fit : groups;
  }
  i64 phase_filters() const { return og / phases; }
  i64 patches_h() const { return (h.out + th - 1) / th; }
  i64 patches_w() const { return (w.out + tw - 1) / tw; }
  i64 patches() const { return images * patches_h() * patches_w(); }
};

// The taps of all phases along an axis: from input pixel q + first_tap on, for outputs q * phases
// ..
inline i64 first_tap(i64 phases, i64 padding, i64 taps) {
  const i64 d = padding - (taps - 1);
  return d >= 0 ? (d + phases - 1) / phases : -(-d / phases);
}
inline i64 phase_taps(i64 phases, i64 padding, i64 taps) {
  const i64 d = phases - 1 + padding;
  const i64 last = d >= 0 ? d / phases : -((-d + phases - 1) / phases);
  return last - first_tap(phases, padding, taps) + 1;
}

// The weights of panel `panel` (over all groups) into dst, weight_bytes(). w: all weights.
void pack_weights(const ConvShape& s, void* dst, const void* w, const sdk::WeightStrides& strides,
                  i64 panel);

// Panels first .. last of the outputs of one patch. offsets: bytes of each step from a pixel's
// first channel in the packed input; valid: values of k of each step. scratch: patch_bytes() for
// each of groups_at_once(), + 64.
// Sets the unit up itself.
void convolve(const ConvShape& s, const std::int32_t* offsets, const std::uint8_t* valid, i64 patch,
              i64 first, i64 last, const void* x, const void* weights, void* y,
              const sdk::ConvEpilogue* epilogue, void* scratch);

}  // namespace quern::amx
