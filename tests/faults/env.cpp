// Checks of every call, and of what is left at the end.
#include "env.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

namespace faults {
namespace {

void* hook_alloc(void* self, uint64_t size, uint64_t align, uint32_t) noexcept {
  if (event(Source::hooks)) return nullptr;
  void* p = std::aligned_alloc(align, (size + align - 1) / align * align);
  if (p) *static_cast<int64_t*>(self) += static_cast<int64_t>(size);
  return p;
}
void hook_free(void* self, void* p, uint64_t size, uint64_t, uint32_t) noexcept {
  *static_cast<int64_t*>(self) -= static_cast<int64_t>(size);
  std::free(p);
}

}  // namespace

Env::Env(bool with_runtime, std::string dir, std::set<std::string>& covered)
    : folder(std::move(dir)), covered_(covered) {
  allocator_.hdr.struct_size = sizeof allocator_;
  allocator_.self = &hook_bytes_;
  allocator_.alloc = hook_alloc;
  allocator_.free = hook_free;
  if (!with_runtime) return;
  qn_runtime_config c{};
  c.hdr.struct_size = sizeof c;
  c.plugin_policy = QN_PLUGINS_BUILTIN;
  c.n_threads = 1;
  c.allocator = &allocator_;
  c.kernels = "";
  EXPECT_EQ(qn_runtime_create(&c, &rt, nullptr), QN_OK);
}

Env::~Env() {
  for (; !results_.empty(); results_.pop_back()) {
    const Result& r = results_.back();
    if (r.value == mark()) continue;
    arm();
    r.release(r.value);
    disarm();
  }
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
  for (int64_t i = 0; i < n; ++i) v.push_back(0.1f * static_cast<float>(i + 1));
  return data(v, shape);
}

qn_array* Env::indices(const std::vector<uint32_t>& values, const Ints& shape) {
  qn_array** out = array();
  call("qn_array_from_data", qn_array_from_data, rt, static_cast<const void*>(values.data()),
       shape.data(), static_cast<uint32_t>(shape.size()), QN_U32, out);
  return *out;
}

qn_array* Env::op(const char* name, std::vector<qn_array*> in, std::initializer_list<Value> attrs) {
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
  qn_array** out = array();
  call("qn_op", qn_op, rt, id, static_cast<qn_array* const*>(in.data()),
       static_cast<uint32_t>(in.size()), static_cast<const qn_attr*>(list.data()),
       static_cast<uint32_t>(list.size()), out, 1u);
  return *out;
}

void Env::eval(std::vector<qn_array*> arrays) {
  call("qn_eval", qn_eval, static_cast<qn_array* const*>(arrays.data()),
       static_cast<uint32_t>(arrays.size()));
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
  for (const auto& part : {runtime_scenarios(), array_scenarios(), op_scenarios(),
                           function_scenarios(), file_scenarios()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace faults
