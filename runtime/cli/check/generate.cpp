// Proposals are drawn at random and the library turns the wrong ones down; sizes come from a small
// set so that they often agree. Nothing here knows a single op.
#include "runtime/cli/check/generate.h"

#include <algorithm>
#include <optional>

#include "include/quern/ops.h"
#include "runtime/cli/check/values.h"

namespace quern_cli::check {
namespace {

constexpr qn_dtype kDtypes[] = {QN_F32, QN_F64,  QN_F16, QN_BF16, QN_C64, QN_I32, QN_I64,
                                QN_U32, QN_BOOL, QN_I8,  QN_U8,   QN_I16, QN_U16, QN_U64};
// Proposals drawn and accepted, for each dtype; f32 gets more, some of them large.
constexpr int kTries = 400, kTriesFirst = 3000;
constexpr int kKeep = 3, kKeepFirst = 10, kLarge = 2;

struct Proposal {
  std::vector<Meta> in;
  std::vector<AttrValue> attrs;
  double low = -2, high = 2;
};

// Sizes of one proposal: a few numbers from which all its shapes are made.
struct Sizes {
  Draw& draw;
  std::vector<int64_t> pool;
  Sizes(Draw& d, bool large) : draw(d) {
    static constexpr int64_t small[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 33};
    static constexpr int64_t big[] = {64, 96, 130, 160};
    for (int i = 0; i < 4; ++i) pool.push_back(large ? big[draw.below(4)] : small[draw.below(10)]);
    if (!large && draw.below(12) == 0) pool[draw.below(4)] = 0;
  }
  int64_t one() { return pool[draw.below(pool.size())]; }
};

int64_t volume(const Shape& s) {
  int64_t n = 1;
  for (const int64_t d : s) n *= d;
  return n;
}

// A shape that may go with `first`: equal to it, its tail, one with some 1s, a matrix beside it, a
// filter for it, or any other.
Shape beside(Draw& draw, Sizes& sizes, const Shape& first) {
  Shape s = first;
  switch (draw.below(8)) {
    case 0:
    case 1:
      return s;
    case 2:
      if (!s.empty())
        s.erase(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(draw.below(s.size())));
      return s;
    case 3:
      for (int64_t& d : s)
        if (draw.below(2)) d = 1;
      return s;
    case 4:  // the right operand of a product
      if (s.size() >= 2) {
        s[s.size() - 2] = s.back();
        s.back() = sizes.one();
        if (draw.below(3) == 0) s.erase(s.begin(), s.end() - 2);
      }
      return s;
    case 5:  // a filter
      if (s.size() >= 3) {
        s[0] = sizes.one();
        for (std::size_t d = 1; d + 1 < s.size(); ++d)
          s[d] = std::min<int64_t>(s[d], 1 + static_cast<int64_t>(draw.below(3)));
        if (draw.below(3) == 0 && s.back() % 2 == 0) s.back() /= 2;
      }
      return s;
    case 6:
      return draw.below(2) ? Shape{} : Shape{s.empty() ? 1 : s.back()};
    default:
      s.resize(draw.below(4));
      for (int64_t& d : s) d = sizes.one();
      return s;
  }
}

// A value that has a fair chance for an attribute of this name and type.
AttrValue attribute(Draw& draw, Sizes& sizes, const Json& schema, const Proposal& p, qn_dtype t) {
  const std::string name = schema.at("name"), type = schema.at("type");
  const bool required = !schema.contains("default");
  const Shape first = p.in.empty() ? Shape{} : p.in[0].shape;
  const auto axes = static_cast<int64_t>(first.size());
  AttrValue a;
  if (!required && draw.below(2)) return a;
  auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (type == "bool") {
    a.type = QN_ATTR_INT;
    a.i = static_cast<int64_t>(draw.below(2));
  } else if (type == "int") {
    a.type = QN_ATTR_INT;
    a.i = has("axis") && axes > 0
              ? static_cast<int64_t>(draw.below(static_cast<std::size_t>(2 * axes))) - axes
              : static_cast<int64_t>(draw.below(4));
  } else if (type == "float") {
    a.type = QN_ATTR_FLOAT;
    a.f = has("stop") ? 9 : has("eps") ? 1e-3 : static_cast<double>(draw.below(5)) / 2;
  } else if (type == "dtype") {
    a.type = QN_ATTR_DTYPE;
    a.i = draw.below(2) ? static_cast<int64_t>(t)
                        : static_cast<int64_t>(kDtypes[draw.below(std::size(kDtypes))]);
  } else if (type == "str") {
    // The words that follow the name in the doc can't be relied on; these are all there are.
    static constexpr const char* words[] = {"nhwc", "nchw",    "constant",
                                            "edge", "reflect", "symmetric"};
    a.type = QN_ATTR_STR;
    a.s = words[draw.below(has("layout") ? 2 : std::size(words))];
  } else if (type == "ints") {
    a.type = QN_ATTR_INTS;
    if (has("shape")) {
      if (draw.below(2)) {
        a.is = {volume(first)};
      } else if (draw.below(2)) {
        a.is = beside(draw, sizes, first);
      } else {
        a.is = first;
        a.is.insert(a.is.begin(), 2);
      }
    } else if (has("axes")) {
      for (int64_t d = 0; d < axes; ++d)
        if (draw.below(2)) a.is.push_back(d);
      if (draw.below(3) == 0) {  // a permutation
        a.is.clear();
        for (int64_t d = axes; d-- > 0;) a.is.push_back(d);
        if (axes > 2 && draw.below(2)) std::swap(a.is[0], a.is[1]);
      }
    } else {
      const int64_t spatial = std::max<int64_t>(1, axes - 2);
      const int64_t n = draw.below(3) == 0 ? 1 : draw.below(2) ? spatial : axes;
      const int64_t least =
          has("kernel") || has("stride") || has("dilation") || has("step") ? 1 : 0;
      for (int64_t d = 0; d < n; ++d)
        a.is.push_back(has("stop") && d < axes ? first[static_cast<std::size_t>(d)]
                                               : least + static_cast<int64_t>(draw.below(3)));
      if (has("step") && draw.below(4) == 0)
        for (int64_t& s : a.is) s = -s;
    }
  } else {
    a.type = QN_ATTR_FLOATS;
  }
  return a;
}

Proposal propose(Draw& draw, const Json& schema, qn_dtype t, bool large) {
  Proposal p;
  Sizes sizes(draw, large);
  Shape first(large ? 2 : draw.below(5));
  for (int64_t& d : first) d = sizes.one();
  while (volume(first) > (large ? 40000 : 4000) && !first.empty()) first.pop_back();
  const Json& inputs = schema.at("inputs");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool variadic = inputs[i].value("variadic", false);
    const std::size_t n = variadic ? 1 + draw.below(3) : 1;
    if (inputs[i].contains("default") && draw.below(3) == 0) break;
    for (std::size_t k = 0; k < n; ++k) {
      Meta m{t, p.in.empty() ? first : beside(draw, sizes, first)};
      if (variadic && k > 0 && draw.below(2)) m.shape = first;
      if (draw.below(4) == 0) {  // an index, a mask or a key
        m.dtype = draw.below(2) ? QN_I32 : draw.below(2) ? QN_U32 : QN_BOOL;
        if (draw.below(2)) m.shape = {2};
      }
      if (volume(m.shape) > 60000) m.shape = {};
      p.in.push_back(std::move(m));
    }
  }
  for (const Json& a : schema.at("attrs")) p.attrs.push_back(attribute(draw, sizes, a, p, t));
  // Out-of-range conversions to unsigned integers are nobody's business.
  for (const AttrValue& a : p.attrs)
    if (a.type == QN_ATTR_DTYPE) p.low = 0;
  return p;
}

bool floating(qn_dtype t) {
  return t == QN_F32 || t == QN_F64 || t == QN_F16 || t == QN_BF16 || t == QN_C64;
}

// The op whose gradient another op is: X of X_grad(inputs of X.., y, dy), with y the result of X.
struct Forward {
  uint32_t id, n_in;
};

struct Runner {
  qn_runtime* rt;
  uint32_t id, n_out;
  std::optional<Forward> forward;

  ArrayHandle array(const Meta& m, const Bytes& b) const {
    qn_array* a = nullptr;
    call(qn_array_from_data, rt, static_cast<const void*>(b.data()), m.shape.data(),
         static_cast<uint32_t>(m.shape.size()), m.dtype, &a);
    return ArrayHandle(a);
  }

  // Records; throws LibraryError when the library turns it down.
  std::vector<ArrayHandle> record(const std::vector<qn_array*>& in,
                                  const std::vector<qn_attr>& attrs) const {
    std::vector<qn_array*> out(n_out);
    call(qn_op, rt, id, static_cast<qn_array* const*>(in.data()), static_cast<uint32_t>(in.size()),
         attrs.data(), static_cast<uint32_t>(attrs.size()), out.data(), n_out);
    std::vector<ArrayHandle> held;
    for (qn_array* a : out) held.emplace_back(a);
    return held;
  }
};

struct Callback {
  const Runner* runner;
  const std::vector<qn_attr>* attrs;
};

qn_status record_op(void* self, qn_array* const* in, uint32_t n_in, qn_array** out, uint32_t n_out,
                    qn_error** error) {
  const auto& c = *static_cast<const Callback*>(self);
  return qn_op(c.runner->rt, c.runner->id, in, n_in, c.attrs->data(),
               static_cast<uint32_t>(c.attrs->size()), out, n_out, error);
}

void eval(const std::vector<ArrayHandle>& arrays) {
  std::vector<qn_array*> raw;
  for (const ArrayHandle& a : arrays) raw.push_back(a.get());
  call(qn_eval, static_cast<qn_array* const*>(raw.data()), static_cast<uint32_t>(raw.size()));
}

// relu(y + its last axis' bias): a chain that kernels may take as their epilogue.
void chain(const Runner& r, const ArrayHandle& y, std::uint64_t seed) {
  const uint32_t n = qn_array_ndim(y.get());
  Meta bias{qn_array_dtype(y.get()), n ? Shape{qn_array_shape(y.get())[n - 1]} : Shape{}};
  const ArrayHandle b = r.array(bias, random_values(bias, seed, -1, 1));
  qn_array *sum = nullptr, *out = nullptr;
  call(qn_add, r.rt, y.get(), b.get(), &sum);
  const ArrayHandle held(sum);
  call(qn_relu, r.rt, sum, &out);
  std::vector<ArrayHandle> result;
  result.emplace_back(out);
  eval(result);
}

void gradient(const Runner& r, const std::vector<qn_array*>& in, const std::vector<qn_attr>& attrs,
              const std::vector<ArrayHandle>& y, std::uint64_t seed) {
  std::vector<uint32_t> argnums;
  for (uint32_t i = 0; i < in.size(); ++i)
    if (floating(qn_array_dtype(in[i]))) argnums.push_back(i);
  if (argnums.empty()) return;
  Callback c{&r, &attrs};
  qn_fn *f = nullptr, *g = nullptr;
  call(qn_fn_create, r.rt, record_op, static_cast<void*>(&c), static_cast<qn_release_fn>(nullptr),
       static_cast<uint32_t>(in.size()), static_cast<uint32_t>(y.size()), &f);
  const std::unique_ptr<qn_fn, void (*)(qn_fn*)> held_f(f, qn_fn_release);
  call(qn_fn_vjp, f, argnums.data(), static_cast<uint32_t>(argnums.size()), &g);
  const std::unique_ptr<qn_fn, void (*)(qn_fn*)> held_g(g, qn_fn_release);
  std::vector<qn_array*> args = in;
  std::vector<ArrayHandle> cotangents;
  for (const ArrayHandle& a : y) {
    const int64_t* s = qn_array_shape(a.get());
    const Meta m{qn_array_dtype(a.get()), Shape(s, s + qn_array_ndim(a.get()))};
    cotangents.push_back(r.array(m, random_values(m, ++seed, -1, 1)));
    args.push_back(cotangents.back().get());
  }
  std::vector<qn_array*> out(qn_fn_n_out(g));
  call(qn_fn_call, g, static_cast<qn_array* const*>(args.data()),
       static_cast<uint32_t>(args.size()), out.data(), static_cast<uint32_t>(out.size()));
  std::vector<ArrayHandle> results;
  for (qn_array* a : out) results.emplace_back(a);
  eval(results);
}

std::optional<Forward> forward_of(const std::vector<Json>& schemas, const Json& gradient) {
  const std::string name = gradient.at("name");
  for (const Json& s : schemas) {
    const std::size_t n = s.at("inputs").size();
    const Json& in = gradient.at("inputs");
    if (name != s.at("name").get<std::string>() + "_grad" || in.size() != n + 2) continue;
    if (in[n].at("name") == "y" && in[n + 1].at("name") == "dy")
      return Forward{s.at("id"), static_cast<uint32_t>(n)};
  }
  return std::nullopt;
}

// Puts the result of the op in the place of y, and random values like it in that of dy.
void follow(const Runner& r, std::vector<ArrayHandle>& in, const std::vector<qn_attr>& attrs,
            std::uint64_t seed) {
  const uint32_t n = r.forward->n_in;
  if (in.size() != n + 2) throw LibraryError("the op takes a result and its gradient");
  std::vector<qn_array*> raw;
  for (uint32_t i = 0; i < n; ++i) raw.push_back(in[i].get());
  in[n] = std::move(Runner{r.rt, r.forward->id, 1, {}}.record(raw, attrs)[0]);
  const int64_t* shape = qn_array_shape(in[n].get());
  const Meta m{qn_array_dtype(in[n].get()), Shape(shape, shape + qn_array_ndim(in[n].get()))};
  in[n + 1] = r.array(m, random_values(m, seed, -2, 2));
}

// True when the library takes the proposal and computes it.
bool attempt(const Runner& r, const Proposal& p, std::uint64_t seed, bool with_gradient) {
  try {
    std::vector<ArrayHandle> held;
    for (const Meta& m : p.in)
      held.push_back(r.array(m, random_values(m, seed + held.size(), p.low, p.high)));
    const std::vector<qn_attr> attrs = raw_attrs(p.attrs);
    if (r.forward) follow(r, held, attrs, seed + held.size());
    std::vector<qn_array*> in;
    for (const ArrayHandle& a : held) in.push_back(a.get());
    const std::vector<ArrayHandle> y = r.record(in, attrs);
    uint64_t elements = 0;
    for (const ArrayHandle& a : y) elements += qn_array_size(a.get());
    if (elements > 100000) return false;
    eval(y);
    try {
      if (floating(qn_array_dtype(y[0].get()))) chain(r, r.record(in, attrs)[0], seed);
      if (with_gradient) gradient(r, in, attrs, y, seed);
    } catch (const LibraryError&) {  // not differentiable: the op itself counts
    }
    return true;
  } catch (const LibraryError&) {
    return false;
  }
}

}  // namespace

std::vector<std::string> recordable_ops() {
  std::vector<std::string> names;
  for (const Json& s : all_schemas()) names.push_back(s.at("name"));
  return names;
}

std::vector<Problem> problems_of(Recorder& recorder, const std::string& name) {
  const std::vector<Json> schemas = all_schemas();
  Json schema;
  for (const Json& s : schemas)
    if (s.at("name") == name) schema = s;
  if (schema.is_null()) throw UsageError("no op is called '" + name + "'");
  const Runner runner{recorder.runtime(), schema.at("id"),
                      static_cast<uint32_t>(schema.at("outputs").size()),
                      forward_of(schemas, schema)};
  Draw draw{schema.at("id").get<std::uint64_t>() * 7919};
  for (const qn_dtype t : kDtypes) {
    int kept = 0, large = 0;
    const int wanted = t == QN_F32 ? kKeepFirst : kKeep;
    const int tries = t == QN_F32 ? kTriesFirst : kTries;
    for (int i = 0; i < tries && kept < wanted; ++i) {
      const bool big = t == QN_F32 && large < kLarge && i % 4 == 3;
      const Proposal p = propose(draw, schema, t, big);
      // The dtype under test must take part, unless there is nothing to give it to.
      const bool takes_part =
          p.in.empty() ||
          std::any_of(p.in.begin(), p.in.end(), [&](const Meta& m) { return m.dtype == t; });
      if (!takes_part) continue;
      if (!attempt(runner, p, draw.next(), t == QN_F32)) continue;
      ++kept;
      large += big ? 1 : 0;
    }
    if (schema.at("inputs").empty() && t == QN_F64) break;
  }
  return recorder.take();
}

std::vector<Problem> relayout_problems() {
  std::vector<Problem> v;
  for (const qn_dtype t : {QN_F32, QN_F64, QN_BF16, QN_I8, QN_C64, QN_BOOL})
    for (const Shape& s : {Shape{}, Shape{7}, Shape{5, 9}, Shape{2, 3, 4}, Shape{2, 5, 6, 20},
                           Shape{0, 3}, Shape{2, 1, 3, 2, 2}, Shape{70, 65}}) {
      Problem p = relayout_problem({t, s});
      p.values = p.want = {random_values(p.in[0], 5, -2, 2)};
      v.push_back(std::move(p));
    }
  return v;
}

}  // namespace quern_cli::check
