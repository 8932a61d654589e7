// What is known of a group's leaves, and the values that hang on them.
#include "runtime/graph/kept.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/core/error.h"
#include "runtime/graph/node.h"

namespace quern {
namespace {

std::uint64_t mixed(std::uint64_t h, std::uint64_t word) {
  h = (h ^ word) * 0xD6E8FEB86659FD93ull;
  return h ^ h >> 32;
}

}  // namespace

KeptGroup::KeptGroup(std::vector<std::uint64_t> key, std::vector<std::uint32_t> leaves,
                     std::uint64_t bytes, std::span<const Array> all)
    : key_(std::move(key)), leaves_(std::move(leaves)), bytes_(bytes), seen_(leaves_.size()) {
  const auto size = [&](std::uint32_t leaf) { return all[leaf].size(); };
  const auto largest =
      std::max_element(leaves_.begin(), leaves_.end(),
                       [&](std::uint32_t a, std::uint32_t b) { return size(a) < size(b); });
  home_ = static_cast<std::size_t>(largest - leaves_.begin());
  for (const std::uint32_t leaf : leaves_)
    by_value_.push_back(size(leaf) == 1 && itemsize(all[leaf].dtype()) <= sizeof(Buffer::Origin));
  by_value_[home_] = 0;
  hash_ = key_.size();
  for (const std::uint64_t word : key_) hash_ = mixed(hash_, word);
}

Buffer::Origin KeptGroup::origin(std::size_t k, std::span<const Array> all) const {
  const ArrayRep& leaf = *all[leaves_[k]].rep();
  Buffer::Origin o;
  if (by_value_[k]) {
    std::memcpy(&o, leaf.data(), itemsize(leaf.dtype));
  } else {
    o.word[0] = leaf.buffer->id();
    o.word[1] = static_cast<std::uint64_t>(leaf.offset);
  }
  return o;
}

bool KeptGroup::made_of(const Buffer::Kept& v, std::span<const Array> all) const {
  for (std::size_t k = 0; k < leaves_.size(); ++k)
    if (!(v.origins[k] == origin(k, all))) return false;
  return true;
}

Buffer& KeptGroup::home(std::span<const Array> all) const {
  return *all[leaves_[home_]].rep()->buffer;
}

char* KeptGroup::find(std::span<const Array> all) {
  const Buffer& on = home(all);
  if (found_on_ != on.id() || found_version_ != on.kept_version || !made_of(*found_, all)) {
    const auto known = std::find_if(on.kept.begin(), on.kept.end(), [&](const Buffer::Kept& v) {
      return v.key == key_ && made_of(v, all);
    });
    if (known == on.kept.end()) {
      found_on_ = 0;
      ++misses_;
      return nullptr;
    }
    found_ = &*known;
    found_on_ = on.id();
    found_version_ = on.kept_version;
  }
  misses_ = 0;
  return static_cast<char*>(found_->value->data());
}

std::shared_ptr<Buffer> KeptGroup::room(std::span<const Array> all,
                                        const std::shared_ptr<Allocator>& allocator) {
  bool same = true;
  std::uint64_t mark = hash_;
  for (std::size_t k = 0; k < leaves_.size(); ++k) {
    const Buffer::Origin o = origin(k, all);
    same = same && seen_[k] == o;
    seen_[k] = o;
    mark = mixed(mixed(mark, o.word[0]), o.word[1]);
  }
  Buffer& on = home(all);
  const bool met = std::find(std::begin(on.met), std::end(on.met), mark) != std::end(on.met);
  if (!met) {
    std::rotate(std::begin(on.met), std::end(on.met) - 1, std::end(on.met));
    on.met[0] = mark;
  }
  std::uint64_t held = bytes_;
  bool replaces = false;
  for (const Buffer::Kept& v : on.kept) {
    const bool same_place = v.key == key_ && v.origins[home_] == seen_[home_];
    replaces = replaces || same_place;
    if (!same_place) held += v.value->bytes();
  }
  // What is at hand goes for what comes twice in a row, not for what takes turns with it.
  if (!same && (!met || replaces)) return nullptr;
  if (held > 4 * on.bytes() + 65536) return nullptr;
  try {
    return std::make_shared<Buffer>(allocator, bytes_, QN_TAG_PACKED);
  } catch (const Error&) {
  } catch (const std::bad_alloc&) {
  }
  return nullptr;
}

void KeptGroup::keep(std::span<const Array> all, std::shared_ptr<Buffer> value) noexcept {
  Buffer& on = home(all);
  try {
    Buffer::Kept v{key_, {}, std::move(value)};
    for (std::size_t k = 0; k < leaves_.size(); ++k) v.origins.push_back(origin(k, all));
    on.kept.push_front(std::move(v));
  } catch (const std::bad_alloc&) {
    return;
  }
  // What was made of this place and other arrays than now is done with.
  const Buffer::Kept& latest = on.kept.front();
  const auto old = [&](const Buffer::Kept& k) {
    return &k != &latest && k.key == key_ && k.origins[home_] == latest.origins[home_];
  };
  if (on.kept.remove_if(old) > 0) ++on.kept_version;
}

}  // namespace quern
