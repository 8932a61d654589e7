// Functions of one op: those whose MLX form is a plain element-wise call, and, for the Python part
// of quern.core, every op of the library's schema with positional arguments (inputs, then
// attributes; None = default).
#include <cstring>
#include <deque>

#include "native.h"

namespace qpy {

namespace {

PyObject* stream_check = nullptr;  // a Python function, set by quern.core

// ---- MLX's element-wise functions ----

enum Style { kPositional, kKeywords };  // (a, /, *, stream) or (a, stream)

struct Elementwise {
  const char* name;
  std::uint32_t op;
  int inputs;
  Style style;
};
const Elementwise elementwise[] = {
    {"abs", QN_OP_ABS, 1, kPositional},
    {"arccos", QN_OP_ARCCOS, 1, kPositional},
    {"arccosh", QN_OP_ARCCOSH, 1, kPositional},
    {"arcsin", QN_OP_ARCSIN, 1, kPositional},
    {"arcsinh", QN_OP_ARCSINH, 1, kPositional},
    {"arctan", QN_OP_ARCTAN, 1, kPositional},
    {"arctanh", QN_OP_ARCTANH, 1, kPositional},
    {"ceil", QN_OP_CEIL, 1, kPositional},
    {"cos", QN_OP_COS, 1, kPositional},
    {"cosh", QN_OP_COSH, 1, kPositional},
    {"erf", QN_OP_ERF, 1, kPositional},
    {"erfinv", QN_OP_ERFINV, 1, kPositional},
    {"exp", QN_OP_EXP, 1, kPositional},
    {"expm1", QN_OP_EXPM1, 1, kPositional},
    {"floor", QN_OP_FLOOR, 1, kPositional},
    {"isinf", QN_OP_ISINF, 1, kKeywords},
    {"isnan", QN_OP_ISNAN, 1, kKeywords},
    {"log", QN_OP_LOG, 1, kPositional},
    {"log10", QN_OP_LOG10, 1, kPositional},
    {"log1p", QN_OP_LOG1P, 1, kPositional},
    {"log2", QN_OP_LOG2, 1, kPositional},
    {"logical_not", QN_OP_LOGICAL_NOT, 1, kPositional},
    {"negative", QN_OP_NEGATIVE, 1, kPositional},
    {"reciprocal", QN_OP_RECIPROCAL, 1, kPositional},
    {"rsqrt", QN_OP_RSQRT, 1, kPositional},
    {"sigmoid", QN_OP_SIGMOID, 1, kPositional},
    {"sign", QN_OP_SIGN, 1, kPositional},
    {"sin", QN_OP_SIN, 1, kPositional},
    {"sinh", QN_OP_SINH, 1, kPositional},
    {"sqrt", QN_OP_SQRT, 1, kPositional},
    {"square", QN_OP_SQUARE, 1, kPositional},
    {"stop_gradient", QN_OP_STOP_GRADIENT, 1, kPositional},
    {"tan", QN_OP_TAN, 1, kPositional},
    {"tanh", QN_OP_TANH, 1, kPositional},
    {"trunc", QN_OP_TRUNC, 1, kPositional},
    {"bitwise_invert", QN_OP_BITWISE_INVERT, 1, kKeywords},
    {"add", QN_OP_ADD, 2, kKeywords},
    {"arctan2", QN_OP_ARCTAN2, 2, kPositional},
    {"bitwise_and", QN_OP_BITWISE_AND, 2, kKeywords},
    {"bitwise_or", QN_OP_BITWISE_OR, 2, kKeywords},
    {"bitwise_xor", QN_OP_BITWISE_XOR, 2, kKeywords},
    {"divide", QN_OP_DIVIDE, 2, kKeywords},
    {"equal", QN_OP_EQUAL, 2, kKeywords},
    {"floor_divide", QN_OP_FLOOR_DIVIDE, 2, kKeywords},
    {"greater", QN_OP_GREATER, 2, kKeywords},
    {"greater_equal", QN_OP_GREATER_EQUAL, 2, kKeywords},
    {"left_shift", QN_OP_LEFT_SHIFT, 2, kKeywords},
    {"less", QN_OP_LESS, 2, kKeywords},
    {"less_equal", QN_OP_LESS_EQUAL, 2, kKeywords},
    {"logaddexp", QN_OP_LOGADDEXP, 2, kPositional},
    {"logical_and", QN_OP_LOGICAL_AND, 2, kPositional},
    {"logical_or", QN_OP_LOGICAL_OR, 2, kPositional},
    {"maximum", QN_OP_MAXIMUM, 2, kPositional},
    {"minimum", QN_OP_MINIMUM, 2, kPositional},
    {"multiply", QN_OP_MULTIPLY, 2, kKeywords},
    {"not_equal", QN_OP_NOT_EQUAL, 2, kKeywords},
    {"power", QN_OP_POWER, 2, kPositional},
    {"remainder", QN_OP_REMAINDER, 2, kKeywords},
    {"right_shift", QN_OP_RIGHT_SHIFT, 2, kKeywords},
    {"subtract", QN_OP_SUBTRACT, 2, kKeywords},
};

PyObject* wrong_arguments(const Elementwise& e) {
  const char* text = e.inputs == 1 ? "a" : "a, b";
  const char* tail = e.style == kPositional ? ", /, *, stream=None" : ", stream=None";
  PyErr_Format(PyExc_TypeError, "%s(): incompatible function arguments; expected %s(%s%s)", e.name,
               e.name, text, tail);
  return nullptr;
}

PyObject* call_elementwise(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  const Elementwise& e = *static_cast<const Elementwise*>(PyCapsule_GetPointer(self, nullptr));
  PyObject* in[2] = {nullptr, nullptr};
  PyObject* stream = nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (i < e.inputs)
      in[i] = args[i];
    else if (i == e.inputs && e.style == kKeywords)
      stream = args[i];
    else
      return wrong_arguments(e);
  }
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    const char* name = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, i));
    if (!name) return nullptr;
    PyObject** to = nullptr;
    if (std::strcmp(name, "stream") == 0)
      to = &stream;
    else if (e.style == kKeywords && std::strcmp(name, "a") == 0)
      to = &in[0];
    else if (e.style == kKeywords && e.inputs == 2 && std::strcmp(name, "b") == 0)
      to = &in[1];
    if (!to || *to) return wrong_arguments(e);
    *to = args[n + i];
  }
  if (!in[0] || (e.inputs == 2 && !in[1]) || in[0] == Py_None || in[1] == Py_None)
    return wrong_arguments(e);
  if (stream && !stream_arg(stream)) return nullptr;
  if (e.inputs == 1) {
    const Ref x = operand(in[0], 0);
    return x ? wrap(op1(e.op, x).take()) : nullptr;
  }
  Ref x, y;
  if (!operands(in[0], in[1], x, y)) return nullptr;
  return wrap(op2(e.op, x, y).take());
}

// ---- any op, for the Python part ----

struct OpRow {
  std::uint32_t id;
  std::string name, kinds, doc;  // kinds: a letter for each attribute, see read_attr
  std::uint32_t inputs, outputs;
  bool variadic;
  PyMethodDef def;
};

struct AttrStore {
  std::vector<Ints> ints;
  std::vector<std::vector<double>> floats;
};

bool read_attr(char kind, PyObject* o, qn_attr& a, AttrStore& store) {
  a = qn_attr{};
  if (o == Py_None) return true;
  switch (kind) {
    case 'i':
    case 'b':
      a = attr_int(PyLong_AsLongLong(o));
      return !PyErr_Occurred();
    case 'f':
      a.type = QN_ATTR_FLOAT;
      a.v.f = PyFloat_AsDouble(o);
      return !PyErr_Occurred();
    case 'I':
      store.ints.emplace_back();
      if (!ints_arg(o, store.ints.back())) return false;
      a = attr_ints(store.ints.back());
      return true;
    case 'F': {
      const Object items(PySequence_Fast(o, "expected a sequence of floats"));
      if (!items) return false;
      store.floats.emplace_back();
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i)
        store.floats.back().push_back(PyFloat_AsDouble(PySequence_Fast_GET_ITEM(items.get(), i)));
      if (PyErr_Occurred()) return false;
      static const double none = 0;
      a.type = QN_ATTR_FLOATS;
      a.count = static_cast<std::uint32_t>(store.floats.back().size());
      a.v.fs = store.floats.back().empty() ? &none : store.floats.back().data();
      return true;
    }
    case 's': {
      Py_ssize_t length = 0;
      a.type = QN_ATTR_STR;
      a.v.s = PyUnicode_AsUTF8AndSize(o, &length);
      a.count = static_cast<std::uint32_t>(length);
      return a.v.s != nullptr;
    }
    default: {
      qn_dtype d = 0;
      if (!dtype_arg(o, &d)) return false;
      a = attr_dtype(d);
      return true;
    }
  }
}

bool read_input(const OpRow& row, PyObject* o, std::vector<qn_array*>& in) {
  in.push_back(o == Py_None ? nullptr : array_arg(o, row.name.c_str()));
  return o == Py_None || in.back() != nullptr;
}

PyObject* call_op(PyObject* self, PyObject* const* args, Py_ssize_t n) {
  const OpRow& row = *static_cast<const OpRow*>(PyCapsule_GetPointer(self, nullptr));
  const Py_ssize_t n_in = row.variadic ? 1 : static_cast<Py_ssize_t>(row.inputs);
  if (n < n_in || n > n_in + static_cast<Py_ssize_t>(row.kinds.size())) {
    PyErr_Format(PyExc_TypeError, "%s: %zd arguments, expected %zd inputs and up to %zu attributes",
                 row.name.c_str(), n, n_in, row.kinds.size());
    return nullptr;
  }
  std::vector<qn_array*> in;
  if (row.variadic) {
    const Object items(PySequence_Fast(args[0], "expected a sequence of arrays"));
    if (!items) return nullptr;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i)
      if (!read_input(row, PySequence_Fast_GET_ITEM(items.get(), i), in)) return nullptr;
  } else {
    in.reserve(row.inputs);
    for (Py_ssize_t i = 0; i < n_in; ++i)
      if (!read_input(row, args[i], in)) return nullptr;
  }
  const std::size_t n_attr = static_cast<std::size_t>(n - n_in);
  std::vector<qn_attr> attr(n_attr);
  AttrStore store;
  store.ints.reserve(n_attr);
  store.floats.reserve(n_attr);
  for (std::size_t i = 0; i < n_attr; ++i)
    if (!read_attr(row.kinds[i], args[n_in + static_cast<Py_ssize_t>(i)], attr[i], store))
      return nullptr;
  std::vector<qn_array*> out(row.outputs);
  qn_error* error = nullptr;
  if (!ok(qn_op(runtime(), row.id, in.data(), static_cast<std::uint32_t>(in.size()), attr.data(),
                static_cast<std::uint32_t>(n_attr), out.data(), row.outputs, &error),
          error))
    return nullptr;
  if (row.outputs == 1) return wrap(out[0]);
  PyObject* tuple = PyTuple_New(static_cast<Py_ssize_t>(row.outputs));
  for (std::uint32_t i = 0; i < row.outputs; ++i) {
    PyObject* o = wrap(out[i]);
    if (tuple && o)
      PyTuple_SET_ITEM(tuple, i, o);
    else
      Py_XDECREF(o);
  }
  return tuple;
}

// op_function(name, inputs, variadic, kinds, outputs, doc): the function of one op.
PyObject* op_function(PyObject*, PyObject* args) {
  static std::deque<OpRow> rows;  // as long as the process: functions point into it
  const char *name = nullptr, *kinds = nullptr, *doc = nullptr;
  unsigned inputs = 0, outputs = 0;
  int variadic = 0;
  if (!PyArg_ParseTuple(args, "sIpsIs", &name, &inputs, &variadic, &kinds, &outputs, &doc))
    return nullptr;
  std::uint32_t id = 0;
  qn_error* error = nullptr;
  if (!ok(qn_op_lookup(name, &id, &error), error)) return nullptr;
  rows.push_back(OpRow{id, name, kinds, doc, inputs, outputs, variadic != 0, {}});
  OpRow& row = rows.back();
  row.def = {row.name.c_str(), reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call_op)),
             METH_FASTCALL, row.doc.c_str()};
  const Object capsule(PyCapsule_New(&row, nullptr, nullptr));
  return capsule ? PyCFunction_NewEx(&row.def, capsule.get(), nullptr) : nullptr;
}

PyObject* schema(PyObject*, PyObject*) {
  Object list(PyList_New(0));
  for (std::uint32_t i = 0; list && i < qn_op_count(); ++i) {
    const Object line(PyUnicode_FromString(qn_op_schema(i)));
    if (!line || PyList_Append(list.get(), line.get()) < 0) return nullptr;
  }
  return list.take();
}

PyObject* set_stream_check(PyObject*, PyObject* function) {
  PyObject* old = stream_check;
  stream_check = Py_NewRef(function);
  Py_XDECREF(old);
  Py_RETURN_NONE;
}

PyObject* as_array(PyObject*, PyObject* const* args, Py_ssize_t n) {
  qn_dtype like = 0;
  if (n < 1 || n > 2) {
    PyErr_SetString(PyExc_TypeError, "as_array(value, like=None)");
    return nullptr;
  }
  if (Py_TYPE(args[0]) == array_type) return Py_NewRef(args[0]);
  if (n == 2 && args[1] != Py_None && !dtype_arg(args[1], &like)) return nullptr;
  return wrap(operand(args[0], like).take());
}

PyObject* as_arrays(PyObject*, PyObject* const* args, Py_ssize_t n) {
  if (n != 2) {
    PyErr_SetString(PyExc_TypeError, "as_arrays(a, b)");
    return nullptr;
  }
  Ref x, y;
  if (!operands(args[0], args[1], x, y)) return nullptr;
  const Object a(wrap(x.take())), b(wrap(y.take()));
  return a && b ? PyTuple_Pack(2, a.get(), b.get()) : nullptr;
}

PyObject* rebind_to(PyObject*, PyObject* const* args, Py_ssize_t n) {
  if (n != 2 || !is_array(args[0]) || !is_array(args[1]) || !value_of(args[1])) {
    PyErr_SetString(PyExc_TypeError, "rebind(array, other)");
    return nullptr;
  }
  rebind(args[0], qn_array_retain(value_of(args[1])));
  Py_RETURN_NONE;
}

#define FAST(F) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(F)), METH_FASTCALL
PyMethodDef functions[] = {
    {"op_function", op_function, METH_VARARGS, "The function of one op of the schema."},
    {"schema", schema, METH_NOARGS, "The ops of the library, a JSON line each."},
    {"set_stream_check", set_stream_check, METH_O, "The function that judges stream= arguments."},
    {"as_array", FAST(as_array),
     "as_array(value, like=None, /)\n--\n\nThe value as an operand beside the dtype like."},
    {"as_arrays", FAST(as_arrays), "as_arrays(a, b, /)\n--\n\nBoth operands of a binary function."},
    {"update_at", FAST(update_at),
     "update_at(x, key, value, mode, /)\n--\n\nx with value combined with x[key]; None for keys "
     "that "
     "are not index arrays beside each other and whole slices."},
    {"rebind", FAST(rebind_to),
     "rebind(array, other, /)\n--\n\nLets array mean the value of other."},
    {}};
#undef FAST

// The doc sentence of an op, from its line of JSON.
std::string doc_of(std::uint32_t id) {
  const std::string mark = "\"id\": " + std::to_string(id) + ",";
  for (std::uint32_t i = 0; i < qn_op_count(); ++i) {
    const std::string line = qn_op_schema(i);
    if (line.find(mark) == std::string::npos) continue;
    const std::size_t at = line.find("\"doc\": \"");
    return at == std::string::npos ? "" : line.substr(at + 8, line.rfind('"') - at - 8);
  }
  return "";
}

}  // namespace

bool stream_arg(PyObject* o) {
  if (o == Py_None || !stream_check) return true;
  const Object judged(PyObject_CallOneArg(stream_check, o));
  return static_cast<bool>(judged);
}

int add_ops(PyObject* module) {
  static std::deque<std::string> docs;
  static std::deque<PyMethodDef> defs;
  for (const Elementwise& e : elementwise) {
    std::string text = std::string(e.name) + (e.inputs == 1 ? "(a" : "(a, b");
    text += e.style == kPositional ? ", /, *, stream=None)\n--\n\n" : ", stream=None)\n--\n\n";
    docs.push_back(text + doc_of(e.op) +
                   (e.inputs == 2 ? " The arguments broadcast (x is a, y is b)." : ""));
    defs.push_back({e.name,
                    reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call_elementwise)),
                    METH_FASTCALL | METH_KEYWORDS, docs.back().c_str()});
    const Object capsule(PyCapsule_New(const_cast<Elementwise*>(&e), nullptr, nullptr));
    const Object name(PyUnicode_FromString("quern.core"));
    if (!capsule || !name) return -1;
    const Object function(PyCFunction_NewEx(&defs.back(), capsule.get(), name.get()));
    if (!function || PyModule_AddObjectRef(module, e.name, function.get()) < 0) return -1;
  }
  return PyModule_AddFunctions(module, functions);
}

}  // namespace qpy
