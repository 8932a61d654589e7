// KeptGroup: the steps of a plan that prepare operands out of leaves alone - packed or scaled
// weights - are skipped while what they made before is at hand.
//
// It is at hand when the group's leaves are the arrays that it was made of: the same places in the
// same buffers (one that is written anew counts as another), or single elements with the same
// bytes. It hangs on the largest of these buffers, goes with it, and serves every plan with an
// equal group. It is kept when a group meets the same leaves again, so nothing is kept of data and
// of weights in training. All under the runtime's lock.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "runtime/core/array.h"

namespace quern {

class KeptGroup {
 public:
  // `leaves` are numbers among those of the plan, `all` the plan's leaves; bytes > 0.
  KeptGroup(std::vector<std::uint64_t> key, std::vector<std::uint32_t> leaves, std::uint64_t bytes,
            std::span<const Array> all);

  // The memory of the group's results if they are at hand, else null.
  char* find(std::span<const Array> all);
  // After find gave null: new memory to keep the results in, or null when they are not to be kept:
  // the group has not met these leaves lately, too much hangs on them, or memory runs out.
  std::shared_ptr<Buffer> room(std::span<const Array> all, const std::shared_ptr<Allocator>&);
  // Keeps what a run wrote there, unless memory runs out.
  void keep(std::span<const Array> all, std::shared_ptr<Buffer> value) noexcept;

  // In how many runs in a row the leaves were others.
  std::uint32_t misses() const { return misses_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  Buffer::Origin origin(std::size_t k, std::span<const Array> all) const;
  bool made_of(const Buffer::Kept& v, std::span<const Array> all) const;
  Buffer& home(std::span<const Array> all) const;

  std::vector<std::uint64_t> key_;
  std::vector<std::uint32_t> leaves_;
  std::vector<char> by_value_;  // one a leaf: a single element
  std::size_t home_;            // the largest of the leaves
  std::uint64_t bytes_;
  std::uint32_t misses_ = 0;
  std::uint64_t hash_;                // of the key
  std::vector<Buffer::Origin> seen_;  // last time; at first nothing that there is
  // What was found last, and the state of the buffer that it hangs on since when it is there.
  const Buffer::Kept* found_ = nullptr;
  std::uint64_t found_on_ = 0, found_version_ = 0;
};

}  // namespace quern
