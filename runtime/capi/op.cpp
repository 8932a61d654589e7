// qn_op, qn_eval and the table of ops: arguments of the ABI become inputs and attributes of the
// runtime. Shapes and dtypes are checked by the shape rules, not here.
#include "runtime/capi/handles.h"
#include "runtime/schema/ops.h"

using namespace quern;
using namespace quern::capi;

namespace {

constexpr std::uint32_t kMaxInputs = 1u << 20;
constexpr std::uint32_t kMaxText = 4096;

struct Recording {
  Runtime* runtime = nullptr;
  const OpInfo* op = nullptr;
  ArrayList in;
  AttrList attrs;
};

const char* type_name(std::uint32_t t) {
  static const char* const names[] = {"default", "int", "float", "ints", "floats", "str", "dtype"};
  return t < 7 ? names[t] : "an unknown type";
}

[[noreturn]] void fail_attr(const OpInfo& op, std::size_t k, const std::string& what) {
  fail_invalid("[", op.name, "] attribute '", op.attrs[k].name, "' (number ", k, ") ", what);
}

Attr convert(const OpInfo& op, std::size_t k, const qn_attr& a) {
  const std::uint32_t want = op.attrs[k].type;
  if ((a.type == QN_ATTR_INTS || a.type == QN_ATTR_FLOATS) && a.count > kMaxNdim)
    fail_attr(op, k, str("has ", a.count, " entries, expected at most ", kMaxNdim));
  if (a.type >= QN_ATTR_INTS && a.type <= QN_ATTR_STR && a.count > 0 && !a.v.is)
    fail_attr(op, k, str("has ", a.count, " entries at NULL"));
  switch (want) {
    case QN_ATTR_INT:
      if (a.type == QN_ATTR_INT) return a.v.i;
      break;
    case QN_ATTR_FLOAT:
      if (a.type == QN_ATTR_FLOAT) return a.v.f;
      if (a.type == QN_ATTR_INT) return static_cast<double>(a.v.i);
      break;
    case QN_ATTR_INTS:
      if (a.type == QN_ATTR_INTS) return Ints(a.v.is, a.v.is + a.count);
      break;
    case QN_ATTR_FLOATS:
      if (a.type == QN_ATTR_FLOATS) return Floats(a.v.fs, a.v.fs + a.count);
      if (a.type == QN_ATTR_INTS) return Floats(a.v.is, a.v.is + a.count);
      break;
    case QN_ATTR_STR:
      if (a.type == QN_ATTR_STR && a.count > kMaxText)
        fail_attr(op, k, str("has ", a.count, " bytes, expected at most ", kMaxText));
      if (a.type == QN_ATTR_STR) return a.count ? std::string(a.v.s, a.count) : std::string();
      break;
    default:
      if (a.type != QN_ATTR_DTYPE) break;
      if (a.v.i < 0 || a.v.i > UINT32_MAX)
        fail_attr(op, k, str("is ", a.v.i, ", expected a qn_dtype"));
      return dtype_arg(op.name, static_cast<qn_dtype>(a.v.i));
  }
  fail_attr(op, k, str("wants ", type_name(want), ", got ", type_name(a.type)));
}

void read_attrs(const OpInfo& op, const qn_attr* attr, std::uint32_t n_attr, AttrList& out) {
  if (n_attr > op.attrs.size())
    fail_invalid("[", op.name, "] ", n_attr, " attributes given, expected at most ",
                 op.attrs.size());
  if (n_attr > 0) need(attr, op.name, "attr");
  out.reserve(op.attrs.size());
  for (std::size_t k = 0; k < op.attrs.size(); ++k) {
    if (k < n_attr && attr[k].type != QN_ATTR_DEFAULT)
      out.push_back(convert(op, k, attr[k]));
    else if (op.attrs[k].required)
      fail_attr(op, k,
                str("is missing, it has no default (", type_name(op.attrs[k].type), " expected)"));
    else
      out.push_back(op.attrs[k].default_value);
  }
}

[[noreturn]] void fail_count(const OpInfo& op, std::uint32_t n_in) {
  std::string names;
  for (const InputInfo& i : op.inputs)
    names += (names.empty() ? "" : ", ") + i.name +
             (i.variadic      ? "..."
              : i.has_default ? " (optional)"
                              : "");
  fail_invalid("[", op.name, "] ", n_in,
               " inputs given, expected: ", names.empty() ? "none" : names);
}

void read_inputs(Recording& r, qn_array* const* in, std::uint32_t n_in) {
  const OpInfo& op = *r.op;
  if (op.variadic ? n_in == 0 || n_in > kMaxInputs : n_in > op.inputs.size()) fail_count(op, n_in);
  if (n_in > 0) need(in, op.name, "in");
  for (std::uint32_t i = 0; i < n_in; ++i) {
    if (!in[i]) {
      if (op.variadic || !op.inputs[i].has_default)
        fail_invalid("[", op.name, "] input ", i, " ('", op.inputs[op.variadic ? 0 : i].name,
                     "') is NULL");
      r.in.push_back(Array());
      continue;
    }
    Runtime* own = unwrap(in[i])->runtime;
    if (!r.runtime) r.runtime = own;
    if (own != r.runtime) fail_invalid("[", op.name, "] input ", i, " belongs to another runtime");
    r.in.push_back(share(in[i]));
  }
  if (op.variadic) return;
  for (std::size_t i = n_in; i < op.inputs.size(); ++i) {
    if (!op.inputs[i].has_default) fail_count(op, n_in);
    r.in.push_back(Array());
  }
}

void read_call(const char* fn, qn_runtime* rt, std::uint32_t op_id, qn_array* const* in,
               std::uint32_t n_in, const qn_attr* attr, std::uint32_t n_attr, Recording& r) {
  r.op = find_op(op_id);
  if (!r.op) throw Error(QN_E_NOT_FOUND, str("[", fn, "] no op has the number ", op_id));
  if (r.op->kind == OpKind::INTERNAL)
    fail_invalid("[", fn, "] op '", r.op->name, "' is made by the planner and cannot be recorded");
  r.runtime = unwrap(rt);
  read_inputs(r, in, n_in);
  if (!r.runtime)
    fail_invalid("[", fn, "] rt is NULL and op '", r.op->name,
                 "' has no input to take the runtime from");
  read_attrs(*r.op, attr, n_attr, r.attrs);
}

}  // namespace

qn_status qn_op_lookup(const char* name, uint32_t* op_id, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(name, fn, "name");
    need(op_id, fn, "op_id");
    const OpInfo* op = find_op(std::string_view(name));
    if (!op) throw Error(QN_E_NOT_FOUND, str("[", fn, "] no op is called '", name, "'"));
    *op_id = op->id;
  });
}

uint32_t qn_op_count(void) { return static_cast<uint32_t>(all_ops().size()); }

const char* qn_op_schema(uint32_t i) { return op_schema_json(i); }

qn_status qn_op(qn_runtime* rt, uint32_t op_id, qn_array* const* in, uint32_t n_in,
                const qn_attr* attr, uint32_t n_attr, qn_array** out, uint32_t n_out,
                qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    Recording r;
    read_call(fn, rt, op_id, in, n_in, attr, n_attr, r);
    need(out, r.op->name, "out");
    if (n_out != r.op->n_out)
      fail_invalid("[", r.op->name, "] room for ", n_out, " outputs given, expected ", r.op->n_out);
    ArrayList result;
    record(r.runtime, op_id, std::move(r.in), std::move(r.attrs), result);
    for (uint32_t i = 0; i < n_out; ++i) out[i] = give(std::move(result[i]));
  });
}

qn_status qn_eval(qn_array* const* arrays, uint32_t n, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    ArrayList list;
    Runtime* rt = arrays_arg(fn, nullptr, arrays, n, list);
    if (rt) rt->eval(list);
  });
}

qn_status qn_explain_op(qn_runtime* rt, uint32_t op_id, qn_array* const* in, uint32_t n_in,
                        const qn_attr* attr, uint32_t n_attr, qn_candidate_report_fn report,
                        void* self, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    if (!report) fail_null(fn, "the report function");
    Recording r;
    read_call(fn, rt, op_id, in, n_in, attr, n_attr, r);
    r.runtime->explain_op(op_id, std::move(r.in), std::move(r.attrs), report, self);
  });
}
