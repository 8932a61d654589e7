// DLPack tensors with any contents: refused, or read without touching a byte that is not theirs.
#include <algorithm>

#include "fuzz.h"
#include "runtime/capi/dlpack_abi.h"

namespace {

// The tensor's memory is as large as its shape and strides say when that is little; else the
// address stands for memory that no test may read.
alignas(64) char memory[4096];
int deleted;

template <typename Managed>
void run(fuzz::Input& in, qn_status (*from)(qn_runtime*, Managed*, qn_array**, qn_error**),
         Managed& t) {
  std::int64_t shape[8] = {}, strides[8] = {};
  const std::uint32_t ndim = in.below(9);
  std::int64_t low = 0, high = 0;
  bool small = true;
  const bool with_strides = in.one_in(2);
  for (std::uint32_t i = 0; i < ndim; ++i) {
    shape[i] = in.integer();
    strides[i] = in.integer();
  }
  const qn_dtype dtype = in.dtype();
  DLTensor& d = t.dl_tensor;
  d.dtype = {static_cast<std::uint8_t>(dtype), static_cast<std::uint8_t>(dtype >> 8),
             static_cast<std::uint16_t>(dtype >> 16)};
  for (std::uint32_t i = 0; i < ndim; ++i) {
    if (shape[i] < 0 || shape[i] > 16 || strides[i] > 32 || strides[i] < -32) small = false;
    if (!small || shape[i] == 0) continue;
    const std::int64_t reach = (shape[i] - 1) * strides[i];
    (reach < 0 ? low : high) += reach;
  }
  std::int64_t count = 1;
  for (std::uint32_t i = 0; small && i < ndim; ++i)
    count = std::min<std::int64_t>(count * shape[i], 1 << 20);
  const std::int64_t item = std::max(1, d.dtype.bits / 8);
  const std::int64_t top = with_strides ? high + 1 : count;
  if (!with_strides) low = 0;
  small = small && (top - low) * item + 16 <= static_cast<std::int64_t>(sizeof memory);
  d.device = {in.one_in(16) ? static_cast<std::int32_t>(in.integer()) : QN_DL_CPU, 0};
  d.ndim =
      in.one_in(32) ? static_cast<std::int32_t>(in.integer()) : static_cast<std::int32_t>(ndim);
  if (d.ndim > 8) d.ndim = 65;  // refused before the list is read
  d.shape = in.one_in(64) ? nullptr : shape;
  d.strides = with_strides ? strides : nullptr;
  d.byte_offset = in.one_in(8) ? in.below(16) : 0;
  if (d.ndim != static_cast<std::int32_t>(ndim)) small = false;
  d.data = in.one_in(64) ? nullptr : memory - low * item;
  deleted = 0;
  if (!in.one_in(16)) t.deleter = [](Managed*) { ++deleted; };
  // Unaligned memory is copied at once, so it must be there.
  const bool reads = d.byte_offset != 0 || item > 8;
  if (reads && !small) return;
  qn_array* a = nullptr;
  qn_error* e = nullptr;
  const bool had_deleter = t.deleter != nullptr;
  if (!fuzz::worked(from(fuzz::runtime(), &t, &a, &e), e)) {
    if (deleted || a) fuzz::broken("a refused tensor was taken");
    return;
  }
  if (small) {
    std::vector<char> bytes(qn_array_size(a) * static_cast<std::size_t>(item));
    e = nullptr;
    if (!fuzz::worked(qn_array_copy_out(a, bytes.data(), bytes.size(), &e), e))
      fuzz::broken("a tensor that cannot be read");
  }
  qn_array_release(a);
  if (deleted != (had_deleter ? 1 : 0)) fuzz::broken("the deleter was not called once");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input in(data, size);
  if (in.one_in(2)) {
    DLManagedTensor t{};
    run(in, qn_array_from_dlpack_legacy, t);
  } else {
    DLManagedTensorVersioned t{};
    t.version = {in.one_in(16) ? in.word() : QN_DLPACK_MAJOR, in.word()};
    t.flags = in.raw();
    run(in, qn_array_from_dlpack, t);
  }
  return 0;
}
