// What a shape rule, a gradient rule and a composed op see. The rules' declarations come from
// ops.def.
#pragma once
#include <span>

#include "quern/op_ids.h"
#include "runtime/core/array.h"
#include "runtime/core/error.h"

namespace quern {

struct OpInfo;

struct Meta {
  Shape shape;
  DType dtype = DType::f32;
};

// One op being recorded. A shape rule checks the inputs and attributes (throwing fail_invalid with
// the op's name, the shapes, what was expected), may replace inputs (casts by promotion, see
// ops::astype) and normalise attributes (negative axes, one entry for all spatial axes), and fills
// `out`.
struct Call {
  Runtime& runtime;
  const OpInfo& op;
  const char* name;  // of the op, for errors
  ArrayList in;
  AttrList attrs;  // complete, in schema order
  SmallVector<Meta, 1> out;
};

// One recorded op seen from its gradient: attrs and inputs as the shape rule left them.
// The rule sets, for every input with needs(i), d loss / d in(i): same shape and dtype as the
// input.
class Vjp {
 public:
  Vjp(const ArrayList& in, const ArrayList& out, const AttrList& attrs, const ArrayList& cot,
      std::span<const bool> needs)
      : attrs(attrs), in_(in), out_(out), cot_(cot), needs_(needs) {
    result_.resize(in.size());
  }
  const Array& in(std::size_t i) const { return in_[i]; }
  const Array& out(std::size_t i = 0) const { return out_[i]; }
  const Array& cot(std::size_t i = 0) const { return cot_[i]; }  // never null
  std::size_t n_in() const { return in_.size(); }
  bool needs(std::size_t i) const { return needs_[i]; }
  void set(std::size_t i, Array g) { result_[i] = std::move(g); }
  const ArrayList& result() const { return result_; }
  const AttrList& attrs;

 private:
  const ArrayList& in_;
  const ArrayList& out_;
  const ArrayList& cot_;
  std::span<const bool> needs_;
  ArrayList result_;
};

namespace shape {
#define QN_OP(id, name, kind, inputs, attributes, outputs, shape_rule, gradient_rule, since, doc) \
  void shape_rule(Call&);
#define QN_COMPOSED(...)
#include "runtime/schema/ops.def"
#undef QN_OP
#undef QN_COMPOSED
}  // namespace shape

namespace grad {
#define QN_OP(id, name, kind, inputs, attributes, outputs, shape_rule, gradient_rule, since, doc) \
  void gradient_rule(Vjp&);
#define QN_COMPOSED(...)
#include "runtime/schema/ops.def"
#undef QN_OP
#undef QN_COMPOSED
}  // namespace grad

namespace composed {
#define QN_OP(...)
#define QN_COMPOSED(id, name, inputs, attributes, outputs, since, doc) \
  void name(Call&, ArrayList& out);
#include "runtime/schema/ops.def"
#undef QN_OP
#undef QN_COMPOSED
}  // namespace composed

// Records op `id`: applies the shape rule (or the composed body) and makes the result arrays.
// `runtime` may be null when there is an input. Missing optional inputs are null arrays.
void record(Runtime* runtime, std::uint32_t id, ArrayList&& in, AttrList&& attrs, ArrayList& out);
// A 0-d array holding `value`.
Array scalar(Runtime& runtime, double value, DType dtype);
// A 1-d i64 array holding `values`.
Array from_ints(Runtime& runtime, IntSpan values);
// Zeros or ones like x, for gradients.
Array zeros_like(const Array& x);
Array ones_like(const Array& x);
// Sums g over the axes that broadcasting `to` -> g.shape() had repeated, and reshapes it to `to`.
Array sum_to(const Array& g, IntSpan to);

}  // namespace quern
