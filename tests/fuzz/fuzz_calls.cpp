// Sequences of API calls over a few handles of each kind: any order, results used again, handles
// released early, errors wanted or not.
#include <algorithm>

#include "ops.h"

namespace {

using namespace fuzz;

constexpr std::size_t kSlots = 6;

// Callbacks of functions: what they do is chosen when the function is made.
struct Body {
  std::uint8_t kind;
};
qn_status body(void* self, qn_array* const* in, std::uint32_t n_in, qn_array** out,
               std::uint32_t n_out, qn_error** error) {
  static std::uint32_t multiply = 0, sum = 0;
  if (!multiply) qn_op_lookup("multiply", &multiply, nullptr), qn_op_lookup("sum", &sum, nullptr);
  switch (static_cast<Body*>(self)->kind % 5) {
    case 0:
      return qn_error_new(QN_E_CANCELLED, "[callback] does not want to", error);
    case 1:  // leaves its outputs NULL
      return QN_OK;
    case 2:  // hands its inputs back
      for (std::uint32_t i = 0; i < n_out && n_in > 0; ++i) out[i] = qn_array_retain(in[i % n_in]);
      return QN_OK;
    default: {
      if (n_in == 0) return qn_error_new(QN_E_INVALID_ARGUMENT, "[callback] no inputs", error);
      qn_array* const pair[] = {in[0], in[n_in - 1]};
      for (std::uint32_t i = 0; i < n_out; ++i) {
        qn_array *product = nullptr, *total = nullptr;
        qn_status s = qn_op(nullptr, multiply, pair, 2, nullptr, 0, &product, 1, error);
        if (!s) s = qn_op(nullptr, sum, &product, 1, nullptr, 0, &total, 1, error);
        qn_array_release(product);
        if (s) {
          for (std::uint32_t k = 0; k < i; ++k) qn_array_release(out[k]), out[k] = nullptr;
          return s;
        }
        out[i] = total;
      }
      return QN_OK;
    }
  }
}
void drop(void* self) { delete static_cast<Body*>(self); }

class Machine {
 public:
  explicit Machine(Input& in) : in_(in) {}
  ~Machine() {
    for (Item& i : arrays_) qn_array_release(i.array);
    for (Function& f : functions_) qn_fn_release(f.fn);
  }
  void step();

 private:
  struct Function {
    qn_fn* fn = nullptr;
  };
  Item& slot() { return arrays_[in_.below(kSlots)]; }
  Function& function() { return functions_[in_.below(kSlots)]; }
  void put(qn_array* a, std::uint64_t cost) {
    if (!a) return;
    Item& to = slot();
    qn_array_release(to.array);
    to = {a, std::max(cost, qn_array_size(a))};
  }
  void put(qn_fn* f) {
    if (!f) return;
    Function& to = function();
    qn_fn_release(to.fn);
    to.fn = f;
  }
  // The error of every second call is not wanted.
  template <typename F, typename... A>
  bool call(F f, A... args) {
    if (++calls_ % 2) return f(args..., nullptr) == QN_OK;
    qn_error* e = nullptr;
    return worked(f(args..., &e), e);
  }
  void make();
  void record();
  void look();
  void functions();
  void runtime_calls();

  Input& in_;
  Item arrays_[kSlots];
  Function functions_[kSlots];
  unsigned calls_ = 0;
};

void Machine::make() {
  static const double values[64] = {1, 2, 3};
  std::int64_t shape[8];
  const std::uint32_t ndim = in_.below(4);
  std::int64_t bytes = 8;
  for (std::uint32_t i = 0; i < ndim; ++i) {
    shape[i] = in_.integer();
    if (shape[i] > 64 || (shape[i] > 0 && (bytes *= shape[i]) > 512)) bytes = 1 << 20;
  }
  qn_array* a = nullptr;
  const qn_dtype t = in_.dtype();
  switch (in_.below(3)) {
    case 0:
      if (bytes > 512) return;  // it would read that much
      call(qn_array_from_data, runtime(), static_cast<const void*>(values),
           static_cast<const std::int64_t*>(shape), ndim, t, &a);
      break;
    case 1:
      call(qn_scalar, runtime(), in_.number(), t, &a);
      break;
    default:
      a = qn_array_retain(pool_item(in_).array);
  }
  put(a, 0);
}

void Machine::record() {
  const Op& op = ops()[in_.word() % ops().size()];
  const std::uint32_t n = op.variadic ? 1 + in_.below(3) : op.n_in;
  std::vector<qn_array*> args;
  std::uint64_t cost = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const Item& s = in_.one_in(4) ? pool_item(in_) : slot();
    args.push_back(s.array);
    cost = std::max(cost, s.cost);
  }
  const Attributes attrs(in_, op);
  std::vector<qn_array*> out(op.n_out, nullptr);
  call(qn_op, in_.one_in(4) ? nullptr : runtime(), op.id,
       static_cast<qn_array* const*>(args.data()), n, attrs.data(), attrs.size(), out.data(),
       in_.one_in(32) ? in_.below(op.n_out + 1) : op.n_out);
  for (qn_array* a : out) put(a, cost);
}

void Machine::look() {
  Item& s = slot();
  switch (in_.below(9)) {
    case 0:
      qn_array_release(s.array);
      s = {};
      break;
    case 1: {
      if (s.cost > kCheap) break;
      std::vector<char> bytes(qn_array_size(s.array) * 8);
      const std::uint64_t item = (qn_array_dtype(s.array) >> 8 & 0xff) / 8;
      call(qn_array_copy_out, s.array, static_cast<void*>(bytes.data()),
           in_.one_in(8) ? bytes.size() : qn_array_size(s.array) * item);
      break;
    }
    case 2: {
      double f = 0;
      std::int64_t i = 0;
      if (s.cost > kCheap) break;
      call(qn_array_item_f64, s.array, &f);
      call(qn_array_item_i64, s.array, &i);
      break;
    }
    case 3: {
      const void* data = nullptr;
      const std::int64_t* strides = nullptr;
      if (s.cost <= kCheap) call(qn_array_data, s.array, &data, &strides);
      break;
    }
    case 4: {
      std::vector<qn_array*> list;
      for (Item& i : arrays_)
        if (i.array && i.cost <= kCheap && in_.one_in(2)) list.push_back(i.array);
      call(qn_eval, static_cast<qn_array* const*>(list.data()),
           static_cast<std::uint32_t>(list.size()));
      break;
    }
    case 5: {
      DLManagedTensorVersioned* t = nullptr;
      qn_array* a = nullptr;
      if (s.cost > kCheap || !call(qn_array_to_dlpack, s.array, &t)) break;
      if (!call(qn_array_from_dlpack, runtime(), t, &a)) broken("our own tensor is refused");
      put(a, s.cost);
      break;
    }
    case 6:
      put(qn_array_retain(s.array), s.cost);
      break;
    default:
      if (s.array && qn_array_runtime(s.array) != runtime()) broken("the runtime of an array");
      if (qn_array_ndim(s.array) > 0 && !qn_array_shape(s.array)) broken("no shape");
      (void)qn_array_is_evaluated(s.array);
  }
}

void Machine::functions() {
  Function& s = function();
  qn_fn* f = nullptr;
  std::uint32_t argnums[4];
  const std::uint32_t n = in_.below(4);
  for (std::uint32_t& a : argnums) a = in_.below(4);
  switch (in_.below(7)) {
    case 0:
      call(qn_fn_create, runtime(), body, static_cast<void*>(new Body{in_.byte()}), drop,
           in_.below(4), in_.below(3), &f);
      break;
    case 1:
      call(qn_fn_vjp, s.fn, static_cast<const std::uint32_t*>(argnums), n, &f);
      break;
    case 2:
      call(qn_fn_value_and_grad, s.fn, static_cast<const std::uint32_t*>(argnums), n, &f);
      break;
    case 3:
      call(qn_fn_compile, s.fn, &f);
      break;
    case 4:
      qn_fn_release(s.fn);
      s.fn = nullptr;
      return;
    default: {
      std::vector<qn_array*> args, out(qn_fn_n_out(s.fn), nullptr);
      std::uint64_t cost = 0;
      for (std::uint32_t i = 0; i < qn_fn_n_in(s.fn); ++i) {
        const Item& a = slot();
        args.push_back(a.array);
        cost = std::max(cost, a.cost);
      }
      if (cost > kCheap) return;  // compiled functions evaluate
      // A deep nest of derivatives is a program that takes long, not a finding.
      if (out.size() > 12) return;
      call(qn_fn_call, s.fn, static_cast<qn_array* const*>(args.data()),
           static_cast<std::uint32_t>(args.size()), out.data(),
           static_cast<std::uint32_t>(out.size()));
      for (qn_array* a : out) put(a, cost);
    }
  }
  put(f);
}

void Machine::runtime_calls() {
  switch (in_.below(6)) {
    case 0: {
      qn_stats s{};
      s.hdr.struct_size = in_.one_in(4) ? in_.word() % sizeof s : sizeof s;
      call(qn_runtime_stats, runtime(), &s);
      break;
    }
    case 1:
      call(qn_runtime_clear_cache, runtime());
      break;
    case 2:
      call(qn_set_profiling, runtime(), in_.below(2));
      break;
    case 3: {
      std::uint32_t id = 0;
      const std::string name =
          in_.one_in(2) ? in_.text(12) : ops()[in_.below(200) % ops().size()].name;
      call(qn_op_lookup, name.c_str(), &id);
      break;
    }
    case 4:
      call(
          qn_report_kernels, runtime(), [](void*, const qn_kernel_report*) {},
          static_cast<void*>(nullptr));
      break;
    default: {
      const Op& op = ops()[in_.word() % ops().size()];
      const Attributes attrs(in_, op);
      qn_array* args[] = {slot().array, slot().array, slot().array};
      call(
          qn_explain_op, runtime(), op.id, static_cast<qn_array* const*>(args),
          std::min(op.n_in, 3u), attrs.data(), attrs.size(),
          [](void*, const qn_candidate_report*) {}, static_cast<void*>(nullptr));
    }
  }
}

void Machine::step() {
  switch (in_.below(16)) {
    case 0:
    case 1:
    case 2:
      return make();
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
      return record();
    case 8:
    case 9:
    case 10:
      return look();
    case 15:
      if (in_.one_in(8)) return runtime_calls();
      return make();
    default:
      return functions();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  Machine machine(in);
  for (int steps = 0; steps < 24 && !in.empty(); ++steps) machine.step();
  return 0;
}
