// Recording outputs that carry a rule, after checking that the rule's functions fit.
#include "runtime/transforms/custom.h"

#include <algorithm>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"

namespace quern {
namespace {

void check_counts(const char* what, const FunctionRef& f, std::size_t n_in, std::size_t n_out) {
  if (f && (f->n_in() != n_in || f->n_out() != n_out))
    fail_invalid("[custom_gradient] ", what, " takes ", f->n_in(), " arrays and gives ", f->n_out(),
                 ", expected ", n_in, " and ", n_out);
}

}  // namespace

ArrayList custom_gradient(std::span<const Array> in, std::span<const Array> values,
                          std::shared_ptr<const CustomRule> rule) {
  const std::size_t n = in.size(), m = values.size();
  check_counts("vjp", rule->vjp, n + 2 * m, n);
  check_counts("jvp", rule->jvp, 2 * n + m, m);
  check_counts("vmap", rule->vmap, n, m);
  ArrayList result;
  if (std::none_of(in.begin(), in.end(), is_traced) &&
      std::none_of(values.begin(), values.end(), is_traced)) {
    result.append(values.begin(), values.end());  // nobody will ask for a derivative
    return result;
  }
  ArrayList all;
  all.append(in.begin(), in.end());
  all.append(values.begin(), values.end());
  SmallVector<Meta, 1> metas;
  for (const Array& v : values) metas.push_back({v.shape(), v.dtype()});
  AttrList attrs;
  attrs.push_back(static_cast<std::int64_t>(n));
  return append_node(values[0].runtime(), QN_OP_CUSTOM, std::move(all), std::move(attrs),
                     std::move(metas), std::move(rule));
}

}  // namespace quern
