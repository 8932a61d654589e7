// What an element-wise program may say: arity, operand and result dtypes of every instruction.
// Executes nothing: that is map.cpp.
#include "plugins/naive/program.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "plugins/naive/map_complex.h"

namespace quern::naive {

namespace {

enum class Class { SAME, FLOAT, TEST, LOGICAL, BITWISE, SELECT, CAST, COMPLEX };

struct Kind {
  int arity = -1;  // no element-wise op
  Class is = Class::SAME;
};

constexpr std::uint32_t max_of(std::initializer_list<std::uint32_t> ids) { return std::max(ids); }
#define ID(name, arity, is) QN_OP_##name,
constexpr std::uint32_t kIds = max_of({QN_ELEMENTWISE(ID)}) + 1;
#undef ID

// By op: every plan asks this of every instruction several times.
constexpr auto kKinds = [] {
  std::array<Kind, kIds> kinds{};
#define KIND(name, arity, is) kinds[QN_OP_##name] = {arity, Class::is};
  QN_ELEMENTWISE(KIND)
#undef KIND
  return kinds;
}();

constexpr Kind kind_of(std::uint32_t op) { return op < kIds ? kKinds[op] : Kind{}; }

bool is_of(std::uint32_t op, Class c) {
  const Kind k = kind_of(op);
  return k.arity >= 0 && k.is == c;
}

}  // namespace

int arity(std::uint32_t op) {
  if (op == QN_INST_CONST) return 0;
  return kind_of(op).arity;
}

bool is_float_op(std::uint32_t op) { return is_of(op, Class::FLOAT); }
bool is_bitwise(std::uint32_t op) { return is_of(op, Class::BITWISE); }
bool is_logical(std::uint32_t op) { return is_of(op, Class::LOGICAL); }
bool gives_bool(std::uint32_t op) { return is_logical(op) || is_of(op, Class::TEST); }

namespace {

qn_dtype value_dtype(const qn_program& p, std::int32_t v) {
  return v < static_cast<std::int32_t>(p.n_in)
             ? p.in_dtype[v]
             : p.inst[v - static_cast<std::int32_t>(p.n_in)].dtype;
}

// Why instruction i is malformed, or null.
const char* flaw(const qn_program& p, std::uint32_t i) {
  const qn_inst& inst = p.inst[i];
  const std::int32_t operands[3] = {inst.a, inst.b, inst.c};
  const int n = arity(inst.op);
  if (n < 0) return "is not an element-wise op";
  if (!is_number(inst.dtype)) return "has an unknown dtype";
  for (int k = 0; k < n; ++k) {
    if (operands[k] < 0 || operands[k] >= static_cast<std::int32_t>(p.n_in + i))
      return "reads a value not made yet";
  }
  if (n == 0 || inst.op == QN_OP_ASTYPE) return nullptr;
  const qn_dtype x = value_dtype(p, n == 3 ? inst.b : inst.a);
  const qn_dtype y = n == 3 ? value_dtype(p, inst.c) : n == 2 ? value_dtype(p, inst.b) : x;
  if (is_logical(inst.op)) return inst.dtype == QN_BOOL ? nullptr : "gives bool only";
  if (x != y) return "has operands of different dtypes";
  if (inst.op == QN_OP_COMPLEX)
    return x == QN_F32 && inst.dtype == QN_C64 ? nullptr : "makes c64 of two f32";
  if (x == QN_C64 && inst.op != QN_OP_WHERE) {
    if (!is_complex_op(inst.op)) return "takes real dtypes only";
    return inst.dtype == complex_result(inst.op) ? nullptr : "has a wrong result dtype for c64";
  }
  if (inst.dtype != (gives_bool(inst.op) ? QN_BOOL : x))
    return "has a result dtype that its operands do not give";
  if (is_float_op(inst.op) && !is_float(x)) return "takes floating dtypes only";
  if (is_bitwise(inst.op) && is_float(x)) return "takes integers only";
  return nullptr;
}

}  // namespace

bool accept_program(const qn_opdesc& op, std::string* why) {
  const qn_program* p = op.program;
  if (!p || p->version != 1 || p->n_in != op.n_in || p->n_out != op.n_out) {
    *why = "the program is missing or does not fit the operands";
    return false;
  }
  for (std::uint32_t i = 0; i < p->n_in; ++i) {
    if (p->in_dtype[i] != op.in[i].dtype)
      *why = "program and input " + std::to_string(i) + " differ in dtype";
    else if (!is_number(p->in_dtype[i]))
      *why = "input " + std::to_string(i) + " has an unknown dtype";
  }
  for (std::uint32_t i = 0; i < p->n_inst && why->empty(); ++i) {
    if (const char* text = flaw(*p, i)) {
      *why = "instruction " + std::to_string(i) + " (op " + std::to_string(p->inst[i].op) + ") " +
             text;
    }
  }
  for (std::uint32_t i = 0; i < p->n_out && why->empty(); ++i) {
    if (p->out[i] >= p->n_in + p->n_inst)
      *why = "output " + std::to_string(i) + " is no value of the program";
    else if (value_dtype(*p, static_cast<std::int32_t>(p->out[i])) != op.out[i].dtype)
      *why = "program and output " + std::to_string(i) + " differ in dtype";
  }
  return why->empty();
}

}  // namespace quern::naive
