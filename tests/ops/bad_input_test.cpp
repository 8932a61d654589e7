// Bad arguments: a wrong dtype, shape, count or attribute fails while it is recorded, with a text
// that names the op, what was offered and what is expected. Nothing is computed here.
#include <gtest/gtest.h>

#include "tests/ops/harness.h"

namespace quern::test {
namespace {

struct Offered {
  Shape shape;
  qn_dtype dtype = QN_F32;
};

struct Bad {
  const char* op;
  std::vector<Offered> in;
  std::vector<Attribute> attrs;
  std::vector<const char*> says;  // besides "[op]"
  std::uint32_t n_out = 1;
};

std::string failure(const Bad& bad) {
  Runtime& rt = Runtime::preferring("naive");
  std::vector<Array> in;
  for (const Offered& o : bad.in) {
    std::size_t n = 1;
    for (const std::int64_t d : o.shape) n *= static_cast<std::size_t>(d);
    in.push_back(array(rt, {o.shape, std::vector<double>(n, 1)}, o.dtype));
  }
  try {
    apply(rt, bad.op, in, bad.attrs, bad.n_out);
  } catch (const Failure& e) {
    EXPECT_EQ(e.code, QN_E_INVALID_ARGUMENT) << e.what();
    return e.what();
  }
  return "it succeeded";
}

void check_all(const std::vector<Bad>& table) {
  for (const Bad& bad : table) {
    const std::string text = failure(bad);
    // A composed op may fail in one of those it is made of.
    EXPECT_NE(text.find("["), std::string::npos) << bad.op << ": " << text;
    for (const char* part : bad.says)
      EXPECT_NE(text.find(part), std::string::npos)
          << bad.op << " said '" << text << "' without '" << part << "'";
  }
}

const Shape kRow{3}, kPlane{2, 3}, kCube{2, 3, 4};

TEST(BadInput, ElementWise) {
  check_all({
      {"add", {{kPlane}, {{4}}}, {}, {"[add]", "(2, 3)", "(4,)"}},
      {"add", {{kPlane}}, {}, {"[add]", "expected: x, y"}},
      {"where", {{kPlane}, {{4}}, {{}}}, {}, {"[where]", "(2, 3)", "(4,)"}},
      {"negative", {{kRow, QN_BOOL}}, {}, {"[negative]", "bool", "expected"}},
      {"floor", {{kRow, QN_C64}}, {}, {"[floor]", "c64", "expected a real dtype"}},
      {"sigmoid", {{kRow, QN_C64}}, {}, {"[sigmoid]", "c64", "expected a real dtype"}},
      {"remainder", {{kRow, QN_C64}, {kRow}}, {}, {"[remainder]", "c64", "expected a real dtype"}},
      {"floor_divide", {{kRow}, {kRow, QN_C64}}, {}, {"[floor_divide]", "c64"}},
      {"arctan2", {{kRow, QN_C64}, {kRow}}, {}, {"[arctan2]", "c64", "expected a real dtype"}},
      {"divmod", {{kRow, QN_C64}, {kRow}}, {}, {"[floor_divide]", "c64"}, 2},
      {"bitwise_and", {{kRow}, {kRow, QN_I32}}, {}, {"[bitwise_and]", "f32", "expected integers"}},
      {"bitwise_invert", {{kRow}}, {}, {"[bitwise_invert]", "f32", "expected integers"}},
      {"left_shift", {{kRow, QN_U64}, {kRow, QN_I8}}, {}, {"[left_shift]", "expected integers"}},
      {"complex", {{kRow, QN_C64}, {kRow}}, {}, {"[complex]", "c64", "expected real numbers"}},
      {"complex", {{kPlane}, {{4}}}, {}, {"[complex]", "(2, 3)", "(4,)"}},
      {"astype", {{kRow}}, {}, {"[astype]", "dtype", "missing"}},
      {"astype", {{kRow}}, {dtype(7)}, {"dtype"}},
      {"nan_to_num", {{kRow}}, {number(0), numbers({1, 2})}, {"[nan_to_num]", "posinf", "one"}},
      {"nan_to_num", {{kRow, QN_C64}}, {}, {"[nan_to_num]", "c64", "expected a real dtype"}},
      {"round_decimals", {{kRow}}, {integer(400)}, {"[round_decimals]", "400", "expected"}},
      {"isclose", {{kPlane}, {{4}}}, {}, {"(2, 3)", "(4,)"}},
      {"clip", {{kPlane}, {{4}}, {{}}}, {}, {"(2, 3)", "(4,)"}},
      {"logical_xor", {{kPlane}, {{4}}}, {}, {"(2, 3)", "(4,)"}},
  });
}

TEST(BadInput, Reductions) {
  for (const char* op : {"sum", "prod", "max", "min", "all", "any", "logsumexp", "mean", "var",
                         "std", "argmax", "argmin"}) {
    const std::string name = std::string("[") + op + "]";
    check_all({
        {op, {{kPlane}}, {ints({2})}, {name.c_str(), "2"}},
        {op, {{kPlane}}, {ints({-3})}, {name.c_str(), "-3"}},
        {op, {{kPlane}}, {ints({1, -1})}, {name.c_str(), "(1, -1)", "twice"}},
        {op, {{{}}}, {ints({0})}, {name.c_str()}},
        {op, {}, {}, {name.c_str(), "expected: x"}},
    });
  }
  check_all({
      {"max", {{{2, 0}}}, {ints({1})}, {"[max]", "(2, 0)", "expected at least 1"}},
      {"argmax", {{kCube}}, {ints({0, 1})}, {"[argmax]", "expected one axis or all"}},
      {"logsumexp", {{kRow, QN_C64}}, {}, {"[logsumexp]", "c64", "expected a real dtype"}},
      {"var", {{kRow}}, {ints({0}), integer(0), integer(-1)}, {"[var]", "ddof -1"}},
      {"minmax", {{kPlane}}, {ints({5})}, {"5"}, 2},
  });
}

TEST(BadInput, ShapeAndIndex) {
  check_all({
      {"reshape", {{kPlane}}, {ints({4})}, {"[reshape]", "(4,)", "(2, 3)", "expected 6 elements"}},
      {"reshape", {{kPlane}}, {ints({-1, -1})}, {"[reshape]", "at most one -1"}},
      {"reshape", {{kPlane}}, {ints({-1, 4})}, {"[reshape]", "(2, 3)", "divide 6"}},
      {"transpose", {{kPlane}}, {ints({0, 0})}, {"[transpose]", "twice", "(2, 3)"}},
      {"transpose", {{kPlane}}, {ints({0})}, {"[transpose]", "(2, 3)", "expected 2"}},
      {"broadcast_to", {{kPlane}}, {ints({2, 4})}, {"[broadcast_to]", "(2, 3)", "(2, 4)"}},
      {"broadcast_to", {{kPlane}}, {ints({3})}, {"[broadcast_to]", "(2, 3)", "(3,)"}},
      {"slice", {{kPlane}}, {ints({0}), ints({1})}, {"[slice]", "(2, 3)", "expected 2"}},
      {"slice",
       {{kRow}},
       {ints({0}), ints({1}), ints({0})},
       {"[slice]", "zero", "expected a step"}},
      {"slice_update", {{kPlane}, {{5}}}, {ints({0, 0}), ints({2, 3})}, {"[slice_update]", "(5,)"}},
      {"concatenate", {{kPlane}, {kRow}}, {}, {"[concatenate]", "(2, 3)", "(3,)"}},
      {"concatenate", {{kPlane}, {{2, 4}}}, {integer(0)}, {"[concatenate]", "(2, 4)", "equal"}},
      {"concatenate", {{kPlane}}, {integer(2)}, {"[concatenate]", "2"}},
      {"stack", {{kPlane}, {kRow}}, {}, {"(3,)"}},
      {"pad", {{kRow}}, {ints({-1}), ints({0})}, {"[pad]", "negative"}},
      {"pad", {{kRow}}, {ints({1, 1}), ints({0})}, {"[pad]", "(3,)", "expected 1"}},
      {"pad", {{kRow}}, {ints({3}), ints({0}), text("reflect")}, {"[pad]", "(3,)", "too short"}},
      {"pad",
       {{kRow}},
       {ints({1}), ints({0}), text("wrap")},
       {"[pad]", "wrap", "expected constant"}},
      {"take", {{kPlane}, {kRow}}, {}, {"[take]", "f32", "expected integers"}},
      {"take", {{kPlane}, {kRow, QN_I32}}, {integer(2)}, {"[take]", "2"}},
      {"take", {{{0, 3}}, {kRow, QN_I32}}, {}, {"[take]", "(0, 3)", "empty"}},
      {"take_along_axis", {{kPlane}, {kRow, QN_I32}}, {}, {"[take_along_axis]", "(2, 3)", "(3,)"}},
      {"scatter_add", {{kPlane}, {{1}, QN_I32}, {{7}}}, {}, {"[scatter_add]", "(7,)", "(1, 3)"}},
      {"expand_dims", {{kRow}}, {ints({5})}, {"[expand_dims]", "5"}},
      {"squeeze", {{kPlane}}, {ints({0})}, {"[squeeze]", "(2, 3)"}},
      {"flatten", {{kCube}}, {integer(2), integer(1)}, {"[flatten]", "2"}},
      {"split", {{kPlane}}, {integer(1), integer(0), integer(2)}, {"[split]", "(2, 3)"}},
      {"arange", {}, {number(0), number(1), number(0)}, {"[arange]", "step 0", "expected"}},
      {"arange", {}, {number(0), number(1), number(1), dtype(QN_BOOL)}, {"[arange]", "bool"}},
      {"linspace", {}, {number(0), number(1), integer(-1)}, {"[linspace]", "num -1", "expected"}},
      {"full", {{kRow}}, {ints({2})}, {"(3,)", "(2,)"}},
  });
}

TEST(BadInput, Contractions) {
  const Shape x{1, 5, 5, 2}, w{4, 3, 3, 2};
  check_all({
      {"matmul", {{kPlane}, {kPlane}}, {}, {"[matmul]", "(2, 3)", "expected the last axis"}},
      {"matmul", {{{}}, {kRow}}, {}, {"[matmul]", "()", "expected at least one axis"}},
      {"matmul", {{{2, 2, 3}}, {{3, 3, 4}}}, {}, {"[matmul]", "(2,)", "(3,)"}},
      {"addmm", {{{7}}, {kPlane}, {{3, 4}}}, {}, {"(7,)", "(2, 4)"}},
      {"conv", {{x}, {{4, 3, 3, 3}}}, {}, {"[conv]", "(1, 5, 5, 2)", "(4, 3, 3, 3)", "groups"}},
      {"conv", {{kPlane}, {kPlane}}, {}, {"[conv]", "(2, 3)", "expected 3 to 5 axes"}},
      {"conv", {{x}, {{4, 7, 7, 2}}}, {}, {"[conv]", "7", "expected room"}},
      {"conv", {{x}, {w}}, {ints({0})}, {"[conv]", "stride", "expected one entry"}},
      {"conv", {{x, QN_C64}, {w}}, {}, {"[conv]", "c64", "expected real numbers"}},
      {"conv2d", {{x}, {w}}, {ints({1, 1, 1})}, {"stride", "(1, 1, 1)"}},
      {"conv2d", {{x}, {w}}, {ints({1}), ints({0}), ints({1}), integer(3)}, {"groups 3"}},
      {"max_pool", {{x}}, {ints({0})}, {"[max_pool]", "kernel"}},
      {"max_pool", {{x}}, {ints({2}), ints({}), ints({2})}, {"[max_pool]", "less padding"}},
      {"avg_pool", {{x}}, {ints({9})}, {"[avg_pool]", "9"}},
      {"avg_pool", {{x}}, {}, {"[avg_pool]", "kernel", "missing"}},
      {"max_pool", {{x}}, {ints({2}), ints({}), ints({0}), text("chwn")}, {"layout", "chwn"}},
  });
}

TEST(BadInput, NormalisationAndRandom) {
  check_all({
      {"softmax", {{kPlane}}, {ints({3})}, {"[softmax]", "3"}},
      {"softmax", {{kPlane, QN_C64}}, {}, {"[softmax]", "c64", "expected real numbers"}},
      {"log_softmax", {{kPlane}}, {ints({0, 0})}, {"[log_softmax]", "twice"}},
      {"group_norm", {{{4}}}, {integer(2)}, {"[group_norm]", "(4,)", "two axes"}},
      {"group_norm", {{kPlane}}, {integer(2)}, {"[group_norm]", "(2, 3)", "2 groups"}},
      {"group_norm", {{kPlane}}, {integer(0)}, {"[group_norm]", "0 groups", "divisible"}},
      {"layer_norm", {{{}}}, {}, {"[layer_norm]", "()", "expected at least one axis"}},
      {"layer_norm", {{kPlane}, {{2}}}, {}, {"[layer_norm]", "(2,)", "(2, 3)", "(3,)"}},
      {"nll_loss", {{kPlane}, {{2}}}, {}, {"[nll_loss]", "f32", "expected integer targets"}},
      {"cross_entropy", {{kPlane}, {{3}, QN_I32}}, {}, {"[cross_entropy]", "(2, 3)", "(3,)"}},
      {"random_bits", {{{3}, QN_U32}}, {ints({2})}, {"[random_bits]", "(3,)", "u32"}},
      {"random_bits", {{{2}}}, {ints({2})}, {"[random_bits]", "f32", "expected shape (2,)"}},
      {"random_bits", {{{2}, QN_U32}}, {ints({2}), integer(3)}, {"[random_bits]", "width 3"}},
      {"random_uniform", {{{2}, QN_U32}}, {ints({2}), dtype(QN_I32)}, {"[random_uniform]", "i32"}},
  });
}

TEST(BadInput, Fourier) {
  for (const char* op : {"fft", "rfft", "irfft"}) {
    const std::string name = std::string("[") + op + "]";
    check_all({
        {op, {{{}}}, {}, {name.c_str()}},
        {op, {{{2, 0}}}, {}, {name.c_str(), "(2, 0)", "expected at least 1"}},
        {op, {{kPlane}}, {ints({0})}, {name.c_str(), "(2, 3)", "expected at least 1"}},
        {op, {{kPlane}}, {ints({4, 4})}, {name.c_str(), "(4, 4)", "a size for each axis"}},
        {op, {{kPlane}}, {ints({}), ints({2})}, {name.c_str(), "2"}},
        {op, {{kPlane}}, {ints({}), ints({1, -1})}, {name.c_str(), "(1, -1)", "twice"}},
        {op, {{kPlane}}, {ints({}), ints({})}, {name.c_str(), "expected at least one axis"}},
        {op, {{kPlane, QN_I32}, {kPlane}}, {}, {name.c_str(), "expected: x"}},
    });
  }
  check_all({
      {"irfft", {{{2, 1}}}, {}, {"[irfft]", "0 elements", "(2, 1)"}},
      {"fft", {{kRow}}, {ints({}), ints({0}), integer(0), text("max")}, {"norm", "max", "ortho"}},
  });
}

TEST(BadInput, LinearAlgebra) {
  for (const char* op : {"cholesky", "det", "eigh", "eig", "inv", "slogdet", "qr", "svd", "lu"}) {
    const std::uint32_t n = std::string("cholesky det inv").find(op) != std::string::npos ? 1
                            : std::string("svd lu").find(op) != std::string::npos         ? 3
                                                                                          : 2;
    check_all({{op, {{kRow}}, {}, {"(3,)", "expected"}, n},
               {op, {{{2, 2}, QN_F16}}, {}, {"f16", "expected f32 or f64"}, n},
               {op, {{{2, 2}, QN_C64}}, {}, {"c64", "expected f32 or f64"}, n}});
    if (n == 3 || std::string(op) == "qr") continue;
    check_all({{op, {{kPlane}}, {}, {"(2, 3)", "expected square matrices"}, n}});
  }
  check_all({
      {"solve", {{{3, 3}}, {{2}}}, {}, {"(3, 3)", "(2, 1)", "as many rows"}},
      {"solve", {{kPlane}, {{2}}}, {}, {"(2, 3)", "expected square matrices"}},
      {"solve", {{{2, 3, 3}}, {{4, 3, 1}}}, {}, {"(2,)", "(4,)"}},
      {"solve_system", {{{2, 2}}, {{2, 1}}}, {text("left")}, {"left", "expected full"}},
      {"eigh", {{{2, 2}}}, {text("X")}, {"[eigh]", "uplo", "X"}, 2},
      {"pinv", {{kRow}}, {}, {"(3,)", "expected at least two axes"}},
      {"eigvals", {{kPlane}}, {}, {"(2, 3)", "expected square matrices"}},
  });
}

TEST(BadInput, AttentionAndDraws) {
  const Offered q{{1, 4, 3, 8}}, k{{1, 2, 5, 8}}, key{{2}, QN_U32};
  const Attribute scale = number(1);
  check_all({
      {"rms_norm", {{{}}, {{}}}, {}, {"[rms_norm]", "at least one axis"}},
      {"rms_norm", {{kPlane}, {{2}}}, {}, {"(2,)", "(2, 3)", "scalar or (3,)"}},
      {"rms_norm", {{kPlane, QN_C64}, {{3}}}, {}, {"c64", "expected real"}},
      {"rope", {{kPlane}, {{}}, {{}}}, {integer(2)}, {"(2, 3)", "at least 3 axes"}},
      {"rope", {{kCube}, {{}}, {{}}}, {integer(3)}, {"dims 3", "from 2 to 4"}},
      {"rope", {{kCube}, {{}}, {{}}}, {integer(6)}, {"dims 6", "from 2 to 4"}},
      {"rope", {{kCube}, {{3}}, {{}}}, {integer(4)}, {"offset", "(3,)", "(2,)"}},
      {"rope", {{kCube}, {{}}, {{3}}}, {integer(4)}, {"freqs", "(3,)", "(2,)"}},
      {"rope", {{kCube}, {{}}, {{}}}, {integer(4), integer(0), number(0)}, {"base 0"}},
  });
  const auto attention = [&](std::vector<Offered> in, std::vector<const char*> says) {
    check_all({{"scaled_dot_product_attention", std::move(in), {scale}, std::move(says)}});
  };
  attention({q, k, k, {{4, 4}}}, {"(4, 4)", "(1, 4, 3, 5)"});
  attention({q, k, k, {{1, 1, 1, 3, 5}}}, {"(1, 1, 1, 3, 5)", "broadcasts"});
  attention({q, k, k, {{}, QN_C64}}, {"c64", "bool or real"});
  attention({q, k, {{1, 2, 4, 8}}, {{}}}, {"(1, 2, 4, 8)", "M dividing N"});
  attention({q, {{1, 3, 5, 8}}, {{1, 3, 5, 8}}, {{}}}, {"(1, 3, 5, 8)", "M dividing N"});
  attention({q, {{1, 2, 5, 7}}, k, {{}}}, {"(1, 2, 5, 7)", "(B, N, Tq, D)"});
  attention({{kCube}, {kCube}, {kCube}, {{}}}, {"(2, 3, 4)", "(B, N, Tq, D)"});
  attention({{q.shape, QN_I32}, k, k, {{}}}, {"i32", "floating"});
  check_all({
      {"random_randint", {key, {{}}, {{}}}, {ints({2}), dtype(QN_F32)}, {"f32", "integer"}},
      {"random_gumbel", {key}, {ints({2}), dtype(QN_I32)}, {"i32", "expected f16"}},
      {"random_laplace", {key, {{}}, {{}}}, {ints({2}), dtype(QN_I8)}, {"i8", "expected f16"}},
      {"random_multivariate_normal", {key, {{3}}, {{2, 2}}}, {}, {"(3,)", "(2, 2)", "(.., n, n)"}},
      {"random_multivariate_normal", {key, {{}}, {{2, 2}}}, {}, {"mean ()", "(.., n)"}},
      {"random_multivariate_normal", {key, {{3}}, {{2, 3}}}, {}, {"cov (2, 3)"}},
      {"random_multivariate_normal", {key, {{4, 2}}, {{3, 2, 2}}}, {}, {"(4,)", "(3,)"}},
      {"random_multivariate_normal", {key, {{2}}, {{2, 2}}}, {ints({-1})}, {"-1"}},
      {"random_multivariate_normal", {key, {{2}, QN_C64}, {{2, 2}}}, {}, {"c64", "real"}},
      {"random_truncated_normal", {key, {{3}}, {{}}}, {ints({2})}, {"(3,)", "(2,)"}},
      {"random_permutation", {key, {{}}}, {}, {"[random_permutation]"}},
      {"random_categorical", {key, {kPlane}}, {integer(2)}, {"[random_categorical]"}},
      {"random_categorical", {key, {kPlane}}, {integer(1), ints({3})}, {"(3,)", "(2,)"}},
      {"random_categorical",
       {key, {kPlane}},
       {integer(1), ints({2}), integer(4)},
       {"num_samples 4", "at most one"}},
      {"random_gumbel", {{{3}, QN_U32}}, {ints({2})}, {"key", "(3,)"}},
  });
}

// What holds for every op of the schema, found by its name there.
TEST(BadInput, EveryOpNamesItself) {
  Runtime& rt = Runtime::preferring("naive");
  const Array x = array(rt, {{1}, {1}}, QN_F32);
  int checked = 0;
  for (std::uint32_t k = 0; k < qn_op_count(); ++k) {
    const std::string schema = qn_op_schema(k);
    if (schema.find("\"INTERNAL\"") != std::string::npos) continue;
    const std::string key = "\"name\": \"";
    const std::size_t from = schema.find(key) + key.size();
    const std::string name = schema.substr(from, schema.find('"', from) - from);
    SCOPED_TRACE(name);
    const bool variadic = schema.find("\"variadic\"") != std::string::npos;
    const auto fails = [&](std::size_t n_in, std::size_t n_attr) {
      try {
        apply(rt, name, std::vector<Array>(n_in, x), std::vector<Attribute>(n_attr, integer(1)));
        ADD_FAILURE() << "it succeeded";
      } catch (const Failure& e) {
        EXPECT_EQ(e.code, QN_E_INVALID_ARGUMENT);
        EXPECT_NE(std::string(e.what()).find(name), std::string::npos) << e.what();
        ++checked;
      }
    };
    fails(variadic ? 0 : 40, 0);
    fails(1, 40);
  }
  EXPECT_GT(checked, 200);
}

}  // namespace
}  // namespace quern::test
