// Scenarios of the bundled plugins: each serves what it is for, with threads, while memory fails.
#include <cmath>
#include <filesystem>

#include "functions.h"

namespace faults {
namespace {

const Value kOnes = Ints{1, 1}, kTwos = Ints{2, 2};

void products(Env& e) {
  qn_array* y = e.op("matmul", {e.ramp({48, 32}), e.ramp({32, 40})});
  e.eval({e.op("relu", {e.op("add", {y, e.ramp({40})})})});
}
void convolutions(Env& e) {
  qn_array *x = e.ramp({4, 12, 12, 8}), *w = e.ramp({16, 3, 3, 8});
  qn_array* y = e.op("conv2d", {x, w}, {kOnes, kOnes});
  e.eval({e.op("max_pool", {e.op("relu", {y})}, {kTwos}),
          e.op("conv_weight_grad", {x, y}, {Ints{16, 3, 3, 8}, kOnes, kOnes, kOnes})});
}
void rows(Env& e) {
  qn_array* x = e.ramp({64, 64});
  e.eval({e.op("softmax", {x}, {Ints{-1}}), e.op("layer_norm", {x, e.ramp({64}), e.ramp({64})}),
          e.op("sum", {x}, {Ints{0}}), e.op("sort", {x})});
}
void chains(Env& e) {
  qn_array* x = e.ramp({300, 70});
  e.eval({e.op("tanh", {e.op("add", {e.op("multiply", {x, x}), e.ramp({70})})}),
          e.op("copy", {e.op("transpose", {x})})});
}
// Enough channels and queries for blocks of 32.
void attention(Env& e) {
  qn_array *x = e.ramp({1, 20, 32}), *q = e.ramp({1, 2, 40, 16});
  e.eval({e.op("conv1d", {x, e.ramp({16, 3, 32})}),
          e.op("scaled_dot_product_attention", {q, q, q}, {0.25})});
}
// A heavy diagonal for one matrix, a stack of them with threads.
void decompositions(Env& e) {
  std::vector<float> v;
  for (int i = 0; i < 8 * 24 * 24; ++i)
    v.push_back(i % 576 % 25 == 0 ? 30.0f + static_cast<float>(i % 576 / 25)
                                  : std::sin(static_cast<float>(i)));
  qn_array *x = e.data({v.begin(), v.begin() + 24 * 24}, {24, 24}), *b = e.ramp({24, 3}),
           *many = e.data(v, {8, 24, 24});
  e.eval({e.op("inv", {x}), e.op("solve", {x, b}), e.op("cholesky", {many}), e.op("eigvalsh", {x}),
          e.op("singular_values", {many}),
          e.op("sum", {e.op("abs", {e.op("eigvals", {x})})})});  // in any order
  e.eval(e.ops("slogdet", {many}, 2));
  e.eval(e.ops("qr", {x}, 2));
  e.eval(e.ops("svd", {x}, 3));
  e.eval(e.ops("eigh", {x}, 2));
  e.eval(e.ops("lu", {x}, 3));
}
void gradients(Env& e) {
  qn_fn* f = compiled(e, grad(e, function(e, layer, 2), 1));
  // Small ones: tanh is not saturated.
  std::vector<float> v;
  for (int i = 0; i < 32 * 24; ++i) v.push_back(0.01f * static_cast<float>(i * 7 % 11 - 5));
  qn_array *x = e.data(v, {32, 24}), *w = e.ramp({24, 16});
  for (int i = 0; i < 2; ++i) apply(e, f, {x, w});
}

}  // namespace

std::vector<Scenario> plugin_scenarios() {
  struct Work {
    const char *plugin, *name;
    void (*run)(Env&);
    const char* spared = nullptr;
  };
  const Work work[] = {
      {"openblas", "products", products},
      {"openblas", "gradients", gradients},
      {"openblas", "decompositions", decompositions},
      {"tbb", "products", products},
      {"tbb", "gradients", gradients},
      {"amx", "products", products},
      {"amx", "attention", attention},
      {"amx", "gradients", gradients},
      {"simd", "rows", rows},
      {"simd", "chains", chains},
      {"simd", "pooling", convolutions},
      {"simd", "gradients", gradients},
      {"onednn", "products", products, "libdnnl"},
      {"onednn", "convolutions", convolutions, "libdnnl"},
      {"onednn", "rows", rows, "libdnnl"},
  };
  std::vector<Scenario> all;
  for (const Work& w : work)
    if (std::filesystem::exists(QUERN_PLUGIN_DIR "/" + std::string(w.plugin) + ".so"))
      all.push_back({w.name + std::string(" by ") + w.plugin, w.run, Given::plugin, false, w.plugin,
                     w.spared});
  return all;
}

}  // namespace faults
