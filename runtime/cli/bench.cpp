// `quern bench`: one op by each kernel that can run it, side by side; a composed op, of which
// several kernels make up the whole, by each plugin. Rounds alternate among them, so that a busy
// moment of the machine falls on all of them.
#include <algorithm>
#include <chrono>
#include <iostream>

#include "runtime/cli/candidates.h"
#include "runtime/cli/quarantine.h"
#include "runtime/cli/table.h"

namespace quern_cli {
namespace {

// One way to run the op, in a runtime of its own.
struct Contender {
  std::string name;
  RuntimeHandle runtime;
  std::vector<ArrayHandle> inputs;
  std::vector<double> ns;  // a call, one entry a round
  uint64_t calls = 1;
  std::string kernels;
  double max_error = 0;  // against the naive kernels, with --verify
};

double run(const Contender& c, const Request& request, const std::vector<qn_attr>& attrs,
           uint64_t calls) {
  std::vector<qn_array*> in;
  for (const ArrayHandle& a : c.inputs) in.push_back(a.get());
  std::vector<qn_array*> out(request.n_out);
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < calls; ++i) {
    call(qn_op, c.runtime.get(), request.id, static_cast<qn_array* const*>(in.data()),
         static_cast<uint32_t>(in.size()), attrs.data(), static_cast<uint32_t>(attrs.size()),
         out.data(), static_cast<uint32_t>(out.size()));
    std::vector<ArrayHandle> held;
    for (qn_array* a : out) held.emplace_back(a);
    call(qn_eval, static_cast<qn_array* const*>(out.data()), static_cast<uint32_t>(out.size()));
  }
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// "onednn/conv_direct + simd/map": the kernels of the plans at hand.
std::string kernels_of(qn_runtime* rt) {
  std::vector<std::string> names;
  const qn_kernel_report_fn add = [](void* self, const qn_kernel_report* r) {
    auto& v = *static_cast<std::vector<std::string>*>(self);
    const std::string name = std::string(r->plugin) + "/" + r->kernel;
    if (std::find(v.begin(), v.end(), name) == v.end()) v.push_back(name);
  };
  call(qn_report_kernels, rt, add, static_cast<void*>(&names));
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : " + ") + n;
  return text.empty() ? "-" : text;
}

// How many kernels make up the op, relayouts not counted.
unsigned steps_of(qn_runtime* rt) {
  unsigned n = 0;
  const qn_kernel_report_fn add = [](void* self, const qn_kernel_report* r) {
    *static_cast<unsigned*>(self) += std::string(r->op) != "relayout";
  };
  call(qn_report_kernels, rt, add, static_cast<void*>(&n));
  return n;
}

// One run of the op in verify mode: the largest error of its kernels against naive.
double error_of(const Contender& c, const Request& request, const std::vector<qn_attr>& attrs) {
  call(qn_set_verify, c.runtime.get(), 1u);
  run(c, request, attrs, 1);
  double error = 0;
  const qn_kernel_report_fn add = [](void* self, const qn_kernel_report* r) {
    auto& most = *static_cast<double*>(self);
    most = std::max(most, r->max_error);
  };
  call(qn_report_kernels, c.runtime.get(), add, static_cast<void*>(&error));
  call(qn_set_verify, c.runtime.get(), 0u);
  return error;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

Contender contend(const Options& o, const Request& request, const std::string& name,
                  const std::string& rules) {
  Contender c;
  c.name = name;
  c.runtime = make_runtime(o.threads, rules);
  c.inputs = make_inputs(c.runtime.get(), request);
  call(qn_runtime_clear_cache, c.runtime.get());  // the plans that made the inputs
  return c;
}

}  // namespace

void run_bench(const Options& o) {
  const Request request = make_request(o);
  const std::vector<qn_attr> attrs = request.raw_attrs();
  std::vector<Contender> field;
  field.push_back(contend(o, request, "(default)", o.kernels));
  run(field[0], request, attrs, 1);
  const bool composed = steps_of(field[0].runtime.get()) > 1;
  std::vector<std::string> names;
  for (const Candidate& c : candidates_of(field[0].runtime.get(), request, field[0].inputs)) {
    const std::string name = composed ? c.plugin : c.plugin + "/" + c.kernel;
    if (c.reason.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  }
  for (const std::string& n : names)
    field.push_back(contend(o, request, n, "*=" + (composed && n != "naive" ? n + "|naive" : n)));

  for (Contender& c : field) {
    if (o.verify) c.max_error = error_of(c, request, attrs);
    run(c, request, attrs, 1);  // plans, packed constants
    c.kernels = kernels_of(c.runtime.get());
    const double once = run(c, request, attrs, 1);
    c.calls = static_cast<uint64_t>(std::clamp(o.round_ms * 1e6 / std::max(once, 100.0), 1.0, 1e6));
  }
  for (unsigned round = 0; round < o.rounds; ++round)
    for (std::size_t k = 0; k < field.size(); ++k) {
      Contender& c = field[round % 2 ? field.size() - 1 - k : k];
      c.ns.push_back(run(c, request, attrs, c.calls) / static_cast<double>(c.calls));
    }

  std::stable_sort(field.begin() + 1, field.end(), [](const Contender& a, const Contender& b) {
    return median(a.ns) < median(b.ns);
  });
  Json j = {{"request", request.text()}, {"rounds", o.rounds}, {"results", Json::array()}};
  std::vector<std::string> head{"by", "median", "best", "calls"};
  if (o.verify) head.push_back("error");
  head.push_back("kernels");
  Table t(head);
  std::vector<Quarantined> caught;
  for (const Contender& c : field) {
    const double best = *std::min_element(c.ns.begin(), c.ns.end());
    std::vector<std::string> row{c.name, duration(median(c.ns)), duration(best),
                                 std::to_string(c.calls * o.rounds)};
    if (o.verify) row.push_back(scientific(c.max_error));
    row.push_back(c.kernels);
    t.add(row);
    Json r = {{"by", c.name},
              {"median_ns", median(c.ns)},
              {"best_ns", best},
              {"calls", c.calls * o.rounds},
              {"kernels", c.kernels}};
    if (o.verify) r["max_error"] = c.max_error;
    j["results"].push_back(std::move(r));
    for (Quarantined& q : quarantined_in(c.runtime.get())) caught.push_back(std::move(q));
  }
  if (o.verify) j["quarantined"] = to_json(caught);
  if (o.json)
    std::cout << j.dump(2) << "\n";
  else
    std::cout << request.text() << ", median of " << o.rounds << " rounds\n\n"
              << t.text(o.verify ? "lrrrr" : "lrrr") << to_text(caught);
}

}  // namespace quern_cli
