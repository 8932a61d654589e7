// Gives the values of a compiled element-wise program their places: cells, slots, moving addresses.
// Not here: what the steps are (map_program.cpp).
#include <cstdlib>

#include "plugins/simd/map_program.h"

namespace quern::simd {
namespace {

bool periodic(const MapInput& in) { return in.nd == 2 && in.stride[0] == 0; }

class Placement {
 public:
  Placement(MapCode& code, std::span<MapValue> values) : code_(code), values_(values) {}

  void place() {
    const int end = static_cast<int>(code_.steps.size());
    const auto n_in = static_cast<std::uint32_t>(code_.inputs.size());
    auto use = [&](int v, int when) {
      value(v).used = true;
      value(v).last_use = std::max(value(v).last_use, when);
    };
    for (const auto* list : {&code_.once, &code_.fills})
      for (const auto& s : *list)
        for (int v : s.src)
          if (v >= 0) use(v, end);
    for (int k = 0; k < end; ++k)
      for (int v : code_.steps[static_cast<std::size_t>(k)].src)
        if (v >= 0) use(v, k);
    for (const auto& s : code_.stores) use(s.value, end);

    for (std::uint32_t i = 0; i < n_in; ++i) {
      MapInput& in = code_.inputs[i];
      const auto id = static_cast<std::int16_t>(i);
      if (!value(i).used) in.kind = MapInput::kUnused;
      if (in.kind == MapInput::kUniform || in.kind == MapInput::kRow)
        code_.cells.emplace_back(id, code_.n_cells++);
      if (in.kind == MapInput::kLinear && !in.widen)
        code_.moving.push_back({id, id, false, in.itemsize});
      if (in.kind == MapInput::kGather) {
        const std::int64_t step = in.stride[in.nd - 1];
        code_.ns_per_element +=
            periodic(in)              ? 0.04
            : step >= -1 && step <= 2 ? 0.1 + 6.0 / static_cast<double>(in.shape[in.nd - 1])
            : std::abs(step) < 16     ? 1.5
                                      : 3.0;  // each element on a cache line of its own
      }
      // A row that repeats keeps its slot: it may not be read anew for every tile.
      if (in.kind == MapInput::kGather || (in.kind == MapInput::kLinear && in.widen))
        take_slot(i, in.kind == MapInput::kGather && periodic(in));
      if (in.kind == MapInput::kGather && in.widen) code_.staging = true;
    }
    for (const auto& s : code_.once) code_.cells.emplace_back(s.dst, code_.n_cells++);
    for (const auto& s : code_.fills) take_slot(static_cast<std::uint32_t>(s.dst), true);
    for (int k = 0; k < end; ++k) {
      const MapStep& s = code_.steps[static_cast<std::size_t>(k)];
      // A result may take the place of an operand only where their elements are of one size.
      const std::uint32_t size = lane_size(value(s.dst).lane);
      release_operands(s, k, [&](int v) { return lane_size(value(v).lane) == size; });
      if (value(s.dst).out < 0) {
        take_slot(static_cast<std::uint32_t>(s.dst));
        if (value(s.dst).last_use < 0) release(s.dst);
      }
      release_operands(s, k, [&](int v) { return lane_size(value(v).lane) != size; });
    }
    const std::size_t streams = code_.n_slots + code_.moving.size() + (code_.staging ? 1 : 0);
    code_.item = 1;
    for (std::uint32_t v = 0; v < values_.size(); ++v)
      if (value(v).alias == static_cast<int>(v))
        code_.item = std::max(code_.item, lane_size(value(v).lane));
    code_.chunk = 16384 / code_.item;
    while (code_.chunk > 512 &&
           static_cast<std::size_t>(code_.chunk) * code_.item * streams > 32 * 1024)
      code_.chunk /= 2;
    repeat();
  }

 private:
  // Tiles of whole periods read the same elements of a row that repeats.
  void repeat() {
    if (code_.row != 0) return;
    std::int64_t period = 0;
    for (const MapInput& in : code_.inputs)
      if (in.kind == MapInput::kGather && periodic(in)) period = std::max(period, in.shape[1]);
    if (period == 0 || period > code_.chunk) return;
    code_.chunk = code_.chunk / period * period;
    for (MapInput& in : code_.inputs)
      in.repeats = in.kind == MapInput::kGather && periodic(in) && code_.chunk % in.shape[1] == 0;
  }

  template <class F>
  void release_operands(const MapStep& s, int step, const F& wanted) {
    for (int j = 0; j < 3; ++j) {
      const int v = s.src[j];
      bool seen = v < 0;
      for (int i = 0; i < j; ++i) seen = seen || s.src[i] == v;
      if (!seen && value(v).last_use == step && wanted(v)) release(v);
    }
  }

  void take_slot(std::uint32_t v, bool fresh = false) {
    std::uint32_t slot;
    if (!fresh && !free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else {
      slot = code_.n_slots++;
    }
    code_.slots.emplace_back(static_cast<std::int16_t>(v), slot);
    if (!fresh) held_.emplace_back(static_cast<int>(v), slot);
  }

  void release(int v) {
    for (std::size_t k = 0; k < held_.size(); ++k) {
      if (held_[k].first != v) continue;
      free_.push_back(held_[k].second);
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(k));
      return;
    }
  }

  template <class Index>
  MapValue& value(Index v) {
    return values_[static_cast<std::size_t>(v)];
  }

  MapCode& code_;
  std::span<MapValue> values_;
  std::vector<std::uint32_t> free_;
  std::vector<std::pair<int, std::uint32_t>> held_;
};

}  // namespace

void place_values(MapCode& code, std::span<MapValue> values) { Placement(code, values).place(); }

}  // namespace quern::simd
