// pad: constant, edge, reflect (without the border) and symmetric (with it).
// Does not crop: negative amounts are the shape rule's to refuse.
#include "plugins/naive/naive.h"

namespace quern::naive {
namespace {

enum class Mode { constant, edge, reflect, symmetric };

bool parse_mode(std::string_view s, Mode* mode) {
  if (s == "constant")
    *mode = Mode::constant;
  else if (s == "edge")
    *mode = Mode::edge;
  else if (s == "reflect")
    *mode = Mode::reflect;
  else if (s == "symmetric")
    *mode = Mode::symmetric;
  else
    return false;
  return true;
}

bool accepts(const qn_opdesc& op, std::string* why) {
  Mode mode;
  if (op.in[0].dtype != op.in[1].dtype)
    *why = "x and value differ in dtype";
  else if (element_count(op.in[1]) != 1)
    *why = "value is not a single element";
  else if (!parse_mode({op.attr[2].v.s, op.attr[2].count}, &mode))
    *why = "unknown mode";
  return why->empty();
}

// Where position j, possibly outside [0, n), comes from; -1 = the constant.
std::int64_t source(std::int64_t j, std::int64_t n, Mode mode) {
  if (j >= 0 && j < n) return j;
  if (mode == Mode::constant || n == 0) return -1;
  if (mode == Mode::edge) return j < 0 ? 0 : n - 1;
  if (n == 1) return 0;
  const std::int64_t period = mode == Mode::reflect ? 2 * (n - 1) : 2 * n;
  j = (j % period + period) % period;
  if (j < n) return j;
  return mode == Mode::reflect ? period - j : period - 1 - j;
}

struct Padding {
  const Problem& p;
  Mode mode;
  const void* value;

  // `src` is null inside the constant border.
  void fill(std::size_t axis, void* dst, const void* src) const {
    const Operand &x = p.in[0], &y = p.out[0];
    if (axis == y.shape.size()) {
      copy_item(dst, src ? src : value, y.itemsize);
      return;
    }
    const std::int64_t low = p.ints(0)[axis];
    for (std::int64_t i = 0; i < y.shape[axis]; ++i) {
      const std::int64_t j = src ? source(i - low, x.shape[axis], mode) : -1;
      fill(axis + 1, advance(dst, i * y.strides[axis], y.itemsize),
           j < 0 ? nullptr : advance(src, j * x.strides[axis], x.itemsize));
    }
  }
};

qn_status run_pad(const Problem& p, const qn_run& run) {
  Mode mode = Mode::constant;
  parse_mode(p.text(2), &mode);
  const bool empty = p.in[0].count == 0;  // then its data may be null: all constant
  Padding{p, mode, run.in[1].data}.fill(0, run.out[0].data, empty ? nullptr : run.in[0].data);
  return QN_OK;
}

const Kernel kTable[] = {{QN_OP_PAD, "pad", accepts, run_pad}};

}  // namespace

const KernelList pad_kernels = kernel_list(kTable);

}  // namespace quern::naive
