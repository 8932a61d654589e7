// What the files that bind through nanobind share.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>

#include "native.h"

namespace qpy {

namespace nb = nanobind;

// Throws the Python exception for a failed call.
inline void check(qn_status status, qn_error*& error) {
  if (!ok(status, error)) throw nb::python_error();
}

// A new array object; throws when the value is missing.
inline nb::object object_of(Ref x) {
  PyObject* o = wrap(x.take());
  if (!o) throw nb::python_error();
  return nb::steal(o);
}

void add_reports(nb::module_& m);
void add_files(nb::module_& m);
void add_traces(nb::module_& m);
void add_compile(nb::module_& m);
void add_recording(nb::module_& m);

}  // namespace qpy
