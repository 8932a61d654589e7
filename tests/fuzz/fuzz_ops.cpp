// Every op on arrays of any dtype and of shapes up to 2^62, with any attributes: recorded, its
// gradient recorded, and evaluated when it is small.
#include <algorithm>

#include "ops.h"

namespace {

using namespace fuzz;

struct Record {
  const Op* op;
  const Attributes* attrs;
};

qn_status apply(void* self, qn_array* const* in, std::uint32_t n_in, qn_array** out,
                std::uint32_t n_out, qn_error** error) {
  const auto* r = static_cast<const Record*>(self);
  return qn_op(runtime(), r->op->id, in, n_in, r->attrs->data(), r->attrs->size(), out, n_out,
               error);
}

void release_all(std::vector<qn_array*>& v) {
  for (qn_array* a : v) qn_array_release(a);
  v.clear();
}

// The cotangent of an output: ones, without memory for them.
qn_array* ones(qn_array* like) {
  qn_array *one = nullptr, *all = nullptr;
  qn_error* e = nullptr;
  if (!worked(qn_scalar(runtime(), 1, qn_array_dtype(like), &one, &e), e)) return nullptr;
  static std::uint32_t id = 0;
  if (!id) qn_op_lookup("broadcast_to", &id, nullptr);
  qn_attr shape{};
  shape.type = QN_ATTR_INTS;
  shape.count = qn_array_ndim(like);
  shape.v.is = qn_array_shape(like);
  e = nullptr;
  worked(qn_op(runtime(), id, &one, 1, &shape, 1, &all, 1, &e), e);
  qn_array_release(one);
  return all;
}

// Records the gradient with respect to one input, evaluates it when it is cheap.
void differentiate(Input& in, const Record& r, std::vector<qn_array*> args,
                   const std::vector<qn_array*>& outputs, bool cheap) {
  const auto n = static_cast<std::uint32_t>(args.size());
  const std::uint32_t argnum = in.below(n);
  for (qn_array* o : outputs) args.push_back(ones(o));
  qn_fn *f = nullptr, *g = nullptr;
  qn_error* e = nullptr;
  if (worked(
          qn_fn_create(runtime(), apply, const_cast<Record*>(&r), nullptr, n, r.op->n_out, &f, &e),
          e)) {
    e = nullptr;
    if (worked(qn_fn_vjp(f, &argnum, 1, &g, &e), e)) {
      std::vector<qn_array*> out(qn_fn_n_out(g), nullptr);
      e = nullptr;
      if (worked(qn_fn_call(g, args.data(), static_cast<std::uint32_t>(args.size()), out.data(),
                            static_cast<std::uint32_t>(out.size()), &e),
                 e)) {
        e = nullptr;
        if (cheap) worked(qn_eval(out.data(), static_cast<std::uint32_t>(out.size()), &e), e);
      }
      release_all(out);
    }
  }
  qn_fn_release(g);
  qn_fn_release(f);
  for (std::size_t i = n; i < args.size(); ++i) qn_array_release(args[i]);
}

void run_one(Input& in, std::vector<Item>& made) {
  const std::uint32_t which = in.word();
  const Op& op = ops()[which % ops().size()];
  std::uint32_t n_in = op.variadic ? 1 + in.below(4) : op.n_in;
  if (in.one_in(32)) n_in = in.below(6);
  std::vector<qn_array*> args;
  std::uint64_t cost = 0;
  bool all_given = true;
  for (std::uint32_t i = 0; i < n_in; ++i) {
    const Item item = !made.empty() && in.one_in(4) ? made[in.below(made.size())] : pool_item(in);
    const bool given = !in.one_in(32);
    args.push_back(given ? item.array : nullptr);
    all_given = all_given && given;
    cost = std::max(cost, item.cost);
  }
  const Attributes attrs(in, op);
  std::vector<qn_array*> out(op.n_out, nullptr);
  qn_error* e = nullptr;
  if (!worked(qn_op(runtime(), op.id, args.data(), n_in, attrs.data(), attrs.size(), out.data(),
                    op.n_out, &e),
              e)) {
    for (qn_array* a : out)
      if (a) broken("a failed op wrote a result");
    return;
  }
  // An op may record others in between that are larger than its operands: only those that do not
  // are computed.
  for (qn_array* a : out) {
    if (!a) broken("an op wrote no result");
    cost = std::max(cost, qn_array_size(a));
    if (qn_array_ndim(a) > 64) broken("more than 64 axes");
  }
  const bool cheap = cost <= kCheap;
  if (all_given && n_in > 0 && in.one_in(4))
    differentiate(in, {&op, &attrs}, args, out, cheap && in.one_in(8));
  if (cheap && in.one_in(16)) {
    e = nullptr;
    worked(qn_eval(out.data(), op.n_out, &e), e);
  }
  for (qn_array* a : out) made.push_back({a, cost});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  std::vector<Item> made;
  for (int steps = 0; steps < 6 && !in.empty(); ++steps) run_one(in, made);
  for (const Item& i : made) qn_array_release(i.array);
  return 0;
}
