// A key that `chat` and `run` make for themselves and revoke when they end. Should they be killed, it expires alone;
// the store forgets those that have ended.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/secret.h"
#include "store/home.h"
#include "store/key.h"

namespace sluice::cli {

class TemporaryKey {
 public:
  static constexpr std::chrono::hours lifetime{1};

  // Makes a key named "cli-..." in an existing store, with the limits and the data class of `like`. Errors:
  // those of the store.
  static Result<TemporaryKey> make(const store::Home& home, store::NewKey like);
  TemporaryKey(TemporaryKey&& other) noexcept { *this = std::move(other); }
  TemporaryKey& operator=(TemporaryKey&& other) noexcept;
  ~TemporaryKey() { revoke(); }

  const Secret& secret() const { return secret_; }
  // Less than a tenth of its life is left.
  bool stale() const { return std::chrono::steady_clock::now() - made_at_ > std::chrono::minutes(lifetime) * 9 / 10; }

 private:
  TemporaryKey(store::Home home, std::string id, Secret secret)
      : home_(std::move(home)), id_(std::move(id)), secret_(std::move(secret)) {}
  void revoke();

  store::Home home_ = "";
  std::string id_;  // empty: moved from
  Secret secret_;
  std::chrono::steady_clock::time_point made_at_ = std::chrono::steady_clock::now();
};

}  // namespace sluice::cli
