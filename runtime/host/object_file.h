// A look at a plugin's file before it is loaded. What is inside of it is not judged.
#pragma once
#include <string>

namespace quern {

// Why the file must not be given to dlopen, which dies on a file that ends before its segments do;
// "" = it may. A file that can't be read, or is no ELF file, passes: dlopen has a text for these.
std::string object_file_fault(const std::string& path);

}  // namespace quern
