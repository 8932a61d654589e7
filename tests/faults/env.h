// One run of a scenario under a fault: every call is armed, a failing call must fail as promised,
// and whatever happened, the runtime must work afterwards and nothing may be left.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <initializer_list>
#include <ostream>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "inject.h"
#include "quern/ops.h"
#include "quern/quern.h"

namespace faults {

// A call failed by the fault, as promised: the scenario ends here.
struct Stopped {};

using Ints = std::vector<int64_t>;
using Value = std::variant<int64_t, double, Ints, std::string, qn_dtype>;

// The runtime that a scenario finds: with counted memory and the built-in kernels, on one thread,
// or with a bundled plugin, on two; or none: then it makes its own.
enum class Given { builtin, plugin, nothing };

class Env {
 public:
  // plugin: its name; preferred. folder: an existing directory.
  Env(Given given, const std::string& plugin, std::string folder, std::set<std::string>& covered);
  ~Env();  // releases everything, armed, then checks that no memory of the hooks is left

  void release();  // everything but the runtime, armed

  qn_runtime* rt = nullptr;
  const std::string folder;
  const qn_allocator* allocator() const { return &allocator_; }

  // fn(args.., &error). On failure checks the error and that results are untouched; throws Stopped.
  template <typename F, typename... A>
  void call(const char* name, F fn, A... args) {
    covered_.insert(name);
    qn_error* error = nullptr;
    arm();
    const qn_status status = fn(args..., &error);
    disarm();
    check(name, status, error);
  }
  // A call without status.
  template <typename F, typename... A>
  auto use(const char* name, F fn, A... args) {
    covered_.insert(name);
    struct Disarm {
      ~Disarm() { disarm(); }
    } disarm_at_end;
    arm();
    return fn(args...);
  }
  void cover(const char* name) { covered_.insert(name); }

  // A place for one result, released at the end. Holds a mark until a call fills it.
  template <typename T>
  T** result(void (*release)(T*)) {
    results_.push_back({mark(), reinterpret_cast<void (*)(void*)>(release)});
    ++pending_;
    return reinterpret_cast<T**>(&results_.back().value);
  }
  qn_array** array() { return result(qn_array_release); }
  void adopt(qn_array* a) { *array() = a, pending_ = 0; }  // released at the end
  qn_fn** fn() { return result(qn_fn_release); }

  // Shorthands over call().
  qn_array* data(const std::vector<float>& values, const Ints& shape);
  qn_array* ramp(const Ints& shape);  // 0.1, 0.2, .. 4, 0.1, ..
  qn_array* indices(const std::vector<uint32_t>& values, const Ints& shape);
  qn_array* op(const char* name, std::vector<qn_array*> in,
               std::initializer_list<Value> attrs = {});
  std::vector<qn_array*> ops(const char* name, std::vector<qn_array*> in, uint32_t n_out,
                             std::initializer_list<Value> attrs = {});
  void eval(std::vector<qn_array*> arrays);  // and looks at them
  // A call that gives several arrays: call(out) fills out, whose arrays are then released at the
  // end. Checks that a call that fails fills none.
  std::vector<qn_array*> several(uint32_t n, const std::function<void(qn_array** out)>& call);

  // What was seen of values, in order: elements of f32 arrays, bytes of others and of files.
  std::vector<double> seen;
  void look(qn_array* a);  // unarmed
  void look(const std::string& file);
  // For calls whose failure another library reports in its own terms.
  bool any_code = false;
  std::string path(const char* name) const { return folder + "/" + name; }

  // After the scenario, unarmed: computes something in the runtime.
  void expect_usable();

 private:
  static void* mark() { return reinterpret_cast<void*>(uintptr_t{0x5a5a}); }
  void check(const char* name, qn_status status, qn_error* error);
  struct Result {
    void* value;
    void (*release)(void*);
  };
  std::deque<Result> results_;
  std::size_t pending_ = 0;  // at the end of results_, not yet filled
  std::set<std::string>& covered_;
  qn_allocator allocator_{};
  std::atomic<int64_t> hook_bytes_{0};
};

#define CALL(fn, ...) e.call(#fn, fn __VA_OPT__(, ) __VA_ARGS__)
#define USE(fn, ...) e.use(#fn, fn __VA_OPT__(, ) __VA_ARGS__)

struct Scenario {
  std::string name;
  std::function<void(Env&)> run;
  Given given = Given::builtin;
  bool once = false;  // a second run in the same runtime is not the same
  std::string plugin;
  // A library that dies where its malloc fails and leaks where its operator new does: the first
  // does not happen, the second is not judged.
  const char* spared = nullptr;
};

inline void PrintTo(const Scenario& s, std::ostream* out) { *out << s.name; }  // for GoogleTest

// All of them, from the files scenarios_*.cpp.
std::vector<Scenario> all_scenarios();
std::vector<Scenario> runtime_scenarios();
std::vector<Scenario> array_scenarios();
std::vector<Scenario> op_scenarios();
std::vector<Scenario> plugin_scenarios();
std::vector<Scenario> function_scenarios();
std::vector<Scenario> transform_scenarios();
std::vector<Scenario> file_scenarios();

}  // namespace faults
