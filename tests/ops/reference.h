// How references are written: tensors made index by index from the definition, in float64, as slow
// as that is. References of single families are beside their cases.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/ops/harness.h"

namespace quern::test {

using Reference = std::function<Value(const Values&)>;
using Fold = std::function<double(const std::vector<double>&)>;

std::int64_t count(const Shape& s);
std::size_t place(const Shape& shape, const Shape& index);  // in row-major order
double at(const Value& v, const Shape& index);
double& at(Value& v, const Shape& index);
double broadcast_at(const Value& v,
                    const Shape& index);  // NumPy rules: right-aligned, size 1 repeats
Shape broadcast(const Shape& a, const Shape& b);
void for_each_index(const Shape& s, const std::function<void(const Shape&)>& f);  // row-major
Value make(const Shape& s, const std::function<double(const Shape&)>& f);

// f, linear in inputs 0 and 1, for complex values.
Reference bilinear(Reference f);
Reference map1(double (*f)(double));
Reference map2(double (*f)(double, double));
// The elements along `axes` (none = all; not negative), in row-major order, folded into one.
Value reduce(const Value& v, const Shape& axes, bool keepdims, const Fold& fold);

double sum_of(const std::vector<double>& v);
double logsumexp_of(const std::vector<double>& v);

// "2x3x4"; "scalar" for no axes. For labels.
std::string label(const Shape& s);

}  // namespace quern::test
