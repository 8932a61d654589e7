// Checkpoints are custom gradients: the rule holds a copy of the recorded graph and records it
// again on inputs that wait for the cotangents. So the planner neither merges the second
// computation with the first (its inputs are other arrays) nor starts it early (they come after the
// cotangents).
#include "runtime/transforms/checkpoint.h"

#include "runtime/host/runtime.h"
#include "runtime/ops/api.gen.h"
#include "runtime/transforms/custom.h"
#include "runtime/transforms/jvp.h"
#include "runtime/transforms/subgraph.h"
#include "runtime/transforms/vjp.h"

namespace quern {
namespace {

std::vector<std::uint32_t> differentiable_among(std::span<const Array> in) {
  std::vector<std::uint32_t> n;
  for (std::uint32_t i = 0; i < in.size(); ++i)
    if (differentiable(in[i])) n.push_back(i);
  return n;
}

ArrayList after(std::span<const Array> in, std::span<const Array> others) {
  ArrayList out;
  for (const Array& a : in) {
    ArrayList all{a};
    all.append(others.begin(), others.end());
    out.push_back(ops::depends(all));
  }
  return out;
}

}  // namespace

ArrayList checkpointed(const Tracing& t, std::span<const Array> outputs,
                       std::span<const Array> in) {
  auto g = std::make_shared<Subgraph>(cut(t, outputs));
  ArrayList all;
  all.append(in.begin(), in.end());
  for (const Array& a : g->captured)
    if (is_traced(a)) {
      all.push_back(a);
      g->inputs.push_back(a);  // replaced like an input
    }
  const std::size_t n = all.size(), m = outputs.size();
  if (n == 0) return ArrayList(outputs.begin(), outputs.end());
  Runtime& rt = all[0].runtime();
  auto rule = std::make_shared<CustomRule>();
  rule->vjp = make_function(
      rt, static_cast<std::uint32_t>(n + 2 * m), static_cast<std::uint32_t>(n),
      [g, n, m](std::span<const Array> args) {
        const std::span<const Array> cot = args.subspan(n + m);
        const Tracing again = Tracing::of_values(after(args.first(n), cot));
        const std::vector<std::uint32_t> argnums = differentiable_among(again.inputs());
        const ArrayList grads = pull_back(again, record_again(*g, again.inputs()), cot, argnums);
        ArrayList result;
        for (const Array& a : args.first(n)) result.push_back(zeros_like(a));
        for (std::size_t k = 0; k < argnums.size(); ++k) result[argnums[k]] = grads[k];
        return result;
      });
  rule->jvp = make_function(
      rt, static_cast<std::uint32_t>(2 * n + m), static_cast<std::uint32_t>(m),
      [g, n, m](std::span<const Array> args) {
        const Tracing again = Tracing::of_values(args.first(n));
        const std::vector<std::uint32_t> argnums = differentiable_among(again.inputs());
        ArrayList tangents;
        for (std::uint32_t k : argnums) tangents.push_back(args[n + m + k]);
        return push_forward(again, record_again(*g, again.inputs()), tangents, argnums);
      });
  return custom_gradient(all, outputs, std::move(rule));
}

}  // namespace quern
