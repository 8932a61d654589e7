// What LAPACK calls of the Fortran runtime: joining two texts (names of blocking parameters). The
// runtime itself, with its units and its start-up code, is not linked.
#include <algorithm>
#include <cstddef>
#include <cstring>

extern "C" void _gfortran_concat_string(std::size_t n, char* to, std::size_t n_first,
                                        const char* first, std::size_t n_second,
                                        const char* second);

// A result longer than both is filled with blanks, a shorter one cut.
void _gfortran_concat_string(std::size_t n, char* to, std::size_t n_first, const char* first,
                             std::size_t n_second, const char* second) {
  const std::size_t head = std::min(n, n_first), tail = std::min(n - head, n_second);
  std::memcpy(to, first, head);
  std::memcpy(to + head, second, tail);
  std::memset(to + head + tail, ' ', n - head - tail);
}
