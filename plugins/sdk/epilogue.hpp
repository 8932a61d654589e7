// Epilogue matcher: the longest prefix of a program that is a chain of simple steps.
// It does not evaluate them; what it does not know is left to the host. Products of matrices take
// more (row_program.hpp).
#pragma once
#include <cstdint>

#include "quern/kernel.h"

namespace quern::sdk {

// relu and silu (x * sigmoid(x)) have no operand. NaN stays NaN in all of them.
struct EpilogueStep {
  enum Kind : std::uint8_t { add, subtract, multiply, relu, maximum, minimum, silu };
  Kind kind = relu;
  std::int32_t input = -1;  // index into opdesc.in; -1: imm is the operand
  double imm = 0;
};

struct Epilogue {
  static constexpr unsigned max_steps = 10;
  std::uint32_t taken = 0;  // instructions, constants included
  std::uint32_t n = 0;
  EpilogueStep step[max_steps];
};

// Value `v` may be read by what follows a prefix of `taken` instructions.
inline bool epilogue_visible(const qn_program& p, std::int32_t v, std::uint32_t taken) {
  if (v < 0) return true;
  const auto last = static_cast<std::int32_t>(p.n_in + taken) - 1;
  const auto first_inst = static_cast<std::int32_t>(p.n_in);
  return v >= last || (v > 0 && v < first_inst);
}

inline bool epilogue_prefix_closed(const qn_program& p, std::uint32_t taken) {
  for (std::uint32_t i = taken; i < p.n_inst; ++i) {
    const qn_inst& q = p.inst[i];
    if (!epilogue_visible(p, q.a, taken) || !epilogue_visible(p, q.b, taken) ||
        !epilogue_visible(p, q.c, taken)) {
      return false;
    }
  }
  return epilogue_visible(p, static_cast<std::int32_t>(p.out[0]), taken) && p.out[0] >= p.n_in;
}

// Which steps a kernel knows.
enum class EpilogueSteps : std::uint8_t {
  basic,  // add, subtract, multiply, relu
  all
};

namespace detail {

// The kind of a step with an operand.
inline bool step_kind(std::uint32_t op, EpilogueSteps known, EpilogueStep::Kind& kind) {
  const bool all = known == EpilogueSteps::all;
  switch (op) {
    case QN_OP_ADD:
      kind = EpilogueStep::add;
      return true;
    case QN_OP_SUBTRACT:
      kind = EpilogueStep::subtract;
      return true;
    case QN_OP_MULTIPLY:
      kind = EpilogueStep::multiply;
      return true;
    case QN_OP_MAXIMUM:
      kind = EpilogueStep::maximum;
      return all;
    case QN_OP_MINIMUM:
      kind = EpilogueStep::minimum;
      return all;
    default:
      return false;
  }
}

// sigmoid(chain) at instruction i and its product with chain behind it.
inline bool is_silu(const qn_program& p, std::uint32_t i, std::int32_t chain) {
  if (p.inst[i].op != QN_OP_SIGMOID || p.inst[i].a != chain || i + 1 >= p.n_inst) return false;
  const qn_inst& product = p.inst[i + 1];
  const auto gate = static_cast<std::int32_t>(p.n_in + i);
  return product.op == QN_OP_MULTIPLY && product.dtype == p.inst[i].dtype &&
         ((product.a == chain && product.b == gate) || (product.a == gate && product.b == chain));
}

}  // namespace detail

// Steps of type `t` only.
inline Epilogue match_epilogue(const qn_opdesc& op, qn_dtype t,
                               EpilogueSteps known = EpilogueSteps::basic) {
  Epilogue best, cur;
  const qn_program* p = op.program;
  if (!p || p->n_out != 1 || p->n_in == 0 || p->in_dtype[0] != t) return best;
  const auto n_in = static_cast<std::int32_t>(p->n_in);
  std::int32_t chain = 0;
  for (std::uint32_t i = 0; i < p->n_inst; ++i) {
    const qn_inst& q = p->inst[i];
    if (q.dtype != t) break;
    if (q.op == QN_INST_CONST) continue;
    if (cur.n == Epilogue::max_steps) break;
    EpilogueStep s;
    if (q.op == QN_OP_RELU) {
      if (q.a != chain) break;
    } else if (known == EpilogueSteps::all && detail::is_silu(*p, i, chain)) {
      s.kind = EpilogueStep::silu;
      ++i;
    } else {
      std::int32_t other = -1;
      if (q.a == chain && q.b != chain) {
        other = q.b;
      } else if (q.b == chain && q.a != chain && q.op != QN_OP_SUBTRACT) {
        other = q.a;
      }
      if (other < 0 || other == 0) break;
      if (!detail::step_kind(q.op, known, s.kind)) break;
      if (other < n_in) {
        const std::uint32_t k = op.n_op_in + static_cast<std::uint32_t>(other) - 1;
        if (k >= op.n_in || op.in[k].dtype != t) break;
        s.input = static_cast<std::int32_t>(k);
      } else {
        const qn_inst& con = p->inst[other - n_in];
        if (con.op != QN_INST_CONST) break;
        s.imm = con.imm;
      }
    }
    chain = n_in + static_cast<std::int32_t>(i);
    cur.step[cur.n++] = s;
    cur.taken = i + 1;
    if (epilogue_prefix_closed(*p, cur.taken)) best = cur;
  }
  return best;
}

}  // namespace quern::sdk
