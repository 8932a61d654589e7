// Ops by their schema, and a pool of arrays of every dtype and of shapes up to 2^62: what the
// harnesses of ops and of call sequences choose from.
#pragma once
#include <string>
#include <vector>

#include "fuzz.h"

namespace fuzz {

struct Op {
  std::uint32_t id = 0;
  std::string name;
  std::uint32_t n_in = 0;
  bool variadic = false;
  std::uint32_t n_out = 1;
  struct Attribute {
    std::uint32_t type;  // QN_ATTR_*
    bool axis_like;      // small numbers make sense
  };
  std::vector<Attribute> attrs;
};
const std::vector<Op>& ops();

// Attributes that own what they point to.
class Attributes {
 public:
  // Of the schema's types mostly, now and then of others or too many.
  Attributes(Input& in, const Op& op);
  const qn_attr* data() const { return list_.data(); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(list_.size()); }

 private:
  void add(Input& in, std::uint32_t type);
  static constexpr std::uint32_t kMost = 16;
  std::vector<qn_attr> list_;
  std::int64_t ints_[kMost][8];
  double floats_[kMost][8];
  std::string texts_[kMost];
};

// An array with what may be done with it. `cost`: elements of the largest array that it depends on;
// only cheap ones are evaluated.
struct Item {
  qn_array* array = nullptr;
  std::uint64_t cost = 0;
};
constexpr std::uint64_t kCheap = 2048;

const Item& pool_item(Input& in);  // lives as long as the process

}  // namespace fuzz
