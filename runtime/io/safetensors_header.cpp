// The header of a safetensors file: a SAX parser that accepts the three levels of the format and
// nothing else.
#include "runtime/io/safetensors_header.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "runtime/core/error.h"

namespace quern {
namespace {

struct DTypeName {
  std::string_view name;
  DType dtype;
};
constexpr DTypeName kDTypes[] = {
    {"BOOL", DType::boolean}, {"U8", DType::u8},   {"I8", DType::i8},     {"U16", DType::u16},
    {"I16", DType::i16},      {"U32", DType::u32}, {"I32", DType::i32},   {"U64", DType::u64},
    {"I64", DType::i64},      {"F16", DType::f16}, {"BF16", DType::bf16}, {"F32", DType::f32},
    {"F64", DType::f64},      {"C64", DType::c64},
};
constexpr std::size_t kMaxNdim = 64;

// Level 1: names; level 2: the members of one tensor, or of the metadata; level 3: shape and
// offsets.
class Reader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::vector<TensorEntry> entries;
  Metadata metadata;
  std::string problem;
  qn_status code = QN_E_DATA_LOSS;

  // MLX writes the metadata it does not have as null.
  bool null() override {
    if (level_ != 1 || !metadata_) return unexpected("null");
    name_.clear();
    metadata_ = false;
    return true;
  }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(std::int64_t v) override { return fail(str("negative number ", v)); }
  bool number_float(double, const std::string&) override {
    return unexpected("a number with a fraction");
  }
  bool binary(nlohmann::json::binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(std::uint64_t v) override {
    if (level_ != 3) return unexpected("a number");
    if (v > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return fail(str("number ", v));
    if (field_ == Field::shape) {
      if (entry_.shape.size() == kMaxNdim) return fail("more than 64 axes");
      entry_.shape.push_back(static_cast<std::int64_t>(v));
      return true;
    }
    if (n_offsets_ == 2) return fail("data_offsets with more than two entries");
    (n_offsets_++ == 0 ? entry_.begin : entry_.end) = v;
    return true;
  }

  bool string(std::string& v) override {
    if (level_ != 2 || (!metadata_ && field_ != Field::dtype)) return unexpected("text");
    if (metadata_) {
      metadata.back().second = v;
      return true;
    }
    for (const DTypeName& d : kDTypes) {
      if (d.name != v) continue;
      entry_.dtype = d.dtype;
      return true;
    }
    code = QN_E_UNIMPLEMENTED;
    return fail("dtype '" + v + "' is not known");
  }

  bool start_object(std::size_t) override {
    if (level_ == 1) {
      entry_ = {};
      entry_.name = name_;
      seen_ = 0;
      n_offsets_ = 0;
    } else if (level_ != 0) {
      return unexpected("an object");
    }
    ++level_;
    return true;
  }

  bool end_object() override {
    --level_;
    if (level_ == 0) return true;
    if (!metadata_) {
      if (seen_ != 7) return fail("dtype, shape or data_offsets is missing");
      if (n_offsets_ != 2) return fail("data_offsets with fewer than two entries");
      entries.push_back(std::move(entry_));
    }
    name_.clear();
    metadata_ = false;
    return true;
  }

  bool key(std::string& k) override {
    if (level_ == 1) {
      if (!names_.insert(k).second) return fail("the name '" + k + "' occurs twice");
      if (k.find('\0') != std::string::npos) return fail("a name contains a NUL");
      name_ = k;
      metadata_ = k == "__metadata__";
      return true;
    }
    if (metadata_) {
      if (!keys_.insert(k).second) return fail("the key '" + k + "' occurs twice");
      metadata.emplace_back(k, "");
      return true;
    }
    if (k == "dtype")
      field_ = Field::dtype;
    else if (k == "shape")
      field_ = Field::shape;
    else if (k == "data_offsets")
      field_ = Field::offsets;
    else
      return fail("the member '" + k + "' is not known");
    const unsigned bit = 1u << static_cast<unsigned>(field_);
    if (seen_ & bit) return fail("the member '" + k + "' occurs twice");
    seen_ |= bit;
    return true;
  }

  bool start_array(std::size_t) override {
    if (level_ != 2 || metadata_ || field_ == Field::dtype) return unexpected("a list");
    ++level_;
    return true;
  }
  bool end_array() override {
    --level_;
    return true;
  }

  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    return fail(str("not valid JSON at byte ", at));
  }

 private:
  enum class Field { dtype, shape, offsets };

  bool fail(const std::string& what) {
    problem = name_.empty() ? what : "'" + name_ + "': " + what;
    return false;
  }
  bool unexpected(const char* what) { return fail(str(what, " in an unexpected place")); }

  int level_ = 0;
  Field field_ = Field::dtype;
  bool metadata_ = false;
  unsigned seen_ = 0, n_offsets_ = 0;
  std::string name_;
  TensorEntry entry_;
  std::unordered_set<std::string> names_, keys_;
};

// Bytes that shape and dtype need; false beyond 2^62.
bool byte_size(const TensorEntry& e, std::uint64_t& bytes) {
  bytes = itemsize(e.dtype);
  bool empty = false;
  for (std::int64_t d : e.shape) {
    empty = empty || d == 0;
    if (d > 1 &&
        (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(d), &bytes) || bytes >> 62))
      return false;
  }
  if (empty) bytes = 0;
  return true;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::string& where, std::string_view json,
                                           std::uint64_t data_bytes) {
  const auto malformed = [&](const auto&... what) {
    throw Error(QN_E_DATA_LOSS, str(where, what...));
  };
  if (json.empty() || json[0] != '{') malformed("the header does not start with '{'");
  Reader reader;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &reader))
    throw Error(reader.code, str(where, "header: ", reader.problem));
  std::vector<TensorEntry>& list = reader.entries;
  std::stable_sort(list.begin(), list.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t at = 0;
  for (const TensorEntry& e : list) {
    std::uint64_t want = 0;
    if (!byte_size(e, want))
      malformed("'", e.name, "': shape ", to_string(e.shape), " is too large");
    if (e.end < e.begin || e.end > data_bytes)
      malformed("'", e.name, "': data_offsets [", e.begin, ", ", e.end, "] outside the ",
                data_bytes, " bytes of data");
    if (e.end - e.begin != want)
      malformed("'", e.name, "': ", e.end - e.begin, " bytes of data, shape ", to_string(e.shape),
                " of ", name(e.dtype), " needs ", want);
    if (e.begin != at)
      malformed("'", e.name, "': its data ", e.begin < at ? "overlap others" : "leave a hole",
                " at byte ", at);
    at = e.end;
  }
  if (at != data_bytes) malformed(data_bytes - at, " bytes of data belong to no array");
  return {std::move(list), std::move(reader.metadata)};
}

std::string_view safetensors_dtype(DType t) {
  return std::find_if(std::begin(kDTypes), std::end(kDTypes),
                      [&](const DTypeName& known) { return known.dtype == t; })
      ->name;
}

}  // namespace quern
