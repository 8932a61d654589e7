// Quarantined kernels, asked for and shown.
#include "runtime/cli/quarantine.h"

#include "runtime/cli/table.h"

namespace quern_cli {

std::vector<Quarantined> quarantined_in(qn_runtime* rt) {
  std::vector<Quarantined> v;
  const qn_quarantine_report_fn add = [](void* self, const qn_quarantine_report* r) {
    static_cast<std::vector<Quarantined>*>(self)->push_back(
        {r->plugin, r->kernel, r->op, r->reason});
  };
  call(qn_report_quarantined, rt, add, static_cast<void*>(&v));
  return v;
}

Json to_json(const std::vector<Quarantined>& v) {
  Json j = Json::array();
  for (const Quarantined& q : v)
    j.push_back({{"plugin", q.plugin}, {"kernel", q.kernel}, {"op", q.op}, {"reason", q.reason}});
  return j;
}

std::string to_text(const std::vector<Quarantined>& v) {
  if (v.empty()) return "";
  Table t({"quarantined", "kernel", "op", "reason"});
  for (const Quarantined& q : v) t.add({q.plugin, q.kernel, q.op, q.reason});
  return "\n" + t.text();
}

}  // namespace quern_cli
