// Functions made of a function: its outputs together with derivatives. The derivatives themselves
// are computed over the trace, in vjp.cpp and jvp.cpp.
#include <algorithm>

#include "runtime/core/error.h"
#include "runtime/ops/rules.h"
#include "runtime/transforms/checkpoint.h"
#include "runtime/transforms/function.h"
#include "runtime/transforms/jvp.h"
#include "runtime/transforms/vjp.h"
#include "runtime/transforms/vmap.h"

namespace quern {
namespace {

void check_range(const char* op, std::span<const std::uint32_t> argnums, std::uint32_t n_in) {
  for (std::uint32_t a : argnums)
    if (a >= n_in)
      fail_invalid("[", op, "] argument number ", a, " is out of range: the function has ", n_in,
                   " inputs");
}

// The seed of the gradient of a scalar.
Array one_of(const Array& out) {
  if (out.size() != 1)
    fail_invalid("[value_and_grad] output 0 has shape ", to_string(out.shape()),
                 ", expected a scalar");
  if (!differentiable(out))
    fail_invalid("[value_and_grad] output 0 has dtype ", name(out.dtype()),
                 ", expected a floating one");
  return ones_like(out);
}

}  // namespace

FunctionRef vjp(FunctionRef f, std::span<const std::uint32_t> argnums) {
  check_range("vjp", argnums, f->n_in());
  const std::uint32_t n_in = f->n_in(), n_out = f->n_out();
  auto body = [f, args = std::vector(argnums.begin(), argnums.end())](std::span<const Array> in) {
    const Tracing t = Tracing::of_values(in.first(f->n_in()));
    check_argnums("vjp", args, t.inputs());
    ArrayList result = f->call(t.inputs());
    const ArrayList grads = pull_back(t, result, in.subspan(f->n_in()), args);
    result.append(grads.begin(), grads.end());
    return result;
  };
  return make_function(f->runtime(), n_in + n_out,
                       n_out + static_cast<std::uint32_t>(argnums.size()), std::move(body));
}

FunctionRef jvp(FunctionRef f, std::span<const std::uint32_t> argnums) {
  check_range("jvp", argnums, f->n_in());
  const std::uint32_t n_in = f->n_in(), n_out = f->n_out();
  const auto n = static_cast<std::uint32_t>(argnums.size());
  auto body = [f, args = std::vector(argnums.begin(), argnums.end())](std::span<const Array> in) {
    const Tracing t = Tracing::of_values(in.first(f->n_in()));
    check_argnums("jvp", args, t.inputs());
    ArrayList result = f->call(t.inputs());
    const ArrayList tangents = push_forward(t, result, in.subspan(f->n_in()), args);
    result.append(tangents.begin(), tangents.end());
    return result;
  };
  return make_function(f->runtime(), n_in + n, 2 * n_out, std::move(body));
}

FunctionRef vmap(FunctionRef f, std::span<const std::int64_t> in_axes,
                 std::span<const std::int64_t> out_axes) {
  auto body = [f, from = std::vector(in_axes.begin(), in_axes.end()),
               to = std::vector(out_axes.begin(), out_axes.end())](std::span<const Array> in) {
    const Tracing t = Tracing::of_placeholders(f->runtime(), example_metas("vmap", in, from));
    return map_over(t, f->call(t.inputs()), in, from, to);
  };
  return make_function(f->runtime(), f->n_in(), f->n_out(), std::move(body));
}

FunctionRef checkpoint(FunctionRef f) {
  auto body = [f](std::span<const Array> in) {
    if (std::none_of(in.begin(), in.end(), is_traced)) return f->call(in);
    const Tracing t = Tracing::of_values(in);
    return checkpointed(t, f->call(t.inputs()), in);
  };
  return make_function(f->runtime(), f->n_in(), f->n_out(), std::move(body));
}

FunctionRef value_and_grad(FunctionRef f, std::span<const std::uint32_t> argnums) {
  check_range("value_and_grad", argnums, f->n_in());
  if (f->n_out() == 0) fail_invalid("[value_and_grad] the function has no output");
  const std::uint32_t n_in = f->n_in(), n_out = f->n_out();
  auto body = [f, args = std::vector(argnums.begin(), argnums.end())](std::span<const Array> in) {
    const Tracing t = Tracing::of_values(in);
    check_argnums("value_and_grad", args, t.inputs());
    ArrayList result = f->call(t.inputs());
    const Array seed = one_of(result[0]);
    const ArrayList grads = pull_back(t, {&result[0], 1}, {&seed, 1}, args);
    result.append(grads.begin(), grads.end());
    return result;
  };
  return make_function(f->runtime(), n_in, n_out + static_cast<std::uint32_t>(argnums.size()),
                       std::move(body));
}

}  // namespace quern
