// Every field is written with its length before it, so that no two descriptions share their bytes.
#include "runtime/host/query_key.h"

#include <type_traits>

namespace quern {
namespace {

class Writer {
 public:
  explicit Writer(bool values) : values_(values) {}
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
        return values_ ? number(a.v.f) : void();
      case QN_ATTR_INTS:
        return numbers(a.v.is, a.count);
      case QN_ATTR_FLOATS:
        return values_ ? numbers(a.v.fs, a.count) : number(a.count);
      case QN_ATTR_STR:
        return numbers(a.v.s, a.count);
      default:
        return number(a.v.i);
    }
  }
  void program(const qn_program& p) {
    number(p.version);
    numbers(p.in_dtype, p.n_in);
    number(p.n_inst);
    for (std::uint32_t i = 0; i < p.n_inst; ++i) {
      const qn_inst& k = p.inst[i];
      for (const std::int32_t v : {k.a, k.b, k.c}) number(v);
      number(k.op);
      number(k.dtype);
      if (values_) number(k.imm);
    }
    numbers(p.out, p.n_out);
  }
  std::string take() { return std::move(out_); }

 private:
  void bytes(const void* p, std::size_t n) { out_.append(static_cast<const char*>(p), n); }
  const bool values_;
  std::string out_;
};

std::string written(const qn_opdesc& op, bool values) {
  Writer w(values);
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

// Two independent mixes of the same bytes.
std::uint64_t mixed(const std::string& bytes, std::uint64_t seed) {
  std::uint64_t h = seed;
  for (const char c : bytes) {
    h = (h ^ static_cast<unsigned char>(c)) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
  }
  return h;
}

}  // namespace

std::string query_key(const qn_opdesc& op) { return written(op, true); }

std::string query_digest(const qn_opdesc& op) {
  const std::string bytes = written(op, false);
  std::string hex;
  for (const std::uint64_t seed : {0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full})
    for (std::uint64_t h = mixed(bytes, seed), i = 0; i < 16; ++i, h <<= 4)
      hex += "0123456789abcdef"[h >> 60];
  return hex;
}

}  // namespace quern
