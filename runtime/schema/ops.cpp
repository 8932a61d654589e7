// Builds the op table from ops.def once. Parsing of the schema strings happens here and nowhere
// else.
#include "runtime/schema/ops.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <unordered_map>

namespace quern {
namespace {

std::vector<std::string> split(std::string_view s) {
  std::vector<std::string> v;
  while (!s.empty()) {
    const std::size_t k = s.find(", ");
    v.emplace_back(s.substr(0, k));
    s = k == std::string_view::npos ? std::string_view() : s.substr(k + 2);
  }
  return v;
}

DType dtype_named(std::string_view n) {
  for (int i = 0; i <= static_cast<int>(DType::c64); ++i)
    if (name(static_cast<DType>(i)) == n) return static_cast<DType>(i);
  return DType::f32;
}

Attr parse_default(std::uint32_t type, const std::string& text) {
  switch (type) {
    case QN_ATTR_INT:
      return std::int64_t{std::stoll(text)};
    case QN_ATTR_FLOAT:
      return std::stod(text);
    case QN_ATTR_STR:
      return text;
    case QN_ATTR_DTYPE:
      return dtype_named(text);
    case QN_ATTR_FLOATS:
      return Floats{};
    default: {
      Ints v;
      if (!text.empty()) v.push_back(std::stoll(text));
      return v;
    }
  }
}

std::uint32_t attr_type(std::string_view t) {
  if (t == "int" || t == "bool") return QN_ATTR_INT;
  if (t == "float") return QN_ATTR_FLOAT;
  if (t == "ints") return QN_ATTR_INTS;
  if (t == "floats") return QN_ATTR_FLOATS;
  if (t == "str") return QN_ATTR_STR;
  return QN_ATTR_DTYPE;
}

void parse_signature(OpInfo& op, std::string_view inputs, std::string_view attrs,
                     std::string_view outputs) {
  for (std::string& s : split(inputs)) {
    InputInfo in;
    if (s.ends_with("...")) {
      in.variadic = op.variadic = true;
      in.name = s.substr(0, s.size() - 3);
    } else if (const std::size_t k = s.find('='); k != std::string::npos) {
      in.name = s.substr(0, k);
      in.has_default = true;
      in.default_value = std::stod(s.substr(k + 1));
    } else {
      in.name = s;
    }
    op.inputs.push_back(std::move(in));
  }
  for (const std::string& s : split(attrs)) {
    AttrInfo a;
    const std::size_t colon = s.find(':');
    const std::size_t eq = s.find('=');
    a.name = s.substr(0, colon);
    a.type = attr_type(s.substr(colon + 1, eq == std::string::npos ? eq : eq - colon - 1));
    a.required = eq == std::string::npos;
    if (!a.required) a.default_value = parse_default(a.type, s.substr(eq + 1));
    op.attrs.push_back(std::move(a));
  }
  op.n_out = static_cast<std::uint32_t>(split(outputs).size());
}

struct Table {
  std::vector<std::unique_ptr<OpInfo>> storage;
  std::vector<const OpInfo*> ordered;
  std::vector<const OpInfo*> by_id;
  std::unordered_map<std::string_view, const OpInfo*> by_name;

  OpInfo& add(std::uint32_t id, const char* name, OpKind kind, const char* inputs,
              const char* attrs, const char* outputs, const char* doc) {
    auto op = std::make_unique<OpInfo>();
    op->id = id;
    op->name = name;
    op->kind = kind;
    op->doc = doc;
    parse_signature(*op, inputs, attrs, outputs);
    storage.push_back(std::move(op));
    return *storage.back();
  }

  Table() {
#define QN_OP(id, name, kind, inputs, attributes, outputs, shape_rule, gradient_rule, since, doc) \
  {                                                                                               \
    OpInfo& op = add(id, #name, OpKind::kind, inputs, attributes, outputs, doc);                  \
    op.shape = shape::shape_rule;                                                                 \
    op.grad = grad::gradient_rule;                                                                \
  }
#define QN_COMPOSED(id, name, inputs, attributes, outputs, since, doc) \
  add(id, #name, OpKind::COMPOSED, inputs, attributes, outputs, doc).compose = composed::name;
#include "runtime/schema/ops.def"
#undef QN_OP
#undef QN_COMPOSED
    for (const auto& op : storage) {
      ordered.push_back(op.get());
      if (by_id.size() <= op->id) by_id.resize(op->id + 1);
      by_id[op->id] = op.get();
      by_name[op->name] = op.get();
    }
    std::sort(ordered.begin(), ordered.end(), [](auto* a, auto* b) { return a->id < b->id; });
  }
};

const Table& table() {
  static const Table* t = new Table;  // leaked: used until the last thread ends
  return *t;
}

// One line of JSON an op, in the order of ordered.
const char* const kJson[] = {
#include "runtime/schema/ops_json.gen.inc"
};

}  // namespace

const OpInfo* find_op(std::uint32_t id) {
  const Table& t = table();
  return id < t.by_id.size() ? t.by_id[id] : nullptr;
}

const OpInfo& op_info(std::uint32_t id) {
  const OpInfo* op = find_op(id);
  if (!op) throw Error(QN_E_NOT_FOUND, str("no op has the number ", id));
  return *op;
}

const OpInfo* find_op(std::string_view name) {
  const Table& t = table();
  auto it = t.by_name.find(name);
  return it == t.by_name.end() ? nullptr : it->second;
}

std::span<const OpInfo* const> all_ops() { return table().ordered; }

const char* op_schema_json(std::uint32_t i) { return i < std::size(kJson) ? kJson[i] : nullptr; }

}  // namespace quern
