// What passes share that put several ops in the place of one: asking the plugins, and new ops and
// values at the end of the graph as it is built anew.
#pragma once
#include <algorithm>
#include <initializer_list>
#include <string>

#include "runtime/graph/ir.h"

namespace quern {

struct Rule;

inline bool is_half(DType t) { return t == DType::f16 || t == DType::bf16; }
inline DType widened(DType t) { return is_half(t) ? DType::f32 : t; }

// Does any plugin but naive offer the op on row-major arrays, as it is or with its halves in f32?
bool served(Runtime& rt, const Ir& ir, const IrOp& op, bool in_f32);

// Would unfold (ir.h) replace this op of the graph?
bool unfoldable(Runtime& rt, Ir& ir, const IrOp& op);

// The attributes of conv, in schema order; in its gradients they come after a shape.
struct ConvAttr {
  enum { kStride, kLow, kHigh, kDilation, kInputDilation, kGroups, kFlip, kLayout };
};

template <class... T>
AttrList attributes(const T&... values) {
  AttrList list;
  (list.push_back(values), ...);
  return list;
}

class Rewriter {
 public:
  Rewriter(Runtime& rt, Ir& ir) : rt_(rt), ir_(ir) {}

 protected:
  const Shape& shape(int v) const { return ir_.values[static_cast<std::size_t>(v)].shape; }
  DType dtype(int v) const { return ir_.values[static_cast<std::size_t>(v)].dtype; }

  bool served_somehow(const IrOp& op) const;
  // The rule of the runtime for an op, or null.
  const Rule* rule_for(const IrOp& op) const;
  // Is `other` to be computed instead of `op`? A rule for `op` decides if it names kernels of
  // either; without one `op` stays if any plugin but naive serves it.
  bool preferred(const Rule* rule, const IrOp& op, const IrOp& other) const;

  // Builds the ops of the graph anew; those for which place() is true have been replaced by it.
  template <class IsMeant, class Place>
  void replace(const IsMeant& is_meant, const Place& place) {
    if (std::none_of(ir_.ops.begin(), ir_.ops.end(), is_meant)) return;
    std::vector<IrOp> before = std::move(ir_.ops);
    ir_.ops.clear();
    for (IrOp& op : before)
      if (!is_meant(op) || !place(op)) ir_.ops.push_back(std::move(op));
  }

  // Appends an op of the inputs `in` and returns its result.
  int emit(std::uint32_t op, std::initializer_list<int> in, AttrList attrs, Shape out, DType t);
  int reshape(int v, const Ints& to);
  int transpose(int v, const Ints& axes);
  int slice(int v, const Ints& start, const Shape& size);
  // v with the `n` axes from `first` on from their end to their beginning.
  int reversed(int v, std::size_t first, std::size_t n);
  // v with zeros before and behind, neither below 0, on each axis.
  int padded(int v, const Ints& low, const Ints& high);
  // The op appended last gives `out` instead of its own result.
  void give(int out);

  Runtime& rt_;
  Ir& ir_;
};

}  // namespace quern
