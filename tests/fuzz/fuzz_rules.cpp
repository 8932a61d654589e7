// Selection rules: the input is the text. Accepted rules are matched against two ops.
#include "fuzz.h"
#include "quern/op_ids.h"

namespace {

void candidate(void* self, const qn_candidate_report* r) {
  if (!r->plugin || !r->kernel || !r->reason) fuzz::broken("an incomplete report");
  ++*static_cast<int*>(self);
}

qn_array* array(const std::int64_t* shape, std::uint32_t ndim) {
  static const float values[64] = {};
  qn_array* a = nullptr;
  qn_error* e = nullptr;
  if (!fuzz::worked(qn_array_from_data(fuzz::runtime(), values, shape, ndim, QN_F32, &a, &e), e))
    fuzz::broken("no array");
  return a;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::int64_t shape[] = {2, 3};
  static qn_array* const x = array(shape, 2);
  const std::string rules(reinterpret_cast<const char*>(data), size);
  qn_error* e = nullptr;
  if (!fuzz::worked(qn_runtime_set_kernels(fuzz::runtime(), rules.c_str(), &e), e)) return 0;
  if (size % 4 != 0) return 0;
  int n = 0;
  for (const std::uint32_t op : {QN_OP_RELU, QN_OP_SUM}) {
    e = nullptr;
    fuzz::worked(qn_explain_op(fuzz::runtime(), op, &x, 1, nullptr, 0, candidate, &n, &e), e);
  }
  if (n < 2) fuzz::broken("no candidates");
  return 0;
}
