// What flows back to each array while a graph is walked backwards, added up when it is wanted: many
// slices of one array become one array side by side, and products that are added, as the steps of a
// recurrent layer leave them, one longer product.
#pragma once
#include <unordered_map>
#include <vector>

#include "runtime/graph/node.h"

namespace quern {

class Cotangents {
 public:
  void add(const Array& to, Array g);
  // g flows to the part of `to` that the attributes of a slice name.
  void add_slice(const Array& to, Array g, const AttrList& slice);
  // The sum of what was added so far; null if nothing was. Valid as long as nothing is added.
  const Array* find(const ArrayRep* to);

 private:
  struct Part {
    Array g;
    Ints start, stop, step;
  };
  struct Sum {
    Array to;
    std::vector<Array> whole;
    std::vector<Part> parts;
  };

  static void join_parts(Sum& s);
  static void join_products(Sum& s);
  // Parts that lie on `axis` one behind the other, in their order, with zeros between them.
  static Array side_by_side(const Array& to, const std::vector<const Part*>& parts,
                            std::size_t axis);

  std::unordered_map<const ArrayRep*, Sum> of_;
};

}  // namespace quern
