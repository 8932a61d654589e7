// Scenarios of ops: one of each family, recorded and evaluated.
#include "env.h"

namespace faults {
namespace {

const Value kTwo = Ints{2, 2}, kOnes = Ints{1, 1}, kZeros = Ints{0, 0};

// Key of the random ops.
qn_array* key(Env& e) { return e.indices({0, 7}, {2}); }

}  // namespace

std::vector<Scenario> op_scenarios() {
  return {
      {"element-wise chain",
       [](Env& e) {
         qn_array* x = e.ramp({2, 3});
         e.eval({e.op("tanh", {e.op("add", {e.op("multiply", {x, x}), e.ramp({3})})})});
       }},
      {"promotion and comparison",
       [](Env& e) {
         qn_array* x = e.ramp({4});
         qn_array* i = e.indices({1, 2, 3, 4}, {4});
         e.eval({e.op("where", {e.op("less", {x, i}), x, e.op("multiply", {x, i})})});
       }},
      {"conversion to half",
       [](Env& e) {
         e.eval({e.op("exp", {e.op("astype", {e.ramp({5})}, {qn_dtype{QN_BF16}})}),
                 e.op("astype", {e.ramp({5})}, {qn_dtype{QN_F16}})});
       }},
      {"reductions",
       [](Env& e) {
         qn_array* x = e.ramp({3, 4});
         e.eval({e.op("sum", {x}, {Ints{0}}), e.op("mean", {x}), e.op("argmax", {x}, {Ints{1}}),
                 e.op("logsumexp", {x}, {Ints{-1}}), e.op("var", {x})});
       }},
      {"ranges and fills",
       [](Env& e) {
         e.eval({e.op("arange", {}, {0.0, 9.0, 2.0}), e.op("linspace", {}, {0.0, 1.0, int64_t{7}}),
                 e.op("full", {e.ramp({1})}, {Ints{2, 3}})});
       }},
      {"joined and cut",
       [](Env& e) {
         std::vector<qn_array*> parts;
         for (int i = 0; i < 7; ++i) parts.push_back(e.ramp({2, 2}));
         qn_array* all = e.op("concatenate", parts, {int64_t{1}});
         e.eval({e.op("stack", {all, all}, {int64_t{0}})});
       }},
      {"padded",
       [](Env& e) {
         e.eval({e.op("pad", {e.ramp({3, 3}), nullptr}, {kOnes, kTwo, std::string("reflect")})});
       }},
      {"gathered",
       [](Env& e) {
         e.eval(
             {e.op("take", {e.ramp({4, 3}), e.indices({3, 0}, {2})}, {int64_t{0}}),
              e.op("take_along_axis", {e.ramp({2, 3}), e.indices({1, 2}, {2, 1})}, {int64_t{1}})});
       }},
      {"scattered",
       [](Env& e) {
         e.eval({e.op("scatter_add", {e.ramp({4, 3}), e.indices({3, 3}, {2}), e.ramp({2, 3})},
                      {int64_t{0}})});
       }},
      {"slice replaced",
       [](Env& e) {
         e.eval({e.op("slice_update", {e.ramp({4, 3}), e.ramp({1, 3})},
                      {Ints{1, 0}, Ints{3, 3}, kOnes})});
       }},
      {"matrix products",
       [](Env& e) {
         e.eval({e.op("matmul", {e.ramp({2, 3, 4}), e.ramp({4, 2})}),
                 e.op("addmm", {e.ramp({2}), e.ramp({3, 4}), e.ramp({4, 2})}, {2.0, 0.5})});
       }},
      {"convolution",
       [](Env& e) {
         e.eval({e.op("conv2d", {e.ramp({1, 5, 5, 2}), e.ramp({3, 3, 3, 2})}, {kOnes, kOnes})});
       }},
      {"weights scaled and kept",
       [](Env& e) {
         qn_array *w = e.ramp({3, 3, 3, 2}), *s = e.ramp({3});
         for (int run = 0; run < 4; ++run) {
           qn_array* y = e.op("conv2d", {e.ramp({1, 5, 5, 2}), w}, {kOnes, kOnes});
           e.eval({e.op("add", {e.op("multiply", {e.op("subtract", {y, s}), s}), s})});
         }
       }},
      {"convolution of one axis, in groups",
       [](Env& e) {
         e.eval({e.op("conv1d", {e.ramp({1, 7, 4}), e.ramp({2, 3, 2})},
                      {int64_t{1}, int64_t{0}, int64_t{1}, int64_t{2}})});
       }},
      {"softmax and layer norm",
       [](Env& e) {
         qn_array* x = e.ramp({2, 4});
         e.eval({e.op("softmax", {x}, {Ints{-1}}),
                 e.op("layer_norm", {x, e.ramp({4}), e.ramp({4})}, {1e-5})});
       }},
      {"loss",
       [](Env& e) {
         e.eval({e.op("cross_entropy", {e.ramp({3, 4}), e.indices({0, 3, 1}, {3})})});
       }},
      {"random numbers",
       [](Env& e) {
         e.eval({e.op("random_normal", {key(e), nullptr, nullptr}, {Ints{3, 3}}),
                 e.op("random_uniform", {key(e), nullptr, nullptr}, {Ints{5}}),
                 e.op("random_split", {key(e)}, {int64_t{3}})});
       }},
      {"empty arrays",
       [](Env& e) {
         qn_array* x = e.ramp({0, 3});
         e.eval({e.op("sum", {x}), e.op("exp", {x}), e.op("matmul", {x, e.ramp({3, 2})})});
       }},
      {"running sums and order",
       [](Env& e) {
         qn_array* x = e.ramp({3, 5});
         e.eval({e.op("cumsum", {x}, {int64_t{1}}), e.op("logcumsumexp", {x}),
                 e.op("sort", {x}, {int64_t{0}}), e.op("argsort", {x}),
                 e.op("topk", {x}, {int64_t{2}}), e.op("median", {x})});
       }},
      {"transformed",
       [](Env& e) {
         qn_array* x = e.ramp({2, 6});
         e.eval({e.op("irfft", {e.op("rfft", {x})}), e.op("fft", {x}, {Ints{}, Ints{0, 1}})});
       }},
      {"matrices factored",
       [](Env& e) {
         qn_array* x = e.op("add", {e.op("eye", {}, {int64_t{3}}), e.ramp({3, 3})});
         qn_array* s = e.op("matmul", {e.op("transpose", {x}), x});
         e.eval({e.op("cholesky", {s}), e.op("solve", {x, e.ramp({3})}), e.op("inv", {x})});
         e.eval(e.ops("qr", {x}, 2));
         e.eval(e.ops("eigh", {s}, 2));
         e.eval(e.ops("svd", {x}, 3));
         e.eval(e.ops("slogdet", {x}, 2));
       }},
      {"weights quantized",
       [](Env& e) {
         auto q = e.ops("quantize", {e.ramp({4, 64})}, 3, {int64_t{32}, int64_t{4}});
         e.eval(q);
         e.eval({e.op("quantized_matmul", {e.ramp({2, 64}), q[0], q[1], q[2]},
                      {int64_t{32}, int64_t{4}})});
       }},
      {"attention",
       [](Env& e) {
         qn_array* q = e.op("rope", {e.ramp({1, 2, 3, 4}), nullptr, nullptr}, {int64_t{4}});
         e.eval({e.op("scaled_dot_product_attention", {q, q, e.ramp({1, 2, 3, 4}), nullptr},
                      {0.5, int64_t{1}})});
       }},
      {"blocks cut out and put back",
       [](Env& e) {
         qn_array* x = e.ramp({4, 3});
         qn_array* i = e.indices({3, 0}, {2});
         e.eval({e.op("gather", {x, i}, {Ints{0}, Ints{1, 3}}),
                 e.op("scatter", {x, e.ramp({2, 1, 3}), i}, {Ints{0}, std::string("prod")})});
       }},
      {"complex numbers",
       [](Env& e) {
         qn_array* x = e.op("astype", {e.ramp({3})}, {qn_dtype{QN_C64}});
         e.eval({e.op("multiply", {x, x})});
       }},
  };
}

}  // namespace faults
