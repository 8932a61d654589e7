// The handshake with older and newer hosts, the plugin's table, and its life: opened and closed,
// twice at once, without memory.
#include <dlfcn.h>

#include <cctype>
#include <cstring>
#include <filesystem>

#include "runtime/cli/check/malloc_watch.h"
#include "runtime/cli/check/parts.h"
#include "runtime/cli/check/shield.h"
#include "runtime/cli/check/subject.h"
#include "runtime/cli/check/threads.h"

namespace quern_cli::check {
namespace {

bool printable(const char* s) {
  if (!s || !*s) return false;
  for (; *s; ++s)
    if (static_cast<unsigned char>(*s) < 32) return false;
  return true;
}

void check_table(const qn_kernel_plugin& e, Report& report) {
  const uint32_t size = e.hdr.struct_size;
  if (!report.verify(size >= sizeof e && size <= 65536 && size % 8 == 0, "entry.struct_size",
                     "struct_size is " + std::to_string(size) + ", expected " +
                         std::to_string(sizeof e) + " or more, a multiple of 8"))
    return;
  report.verify(e.hdr.flags == 0 && e._pad0 == 0, "entry.reserved", "reserved members are not 0");
  report.verify(e.abi_minor_min <= e.abi_minor, "entry.minor", "abi_minor_min is above abi_minor");
  report.verify(e.sanitizer <= 2, "entry.sanitizer", "sanitizer is none of 0, 1, 2");
  bool id = e.id && *e.id;
  for (const char* c = e.id ? e.id : ""; *c; ++c)
    id &= std::isalnum(static_cast<unsigned char>(*c)) || *c == '_';
  report.verify(id, "entry.id", "the id may only have letters, digits and '_'");
  report.verify(printable(e.version) && printable(e.license) && printable(e.description),
                "entry.texts", "version, license and description must be there and printable");
  report.verify(e.open && e.close && e.query && e.plan && e.plan_free && (e.run || e.tile),
                "entry.functions",
                "a required function is NULL (open, close, query, plan, plan_free, run or tile)");
}

}  // namespace

void check_entry(const std::string& path, Report& report) {
  report.stage("entry", "");
  void* lib = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!lib) return;  // told by check_load
  const auto entry = reinterpret_cast<qn_kernel_plugin_v1_fn>(dlsym(lib, QN_KERNEL_ENTRY));
  if (!entry) return;  // told by check_file
  const std::size_t threads = thread_count();
  const qn_kernel_plugin* e = entry(QN_KERNEL_ABI_MINOR);
  std::uint64_t allocations = 0;
  bool same = true;
  {
    const HeapWatch watch;
    for (int i = 0; i < 100; ++i) same &= entry(QN_KERNEL_ABI_MINOR) == e;
    allocations = watch.allocations();
  }
  report.verify(same, "entry.pure", "it gives another table later");
  report.verify(allocations == 0, "entry.pure", "the entry allocates");
  if (!report.verify(e != nullptr, "entry.works",
                     "the entry gives NULL for this host's minor version " +
                         std::to_string(QN_KERNEL_ABI_MINOR)))
    return;
  report.verify(thread_count() == threads, "entry.pure", "the entry starts a thread");
  report.verify(e->abi_minor_min <= QN_KERNEL_ABI_MINOR, "entry.works",
                "it requires kernel ABI 1." + std::to_string(e->abi_minor_min) +
                    ", this host offers 1." + std::to_string(QN_KERNEL_ABI_MINOR));
  check_table(*e, report);
  const bool bundled = std::filesystem::path(path).stem() == "naive";
  report.verify(bundled || !e->id || std::strcmp(e->id, "naive") != 0, "entry.id",
                "'naive' is the id of the built-in plugin");
  for (const uint32_t newer : {QN_KERNEL_ABI_MINOR + 1, 1000u, 0xffffffffu}) {
    const qn_kernel_plugin* n = entry(newer);
    report.verify(n && n->abi_minor_min <= newer, "entry.newer_host",
                  "it turns down a host of minor version " + std::to_string(newer));
  }
  for (uint32_t older = 0; older <= QN_KERNEL_ABI_MINOR; ++older) {
    const qn_kernel_plugin* o = entry(older);
    report.verify(
        (o == nullptr) == (older < e->abi_minor_min) ||
            (o && o->abi_minor_min > older && older < e->abi_minor_min),
        "entry.older_host",
        "abi_minor_min does not tell whether it works with minor version " + std::to_string(older));
  }
}

void check_life(const std::string& path, Report& report) {
  report.stage("open", "");
  const qn_kernel_plugin* e = nullptr;
  try {
    e = load_entry(path, QN_KERNEL_ABI_MINOR);
  } catch (const LibraryError&) {
    return;  // told elsewhere
  }
  if (e->hdr.struct_size < sizeof *e || !e->open || !e->close) return;
  const std::size_t threads = thread_count();
  try {
    const Subject one(e);
    report.pass("open.works");
  } catch (const LibraryError& error) {
    report.fail("open.works", error.what());
    return;
  }
  {  // two runtimes at once, closed in the order of opening; each has its own self
    auto first = std::make_unique<Subject>(e);
    const Subject second(e);
    report.stage("close", "a second runtime has it open");
    first.reset();
    Problem p;
    p.op = QN_OP_RELAYOUT;
    p.n_op_in = 1;
    p.in = p.out = {{QN_F32, {4, 3}}};
    const std::vector<Layout> l{row_major({4, 3})};
    Desc desc(p, l, l, {});
    const Answers a = second.query(desc.get());
    report.verify(a.status == QN_OK, "life.two_runtimes",
                  "once one runtime has closed it, queries of another fail");
  }
  report.stage("open", "a newer host");
  HostHeap heap;
  const qn_allocator allocator = make_allocator(&heap);
  struct {
    qn_host host;
    uint64_t later[4];
  } newer{make_host(&allocator), {1, 2, 3, 4}};
  newer.host.hdr.struct_size = sizeof newer;
  newer.host.abi_minor = QN_KERNEL_ABI_MINOR + 5;
  void* self = nullptr;
  qn_error_slot slot;
  qn_status s = shielded(e->open, &newer.host, &self, &slot);
  report.verify(s == QN_OK, "open.newer_host", "open turns down a host with a longer struct");
  if (s == QN_OK) e->close(self);
  report.stage("open", "an allocation fails");
  for (const bool host : {true, false}) {
    if (!host && !heap_is_visible()) continue;
    for (uint64_t k = 1; k <= 40; ++k) {
      qn_host h = make_host(&allocator);
      self = nullptr;
      slot.text.clear();
      slot.text.reserve(4096);
      uint64_t calls = 0;
      if (host) {
        heap.calls = 0;
        heap.fail_at = k;
        s = shielded(e->open, &h, &self, &slot);
        calls = heap.calls;
        heap.fail_at = 0;
      } else {
        const HeapWatch watch(k);
        s = shielded(e->open, &h, &self, &slot);
        calls = watch.allocations();
      }
      report.verify(s != kThrew, "open.throws", "an exception left open");
      report.verify(s == QN_OK || !slot.text.empty(), "error.text", "open failed without a text");
      if (s == QN_OK) e->close(self);
      if (calls < k) break;
    }
  }
  report.verify(heap.live == 0 && !heap.mismatch, "life.leaks",
                "host memory is not given back by close");
  report.verify(back_to(threads), "life.threads", "a thread is left behind after close");
}

}  // namespace quern_cli::check
