// Functions from bodies, and the count checks of every call.
#include "runtime/transforms/function.h"

#include "runtime/core/error.h"
#include "runtime/host/runtime.h"

namespace quern {

Function::Function(Runtime& rt, std::uint32_t n_in, std::uint32_t n_out)
    : runtime_(&rt), n_in_(n_in), n_out_(n_out) {
  rt.retain();
}

Function::~Function() { runtime_->release(); }

ArrayList Function::call(std::span<const Array> in) {
  if (in.size() != n_in_) fail_invalid("[fn] called with ", in.size(), " inputs, expected ", n_in_);
  for (const Array& a : in) {
    if (!a) fail_invalid("[fn] an input is missing");
    if (&a.runtime() != runtime_) fail_invalid("[fn] an input belongs to another runtime");
  }
  ArrayList out = invoke(in);
  if (out.size() != n_out_)
    fail_invalid("[fn] returned ", out.size(), " outputs, expected ", n_out_);
  return out;
}

namespace {

class BodyFunction final : public Function {
 public:
  BodyFunction(Runtime& rt, std::uint32_t n_in, std::uint32_t n_out, Body body)
      : Function(rt, n_in, n_out), body_(std::move(body)) {}

 private:
  ArrayList invoke(std::span<const Array> in) override { return body_(in); }
  Body body_;
};

}  // namespace

FunctionRef make_function(Runtime& rt, std::uint32_t n_in, std::uint32_t n_out, Body body) {
  return std::make_shared<BodyFunction>(rt, n_in, n_out, std::move(body));
}

}  // namespace quern
