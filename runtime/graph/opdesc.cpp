// Descriptions for plugins; see kernel.h for what the fields mean.
#include "runtime/graph/opdesc.h"

namespace quern {

OpDesc::OpDesc(std::uint32_t op, const AttrList& attrs, std::size_t n_op_in, std::uint32_t workers,
               std::uint32_t accuracy) {
  desc_.hdr.struct_size = sizeof desc_;
  desc_.op = op;
  desc_.max_workers = workers;
  desc_.accuracy = accuracy;
  desc_.n_op_in = static_cast<std::uint32_t>(n_op_in);
  for (const Attr& a : attrs) {
    qn_attr q{};
    if (auto* i = std::get_if<std::int64_t>(&a)) {
      q.type = QN_ATTR_INT;
      q.v.i = *i;
    } else if (auto* f = std::get_if<double>(&a)) {
      q.type = QN_ATTR_FLOAT;
      q.v.f = *f;
    } else if (auto* is = std::get_if<Ints>(&a)) {
      q.type = QN_ATTR_INTS;
      q.count = static_cast<std::uint32_t>(is->size());
      q.v.is = is->data();
    } else if (auto* fs = std::get_if<Floats>(&a)) {
      q.type = QN_ATTR_FLOATS;
      q.count = static_cast<std::uint32_t>(fs->size());
      q.v.fs = fs->data();
    } else if (auto* s = std::get_if<std::string>(&a)) {
      q.type = QN_ATTR_STR;
      q.count = static_cast<std::uint32_t>(s->size());
      q.v.s = s->data();
    } else {
      q.type = QN_ATTR_DTYPE;
      q.v.i = to_abi(std::get<DType>(a));
    }
    attrs_.push_back(q);
  }
}

void OpDesc::add(std::vector<qn_array_desc>& v, const Meta& m, const Layout& l) {
  qn_array_desc d{};
  d.hdr.struct_size = sizeof d;
  d.dtype = to_abi(m.dtype);
  d.ndim = static_cast<std::uint32_t>(m.shape.size());
  shapes_.push_back(m.shape);
  d.shape = shapes_.back().data();
  d.device_type = 1;
  if (l.named) {
    names_.push_back(l.name);
    d.layout.kind = QN_LAYOUT_NAMED;
    d.layout.name = {names_.back().data(), names_.back().size()};
    d.layout.bytes = l.bytes;
  } else if (!l.any) {
    strides_.push_back(l.strides);
    d.layout.strides = strides_.back().data();
  }
  v.push_back(d);
}

void OpDesc::set_program(const Program& p) {
  program_.hdr.struct_size = sizeof program_;
  program_.version = 1;
  program_.n_in = static_cast<std::uint32_t>(p.in_dtype.size());
  program_.n_inst = static_cast<std::uint32_t>(p.inst.size());
  program_.n_out = static_cast<std::uint32_t>(p.out.size());
  program_.in_dtype = p.in_dtype.data();
  program_.inst = p.inst.data();
  program_.out = p.out.data();
  desc_.program = &program_;
}

const qn_opdesc& OpDesc::get() {
  desc_.in = in_.data();
  desc_.n_in = static_cast<std::uint32_t>(in_.size());
  desc_.out = out_.data();
  desc_.n_out = static_cast<std::uint32_t>(out_.size());
  desc_.attr = attrs_.data();
  desc_.n_attr = static_cast<std::uint32_t>(attrs_.size());
  return desc_;
}

}  // namespace quern
