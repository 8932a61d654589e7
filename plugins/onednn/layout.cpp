// Memory descriptors and the layouts of the kernel ABI, each made from the other.
// A named layout's name spells the whole descriptor, so no table of names is kept.
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "plugins/onednn/onednn.h"

namespace quern::onednn {

namespace {

constexpr std::string_view kPrefix = "onednn/";

// Array axis that becomes oneDNN dim d, before groups are split off.
unsigned axis_of(unsigned d, unsigned ndim, bool channels_last) {
  if (!channels_last || d == 0 || ndim < 3) return d;
  return d == 1 ? ndim - 1 : d - 1;
}

void append_list(std::string& s, const dnnl_dim_t* v, int n) {
  for (int i = 0; i < n; ++i) {
    if (i) s += 'x';
    s += std::to_string(v[i]);
  }
}

class Reader {
 public:
  explicit Reader(std::string_view s) : p_(s.data()), end_(s.data() + s.size()) {}
  bool number(std::int64_t& v) {
    const auto r = std::from_chars(p_, end_, v);
    if (r.ec != std::errc() || r.ptr == p_) return false;
    p_ = r.ptr;
    return true;
  }
  bool skip(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  int list(dnnl_dim_t* v) {
    for (int n = 0; n < DNNL_MAX_NDIMS;) {
      std::int64_t x = 0;
      if (!number(x)) return -1;
      v[n++] = x;
      if (!skip('x')) return n;
    }
    return -1;
  }
  bool done() const { return p_ == end_; }

 private:
  const char* p_;
  const char* end_;
};

bool describable(const dnnl_memory_desc_t& m) {
  if (m.format_kind != dnnl_blocked || m.offset0 != 0 || m.extra.flags != 0) return false;
  if (m.data_type != dnnl_f32) return false;
  for (int i = 0; i < m.ndims; ++i)
    if (m.padded_offsets[i] != 0) return false;
  return true;
}

bool padded(const dnnl_memory_desc_t& m) {
  for (int i = 0; i < m.ndims; ++i)
    if (m.padded_dims[i] != m.dims[i]) return true;
  return false;
}

}  // namespace

qn_layout Layout::view() const {
  return named ? sdk::named(name, bytes) : sdk::with_strides(strides.data());
}

Dims shape_of(const qn_array_desc& a) { return Dims(a.shape, a.shape + a.ndim); }

Dims dense_strides(const Dims& shape, bool channels_last_memory, bool channels_last_shape) {
  const unsigned n = static_cast<unsigned>(shape.size());
  Dims order(n), s(n);  // memory order of the axes, outermost first
  const Axes axes{channels_last_shape, 0};
  for (unsigned d = 0; d < n; ++d) order[d] = axis_of(d, n, axes.channels_last);
  if (channels_last_memory && n > 2) {
    const auto channel = order[1];
    order.erase(order.begin() + 1);
    order.push_back(channel);
  }
  std::int64_t step = 1;
  for (unsigned i = n; i-- > 0;) {
    s[order[i]] = step;
    step *= shape[order[i]];
  }
  return s;
}

Dims md_dims(const Dims& shape, Axes axes) {
  const unsigned n = static_cast<unsigned>(shape.size());
  Dims d(n);
  for (unsigned i = 0; i < n; ++i) d[i] = shape[axis_of(i, n, axes.channels_last)];
  if (axes.groups > 0) {
    d[0] /= axes.groups;
    d.insert(d.begin(), axes.groups);
  }
  return d;
}

Md strided_md(const Dims& shape, const Dims& strides, Axes axes) {
  const unsigned n = static_cast<unsigned>(shape.size());
  const Dims dims = md_dims(shape, axes);
  Dims s(n);
  for (unsigned i = 0; i < n; ++i) s[i] = strides[axis_of(i, n, axes.channels_last)];
  if (axes.groups > 0) s.insert(s.begin(), s[0] * dims[1]);
  return Md(dims, dnnl::memory::data_type::f32, s);
}

Md any_md(const Dims& dims) {
  return Md(dims, dnnl::memory::data_type::f32, dnnl::memory::format_tag::any);
}

Md with_batch(const Md& md, std::int64_t n) {
  Md r = md;
  r.data.dims[0] = r.data.padded_dims[0] = n;
  return r;
}

bool batch_outermost(const Md& md) {
  const auto& m = md.data;
  if (!describable(m) || m.padded_dims[0] != m.dims[0]) return false;
  const auto& b = m.format_desc.blocking;
  for (int i = 0; i < b.inner_nblks; ++i)
    if (b.inner_idxs[i] == 0) return false;
  for (int d = 1; d < m.ndims; ++d) {
    dnnl_dim_t outer = m.padded_dims[d];
    for (int i = 0; i < b.inner_nblks; ++i)
      if (b.inner_idxs[i] == d) outer /= b.inner_blks[i];
    if (b.strides[0] < b.strides[d] * outer) return false;
  }
  return true;
}

Md given_md(const qn_array_desc& a, Axes axes, const Md& expected) {
  if (is_named(a.layout)) {
    const auto md = parse_name({a.layout.name.ptr, a.layout.name.len}, nullptr);
    if (!md || md->dims() != md_dims(shape_of(a), axes))
      throw std::runtime_error("a layout of another shape");
    return *md;
  }
  const Dims shape = shape_of(a);
  Dims strides = a.layout.strides ? Dims(a.layout.strides, a.layout.strides + a.ndim)
                                  : dense_strides(shape, false, false);
  const auto want = layout_of(expected, axes);
  bool same = want && !want->named;
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    same = same && want->strides[i] == strides[i];
    outer = std::max(outer, strides[i] * shape[i]);
  }
  if (same) return expected;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 1) strides[i] = outer;
  return strided_md(shape, strides, axes);
}

std::int64_t image_bytes(const Md& md) { return md.data.format_desc.blocking.strides[0] * 4; }

bool is_named(const qn_layout& l) { return l.kind == QN_LAYOUT_NAMED; }

std::optional<Layout> layout_of(const Md& md, Axes axes) {
  const auto& m = md.data;
  if (!describable(m)) return std::nullopt;
  const auto& b = m.format_desc.blocking;
  Layout l;
  l.bytes = md.get_size();
  const int skip = axes.groups > 0 ? 1 : 0;
  const bool groups_merge = !skip || b.strides[0] == b.strides[1] * m.dims[1];
  if (b.inner_nblks == 0 && !padded(m) && groups_merge) {
    const unsigned n = static_cast<unsigned>(m.ndims - skip);
    l.strides.resize(n);
    for (unsigned i = 0; i < n; ++i)
      l.strides[axis_of(i, n, axes.channels_last)] = b.strides[i + skip];
    return l;
  }
  l.named = true;
  l.name =
      std::string(kPrefix) + (axes.channels_last ? 'l' : 'f') + std::to_string(axes.groups) + ':';
  append_list(l.name, m.dims, m.ndims);
  l.name += ':';
  append_list(l.name, m.padded_dims, m.ndims);
  l.name += ':';
  append_list(l.name, b.strides, m.ndims);
  for (int i = 0; i < b.inner_nblks; ++i)
    l.name += ':' + std::to_string(b.inner_blks[i]) + '@' + std::to_string(b.inner_idxs[i]);
  return l;
}

std::optional<Md> parse_name(std::string_view name, Axes* axes) {
  if (name.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  Reader r(name.substr(kPrefix.size()));
  Md md;
  auto& m = md.data;
  auto& b = m.format_desc.blocking;
  Axes a;
  if (r.skip('l'))
    a.channels_last = true;
  else if (!r.skip('f'))
    return std::nullopt;
  if (!r.number(a.groups) || !r.skip(':')) return std::nullopt;
  m.ndims = r.list(m.dims);
  if (m.ndims < 1 || !r.skip(':') || r.list(m.padded_dims) != m.ndims) return std::nullopt;
  if (!r.skip(':') || r.list(b.strides) != m.ndims) return std::nullopt;
  while (r.skip(':')) {
    std::int64_t block = 0, index = 0;
    if (b.inner_nblks == DNNL_MAX_NDIMS || !r.number(block) || !r.skip('@') || !r.number(index))
      return std::nullopt;
    if (block < 1 || index < 0 || index >= m.ndims) return std::nullopt;
    b.inner_blks[b.inner_nblks] = block;
    b.inner_idxs[b.inner_nblks++] = index;
  }
  if (!r.done()) return std::nullopt;
  m.data_type = dnnl_f32;
  m.format_kind = dnnl_blocked;
  if (axes) *axes = a;
  return md;
}

}  // namespace quern::onednn
