// One op on one set of values, owned: what a plugin is asked to do and what must come out.
// Values are dense and row-major here; how they lie for a kernel is chosen for each run.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "include/quern/kernel.h"
#include "runtime/cli/request.h"

namespace quern_cli::check {

using Shape = std::vector<int64_t>;
using Bytes = std::vector<unsigned char>;

struct Meta {
  qn_dtype dtype = 0;
  Shape shape;
  int64_t count() const;
  uint64_t bytes() const;
};

// How an operand lies. strides empty and not named: in an offer "any" (input) or row-major
// (output).
struct Layout {
  bool named = false, any = true;
  Shape strides;
  std::string name;
  uint64_t bytes = 0;
};
Layout copy_layout(const qn_layout&, uint32_t ndim);
Layout row_major(const Shape&);

struct Program {
  std::vector<qn_dtype> in_dtype;
  std::vector<qn_inst> inst;
  std::vector<uint32_t> out;
};

struct Problem {
  uint32_t op = 0, n_op_in = 0;
  std::vector<AttrValue> attrs;
  std::vector<Meta> in, out;
  Program program;
  std::vector<Bytes> values, want;  // of in and out

  bool has_epilogue() const { return op != QN_OP_MAP && !program.inst.empty(); }
  std::string key() const;   // the same for two that differ only in values
  std::string text() const;  // "matmul f32(3, 5), f32(5, 4)"
};
Problem copy_problem(const qn_opdesc&);  // no values

struct Asking {
  uint32_t workers = 1, accuracy = QN_CLASS_DEFAULT;
  uint64_t const_mask = 0;
};

// A qn_opdesc of a problem with given layouts (one an operand). Everything lives in the object.
class Desc {
 public:
  Desc(const Problem&, const std::vector<Layout>& in, const std::vector<Layout>& out, Asking);
  Desc(const Desc&) = delete;
  Desc& operator=(const Desc&) = delete;
  qn_opdesc* get() { return &desc_; }

 private:
  void add(std::vector<qn_array_desc>& to, const Meta& m, const Layout& l);
  qn_opdesc desc_{};
  std::vector<qn_array_desc> in_, out_;
  std::deque<Shape> numbers_;
  std::deque<std::string> names_;
  std::vector<AttrValue> values_;
  std::vector<qn_attr> attrs_;
  Program copy_;
  qn_program program_{};
};

// An op that moves one array from a layout to another.
Problem relayout_problem(const Meta&);

uint32_t itemsize(qn_dtype);
std::string dtype_name(qn_dtype);
std::string op_name(uint32_t id);

// Copies between dense bytes and an array of the given strides at `base` (address of element 0).
void scatter(const Bytes& dense, const Meta&, const Shape& strides, unsigned char* base);
Bytes gather(const unsigned char* base, const Meta&, const Shape& strides);

}  // namespace quern_cli::check
