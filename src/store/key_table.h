// The keys as the request path sees them: an immutable table in memory, looked up by sha256, exchanged as a whole when
// the database has changed. What changes per request (money, rates, places) is in KeyState and LineState, which live on
// from table to table.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/crypto.h"
#include "store/key.h"
#include "store/limit_line.h"

namespace sluice::store {

// The moving parts of a key, shared by all threads. gateway/admit owns the rules; this is only the place.
struct KeyState {
  std::atomic<std::int32_t> in_flight{0};  // requests that hold something now
};

// The limits that were given to the key itself (budget, rpm, tpm), as lines with new places to count.
Lines own_lines(const VirtualKey& key);

// Who asks, with what rights. Cheap to copy; valid on its own, whatever happens to the table that it came from.
class Principal {
 public:
  // With the key's own limits only.
  Principal(std::shared_ptr<const VirtualKey> key, std::shared_ptr<KeyState> state);
  // `lines`: all that count for the key; null = none.
  Principal(std::shared_ptr<const VirtualKey> key, std::shared_ptr<KeyState> state, std::shared_ptr<const Lines> lines)
      : key_(std::move(key)), state_(std::move(state)), lines_(std::move(lines)) {}

  const VirtualKey& key() const { return *key_; }
  const KeyId& id() const { return key_->id; }
  const std::string& name() const { return key_->name; }
  DataClass data_class() const { return key_->data_class; }
  KeyState& state() const { return *state_; }
  std::span<const std::shared_ptr<const Line>> lines() const {
    return lines_ ? std::span(*lines_) : std::span<const std::shared_ptr<const Line>>();
  }

 private:
  std::shared_ptr<const VirtualKey> key_;
  std::shared_ptr<KeyState> state_;
  std::shared_ptr<const Lines> lines_;
};

class KeyTable {
 public:
  KeyTable() = default;
  using TagLines = std::map<std::string, Lines, std::less<>>;
  // `lines`: all but the keys' own.
  explicit KeyTable(std::vector<Principal> principals, Lines lines = {}, TagLines tag_lines = {});

  // Null when no key has this digest. Revoked and expired keys are found: the caller tells them apart.
  const Principal* find(const crypto::Sha256& digest) const;
  // The same by its id; looks at each.
  const Principal* find_id(std::string_view id) const;
  std::size_t size() const { return by_digest_.size(); }
  const Lines& lines() const { return lines_; }
  // The keys' own, too.
  Lines all_lines() const;
  // Those for a tag that a request brings.
  std::span<const std::shared_ptr<const Line>> lines_of_tag(std::string_view tag) const;

 private:
  struct Hash {
    std::size_t operator()(const crypto::Sha256& digest) const noexcept;
  };
  std::unordered_map<crypto::Sha256, Principal, Hash> by_digest_;
  Lines lines_;
  TagLines tag_lines_;
};

// The place where the current table is exchanged. The lock is held for the copy of one pointer.
class KeyTableCell {
 public:
  std::shared_ptr<const KeyTable> load() const {
    std::lock_guard lock(mutex_);
    return table_;
  }
  void store(std::shared_ptr<const KeyTable> table) {
    std::lock_guard lock(mutex_);
    table_.swap(table);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyTable> table_ = std::make_shared<const KeyTable>();
};

}  // namespace sluice::store
