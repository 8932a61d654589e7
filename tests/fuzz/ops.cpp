// The schema as the library shows it, attributes at random, and the pool of arrays.
#include "ops.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fuzz {
namespace {

std::uint32_t attr_type(const std::string& t) {
  if (t == "float") return QN_ATTR_FLOAT;
  if (t == "ints") return QN_ATTR_INTS;
  if (t == "floats") return QN_ATTR_FLOATS;
  if (t == "str") return QN_ATTR_STR;
  if (t == "dtype") return QN_ATTR_DTYPE;
  return QN_ATTR_INT;
}

Item borrowed(const std::vector<std::int64_t>& shape, bool dense, qn_dtype t) {
  static double zeros[1024];
  static const std::int64_t no_strides[8] = {};
  Item item;
  qn_error* e = nullptr;
  const qn_status s = qn_array_borrow(runtime(), zeros, shape.data(), dense ? nullptr : no_strides,
                                      static_cast<std::uint32_t>(shape.size()), t, nullptr, nullptr,
                                      &item.array, &e);
  if (!worked(s, e)) return {};  // more than 2^63 bytes in this dtype
  item.cost = qn_array_size(item.array);
  return item;
}

std::vector<Item> make_pool() {
  const std::int64_t k31 = std::int64_t{1} << 31, k32 = k31 * 2, k62 = std::int64_t{1} << 62;
  const std::vector<std::vector<std::int64_t>> small = {{},
                                                        {1},
                                                        {2},
                                                        {3},
                                                        {4},
                                                        {0},
                                                        {2, 3},
                                                        {3, 2},
                                                        {1, 1},
                                                        {2, 0, 3},
                                                        {2, 2, 2},
                                                        {4, 4},
                                                        {1, 4, 4, 2},
                                                        {2, 3, 3, 2},
                                                        {2, 5, 4},
                                                        {1, 3, 3, 3, 2},
                                                        {1, 1, 2, 1, 2, 1, 2, 1}};
  const std::vector<std::vector<std::int64_t>> large = {
      {k31},          {k31 - 1},  {k31, 2},  {2, k31},          {1 << 16, 1 << 16},
      {k32 + 1},      {k31, k31}, {k62 - 1}, {k31, 4, 1 << 28}, {1, k31, 2, 2},
      {1, 2, k32, 2}, {k62, 0},   {100000}};
  std::vector<Item> pool;
  for (const qn_dtype t : {QN_F32, QN_BOOL, QN_U8, QN_I8, QN_U16, QN_I16, QN_U32, QN_I32, QN_U64,
                           QN_I64, QN_F16, QN_BF16, QN_F64, QN_C64}) {
    for (const auto& shape : small) pool.push_back(borrowed(shape, true, t));
    for (const auto& shape : large) pool.push_back(borrowed(shape, false, t));
  }
  std::erase_if(pool, [](const Item& i) { return !i.array; });
  return pool;
}

}  // namespace

const std::vector<Op>& ops() {
  static const std::vector<Op> all = [] {
    std::vector<Op> v;
    for (std::uint32_t i = 0; i < qn_op_count(); ++i) {
      const auto j = nlohmann::json::parse(qn_op_schema(i));
      Op op;
      op.name = j["name"];
      op.id = j["id"];
      op.n_out = static_cast<std::uint32_t>(j["outputs"].size());
      op.n_in = static_cast<std::uint32_t>(j["inputs"].size());
      for (const auto& in : j["inputs"])
        op.variadic = op.variadic || in["name"].get<std::string>().ends_with("...") ||
                      in.value("variadic", false);
      for (const auto& a : j["attrs"]) {
        const std::string type = a["type"], name = a["name"];
        op.attrs.push_back({attr_type(type), name.find("ax") != std::string::npos});
      }
      v.push_back(std::move(op));
    }
    return v;
  }();
  return all;
}

Attributes::Attributes(Input& in, const Op& op) {
  list_.reserve(kMost);
  std::uint32_t n = static_cast<std::uint32_t>(op.attrs.size());
  if (in.one_in(8)) n = in.below(n + 2);
  for (std::uint32_t i = 0; i < std::min(n, kMost); ++i)
    add(in, i < op.attrs.size() && !in.one_in(64) ? op.attrs[i].type : in.below(8));
}

void Attributes::add(Input& in, std::uint32_t type) {
  static const char* const kWords[] = {"constant", "edge", "reflect", "symmetric", "nhwc", "nchw",
                                       "clip",     "wrap", "sum",     "mean",      "",     "none"};
  const std::size_t k = list_.size();
  qn_attr a{};
  a.type = type;
  switch (type) {
    case QN_ATTR_INT:
      a.v.i = in.integer();
      break;
    case QN_ATTR_FLOAT:
      a.v.f = in.number();
      break;
    case QN_ATTR_INTS:
      a.count = in.below(9);
      for (std::uint32_t i = 0; i < a.count; ++i) ints_[k][i] = in.integer();
      a.v.is = ints_[k];
      break;
    case QN_ATTR_FLOATS:
      a.count = in.below(9);
      for (std::uint32_t i = 0; i < a.count; ++i) floats_[k][i] = in.number();
      a.v.fs = floats_[k];
      break;
    case QN_ATTR_STR:
      texts_[k] = in.one_in(8) ? in.text(16) : kWords[in.below(12)];
      a.count = static_cast<std::uint32_t>(texts_[k].size());
      a.v.s = texts_[k].data();
      break;
    case QN_ATTR_DTYPE:
      a.v.i = in.dtype();
      break;
    default:
      break;
  }
  list_.push_back(a);
}

const Item& pool_item(Input& in) {
  static const auto& pool = *new std::vector<Item>(make_pool());  // as long as the process
  // Half of the arrays are f32, half of those small.
  const std::uint32_t k = in.word();
  if (k % 2) return pool[k / 2 % 17];
  return pool[k / 2 % pool.size()];
}

}  // namespace fuzz
