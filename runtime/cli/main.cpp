// The command line of `quern`.
// Exit codes: 0, 1 when the library refuses or a check fails, 2 when the command line is wrong.
#include <CLI/CLI.hpp>
#include <iostream>

#include "runtime/cli/client.h"
#include "runtime/cli/commands.h"

using namespace quern_cli;

namespace {

void add_common(CLI::App* c, Options& o) {
  c->add_flag("--json", o.json, "Print JSON");
  c->add_option("--threads", o.threads, "Threads of the runtime (default: all)")
      ->check(CLI::Range(1u, 4096u));
  c->add_option("--kernels", o.kernels, "Selection rules, such as 'conv*=onednn|naive'");
}

void add_operands(CLI::App* c, Options& o) {
  c->add_option("--shape", o.shapes,
                "A shape for each input: 64x28x28x1,20x5x5x1 or several times --shape; 'scalar'; "
                "512:i32 with a dtype of its own")
      ->join(',');
  c->add_option("--dtype", o.dtype, "Dtype of the inputs (default f32)");
  c->add_option("--layout", o.layout, "nhwc or nchw, for ops that have a layout");
  c->add_option("--attr,-a", o.attrs, "An attribute: padding=2, axes=0,1")->allow_extra_args(false);
}

void add_op(CLI::App* c, Options& o) {
  c->add_option("op", o.op, "Name of an op: conv2d, matmul, softmax, ...")->required();
  add_operands(c, o);
}

// Cuts the program's own words off: quern tune .. -- PROGRAM ARGUMENTS.
int cut_command(int argc, char** argv, Options& o) {
  if (argc < 2 || std::string(argv[1]) != "tune") return argc;
  for (int i = 2; i < argc; ++i)
    if (std::string(argv[i]) == "--") {
      o.command.assign(argv + i + 1, argv + argc);
      return i;
    }
  return argc;
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"What the Quern runtime is, knows and would do"};
  app.name("quern");
  app.require_subcommand(1);
  void (*command)(const Options&) = nullptr;
  auto add = [&](const char* name, const char* help, void (*run)(const Options&)) {
    CLI::App* c = app.add_subcommand(name, help);
    add_common(c, o);
    c->callback([&command, run] { command = run; });
    return c;
  };
  add("info", "Version, CPU, threads, plugins and counters", show_info);
  add("plugins", "The kernel plugins: loaded from where, or why not", show_plugins);
  add("ops", "The ops, or one of them in full", show_ops)
      ->add_option("name", o.op, "Name of an op");
  add_op(add("kernels", "Who could run an op, who will, who declined and why", show_kernels), o);
  CLI::App* bench = add("bench", "Time an op by each kernel that can run it", run_bench);
  add_op(bench, o);
  bench->add_option("--rounds", o.rounds, "Rounds (default 9)")->check(CLI::Range(1u, 10000u));
  bench->add_option("--round-ms", o.round_ms, "Aim of each kernel's share of a round (default 30)")
      ->check(CLI::Range(0.01, 60000.0));
  bench->add_flag("--verify", o.verify, "Also hold each kernel against the naive one");
  CLI::App* tune = add("tune",
                       "Measure the kernels of ops, or of a program (-- PROGRAM ..), into a "
                       "file",
                       run_tune);
  tune->add_option("ops", o.ops, "Names of ops; none and no program: what the file holds");
  tune->add_option("--file", o.file, "The file of measured times; made when it is not there")
      ->required();
  add_operands(tune, o);
  CLI::App* check =
      add("check", "Hold a kernel plugin against the contract of kernel.h", run_check);
  check->add_option("plugin", o.path, "The plugin's file")->required();
  check->add_option("--op", o.op, "Only the kernels that arise from one op");
  check->add_option("--jobs", o.jobs, "Child processes at once (default 2)")
      ->check(CLI::Range(1u, 256u));
  check->add_option("--timeout", o.seconds, "Seconds for each child process (default 120)")
      ->check(CLI::Range(0.1, 86400.0));
  check->add_option("--part", o.part)->group("");  // what a child process is to do
  check->add_flag("--heap-works", o.heap_works)->group("");
  try {
    argc = cut_command(argc, argv, o);
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  try {
    command(o);
    std::cout.flush();
    return std::cout ? 0 : 1;
  } catch (const Refused&) {
    return 1;
  } catch (const UsageError& e) {
    std::cerr << "quern: " << e.what() << "\n";
    return 2;
  } catch (const std::exception& e) {
    std::cerr << "quern: " << e.what() << "\n";
    return 1;
  }
}
