// Words of the command line become an op's inputs and attributes; default shapes for each op.
// The values of the inputs are made in inputs.cpp.
#include "runtime/cli/request.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace quern_cli {
namespace {

struct Default {
  const char* shapes;
  const char* attrs;
};

// Channels last; turned round for --layout nchw. An op that is absent gets 1024x1024 for each
// input.
const std::map<std::string, Default>& defaults() {
  static const std::map<std::string, Default> table = {
      {"conv", {"4x32x32x32,32x5x5x32", "padding_low=2 padding_high=2"}},
      {"conv_input_grad",
       {"4x32x32x32,32x5x5x32", "input_shape=4,32,32,32 padding_low=2 padding_high=2"}},
      {"conv_weight_grad",
       {"4x32x32x32,4x32x32x32", "weight_shape=32,5,5,32 padding_low=2 padding_high=2"}},
      {"conv1d", {"8x1000x256,256x12x32", "groups=8"}},
      {"conv2d", {"4x32x32x32,32x5x5x32", "padding=2"}},
      {"conv3d", {"2x16x16x16x16,16x3x3x3x16", "padding=1"}},
      {"conv_transpose", {"8x1000x256,256x12x1", "groups=256"}},
      {"max_pool", {"64x28x28x20", "kernel=2"}},
      {"max_pool_grad", {"64x28x28x20,64x14x14x20,64x14x14x20", "kernel=2"}},
      {"avg_pool", {"64x28x28x20", "kernel=2"}},
      {"avg_pool_grad", {"64x14x14x20", "input_shape=64,28,28,20 kernel=2"}},
      {"softmax", {"4096x1024", ""}},
      {"log_softmax", {"4096x1024", ""}},
      {"layer_norm", {"4096x1024,1024,1024", ""}},
      {"group_norm", {"16x32x32x64", "groups=8"}},
      {"nll_loss", {"4096x10,4096:i32", ""}},
      {"cross_entropy", {"4096x10,4096:i32", ""}},
      {"argmax", {"4096x1024", "axes=1"}},
      {"argmin", {"4096x1024", "axes=1"}},
      {"where", {"1024x1024:bool,1024x1024,1024x1024", ""}},
      {"clip", {"1024x1024,scalar,scalar", ""}},
      {"take", {"10000x64,512:i32", ""}},
      {"take_along_axis", {"1024x1024,1024x1:i32", ""}},
      {"scatter_add", {"10000x64,512:i32,512x64", ""}},
      {"scatter_add_along_axis", {"1024x1024,1024x1:i32,1024x1", ""}},
      {"slice", {"1024x1024", "start=0,0 stop=512,512"}},
      {"slice_update", {"1024x1024,512x512", "start=0,0 stop=512,512"}},
      {"pad", {"1024x1024", "low=1,1 high=1,1"}},
      {"reshape", {"1024x1024", "shape=1048576"}},
      {"broadcast_to", {"1024", "shape=1024,1024"}},
      {"concatenate", {"1024x512,1024x512", "axis=1"}},
      {"stack", {"1024x512,1024x512", ""}},
      {"expand_dims", {"1024x1024", "axes=0"}},
      {"squeeze", {"1024x1x1024", ""}},
      {"split", {"1024x1024", "index=0 count=2"}},
      {"astype", {"1024x1024", "dtype=f16"}},
      {"arange", {"", "start=0 stop=1048576"}},
      {"linspace", {"", "start=0 stop=1 num=1048576"}},
      {"full", {"scalar", "shape=1024,1024"}},
      {"random_bits", {"2:u32", "shape=1024,1024"}},
      {"random_uniform", {"2:u32", "shape=1024,1024"}},
      {"random_normal", {"2:u32", "shape=1024,1024"}},
      {"random_bernoulli", {"2:u32", "shape=1024,1024"}},
      {"random_split", {"2:u32", ""}},
  };
  return table;
}

// Ops that want integers get them, unless --shape says otherwise.
bool integer_op(const std::string& op) {
  return op.starts_with("bitwise_") || op.ends_with("_shift");
}

std::vector<std::string> split(const std::string& s, char by) {
  std::vector<std::string> v;
  std::size_t from = 0;
  for (;;) {
    const auto k = s.find(by, from);
    v.push_back(s.substr(from, k == std::string::npos ? k : k - from));
    if (k == std::string::npos) return v;
    from = k + 1;
  }
}

template <class T>
T number(const std::string& word, const std::string& where) {
  T v{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), v);
  if (error != std::errc() || end != word.data() + word.size() || word.empty())
    throw UsageError(where + ": '" + word + "' is not a number");
  return v;
}

std::vector<InputSpec> parse_shapes(const std::string& text, const std::string& dtype) {
  std::vector<InputSpec> specs;
  if (text.empty()) return specs;
  for (const std::string& part : split(text, ',')) {
    const auto colon = part.find(':');
    InputSpec s;
    s.dtype = colon == std::string::npos ? dtype : part.substr(colon + 1);
    const std::string dims = part.substr(0, colon);
    int64_t size = 1;
    if (dims != "scalar")
      for (const std::string& d : split(dims, 'x')) {
        s.shape.push_back(number<int64_t>(d, "--shape '" + text + "'"));
        if (s.shape.back() < 0 ||
            (s.shape.back() > 0 && size > (int64_t{1} << 31) / s.shape.back()))
          throw UsageError("--shape '" + text + "': sizes from 0 to 2^31 elements are expected");
        size *= std::max<int64_t>(s.shape.back(), 1);
      }
    specs.push_back(std::move(s));
  }
  return specs;
}

void channels_first(std::vector<int64_t>& shape) {
  if (shape.size() >= 3) std::rotate(shape.begin() + 1, shape.end() - 1, shape.end());
}

AttrValue parse_attr(const std::string& name, const std::string& type, const std::string& word) {
  const std::string where = "attribute " + name;
  AttrValue a;
  if (type == "int" || type == "bool") {
    a.type = QN_ATTR_INT;
    a.i = number<int64_t>(word == "true" ? "1" : word == "false" ? "0" : word, where);
  } else if (type == "float") {
    a.type = QN_ATTR_FLOAT;
    a.f = number<double>(word, where);
  } else if (type == "ints") {
    a.type = QN_ATTR_INTS;
    if (!word.empty())
      for (const std::string& w : split(word, ',')) a.is.push_back(number<int64_t>(w, where));
  } else if (type == "floats") {
    a.type = QN_ATTR_FLOATS;
    if (!word.empty())
      for (const std::string& w : split(word, ',')) a.fs.push_back(number<double>(w, where));
  } else if (type == "dtype") {
    a.type = QN_ATTR_DTYPE;
    a.i = dtype_of(word);
  } else {
    a.type = QN_ATTR_STR;
    a.s = word;
  }
  return a;
}

Json schema_of(const std::string& op) {
  std::string near;
  for (const Json& s : all_schemas()) {
    const std::string name = s.at("name");
    if (name == op) return s;
    if (name.find(op) != std::string::npos || op.find(name) != std::string::npos)
      near += (near.empty() ? "" : ", ") + name;
  }
  throw UsageError("no op is called '" + op + "'" +
                   (near.empty() ? "; `quern ops` lists them" : "; perhaps " + near));
}

}  // namespace

uint32_t dtype_of(const std::string& name) {
  static const std::map<std::string, uint32_t> table = {
      {"bool", QN_BOOL}, {"u8", QN_U8},   {"u16", QN_U16}, {"u32", QN_U32}, {"u64", QN_U64},
      {"i8", QN_I8},     {"i16", QN_I16}, {"i32", QN_I32}, {"i64", QN_I64}, {"f16", QN_F16},
      {"bf16", QN_BF16}, {"f32", QN_F32}, {"f64", QN_F64}, {"c64", QN_C64}};
  const auto at = table.find(name);
  if (at == table.end())
    throw UsageError("no dtype is called '" + name +
                     "'; expected bool, u8 to u64, i8 to i64, f16, bf16, f32, f64 or c64");
  return at->second;
}

std::vector<Json> all_schemas() {
  std::vector<Json> v;
  for (uint32_t i = 0; i < qn_op_count(); ++i) {
    Json j = Json::parse(qn_op_schema(i));
    if (j.at("kind") != "INTERNAL") v.push_back(std::move(j));
  }
  return v;
}

Request make_request(const Options& o) {
  Request r;
  r.op = o.op;
  r.schema = schema_of(o.op);
  r.id = r.schema.at("id");
  r.n_out = static_cast<uint32_t>(r.schema.at("outputs").size());
  const auto at = defaults().find(o.op);
  const std::string dtype = o.dtype == "f32" && integer_op(o.op) ? "i32" : o.dtype;
  dtype_of(dtype);
  const bool nchw = o.layout == "nchw";
  if (!o.layout.empty() && !nchw && o.layout != "nhwc")
    throw UsageError("--layout is '" + o.layout + "', expected nhwc or nchw");

  std::map<std::string, std::string> words;
  if (at != defaults().end() && o.shapes.empty()) {
    r.inputs = parse_shapes(at->second.shapes, dtype);
    if (nchw)
      for (InputSpec& s : r.inputs) channels_first(s.shape);
  } else if (o.shapes.empty()) {
    for (const Json& i : r.schema.at("inputs"))
      if (!i.contains("default")) r.inputs.push_back({{1024, 1024}, dtype});
  } else {
    r.inputs = parse_shapes(o.shapes, dtype);
  }
  if (at != defaults().end() && *at->second.attrs)
    for (const std::string& w : split(at->second.attrs, ' ')) {
      const auto eq = w.find('=');
      const std::string name = w.substr(0, eq);
      std::string value = w.substr(eq + 1);
      // With shapes of one's own only the attributes that have no default are still suggested.
      bool required = false;
      for (const Json& a : r.schema.at("attrs"))
        required |= a.at("name") == name && !a.contains("default");
      if (!o.shapes.empty() && !required) continue;
      if (nchw && (name == "input_shape" || name == "weight_shape")) {
        std::vector<std::string> dims = split(value, ',');
        std::rotate(dims.begin() + 1, dims.end() - 1, dims.end());
        value.clear();
        for (const std::string& d : dims) value += (value.empty() ? "" : ",") + d;
      }
      words[name] = value;
    }
  for (const std::string& w : o.attrs) {
    const auto eq = w.find('=');
    if (eq == std::string::npos) throw UsageError("--attr '" + w + "': expected NAME=VALUE");
    words[w.substr(0, eq)] = w.substr(eq + 1);
  }
  if (!o.layout.empty()) words["layout"] = o.layout;

  for (const Json& a : r.schema.at("attrs")) {
    const std::string name = a.at("name");
    const auto word = words.find(name);
    r.attrs.push_back(word == words.end() ? AttrValue{}
                                          : parse_attr(name, a.at("type"), word->second));
    if (word == words.end()) continue;
    r.attr_text += " " + name + "=" + word->second;
    words.erase(word);
  }
  for (const auto& [name, value] : words)
    throw UsageError("op '" + o.op + "' has no attribute '" + name + "'");
  return r;
}

std::vector<qn_attr> raw_attrs(const std::vector<AttrValue>& attrs) {
  std::vector<qn_attr> v;
  for (const AttrValue& a : attrs) {
    qn_attr q{};
    q.type = a.type;
    if (a.type == QN_ATTR_FLOAT) {
      q.v.f = a.f;
    } else if (a.type == QN_ATTR_INTS) {
      q.count = static_cast<uint32_t>(a.is.size());
      q.v.is = a.is.data();
    } else if (a.type == QN_ATTR_FLOATS) {
      q.count = static_cast<uint32_t>(a.fs.size());
      q.v.fs = a.fs.data();
    } else if (a.type == QN_ATTR_STR) {
      q.count = static_cast<uint32_t>(a.s.size());
      q.v.s = a.s.c_str();
    } else {
      q.v.i = a.i;
    }
    v.push_back(q);
  }
  return v;
}

std::string Request::text() const {
  std::string t = op;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    t += (i ? ", " : " ") + inputs[i].dtype + "(";
    for (std::size_t d = 0; d < inputs[i].shape.size(); ++d)
      t += (d ? ", " : "") + std::to_string(inputs[i].shape[d]);
    t += ")";
  }
  return t + attr_text;
}

}  // namespace quern_cli
