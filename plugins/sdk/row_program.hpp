// The epilogue of a matrix product as steps on rows: the longest prefix of a program whose
// instructions row_steps.hpp can do, with its values in C's row and in a few rows beside it.
// It does not evaluate them; what it does not know is left to the host.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "plugins/sdk/epilogue.hpp"

namespace quern::sdk {

struct RowStep {
  enum Kind : std::uint8_t {
    add,
    subtract,
    multiply,
    divide,
    maximum,
    minimum,
    relu,
    square,
    negative,
    abs,
    tanh,  // from here on f32 only
    sigmoid,
    erf,
  };
  // 0: C's row; 1 ..: a row of scratch; below 0: source[~place].
  using Place = std::int8_t;
  Kind kind = relu;
  Place to = 0, a = 0, b = 0;  // b: as a where there is one operand only
  bool binary() const { return kind <= minimum; }
};

// Steps that turn C's row into the value that the rest of the program reads.
struct RowProgram {
  static constexpr unsigned max_steps = 16, max_rows = 5, max_sources = 8;
  struct Source {
    std::int32_t input = -1;  // index into opdesc.in; -1: imm
    double imm = 0;
  };
  std::uint32_t taken = 0;                       // instructions, constants included
  std::uint32_t n = 0, n_sources = 0, rows = 0;  // rows of scratch
  RowStep step[max_steps];
  Source source[max_sources];

  // Of one thread, for a number of C.
  double ns() const {
    double sum = 0;
    for (unsigned i = 0; i < n; ++i) sum += step[i].kind >= RowStep::tanh ? 0.28 : 0.06;
    return sum;
  }
};

namespace detail {

inline bool row_kind(std::uint32_t op, RowStep::Kind& kind) {
  switch (op) {
    case QN_OP_ADD:
      return kind = RowStep::add, true;
    case QN_OP_SUBTRACT:
      return kind = RowStep::subtract, true;
    case QN_OP_MULTIPLY:
      return kind = RowStep::multiply, true;
    case QN_OP_DIVIDE:
      return kind = RowStep::divide, true;
    case QN_OP_MAXIMUM:
      return kind = RowStep::maximum, true;
    case QN_OP_MINIMUM:
      return kind = RowStep::minimum, true;
    case QN_OP_RELU:
      return kind = RowStep::relu, true;
    case QN_OP_SQUARE:
      return kind = RowStep::square, true;
    case QN_OP_NEGATIVE:
      return kind = RowStep::negative, true;
    case QN_OP_ABS:
      return kind = RowStep::abs, true;
    case QN_OP_TANH:
      return kind = RowStep::tanh, true;
    case QN_OP_SIGMOID:
      return kind = RowStep::sigmoid, true;
    case QN_OP_ERF:
      return kind = RowStep::erf, true;
    default:
      return false;
  }
}

// The first `taken` instructions as steps; false where they are too many, or need too many rows.
struct RowMatch {
  const qn_opdesc& op;
  const qn_program& p;
  qn_dtype t;
  std::uint32_t taken;
  RowProgram& out;
  static constexpr std::uint32_t most = 64;  // instructions
  RowStep::Place place[most] = {};           // of each instruction's value
  bool used[RowProgram::max_rows + 1] = {};

  std::int32_t n_in() const { return static_cast<std::int32_t>(p.n_in); }

  bool read_after(std::int32_t v, std::uint32_t i) const {
    for (; i < taken; ++i)
      if (p.inst[i].a == v || p.inst[i].b == v) return true;
    return false;
  }

  bool source(std::int32_t input, double imm, RowStep::Place& at) {
    for (std::uint32_t s = 0; s < out.n_sources; ++s) {
      if (out.source[s].input == input && (input >= 0 || out.source[s].imm == imm))
        return at = static_cast<RowStep::Place>(~s), true;
    }
    if (out.n_sources == RowProgram::max_sources) return false;
    out.source[out.n_sources] = {input, imm};
    at = static_cast<RowStep::Place>(~out.n_sources++);
    return true;
  }

  // Where value v lies.
  bool locate(std::int32_t v, RowStep::Place& at) {
    if (v == 0) return at = 0, true;
    if (v >= n_in()) {
      const qn_inst& from = p.inst[v - n_in()];
      if (from.op == QN_INST_CONST) return source(-1, from.imm, at);
      return at = place[v - n_in()], true;
    }
    const std::uint32_t k = op.n_op_in + static_cast<std::uint32_t>(v) - 1;
    if (k >= op.n_in || op.in[k].dtype != t) return false;
    return source(static_cast<std::int32_t>(k), 0, at);
  }

  bool run() {
    out = RowProgram{};
    used[0] = true;
    for (std::uint32_t i = 0; i < taken; ++i) {
      const qn_inst& q = p.inst[i];
      if (q.op == QN_INST_CONST) continue;
      RowStep s;
      if (out.n == RowProgram::max_steps || !row_kind(q.op, s.kind) || !locate(q.a, s.a))
        return false;
      s.b = s.a;
      if (s.binary() && !locate(q.b, s.b)) return false;
      for (const auto& [v, at] : {std::pair{q.a, s.a}, std::pair{s.binary() ? q.b : q.a, s.b}})
        if (at >= 0 && !read_after(v, i + 1)) used[at] = false;
      // At the end nothing else is read any more.
      while (i + 1 < taken && s.to <= static_cast<int>(RowProgram::max_rows) && used[s.to]) ++s.to;
      if (s.to > static_cast<int>(RowProgram::max_rows)) return false;
      used[s.to] = true;
      out.rows = std::max<std::uint32_t>(out.rows, static_cast<std::uint32_t>(s.to));
      place[i] = s.to;
      out.step[out.n++] = s;
    }
    out.taken = taken;
    return true;
  }
};

}  // namespace detail

// Instructions of type `t` only.
inline RowProgram match_rows(const qn_opdesc& op, qn_dtype t) {
  const qn_program* p = op.program;
  RowProgram found;
  if (!p || p->n_out != 1 || p->n_in == 0 || p->in_dtype[0] != t) return found;
  std::uint32_t known = 0;
  RowStep::Kind kind{};
  while (known < std::min(p->n_inst, detail::RowMatch::most) && p->inst[known].dtype == t &&
         (p->inst[known].op == QN_INST_CONST ||
          (detail::row_kind(p->inst[known].op, kind) && (t == QN_F32 || kind < RowStep::tanh))))
    ++known;
  for (std::uint32_t taken = known; taken > 0; --taken) {
    if (p->inst[taken - 1].op == QN_INST_CONST || !epilogue_prefix_closed(*p, taken)) continue;
    if (detail::RowMatch{op, *p, t, taken, found}.run()) return found;
  }
  return RowProgram{};
}

}  // namespace quern::sdk
