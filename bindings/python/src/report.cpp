// Sight: plugins, kernels of plans, candidates for one op, selection rules, timing.
// Rows are told with the GIL released and taken with it.
#include "bind.h"

namespace qpy {

namespace {

nb::dict as_dict(const qn_plugin_report& r) {
  nb::dict d;
  d["id"] = r.id;
  d["version"] = r.version;
  d["license"] = r.license;
  d["description"] = r.description;
  d["path"] = r.path;
  d["status"] = r.status;
  return d;
}

nb::dict as_dict(const qn_kernel_report& r) {
  nb::dict d;
  d["op"] = r.op;
  d["shapes"] = r.shapes;
  d["layouts"] = r.layouts;
  d["plugin"] = r.plugin;
  d["kernel"] = r.kernel;
  d["rejected"] = r.rejected;
  d["runs"] = r.runs;
  d["total_ns"] = r.total_ns;
  d["est_ns"] = r.est_ns;
  d["measured_ns"] = r.measured_ns;
  d["workspace"] = r.workspace;
  d["plan"] = r.plan;
  return d;
}

nb::dict as_dict(const qn_candidate_report& r) {
  nb::dict d;
  d["plugin"] = r.plugin;
  d["kernel"] = r.kernel;
  d["layouts"] = r.layouts;
  d["reason"] = r.reason;
  d["est_ns"] = r.est_ns;
  d["measured_ns"] = r.measured_ns;
  d["workspace"] = r.workspace;
  d["chosen"] = r.chosen != 0;
  return d;
}

nb::dict as_dict(const qn_tuning_report& r) {
  nb::dict d;
  d["mode"] = r.mode;
  d["file"] = r.file;
  d["problem"] = r.problem;
  d["questions"] = r.questions;
  d["candidates_run"] = r.candidates_run;
  d["spent_ns"] = r.spent_ns;
  d["plans_waiting"] = r.plans_waiting;
  return d;
}

// Every row that `report(tell, &rows, &error)` passes to tell.
template <typename Row, typename Report>
nb::list rows(Report&& report) {
  nb::list out;
  qn_error* error = nullptr;
  const auto tell = [](void* self, const Row* r) {
    const nb::gil_scoped_acquire gil;
    static_cast<nb::list*>(self)->append(as_dict(*r));
  };
  check(unlocked([&] { return report(tell, &out, &error); }), error);
  return out;
}

nb::list plugins() {
  return rows<qn_plugin_report>([](auto tell, void* out, qn_error** error) {
    return qn_report_plugins(runtime(), tell, out, error);
  });
}

nb::list kernels() {
  return rows<qn_kernel_report>([](auto tell, void* out, qn_error** error) {
    return qn_report_kernels(runtime(), tell, out, error);
  });
}

nb::list explain_op(const std::string& name, const std::vector<nb::object>& inputs) {
  std::vector<Ref> held;
  std::vector<qn_array*> in;
  for (const nb::object& o : inputs) {
    held.push_back(operand(o.ptr(), 0));
    if (!held.back()) throw nb::python_error();
    in.push_back(held.back().get());
  }
  std::uint32_t id = 0;
  qn_error* error = nullptr;
  check(qn_op_lookup(name.c_str(), &id, &error), error);
  return rows<qn_candidate_report>([&](auto tell, void* out, qn_error** told) {
    return qn_explain_op(runtime(), id, in.data(), static_cast<std::uint32_t>(in.size()), nullptr,
                         0, tell, out, told);
  });
}

nb::object tuning() {
  return rows<qn_tuning_report>([](auto tell, void* out, qn_error** error) {
    return qn_report_tuning(runtime(), tell, out, error);
  })[0];
}

}  // namespace

void add_reports(nb::module_& m) {
  m.def("report_plugins", &plugins,
        "Every plugin: id, version, license, description, path, status.");
  m.def("report_kernels", &kernels,
        "Every kernel of the plans at hand, those of compiled functions included: op, shapes, "
        "layouts, plugin, kernel, rejected, runs, "
        "total_ns (0 unless "
        "profiling is on), est_ns, measured_ns (0 unless tuning knows), workspace, plan.");
  m.def("explain_op", &explain_op, nb::arg("name"), nb::arg("inputs"),
        "Every candidate for one op on the given inputs, with default attributes.");
  m.def(
      "set_profiling",
      [](bool on) {
        qn_error* error = nullptr;
        check(unlocked([&] { return qn_set_profiling(runtime(), on ? 1 : 0, &error); }), error);
      },
      nb::arg("on"), "Times every kernel from now on, or no longer.");
  m.def(
      "set_kernels",
      [](const std::string& rules) {
        qn_error* error = nullptr;
        check(unlocked([&] { return qn_runtime_set_kernels(runtime(), rules.c_str(), &error); }),
              error);
      },
      nb::arg("rules"),
      "Selection rules such as \"conv=onednn; matmul=tbb|openblas; *=naive\"; \"\" removes all.");
  m.def(
      "set_tuning",
      [](const std::string& spec) {
        qn_error* error = nullptr;
        check(unlocked([&] { return qn_runtime_set_tuning(runtime(), spec.c_str(), &error); }),
              error);
      },
      nb::arg("tuning"),
      "Measured times of kernels: \"off\", \"read:FILE\", \"measure[:FILE]\", "
      "\"background[:FILE]\".");
  m.def("report_tuning", &tuning,
        "The state of tuning: mode, file, problem, questions, candidates_run, spent_ns, "
        "plans_waiting.");
  m.def(
      "build_info", [] { return std::string(qn_build_info()); },
      "Version and compiler of the library.");
}

}  // namespace qpy
