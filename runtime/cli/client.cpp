// Errors of the library become exceptions; runtimes are made from options.
// Nothing about ops or output.
#include "runtime/cli/client.h"

namespace quern_cli {

void fail(qn_status status, qn_error* error) {
  std::string text = qn_error_message(error);
  qn_error_free(error);
  if (text.empty()) text = qn_status_name(status);
  throw LibraryError(text);
}

RuntimeHandle make_runtime(unsigned threads, const std::string& kernels) {
  qn_runtime_config config{};
  config.hdr.struct_size = sizeof config;
  config.plugin_policy = QN_PLUGINS_PATH;
  config.n_threads = threads;
  config.kernels = kernels.empty() ? nullptr : kernels.c_str();
  qn_runtime* rt = nullptr;
  call(qn_runtime_create, static_cast<const qn_runtime_config*>(&config), &rt);
  return RuntimeHandle(rt);
}

}  // namespace quern_cli
