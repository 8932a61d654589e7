// Turns an element-wise program and the strides of its operands into vector steps over tiles.
// Not here: where values lie (map_place.cpp), choosing layouts (map_plan.cpp), running the steps
// (map_run.cpp).
#include "plugins/simd/map_program.h"

#include <cstdlib>
#include <cstring>

namespace quern::simd {
namespace {

bool lane_of(qn_dtype t, Lane& lane) {
  constexpr struct {
    qn_dtype dtype;
    Lane lane;
  } kLanes[] = {{QN_F32, Lane::kFloat},  {QN_F16, Lane::kFloat},   {QN_BF16, Lane::kFloat},
                {QN_F64, Lane::kDouble}, {QN_C64, Lane::kComplex}, {QN_BOOL, Lane::kBool},
                {QN_I8, Lane::kI8},      {QN_U8, Lane::kU8},       {QN_I16, Lane::kI16},
                {QN_U16, Lane::kU16},    {QN_I32, Lane::kI32},     {QN_U32, Lane::kU32},
                {QN_I64, Lane::kI64},    {QN_U64, Lane::kU64}};
  for (const auto& k : kLanes)
    if (k.dtype == t) return lane = k.lane, true;
  return false;
}

// Ops that give their operand back, of any real dtype or of integers.
bool is_same(std::uint32_t op, Lane in) {
  switch (op) {
    case QN_OP_COPY:
    case QN_OP_STOP_GRADIENT:
    case QN_OP_IDENTITY:
      return true;
    case QN_OP_REAL:
    case QN_OP_CONJUGATE:
      return in != Lane::kComplex;
    case QN_OP_FLOOR:
    case QN_OP_CEIL:
    case QN_OP_ROUND:
    case QN_OP_TRUNC:
      return is_integer(in) || in == Lane::kBool;
    default:
      return false;
  }
}

bool is_logical(std::uint32_t op) {
  return op == QN_OP_LOGICAL_AND || op == QN_OP_LOGICAL_OR || op == QN_OP_LOGICAL_NOT;
}

// Ops whose result is a number of its operands' dtype when they are.
bool is_exact(std::uint32_t op) {
  switch (op) {
    case QN_OP_NEGATIVE:
    case QN_OP_ABS:
    case QN_OP_RELU:
    case QN_OP_FLOOR:
    case QN_OP_CEIL:
    case QN_OP_ROUND:
    case QN_OP_TRUNC:
    case QN_OP_SIGN:
    case QN_OP_MAXIMUM:
    case QN_OP_MINIMUM:
    case QN_OP_WHERE:
      return true;
    default:
      return false;
  }
}

// Merges axes of one input that advance together, in the output's memory order.
void merge_dims(const MapGeometry& g, const std::vector<std::uint32_t>& order,
                const std::vector<std::int64_t>& strides, MapInput& in) {
  in.nd = 0;
  for (std::uint32_t axis : order) {
    const std::int64_t n = g.shape[axis], s = strides[axis];
    if (n == 1) continue;
    if (in.nd > 0 && in.stride[in.nd - 1] == s * n) {
      in.shape[in.nd - 1] *= n;
      in.stride[in.nd - 1] = s;
    } else {
      in.shape[in.nd] = n;
      in.stride[in.nd] = s;
      ++in.nd;
    }
  }
  if (in.nd == 0) in.shape[0] = 1, in.stride[0] = 0, in.nd = 1;
  if (in.nd == 1 && in.stride[0] == 0)
    in.kind = MapInput::kUniform;
  else if (in.nd == 1 && in.stride[0] == 1)
    in.kind = MapInput::kLinear;
  else
    in.kind = MapInput::kGather;
}

class Compiler {
 public:
  Compiler(const qn_opdesc& op, const MapGeometry& g, MapCode& code)
      : op_(op), p_(*op.program), g_(g), code_(code) {}

  const char* compile() {
    if (p_.version != 1) return "unknown program version";
    if (p_.n_in + p_.n_inst + p_.n_out * 2 + 32 > kMaxValues) return "program too long";
    if (g_.shape.size() > kMaxDims) return "too many axes";
    n_values_ = p_.n_in + p_.n_inst;
    if (const char* why = inputs()) return why;
    for (std::uint32_t i = 0; i < p_.n_inst; ++i)
      if (const char* why = instruction(i)) return why;
    drop_rounding();
    direct();
    pair();
    if (const char* why = outputs()) return why;
    place_values(code_, {values_, n_values_});
    return nullptr;
  }

 private:
  struct Made {  // what a step does
    std::uint32_t op;
    Lane in, out;
  };

  const char* inputs() {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < g_.shape.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
      if (g_.shape[a] == 1 || g_.shape[b] == 1) return g_.shape[a] == 1 && g_.shape[b] != 1;
      return g_.out_strides[a] > g_.out_strides[b];
    });
    code_.n = 1;
    for (auto n : g_.shape) code_.n *= n;
    code_.inputs.resize(p_.n_in);
    for (std::uint32_t i = 0; i < p_.n_in; ++i) {
      MapValue& v = values_[i];
      v.alias = static_cast<int>(i);
      v.dtype = p_.in_dtype[i];
      if (!lane_of(v.dtype, v.lane)) return "an input's dtype is unknown";
      if (is_half(v.dtype)) code_.ns_per_element += 0.05;
      MapInput& in = code_.inputs[i];
      merge_dims(g_, order, g_.in_strides[i], in);
      in.itemsize = sdk::itemsize(v.dtype);
      const std::int64_t step = in.stride[in.nd - 1];
      const CopyKind kind = step == 0   ? CopyKind::fill
                            : step == 1 ? CopyKind::runs
                                        : CopyKind::strided;
      in.copy = copy_block_fn(kind, in.itemsize, 0);
      in.widen = is_half(v.dtype) ? half_fns(v.dtype).widen : nullptr;
    }
    rows();
    for (std::uint32_t i = 0; i < p_.n_in; ++i)
      values_[i].uniform =
          code_.inputs[i].kind == MapInput::kUniform || code_.inputs[i].kind == MapInput::kRow;
    return nullptr;
  }

  // Where an input lies in long rows, or is the same along them, tiles are pieces of rows: then it
  // is read where it lies, or is one element.
  void rows() {
    constexpr std::int64_t kLong = 512;
    for (const MapInput& in : code_.inputs) {
      const int last = in.nd - 1;
      if (code_.row == 0 && in.kind == MapInput::kGather && in.shape[last] >= kLong &&
          (in.stride[last] == 0 || in.stride[last] == 1))
        code_.row = in.shape[last];
    }
    for (MapInput& in : code_.inputs) {
      if (in.kind != MapInput::kGather || in.stride[in.nd - 1] != 0 ||
          in.shape[in.nd - 1] != code_.row)
        continue;
      in.kind = MapInput::kRow;
      code_.by_row = true;
    }
  }

  bool constant(int v, double& imm) const {
    if (v < static_cast<int>(p_.n_in)) return false;
    const qn_inst& inst = p_.inst[v - static_cast<int>(p_.n_in)];
    imm = inst.imm;
    return inst.op == QN_INST_CONST;
  }

  const char* instruction(std::uint32_t i) {
    const qn_inst& inst = p_.inst[i];
    const int id = static_cast<int>(p_.n_in + i);
    MapValue& v = values_[id];
    v.alias = id;
    v.dtype = inst.dtype;
    if (!lane_of(inst.dtype, v.lane)) return "a result's dtype is unknown";
    if (inst.op == QN_INST_CONST) {
      v.uniform = true;
      code_.const_values.emplace_back(static_cast<std::int16_t>(id),
                                      static_cast<std::uint32_t>(code_.consts.size()));
      code_.consts.push_back(bits(inst.imm, v.lane));
      if (is_half(inst.dtype)) {
        const void* c = &code_.consts.back();
        half_fns(inst.dtype).round(&c, &code_.consts.back(), 1);
      }
      return nullptr;
    }
    int src[3] = {inst.a, inst.b, inst.c};
    int arity = 0;
    while (arity < 3 && src[arity] >= 0) ++arity;
    if (arity == 0) return "an instruction without operands";
    std::uint32_t op = inst.op;
    Lane in = values_[src[0]].lane;
    if (is_same(op, in) || (op == QN_OP_ASTYPE && same_bits(in, v.lane) &&
                            !rounds(values_[src[0]].dtype, inst.dtype))) {
      v.alias = values_[src[0]].alias;
      v.uniform = values_[src[0]].uniform;
      return nullptr;
    }
    if (!agree(op, src, arity, v.lane)) return "operands and a result that do not belong together";
    if (op == QN_OP_GREATER || op == QN_OP_GREATER_EQUAL) {
      std::swap(src[0], src[1]);
      op = op == QN_OP_GREATER ? QN_OP_LESS : QN_OP_LESS_EQUAL;
    }
    for (int k = 0; k < (is_logical(op) ? arity : op == QN_OP_WHERE ? 1 : 0); ++k)
      if (const char* why = test(src[k])) return why;
    if (is_logical(op) || op == QN_OP_WHERE) in = Lane::kBool;
    double e = 0;
    if (op == QN_OP_POWER && in == Lane::kFloat && constant(src[1], e)) {
      const std::uint32_t simple = e == 2    ? QN_OP_SQUARE
                                   : e == 3  ? kInstCube
                                   : e == -1 ? QN_OP_RECIPROCAL
                                             : 0;
      if (simple) op = simple, arity = 1;
    }
    for (int k = 0; k < 3; ++k) src[k] = k < arity ? values_[src[k]].alias : -1;
    if (!is_half(inst.dtype) || is_exact(op)) return emit(op, in, v.lane, src, arity, id);
    const std::uint32_t round = inst.dtype == QN_F16 ? kInstRoundF16 : kInstRoundBf16;
    if (op == QN_OP_ASTYPE && in == Lane::kFloat) return emit(round, in, in, src, 1, id);
    if (op == QN_OP_ASTYPE && (in == Lane::kDouble || (is_integer(in) && lane_size(in) >= 4)))
      op = kInstToFloatOdd;
    const int exact = fresh(v.lane);
    if (exact < 0) return "program too long";
    if (const char* why = emit(op, in, v.lane, src, arity, exact)) return why;
    const int of[3] = {exact, -1, -1};
    return emit(round, Lane::kFloat, Lane::kFloat, of, 1, id);
  }

  // Whether elements are of the sizes that the op's loops take them to be.
  bool agree(std::uint32_t op, const int* src, int arity, Lane out) const {
    if (op == QN_OP_ASTYPE) return true;
    if (is_logical(op)) return out == Lane::kBool;
    const int first = op == QN_OP_WHERE ? 1 : 0;
    if (arity <= first) return false;
    const Lane in = values_[src[first]].lane;
    for (int k = first; k < arity; ++k)
      if (values_[src[k]].lane != in) return false;
    switch (op) {
      case QN_OP_EQUAL:
      case QN_OP_NOT_EQUAL:
      case QN_OP_LESS:
      case QN_OP_LESS_EQUAL:
      case QN_OP_GREATER:
      case QN_OP_GREATER_EQUAL:
      case QN_OP_ISNAN:
      case QN_OP_ISINF:
        return out == Lane::kBool;
      case QN_OP_COMPLEX:
        return in == Lane::kFloat && out == Lane::kComplex;
      case QN_OP_ABS:
      case QN_OP_REAL:
      case QN_OP_IMAG:
        return out == (in == Lane::kComplex ? Lane::kFloat : in);
      default:
        return out == in;
    }
  }

  static bool rounds(qn_dtype from, qn_dtype to) { return is_half(to) && from != to; }

  static bool same_bits(Lane in, Lane out) {
    return in == out || (is_integer(in) && is_integer(out) && lane_size(in) == lane_size(out));
  }

  // The bytes of a constant: numbers are converted as the op astype does it from f64.
  static std::uint64_t bits(double imm, Lane lane) {
    std::uint64_t b = 0;
    const void* from = &imm;
    if (lane == Lane::kDouble)
      std::memcpy(&b, &imm, sizeof b);
    else
      convert_fn(Lane::kDouble, lane)(&from, &b, 1);
    return b;
  }

  // A value beside those of the program; -1 when there are too many.
  int fresh(Lane lane) {
    if (n_values_ >= kMaxValues) return -1;
    const int id = static_cast<int>(n_values_++);
    values_[id].alias = id;
    values_[id].lane = lane;
    return id;
  }

  // Puts whether v is not 0 in place of v.
  const char* test(int& v) {
    const int of[3] = {values_[v].alias, -1, -1};
    const Lane in = values_[of[0]].lane;
    if (in == Lane::kBool) return nullptr;
    const int id = fresh(Lane::kBool);
    if (id < 0) return "program too long";
    v = id;
    return emit(QN_OP_ASTYPE, in, Lane::kBool, of, 1, id);
  }

  const char* emit(std::uint32_t op, Lane in, Lane out, const int* src, int arity, int dst) {
    unsigned mask = 0;
    bool all = true;
    for (int k = 0; k < arity; ++k) {
      if (values_[src[k]].uniform)
        mask |= 1u << k;
      else
        all = false;
    }
    if (all) mask = 0;
    MapStep s{map_fn(op, in, out, mask), {-1, -1, -1}, static_cast<std::int16_t>(dst)};
    bool spread = false;
    if (!s.fn) {
      s.fn = map_fn(op, in, out, 0);
      spread = mask != 0;
    }
    if (!s.fn) return "an instruction without a loop for its dtype";
    for (int k = 0; k < arity; ++k) {
      const int x = spread && (mask >> k & 1) ? filled(src[k]) : src[k];
      if (x < 0) return "program too long";
      s.src[k] = static_cast<std::int16_t>(x);
    }
    values_[dst].uniform = all;
    if (!all) code_.ns_per_element += step_cost(op, in);
    (all ? code_.once : code_.steps).push_back(s);
    if (!all) made_.push_back({op, in, out});
    return nullptr;
  }

  // What is only stored, as f16 or bf16, is rounded there.
  void drop_rounding() {
    std::vector<MapStep>& steps = code_.steps;
    for (std::size_t k = 0; k < steps.size(); ++k) {
      const std::int16_t of = steps[k].src[0], to = steps[k].dst;
      if (made_[k].op != kInstRoundF16 && made_[k].op != kInstRoundBf16) continue;
      // An output that lies on an input may be written before the last one is stored.
      if (p_.n_out > 1 && of < static_cast<int>(p_.n_in)) continue;
      bool read = false;
      for (const auto* list : {&code_.once, &code_.fills, &steps})
        for (const MapStep& s : *list)
          for (int v : s.src) read = read || v == to;
      for (std::uint32_t o = 0; o < p_.n_out; ++o)
        read = read || (values_[p_.out[o]].alias == to && values_[to].dtype != op_.out[o].dtype);
      if (read) continue;
      for (std::uint32_t v = 0; v < n_values_; ++v)
        if (values_[v].alias == to) values_[v].alias = of;
      steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(k));
      made_.erase(made_.begin() + static_cast<std::ptrdiff_t>(k));
      --k;
    }
  }

  // One step from f16 or bf16 in memory to the same in memory needs no tile of f32.
  void direct() {
    if (code_.steps.size() != 1 || p_.n_out != 1) return;
    MapStep& s = code_.steps[0];
    const qn_dtype half = op_.out[0].dtype;
    if (!is_half(half) || values_[p_.out[0]].alias != s.dst) return;
    unsigned mask = 0;
    for (int k = 0; k < 3 && s.src[k] >= 0; ++k) {
      const MapValue& v = values_[s.src[k]];
      if (v.uniform)
        mask |= 1u << k;
      else if (s.src[k] >= static_cast<int>(p_.n_in) || v.dtype != half ||
               code_.inputs[static_cast<std::size_t>(s.src[k])].kind != MapInput::kLinear)
        return;
    }
    const MapFn fn = half_fn(half, made_[0].op, mask);
    if (!fn) return;
    s.fn = fn;
    for (int k = 0; k < 3 && s.src[k] >= 0; ++k)
      if (!(mask >> k & 1)) code_.inputs[static_cast<std::size_t>(s.src[k])].widen = nullptr;
    direct_ = true;
  }

  // A step whose result one other step reads, alone, is done within that one: a pass over the tile
  // less.
  void pair() {
    int uses[kMaxValues] = {};
    for (const auto* list : {&code_.once, &code_.fills, &code_.steps})
      for (const MapStep& s : *list)
        for (int v : s.src)
          if (v >= 0) ++uses[v];
    for (std::uint32_t o = 0; o < p_.n_out; ++o) ++uses[values_[p_.out[o]].alias];
    std::vector<MapStep>& steps = code_.steps;
    std::vector<bool> gone(steps.size(), false);
    for (std::size_t j = 0; j < steps.size(); ++j) {
      MapStep& s = steps[j];
      for (int side = 0; side < 2 && s.src[2] < 0 && s.src[1] >= 0; ++side) {
        for (std::size_t i = 0; i < j; ++i) {
          const MapStep& t = steps[i];
          if (t.dst != s.src[side] || gone[i] || uses[t.dst] != 1 || t.src[1] < 0 || t.src[2] >= 0)
            continue;
          const std::int16_t other = s.src[1 - side];
          unsigned mask = values_[other].uniform ? 4 : 0;
          for (int k = 0; k < 2; ++k) mask |= values_[t.src[k]].uniform ? 1u << k : 0;
          const MapFn fn = pair_fn(i, j, side == 1, mask);
          if (!fn) continue;
          s = {fn, {t.src[0], t.src[1], other}, s.dst};
          gone[i] = true;
          code_.ns_per_element -= 0.03;
          break;
        }
      }
    }
    std::size_t kept = 0;
    for (std::size_t k = 0; k < steps.size(); ++k)
      if (!gone[k]) steps[kept++] = steps[k];
    steps.resize(kept);
  }

  // The loop that does step i and then step j, which reads it.
  MapFn pair_fn(std::size_t i, std::size_t j, bool turned, unsigned mask) const {
    const Made &first = made_[i], &second = made_[j];
    const Lane lane = first.in;
    if (first.out != lane || second.in != lane || second.out != lane) return nullptr;
    if (first.op == QN_OP_MAXIMUM && second.op == QN_OP_MINIMUM) return clamp_fn(lane, true, mask);
    if (first.op == QN_OP_MINIMUM && second.op == QN_OP_MAXIMUM) return clamp_fn(lane, false, mask);
    return lane == Lane::kFloat ? map_pair_fn(first.op, second.op, turned, mask) : nullptr;
  }

  // A uniform value as an array that is written once for a run of tiles.
  int filled(int v) {
    for (const auto& f : code_.fills)
      if (f.src[0] == v) return f.dst;
    const Lane lane = values_[v].lane;
    const int id = fresh(lane);
    if (id < 0) return id;
    code_.fills.push_back({map_fn(kInstFill, lane, lane, 1),
                           {static_cast<std::int16_t>(v), -1, -1},
                           static_cast<std::int16_t>(id)});
    return id;
  }

  const char* outputs() {
    // What is read after step k decides whether step k may already write output 0, which can lie on
    // an input.
    int last_memory_read = -1;
    for (std::size_t k = 0; k < code_.steps.size(); ++k)
      for (int s : code_.steps[k].src)
        if (s >= 0 && s < static_cast<int>(p_.n_in)) last_memory_read = static_cast<int>(k);
    for (std::uint32_t o = 0; o < p_.n_out; ++o)
      if (o > 0 && values_[p_.out[o]].alias < static_cast<int>(p_.n_in))
        last_memory_read = kMaxValues;
    for (std::uint32_t o = 0; o < p_.n_out; ++o) {
      MapValue& declared = values_[p_.out[o]];
      const qn_dtype dtype = op_.out[o].dtype;
      if (dtype != declared.dtype) return "an output's dtype differs from its value's";
      const int v = declared.alias;
      const auto index = static_cast<std::int16_t>(o);
      if (is_half(dtype) && !direct_) {
        const int from = values_[v].uniform ? filled(v) : v;
        if (from < 0) return "program too long";
        code_.stores.push_back(
            {static_cast<std::int16_t>(from), index, half_fns(dtype).narrow, sdk::itemsize(dtype)});
        continue;
      }
      int producer = -1;
      for (std::size_t k = 0; k < code_.steps.size(); ++k)
        if (code_.steps[k].dst == v) producer = static_cast<int>(k);
      if (producer >= 0 && values_[v].out < 0 && (o > 0 || producer >= last_memory_read)) {
        values_[v].out = static_cast<int>(o);
        code_.moving.push_back({static_cast<std::int16_t>(v), index, true, sdk::itemsize(dtype)});
        continue;
      }
      copies_.push_back({v, static_cast<int>(o)});
    }
    // Output 0 is copied last: it may lie on an input that another output still copies.
    for (std::size_t k = copies_.size(); k-- > 0;) {
      const auto [v, o] = copies_[k];
      const Lane lane = values_[v].lane;
      const int id = fresh(lane);
      if (id < 0) return "program too long";
      values_[id].out = o;
      code_.moving.push_back(
          {static_cast<std::int16_t>(id), static_cast<std::int16_t>(o), true, lane_size(lane)});
      const bool uniform = values_[v].uniform;
      code_.steps.push_back({map_fn(uniform ? kInstFill : kInstCopy, lane, lane, uniform ? 1u : 0u),
                             {static_cast<std::int16_t>(v), -1, -1},
                             static_cast<std::int16_t>(id)});
    }
    return nullptr;
  }

  const qn_opdesc& op_;
  const qn_program& p_;
  const MapGeometry& g_;
  MapCode& code_;
  MapValue values_[kMaxValues];
  std::uint32_t n_values_ = 0;
  bool direct_ = false;     // the one step reads and writes f16 or bf16 in memory
  std::vector<Made> made_;  // of each step
  std::vector<std::pair<int, int>> copies_;
};

}  // namespace

const char* compile_map(const qn_opdesc& op, const MapGeometry& geometry, MapCode& code) {
  return Compiler(op, geometry, code).compile();
}

}  // namespace quern::simd
