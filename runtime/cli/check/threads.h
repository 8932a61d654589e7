// Threads of this process, counted to find those that a plugin leaves behind.
#pragma once
#include <cstddef>

namespace quern_cli::check {

std::size_t thread_count();
// Waits for a tenth of a second at most until there are no more than `threads`: they end a moment
// after they are joined. True when that came.
bool back_to(std::size_t threads);

}  // namespace quern_cli::check
