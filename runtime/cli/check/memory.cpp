// Guarded blocks and the fault handler, which only looks into a fixed table.
#include "runtime/cli/check/memory.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <new>
#include <utility>

#include "runtime/cli/check/malloc_watch.h"

namespace quern_cli::check {
namespace {

constexpr unsigned char kCanary = 0xA5;
constexpr int kSlots = 4096;

struct Region {
  std::atomic<unsigned char*> base{nullptr};
  std::size_t size = 0;
  unsigned char *data = nullptr, *end = nullptr;
  Use use = Use::INPUT;
};

Region regions[kSlots];
int fault_fd = -1;
std::atomic<const char*> fault_subject{""};
std::atomic<const std::vector<Library>*> fault_libraries{nullptr};
alignas(16) unsigned char signal_stack[1 << 16];

std::size_t page() {
  static const auto n = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return n;
}

const char* check_of(const Region& r, const unsigned char* at) {
  const bool inside = at >= r.data && at < r.end;
  switch (r.use) {
    case Use::INPUT:
      return inside ? "run.writes_input" : "run.reads_outside";
    case Use::OUTPUT:
      return "run.overrun";
    default:
      return "run.workspace";
  }
}

void put(const char* s) {
  const ssize_t n = write(fault_fd, s, std::strlen(s));
  static_cast<void>(n);
}

void put_plainly(const char* text) {  // within quotes
  for (const char* s = text; *s; ++s) {
    const char c[2] = {*s == '"' || *s == '\\' || *s < ' ' ? ' ' : *s, 0};
    put(c);
  }
}

// Where the thread was; null on a machine whose registers are not known here.
const void* code_of(const void* context) {
  const auto* u = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
  return reinterpret_cast<const void*>(u->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return reinterpret_cast<const void*>(u->uc_mcontext.pc);
#else
  static_cast<void>(u);
  return nullptr;
#endif
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const auto* at = static_cast<unsigned char*>(info->si_addr);
  for (const Region& r : regions) {
    const unsigned char* base = r.base.load(std::memory_order_acquire);
    if (!base || at < base || at >= base + r.size) continue;
    put("{\"event\":\"fail\",\"check\":\"");
    put(check_of(r, at));
    put("\",\"text\":\"");
    put_plainly(fault_subject.load());
    put(": an access outside of what it was given\"}\n");
    _exit(kFaultExit);
  }
  if (const auto* libraries = fault_libraries.load())
    for (const Library& l : *libraries) {
      if (!l.holds(code_of(context)) || !l.holds(HeapWatch::refused())) continue;
      put("{\"event\":\"library_crash\",\"library\":\"");
      put_plainly(l.name.c_str());
      put("\",\"text\":\"");
      put_plainly(fault_subject.load());
      put("\"}\n");
      _exit(kLibraryExit);
    }
  ::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace

Block::Block(Use use, std::size_t bytes, std::size_t align, bool at_end) : bytes_(bytes) {
  const std::size_t p = page();
  span_ = (bytes + align + p - 1) / p * p;
  void* m =
      mmap(nullptr, span_ + 2 * p, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (m == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<unsigned char*>(m);
  mprotect(base_, p, PROT_NONE);
  mprotect(base_ + p + span_, p, PROT_NONE);
  std::memset(base_ + p, kCanary, span_);
  data_ = base_ + p;
  if (at_end) {
    data_ += span_ - bytes;
    data_ -= reinterpret_cast<std::uintptr_t>(data_) % align;
  }
  for (int i = 0; i < kSlots; ++i) {
    if (regions[i].base.load(std::memory_order_relaxed)) continue;
    regions[i].size = span_ + 2 * p;
    regions[i].data = data_;
    regions[i].end = data_ + bytes;
    regions[i].use = use;
    regions[i].base.store(base_, std::memory_order_release);
    slot_ = i;
    break;
  }
}

Block::~Block() {
  if (!base_) return;
  if (slot_ >= 0) regions[slot_].base.store(nullptr, std::memory_order_release);
  munmap(base_, span_ + 2 * page());
}

Block::Block(Block&& o) noexcept { *this = std::move(o); }

Block& Block::operator=(Block&& o) noexcept {
  std::swap(base_, o.base_);
  std::swap(data_, o.data_);
  std::swap(bytes_, o.bytes_);
  std::swap(span_, o.span_);
  std::swap(slot_, o.slot_);
  return *this;
}

void Block::protect() { mprotect(base_ + page(), span_, PROT_READ); }
void Block::unprotect() { mprotect(base_ + page(), span_, PROT_READ | PROT_WRITE); }

bool Block::canaries_whole() const {
  const unsigned char *from = base_ + page(), *to = from + span_;
  for (const unsigned char* p = from; p < data_; ++p)
    if (*p != kCanary) return false;
  for (const unsigned char* p = data_ + bytes_; p < to; ++p)
    if (*p != kCanary) return false;
  return true;
}

void install_fault_handler(int fd) {
  fault_fd = fd;
  stack_t stack{};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

void set_fault_subject(const char* subject) { fault_subject.store(subject); }
void set_fault_libraries(const std::vector<Library>* libraries) {
  fault_libraries.store(libraries);
}

}  // namespace quern_cli::check
