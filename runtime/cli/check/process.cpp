// posix_spawn of /proc/self/exe, with pipes for events and for what is printed.
#include "runtime/cli/check/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/cli/client.h"

extern char** environ;

namespace quern_cli::check {
namespace {

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int fd[2];
    if (pipe2(fd, O_CLOEXEC) != 0) throw LibraryError("no pipe for a child process");
    read = fd[0];
    write = fd[1];
  }
  ~Pipe() {
    close(read);
    close_write();
  }
  void close_write() {
    if (write >= 0) close(write);
    write = -1;
  }
};

// False at the end of the stream.
bool drain(int fd, std::string& to, std::size_t most) {
  char buffer[1 << 16];
  const ssize_t n = read(fd, buffer, sizeof buffer);
  if (n <= 0) return false;
  if (to.size() < most) to.append(buffer, static_cast<std::size_t>(n));
  return true;
}

}  // namespace

Ended run_self(const std::vector<std::string>& arguments, double seconds) {
  Pipe events, output;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.write, 1);
  posix_spawn_file_actions_adddup2(&actions, output.write, 2);
  posix_spawn_file_actions_adddup2(&actions, events.write, kEventFd);
  std::vector<std::string> held{"quern"};
  held.insert(held.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& a : held) argv.push_back(a.data());
  argv.push_back(nullptr);
  pid_t child = -1;
  const int made = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (made != 0) throw LibraryError("no child process");
  events.close_write();
  output.close_write();

  Ended e;
  using Clock = std::chrono::steady_clock;
  const auto deadline =
      Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1e3));
  pollfd open[2] = {{events.read, POLLIN, 0}, {output.read, POLLIN, 0}};
  // A plugin's own children may hold the pipe of what is printed: the events' end is what counts.
  while (open[0].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      e.timed_out = true;
      kill(child, SIGKILL);
      break;
    }
    if (poll(open, 2, static_cast<int>(std::min<long>(left, 1000))) <= 0) continue;
    if (open[0].revents && !drain(events.read, e.events, std::size_t{1} << 28)) open[0].fd = -1;
    if (open[1].fd >= 0 && open[1].revents && !drain(output.read, e.output, 4096)) open[1].fd = -1;
  }
  // It may close the pipe and live on.
  int status = 0;
  while (waitpid(child, &status, e.timed_out ? 0 : WNOHANG) == 0) {
    if (Clock::now() > deadline) {
      e.timed_out = true;
      kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (open[1].fd >= 0) {
    pollfd rest{output.read, POLLIN, 0};
    if (poll(&rest, 1, 0) > 0) drain(output.read, e.output, 4096);
  }
  if (WIFSIGNALED(status)) e.signal = WTERMSIG(status);
  if (WIFEXITED(status)) e.exit_code = WEXITSTATUS(status);
  return e;
}

}  // namespace quern_cli::check
