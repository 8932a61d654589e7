// map: an interpreter of element-wise programs, 256 elements an instruction.
// Does not fuse, reorder or approximate: it is the meaning of a program. 16-bit floats round after
// every instruction. Complex functions are in map_complex.cpp.
#include <algorithm>

#include "plugins/naive/map_complex.h"
#include "plugins/naive/program.h"
#include "plugins/naive/scalar.h"

namespace quern::naive {
namespace {

constexpr std::int64_t kBlock = 256;
constexpr std::size_t kSlotBytes = kBlock * 8;

// Calls f(Tag<C>) with the compute type of a real dtype.
template <typename F>
bool dispatch_compute(qn_dtype t, F&& f) {
  switch (t) {
    case QN_BOOL:
      f(Tag<bool>{});
      return true;
    case QN_F16:
    case QN_BF16:
    case QN_F32:
      f(Tag<float>{});
      return true;
    case QN_F64:
      f(Tag<double>{});
      return true;
    default:
      return dispatch_integer(t, f);
  }
}

// ---- one instruction on n elements; every value of the program has a slot of kBlock elements

struct Block {
  const Problem& p;
  char* slots;
  std::int64_t n = 0;

  template <typename C>
  C* slot(std::int64_t v) const {
    return reinterpret_cast<C*>(slots + v * static_cast<std::int64_t>(kSlotBytes));
  }
  qn_dtype dtype(std::int32_t v) const {
    const auto n_in = static_cast<std::int32_t>(p.program.in_dtype.size());
    return v < n_in ? p.program.in_dtype[v] : p.program.inst[v - n_in].dtype;
  }
  template <typename C, typename R, typename F>
  void unary(const qn_inst& i, R* out, F f) const {
    const C* a = slot<C>(i.a);
    for (std::int64_t k = 0; k < n; ++k) out[k] = f(a[k]);
  }
  template <typename C, typename R, typename F>
  void binary(const qn_inst& i, R* out, F f) const {
    const C *a = slot<C>(i.a), *b = slot<C>(i.b);
    for (std::int64_t k = 0; k < n; ++k) out[k] = f(a[k], b[k]);
  }
  void truth(std::int32_t v, bool* out) const {
    if (dtype(v) == QN_C64) {
      for (std::int64_t k = 0; k < n; ++k) out[k] = slot<C64>(v)[k] != C64{};
      return;
    }
    dispatch_compute(dtype(v), [&](auto tag) {
      using C = typename decltype(tag)::type;
      const C* a = slot<C>(v);
      for (std::int64_t k = 0; k < n; ++k) out[k] = a[k] != C{0};
    });
  }

  template <typename C>
  void float_unary(const qn_inst& i, C* out) const;
  template <typename C>
  void any_unary(const qn_inst& i, C* out) const;
  template <typename C>
  void arithmetic(const qn_inst& i, C* out) const;
  template <typename C>
  void bitwise(const qn_inst& i, C* out) const;
  template <typename C>
  void compare(const qn_inst& i, bool* out) const;
  void logical(const qn_inst& i, bool* out) const;
  template <typename C>
  void choose(const qn_inst& i, C* out) const;
  void complex(const qn_inst& i, std::int64_t v) const;
  void cast(const qn_inst& i, std::int64_t v) const;
  void constant(const qn_inst& i, std::int64_t v) const;
  void round_16_bits(qn_dtype t, float* x) const;
  void execute(const qn_inst& i, std::int64_t v) const;
};

template <typename C>
void Block::float_unary(const qn_inst& i, C* out) const {
  switch (i.op) {
    case QN_OP_SQRT:
      return unary<C>(i, out, [](C x) { return std::sqrt(x); });
    case QN_OP_RSQRT:
      return unary<C>(i, out, [](C x) { return 1 / std::sqrt(x); });
    case QN_OP_EXP:
      return unary<C>(i, out, [](C x) { return std::exp(x); });
    case QN_OP_EXPM1:
      return unary<C>(i, out, [](C x) { return std::expm1(x); });
    case QN_OP_LOG:
      return unary<C>(i, out, [](C x) { return std::log(x); });
    case QN_OP_LOG2:
      return unary<C>(i, out, [](C x) { return std::log2(x); });
    case QN_OP_LOG10:
      return unary<C>(i, out, [](C x) { return std::log10(x); });
    case QN_OP_LOG1P:
      return unary<C>(i, out, [](C x) { return std::log1p(x); });
    case QN_OP_SIN:
      return unary<C>(i, out, [](C x) { return std::sin(x); });
    case QN_OP_COS:
      return unary<C>(i, out, [](C x) { return std::cos(x); });
    case QN_OP_TAN:
      return unary<C>(i, out, [](C x) { return std::tan(x); });
    case QN_OP_ARCSIN:
      return unary<C>(i, out, [](C x) { return std::asin(x); });
    case QN_OP_ARCCOS:
      return unary<C>(i, out, [](C x) { return std::acos(x); });
    case QN_OP_ARCTAN:
      return unary<C>(i, out, [](C x) { return std::atan(x); });
    case QN_OP_SINH:
      return unary<C>(i, out, [](C x) { return std::sinh(x); });
    case QN_OP_COSH:
      return unary<C>(i, out, [](C x) { return std::cosh(x); });
    case QN_OP_TANH:
      return unary<C>(i, out, [](C x) { return std::tanh(x); });
    case QN_OP_ARCSINH:
      return unary<C>(i, out, [](C x) { return std::asinh(x); });
    case QN_OP_ARCCOSH:
      return unary<C>(i, out, [](C x) { return std::acosh(x); });
    case QN_OP_ARCTANH:
      return unary<C>(i, out, [](C x) { return std::atanh(x); });
    case QN_OP_RECIPROCAL:
      return unary<C>(i, out, [](C x) { return 1 / x; });
    case QN_OP_SIGMOID:
      return unary<C>(i, out, scalar::sigmoid<C>);
    case QN_OP_SOFTPLUS:
      return unary<C>(i, out,
                      [](C x) { return std::max<C>(x, 0) + std::log1p(std::exp(-std::abs(x))); });
    case QN_OP_ERF:
      return unary<C>(i, out, [](C x) { return std::erf(x); });
    case QN_OP_ERFINV:
      return unary<C>(i, out, [](C x) { return static_cast<C>(scalar::erfinv(x)); });
    case QN_OP_DIVIDE:
      return binary<C>(i, out, [](C x, C y) { return x / y; });
    case QN_OP_ARCTAN2:
      return binary<C>(i, out, [](C x, C y) { return std::atan2(x, y); });
    default:
      return binary<C>(i, out, scalar::logaddexp<C>);
  }
}

template <typename C>
void Block::any_unary(const qn_inst& i, C* out) const {
  switch (i.op) {
    case QN_OP_NEGATIVE:
      return unary<C>(i, out, scalar::negative<C>);
    case QN_OP_ABS:
      return unary<C>(i, out, scalar::absolute<C>);
    case QN_OP_SIGN:
      return unary<C>(i, out, scalar::sign<C>);
    case QN_OP_SQUARE:
      return unary<C>(i, out, [](C x) { return scalar::multiply(x, x); });
    case QN_OP_RELU:
      return unary<C>(i, out, scalar::relu<C>);
    default:
      break;
  }
  if constexpr (std::is_floating_point_v<C>) {
    switch (i.op) {
      case QN_OP_FLOOR:
        return unary<C>(i, out, [](C x) { return std::floor(x); });
      case QN_OP_CEIL:
        return unary<C>(i, out, [](C x) { return std::ceil(x); });
      case QN_OP_ROUND:
        return unary<C>(i, out, [](C x) { return std::nearbyint(x); });
      case QN_OP_TRUNC:
        return unary<C>(i, out, [](C x) { return std::trunc(x); });
      default:
        break;
    }
  }
  if (i.op == QN_OP_IMAG) return unary<C>(i, out, [](C) { return C{0}; });
  unary<C>(i, out, [](C x) { return x; });  // copy, real, conjugate ..; rounding of integers
}

template <typename C>
void Block::arithmetic(const qn_inst& i, C* out) const {
  switch (i.op) {
    case QN_OP_ADD:
      return binary<C>(i, out, scalar::add<C>);
    case QN_OP_SUBTRACT:
      return binary<C>(i, out, scalar::subtract<C>);
    case QN_OP_MULTIPLY:
      return binary<C>(i, out, scalar::multiply<C>);
    case QN_OP_FLOOR_DIVIDE:
      return binary<C>(i, out, scalar::floor_divide<C>);
    case QN_OP_REMAINDER:
      return binary<C>(i, out, scalar::remainder<C>);
    case QN_OP_POWER:
      return binary<C>(i, out, scalar::power<C>);
    case QN_OP_MAXIMUM:
      return binary<C>(i, out, scalar::maximum<C>);
    default:
      return binary<C>(i, out, scalar::minimum<C>);
  }
}

template <typename C>
void Block::bitwise(const qn_inst& i, C* out) const {
  using scalar::widen;
  switch (i.op) {
    case QN_OP_BITWISE_INVERT:
      return unary<C>(i, out, [](C x) {
        if constexpr (std::is_same_v<C, bool>)
          return !x;
        else
          return static_cast<C>(~widen(x));
      });
    case QN_OP_BITWISE_AND:
      return binary<C>(i, out, [](C x, C y) { return static_cast<C>(widen(x) & widen(y)); });
    case QN_OP_BITWISE_OR:
      return binary<C>(i, out, [](C x, C y) { return static_cast<C>(widen(x) | widen(y)); });
    case QN_OP_BITWISE_XOR:
      return binary<C>(i, out, [](C x, C y) { return static_cast<C>(widen(x) ^ widen(y)); });
    case QN_OP_LEFT_SHIFT:
      return binary<C>(i, out, scalar::left_shift<C>);
    default:
      return binary<C>(i, out, scalar::right_shift<C>);
  }
}

template <typename C>
void Block::compare(const qn_inst& i, bool* out) const {
  switch (i.op) {
    case QN_OP_EQUAL:
      return binary<C>(i, out, [](C x, C y) { return x == y; });
    case QN_OP_NOT_EQUAL:
      return binary<C>(i, out, [](C x, C y) { return x != y; });
    case QN_OP_LESS:
      return binary<C>(i, out, [](C x, C y) { return x < y; });
    case QN_OP_LESS_EQUAL:
      return binary<C>(i, out, [](C x, C y) { return x <= y; });
    case QN_OP_GREATER:
      return binary<C>(i, out, [](C x, C y) { return x > y; });
    case QN_OP_GREATER_EQUAL:
      return binary<C>(i, out, [](C x, C y) { return x >= y; });
    case QN_OP_ISNAN:
      return unary<C>(i, out, [](C x) { return x != x; });
    default:
      return unary<C>(i, out, [](C x) {
        if constexpr (std::is_floating_point_v<C>)
          return std::isinf(x);
        else
          return static_cast<void>(x), false;
      });
  }
}

void Block::logical(const qn_inst& i, bool* out) const {
  bool a[kBlock], b[kBlock];
  truth(i.a, a);
  if (i.op != QN_OP_LOGICAL_NOT) truth(i.b, b);
  for (std::int64_t k = 0; k < n; ++k) {
    out[k] = i.op == QN_OP_LOGICAL_NOT   ? !a[k]
             : i.op == QN_OP_LOGICAL_AND ? a[k] && b[k]
                                         : a[k] || b[k];
  }
}

template <typename C>
void Block::choose(const qn_inst& i, C* out) const {
  bool condition[kBlock];
  truth(i.a, condition);
  const C *x = slot<C>(i.b), *y = slot<C>(i.c);
  for (std::int64_t k = 0; k < n; ++k) out[k] = condition[k] ? x[k] : y[k];
}

// Instructions that read or give c64, but for logical ones.
void Block::complex(const qn_inst& i, std::int64_t v) const {
  auto* out = slot<C64>(v);
  if (i.op == QN_INST_CONST) {
    std::fill_n(out, n, C64(static_cast<float>(i.imm)));
  } else if (i.op == QN_OP_WHERE) {
    choose<C64>(i, out);
  } else if (i.op != QN_OP_ASTYPE) {
    execute_complex(i.op, slot<char>(i.a), i.b < 0 ? nullptr : slot<char>(i.b), out, n);
  } else if (dtype(i.a) == QN_C64 && i.dtype == QN_C64) {
    std::copy_n(slot<C64>(i.a), n, out);
  } else if (i.dtype == QN_BOOL) {
    truth(i.a, slot<bool>(v));
  } else if (i.dtype == QN_C64) {
    dispatch_compute(dtype(i.a), [&](auto tag) {
      const auto* a = slot<typename decltype(tag)::type>(i.a);
      for (std::int64_t k = 0; k < n; ++k) out[k] = C64(static_cast<float>(a[k]));
    });
  } else {  // to a real dtype: the real part
    dispatch(i.dtype, [&](auto tag) {
      using To = typename decltype(tag)::type;
      for (std::int64_t k = 0; k < n; ++k) {
        const float real = slot<C64>(i.a)[k].real();
        if constexpr (std::is_class_v<To>)
          slot<compute_t<To>>(v)[k] = decode(encode<To>(real));
        else
          slot<To>(v)[k] = scalar::convert<To>(real);
      }
    });
  }
}

void Block::cast(const qn_inst& i, std::int64_t v) const {
  dispatch(i.dtype, [&](auto to_tag) {
    using To = typename decltype(to_tag)::type;
    dispatch_compute(dtype(i.a), [&](auto from_tag) {
      using From = typename decltype(from_tag)::type;
      const From* a = slot<From>(i.a);
      auto* out = slot<compute_t<To>>(v);
      for (std::int64_t k = 0; k < n; ++k) {
        if constexpr (sizeof(To) == 2 &&
                      std::is_class_v<To>) {  // 16-bit floats round once, from f64
          out[k] = decode(encode<To>(static_cast<double>(a[k])));
        } else {
          out[k] = scalar::convert<compute_t<To>>(a[k]);
        }
      }
    });
  });
}

void Block::constant(const qn_inst& i, std::int64_t v) const {
  dispatch(i.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>)
      std::fill_n(slot<T>(v), n, float_to_int<T>(i.imm));
    else
      std::fill_n(slot<compute_t<T>>(v), n, decode(encode<T>(i.imm)));
  });
}

void Block::round_16_bits(qn_dtype t, float* x) const {
  if (t == QN_F16) {
    for (std::int64_t k = 0; k < n; ++k) x[k] = f16_to_f32(f32_to_f16(x[k]));
  } else if (t == QN_BF16) {
    for (std::int64_t k = 0; k < n; ++k) x[k] = bf16_to_f32(f32_to_bf16(x[k]));
  }
}

void Block::execute(const qn_inst& i, std::int64_t v) const {
  if (is_logical(i.op)) return logical(i, slot<bool>(v));
  if (i.dtype == QN_C64 || (i.a >= 0 && dtype(i.a) == QN_C64)) return complex(i, v);
  if (i.op == QN_INST_CONST) return constant(i, v);
  if (i.op == QN_OP_ASTYPE) return cast(i, v);
  dispatch_compute(gives_bool(i.op) ? dtype(i.a) : i.dtype, [&](auto tag) {
    using C = typename decltype(tag)::type;
    if (gives_bool(i.op)) {
      compare<C>(i, slot<bool>(v));
    } else if (i.op == QN_OP_WHERE) {
      choose<C>(i, slot<C>(v));
    } else if (is_bitwise(i.op)) {
      if constexpr (std::is_integral_v<C>) bitwise<C>(i, slot<C>(v));
    } else if (is_float_op(i.op)) {
      if constexpr (std::is_floating_point_v<C>) float_unary<C>(i, slot<C>(v));
    } else if (arity(i.op) == 2) {
      arithmetic<C>(i, slot<C>(v));
    } else {
      any_unary<C>(i, slot<C>(v));
    }
  });
  round_16_bits(i.dtype, slot<float>(v));
}

// ---- between arrays and slots

// Calls f(k, n, offset, step) for the innermost pieces of elements first .. first + count of
// `shape` in row-major order.
template <typename F>
void walk(std::span<const std::int64_t> shape, const Strides& strides, std::int64_t first,
          std::int64_t count, F&& f) {
  if (shape.empty()) return f(std::int64_t{0}, count, std::int64_t{0}, std::int64_t{0});
  const std::size_t inner = shape.size() - 1;
  for (std::int64_t k = 0; k < count;) {
    std::int64_t rest = first + k, offset = 0, n = 0;
    for (std::size_t i = shape.size(); i-- > 0; rest /= shape[i]) {
      offset += rest % shape[i] * strides[i];
      if (i == inner) n = std::min(count - k, shape[i] - rest % shape[i]);
    }
    f(k, n, offset, strides[inner]);
    k += n;
  }
}

qn_status run_map(const Problem& p, const qn_run& run) {
  const std::span<const std::int64_t> shape = p.out[0].shape;
  const std::size_t n_in = p.in.size();
  Block block{p, static_cast<char*>(run.workspace)};
  for (std::int64_t first = 0; first < p.out[0].count; first += kBlock) {
    block.n = std::min(kBlock, p.out[0].count - first);
    for (std::size_t i = 0; i < n_in; ++i) {
      dispatch_number(p.in[i].dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        auto* to = block.slot<compute_t<T>>(static_cast<std::int64_t>(i));
        walk(shape, broadcast_strides(p.in[i], shape.size()), first, block.n,
             [&](std::int64_t k, std::int64_t n, std::int64_t offset, std::int64_t step) {
               for (std::int64_t e = 0; e < n; ++e)
                 to[k + e] = load<T>(run.in[i].data, offset + e * step);
             });
      });
    }
    for (std::size_t i = 0; i < p.program.inst.size(); ++i) {
      block.execute(p.program.inst[i], static_cast<std::int64_t>(n_in + i));
    }
    for (std::size_t i = 0; i < p.out.size(); ++i) {
      dispatch_number(p.out[i].dtype, [&](auto tag) {
        using T = typename decltype(tag)::type;
        const auto* from = block.slot<compute_t<T>>(p.program.out[i]);
        walk(shape, strides_of(p.out[i]), first, block.n,
             [&](std::int64_t k, std::int64_t n, std::int64_t offset, std::int64_t step) {
               for (std::int64_t e = 0; e < n; ++e)
                 store<T>(run.out[i].data, offset + e * step, from[k + e]);
             });
      });
    }
  }
  return QN_OK;
}

double estimate(const qn_opdesc& op) {
  return 400 + 2 * static_cast<double>(element_count(op.out[0])) *
                   (op.program->n_inst + op.n_in + op.n_out);
}

std::uint64_t workspace(const Problem& p) {
  return (p.in.size() + p.program.inst.size()) * kSlotBytes;
}

const Kernel kTable[] = {{QN_OP_MAP, "map", accept_program, run_map, estimate, workspace}};

}  // namespace

const KernelList map_kernels = kernel_list(kTable);

}  // namespace quern::naive
