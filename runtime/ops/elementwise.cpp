// Shape rules of the element-wise ops: broadcasting, promotion, and which dtypes an op takes.
// Gradients are in elementwise_grad.cpp.
#include "runtime/ops/support.h"
#include "runtime/schema/ops.h"

namespace quern::shape {
namespace {

// For ops without a meaning for complex numbers, or refused by MLX too.
void check_real(const Call& c) {
  for (const Array& x : c.in)
    if (is_complex(x.dtype()))
      fail_invalid("[", c.name, "] dtype ", name(x.dtype()), ": expected a real dtype");
}

// Input i in another dtype; left alone, without touching its count, where it has that one.
void cast_input(Call& c, std::size_t i, DType t) {
  if (c.in[i].dtype() != t) c.in[i] = cast(c.in[i], t);
}

void unary(Call& c, DType in, DType out) {
  cast_input(c, 0, in);
  c.out.push_back({c.in[0].shape(), out});
}

void binary(Call& c, DType in, DType out) {
  Shape shape = broadcast_shapes(c.name, c.in[0].shape(), c.in[1].shape());
  element_count(shape);
  cast_input(c, 0, in);
  cast_input(c, 1, in);
  c.out.push_back({std::move(shape), out});
}

DType promoted(const Call& c) { return promote(c.in[0].dtype(), c.in[1].dtype()); }

void check_integer(const Call& c, DType t) {
  if (!is_integer(t) && t != DType::boolean) {
    fail_invalid("[", c.name, "] dtype ", name(t), ": expected integers or bool");
  }
}

}  // namespace

void unary_same(Call& c) {
  const DType t = c.in[0].dtype();
  if (t == DType::boolean && c.op.id == QN_OP_NEGATIVE) {
    fail_invalid("[negative] dtype bool: expected numbers; logical_not inverts booleans");
  }
  unary(c, t, t);
}

void unary_same_real(Call& c) {
  check_real(c);
  unary_same(c);
}

void unary_real(Call& c) {
  const DType t = c.in[0].dtype();
  unary(c, t, real_of(t));
}

void complex_of(Call& c) {
  for (const Array& x : c.in) {
    if (is_complex(x.dtype())) {
      fail_invalid("[complex] parts of dtypes ", name(c.in[0].dtype()), " and ",
                   name(c.in[1].dtype()), ": expected real numbers");
    }
  }
  binary(c, DType::f32, DType::c64);
}

void unary_float(Call& c) {
  const DType t = float_of(c.in[0].dtype());
  unary(c, t, t);
}

void unary_float_real(Call& c) {
  check_real(c);
  unary_float(c);
}

void unary_bool(Call& c) { unary(c, DType::boolean, DType::boolean); }

void unary_bool_of(Call& c) { unary(c, c.in[0].dtype(), DType::boolean); }

void unary_integer(Call& c) {
  const DType t = c.in[0].dtype();
  check_integer(c, t);
  unary(c, t, t);
}

void astype(Call& c) { unary(c, c.in[0].dtype(), c.attrs.dtype(0)); }

void binary_same(Call& c) {
  const DType t = promoted(c);
  binary(c, t, t);
}

void binary_same_real(Call& c) {
  check_real(c);
  binary_same(c);
}

void binary_float(Call& c) {
  const DType t = float_of(promoted(c));
  binary(c, t, t);
}

void binary_float_real(Call& c) {
  check_real(c);
  binary_float(c);
}

void binary_compare(Call& c) { binary(c, promoted(c), DType::boolean); }

void binary_logical(Call& c) { binary(c, DType::boolean, DType::boolean); }

void binary_integer(Call& c) {
  DType t = promoted(c);
  check_integer(c, c.in[0].dtype());
  check_integer(c, c.in[1].dtype());
  // u64 with a signed type promotes to f32, which has no bits to speak of.
  check_integer(c, t);
  const bool shift = c.op.id == QN_OP_LEFT_SHIFT || c.op.id == QN_OP_RIGHT_SHIFT;
  if (shift && t == DType::boolean) t = DType::u8;
  binary(c, t, t);
}

void where(Call& c) {
  const DType t = promote(c.in[1].dtype(), c.in[2].dtype());
  const Shape xy = broadcast_shapes(c.name, c.in[1].shape(), c.in[2].shape());
  Shape shape = broadcast_shapes(c.name, c.in[0].shape(), xy);
  element_count(shape);
  c.in[0] = cast(c.in[0], DType::boolean);
  c.in[1] = cast(c.in[1], t);
  c.in[2] = cast(c.in[2], t);
  c.out.push_back({std::move(shape), t});
}

void internal(Call& c) {
  throw Error(QN_E_FAILED_PRECONDITION,
              str("[", c.name, "] is made by the planner and cannot be recorded"));
}

}  // namespace quern::shape
