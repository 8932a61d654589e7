// Distributions built of uniform draws: values that MLX 0.32.4 gives for the key (7, 7), which is
// the same in every form of input.
#include "tests/ops/reference.h"

namespace quern::test {
namespace {

Input key_sevens() { return {{2}, 0, 0, QN_U32, false, {7, 7}}; }
Input fixed(Shape shape, qn_dtype t, std::vector<double> data) {
  return {std::move(shape), 0, 0, t, false, std::move(data)};
}

void add(Cases& cases, const char* op, const char* label, std::vector<Input> in,
         std::vector<Attribute> attrs, Value known, qn_dtype t) {
  in.insert(in.begin(), key_sevens());
  cases.push_back({op,
                   label,
                   std::move(in),
                   std::move(attrs),
                   [known = std::move(known)](const Values&) { return known; },
                   {t},
                   Result::same,
                   false});
}

}  // namespace

Cases random_draw_cases() {
  Cases cases;
  const auto whole = [](double v) { return fixed({}, QN_I32, {v}); };
  add(cases, "random_randint", "small", {whole(-5), whole(10)}, {ints({8})},
      {{8}, {2, -4, 1, 5, -1, 0, -2, -5}}, QN_I32);
  add(cases, "random_randint", "wide", {whole(0), whole(1073741824)}, {ints({4}), dtype(QN_I64)},
      {{4}, {285056608, 895060800, 657055872, 46169752}}, QN_I64);
  add(cases, "random_randint", "bool", {whole(0), whole(2)}, {ints({8}), dtype(QN_BOOL)},
      {{8}, {1, 0, 0, 1, 0, 0, 0, 0}}, QN_BOOL);
  add(cases, "random_randint", "backward", {whole(7), whole(3)}, {ints({3})}, {{3}, {7, 7, 7}},
      QN_I32);
  add(cases, "random_randint", "none", {whole(0), whole(9)}, {ints({2, 0})}, {{2, 0}, {}}, QN_I32);
  add(cases, "random_permutation", "row", {fixed({1, 10}, QN_I32, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})},
      {integer(-1)}, {{1, 10}, {8, 6, 2, 5, 1, 7, 4, 3, 9, 0}}, QN_I32);
  add(cases, "random_gumbel", "standard", {}, {ints({5})},
      {{5},
       {1.6014814376831055, 1.2597829103469849, -0.28785794973373413, -0.006155816838145256,
        0.7634026408195496}},
      QN_F32);
  const Value laplace = {{5},
                         {-1.007440447807312, -0.7051420211791992, 0.6404205560684204,
                          0.3130275309085846, -0.29425960779190063}};
  add(cases, "random_laplace", "standard", {fixed({}, QN_F32, {0}), fixed({}, QN_F32, {1})},
      {ints({5})}, laplace, QN_F32);
  Value moved = laplace;
  for (double& d : moved.data) d = 2.5 * d + 1.5;
  add(cases, "random_laplace", "moved", {fixed({}, QN_F32, {1.5}), fixed({}, QN_F32, {2.5})},
      {ints({5})}, moved, QN_F32);
  add(cases, "random_truncated_normal", "between",
      {fixed({}, QN_F32, {-1}), fixed({}, QN_F32, {2})}, {ints({5})},
      {{5},
       {0.9454836845397949, 0.7555526494979858, -0.320264607667923, -0.10561063140630722,
        0.4462438225746155}},
      QN_F32);
  const Input mean = fixed({1, 2}, QN_F32, {1, -2}),
              covariance = fixed({1, 2, 2}, QN_F32, {2, 0.6, 0.6, 1});
  const Value vectors = {{3, 2},
                         {2.433805465698242, -1.1081985235214233, 1.8401379585266113,
                          -2.162548303604126, 1.6757302284240723, -1.0680108070373535}};
  add(cases, "random_multivariate_normal", "several", {mean, covariance}, {ints({3})}, vectors,
      QN_F32);
  add(cases, "random_multivariate_normal", "one", {mean, covariance}, {},
      {{1, 2}, {1.9737030267715454, -1.835537314414978}}, QN_F32);
  Value moved_apart = vectors;
  moved_apart.shape = {1, 3, 2};
  for (std::size_t k = 0; k < 6; ++k)
    moved_apart.data[k] += std::vector<double>{0, 0, 9, 0, 0, 7}[k];
  add(cases, "random_multivariate_normal", "a mean each",
      {fixed({1, 3, 2}, QN_F32, {1, -2, 10, -2, 1, 5}), covariance}, {}, moved_apart, QN_F32);
  add(cases, "random_multivariate_normal", "diagonal",
      {fixed({1, 3}, QN_F32, {0, 0, 0}), fixed({1, 3, 3}, QN_F32, {4, 0, 0, 0, 1, 0, 0, 0, 0.25})},
      {ints({2})},
      {{2, 3},
       {1.811181664466858, 0.6838998198509216, 0.33337143063545227, -0.6869802474975586,
        0.32512953877449036, 0.4390830397605896}},
      QN_F32);
  const Input row = fixed({1, 3}, QN_F32, {0, 1, 2});
  add(cases, "random_categorical", "one", {row}, {}, {{1}, {2}}, QN_U32);
  add(cases, "random_categorical", "several", {fixed({1, 2, 3}, QN_F32, {0, 1, 2, 2, 1, 0})},
      {integer(1), ints({}), integer(4)}, {{1, 3, 4}, {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0}},
      QN_U32);
  add(cases, "random_categorical", "axis", {fixed({1, 3, 2}, QN_F32, {0, 2, 1, 1, 2, 0})},
      {integer(1), ints({3, 1, 2})}, {{3, 1, 2}, {2, 0, 0, 1, 1, 0}}, QN_U32);
  add(cases, "random_categorical", "one, several", {fixed({4, 1}, QN_F32, {0.5, 0.45, 0.5, 0.55})},
      {integer(0), ints({}), integer(8)}, {{1, 8}, {2, 0, 1, 2, 1, 1, 0, 0}}, QN_U32);
  add(cases, "random_categorical", "one, shape", {fixed({4}, QN_F32, {0.5, 0.45, 0.5, 0.55})},
      {integer(0), ints({2, 4})}, {{2, 4}, {2, 0, 1, 2, 1, 1, 0, 0}}, QN_U32);
  return cases;
}

}  // namespace quern::test
