// The file in which measured times are kept between runs and shared by processes.
// Replaced as a whole or not at all; two that write at once both find their times in it.
#pragma once
#include <string>

#include "runtime/host/tuning_table.h"

namespace quern {

class TuningFile {
 public:
  // machine: what the times hold for.
  TuningFile(std::string path, std::string machine);
  const std::string& path() const { return path_; }

  struct Loaded {
    MeasuredMap found;
    std::string problem;  // "" or why the file, or all in it, was passed over
    bool missing = false;
  };
  // Throws only bad_alloc.
  Loaded load() const;
  // Adds `mine` to what is in the file; same questions: mine count. A damaged file is replaced.
  // Throws Error: a file that is no tuning file is not touched, the folder cannot be written, ..
  void merge(const MeasuredMap& mine) const;

 private:
  std::string path_, machine_;
};

}  // namespace quern
