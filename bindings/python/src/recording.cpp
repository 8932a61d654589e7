// The recording of kernels as they run.
// Events are kept without the GIL and become Python objects when the recording stops.
#include <map>
#include <mutex>
#include <stdexcept>

#include "bind.h"
#include "quern/trace.h"

namespace qpy {

namespace {

struct Name {
  std::string op, shapes, plugin, kernel;
};

struct Event {
  std::uint32_t name, worker, tiles;
  std::uint64_t plan, step, run_start, run_duration, start, duration, busy;
};

struct Recording {
  std::vector<Name> names;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint32_t> known;  // plan and step -> name
  std::vector<Event> events;
  std::uint64_t limit = 0, dropped = 0;
};

// Written by the thread that evaluates, under the runtime's lock; read once the trace is off.
Recording recording;
bool recording_on = false;  // under the GIL

void record(void* self, const qn_trace_event* t) noexcept {
  Recording& r = *static_cast<Recording*>(self);
  if (r.events.size() >= r.limit) {
    ++r.dropped;
    return;
  }
  try {
    const auto [at, fresh] =
        r.known.try_emplace({t->plan, t->step}, static_cast<std::uint32_t>(r.names.size()));
    if (fresh) r.names.push_back({t->op, t->shapes, t->plugin, t->kernel});
    r.events.push_back({at->second, t->worker, t->tiles, t->plan, t->step, t->run_start_ns,
                        t->run_duration_ns, t->start_ns, t->duration_ns, t->busy_ns});
  } catch (...) {
    ++r.dropped;
  }
}

void set_trace(qn_trace_fn fn) {
  qn_error* error = nullptr;
  check(unlocked([&] { return qn_set_trace(runtime(), fn, &recording, &error); }), error);
}

void trace_start(std::uint64_t limit) {
  if (recording_on)
    throw std::runtime_error("[profile] another recording is under way; end it first");
  recording = Recording{};
  recording.limit = limit;
  recording_on = true;
  set_trace(record);
}

nb::tuple trace_stop() {
  if (!recording_on) throw std::runtime_error("[profile] no recording is under way");
  set_trace(nullptr);
  const Recording r = std::move(recording);
  recording = Recording{};
  recording_on = false;
  nb::list names, events;
  for (const Name& n : r.names) names.append(nb::make_tuple(n.op, n.shapes, n.plugin, n.kernel));
  for (const Event& e : r.events)
    events.append(nb::make_tuple(e.name, e.plan, e.step, e.run_start, e.run_duration, e.start,
                                 e.duration, e.busy, e.worker, e.tiles));
  return nb::make_tuple(names, events, r.dropped);
}

}  // namespace

void add_recording(nb::module_& m) {
  m.def("trace_start", &trace_start, nb::arg("limit"),
        "Records each kernel that runs, up to limit events.");
  m.def("trace_stop", &trace_stop,
        "Ends the recording: (names, events, dropped). A name is (op, shapes, plugin, kernel); an "
        "event (number of "
        "its name, plan, step, run_start, run_duration, start, duration, busy, worker, tiles), "
        "times in ns.");
}

}  // namespace qpy
