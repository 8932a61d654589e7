// Creation, views, joining, padding and indexing.
#include <algorithm>
#include <cmath>

#include "tests/ops/reference.h"

namespace quern::test {
namespace {

Value reshaped(const Value& v, const Shape& s) { return {s, v.data}; }

void add_creation(Cases& cases) {
  struct Range {
    const char* label;
    double start, stop, step;
  };
  for (const Range& r : {Range{"up", 0, 7, 1}, Range{"step", 1, 8, 3}, Range{"down", 5, 0, -2},
                         Range{"none", 3, 3, 1}}) {
    for (qn_dtype t : {QN_F32, QN_I32, QN_F64, QN_F16, QN_U8}) {
      cases.push_back({"arange",
                       std::string(r.label) + "_" + name(t),
                       {},
                       {number(r.start), number(r.stop), number(r.step), dtype(t)},
                       [r](const Values&) {
                         const auto n =
                             static_cast<std::int64_t>(std::ceil((r.stop - r.start) / r.step));
                         return make({n}, [&](const Shape& i) {
                           return r.start + static_cast<double>(i[0]) * r.step;
                         });
                       },
                       {t},
                       Result::same,
                       false});
    }
  }
  cases.push_back({"linspace",
                   "five",
                   {},
                   {number(-1), number(2), integer(5), dtype(QN_F32)},
                   [](const Values&) {
                     return Value{{5}, {-1, -0.25, 0.5, 1.25, 2}};
                   },
                   {QN_F32},
                   Result::same,
                   false});
  cases.push_back({"full",
                   "scalar",
                   {{{}}},
                   {ints({2, 3})},
                   [](const Values& in) {
                     return make({2, 3}, [&](const Shape&) { return in[0].data[0]; });
                   },
                   kAny});
  cases.push_back({"full",
                   "row",
                   {{{3}}},
                   {ints({2, 3})},
                   [](const Values& in) {
                     return make({2, 3}, [&](const Shape& i) { return broadcast_at(in[0], i); });
                   },
                   kAny});
}

void add_views(Cases& cases) {
  struct Reshape {
    const char* label;
    Shape from, asked, to;
  };
  for (const Reshape& r :
       {Reshape{"merge", {2, 3, 4}, {6, 4}, {6, 4}}, Reshape{"infer", {2, 3, 4}, {3, -1}, {3, 8}},
        Reshape{"split", {24}, {2, 3, 4}, {2, 3, 4}}, Reshape{"from_scalar", {}, {1, 1}, {1, 1}},
        Reshape{"to_scalar", {1}, {}, {}}, Reshape{"empty", {0, 4}, {2, 0}, {2, 0}}}) {
    cases.push_back({"reshape",
                     r.label,
                     {{r.from}},
                     {ints(r.asked)},
                     [to = r.to](const Values& in) { return reshaped(in[0], to); },
                     kAny});
  }
  struct Transpose {
    const char* label;
    Shape shape, asked, axes;
  };
  for (const Transpose& t :
       {Transpose{"reverse", {2, 3, 4}, {}, {2, 1, 0}},
        Transpose{"cycle", {2, 3, 4}, {1, 2, 0}, {1, 2, 0}},
        Transpose{"negative", {2, 3, 4}, {0, -1, -2}, {0, 2, 1}},
        Transpose{"large", {37, 53}, {1, 0}, {1, 0}}, Transpose{"empty", {0, 3}, {}, {1, 0}}}) {
    cases.push_back({"transpose",
                     t.label,
                     {{t.shape}},
                     {ints(t.asked)},
                     [axes = t.axes](const Values& in) {
                       Shape to;
                       for (std::int64_t a : axes)
                         to.push_back(in[0].shape[static_cast<std::size_t>(a)]);
                       return make(to, [&](const Shape& i) {
                         Shape from(i.size());
                         for (std::size_t k = 0; k < i.size(); ++k)
                           from[static_cast<std::size_t>(axes[k])] = i[k];
                         return at(in[0], from);
                       });
                     },
                     kAny,
                     Result::same,
                     count(t.shape) < 100});
  }
  const auto repeated = [](const Shape& to) {
    return [to](const Values& in) {
      return make(to, [&](const Shape& i) { return broadcast_at(in[0], i); });
    };
  };
  cases.push_back({"broadcast_to", "rows", {{{4}}}, {ints({3, 4})}, repeated({3, 4}), kAny});
  cases.push_back(
      {"broadcast_to", "middle", {{{2, 1, 3}}}, {ints({2, 4, 3})}, repeated({2, 4, 3}), kAny});
  cases.push_back({"broadcast_to", "scalar", {{{}}}, {ints({2, 2})}, repeated({2, 2}), kAny});
  cases.push_back({"broadcast_to", "empty", {{{1, 3}}}, {ints({0, 3})}, repeated({0, 3}), kAny});
  const auto to = [](const Shape& s) {
    return [s](const Values& in) { return reshaped(in[0], s); };
  };
  cases.push_back({"expand_dims", "ends", {{{2, 3}}}, {ints({0, -1})}, to({1, 2, 3, 1}), kAny});
  cases.push_back({"squeeze", "one", {{{2, 1, 3, 1}}}, {ints({1})}, to({2, 3, 1}), kAny});
  cases.push_back({"squeeze", "all", {{{2, 1, 3, 1}}}, {}, to({2, 3}), kAny});
  cases.push_back({"flatten", "all", {{{2, 3, 4}}}, {}, to({24}), kAny});
  cases.push_back({"flatten", "tail", {{{2, 3, 4}}}, {integer(1), integer(2)}, to({2, 12}), kAny});
  cases.push_back(
      {"split",
       "middle",
       {{{2, 6}}},
       {integer(1), integer(1), integer(3)},
       [](const Values& in) {
         return make({2, 2}, [&](const Shape& i) { return at(in[0], {i[0], i[1] + 2}); });
       },
       kAny});
}

// A slice given as Python would: the elements start[k] + i * step[k], `to` of them.
struct Slice {
  const char* label;
  Shape shape, start, stop, step;
  Shape from, by, to;  // what it means
};

const Slice kSlices[] = {
    {"plain", {5, 6}, {1, 2}, {4, 6}, {}, {1, 2}, {1, 1}, {3, 4}},
    {"step", {5, 6}, {0, 1}, {5, 6}, {2, 3}, {0, 1}, {2, 3}, {3, 2}},
    {"negative", {5, 6}, {-3, 0}, {-1, 100}, {1, 1}, {2, 0}, {1, 1}, {2, 6}},
    {"backward", {5, 6}, {4, 5}, {-6, 1}, {-1, -2}, {4, 5}, {-1, -2}, {5, 2}},
    {"empty", {5, 6}, {3, 0}, {2, 6}, {1, 1}, {0, 0}, {1, 1}, {0, 6}},
    {"scalar", {}, {}, {}, {}, {}, {}, {}},
};

Shape inside(const Slice& s, const Shape& i) {
  Shape from(i.size());
  for (std::size_t k = 0; k < i.size(); ++k) from[k] = s.from[k] + i[k] * s.by[k];
  return from;
}

void add_slices(Cases& cases) {
  for (const Slice& s : kSlices) {
    const std::vector<Attribute> attrs = {ints(s.start), ints(s.stop), ints(s.step)};
    cases.push_back({"slice",
                     s.label,
                     {{s.shape}},
                     attrs,
                     [&s](const Values& in) {
                       return make(s.to, [&](const Shape& i) { return at(in[0], inside(s, i)); });
                     },
                     kAny});
    const auto update = [&s](const Values& in) {
      Value v = in[0];
      for_each_index(s.to, [&](const Shape& i) { at(v, inside(s, i)) = broadcast_at(in[1], i); });
      return v;
    };
    cases.push_back({"slice_update", s.label, {{s.shape}, {s.to}}, attrs, update, kAny});
    cases.push_back({"slice_update",
                     std::string(s.label) + "_by_scalar",
                     {{s.shape}, {{}}},
                     attrs,
                     update,
                     kAny});
  }
}

Value joined(const Values& in, std::size_t axis) {
  Shape to = in[0].shape;
  to[axis] = 0;
  for (const Value& v : in) to[axis] += v.shape[axis];
  return make(to, [&](const Shape& i) {
    Shape from = i;
    for (const Value& v : in) {
      if (from[axis] < v.shape[axis]) return at(v, from);
      from[axis] -= v.shape[axis];
    }
    return 0.0;
  });
}

void add_joins(Cases& cases) {
  const auto join = [](std::size_t axis) {
    return [axis](const Values& in) { return joined(in, axis); };
  };
  cases.push_back(
      {"concatenate", "rows", {{{2, 3}}, {{1, 3}}, {{4, 3}}}, {integer(0)}, join(0), kAny});
  cases.push_back({"concatenate", "last", {{{2, 3}}, {{2, 5}}}, {integer(-1)}, join(1), kAny});
  cases.push_back({"concatenate", "one", {{{2, 3}}}, {integer(1)}, join(1), kAny});
  cases.push_back({"concatenate", "empty", {{{2, 0}}, {{2, 3}}}, {integer(1)}, join(1), kAny});
  cases.push_back(
      {"depends", "two", {{{2, 3}}, {{4}}}, {}, [](const Values& in) { return in[0]; }, kAny});
  cases.push_back({"stack",
                   "middle",
                   {{{2, 3}}, {{2, 3}}},
                   {integer(1)},
                   [](const Values& in) {
                     return make({2, 2, 3}, [&](const Shape& i) {
                       return at(in[static_cast<std::size_t>(i[1])], {i[0], i[2]});
                     });
                   },
                   kAny});
}

std::int64_t pad_source(const std::string& mode, std::int64_t i, std::int64_t n) {
  if (mode == "edge") return std::clamp<std::int64_t>(i, 0, n - 1);
  const std::int64_t skip = mode == "reflect" ? 0 : 1;
  if (i < 0) return -i - skip;
  return i < n ? i : 2 * (n - 1) - i + skip;
}

void add_pads(Cases& cases) {
  const Shape shape = {3, 4}, low = {2, 1}, high = {1, 3}, to = {6, 8};
  cases.push_back({"pad",
                   "constant",
                   {{shape}, {{}}},
                   {ints(low), ints(high)},
                   [=](const Values& in) {
                     return make(to, [&](const Shape& i) {
                       const Shape from = {i[0] - low[0], i[1] - low[1]};
                       const bool in_x = from[0] >= 0 && from[0] < 3 && from[1] >= 0 && from[1] < 4;
                       return in_x ? at(in[0], from) : in[1].data[0];
                     });
                   },
                   kAny});
  for (const std::string mode : {"edge", "reflect", "symmetric"}) {
    cases.push_back({"pad",
                     mode,
                     {{shape}, {{}, 0, 0}},
                     {ints(low), ints(high), text(mode)},
                     [=](const Values& in) {
                       return make(to, [&](const Shape& i) {
                         return at(in[0], {pad_source(mode, i[0] - low[0], 3),
                                           pad_source(mode, i[1] - low[1], 4)});
                       });
                     },
                     kAny});
  }
  cases.push_back({"pad",
                   "empty",
                   {{{0, 2}}, {{}}},
                   {ints({1, 0}), ints({2, 0})},
                   [](const Values& in) {
                     return make({3, 2}, [&](const Shape&) { return in[1].data[0]; });
                   },
                   kAny});
}

std::int64_t resolved(double index, std::int64_t n) {
  const auto i = static_cast<std::int64_t>(index);
  return std::clamp<std::int64_t>(i < 0 ? i + n : i, 0, n - 1);
}

// The index into x of take's result index i.
Shape take_source(const Values& in, std::size_t axis, const Shape& i) {
  const std::size_t n = in[1].shape.size();
  const auto first = i.begin() + static_cast<std::ptrdiff_t>(axis),
             last = first + static_cast<std::ptrdiff_t>(n);
  Shape from(i.begin(), first);
  from.push_back(resolved(at(in[1], Shape(first, last)), in[0].shape[axis]));
  from.insert(from.end(), last, i.end());
  return from;
}

Shape taken_shape(const Values& in, std::size_t axis) {
  Shape to = in[0].shape;
  const auto place = to.erase(to.begin() + static_cast<std::ptrdiff_t>(axis));
  to.insert(place, in[1].shape.begin(), in[1].shape.end());
  return to;
}

Shape along_source(const Values& in, std::size_t axis, const Shape& i) {
  Shape from = i;
  for (std::size_t k = 0; k < i.size(); ++k) {
    if (k != axis && in[0].shape[k] == 1) from[k] = 0;
  }
  from[axis] = resolved(broadcast_at(in[1], i), in[0].shape[axis]);
  return from;
}

void add_indexing(Cases& cases) {
  const auto take = [](std::size_t axis) {
    return [axis](const Values& in) {
      return make(taken_shape(in, axis),
                  [&](const Shape& i) { return at(in[0], take_source(in, axis, i)); });
    };
  };
  const auto scatter = [](std::size_t axis) {
    return [axis](const Values& in) {
      Value v = in[0];
      for_each_index(taken_shape(in, axis), [&](const Shape& i) {
        at(v, take_source(in, axis, i)) += broadcast_at(in[2], i);
      });
      return v;
    };
  };
  struct Take {
    const char* label;
    Shape x, indices;
    std::size_t axis;
    Shape to;
  };
  for (const Take& t :
       {Take{"rows", {5, 3}, {4}, 0, {4, 3}}, Take{"last", {2, 6}, {2, 3}, 1, {2, 2, 3}},
        Take{"one", {5, 3}, {}, 0, {3}}, Take{"none", {5, 3}, {0}, 0, {0, 3}},
        Take{"middle", {2, 5, 3}, {7}, 1, {2, 7, 3}}}) {
    const Input indices = index_input(t.indices, -7, 7);  // also out of range
    const std::vector<Attribute> attrs = {integer(static_cast<std::int64_t>(t.axis))};
    cases.push_back({"take", t.label, {{t.x}, indices}, attrs, take(t.axis), kAny});
    cases.push_back({"scatter_add",
                     t.label,
                     {{t.x}, indices, {t.to}},
                     attrs,
                     scatter(t.axis),
                     kSigned,
                     Result::same,
                     true,
                     2});
  }
  Input wide = index_input({4}, 0, 4);
  for (qn_dtype type : {QN_I64, QN_U32, QN_U8, QN_I8, QN_U64, QN_U16}) {
    wide.dtype = type;
    cases.push_back(
        {"take", std::string("by_") + name(type), {{{5, 3}}, wide}, {integer(0)}, take(0)});
  }
  struct Along {
    const char* label;
    Shape x, indices, to;
    std::int64_t asked;
    std::size_t axis;
  };
  for (const Along& a :
       {Along{"last", {3, 5}, {3, 2}, {3, 2}, -1, 1}, Along{"first", {4, 3}, {2, 3}, {2, 3}, 0, 0},
        Along{"broadcast_indices", {3, 5}, {1, 2}, {3, 2}, 1, 1},
        Along{"broadcast_x", {1, 5}, {3, 2}, {3, 2}, 1, 1}}) {
    const Input indices = index_input(a.indices, -5, 4);
    cases.push_back(
        {"take_along_axis",
         a.label,
         {{a.x}, indices},
         {integer(a.asked)},
         [axis = a.axis, to = a.to](const Values& in) {
           return make(to, [&](const Shape& i) { return at(in[0], along_source(in, axis, i)); });
         },
         kAny});
    if (a.x[0] == 1) continue;
    cases.push_back({"scatter_add_along_axis",
                     a.label,
                     {{a.x}, indices, {a.to}},
                     {integer(a.asked)},
                     [axis = a.axis, to = a.to](const Values& in) {
                       Value v = in[0];
                       for_each_index(to, [&](const Shape& i) {
                         at(v, along_source(in, axis, i)) += at(in[2], i);
                       });
                       return v;
                     },
                     kSigned,
                     Result::same,
                     true,
                     2});
  }
}

}  // namespace

Cases shape_cases() {
  Cases cases;
  add_creation(cases);
  add_views(cases);
  add_slices(cases);
  add_joins(cases);
  add_pads(cases);
  add_indexing(cases);
  return cases;
}

}  // namespace quern::test
