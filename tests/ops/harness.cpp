// The harness: talking to the C API and laying values out in memory.
// What a row of a table means is in cases.cpp.
#include "tests/ops/harness.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <set>

namespace quern::test {

const Dtypes kFloats = {QN_F32, QN_F64, QN_F16, QN_BF16};
const Dtypes kIntegers = {QN_I32, QN_I64, QN_I16, QN_I8, QN_U32, QN_U64, QN_U16, QN_U8};
const Dtypes kSigned = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_I64, QN_I16, QN_I8};
const Dtypes kNumbers = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_I64,
                         QN_I16, QN_I8,  QN_U32, QN_U64,  QN_U16, QN_U8};
const Dtypes kAll = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_I64, QN_I16,
                     QN_I8,  QN_U32, QN_U64, QN_U16,  QN_U8,  QN_BOOL};
const Dtypes kAny = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_I32, QN_I64,  QN_I16,
                     QN_I8,  QN_U32, QN_U64, QN_U16,  QN_U8,  QN_BOOL, QN_C64};
const Dtypes kFields = {QN_F32, QN_F64, QN_F16, QN_BF16, QN_C64};

Attribute ints(Shape v) { return {QN_ATTR_INTS, 0, 0, std::move(v), {}}; }
Attribute integer(std::int64_t v) { return {QN_ATTR_INT, v, 0, {}, {}}; }
Attribute number(double v) { return {QN_ATTR_FLOAT, 0, v, {}, {}}; }
Attribute numbers(std::vector<double> v) { return {QN_ATTR_FLOATS, 0, 0, {}, {}, std::move(v)}; }
Attribute text(std::string v) { return {QN_ATTR_STR, 0, 0, {}, std::move(v)}; }
Attribute dtype(qn_dtype v) { return {QN_ATTR_DTYPE, static_cast<std::int64_t>(v), 0, {}, {}}; }
Attribute by_default() { return {}; }

void check(qn_status status, qn_error*& error) {
  if (status == QN_OK) return;
  const std::string what = std::string(qn_status_name(status)) + ": " + qn_error_message(error);
  qn_error_free(error);
  error = nullptr;
  throw Failure(status, what);
}

Shape Array::shape() const {
  const std::int64_t* s = qn_array_shape(array_);
  return s ? Shape(s, s + qn_array_ndim(array_)) : Shape();
}

Runtime::Runtime(const std::string& rules) {
  qn_runtime_config config{};
  config.hdr.struct_size = sizeof config;
  config.n_threads = 2;
  config.kernels = rules.c_str();
  qn_error* error = nullptr;
  check(qn_runtime_create(&config, &runtime_, &error), error);
}

bool Runtime::has_plugin(const std::string& id) const {
  struct Search {
    const std::string& id;
    bool found;
  } search{id, false};
  qn_error* error = nullptr;
  check(qn_report_plugins(
            runtime_,
            [](void* self, const qn_plugin_report* r) {
              auto* s = static_cast<Search*>(self);
              s->found |= s->id == r->id && std::strcmp(r->status, "active") == 0;
            },
            &search, &error),
        error);
  return search.found;
}

std::size_t Runtime::kernels() const {
  std::set<std::string> seen;
  qn_error* error = nullptr;
  check(qn_report_kernels(
            runtime_,
            [](void* self, const qn_kernel_report* r) {
              static_cast<std::set<std::string>*>(self)->insert(std::string(r->plugin) + "/" +
                                                                r->kernel);
            },
            &seen, &error),
        error);
  return seen.size();
}

Runtime& Runtime::preferring(const std::string& plugin) {
  static std::map<std::string, std::unique_ptr<Runtime>> made;
  auto& slot = made[plugin];
  if (!slot)
    slot = std::make_unique<Runtime>(plugin == "naive" ? "*=naive" : "*=" + plugin + "|naive");
  return *slot;
}

const std::vector<std::string>& bundled_plugins() {
  static const std::vector<std::string> plugins = {"naive", "openblas", "onednn",
                                                   "tbb",   "simd",     "amx"};
  return plugins;
}

const char* name(Form f) {
  switch (f) {
    case Form::dense:
      return "dense";
    case Form::transposed:
      return "transposed";
    case Form::reversed:
      return "reversed";
    case Form::gapped:
      return "gapped";
    default:
      return "repeated";
  }
}

const char* name(qn_dtype t) {
  switch (t) {
    case QN_BOOL:
      return "bool";
    case QN_U8:
      return "u8";
    case QN_U16:
      return "u16";
    case QN_U32:
      return "u32";
    case QN_U64:
      return "u64";
    case QN_I8:
      return "i8";
    case QN_I16:
      return "i16";
    case QN_I32:
      return "i32";
    case QN_I64:
      return "i64";
    case QN_F16:
      return "f16";
    case QN_BF16:
      return "bf16";
    case QN_F32:
      return "f32";
    case QN_F64:
      return "f64";
    default:
      return "c64";
  }
}

bool is_float(qn_dtype t) { return t == QN_F16 || t == QN_BF16 || t == QN_F32 || t == QN_F64; }

namespace {

std::size_t item_bytes(qn_dtype t) { return (t >> 8 & 0xffu) / 8; }

template <typename T>
void put(void* at, double v) {
  const T t = static_cast<T>(v);
  std::memcpy(at, &t, sizeof t);
}

template <typename T>
double get(const void* at) {
  T t;
  std::memcpy(&t, at, sizeof t);
  return static_cast<double>(t);
}

#if defined(__aarch64__)
using Half = __fp16;
#else
using Half = _Float16;
#endif

// Ties to even; the tests' values are never within f32's own rounding of a tie.
std::uint16_t to_bf16(double v) {
  const float f = static_cast<float>(v);
  std::uint32_t u;
  std::memcpy(&u, &f, sizeof u);
  if (std::isnan(f)) return static_cast<std::uint16_t>(u >> 16 | 0x40u);
  return static_cast<std::uint16_t>((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

void encode(void* at, double v, qn_dtype t) {
  switch (t) {
    case QN_BOOL:
      return put<std::uint8_t>(at, v != 0);
    case QN_U8:
      return put<std::uint8_t>(at, v);
    case QN_U16:
      return put<std::uint16_t>(at, v);
    case QN_U32:
      return put<std::uint32_t>(at, v);
    case QN_U64:
      return put<std::uint64_t>(at, v);
    case QN_I8:
      return put<std::int8_t>(at, v);
    case QN_I16:
      return put<std::int16_t>(at, v);
    case QN_I32:
      return put<std::int32_t>(at, v);
    case QN_I64:
      return put<std::int64_t>(at, v);
    case QN_F16:
      return put<Half>(at, v);
    case QN_F32:
    case QN_C64:  // the real part; the other one lies behind it
      return put<float>(at, v);
    case QN_F64:
      return put<double>(at, v);
    case QN_BF16: {
      const std::uint16_t bits = to_bf16(v);
      std::memcpy(at, &bits, sizeof bits);
      return;
    }
    default:
      throw std::logic_error("the harness does not store this dtype");
  }
}

double decode(const void* at, qn_dtype t) {
  switch (t) {
    case QN_BOOL:
    case QN_U8:
      return get<std::uint8_t>(at);
    case QN_U16:
      return get<std::uint16_t>(at);
    case QN_U32:
      return get<std::uint32_t>(at);
    case QN_U64:
      return get<std::uint64_t>(at);
    case QN_I8:
      return get<std::int8_t>(at);
    case QN_I16:
      return get<std::int16_t>(at);
    case QN_I32:
      return get<std::int32_t>(at);
    case QN_I64:
      return get<std::int64_t>(at);
    case QN_F16:
      return get<Half>(at);
    case QN_F32:
    case QN_C64:
      return get<float>(at);
    case QN_F64:
      return get<double>(at);
    case QN_BF16: {
      const std::uint32_t u = static_cast<std::uint32_t>(get<std::uint16_t>(at)) << 16;
      return get<float>(&u);
    }
    default:
      throw std::logic_error("the harness does not read this dtype");
  }
}

struct Placement {
  Shape strides;
  std::int64_t base = 0, elements = 1;  // place of element 0, size of the memory
};

Placement place(const Shape& shape, Form form) {
  Placement p;
  const std::size_t n = shape.size();
  p.strides.resize(n);
  std::int64_t step = form == Form::gapped ? 2 : 1;
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t axis = form == Form::transposed ? k : n - 1 - k;
    p.strides[axis] = step;
    step *= form == Form::gapped ? shape[axis] + 1 : shape[axis];
  }
  p.elements = std::max<std::int64_t>(step, 1);
  if (form == Form::repeated && n > 0) p.strides[0] = 0;
  if (form == Form::reversed) {
    for (std::size_t k = 0; k < n; ++k) {
      p.base += p.strides[k] * std::max<std::int64_t>(shape[k] - 1, 0);
      p.strides[k] = -p.strides[k];
    }
  }
  return p;
}

}  // namespace

double rounded(double v, qn_dtype t) {
  if (t == QN_BOOL) return v != 0 ? 1 : 0;
  unsigned char bytes[8];
  encode(bytes, v, t);
  return decode(bytes, t);
}

Array array(const Runtime& rt, const Value& v, qn_dtype t, Form form) {
  const Placement p = place(v.shape, form);
  const std::size_t item = item_bytes(t), n = v.shape.size();
  auto memory =
      std::make_unique<std::vector<unsigned char>>(static_cast<std::size_t>(p.elements) * item);
  Shape index(n, 0);
  for (std::size_t i = 0; i < v.data.size(); ++i) {
    std::int64_t at = p.base;
    for (std::size_t k = 0; k < n; ++k) at += index[k] * p.strides[k];
    unsigned char* place = memory->data() + at * static_cast<std::int64_t>(item);
    encode(place, v.data[i], t);
    if (t == QN_C64) put<float>(place + sizeof(float), v.imag.empty() ? 0 : v.imag[i]);
    for (std::size_t k = n; k-- > 0 && ++index[k] == v.shape[k];) index[k] = 0;
  }
  qn_array* out = nullptr;
  qn_error* error = nullptr;
  check(qn_array_borrow(
            rt.get(), memory->data() + p.base * static_cast<std::int64_t>(item), v.shape.data(),
            form == Form::dense ? nullptr : p.strides.data(), static_cast<std::uint32_t>(n), t,
            [](void* m) { delete static_cast<std::vector<unsigned char>*>(m); }, memory.get(), &out,
            &error),
        error);
  memory.release();  // the array's now
  return Array(out);
}

Value read(const Array& a) {
  const std::size_t item = item_bytes(a.dtype()), n = qn_array_size(a.get());
  std::vector<unsigned char> bytes(n * item + 1);
  qn_error* error = nullptr;
  check(qn_array_copy_out(a.get(), bytes.data(), n * item, &error), error);
  Value v{a.shape(), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) v.data[i] = decode(bytes.data() + i * item, a.dtype());
  if (a.dtype() == QN_C64) {
    for (std::size_t i = 0; i < n; ++i)
      v.imag.push_back(get<float>(bytes.data() + i * item + sizeof(float)));
  }
  return v;
}

Array apply(const Runtime& rt, const std::string& op, const std::vector<Array>& in,
            const std::vector<Attribute>& attrs, std::uint32_t n_out, std::uint32_t which) {
  std::vector<qn_array*> raw;
  for (const Array& a : in) raw.push_back(a.get());
  std::vector<qn_attr> attr;
  for (const Attribute& a : attrs) {
    qn_attr r{};
    r.type = a.type;
    switch (a.type) {
      case QN_ATTR_FLOAT:
        r.v.f = a.f;
        break;
      case QN_ATTR_INTS:
        r.count = static_cast<std::uint32_t>(a.is.size()), r.v.is = a.is.data();
        break;
      case QN_ATTR_FLOATS:
        r.count = static_cast<std::uint32_t>(a.fs.size()), r.v.fs = a.fs.data();
        break;
      case QN_ATTR_STR:
        r.count = static_cast<std::uint32_t>(a.s.size()), r.v.s = a.s.data();
        break;
      default:
        r.v.i = a.i;
    }
    attr.push_back(r);
  }
  qn_error* error = nullptr;
  std::uint32_t id = 0;
  check(qn_op_lookup(op.c_str(), &id, &error), error);
  std::vector<qn_array*> out(n_out);
  check(qn_op(rt.get(), id, raw.data(), static_cast<std::uint32_t>(raw.size()), attr.data(),
              static_cast<std::uint32_t>(attr.size()), out.data(), n_out, &error),
        error);
  return std::vector<Array>(out.begin(), out.end()).at(which);
}

}  // namespace quern::test
