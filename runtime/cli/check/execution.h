// One guarded run of a prepared kernel: operands between guard pages, inputs read-only, workspace
// and outputs filled with a pattern, the heap and the floating-point state watched.
#pragma once
#include <atomic>
#include <optional>

#include "runtime/cli/check/memory.h"
#include "runtime/cli/check/report.h"
#include "runtime/cli/check/subject.h"

namespace quern_cli::check {

// Threads behind a qn_executor; a loop inside of a loop runs inline.
class Team {
 public:
  explicit Team(uint32_t workers);
  const qn_executor* executor() const { return &executor_; }
  uint32_t workers() const { return workers_; }

 private:
  uint32_t workers_;
  qn_executor executor_{};
};

struct Setup {
  bool at_end = true;         // where operands lie in their pages
  unsigned char fill = 0xff;  // of outputs, workspace, scratch and gaps; 0xff.. is a NaN
  bool backwards = false;     // tiles in falling order
  int in_place = -1;          // the input that output 0 lies on
};

// values: of p.in, in the layouts `in`: dense bytes for strided ones, raw storage for named ones.
class Execution {
 public:
  Execution(const Subject&, const Problem&, const Plan&, const Offer&,
            const std::vector<Bytes>& values, const std::vector<Layout>& in,
            const std::vector<Layout>& out, const Team&, Setup);
  void go();  // [any] one call at a time
  // What went wrong besides the numbers; true when nothing did.
  bool inspect(Report&) const;
  // Output i: dense bytes when strided, else raw storage.
  Bytes output(std::size_t i) const;
  qn_status status() const { return status_; }
  double ns() const { return ns_; }
  uint64_t allocations() const { return allocations_; }

 private:
  struct Place {
    Block block;
    unsigned char* base = nullptr;  // element 0
  };
  Place place(Use, const Meta&, const Layout&, unsigned char fill, bool at_end);
  void heap_seen(uint64_t calls, uint64_t bytes) noexcept;
  static void tile_task(void* self, uint32_t index, uint32_t worker) noexcept;
  const Subject& subject_;
  const Problem& problem_;
  const Plan& plan_;
  const Offer& offer_;
  const std::vector<Layout>&in_, &out_;
  const Team& team_;
  Setup setup_;
  std::vector<Place> from_, to_;
  std::vector<Block> scratch_;
  Block workspace_;
  std::vector<qn_buffer> in_buffers_, out_buffers_;
  qn_run run_{};
  qn_error_slot slot_;
  std::atomic<qn_status> status_{QN_OK};
  std::atomic<uint64_t> allocations_{0}, most_bytes_{0};  // calls; bytes of one run or tile
  std::atomic<bool> fp_changed_{false};
  double ns_ = 0;
};

// Extent of a strided array in elements: lowest and highest offset from element 0. {0, -1} = empty.
std::pair<int64_t, int64_t> extent(const Shape& shape, const Shape& strides);

// `source` (as in Execution) brought from one layout to another by the subject's own relayout
// kernels; nothing when it offers none or fails.
std::optional<Bytes> relayout(const Subject&, const Meta&, const Layout& from, const Layout& to,
                              const Bytes& source);

}  // namespace quern_cli::check
