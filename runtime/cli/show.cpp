// `quern info`, `quern plugins`, `quern ops`: what the library is and knows.
// What it would do with an op is in kernels.cpp.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "runtime/cli/quarantine.h"
#include "runtime/cli/request.h"
#include "runtime/cli/table.h"
#include "runtime/cli/tuning.h"

namespace quern_cli {
namespace {

struct Plugin {
  std::string id, version, license, description, path, status;
};

std::vector<Plugin> plugins_of(qn_runtime* rt) {
  std::vector<Plugin> v;
  const qn_plugin_report_fn add = [](void* self, const qn_plugin_report* r) {
    static_cast<std::vector<Plugin>*>(self)->push_back(
        {r->id, r->version, r->license, r->description, r->path, r->status});
  };
  call(qn_report_plugins, rt, add, static_cast<void*>(&v));
  return v;
}

// The first line of /proc/cpuinfo that starts with key, after the colon; "" where there is none.
std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key))
      if (const auto colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "";
}

std::string vector_extensions() {
  const std::string flags = cpuinfo("flags") + cpuinfo("Features");
  std::istringstream words(flags);
  std::string out;
  for (std::string w; words >> w;)
    for (const char* known :
         {"sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_vnni",
          "avx512_bf16", "avx512_fp16", "amx_tile", "asimd", "asimdhp", "asimddp", "sve", "sve2"})
      if (w == known) out += (out.empty() ? "" : " ") + w;
  return out;
}

Json build_info() {
  Json j = Json::object();
  std::istringstream lines(qn_build_info());
  for (std::string line; std::getline(lines, line);)
    if (const auto eq = line.find('='); eq != std::string::npos)
      j[line.substr(0, eq)] = line.substr(eq + 1);
  return j;
}

Json stats_of(qn_runtime* rt) {
  qn_stats s{};
  s.hdr.struct_size = sizeof s;
  call(qn_runtime_stats, rt, &s);
  return {{"bytes_active", s.bytes_active},
          {"bytes_cached", s.bytes_cached},
          {"bytes_peak", s.bytes_peak},
          {"bytes_limit", s.bytes_limit},
          {"allocations", s.allocations},
          {"evaluations", s.evaluations},
          {"plan_hits", s.plan_hits},
          {"plan_misses", s.plan_misses},
          {"plans", s.plans},
          {"kernels_run", s.kernels_run},
          {"relayouts_run", s.relayouts_run},
          {"relayouts_cached", s.relayouts_cached},
          {"faults", s.faults},
          {"nodes_recorded", s.nodes_recorded}};
}

std::string signature(const Json& op) {
  std::string in, attrs;
  for (const Json& i : op.at("inputs")) {
    in += (in.empty() ? "" : ", ") + i.at("name").get<std::string>();
    if (i.value("variadic", false) && !in.ends_with("...")) in += "...";
    if (i.contains("default")) in += "=" + i.at("default").get<std::string>();
  }
  for (const Json& a : op.at("attrs")) {
    attrs += (attrs.empty() ? "" : ", ") + a.at("name").get<std::string>();
    if (a.contains("default"))
      attrs +=
          "=" + (a.at("default").get<std::string>().empty() ? "none"
                                                            : a.at("default").get<std::string>());
  }
  return op.at("name").get<std::string>() + "(" + in + (in.empty() || attrs.empty() ? "" : "; ") +
         attrs + ")";
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return s;
}

}  // namespace

void show_info(const Options& o) {
  const RuntimeHandle rt = make_runtime(o.threads, o.kernels);
  const auto plugins = plugins_of(rt.get());
  const auto active = std::count_if(plugins.begin(), plugins.end(),
                                    [](const Plugin& p) { return p.status == "active"; });
  const unsigned threads =
      o.threads ? o.threads : std::max(1u, std::thread::hardware_concurrency());
  const uint32_t abi = qn_abi_version();
  const char* told = std::getenv("QUERN_MAX_ISA");  // a name that is none was refused by now
  const std::string limit = told ? told : "";
  Json j = {{"build", build_info()},
            {"abi", std::to_string(abi >> 16) + "." + std::to_string(abi & 0xffff)},
            {"cpu", cpuinfo("model name")},
            {"vectors", vector_extensions()},
            {"max_isa", limit},
            {"threads", threads},
            {"ops", all_schemas().size()},
            {"plugins_active", active},
            {"plugins_refused", plugins.size() - static_cast<std::size_t>(active)},
            {"tuning", Json::object()},
            {"stats", stats_of(rt.get())}};
  const TuningState tuning = tuning_of(rt.get());
  j["tuning"] = {{"mode", tuning.mode},
                 {"file", tuning.file},
                 {"questions", tuning.questions},
                 {"problem", tuning.problem}};
  if (o.json) {
    std::cout << j.dump(2) << "\n";
    return;
  }
  Table t({"quern", j["build"].value("version", "")});
  for (const auto& [key, value] : j["build"].items())
    if (key != "version" && key != "abi") t.add({key, value.get<std::string>()});
  t.add({"abi", j["abi"]});
  t.add({"cpu", j["cpu"]});
  t.add({"vectors",
         j["vectors"].get<std::string>() + (limit.empty() ? "" : ", used up to " + limit)});
  t.add({"threads", std::to_string(threads)});
  t.add({"ops", std::to_string(all_schemas().size())});
  std::string names;
  for (const Plugin& p : plugins)
    if (p.status == "active") names += (names.empty() ? "" : ", ") + p.id;
  t.add({"plugins", std::to_string(active) + " active: " + names});
  if (j["plugins_refused"] != 0)
    t.add({"", j["plugins_refused"].dump() + " refused: see `quern plugins`"});
  t.add({"tuning", tuning.mode + (tuning.file.empty() ? "" : " " + tuning.file)});
  if (!tuning.problem.empty()) t.add({"", tuning.problem});
  for (const auto& [key, value] : j["stats"].items()) t.add({key, value.dump()});
  std::cout << t.text();
}

void show_plugins(const Options& o) {
  const RuntimeHandle rt = make_runtime(o.threads, o.kernels);
  Table t({"plugin", "version", "licence", "status", "where", "what"});
  Json j = Json::array();
  const std::vector<Quarantined> caught = quarantined_in(rt.get());
  for (const Plugin& p : plugins_of(rt.get())) {
    std::vector<Quarantined> own;
    for (const Quarantined& q : caught)
      if (q.plugin == p.id) own.push_back(q);
    t.add({p.id, p.version, p.license, p.status, p.path.empty() ? "(built in)" : p.path,
           p.description});
    j.push_back({{"id", p.id},
                 {"version", p.version},
                 {"license", p.license},
                 {"description", p.description},
                 {"path", p.path},
                 {"status", p.status},
                 {"quarantined", to_json(own)}});
  }
  std::cout << (o.json ? j.dump(2) + "\n" : t.text() + to_text(caught));
}

void show_ops(const Options& o) {
  Json found = Json::array();
  for (const Json& s : all_schemas())
    if (o.op.empty() || s.at("name") == o.op) found.push_back(s);
  if (found.empty()) throw UsageError("no op is called '" + o.op + "'; `quern ops` lists them");
  if (o.json) {
    std::cout << (o.op.empty() ? found : found[0]).dump(2) << "\n";
    return;
  }
  if (o.op.empty()) {
    Table t({"op", "kind", "since", "what"});
    for (const Json& s : found)
      t.add({s.at("name"), lower(s.at("kind")), s.at("since"), s.at("doc")});
    std::cout << t.text();
    return;
  }
  const Json& s = found[0];
  std::cout << signature(s) << "\n" << s.at("doc").get<std::string>() << "\n\n";
  Table t({"argument", "type", "default"});
  for (const Json& i : s.at("inputs"))
    t.add(
        {i.at("name"), "array", i.contains("default") ? i.at("default").get<std::string>() : "-"});
  for (const Json& a : s.at("attrs")) {
    const std::string d = a.contains("default") ? a.at("default").get<std::string>() : "-";
    t.add({a.at("name"), a.at("type"), d.empty() ? "none" : d});
  }
  for (const Json& out : s.at("outputs")) t.add({"-> " + out.get<std::string>(), "array", ""});
  t.add({"number " + s.at("id").dump(), lower(s.at("kind")),
         "since " + s.at("since").get<std::string>()});
  std::cout << t.text();
}

}  // namespace quern_cli
