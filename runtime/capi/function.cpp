// Entry points of functions: callbacks as functions, and the transforms that make functions of
// functions. The transforms themselves are in transforms/.
#include "runtime/transforms/function.h"

#include <memory>
#include <vector>

#include "runtime/capi/handles.h"

using namespace quern;
using namespace quern::capi;

namespace {

constexpr std::uint32_t kMaxArrays = 1u << 20;

// The caller's function; drops its state when the last function made from it goes.
class Callback {
 public:
  Callback(qn_callback fn, void* self, qn_release_fn drop, std::uint32_t n_out)
      : fn_(fn), self_(self), drop_(drop), n_out_(n_out) {}
  ~Callback() {
    if (drop_) drop_(self_);
  }
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  ArrayList operator()(std::span<const Array> in) const {
    SmallVector<qn_array*, 8> args, results(n_out_, nullptr);
    for (const Array& a : in) args.push_back(handle(a));
    ArrayList out;
    out.reserve(n_out_);  // so that the results have an owner at once
    qn_error* error = nullptr;
    const qn_status status = fn_(self_, args.data(), static_cast<std::uint32_t>(args.size()),
                                 results.data(), n_out_, &error);
    const std::unique_ptr<qn_error, decltype(&qn_error_free)> owner(error, qn_error_free);
    // What a failing callback left in its outputs stays its own.
    if (status != QN_OK)
      throw Error(status,
                  error ? qn_error_message(error) : "the callback failed without a message");
    for (qn_array* a : results) out.push_back(Array(unwrap(a)));
    for (std::uint32_t i = 0; i < n_out_; ++i)
      if (!out[i])
        fail_invalid("[qn_callback] the callback left output ", i, " of ", n_out_, " NULL");
    return out;
  }

 private:
  qn_callback fn_;
  void* self_;
  qn_release_fn drop_;
  std::uint32_t n_out_;
};

}  // namespace

qn_status qn_fn_create(qn_runtime* rt, qn_callback callback, void* self, qn_release_fn drop,
                       uint32_t n_in, uint32_t n_out, qn_fn** out, qn_error** error) {
  bool owned = false;
  const qn_status status = guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    if (!callback) fail_null(fn, "the callback");
    need(out, fn, "out");
    if (n_in > kMaxArrays || n_out > kMaxArrays || n_out == 0)
      fail_invalid("[", fn, "] ", n_in, " inputs and ", n_out,
                   " outputs, expected at least one output and at most ", kMaxArrays, " of each");
    auto state = std::make_shared<Callback>(callback, self, drop, n_out);
    owned = true;
    *out = give(make_function(*unwrap(rt), n_in, n_out,
                              [state](std::span<const Array> in) { return (*state)(in); }));
  });
  if (!owned && drop) drop(self);
  return status;
}

qn_fn* qn_fn_retain(qn_fn* f) {
  if (f) f->refs.fetch_add(1, std::memory_order_relaxed);
  return f;
}

void qn_fn_release(qn_fn* f) {
  if (f && f->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete f;
}

uint32_t qn_fn_n_in(const qn_fn* f) { return f ? f->f->n_in() : 0; }

uint32_t qn_fn_n_out(const qn_fn* f) { return f ? f->f->n_out() : 0; }

qn_status qn_fn_call(qn_fn* f, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out,
                     qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    const FunctionRef keep = f->f;  // the callback may release f
    if (n_in != keep->n_in())
      fail_invalid("[", fn, "] ", n_in, " inputs given, expected ", keep->n_in());
    if (n_out != keep->n_out())
      fail_invalid("[", fn, "] room for ", n_out, " outputs given, expected ", keep->n_out());
    ArrayList args;
    arrays_arg(fn, &keep->runtime(), in, n_in, args);
    ArrayList result = keep->call(args);
    for (uint32_t i = 0; i < n_out; ++i) out[i] = give(std::move(result[i]));
  });
}

qn_status qn_fn_vjp(qn_fn* f, const uint32_t* argnums, uint32_t n, qn_fn** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    argnums_arg(fn, argnums, n, f->f->n_in());
    *out = give(vjp(f->f, {argnums, n}));
  });
}

qn_status qn_fn_value_and_grad(qn_fn* f, const uint32_t* argnums, uint32_t n, qn_fn** out,
                               qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    argnums_arg(fn, argnums, n, f->f->n_in());
    *out = give(value_and_grad(f->f, {argnums, n}));
  });
}

qn_status qn_fn_jvp(qn_fn* f, const uint32_t* argnums, uint32_t n, qn_fn** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    argnums_arg(fn, argnums, n, f->f->n_in());
    *out = give(jvp(f->f, {argnums, n}));
  });
}

qn_status qn_fn_vmap(qn_fn* f, const int64_t* in_axes, const int64_t* out_axes, qn_fn** out,
                     qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    const std::vector<std::int64_t> from(f->f->n_in(), 0), to(f->f->n_out(), 0);
    *out = give(vmap(f->f, in_axes ? IntSpan(in_axes, from.size()) : IntSpan(from),
                     out_axes ? IntSpan(out_axes, to.size()) : IntSpan(to)));
  });
}

qn_status qn_fn_checkpoint(qn_fn* f, qn_fn** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    *out = give(checkpoint(f->f));
  });
}

qn_status qn_fn_compile(qn_fn* f, qn_fn** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(f, fn, "the function");
    need(out, fn, "out");
    *out = give(quern::compile(f->f));
  });
}
