// Element types: sizes, names, ABI codes and the promotion table.
// No conversion of values: that is the op astype and the kernels.
#include "runtime/core/dtype.h"

#include <cstddef>

#include "runtime/core/error.h"

namespace quern {
namespace {

enum class Kind : std::uint8_t { boolean, unsigned_integer, signed_integer, floating, complex };

struct Info {
  const char* name;
  qn_dtype abi;
  std::uint32_t bytes;
  Kind kind;
};

// In the order of DType.
constexpr Info kInfo[] = {
    {"bool", QN_BOOL, 1, Kind::boolean},        {"u8", QN_U8, 1, Kind::unsigned_integer},
    {"u16", QN_U16, 2, Kind::unsigned_integer}, {"u32", QN_U32, 4, Kind::unsigned_integer},
    {"u64", QN_U64, 8, Kind::unsigned_integer}, {"i8", QN_I8, 1, Kind::signed_integer},
    {"i16", QN_I16, 2, Kind::signed_integer},   {"i32", QN_I32, 4, Kind::signed_integer},
    {"i64", QN_I64, 8, Kind::signed_integer},   {"f16", QN_F16, 2, Kind::floating},
    {"bf16", QN_BF16, 2, Kind::floating},       {"f32", QN_F32, 4, Kind::floating},
    {"f64", QN_F64, 8, Kind::floating},         {"c64", QN_C64, 8, Kind::complex},
};
constexpr std::size_t kCount = sizeof(kInfo) / sizeof(kInfo[0]);
static_assert(kCount == static_cast<std::size_t>(DType::c64) + 1);

const Info& info(DType t) { return kInfo[static_cast<std::size_t>(t)]; }

// The smallest signed type that holds an unsigned and a signed type; there is none for u64.
DType mixed_sign(DType u, DType s) {
  if (u == DType::u64) return DType::f32;
  const DType above = u == DType::u8 ? DType::i16 : u == DType::u16 ? DType::i32 : DType::i64;
  return itemsize(above) > itemsize(s) ? above : s;
}

}  // namespace

std::uint32_t itemsize(DType t) { return info(t).bytes; }
std::string_view name(DType t) { return info(t).name; }
qn_dtype to_abi(DType t) { return info(t).abi; }

DType from_abi(qn_dtype t) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (kInfo[i].abi == t) return static_cast<DType>(i);
  }
  fail_invalid("[dtype] unknown code: type ", t & 0xffu, ", ", (t >> 8) & 0xffu, " bits, ", t >> 16,
               " lanes; expected one of QN_BOOL .. QN_C64");
}

bool is_float(DType t) { return info(t).kind == Kind::floating; }
bool is_integer(DType t) {
  return info(t).kind == Kind::unsigned_integer || info(t).kind == Kind::signed_integer;
}
bool is_signed_integer(DType t) { return info(t).kind == Kind::signed_integer; }
bool is_complex(DType t) { return info(t).kind == Kind::complex; }

DType promote(DType a, DType b) {
  if (a == b) return a;
  const Kind ka = info(a).kind;
  const Kind kb = info(b).kind;
  if (ka != kb) {
    const bool mixed =
        ka > Kind::boolean && ka < Kind::floating && kb > Kind::boolean && kb < Kind::floating;
    if (!mixed) return ka > kb ? a : b;
    return ka == Kind::unsigned_integer ? mixed_sign(a, b) : mixed_sign(b, a);
  }
  // f16 and bf16 have no common type of 16 bits.
  if (itemsize(a) == itemsize(b)) return DType::f32;
  return itemsize(a) > itemsize(b) ? a : b;
}

DType float_of(DType t) { return is_float(t) || is_complex(t) ? t : DType::f32; }
DType real_of(DType t) { return is_complex(t) ? DType::f32 : t; }

}  // namespace quern
