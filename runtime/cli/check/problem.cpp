// Copies of op descriptions, both ways.
// No kernel is called.
#include "runtime/cli/check/problem.h"

#include <cstring>
#include <map>

namespace quern_cli::check {

uint32_t itemsize(qn_dtype t) { return (t >> 8 & 0xffu) / 8u; }

std::string dtype_name(qn_dtype t) {
  static const std::map<qn_dtype, const char*> names = {
      {QN_BOOL, "bool"}, {QN_U8, "u8"},   {QN_U16, "u16"}, {QN_U32, "u32"}, {QN_U64, "u64"},
      {QN_I8, "i8"},     {QN_I16, "i16"}, {QN_I32, "i32"}, {QN_I64, "i64"}, {QN_F16, "f16"},
      {QN_BF16, "bf16"}, {QN_F32, "f32"}, {QN_F64, "f64"}, {QN_C64, "c64"}};
  const auto at = names.find(t);
  return at == names.end() ? "dtype " + std::to_string(t) : at->second;
}

std::string op_name(uint32_t id) {
  static const std::map<uint32_t, std::string> names = [] {
    std::map<uint32_t, std::string> m;
    for (uint32_t i = 0; i < qn_op_count(); ++i) {
      const Json j = Json::parse(qn_op_schema(i));
      m[j.at("id").get<uint32_t>()] = j.at("name").get<std::string>();
    }
    return m;
  }();
  const auto at = names.find(id);
  return at == names.end() ? "op " + std::to_string(id) : at->second;
}

int64_t Meta::count() const {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  return n;
}
uint64_t Meta::bytes() const { return static_cast<uint64_t>(count()) * itemsize(dtype); }

Layout copy_layout(const qn_layout& l, uint32_t ndim) {
  Layout c;
  c.named = l.kind == QN_LAYOUT_NAMED;
  c.any = !c.named && !l.strides;
  if (c.named) {
    c.name.assign(l.name.ptr ? l.name.ptr : "", l.name.ptr ? l.name.len : 0);
    c.bytes = l.bytes;
  } else if (l.strides) {
    c.strides.assign(l.strides, l.strides + ndim);
  }
  return c;
}

Layout row_major(const Shape& shape) {
  Layout l;
  l.any = false;
  l.strides.resize(shape.size());
  uint64_t step = 1;  // hostile sizes go beyond it; any stride will do there
  for (std::size_t i = shape.size(); i-- > 0; step *= static_cast<uint64_t>(shape[i]))
    l.strides[i] = static_cast<int64_t>(step);
  return l;
}

std::string Problem::text() const {
  std::string t = op_name(op);
  auto list = [&](const std::vector<Meta>& v, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
      t += (i ? ", " : " ") + dtype_name(v[i].dtype) + "(";
      for (std::size_t d = 0; d < v[i].shape.size(); ++d)
        t += (d ? ", " : "") + std::to_string(v[i].shape[d]);
      t += ")";
    }
  };
  list(in, in.size());
  t += " ->";
  list(out, out.size());
  for (std::size_t i = 0; i < program.inst.size(); ++i)
    t += (i                 ? "+"
          : op == QN_OP_MAP ? " of "
                            : " then ") +
         (program.inst[i].op == QN_INST_CONST ? "const" : op_name(program.inst[i].op));
  for (const AttrValue& a : attrs) {
    t += " ";
    if (a.type == QN_ATTR_FLOAT) t += std::to_string(a.f);
    if (a.type == QN_ATTR_INT) t += std::to_string(a.i);
    if (a.type == QN_ATTR_DTYPE) t += dtype_name(static_cast<qn_dtype>(a.i));
    if (a.type == QN_ATTR_STR) t += a.s;
    for (std::size_t k = 0; k < a.is.size(); ++k) t += (k ? "," : "") + std::to_string(a.is[k]);
    if (a.type == QN_ATTR_INTS && a.is.empty()) t += "()";
  }
  return t;
}

std::string Problem::key() const {
  std::string k = text();
  for (const qn_inst& i : program.inst)
    for (const int64_t n : {int64_t{i.dtype}, int64_t{i.a}, int64_t{i.b}, int64_t{i.c}})
      k += "/" + std::to_string(n);
  return k;
}

Problem copy_problem(const qn_opdesc& op) {
  Problem p;
  p.op = op.op;
  p.n_op_in = op.n_op_in;
  auto meta = [](const qn_array_desc& a) {
    return Meta{a.dtype, Shape(a.shape, a.shape + a.ndim)};
  };
  for (uint32_t i = 0; i < op.n_in; ++i) p.in.push_back(meta(op.in[i]));
  for (uint32_t i = 0; i < op.n_out; ++i) p.out.push_back(meta(op.out[i]));
  for (uint32_t i = 0; i < op.n_attr; ++i) {
    const qn_attr& a = op.attr[i];
    AttrValue v;
    v.type = a.type;
    if (a.type == QN_ATTR_INT || a.type == QN_ATTR_DTYPE) v.i = a.v.i;
    if (a.type == QN_ATTR_FLOAT) v.f = a.v.f;
    if (a.type == QN_ATTR_INTS) v.is.assign(a.v.is, a.v.is + a.count);
    if (a.type == QN_ATTR_FLOATS) v.fs.assign(a.v.fs, a.v.fs + a.count);
    if (a.type == QN_ATTR_STR) v.s.assign(a.v.s, a.count);
    p.attrs.push_back(std::move(v));
  }
  if (op.program) {
    const qn_program& g = *op.program;
    p.program.in_dtype.assign(g.in_dtype, g.in_dtype + g.n_in);
    p.program.inst.assign(g.inst, g.inst + g.n_inst);
    p.program.out.assign(g.out, g.out + g.n_out);
  }
  return p;
}

Problem relayout_problem(const Meta& m) {
  Problem p;
  p.op = QN_OP_RELAYOUT;
  p.n_op_in = 1;
  p.in = p.out = {m};
  return p;
}

Desc::Desc(const Problem& p, const std::vector<Layout>& in, const std::vector<Layout>& out,
           Asking asking)
    : values_(p.attrs), attrs_(raw_attrs(values_)), copy_(p.program) {
  desc_.hdr.struct_size = sizeof desc_;
  desc_.op = p.op;
  desc_.max_workers = asking.workers;
  desc_.accuracy = asking.accuracy;
  desc_.n_op_in = p.n_op_in;
  for (std::size_t i = 0; i < p.in.size(); ++i) add(in_, p.in[i], in[i]);
  for (std::size_t i = 0; i < p.out.size(); ++i) add(out_, p.out[i], out[i]);
  desc_.in = in_.data();
  desc_.n_in = static_cast<uint32_t>(in_.size());
  desc_.out = out_.data();
  desc_.n_out = static_cast<uint32_t>(out_.size());
  desc_.attr = attrs_.data();
  desc_.n_attr = static_cast<uint32_t>(attrs_.size());
  desc_.const_mask = asking.const_mask;
  if (copy_.inst.empty()) return;
  program_.hdr.struct_size = sizeof program_;
  program_.version = 1;
  program_.n_in = static_cast<uint32_t>(copy_.in_dtype.size());
  program_.n_inst = static_cast<uint32_t>(copy_.inst.size());
  program_.n_out = static_cast<uint32_t>(copy_.out.size());
  program_.in_dtype = copy_.in_dtype.data();
  program_.inst = copy_.inst.data();
  program_.out = copy_.out.data();
  desc_.program = &program_;
}

void Desc::add(std::vector<qn_array_desc>& to, const Meta& m, const Layout& l) {
  qn_array_desc a{};
  a.hdr.struct_size = sizeof a;
  a.dtype = m.dtype;
  a.ndim = static_cast<uint32_t>(m.shape.size());
  a.shape = numbers_.emplace_back(m.shape).data();
  a.device_type = 1;
  if (l.named) {
    const std::string& name = names_.emplace_back(l.name);
    a.layout.kind = QN_LAYOUT_NAMED;
    a.layout.name = {name.data(), name.size()};
    a.layout.bytes = l.bytes;
  } else if (!l.any) {
    Shape& strides = numbers_.emplace_back(l.strides);
    strides.push_back(0);  // a pointer also for an array without axes
    a.layout.strides = strides.data();
  }
  to.push_back(a);
}

namespace {

// Calls f(dense offset, strided offset), in bytes, for each element.
template <class F>
void walk(const Meta& m, const Shape& strides, F&& f) {
  const int64_t n = m.count(), item = itemsize(m.dtype);
  Shape at(m.shape.size(), 0);
  int64_t offset = 0;
  for (int64_t i = 0; i < n; ++i) {
    f(i * item, offset * item);
    for (std::size_t d = m.shape.size(); d-- > 0;) {
      offset += strides[d];
      if (++at[d] < m.shape[d]) break;
      offset -= strides[d] * m.shape[d];
      at[d] = 0;
    }
  }
}

}  // namespace

void scatter(const Bytes& dense, const Meta& m, const Shape& strides, unsigned char* base) {
  const uint32_t item = itemsize(m.dtype);
  walk(m, strides,
       [&](int64_t from, int64_t to) { std::memcpy(base + to, dense.data() + from, item); });
}

Bytes gather(const unsigned char* base, const Meta& m, const Shape& strides) {
  Bytes dense(m.bytes());
  const uint32_t item = itemsize(m.dtype);
  walk(m, strides,
       [&](int64_t to, int64_t from) { std::memcpy(dense.data() + to, base + from, item); });
  return dense;
}

}  // namespace quern_cli::check
