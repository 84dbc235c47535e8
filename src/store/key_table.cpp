#include "store/key_table.h"

#include <cstring>

namespace sluice::store {

// The first bytes of a sha256 are as good a hash as any.
std::size_t KeyTable::Hash::operator()(const crypto::Sha256& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

KeyTable::KeyTable(std::vector<Principal> principals) {
  by_digest_.reserve(principals.size());
  for (Principal& principal : principals) {
    const crypto::Sha256 digest = principal.key().digest;
    by_digest_.emplace(digest, std::move(principal));
  }
}

const Principal* KeyTable::find(const crypto::Sha256& digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? nullptr : &found->second;
}

}  // namespace sluice::store
