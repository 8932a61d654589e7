// Arrays of plausible values for an op: small positive numbers, indices within range.
// Made from a fixed seed, so that two runs see the same numbers.
#include <random>

#include "include/quern/ops.h"
#include "runtime/cli/request.h"

namespace quern_cli {
namespace {

ArrayHandle make_input(qn_runtime* rt, const InputSpec& spec, std::minstd_rand& draw) {
  std::size_t size = 1;
  for (int64_t d : spec.shape) size *= static_cast<std::size_t>(d);
  const qn_dtype dtype = dtype_of(spec.dtype);
  const bool real =
      dtype == QN_F16 || dtype == QN_BF16 || dtype == QN_F32 || dtype == QN_F64 || dtype == QN_C64;
  std::vector<float> values(size);
  for (float& v : values) {
    const auto bits = draw();
    v = real ? static_cast<float>(bits % 4096) / 4096.0f
             : static_cast<float>(dtype == QN_BOOL ? bits % 2 : bits % 8);
  }
  qn_array* raw = nullptr;
  call(qn_array_from_data, rt, static_cast<const void*>(values.data()), spec.shape.data(),
       static_cast<uint32_t>(spec.shape.size()), QN_F32, &raw);
  ArrayHandle array(raw);
  if (dtype == QN_F32) return array;
  call(qn_astype, rt, array.get(), dtype, &raw);
  return ArrayHandle(raw);
}

}  // namespace

std::vector<ArrayHandle> make_inputs(qn_runtime* rt, const Request& request) {
  std::minstd_rand draw(7);
  std::vector<ArrayHandle> arrays;
  for (const InputSpec& s : request.inputs) {
    arrays.push_back(make_input(rt, s, draw));
    qn_array* a = arrays.back().get();
    call(qn_eval, static_cast<qn_array* const*>(&a), 1u);
  }
  return arrays;
}

}  // namespace quern_cli
