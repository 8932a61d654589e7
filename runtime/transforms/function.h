// Functions as values: a callback, and what the transforms make of one.
// Counted through shared_ptr; a call may come from any thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/core/array.h"

namespace quern {

class Function {
 public:
  Function(Runtime& runtime, std::uint32_t n_in, std::uint32_t n_out);  // retains the runtime
  virtual ~Function();
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  // Checks the counts; throws Error.
  ArrayList call(std::span<const Array> in);
  std::uint32_t n_in() const { return n_in_; }
  std::uint32_t n_out() const { return n_out_; }
  Runtime& runtime() const { return *runtime_; }

 protected:
  virtual ArrayList invoke(std::span<const Array> in) = 0;

 private:
  Runtime* runtime_;
  std::uint32_t n_in_, n_out_;
};

using FunctionRef = std::shared_ptr<Function>;
using Body = std::function<ArrayList(std::span<const Array>)>;

// body throws Error on failure; whatever it owns dies with the function.
FunctionRef make_function(Runtime&, std::uint32_t n_in, std::uint32_t n_out, Body body);
// (in.., cotangents..) -> (outputs.., gradients of argnums..).
FunctionRef vjp(FunctionRef f, std::span<const std::uint32_t> argnums);
// (in..) -> (outputs.., gradients of output 0 with respect to argnums..).
FunctionRef value_and_grad(FunctionRef f, std::span<const std::uint32_t> argnums);
// (in.., tangents of argnums..) -> (outputs.., tangents of the outputs..).
FunctionRef jvp(FunctionRef f, std::span<const std::uint32_t> argnums);
// f for every entry along in_axes; vmap.h tells of the axes.
FunctionRef vmap(FunctionRef f, std::span<const std::int64_t> in_axes,
                 std::span<const std::int64_t> out_axes);
// As f; when it is differentiated, what lies between inputs and outputs is not kept but computed
// again.
FunctionRef checkpoint(FunctionRef f);
// As f; traced once for each combination of shapes and dtypes.
FunctionRef compile(FunctionRef f);

}  // namespace quern
