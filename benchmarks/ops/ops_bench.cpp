// Each of a set of ops by each plugin that can run it, and the cost of recording and of replaying a
// plan. Comparison with other frameworks is in ../peers.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "quern/ops.h"

namespace {

template <class F, class... Args>
void check(F f, Args... args) {
  qn_error* error = nullptr;
  if (f(args..., &error) == QN_OK) return;
  std::fprintf(stderr, "%s\n", qn_error_message(error));
  std::exit(1);
}

using Arrays = std::vector<qn_array*>;
using Record = std::function<qn_array*(qn_runtime*, const Arrays&)>;

struct Case {
  const char* name;
  std::vector<std::vector<int64_t>> shapes;
  Record record;
};

template <class F, class... Args>
qn_array* made(F f, Args... args) {
  qn_array* out = nullptr;
  check(f, args..., &out);
  return out;
}

Record conv(const char* kind, int64_t padding, int64_t groups) {
  const bool one_axis = std::string(kind) == "conv1d";
  return [=](qn_runtime* rt, const Arrays& a) {
    const int64_t one = 1;
    return one_axis ? made(qn_conv1d, rt, a[0], a[1], int64_t{1}, padding, int64_t{1}, groups,
                           static_cast<const char*>(nullptr))
                    : made(qn_conv2d, rt, a[0], a[1], &one, 1u, &padding, 1u, &one, 1u, groups,
                           static_cast<const char*>(nullptr));
  };
}

qn_array* matmul(qn_runtime* rt, const Arrays& a) { return made(qn_matmul, rt, a[0], a[1]); }
qn_array* add(qn_runtime* rt, const Arrays& a) { return made(qn_add, rt, a[0], a[1]); }

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), written out.
qn_array* gelu(qn_runtime* rt, const Arrays& a) {
  Arrays held;
  auto keep = [&](qn_array* x) { return held.emplace_back(x); };
  auto number = [&](double v) { return keep(made(qn_scalar, rt, v, QN_F32)); };
  qn_array* x = a[0];
  qn_array* cube = keep(made(qn_multiply, rt, keep(made(qn_multiply, rt, x, x)), x));
  qn_array* inner = keep(made(qn_add, rt, x, keep(made(qn_multiply, rt, cube, number(0.044715)))));
  qn_array* t = keep(made(qn_tanh, rt, keep(made(qn_multiply, rt, inner, number(0.7978845608)))));
  qn_array* half = keep(made(qn_multiply, rt, x, number(0.5)));
  qn_array* out = made(qn_multiply, rt, half, keep(made(qn_add, rt, t, number(1))));
  for (qn_array* h : held) qn_array_release(h);
  return out;
}

qn_array* softmax(qn_runtime* rt, const Arrays& a) {
  const int64_t last = -1;
  return made(qn_softmax, rt, a[0], &last, 1u);
}
qn_array* layer_norm(qn_runtime* rt, const Arrays& a) {
  return made(qn_layer_norm, rt, a[0], a[1], a[2], 1e-5);
}
qn_array* sum(qn_runtime* rt, const Arrays& a) {
  return made(qn_sum, rt, a[0], static_cast<const int64_t*>(nullptr), 0u, int64_t{0});
}
qn_array* max_pool(qn_runtime* rt, const Arrays& a) {
  const int64_t two = 2, zero = 0;
  return made(qn_max_pool, rt, a[0], &two, 1u, &two, 1u, &zero, 1u,
              static_cast<const char*>(nullptr));
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"matmul_1024", {{1024, 1024}, {1024, 1024}}, matmul},
      {"matmul_64", {{64, 64}, {64, 64}}, matmul},
      {"conv2d_4x32x32x32_k5", {{4, 32, 32, 32}, {32, 5, 5, 32}}, conv("conv2d", 2, 1)},
      {"conv2d_cnn1", {{64, 28, 28, 1}, {20, 5, 5, 1}}, conv("conv2d", 2, 1)},
      {"conv2d_cnn2", {{64, 14, 14, 20}, {50, 5, 5, 20}}, conv("conv2d", 2, 1)},
      {"conv2d_cnn3", {{64, 7, 7, 50}, {100, 5, 5, 50}}, conv("conv2d", 2, 1)},
      {"conv1d_groups8", {{8, 1000, 256}, {256, 12, 32}}, conv("conv1d", 0, 8)},
      {"conv1d_1357_k7", {{3, 1357, 24}, {48, 7, 24}}, conv("conv1d", 3, 1)},
      {"conv1d_4000_k11", {{1, 4000, 128}, {128, 11, 128}}, conv("conv1d", 5, 1)},
      {"conv1d_depthwise", {{8, 1000, 256}, {256, 12, 1}}, conv("conv1d", 0, 256)},
      {"add_1m", {{1000000}, {1000000}}, add},
      {"gelu_1m", {{1000000}}, gelu},
      {"softmax_4096x1024", {{4096, 1024}}, softmax},
      {"layer_norm_4096x1024", {{4096, 1024}, {1024}, {1024}}, layer_norm},
      {"sum_1m", {{1000000}}, sum},
      {"max_pool_64x28x28x20", {{64, 28, 28, 20}}, max_pool},
  };
  return all;
}

// One runtime a set of rules, kept to the end.
qn_runtime* runtime_for(const std::string& rules) {
  static std::map<std::string, qn_runtime*> made_so_far;
  qn_runtime*& rt = made_so_far[rules];
  if (rt) return rt;
  qn_runtime_config config{};
  config.hdr.struct_size = sizeof config;
  config.kernels = rules.c_str();
  check(qn_runtime_create, static_cast<const qn_runtime_config*>(&config), &rt);
  return rt;
}

Arrays inputs_for(qn_runtime* rt, const std::vector<std::vector<int64_t>>& shapes) {
  Arrays arrays;
  for (const auto& shape : shapes) {
    std::size_t size = 1;
    for (int64_t d : shape) size *= static_cast<std::size_t>(d);
    std::vector<float> v(size);
    for (std::size_t i = 0; i < size; ++i)
      v[i] = static_cast<float>(i * 2654435761u >> 16 & 1023) / 1024.0f - 0.5f;
    arrays.push_back(made(qn_array_from_data, rt, static_cast<const void*>(v.data()), shape.data(),
                          static_cast<uint32_t>(shape.size()), QN_F32));
  }
  return arrays;
}

void eval(qn_array* a) { check(qn_eval, static_cast<qn_array* const*>(&a), 1u); }

bool ran(qn_runtime* rt, const std::string& plugin) {
  struct Search {
    const std::string& plugin;
    bool found;
  } search{plugin, false};
  const qn_kernel_report_fn look = [](void* self, const qn_kernel_report* r) {
    auto& s = *static_cast<Search*>(self);
    s.found = s.found || s.plugin == r->plugin;
  };
  check(qn_report_kernels, rt, look, static_cast<void*>(&search));
  return search.found;
}

void run_case(benchmark::State& state, const Case& c, const std::string& plugin) {
  qn_runtime* rt = runtime_for("*=" + (plugin == "naive" ? plugin : plugin + "|naive"));
  check(qn_runtime_clear_cache, rt);
  const Arrays in = inputs_for(rt, c.shapes);
  qn_array* first = c.record(rt, in);
  eval(first);
  qn_array_release(first);
  if (!ran(rt, plugin)) state.SkipWithError("not offered");
  for (auto _ : state) {
    qn_array* out = c.record(rt, in);
    eval(out);
    qn_array_release(out);
  }
  for (qn_array* a : in) qn_array_release(a);
}

void record_add(benchmark::State& state) {
  qn_runtime* rt = runtime_for("");
  const Arrays in = inputs_for(rt, {{64, 64}, {64, 64}});
  for (auto _ : state) qn_array_release(add(rt, in));
  for (qn_array* a : in) qn_array_release(a);
}

// As a program does it that builds a graph before it evaluates: 2,000 nodes, then all go.
void record_graph(benchmark::State& state) {
  constexpr std::size_t kNodes = 2000;
  qn_runtime* rt = runtime_for("");
  const Arrays in = inputs_for(rt, {{64, 64}, {64, 64}});
  Arrays out(kNodes);
  for (auto _ : state) {
    for (qn_array*& a : out) a = add(rt, in);
    for (qn_array* a : out) qn_array_release(a);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kNodes));
  for (qn_array* a : in) qn_array_release(a);
}

void replay_add_64x64(benchmark::State& state) {
  qn_runtime* rt = runtime_for("");
  const Arrays in = inputs_for(rt, {{64, 64}, {64, 64}});
  for (auto _ : state) {
    qn_array* out = add(rt, in);
    eval(out);
    qn_array_release(out);
  }
  for (qn_array* a : in) qn_array_release(a);
}

std::vector<std::string> plugin_ids() {
  std::vector<std::string> ids;
  const qn_plugin_report_fn note = [](void* self, const qn_plugin_report* r) {
    if (std::string(r->status) == "active")
      static_cast<std::vector<std::string>*>(self)->push_back(r->id);
  };
  check(qn_report_plugins, runtime_for(""), note, static_cast<void*>(&ids));
  return ids;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const Case& c : cases())
    for (const std::string& plugin : plugin_ids())
      benchmark::RegisterBenchmark((std::string(c.name) + "/" + plugin).c_str(),
                                   [&c, plugin](benchmark::State& s) { run_case(s, c, plugin); })
          ->UseRealTime()
          ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("record_add", record_add);
  benchmark::RegisterBenchmark("record_graph", record_graph);
  benchmark::RegisterBenchmark("replay_add_64x64", replay_add_64x64)->UseRealTime();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
