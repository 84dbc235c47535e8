// Which vendor has issued the reasoning state that went by in lane 1, where it has no seal: a client may send it to
// another vendor of the same API, which refuses the whole request for it. Digests alone are kept, the newest ones; what
// is not known here (issued before a start, elsewhere, or long ago) goes on as it is. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "chat/dialect_id.h"

namespace sluice::gateway {

class IssuerMemory {
 public:
  // A coding session has some hundreds of states; these are thousands of sessions in about 6 MB.
  static constexpr std::size_t usual_size = 131'072;
  explicit IssuerMemory(std::size_t size = usual_size) : size_(size) {}

  // `state` as it is, or as it stands in JSON between its quotes; `vendor` is by what providers of one vendor are
  // alike.
  void note(chat::DialectId dialect, std::string_view state, std::string_view vendor);
  // Whether it is known, and of another vendor.
  bool is_foreign(std::string_view state, std::string_view vendor) const;
  // Whether there is any state in this dialect of another vendor, without which nothing need be looked at.
  bool knows_others(chat::DialectId dialect, std::string_view vendor) const;

 private:
  using Digest = std::uint64_t;

  const std::size_t size_;
  mutable std::mutex mutex_;
  std::unordered_map<Digest, Digest> vendors_;  // of states
  std::vector<Digest> order_;                   // of the states, a ring: the oldest goes first
  std::size_t oldest_ = 0;
  // Of a dialect: the only vendor whose states are known, 0 when there is none, 1 when there are several.
  std::array<std::atomic<Digest>, chat::all_dialects.size()> only_vendor_ = {};
};

}  // namespace sluice::gateway
