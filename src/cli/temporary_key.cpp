#include "cli/temporary_key.h"

#include <utility>

#include "base/crypto.h"
#include "store/store.h"

namespace sluice::cli {
namespace {

constexpr std::size_t name_characters = 10;  // 60 bits: two sessions never meet

}  // namespace

Result<TemporaryKey> TemporaryKey::make(const store::Home& home, store::NewKey like) {
  TRY(store::Store store, store::Store::open(home));
  const std::int64_t now_us = store::wall_clock_us();
  like.name = "cli-" + crypto::random_alphanumeric(name_characters);
  like.expires_at_us = now_us + std::chrono::microseconds(lifetime).count();
  like.temporary = true;
  TRY(store::CreatedKey created, store.create_key(like, now_us));
  return TemporaryKey(home, created.key.id.str(), std::move(created.secret));
}

TemporaryKey& TemporaryKey::operator=(TemporaryKey&& other) noexcept {
  if (this != &other) {
    revoke();
    home_ = std::move(other.home_);
    id_ = std::exchange(other.id_, {});
    secret_ = std::move(other.secret_);
    made_at_ = other.made_at_;
  }
  return *this;
}

// A failure has no one to be told to; the key then ends by its time.
void TemporaryKey::revoke() {
  if (id_.empty()) return;
  if (auto store = store::Store::open(home_)) (void)store->revoke_key(id_, store::wall_clock_us());
  id_.clear();
}

}  // namespace sluice::cli
