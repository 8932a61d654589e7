/* Generated from runtime/schema/ops.def by gen.py; do not edit. */
#ifndef QN_OP_IDS_H
#define QN_OP_IDS_H
#define QN_OP_ARANGE 1u
#define QN_OP_FULL 2u
#define QN_OP_LINSPACE 3u
#define QN_OP_RANDOM_BITS 4u
#define QN_OP_ASTYPE 10u
#define QN_OP_NEGATIVE 11u
#define QN_OP_ABS 12u
#define QN_OP_SIGN 13u
#define QN_OP_SQUARE 14u
#define QN_OP_SQRT 15u
#define QN_OP_RSQRT 16u
#define QN_OP_EXP 17u
#define QN_OP_EXPM1 18u
#define QN_OP_LOG 19u
#define QN_OP_LOG2 20u
#define QN_OP_LOG10 21u
#define QN_OP_LOG1P 22u
#define QN_OP_SIN 23u
#define QN_OP_COS 24u
#define QN_OP_TAN 25u
#define QN_OP_ARCSIN 26u
#define QN_OP_ARCCOS 27u
#define QN_OP_ARCTAN 28u
#define QN_OP_SINH 29u
#define QN_OP_COSH 30u
#define QN_OP_TANH 31u
#define QN_OP_ARCSINH 32u
#define QN_OP_ARCCOSH 33u
#define QN_OP_ARCTANH 34u
#define QN_OP_FLOOR 35u
#define QN_OP_CEIL 36u
#define QN_OP_ROUND 37u
#define QN_OP_TRUNC 38u
#define QN_OP_RECIPROCAL 39u
#define QN_OP_SIGMOID 40u
#define QN_OP_RELU 41u
#define QN_OP_ERF 42u
#define QN_OP_ERFINV 43u
#define QN_OP_LOGICAL_NOT 44u
#define QN_OP_ISNAN 45u
#define QN_OP_ISINF 46u
#define QN_OP_BITWISE_INVERT 47u
#define QN_OP_REAL 48u
#define QN_OP_IMAG 49u
#define QN_OP_CONJUGATE 50u
#define QN_OP_ISFINITE 51u
#define QN_OP_ISPOSINF 52u
#define QN_OP_ISNEGINF 53u
#define QN_OP_DEGREES 54u
#define QN_OP_RADIANS 55u
#define QN_OP_NAN_TO_NUM 56u
#define QN_OP_ROUND_DECIMALS 57u
#define QN_OP_SOFTPLUS 58u
#define QN_OP_ADD 60u
#define QN_OP_SUBTRACT 61u
#define QN_OP_MULTIPLY 62u
#define QN_OP_DIVIDE 63u
#define QN_OP_FLOOR_DIVIDE 64u
#define QN_OP_REMAINDER 65u
#define QN_OP_POWER 66u
#define QN_OP_MAXIMUM 67u
#define QN_OP_MINIMUM 68u
#define QN_OP_ARCTAN2 69u
#define QN_OP_LOGADDEXP 70u
#define QN_OP_EQUAL 71u
#define QN_OP_NOT_EQUAL 72u
#define QN_OP_LESS 73u
#define QN_OP_LESS_EQUAL 74u
#define QN_OP_GREATER 75u
#define QN_OP_GREATER_EQUAL 76u
#define QN_OP_LOGICAL_AND 77u
#define QN_OP_LOGICAL_OR 78u
#define QN_OP_BITWISE_AND 79u
#define QN_OP_BITWISE_OR 80u
#define QN_OP_BITWISE_XOR 81u
#define QN_OP_LEFT_SHIFT 82u
#define QN_OP_RIGHT_SHIFT 83u
#define QN_OP_WHERE 84u
#define QN_OP_CLIP 85u
#define QN_OP_COMPLEX 86u
#define QN_OP_DIVMOD 87u
#define QN_OP_LOGICAL_XOR 88u
#define QN_OP_ISCLOSE 89u
#define QN_OP_ALLCLOSE 90u
#define QN_OP_ARRAY_EQUAL 91u
#define QN_OP_SUM 100u
#define QN_OP_PROD 101u
#define QN_OP_MAX 102u
#define QN_OP_MIN 103u
#define QN_OP_ALL 104u
#define QN_OP_ANY 105u
#define QN_OP_ARGMAX 106u
#define QN_OP_ARGMIN 107u
#define QN_OP_LOGSUMEXP 108u
#define QN_OP_MEAN 109u
#define QN_OP_VAR 110u
#define QN_OP_STD 111u
#define QN_OP_MINMAX 92u
#define QN_OP_CUMSUM 112u
#define QN_OP_CUMPROD 113u
#define QN_OP_CUMMAX 114u
#define QN_OP_CUMMIN 115u
#define QN_OP_LOGCUMSUMEXP 116u
#define QN_OP_SORT 117u
#define QN_OP_ARGSORT 118u
#define QN_OP_ARGPARTITION 119u
#define QN_OP_RESHAPE 120u
#define QN_OP_TRANSPOSE 121u
#define QN_OP_BROADCAST_TO 122u
#define QN_OP_SLICE 123u
#define QN_OP_SLICE_UPDATE 124u
#define QN_OP_CONCATENATE 125u
#define QN_OP_STACK 126u
#define QN_OP_PAD 127u
#define QN_OP_TAKE 128u
#define QN_OP_TAKE_ALONG_AXIS 129u
#define QN_OP_SCATTER_ADD 130u
#define QN_OP_SCATTER_ADD_ALONG_AXIS 131u
#define QN_OP_COPY 132u
#define QN_OP_STOP_GRADIENT 133u
#define QN_OP_IDENTITY 134u
#define QN_OP_DEPENDS 252u
#define QN_OP_EXPAND_DIMS 135u
#define QN_OP_SQUEEZE 136u
#define QN_OP_FLATTEN 137u
#define QN_OP_SPLIT 138u
#define QN_OP_PARTITION 139u
#define QN_OP_TOPK 140u
#define QN_OP_MEDIAN 141u
#define QN_OP_SEARCHSORTED 142u
#define QN_OP_GATHER 143u
#define QN_OP_SCATTER 144u
#define QN_OP_PUT_ALONG_AXIS 145u
#define QN_OP_VIEW 146u
#define QN_OP_AS_STRIDED 147u
#define QN_OP_EYE 148u
#define QN_OP_TRI 149u
#define QN_OP_TRIL 159u
#define QN_OP_TRIU 160u
#define QN_OP_DIAGONAL 161u
#define QN_OP_DIAG 162u
#define QN_OP_ROLL 163u
#define QN_OP_REPEAT 164u
#define QN_OP_TILE 165u
#define QN_OP_MATMUL 150u
#define QN_OP_ADDMM 151u
#define QN_OP_CONV 152u
#define QN_OP_CONV_INPUT_GRAD 153u
#define QN_OP_CONV_WEIGHT_GRAD 154u
#define QN_OP_CONV1D 155u
#define QN_OP_CONV2D 156u
#define QN_OP_CONV3D 157u
#define QN_OP_CONV_TRANSPOSE 158u
#define QN_OP_MAX_POOL 170u
#define QN_OP_MAX_POOL_GRAD 171u
#define QN_OP_AVG_POOL 172u
#define QN_OP_AVG_POOL_GRAD 173u
#define QN_OP_SOFTMAX 180u
#define QN_OP_LOG_SOFTMAX 181u
#define QN_OP_LAYER_NORM 182u
#define QN_OP_RMS_NORM 185u
#define QN_OP_GROUP_NORM 188u
#define QN_OP_ROPE 186u
#define QN_OP_SCALED_DOT_PRODUCT_ATTENTION 187u
#define QN_OP_NLL_LOSS 183u
#define QN_OP_CROSS_ENTROPY 184u
#define QN_OP_RANDOM_UNIFORM 190u
#define QN_OP_RANDOM_NORMAL 191u
#define QN_OP_RANDOM_BERNOULLI 192u
#define QN_OP_RANDOM_SPLIT 193u
#define QN_OP_RANDOM_RANDINT 194u
#define QN_OP_RANDOM_CATEGORICAL 195u
#define QN_OP_RANDOM_TRUNCATED_NORMAL 196u
#define QN_OP_RANDOM_PERMUTATION 197u
#define QN_OP_RANDOM_GUMBEL 198u
#define QN_OP_RANDOM_LAPLACE 199u
#define QN_OP_RANDOM_MULTIVARIATE_NORMAL 249u
#define QN_OP_QUANTIZE 220u
#define QN_OP_DEQUANTIZE 221u
#define QN_OP_QUANTIZED_MATMUL 222u
#define QN_OP_FFT 200u
#define QN_OP_RFFT 201u
#define QN_OP_IRFFT 202u
#define QN_OP_CHOLESKY 230u
#define QN_OP_QR 231u
#define QN_OP_SVD 232u
#define QN_OP_EIGH 233u
#define QN_OP_EIG 234u
#define QN_OP_LU 235u
#define QN_OP_LU_FACTOR 236u
#define QN_OP_DET 237u
#define QN_OP_SLOGDET 238u
#define QN_OP_SOLVE_SYSTEM 239u
#define QN_OP_SOLVE 240u
#define QN_OP_SOLVE_TRIANGULAR 241u
#define QN_OP_INV 242u
#define QN_OP_TRI_INV 243u
#define QN_OP_CHOLESKY_INV 244u
#define QN_OP_PINV 245u
#define QN_OP_EIGVALS 246u
#define QN_OP_EIGVALSH 247u
#define QN_OP_SINGULAR_VALUES 248u
#define QN_OP_MAP 250u
#define QN_OP_RELAYOUT 251u
#define QN_OP_PLACEHOLDER 253u
#define QN_OP_CUSTOM 254u

/* X(NAME, operands, class) for every op that an element-wise program may hold. Classes: SAME (the operands'
 * dtype; abs, real and imag give f32 for c64), FLOAT (the same, floating dtypes only), TEST (gives bool),
 * LOGICAL (operands tested for non-zero, gives bool), BITWISE (bool and integers only), SELECT, CAST, COMPLEX. */
#define QN_ELEMENTWISE(X) \
  X(ASTYPE, 1, CAST) \
  X(NEGATIVE, 1, SAME) \
  X(ABS, 1, SAME) \
  X(SIGN, 1, SAME) \
  X(SQUARE, 1, SAME) \
  X(SQRT, 1, FLOAT) \
  X(RSQRT, 1, FLOAT) \
  X(EXP, 1, FLOAT) \
  X(EXPM1, 1, FLOAT) \
  X(LOG, 1, FLOAT) \
  X(LOG2, 1, FLOAT) \
  X(LOG10, 1, FLOAT) \
  X(LOG1P, 1, FLOAT) \
  X(SIN, 1, FLOAT) \
  X(COS, 1, FLOAT) \
  X(TAN, 1, FLOAT) \
  X(ARCSIN, 1, FLOAT) \
  X(ARCCOS, 1, FLOAT) \
  X(ARCTAN, 1, FLOAT) \
  X(SINH, 1, FLOAT) \
  X(COSH, 1, FLOAT) \
  X(TANH, 1, FLOAT) \
  X(ARCSINH, 1, FLOAT) \
  X(ARCCOSH, 1, FLOAT) \
  X(ARCTANH, 1, FLOAT) \
  X(FLOOR, 1, SAME) \
  X(CEIL, 1, SAME) \
  X(ROUND, 1, SAME) \
  X(TRUNC, 1, SAME) \
  X(RECIPROCAL, 1, FLOAT) \
  X(SIGMOID, 1, FLOAT) \
  X(RELU, 1, SAME) \
  X(ERF, 1, FLOAT) \
  X(ERFINV, 1, FLOAT) \
  X(LOGICAL_NOT, 1, LOGICAL) \
  X(ISNAN, 1, TEST) \
  X(ISINF, 1, TEST) \
  X(BITWISE_INVERT, 1, BITWISE) \
  X(REAL, 1, SAME) \
  X(IMAG, 1, SAME) \
  X(CONJUGATE, 1, SAME) \
  X(SOFTPLUS, 1, FLOAT) \
  X(ADD, 2, SAME) \
  X(SUBTRACT, 2, SAME) \
  X(MULTIPLY, 2, SAME) \
  X(DIVIDE, 2, FLOAT) \
  X(FLOOR_DIVIDE, 2, SAME) \
  X(REMAINDER, 2, SAME) \
  X(POWER, 2, SAME) \
  X(MAXIMUM, 2, SAME) \
  X(MINIMUM, 2, SAME) \
  X(ARCTAN2, 2, FLOAT) \
  X(LOGADDEXP, 2, FLOAT) \
  X(EQUAL, 2, TEST) \
  X(NOT_EQUAL, 2, TEST) \
  X(LESS, 2, TEST) \
  X(LESS_EQUAL, 2, TEST) \
  X(GREATER, 2, TEST) \
  X(GREATER_EQUAL, 2, TEST) \
  X(LOGICAL_AND, 2, LOGICAL) \
  X(LOGICAL_OR, 2, LOGICAL) \
  X(BITWISE_AND, 2, BITWISE) \
  X(BITWISE_OR, 2, BITWISE) \
  X(BITWISE_XOR, 2, BITWISE) \
  X(LEFT_SHIFT, 2, BITWISE) \
  X(RIGHT_SHIFT, 2, BITWISE) \
  X(WHERE, 3, SELECT) \
  X(COMPLEX, 2, COMPLEX) \
  X(COPY, 1, SAME) \
  X(STOP_GRADIENT, 1, SAME)
#endif
