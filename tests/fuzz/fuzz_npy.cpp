// The npy reader: the input is the file. What is accepted is read to its last byte.
#include "fuzz.h"
#include "loaded.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  qn_array* a = nullptr;
  qn_error* e = nullptr;
  const bool ok = fuzz::worked(qn_load_npy(fuzz::runtime(), fuzz::as_file(data, size), &a, &e), e);
  if (ok != (a != nullptr)) fuzz::broken("an array and an error, or neither");
  if (ok) fuzz::read_all(a);
  qn_array_release(a);
  return 0;
}
