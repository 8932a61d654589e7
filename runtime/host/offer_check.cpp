// The rules for candidates; each reason says what is wrong with which member.
#include "runtime/host/offer_check.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "runtime/core/error.h"

namespace quern {
namespace {

constexpr std::uint32_t kMaxStruct = 65536;
constexpr std::uint64_t kMaxName = 256, kMaxLayoutName = 4096;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 46;

// `have`: the operand as it lies, for an input; NULL for an output.
std::string layout_fault(const qn_layout& l, const qn_array_desc& a, const std::int64_t* have) {
  if (l.kind == QN_LAYOUT_NAMED) {
    if (!l.name.ptr || l.name.len == 0 || l.name.len > kMaxLayoutName)
      return "a named layout without a name";
    if (l.bytes > kMaxBytes) return str("a named layout of ", l.bytes, " bytes");
    return "";
  }
  if (l.kind != QN_LAYOUT_STRIDED) return str("a layout of unknown kind ", l.kind);
  if (!l.strides || (have && std::equal(have, have + a.ndim, l.strides))) return "";
  return fills_exactly(a.shape, l.strides, a.ndim) ? "" : "a layout with gaps or overlaps";
}

}  // namespace

bool fills_exactly(const std::int64_t* shape, const std::int64_t* strides, std::size_t ndim) {
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;
  for (std::size_t i = 0; i < ndim; ++i) {
    if (shape[i] == 0) return true;
    if (shape[i] > 1) axes.emplace_back(strides[i], shape[i]);
  }
  std::sort(axes.begin(), axes.end());
  std::int64_t next = 1;
  for (const auto& [stride, size] : axes) {
    if (stride != next) return false;
    next *= size;
  }
  return true;
}

std::string offer_fault(const qn_candidate& c, const qn_opdesc& op, const qn_kernel_plugin& p) {
  if (c.hdr.struct_size < sizeof c || c.hdr.struct_size > kMaxStruct)
    return str("struct_size of the candidate is ", c.hdr.struct_size, ", expected ", sizeof c);
  if (!c.name.ptr || c.name.len == 0 || c.name.len > kMaxName) return "the candidate has no name";
  if (c.threading > QN_THREADING_PARALLEL_FOR)
    return str("its threading class is ", c.threading, ", expected 0 to 2");
  if (c.threading == QN_THREADING_TILES ? !p.tile : !p.run)
    return "the function of its threading class is NULL";
  if (!std::isfinite(c.est_ns) || c.est_ns < 0) return "est_ns is no number of nanoseconds";
  if (c.workspace_max > kMaxBytes) return str("workspace_max is ", c.workspace_max, " bytes");
  if (c.n_in > op.n_in || c.n_out > op.n_out || (c.n_in && !c.in) || (c.n_out && !c.out))
    return "its layouts are not those of the op's operands";
  if (op.n_in < 64 && c.inplace_mask >> op.n_in) return "inplace_mask names inputs there are not";
  const std::uint32_t wished = op.program && op.op != QN_OP_MAP ? op.program->n_inst : 0;
  if (c.epilogue_taken > wished) return "claims more of the epilogue than there is";
  for (std::uint32_t i = 0; i < c.n_in; ++i)
    if (std::string f = layout_fault(c.in[i], op.in[i], op.in[i].layout.strides); !f.empty())
      return str("input ", i, ": ", f);
  for (std::uint32_t i = 0; i < c.n_out; ++i)
    if (std::string f = layout_fault(c.out[i], op.out[i], op.out[i].layout.strides); !f.empty())
      return str("output ", i, ": ", f);
  return "";
}

}  // namespace quern
