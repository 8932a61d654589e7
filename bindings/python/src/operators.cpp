// The operators of arrays. In-place forms let the object mean the result; values beneath never
// change.

#include "native.h"

namespace qpy {

namespace {

bool acceptable(PyObject* o) {
  if (is_array(o) || PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o)) return true;
  if (o == Py_None || PyList_Check(o) || PyTuple_Check(o) || PyUnicode_Check(o)) return false;
  return looks_foreign(o) || PyObject_HasAttrString(o, "__mlx_array__");
}

PyObject* refuse(const char* what, PyObject* a, PyObject* b) {
  PyObject* other = is_array(a) ? b : a;
  if (other == Py_None)
    PyErr_Format(PyExc_TypeError, "Cannot perform %s on an mlx.core.array and None", what);
  else
    PyErr_Format(PyExc_ValueError, "Cannot perform %s on an mlx.core.array and %s", what,
                 Py_TYPE(other)->tp_name);
  return nullptr;
}

PyObject* record(std::uint32_t id, const char* what, PyObject* a, PyObject* b) {
  if (Py_TYPE(a) == array_type && Py_TYPE(b) == array_type && value_of(a) && value_of(b)) {
    const qn_array* in[] = {value_of(a), value_of(b)};
    return wrap(op(id, in, 2).take());
  }
  if (!acceptable(is_array(a) ? b : a)) return refuse(what, a, b);
  Ref x, y;
  if (!operands(a, b, x, y)) return nullptr;
  return wrap(op2(id, x, y).take());
}

PyObject* assign(PyObject* self, PyObject* result) {
  if (!result) return nullptr;
  rebind(self, qn_array_retain(value_of(result)));
  Py_DECREF(result);
  return Py_NewRef(self);
}

bool has_float(PyObject* o) {
  if (PyFloat_Check(o) || PyComplex_Check(o)) return true;
  if (!is_array(o) || !value_of(o)) return false;
  const qn_dtype d = qn_array_dtype(value_of(o));
  return is_floating(d) || d == QN_C64;
}

template <std::uint32_t id>
struct Named;
#define NAMED(ID, WHAT)                       \
  template <>                                 \
  struct Named<ID> {                          \
    static constexpr const char* text = WHAT; \
  }
NAMED(QN_OP_ADD, "addition");
NAMED(QN_OP_SUBTRACT, "subtraction");
NAMED(QN_OP_MULTIPLY, "multiplication");
NAMED(QN_OP_DIVIDE, "division");
NAMED(QN_OP_FLOOR_DIVIDE, "floor division");
NAMED(QN_OP_REMAINDER, "modulus");
NAMED(QN_OP_POWER, "power");
NAMED(QN_OP_BITWISE_AND, "bitwise and");
NAMED(QN_OP_BITWISE_OR, "bitwise or");
NAMED(QN_OP_BITWISE_XOR, "bitwise xor");
NAMED(QN_OP_LEFT_SHIFT, "left shift");
NAMED(QN_OP_RIGHT_SHIFT, "right shift");
#undef NAMED

template <std::uint32_t id>
PyObject* binary(PyObject* a, PyObject* b) {
  return record(id, Named<id>::text, a, b);
}

template <std::uint32_t id>
PyObject* in_place(PyObject* a, PyObject* b) {
  return assign(a, record(id, Named<id>::text, a, b));
}

PyObject* divide_in_place(PyObject* a, PyObject* b) {
  if (!has_float(a)) {
    PyErr_SetString(PyExc_ValueError, "In place division cannot cast to non-floating point type.");
    return nullptr;
  }
  return assign(a, binary<QN_OP_DIVIDE>(a, b));
}

template <std::uint32_t id>
PyObject* bits(PyObject* a, PyObject* b) {
  if (!is_array(a)) Py_RETURN_NOTIMPLEMENTED;  // as in MLX, no reflected forms
  if (has_float(a) || has_float(b)) {
    PyErr_Format(PyExc_ValueError, "Floating point types not allowed with %s.", Named<id>::text);
    return nullptr;
  }
  return record(id, Named<id>::text, a, b);
}

template <std::uint32_t id>
PyObject* bits_in_place(PyObject* a, PyObject* b) {
  return assign(a, bits<id>(a, b));
}

PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return record(QN_OP_POWER, "power", a, b);
}

PyObject* power_in_place(PyObject* a, PyObject* b, PyObject* modulus) {
  return assign(a, power(a, b, modulus));
}

PyObject* matmul(PyObject* a, PyObject* b) {
  if (!is_array(a)) Py_RETURN_NOTIMPLEMENTED;
  qn_array* x = array_arg(a, "__matmul__");
  qn_array* y = x ? array_arg(b, "__matmul__") : nullptr;
  if (!y) return nullptr;
  if (!has_float(a) && !has_float(b)) {
    PyErr_Format(PyExc_ValueError,
                 "[matmul] Only inexact types are supported but %s and %s were provided.",
                 dtype_name(qn_array_dtype(x)), dtype_name(qn_array_dtype(y)));
    return nullptr;
  }
  const qn_array* in[] = {x, y};
  return wrap(op(QN_OP_MATMUL, in, 2).take());
}

PyObject* matmul_in_place(PyObject* a, PyObject* b) { return assign(a, matmul(a, b)); }

template <std::uint32_t id>
PyObject* unary(PyObject* a) {
  qn_array* x = array_arg(a, "operator");
  return x ? wrap(op(id, &x, 1).take()) : nullptr;
}

PyObject* positive(PyObject* a) {
  qn_array* x = array_arg(a, "__pos__");
  return x ? wrap(qn_array_retain(x)) : nullptr;
}

PyObject* invert(PyObject* a) {
  if (has_float(a)) {
    PyErr_SetString(PyExc_ValueError, "Floating point types not allowed with bitwise inversion.");
    return nullptr;
  }
  return unary<QN_OP_BITWISE_INVERT>(a);
}

PyObject* compare(PyObject* a, PyObject* b, int which) {
  static constexpr std::uint32_t ids[] = {QN_OP_LESS,      QN_OP_LESS_EQUAL, QN_OP_EQUAL,
                                          QN_OP_NOT_EQUAL, QN_OP_GREATER,    QN_OP_GREATER_EQUAL};
  static constexpr const char* names[] = {"less than",    "less than or equal",
                                          "equal",        "not equal",
                                          "greater than", "greater than or equal"};
  if (b != Py_None && !acceptable(b)) {
    if (which == Py_EQ) Py_RETURN_FALSE;
    if (which == Py_NE) Py_RETURN_TRUE;
  }
  return record(ids[which], names[which], a, b);
}

}  // namespace

#define SLOT(NAME, FUNCTION) \
  { NAME, reinterpret_cast<void*>(FUNCTION) }
PyType_Slot number_slots[] = {SLOT(Py_nb_add, binary<QN_OP_ADD>),
                              SLOT(Py_nb_subtract, binary<QN_OP_SUBTRACT>),
                              SLOT(Py_nb_multiply, binary<QN_OP_MULTIPLY>),
                              SLOT(Py_nb_true_divide, binary<QN_OP_DIVIDE>),
                              SLOT(Py_nb_floor_divide, binary<QN_OP_FLOOR_DIVIDE>),
                              SLOT(Py_nb_remainder, binary<QN_OP_REMAINDER>),
                              SLOT(Py_nb_power, power),
                              SLOT(Py_nb_matrix_multiply, matmul),
                              SLOT(Py_nb_and, bits<QN_OP_BITWISE_AND>),
                              SLOT(Py_nb_or, bits<QN_OP_BITWISE_OR>),
                              SLOT(Py_nb_xor, bits<QN_OP_BITWISE_XOR>),
                              SLOT(Py_nb_lshift, bits<QN_OP_LEFT_SHIFT>),
                              SLOT(Py_nb_rshift, bits<QN_OP_RIGHT_SHIFT>),
                              SLOT(Py_nb_inplace_add, in_place<QN_OP_ADD>),
                              SLOT(Py_nb_inplace_subtract, in_place<QN_OP_SUBTRACT>),
                              SLOT(Py_nb_inplace_multiply, in_place<QN_OP_MULTIPLY>),
                              SLOT(Py_nb_inplace_true_divide, divide_in_place),
                              SLOT(Py_nb_inplace_floor_divide, in_place<QN_OP_FLOOR_DIVIDE>),
                              SLOT(Py_nb_inplace_remainder, in_place<QN_OP_REMAINDER>),
                              SLOT(Py_nb_inplace_power, power_in_place),
                              SLOT(Py_nb_inplace_matrix_multiply, matmul_in_place),
                              SLOT(Py_nb_inplace_and, bits_in_place<QN_OP_BITWISE_AND>),
                              SLOT(Py_nb_inplace_or, bits_in_place<QN_OP_BITWISE_OR>),
                              SLOT(Py_nb_inplace_xor, bits_in_place<QN_OP_BITWISE_XOR>),
                              SLOT(Py_nb_inplace_lshift, bits_in_place<QN_OP_LEFT_SHIFT>),
                              SLOT(Py_nb_inplace_rshift, bits_in_place<QN_OP_RIGHT_SHIFT>),
                              SLOT(Py_nb_negative, unary<QN_OP_NEGATIVE>),
                              SLOT(Py_nb_absolute, unary<QN_OP_ABS>),
                              SLOT(Py_nb_positive, positive),
                              SLOT(Py_nb_invert, invert),
                              SLOT(Py_tp_richcompare, compare),
                              {0, nullptr}};
#undef SLOT

}  // namespace qpy
