// `quern kernels`: who could run an op, who will, who declined and why.
// Nothing is computed but the inputs.
#include <algorithm>
#include <iostream>

#include "runtime/cli/candidates.h"
#include "runtime/cli/table.h"

namespace quern_cli {

std::vector<Candidate> candidates_of(qn_runtime* rt, const Request& request,
                                     const std::vector<ArrayHandle>& inputs) {
  std::vector<Candidate> v;
  std::vector<qn_array*> in;
  for (const ArrayHandle& a : inputs) in.push_back(a.get());
  const std::vector<qn_attr> attrs = request.raw_attrs();
  const qn_candidate_report_fn add = [](void* self, const qn_candidate_report* r) {
    static_cast<std::vector<Candidate>*>(self)->push_back({r->plugin, r->kernel, r->layouts,
                                                           r->reason, r->est_ns, r->workspace,
                                                           r->chosen != 0, r->measured_ns});
  };
  call(qn_explain_op, rt, request.id, static_cast<qn_array* const*>(in.data()),
       static_cast<uint32_t>(in.size()), attrs.data(), static_cast<uint32_t>(attrs.size()), add,
       static_cast<void*>(&v));
  std::stable_sort(v.begin(), v.end(), [](const Candidate& a, const Candidate& b) {
    if (a.reason.empty() != b.reason.empty()) return a.reason.empty();
    if (a.chosen != b.chosen) return a.chosen;
    return a.est_ns < b.est_ns;
  });
  return v;
}

void show_kernels(const Options& o) {
  const Request request = make_request(o);
  const RuntimeHandle rt = make_runtime(o.threads, o.kernels);
  const auto inputs = make_inputs(rt.get(), request);
  const auto candidates = candidates_of(rt.get(), request, inputs);
  if (o.json) {
    Json j = {
        {"request", request.text()}, {"candidates", Json::array()}, {"rejected", Json::array()}};
    for (const Candidate& c : candidates)
      if (c.reason.empty())
        j["candidates"].push_back({{"plugin", c.plugin},
                                   {"kernel", c.kernel},
                                   {"layouts", c.layouts},
                                   {"est_ns", c.est_ns},
                                   {"measured_ns", c.measured_ns},
                                   {"workspace", c.workspace},
                                   {"chosen", c.chosen}});
      else
        j["rejected"].push_back({{"plugin", c.plugin}, {"kernel", c.kernel}, {"reason", c.reason}});
    std::cout << j.dump(2) << "\n";
    return;
  }
  std::cout << request.text() << "\n\n";
  const bool tuned = std::any_of(candidates.begin(), candidates.end(),
                                 [](const Candidate& c) { return c.measured_ns > 0; });
  std::vector<std::string> head{"", "plugin", "kernel", "estimate"};
  if (tuned) head.push_back("measured");
  head.insert(head.end(), {"workspace", "layouts"});
  Table offers(head);
  Table rejected({"rejected", "kernel", "reason"});
  for (const Candidate& c : candidates)
    if (c.reason.empty()) {
      std::vector<std::string> row{c.chosen ? "*" : "", c.plugin, c.kernel, duration(c.est_ns)};
      if (tuned) row.push_back(c.measured_ns > 0 ? duration(c.measured_ns) : "-");
      row.insert(row.end(), {bytes(static_cast<double>(c.workspace)), c.layouts});
      offers.add(row);
    } else {
      rejected.add({c.plugin, c.kernel, c.reason});
    }
  if (offers.empty() && rejected.empty())
    std::cout << "No kernel is needed: the result is a view of its input, or a constant.\n";
  else
    std::cout << (offers.empty() ? "No kernel can run it.\n"
                                 : offers.text(tuned ? "lllrrr" : "lllrr"))
              << (offers.empty() ? "" : "* = chosen\n");
  if (!rejected.empty()) std::cout << "\n" << rejected.text();
}

}  // namespace quern_cli
