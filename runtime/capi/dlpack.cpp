// DLPack both ways without copying, versioned and legacy.
// CPU memory only; nothing here writes to foreign memory.
#include "runtime/capi/dlpack_abi.h"
#include "runtime/capi/handles.h"

using namespace quern;
using namespace quern::capi;

namespace {

Array import(const char* fn, Runtime& rt, const DLTensor& t, std::function<void()> release) {
  if (t.device.device_type != QN_DL_CPU)
    throw Error(QN_E_UNIMPLEMENTED, str("[", fn, "] device type ", t.device.device_type,
                                        " offered, only CPU memory (1) is read"));
  if (t.dtype.lanes != 1)
    throw Error(QN_E_UNIMPLEMENTED,
                str("[", fn, "] dtype with ", t.dtype.lanes, " lanes offered, expected 1"));
  if (t.ndim < 0) fail_invalid("[", fn, "] ndim is ", t.ndim);
  const auto ndim = static_cast<std::uint32_t>(t.ndim);
  const DType dtype = dtype_arg(fn, QN_DTYPE(qn_dtype{t.dtype.code}, qn_dtype{t.dtype.bits}));
  if (shape_arg(fn, t.shape, ndim, dtype) > 0) need(t.data, fn, "dl_tensor.data");
  const char* data = t.data ? static_cast<const char*>(t.data) + t.byte_offset : nullptr;
  return adopt_memory(rt, fn, data, IntSpan(t.shape, ndim), t.strides, dtype, std::move(release));
}

template <typename Managed>
std::function<void()> releaser(Managed* t) {
  return [t] {
    if (t->deleter) t->deleter(t);
  };
}

// What an exported tensor points to; one block with it.
template <typename Managed>
struct Export {
  Managed managed{};
  Array array;
  Shape shape;
  Strides strides;
};

template <typename Managed>
Managed* export_array(qn_array* array) {
  ArrayRep* a = unwrap(array);
  ensure_evaluated(a);
  auto* e = new Export<Managed>{{}, share(array), a->shape, a->strides};
  const qn_dtype t = to_abi(a->dtype);
  DLTensor& d = e->managed.dl_tensor;
  d.data = a->buffer ? a->data() : nullptr;
  d.device = {QN_DL_CPU, 0};
  d.ndim = static_cast<int32_t>(e->shape.size());
  d.dtype = {static_cast<uint8_t>(t & 0xff), static_cast<uint8_t>(t >> 8 & 0xff),
             static_cast<uint16_t>(t >> 16)};
  d.shape = e->shape.data();
  d.strides = e->strides.data();
  d.byte_offset = 0;
  e->managed.manager_ctx = e;
  e->managed.deleter = [](Managed* self) {
    delete static_cast<Export<Managed>*>(self->manager_ctx);
  };
  return &e->managed;
}

}  // namespace

qn_status qn_array_from_dlpack(qn_runtime* rt, DLManagedTensorVersioned* t, qn_array** out,
                               qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(t, fn, "the tensor");
    need(out, fn, "out");
    if (t->version.major != QN_DLPACK_MAJOR)
      throw Error(QN_E_UNIMPLEMENTED,
                  str("[", fn, "] DLPack version ", t->version.major, ".", t->version.minor,
                      " offered, expected major version ", QN_DLPACK_MAJOR));
    *out = give(import(fn, *unwrap(rt), t->dl_tensor, releaser(t)));
  });
}

qn_status qn_array_from_dlpack_legacy(qn_runtime* rt, DLManagedTensor* t, qn_array** out,
                                      qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(rt, fn, "rt");
    need(t, fn, "the tensor");
    need(out, fn, "out");
    *out = give(import(fn, *unwrap(rt), t->dl_tensor, releaser(t)));
  });
}

qn_status qn_array_to_dlpack(qn_array* array, DLManagedTensorVersioned** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(array, fn, "array");
    need(out, fn, "out");
    auto* t = export_array<DLManagedTensorVersioned>(array);
    t->version = {QN_DLPACK_MAJOR, QN_DLPACK_MINOR};
    t->flags = QN_DL_READ_ONLY;
    *out = t;
  });
}

qn_status qn_array_to_dlpack_legacy(qn_array* array, DLManagedTensor** out, qn_error** error) {
  return guard(__func__, error, [&, fn = __func__] {
    need(array, fn, "array");
    need(out, fn, "out");
    *out = export_array<DLManagedTensor>(array);
  });
}
