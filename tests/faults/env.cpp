// Checks of every call, and of what is left at the end.
#include "env.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace faults {
namespace {

void* hook_alloc(void* self, uint64_t size, uint64_t align, uint32_t) noexcept {
  if (event(Source::hooks)) return nullptr;
  void* p = std::aligned_alloc(align, (size + align - 1) / align * align);
  if (p) *static_cast<std::atomic<int64_t>*>(self) += static_cast<int64_t>(size);
  return p;
}
void hook_free(void* self, void* p, uint64_t size, uint64_t, uint32_t) noexcept {
  *static_cast<std::atomic<int64_t>*>(self) -= static_cast<int64_t>(size);
  std::free(p);
}

}  // namespace

Env::Env(Given given, const std::string& plugin, std::string dir, std::set<std::string>& covered)
    : folder(std::move(dir)), covered_(covered) {
  allocator_.hdr.struct_size = sizeof allocator_;
  allocator_.self = &hook_bytes_;
  allocator_.alloc = hook_alloc;
  allocator_.free = hook_free;
  if (given == Given::nothing) return;
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.plugin_policy = QN_PLUGINS_BUILTIN;
  c.n_threads = given == Given::plugin ? 2 : 1;
  c.allocator = &allocator_;
  const std::string rules = given == Given::plugin ? "*=" + plugin : "";
  c.kernels = rules.c_str();
  EXPECT_EQ(qn_runtime_create(&c, &rt, nullptr), QN_OK);
  if (given != Given::plugin) return;
  const std::string file = QUERN_PLUGIN_DIR "/" + plugin + ".so";
  EXPECT_EQ(qn_plugin_load(rt, file.c_str(), nullptr, nullptr), QN_OK) << file;
}

void Env::release() {
  for (; !results_.empty(); results_.pop_back()) {
    const Result& r = results_.back();
    if (r.value == mark()) continue;
    arm();
    r.release(r.value);
    disarm();
  }
  pending_ = 0;
}

Env::~Env() {
  release();
  arm();
  qn_runtime_release(rt);
  disarm();
  EXPECT_EQ(hook_bytes_, 0) << "memory of the allocator hooks is left";
}

void Env::check(const char* name, qn_status status, qn_error* error) {
  for (std::size_t i = results_.size() - pending_; i < results_.size(); ++i)
    EXPECT_EQ(results_[i].value == mark(), status != QN_OK)
        << name << (status ? " failed and wrote a result" : " worked and wrote no result");
  if (status == QN_OK) {
    EXPECT_EQ(error, nullptr) << name;
    qn_error_free(error);
    pending_ = 0;
    return;
  }
  EXPECT_TRUE(injected()) << name << " failed without a fault: " << qn_error_message(error);
  EXPECT_NE(error, nullptr) << name;
  EXPECT_EQ(qn_error_code(error), status);
  EXPECT_GT(std::strlen(qn_error_message(error)), 8u) << name;
  if (memory_fault() && !any_code) {
    EXPECT_EQ(status, QN_E_RESOURCE_EXHAUSTED) << name << ": " << qn_error_message(error);
  }
  qn_error_free(error);
  throw Stopped{};
}

qn_array* Env::data(const std::vector<float>& values, const Ints& shape) {
  qn_array** out = array();
  call("qn_array_from_data", qn_array_from_data, rt, static_cast<const void*>(values.data()),
       shape.data(), static_cast<uint32_t>(shape.size()), QN_F32, out);
  return *out;
}

qn_array* Env::ramp(const Ints& shape) {
  int64_t n = 1;
  for (const int64_t d : shape) n *= d;
  std::vector<float> v;
  for (int64_t i = 0; i < n; ++i) v.push_back(0.1f * static_cast<float>(i % 40 + 1));
  return data(v, shape);
}

qn_array* Env::indices(const std::vector<uint32_t>& values, const Ints& shape) {
  qn_array** out = array();
  call("qn_array_from_data", qn_array_from_data, rt, static_cast<const void*>(values.data()),
       shape.data(), static_cast<uint32_t>(shape.size()), QN_U32, out);
  return *out;
}

qn_array* Env::op(const char* name, std::vector<qn_array*> in, std::initializer_list<Value> attrs) {
  return ops(name, std::move(in), 1, attrs)[0];
}

std::vector<qn_array*> Env::ops(const char* name, std::vector<qn_array*> in, uint32_t n_out,
                                std::initializer_list<Value> attrs) {
  uint32_t id = 0;
  EXPECT_EQ(qn_op_lookup(name, &id, nullptr), QN_OK) << name;
  std::vector<qn_attr> list;
  for (const Value& v : attrs) {
    qn_attr a{};
    if (const auto* i = std::get_if<int64_t>(&v)) {
      a.type = QN_ATTR_INT;
      a.v.i = *i;
    } else if (const auto* f = std::get_if<double>(&v)) {
      a.type = QN_ATTR_FLOAT;
      a.v.f = *f;
    } else if (const auto* s = std::get_if<std::string>(&v)) {
      a.type = QN_ATTR_STR;
      a.count = static_cast<uint32_t>(s->size());
      a.v.s = s->data();
    } else if (const auto* t = std::get_if<qn_dtype>(&v)) {
      a.type = QN_ATTR_DTYPE;
      a.v.i = *t;
    } else {
      const Ints& is = std::get<Ints>(v);
      a.type = QN_ATTR_INTS;
      a.count = static_cast<uint32_t>(is.size());
      a.v.is = is.data();
    }
    list.push_back(a);
  }
  return several(n_out, [&](qn_array** out) {
    call("qn_op", qn_op, rt, id, static_cast<qn_array* const*>(in.data()),
         static_cast<uint32_t>(in.size()), static_cast<const qn_attr*>(list.data()),
         static_cast<uint32_t>(list.size()), out, n_out);
  });
}

std::vector<qn_array*> Env::several(uint32_t n, const std::function<void(qn_array**)>& call) {
  std::vector<qn_array*> out(n, nullptr);
  try {
    call(out.data());
  } catch (const Stopped&) {
    for (qn_array* a : out) EXPECT_EQ(a, nullptr) << "a failed call wrote a result";
    throw;
  }
  for (qn_array* a : out) adopt(a);
  return out;
}

void Env::eval(std::vector<qn_array*> arrays) {
  call("qn_eval", qn_eval, static_cast<qn_array* const*>(arrays.data()),
       static_cast<uint32_t>(arrays.size()));
  for (qn_array* a : arrays) look(a);
}

void Env::look(qn_array* a) {
  const uint64_t size = qn_array_size(a) * ((qn_array_dtype(a) >> 8 & 0xff) / 8);
  std::string bytes(size, '\0');
  qn_error* error = nullptr;
  EXPECT_EQ(qn_array_copy_out(a, bytes.data(), size, &error), QN_OK) << qn_error_message(error);
  qn_error_free(error);
  if (qn_array_dtype(a) == QN_F32) {
    std::vector<float> values(size / sizeof(float));
    if (size) std::memcpy(values.data(), bytes.data(), size);
    seen.insert(seen.end(), values.begin(), values.end());
  } else {
    seen.insert(seen.end(), bytes.begin(), bytes.end());
  }
}

void Env::look(const std::string& file) {
  std::ifstream f(file, std::ios::binary);
  EXPECT_TRUE(f) << file;
  seen.insert(seen.end(), std::istreambuf_iterator<char>(f), {});
}

void Env::expect_usable() {
  if (!rt) return;
  const float v[] = {1, 2, 3, 4};
  const int64_t shape[] = {2, 2};
  qn_array *x = nullptr, *y = nullptr, *sum = nullptr;
  double value = 0;
  qn_error* error = nullptr;
  EXPECT_EQ(qn_array_from_data(rt, v, shape, 2, QN_F32, &x, &error), QN_OK);
  EXPECT_EQ(qn_matmul(rt, x, x, &y, &error), QN_OK);
  EXPECT_EQ(qn_sum(rt, y, nullptr, 0, 0, &sum, &error), QN_OK);
  EXPECT_EQ(qn_array_item_f64(sum, &value, &error), QN_OK) << qn_error_message(error);
  EXPECT_EQ(value, 54);
  qn_error_free(error);
  qn_array_release(x);
  qn_array_release(y);
  qn_array_release(sum);
}

std::vector<Scenario> all_scenarios() {
  std::vector<Scenario> all;
  for (const auto& part :
       {runtime_scenarios(), array_scenarios(), op_scenarios(), plugin_scenarios(),
        function_scenarios(), transform_scenarios(), file_scenarios()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace faults
