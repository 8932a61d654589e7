// Every field is written with its length before it, so that no two descriptions share their bytes.
#include "runtime/host/query_key.h"

#include <type_traits>

namespace quern {
namespace {

class Writer {
 public:
  template <class T>
  void number(T v) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes(&v, sizeof v);
  }
  template <class T>
  void numbers(const T* v, std::uint64_t n) {
    number(n);
    if (n) bytes(v, n * sizeof(T));
  }
  void array(const qn_array_desc& a) {
    number(a.dtype);
    number(a.device_type);
    numbers(a.shape, a.ndim);
    number(a.layout.kind);
    if (a.layout.kind == QN_LAYOUT_NAMED) {
      numbers(a.layout.name.ptr, a.layout.name.len);
      number(a.layout.bytes);
    } else {
      numbers(a.layout.strides, a.layout.strides ? a.ndim : 0);
    }
  }
  void attr(const qn_attr& a) {
    number(a.type);
    switch (a.type) {
      case QN_ATTR_FLOAT:
        return number(a.v.f);
      case QN_ATTR_INTS:
        return numbers(a.v.is, a.count);
      case QN_ATTR_FLOATS:
        return numbers(a.v.fs, a.count);
      case QN_ATTR_STR:
        return numbers(a.v.s, a.count);
      default:
        return number(a.v.i);
    }
  }
  void program(const qn_program& p) {
    number(p.version);
    numbers(p.in_dtype, p.n_in);
    numbers(p.inst, p.n_inst);
    numbers(p.out, p.n_out);
  }
  std::string take() { return std::move(out_); }

 private:
  void bytes(const void* p, std::size_t n) { out_.append(static_cast<const char*>(p), n); }
  std::string out_;
};

}  // namespace

std::string query_key(const qn_opdesc& op) {
  Writer w;
  w.number(op.op);
  w.number(op.max_workers);
  w.number(op.accuracy);
  w.number(op.n_op_in);
  w.number(op.const_mask);
  w.number(op.n_in);
  for (std::uint32_t i = 0; i < op.n_in; ++i) w.array(op.in[i]);
  w.number(op.n_out);
  for (std::uint32_t i = 0; i < op.n_out; ++i) w.array(op.out[i]);
  w.number(op.n_attr);
  for (std::uint32_t i = 0; i < op.n_attr; ++i) w.attr(op.attr[i]);
  w.number(op.program != nullptr);
  if (op.program) w.program(*op.program);
  return w.take();
}

}  // namespace quern
