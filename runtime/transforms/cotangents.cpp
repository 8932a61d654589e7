// Sums of cotangents. Which parts there are decides the form of the sum, never their values.
#include "runtime/transforms/cotangents.h"

#include <algorithm>
#include <optional>

#include "runtime/ops/api.gen.h"
#include "runtime/ops/rules.h"

namespace quern {
namespace {

const Node* recorded(const Array& a, std::uint32_t op) {
  const Node* n = a.rep()->node.load(std::memory_order_acquire);
  return n && n->op == op && !n->custom ? n : nullptr;
}

bool swaps_two(const Node& n) {
  const Ints& axes = n.attrs.is(0);
  return axes.size() == 2 && axes[0] == 1 && axes[1] == 0;
}

// x or, with `turned`, its transpose.
struct Factor {
  Array x;
  bool turned;
};

Factor factor(Array x, bool turned) {
  while (const Node* n = recorded(x, QN_OP_TRANSPOSE)) {
    if (!swaps_two(*n)) break;
    x = Array(n->in[0]);
    turned = !turned;
  }
  return {std::move(x), turned};
}

// A product (m, k) by (k, n).
struct Product {
  Factor a, b;
  std::int64_t depth() const { return a.x.shape()[a.turned ? 0 : 1]; }
};

std::optional<Product> product(const Array& g) {
  bool turned = false;
  Array x = g;
  while (const Node* n = recorded(x, QN_OP_TRANSPOSE)) {
    if (!swaps_two(*n)) return std::nullopt;
    x = Array(n->in[0]);
    turned = !turned;
  }
  const Node* n = recorded(x, QN_OP_MATMUL);
  if (!n || n->in[0].ndim() != 2 || n->in[1].ndim() != 2) return std::nullopt;
  if (n->in[0].dtype() != g.dtype() || n->in[1].dtype() != g.dtype()) return std::nullopt;
  if (turned) return Product{factor(n->in[1], true), factor(n->in[0], true)};
  return Product{factor(n->in[0], false), factor(n->in[1], false)};
}

// The factors behind one another along the axis that the product sums over.
Array joined(const std::vector<Product>& products, Factor Product::*which, std::int64_t axis) {
  ArrayList xs;
  for (const Product& p : products) xs.push_back((p.*which).x);
  const bool turned = (products[0].*which).turned;
  Array all = ops::concatenate(xs, turned ? 1 - axis : axis);
  return turned ? ops::transpose(all, Ints{1, 0}) : all;
}

bool is_box(const Ints& step) {
  return std::all_of(step.begin(), step.end(), [](std::int64_t s) { return s == 1; });
}

Array zero_of(const Array& x) { return scalar(x.runtime(), 0, x.dtype()); }

}  // namespace

void Cotangents::add(const Array& to, Array g) {
  Sum& s = of_[to.rep()];
  s.to = to;
  s.whole.push_back(std::move(g));
}

void Cotangents::add_slice(const Array& to, Array g, const AttrList& slice) {
  Sum& s = of_[to.rep()];
  s.to = to;
  s.parts.push_back({std::move(g), slice.is(0), slice.is(1), slice.is(2)});
}

const Array* Cotangents::find(const ArrayRep* to) {
  const auto it = to ? of_.find(to) : of_.end();
  if (it == of_.end()) return nullptr;
  Sum& s = it->second;
  if (!s.parts.empty()) join_parts(s);
  if (s.whole.size() > 1) {
    join_products(s);
    Array sum = s.whole[0];
    for (std::size_t i = 1; i < s.whole.size(); ++i) sum = ops::add(sum, s.whole[i]);
    s.whole.assign(1, std::move(sum));
  }
  return &s.whole[0];
}

Array Cotangents::side_by_side(const Array& to, const std::vector<const Part*>& parts,
                               std::size_t axis) {
  ArrayList pieces;
  std::int64_t end = 0;
  const auto gap_before = [&](std::int64_t start) {
    if (start == end) return;
    Ints shape(to.shape().begin(), to.shape().end());
    shape[axis] = start - end;
    pieces.push_back(ops::broadcast_to(zero_of(to), std::move(shape)));
  };
  for (const Part* p : parts) {
    gap_before(p->start[axis]);
    pieces.push_back(p->g);
    end = p->stop[axis];
  }
  gap_before(to.shape()[axis]);
  return pieces.size() == 1 ? pieces[0] : ops::concatenate(pieces, static_cast<std::int64_t>(axis));
}

void Cotangents::join_parts(Sum& s) {
  const Shape& shape = s.to.shape();
  std::vector<std::vector<const Part*>> along(shape.size());  // parts cut on that axis alone
  for (const Part& p : s.parts) {
    if (p.g.size() == 0) {
      s.whole.push_back(zeros_like(s.to));
      continue;
    }
    if (!is_box(p.step)) {
      s.whole.push_back(ops::slice_update(zeros_like(s.to), p.g, p.start, p.stop, p.step));
      continue;
    }
    std::size_t cut = shape.size(), cuts = 0;
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (p.start[i] != 0 || p.stop[i] != shape[i]) cut = i, ++cuts;
    if (cuts == 1) {
      along[cut].push_back(&p);
    } else {
      Ints high;
      for (std::size_t i = 0; i < shape.size(); ++i) high.push_back(shape[i] - p.stop[i]);
      s.whole.push_back(cuts ? ops::pad(p.g, zero_of(s.to), p.start, std::move(high)) : p.g);
    }
  }
  for (std::size_t axis = 0; axis < along.size(); ++axis) {
    std::vector<const Part*> rest = std::move(along[axis]);
    std::stable_sort(rest.begin(), rest.end(),
                     [&](const Part* x, const Part* y) { return x->start[axis] < y->start[axis]; });
    while (!rest.empty()) {  // those that overlap come into the next sum
      std::vector<const Part*> layer, later;
      for (const Part* p : rest)
        (layer.empty() || p->start[axis] >= layer.back()->stop[axis] ? layer : later).push_back(p);
      s.whole.push_back(side_by_side(s.to, layer, axis));
      rest = std::move(later);
    }
  }
  s.parts.clear();
}

void Cotangents::join_products(Sum& s) {
  if (s.to.ndim() != 2) return;
  std::vector<Product> products;
  std::vector<Array> rest;
  std::int64_t depth = 0;
  for (const Array& g : s.whole) {
    auto p = product(g);
    if (p && !products.empty() &&
        (p->a.turned != products[0].a.turned || p->b.turned != products[0].b.turned))
      p.reset();
    if (p)
      depth += p->depth(), products.push_back(std::move(*p));
    else
      rest.push_back(g);
  }
  const std::int64_t m = s.to.shape()[0], n = s.to.shape()[1];
  const auto sums = static_cast<double>(products.size()) - 1;
  const double copied = static_cast<double>(depth) * static_cast<double>(m + n);
  if (products.size() < 2 || copied > sums * static_cast<double>(m) * static_cast<double>(n))
    return;
  rest.push_back(ops::matmul(joined(products, &Product::a, 1), joined(products, &Product::b, 0)));
  s.whole = std::move(rest);
}

}  // namespace quern
