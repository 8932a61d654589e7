// Keys of index arrays beside each other, with whole slices around them: x[i], x[i, j], x[:, i],
// x[..., i]. Any other key with arrays is quern.core's Python part.
#include <algorithm>

#include "native.h"

namespace qpy {

namespace {

bool whole_slice(PyObject* o) {
  if (!PySlice_Check(o)) return false;
  const auto* s = reinterpret_cast<const PySliceObject*>(o);
  return s->start == Py_None && s->stop == Py_None && s->step == Py_None;
}

bool broadcast(Ints& to, const Ints& s) {
  if (s.size() > to.size()) to.insert(to.begin(), s.size() - to.size(), 1);
  for (std::size_t i = 0; i < s.size(); ++i) {
    std::int64_t& n = to[to.size() - s.size() + i];
    if (n == 1)
      n = s[i];
    else if (s[i] != 1 && s[i] != n)
      return false;
  }
  return true;
}

// The selection has the axes of `places` where the indexed axes of x were.
struct IndexedBlock {
  std::vector<const qn_array*> indices;
  Ints axes, places, block;  // block: sizes of x, 1 for the indexed axes
  std::size_t first = 0;

  Ints shape() const {
    Ints s(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(first));
    s.insert(s.end(), places.begin(), places.end());
    s.insert(s.end(), block.begin() + static_cast<std::ptrdiff_t>(first + axes.size()),
             block.end());
    return s;
  }
  // Where each axis goes when those of `places` move to the front (or, inverted, back).
  Ints to_front(std::size_t ndim, bool inverted) const {
    Ints order(ndim);
    const std::size_t m = places.size();
    for (std::size_t i = 0; i < ndim; ++i) {
      const std::size_t from = i < m ? first + i : i < m + first ? i - m : i;
      order[inverted ? from : i] = static_cast<std::int64_t>(inverted ? i : from);
    }
    return order;
  }
};

// False when the key is another one or something about it is wrong: the Python part tells what.
bool parse(const qn_array* x, PyObject* key, IndexedBlock& b) {
  PyObject* one[] = {key};
  PyObject** items = one;
  Py_ssize_t n = 1;
  if (PyTuple_Check(key)) {
    items = PySequence_Fast_ITEMS(key);
    n = PyTuple_GET_SIZE(key);
  }
  b.block = shape_of(x);
  std::size_t used = 0, ellipses = 0;
  for (Py_ssize_t i = 0; i < n; ++i) (items[i] == Py_Ellipsis ? ellipses : used) += 1;
  if (used > b.block.size() || ellipses > 1) return false;
  std::size_t axis = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_Ellipsis) {
      axis += b.block.size() - used;
    } else if (whole_slice(o)) {
      ++axis;
    } else if (is_array(o) && value_of(o) && is_integer(qn_array_dtype(value_of(o)))) {
      if (!b.axes.empty() && b.axes.back() + 1 != static_cast<std::int64_t>(axis)) return false;
      b.indices.push_back(value_of(o));
      b.axes.push_back(static_cast<std::int64_t>(axis));
      if (!broadcast(b.places, shape_of(value_of(o)))) return false;
      b.block[axis++] = 1;
    } else {
      return false;
    }
  }
  // Arrays with something between them lead the selection: not here.
  for (Py_ssize_t i = 1; i + 1 < n; ++i)
    if (!is_array(items[i]) && is_array(items[i - 1]) && is_array(items[i + 1])) return false;
  if (b.axes.empty()) return false;
  b.first = static_cast<std::size_t>(b.axes.front());
  return true;
}

}  // namespace

Keyed selected(qn_array* x, PyObject* key, Ref& out) {
  IndexedBlock b;
  if (!parse(x, key, b)) return Keyed::other;
  std::vector<const qn_array*> in{x};
  in.insert(in.end(), b.indices.begin(), b.indices.end());
  if (b.axes.size() == 1) {
    const qn_attr axis = attr_int(b.axes[0]);
    out = op(QN_OP_TAKE, in.data(), 2, &axis, 1);
    return out ? Keyed::done : Keyed::failed;
  }
  const qn_attr attr[] = {attr_ints(b.axes), attr_ints(b.block)};
  out = op(QN_OP_GATHER, in.data(), static_cast<std::uint32_t>(in.size()), attr, 2);
  if (!out) return Keyed::failed;
  const Ints shape = b.shape();
  if (b.first == 0) {
    out = reshape(out, shape);
  } else {
    const Ints order = b.to_front(shape.size(), true);
    Ints front(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i)
      front[static_cast<std::size_t>(order[i])] = shape[i];
    out = reshape(out, front);
    if (out) out = transpose(out, order);
  }
  return out ? Keyed::done : Keyed::failed;
}

Keyed updated(qn_array* x, PyObject* key, PyObject* value, const char* mode, Ref& out) {
  IndexedBlock b;
  if (!parse(x, key, b)) return Keyed::other;
  const qn_dtype dtype = qn_array_dtype(x);
  Ref v = operand(value, dtype);
  if (v) v = astype(v, dtype);
  if (!v) return Keyed::failed;
  const Ints shape = b.shape();
  Ints have = shape_of(v.get());
  std::size_t drop = 0;  // leading axes of size 1 of the update count for nothing
  while (have.size() - drop > shape.size() && have[drop] == 1) ++drop;
  if (drop) v = reshape(v, Ints(have.begin() + static_cast<std::ptrdiff_t>(drop), have.end()));
  if (v) v = broadcast_to(v, shape);
  if (v && b.first) v = transpose(v, b.to_front(shape.size(), false));
  Ints all = b.places;
  all.insert(all.end(), b.block.begin(), b.block.end());
  if (v) v = reshape(v, all);
  if (!v) return Keyed::failed;
  std::vector<const qn_array*> in{x, v.get()};
  in.insert(in.end(), b.indices.begin(), b.indices.end());
  qn_attr attr[] = {attr_ints(b.axes), {}};
  attr[1].type = QN_ATTR_STR;
  attr[1].v.s = mode;
  attr[1].count = static_cast<std::uint32_t>(std::char_traits<char>::length(mode));
  out = op(QN_OP_SCATTER, in.data(), static_cast<std::uint32_t>(in.size()), attr, 2);
  return out ? Keyed::done : Keyed::failed;
}

PyObject* update_at(PyObject*, PyObject* const* args, Py_ssize_t n) {
  qn_array* x = n == 4 ? array_arg(args[0], "at") : nullptr;
  const char* mode = x ? PyUnicode_AsUTF8(args[3]) : nullptr;
  if (!mode) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "update_at(x, key, value, mode)");
    return nullptr;
  }
  Ref out;
  switch (updated(x, args[1], args[2], mode, out)) {
    case Keyed::other:
      Py_RETURN_NONE;
    case Keyed::failed:
      return nullptr;
    default:
      return wrap(out.take());
  }
}

}  // namespace qpy
