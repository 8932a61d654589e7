// Values, arrays and cases: a small layer over the public C API in which the op tests are written.
// It computes nothing of what is tested; references are in reference.h and beside the cases.
#pragma once
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "quern/quern.h"

namespace quern::test {

using Shape = std::vector<std::int64_t>;
using Dtypes = std::vector<qn_dtype>;

// A tensor of the reference world: float64, row-major; for c64 `data` holds the real parts.
struct Value {
  Shape shape;
  std::vector<double> data;
  std::vector<double> imag = {};  // as long as data, or empty: real
};

// An attribute as the ABI takes it, owning what it points to.
struct Attribute {
  std::uint32_t type = QN_ATTR_DEFAULT;
  std::int64_t i = 0;
  double f = 0;
  Shape is;
  std::string s;
  std::vector<double> fs = {};
};
Attribute ints(Shape v);
Attribute integer(std::int64_t v);
Attribute number(double v);
Attribute numbers(std::vector<double> v);
Attribute text(std::string v);
Attribute dtype(qn_dtype v);
Attribute by_default();

// A failed call: what() is the library's text.
struct Failure : std::runtime_error {
  Failure(qn_status c, const std::string& what) : std::runtime_error(what), code(c) {}
  qn_status code;
};
// Throws Failure and frees the error. A reference, for the call that sets it stands beside it.
void check(qn_status status, qn_error*& error);

// A counted reference to an array.
class Array {
 public:
  Array() = default;
  explicit Array(qn_array* owned) : array_(owned) {}
  Array(const Array& o) : array_(o.array_ ? qn_array_retain(o.array_) : nullptr) {}
  Array(Array&& o) noexcept : array_(o.array_) { o.array_ = nullptr; }
  Array& operator=(Array o) noexcept {
    std::swap(array_, o.array_);
    return *this;
  }
  ~Array() { qn_array_release(array_); }
  qn_array* get() const { return array_; }
  qn_array* release() { return std::exchange(array_, nullptr); }
  qn_dtype dtype() const { return qn_array_dtype(array_); }
  Shape shape() const;

 private:
  qn_array* array_ = nullptr;
};

// A runtime under one selection rule.
class Runtime {
 public:
  explicit Runtime(const std::string& rules);
  ~Runtime() { qn_runtime_release(runtime_); }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  qn_runtime* get() const { return runtime_; }
  bool has_plugin(const std::string& id) const;  // loaded and active
  std::size_t kernels() const;                   // different ones in the plans that are cached
  // The runtime that prefers one plugin and falls back to naive; made once.
  static Runtime& preferring(const std::string& plugin);

 private:
  qn_runtime* runtime_ = nullptr;
};
const std::vector<std::string>& bundled_plugins();

// How an input lies in memory.
enum class Form { dense, transposed, reversed, gapped, repeated };
inline constexpr Form kForms[] = {Form::dense, Form::transposed, Form::reversed, Form::gapped,
                                  Form::repeated};
const char* name(Form f);
const char* name(qn_dtype t);

// kNumbers: floats and integers; kAll: and bool; kAny: and c64; kFields: floats and c64.
extern const Dtypes kFloats, kIntegers, kSigned, kNumbers, kAll, kAny, kFields;
bool is_float(qn_dtype t);

// The number that remains of v in dtype t: rounded, integers truncated, bool as 0 or 1.
double rounded(double v, qn_dtype t);
// Borrowed memory holding `v` in the given form; `repeated` has stride 0 on axis 0, which must hold
// equal values.
Array array(const Runtime& rt, const Value& v, qn_dtype t, Form form = Form::dense);
Value read(const Array& a);  // evaluates
// Records an op and gives one of its outputs.
Array apply(const Runtime& rt, const std::string& op, const std::vector<Array>& in,
            const std::vector<Attribute>& attrs, std::uint32_t n_out = 1, std::uint32_t which = 0);

struct Input {
  Shape shape;
  double low = -2, high = 2;  // of uniform random values
  qn_dtype dtype = 0;         // 0 = the dtype under test
  bool differentiable = true;
  std::vector<double> data = {};  // instead of random values
};
Input index_input(Shape shape, std::int64_t low,
                  std::int64_t high);  // i32 in [low, high], not differentiable

using Values = std::vector<Value>;
enum class Result {
  any,
  same,
  floating,
  boolean,
  index,
  part,    // f32 for c64, else the same
  complex  // c64
};         // dtype of the result; floating: f32 for integers

// One row of a table.
struct Case {
  std::string op, label;
  std::vector<Input> in;
  std::vector<Attribute> attrs;
  // For c64 it gets values with imaginary parts, or, with `by_parts`, each part on its own.
  std::function<Value(const Values&)> reference;
  Dtypes dtypes = kFloats;
  Result result = Result::same;
  bool gradient = true;                            // check it by finite differences
  double tolerance = 1;                            // a factor on that of the dtype
  std::function<void(Values&)> prepare = nullptr;  // may rewrite inputs that depend on others
  std::uint32_t n_out = 1, which = 0;              // outputs of the op, and the one that is checked
  bool by_parts = true;  // the op does to imaginary parts what it does to real ones
};
using Cases = std::vector<Case>;

// The inputs' values for a case in a dtype and form: random, rounded, repeated where the form asks
// for it.
Values input_values(const Case& c, qn_dtype t, Form form);
// The dtype of input i when t is under test.
qn_dtype input_dtype(const Case& c, std::size_t i, qn_dtype t);
// What the case's reference gives.
Value expected(const Case& c, const Values& values);
// Empty when `got` is within the tolerance of its dtype, else the first difference.
std::string difference(const Value& got, const Value& want, qn_dtype t, double factor);

}  // namespace quern::test
