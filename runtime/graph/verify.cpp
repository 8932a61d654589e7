// Private operands with red zones, the naive kernel beside the chosen one, the verdict.
#include "runtime/graph/verify.h"

#include <algorithm>
#include <cstring>

#include "runtime/core/error.h"
#include "runtime/graph/lone_kernel.h"
#include "runtime/graph/node.h"
#include "runtime/graph/opdesc.h"
#include "runtime/host/runtime.h"

namespace quern {
namespace {

constexpr std::uint64_t kZone = 256;  // bytes on either side
constexpr unsigned char kMark = 0xA5, kJunk = 0xFF;

// Memory of the runtime between two red zones.
class Zoned {
 public:
  Zoned(Runtime& rt, std::uint64_t bytes)
      : buffer_(rt.allocator(), bytes + 2 * kZone, QN_TAG_WORKSPACE), bytes_(bytes) {
    auto* p = static_cast<unsigned char*>(buffer_.data());
    std::memset(p, kMark, kZone);
    std::memset(p + kZone, kJunk, bytes);
    std::memset(p + kZone + bytes, kMark, kZone);
  }
  char* data() const { return static_cast<char*>(buffer_.data()) + kZone; }
  std::uint64_t bytes() const { return bytes_; }
  bool whole() const {
    const auto* p = static_cast<const unsigned char*>(buffer_.data());
    auto marked = [](unsigned char c) { return c == kMark; };
    return std::all_of(p, p + kZone, marked) &&
           std::all_of(p + kZone + bytes_, p + 2 * kZone + bytes_, marked);
  }

 private:
  Buffer buffer_;
  std::uint64_t bytes_;
};

Layout dense_layout(const Meta& m) {
  Layout l;
  l.strides = dense_strides(m.shape);
  return l;
}

// One kernel of one plugin, run at once and alone. False when it can't.
bool run_once(Runtime& rt, const PluginRef& plugin, OpDesc& desc, const Offer& o,
              const std::vector<qn_buffer>& in, const std::vector<qn_buffer>& out) {
  const LoneKernel kernel(rt, rt.allocator(), plugin, desc, o);
  return kernel && kernel.run(in.data(), out.data()) == QN_OK;
}

bool relayout_once(Runtime& rt, const Meta& m, const Layout& from, const void* source,
                   const Layout& to, void* target) {
  OpDesc d(QN_OP_RELAYOUT, {}, 1, 1, rt.accuracy());
  d.add_input(m, from);
  d.add_output(m, to);
  for (const Offer& o : rt.plugins().query(d.get()).offers)
    if (run_once(rt, o.plugin, d, o, {{const_cast<void*>(source)}}, {{target}})) return true;
  return false;
}

// A naive kernel on dense operands; the outputs are made here. Empty when naive does not serve it.
std::vector<std::unique_ptr<Zoned>> naive_once(Runtime& rt, std::uint32_t op, const AttrList& attrs,
                                               std::size_t n_op_in, const Program& program,
                                               const std::vector<Meta>& in,
                                               const std::vector<qn_buffer>& data,
                                               const std::vector<Meta>& out) {
  OpDesc d(op, attrs, n_op_in, 1, rt.accuracy());
  for (const Meta& m : in) d.add_input(m, dense_layout(m));
  for (const Meta& m : out) d.add_output(m, dense_layout(m));
  if (!program.inst.empty()) d.set_program(program);
  std::vector<std::unique_ptr<Zoned>> result;
  std::vector<qn_buffer> to;
  for (const Meta& m : out) {
    result.push_back(std::make_unique<Zoned>(
        rt, static_cast<std::uint64_t>(element_count(m.shape)) * itemsize(m.dtype)));
    to.push_back({result.back()->data()});
  }
  const PluginRef naive = rt.plugins().all().front();  // the built-in one is always the first
  for (const Offer& o : rt.plugins().query(d.get()).offers)
    if (o.plugin == naive && run_once(rt, naive, d, o, data, to)) return result;
  return {};
}

double tolerance_of(const PlannedStep& s, std::uint32_t accuracy) {
  double t = 0;
  auto take = [&](DType d) {
    const double own = d == DType::bf16  ? 6e-2
                       : d == DType::f16 ? 8e-3
                       : d == DType::f64 ? 1e-10
                                         : 1e-4;
    if (is_float(d) || is_complex(d)) t = std::max(t, own);
  };
  for (const Meta& m : s.in_meta) take(m.dtype);
  for (const Meta& m : s.out_meta) take(m.dtype);
  for (const qn_inst& i : s.program.inst) take(from_abi(i.dtype));
  return accuracy == QN_CLASS_FAST ? std::max(t, 6e-2) : t;
}

// A fused chain may round a value to the other side of a jump (floor, a comparison): then a few
// elements may differ by much.
std::uint64_t excusable(const PlannedStep& s, std::uint64_t n) {
  const bool chain = s.program.inst.size() > 1 || (s.op != QN_OP_MAP && !s.program.inst.empty());
  return chain ? n / 200 : 0;
}

class Judge {
 public:
  explicit Judge(const VerifiedRun& v) : v_(v), step_(v.detail.step) {}

  std::string compare(const std::vector<std::unique_ptr<Zoned>>& got, double* error) {
    if (!gather_inputs()) return "";
    const auto want = reference();
    if (want.empty()) return "";
    for (std::size_t i = 0; i < want.size(); ++i) {
      const Meta& m = step_.out_meta[i];
      const Zoned dense(v_.rt, want[i]->bytes());
      const Layout& lies = step_.out[i].form.layout;
      if (!relayout_once(v_.rt, m, lies, got[i]->data() - span_of(m, lies).low, dense_layout(m),
                         dense.data()))
        continue;
      const auto n = static_cast<std::uint64_t>(element_count(m.shape));
      const Deviation d = deviation(dense.data(), want[i]->data(), m.dtype, n,
                                    tolerance_of(step_, v_.rt.accuracy()));
      *error = std::max(*error, d.largest);
      if (d.beyond > excusable(step_, n))
        return str("output ", i, " differs from the naive kernel's in ", d.beyond, " of ", n,
                   " elements, by ", d.largest, " of their size at most");
    }
    return "";
  }

 private:
  // Every input dense and row-major; false when one lies in a form that nobody reads.
  bool gather_inputs() {
    for (std::size_t i = 0; i < step_.in.size(); ++i) {
      const Meta& m = step_.in_meta[i];
      dense_.push_back(std::make_unique<Zoned>(
          v_.rt, static_cast<std::uint64_t>(element_count(m.shape)) * itemsize(m.dtype)));
      data_.push_back({dense_.back()->data()});
      const void* from = v_.in[i].data;
      Layout lies = step_.in[i].form.layout;
      if (v_.sources[i]) {
        from = v_.source_data[i];
        lies = v_.sources[i]->step.in[0].form.layout;
      }
      if (!relayout_once(v_.rt, m, lies, from, dense_layout(m), data_.back().data)) return false;
    }
    return true;
  }

  std::vector<std::unique_ptr<Zoned>> reference() {
    if (step_.op == QN_OP_RELAYOUT) {
      std::vector<std::unique_ptr<Zoned>> same;
      same.push_back(std::move(dense_[0]));
      return same;
    }
    if (step_.op == QN_OP_MAP || step_.program.inst.empty())
      return naive_once(v_.rt, step_.op, step_.attrs, step_.n_op_in, step_.program, step_.in_meta,
                        data_, step_.out_meta);
    const std::size_t n = step_.n_op_in;
    const Meta root{step_.out_meta[0].shape, from_abi(step_.program.in_dtype[0])};
    auto bare = naive_once(v_.rt, step_.op, step_.attrs, n, {},
                           {step_.in_meta.begin(), step_.in_meta.begin() + static_cast<long>(n)},
                           {data_.begin(), data_.begin() + static_cast<long>(n)}, {root});
    if (bare.empty()) return bare;
    std::vector<Meta> in{root};
    std::vector<qn_buffer> data{{bare[0]->data()}};
    for (std::size_t i = n; i < step_.in.size(); ++i) {
      in.push_back(step_.in_meta[i]);
      data.push_back(data_[i]);
    }
    return naive_once(v_.rt, QN_OP_MAP, {}, in.size(), step_.program, in, data, step_.out_meta);
  }

  const VerifiedRun& v_;
  const PlannedStep& step_;
  std::vector<std::unique_ptr<Zoned>> dense_;
  std::vector<qn_buffer> data_;
};

}  // namespace

std::string verify_step(const VerifiedRun& v, GuardedCall call, void* self, qn_status* status,
                        double* error) {
  const PlannedStep& step = v.detail.step;
  std::vector<std::unique_ptr<Zoned>> in, out;
  std::vector<qn_buffer> in_data, out_data;
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    const Span s = span_of(step.in_meta[i], step.in[i].form.layout);
    in.push_back(std::make_unique<Zoned>(v.rt, s.bytes));
    if (s.bytes)
      std::memcpy(in.back()->data(), static_cast<const char*>(v.in[i].data) + s.low, s.bytes);
    in_data.push_back({in.back()->data() - s.low});
  }
  for (std::size_t i = 0; i < step.out.size(); ++i) {
    const Span s = span_of(step.out_meta[i], step.out[i].form.layout);
    out.push_back(std::make_unique<Zoned>(v.rt, s.bytes));
    out_data.push_back({out.back()->data() - s.low});
  }
  const Zoned workspace(v.rt, v.detail.workspace), scratch(v.rt, v.scratch_bytes);
  *error = 0;
  *status = call(self, in_data.data(), out_data.data(), workspace.data(), scratch.data());
  if (*status != QN_OK) return "";
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Span s = span_of(step.in_meta[i], step.in[i].form.layout);
    if (!in[i]->whole() ||
        (s.bytes &&
         std::memcmp(in[i]->data(), static_cast<const char*>(v.in[i].data) + s.low, s.bytes) != 0))
      return str("wrote to input ", i);
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!out[i]->whole()) return str("wrote outside of output ", i);
  if (!workspace.whole() || !scratch.whole()) return "wrote outside of its workspace";
  const std::string verdict = Judge(v).compare(out, error);
  if (!verdict.empty()) return verdict;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Span s = span_of(step.out_meta[i], step.out[i].form.layout);
    if (s.bytes) std::memcpy(static_cast<char*>(v.out[i].data) + s.low, out[i]->data(), s.bytes);
  }
  return "";
}

}  // namespace quern
