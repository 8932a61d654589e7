// The switchboard of faults. It allocates nothing.
#include "inject.h"

#include <unistd.h>

#include <csignal>

namespace faults {
namespace {

Fault fault;
std::uint64_t events;
bool happened;
thread_local bool armed;

}  // namespace

void set(const Fault& f) {
  fault = f;
  events = 0;
  happened = false;
}
void arm() { armed = true; }
void disarm() { armed = false; }
std::uint64_t count() { return events; }
bool injected() { return happened; }
int error() { return fault.error; }
bool memory_fault() { return fault.source == Source::heap || fault.source == Source::hooks; }

bool event(Source s) {
  const bool kill = s == Source::files && fault.source == Source::kill;
  if (!armed || (s != fault.source && !kill)) return false;
  ++events;
  if (fault.forever ? events < fault.k : events != fault.k) return false;
  if (kill) ::raise(SIGKILL);
  return happened = true;
}

}  // namespace faults
