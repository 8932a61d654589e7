// Questions that no sound host asks: unknown ops and dtypes, absurd shapes, short structs, NULL.
// They may be refused or answered; they must not crash, and some must not be offered.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "runtime/cli/check/parts.h"
#include "runtime/cli/check/shield.h"
#include "runtime/cli/check/subject.h"

namespace quern_cli::check {
namespace {

struct Asker {
  const Subject& subject;
  Report& report;

  void operator()(const Problem& p, const char* check, const char* what, bool may_offer) {
    report.stage("query", std::string(what) + ": " + op_name(p.op));
    std::vector<Layout> in(p.in.size()), out(p.out.size());
    for (std::size_t i = 0; i < p.in.size(); ++i) in[i] = row_major(p.in[i].shape);
    Desc desc(p, in, out, {});
    const Answers a = subject.query(desc.get());
    report.verify(a.status != kThrew, "query.throws", "an exception left query");
    for (const Offer& o : a.offers)
      report.verify(o.fault.empty(), check, "offers " + o.name + ", " + o.fault);
    if (!may_offer) report.verify(a.offers.empty(), check, "it is offered");
  }
};

// A copy of the struct that ends, as nearly as its alignment allows, at a page no one may read.
struct AtTheEdge {
  AtTheEdge(const qn_opdesc& op, std::size_t bytes) {
    page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    base = static_cast<char*>(
        mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base + page, page, PROT_NONE);
    copy = reinterpret_cast<qn_opdesc*>(base + page - (bytes + 7) / 8 * 8);
    std::memcpy(copy, &op, bytes);
    copy->hdr.struct_size = static_cast<uint32_t>(bytes);
  }
  ~AtTheEdge() { munmap(base, 2 * page); }
  std::size_t page;
  char* base;
  qn_opdesc* copy;
};

}  // namespace

void check_queries(const std::string& path, Report& report) {
  report.stage("query", "");
  const qn_kernel_plugin* e = nullptr;
  try {
    e = load_entry(path, QN_KERNEL_ABI_MINOR);
  } catch (const LibraryError&) {
    return;  // told elsewhere
  }
  const Subject subject(e);
  Asker asks{subject, report};
  for (const uint32_t id : {60000u, 0xffffffffu, 0u, 9999u})
    for (const std::size_t operands : {0u, 1u, 3u}) {
      Problem p;
      p.op = id;
      p.n_op_in = static_cast<uint32_t>(operands);
      p.in.assign(operands, {QN_F32, {2, 3}});
      p.out = {{QN_F32, {2, 3}}};
      asks(p, "query.unknown_op", "an op that does not exist", false);
    }
}

void hostile_queries(const Subject& subject, const Problem& sound, Report& report) {
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  Asker asks{subject, report};
  // The sound problem with every dtype or every size replaced; ranks stay what they were.
  auto with = [&](auto&& change) {
    Problem p = sound;
    for (auto* list : {&p.in, &p.out})
      for (Meta& m : *list) change(m);
    return p;
  };
  for (const qn_dtype t :
       {0u, 0xffffffffu, QN_DTYPE(2u, 24u), QN_DTYPE(17u, 32u), QN_F32 + (1u << 16)}) {
    Problem p = with([&](Meta& m) { m.dtype = t; });
    for (qn_dtype& d : p.program.in_dtype) d = t;
    if (!p.in.empty()) asks(p, "query.unknown_dtype", "an unknown dtype", false);
  }
  const bool sized =
      std::any_of(sound.in.begin(), sound.in.end(), [](const Meta& m) { return !m.shape.empty(); });
  for (const int64_t size : {int64_t{-1}, std::numeric_limits<int64_t>::min(), huge, huge / 2}) {
    const Problem p = with([&](Meta& m) {
      for (int64_t& d : m.shape) d = size;
      if (size > 0 && m.shape.size() < 3 && !m.shape.empty()) m.shape[0] = huge;
    });
    if (sized) asks(p, "query.bad_shape", "sizes that no memory holds", false);
  }
  for (const int64_t size : {0, 1})
    asks(with([&](Meta& m) { m.shape.assign(m.shape.size(), size); }), "query.odd_shape",
         "sizes of 0 or 1", true);
  for (const bool zero_first : {true, false}) {
    const Problem p = with([&](Meta& m) {
      for (int64_t& d : m.shape) d = int64_t{1} << 30;
      if (!m.shape.empty()) (zero_first ? m.shape.front() : m.shape.back()) = 0;
    });
    if (sized)
      asks(p, "query.odd_shape", "an empty array with other sizes that no memory holds", true);
  }
  std::vector<Layout> in, out(sound.out.size());
  for (const Meta& m : sound.in) in.push_back(row_major(m.shape));
  Desc desc(sound, in, out, {});
  for (const std::size_t bytes : {8u, 12u, 16u, 40u}) {
    report.stage("query.short_struct", sound.text() + ", struct_size " + std::to_string(bytes));
    const AtTheEdge edge(*desc.get(), bytes);
    const Answers a = subject.query(edge.copy);
    report.verify(a.offers.empty(), "query.short_struct",
                  "it is offered though the description lacks its operands");
  }
  struct {
    qn_opdesc op;
    uint64_t later[2];
  } longer{*desc.get(), {0, 0}};
  longer.op.hdr.struct_size = sizeof longer;
  report.stage("query", "a newer host's struct: " + sound.text());
  const Answers now = subject.query(desc.get()), then = subject.query(&longer.op);
  report.verify(now.offers.size() == then.offers.size(), "query.newer_host",
                "a longer description is answered differently");
}

}  // namespace quern_cli::check
