// The extension module quern._ext.
#include "bind.h"

NB_MODULE(_ext, m) {
  using namespace qpy;
  m.doc() =
      "The compiled part of quern: arrays, operators, evaluation, transforms and reports over "
      "libquern.";
  if (!runtime()) throw nb::python_error();
  m.attr("print_precision") = -1;
  PyObject* p = m.ptr();
  if (add_dtypes(p) < 0 || add_array(p) < 0 || add_ops(p) < 0 || add_evaluation(p) < 0 ||
      add_exchange(p) < 0)
    throw nb::python_error();
  add_reports(m);
  add_files(m);
  add_traces(m);
  add_compile(m);
  add_recording(m);
}
