// The small tensor algebra behind the references.
#include "tests/ops/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quern::test {

std::int64_t count(const Shape& s) {
  std::int64_t n = 1;
  for (std::int64_t d : s) n *= d;
  return n;
}

std::size_t place(const Shape& shape, const Shape& index) {
  std::int64_t p = 0;
  for (std::size_t k = 0; k < shape.size(); ++k) p = p * shape[k] + index[k];
  return static_cast<std::size_t>(p);
}

double at(const Value& v, const Shape& index) { return v.data.at(place(v.shape, index)); }
double& at(Value& v, const Shape& index) { return v.data.at(place(v.shape, index)); }

double broadcast_at(const Value& v, const Shape& index) {
  const std::size_t lead = index.size() - v.shape.size();
  Shape own(v.shape.size());
  for (std::size_t k = 0; k < own.size(); ++k) own[k] = v.shape[k] == 1 ? 0 : index[lead + k];
  return at(v, own);
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape s(std::max(a.size(), b.size()));
  for (std::size_t k = 0; k < s.size(); ++k) {
    const std::int64_t x = k < a.size() ? a[a.size() - 1 - k] : 1,
                       y = k < b.size() ? b[b.size() - 1 - k] : 1;
    s[s.size() - 1 - k] = x == 1 ? y : x;
  }
  return s;
}

void for_each_index(const Shape& s, const std::function<void(const Shape&)>& f) {
  Shape index(s.size(), 0);
  for (std::int64_t i = 0, n = count(s); i < n; ++i) {
    f(index);
    for (std::size_t k = s.size(); k-- > 0 && ++index[k] == s[k];) index[k] = 0;
  }
}

Value make(const Shape& s, const std::function<double(const Shape&)>& f) {
  Value v{s, {}};
  for_each_index(s, [&](const Shape& i) { v.data.push_back(f(i)); });
  return v;
}

Reference bilinear(Reference f) {
  return [f](const Values& in) {
    const auto part = [&](bool x, bool y) {
      return f(
          {{in[0].shape, x ? in[0].imag : in[0].data}, {in[1].shape, y ? in[1].imag : in[1].data}});
    };
    Value out = part(false, false), crossed = part(false, true);
    const Value minus = part(true, true), plus = part(true, false);
    for (std::size_t i = 0; i < out.data.size(); ++i) {
      out.data[i] -= minus.data[i];
      out.imag.push_back(crossed.data[i] + plus.data[i]);
    }
    return out;
  };
}

Reference map1(double (*f)(double)) {
  return [f](const Values& in) {
    return make(in[0].shape, [&](const Shape& i) { return f(at(in[0], i)); });
  };
}

Reference map2(double (*f)(double, double)) {
  return [f](const Values& in) {
    return make(broadcast(in[0].shape, in[1].shape),
                [&](const Shape& i) { return f(broadcast_at(in[0], i), broadcast_at(in[1], i)); });
  };
}

Value reduce(const Value& v, const Shape& axes, bool keepdims, const Fold& fold) {
  const auto reduced = [&](std::size_t k) {
    return axes.empty() ||
           std::find(axes.begin(), axes.end(), static_cast<std::int64_t>(k)) != axes.end();
  };
  Shape kept, inner, out;
  for (std::size_t k = 0; k < v.shape.size(); ++k) {
    (reduced(k) ? inner : kept).push_back(v.shape[k]);
    if (!reduced(k)) out.push_back(v.shape[k]);
    if (reduced(k) && keepdims) out.push_back(1);
  }
  Value result = make(kept, [&](const Shape& outer) {
    std::vector<double> items;
    for_each_index(inner, [&](const Shape& i) {
      Shape full;
      std::size_t from_outer = 0, from_inner = 0;
      for (std::size_t k = 0; k < v.shape.size(); ++k) {
        full.push_back(reduced(k) ? i[from_inner++] : outer[from_outer++]);
      }
      items.push_back(at(v, full));
    });
    return fold(items);
  });
  result.shape = out;
  return result;
}

double sum_of(const std::vector<double>& v) {
  double s = 0;
  for (double x : v) s += x;
  return s;
}

double logsumexp_of(const std::vector<double>& v) {
  if (v.empty()) return -std::numeric_limits<double>::infinity();
  const double largest = *std::max_element(v.begin(), v.end());
  double s = 0;
  for (double x : v) s += std::exp(x - largest);
  return largest + std::log(s);
}

std::string label(const Shape& s) {
  std::string text;
  for (std::int64_t d : s) text += (text.empty() ? "" : "x") + std::to_string(d);
  return text.empty() ? "scalar" : text;
}

}  // namespace quern::test
