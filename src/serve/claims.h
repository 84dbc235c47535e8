// Which of several replicas tells an alert: asked of what they share, PostgreSQL where their books are there, else the
// Redis that has their limits. Blocking: for a thread of its own, never for a reactor.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "redis/connection.h"
#include "store/alert_claims.h"
#include "store/home.h"
#include "store/store.h"

namespace sluice::serve {

class Claims {
 public:
  using milliseconds = std::chrono::milliseconds;
  // Who has not told within that time, nor asked for more, has died: then another one tells.
  static constexpr milliseconds lease{20'000};
  // So often who waits for the webhook asks for more time, and everybody looks for those who have died.
  static constexpr milliseconds round{5'000};
  static constexpr std::size_t most_at_once = 16;  // taken over in a round

  virtual ~Claims() = default;
  Claims(const Claims&) = delete;
  Claims& operator=(const Claims&) = delete;

  // As in store/alert_claims.h. Errors: unavailable, when what they share cannot be asked.
  virtual Result<bool> claim(const store::NamedAlert& alert, milliseconds keep) = 0;
  virtual Result<void> renew(const std::vector<std::string>& names) = 0;
  virtual Result<void> told(const std::string& name) = 0;
  virtual Result<std::vector<store::NamedAlert>> take_over() = 0;

 protected:
  Claims() = default;
};

// In the database of that place; opened when it is needed, and anew after an error.
class DatabaseClaims : public Claims {
 public:
  explicit DatabaseClaims(store::Home home) : home_(std::move(home)) {}
  Result<bool> claim(const store::NamedAlert& alert, milliseconds keep) override;
  Result<void> renew(const std::vector<std::string>& names) override;
  Result<void> told(const std::string& name) override;
  Result<std::vector<store::NamedAlert>> take_over() override;

 private:
  Result<store::Store*> open();
  const store::Home home_;
  std::optional<store::Store> store_;
};

// In Redis, behind that prefix.
class RedisClaims : public Claims {
 public:
  RedisClaims(redis::Connection::Options options, std::string prefix)
      : options_(std::move(options)), prefix_(std::move(prefix)) {}
  Result<bool> claim(const store::NamedAlert& alert, milliseconds keep) override;
  Result<void> renew(const std::vector<std::string>& names) override;
  Result<void> told(const std::string& name) override;
  Result<std::vector<store::NamedAlert>> take_over() override;

 private:
  Result<redis::Reply> run(const std::vector<std::string>& words);
  const redis::Connection::Options options_;
  const std::string prefix_;
  std::optional<redis::Connection> connection_;
};

}  // namespace sluice::serve
