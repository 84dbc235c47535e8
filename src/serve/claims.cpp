#include "serve/claims.h"

#include <utility>

#include "redis/alerts_script.h"

namespace sluice::serve {
namespace {

std::int64_t in_us(std::chrono::milliseconds time) { return std::chrono::microseconds(time).count(); }

}  // namespace

// --- a database

Result<store::Store*> DatabaseClaims::open() {
  if (!store_) {
    TRY(store::Store opened, store::Store::open(home_));
    store_ = std::move(opened);
  }
  return &*store_;
}

Result<bool> DatabaseClaims::claim(const store::NamedAlert& alert, milliseconds keep) {
  TRY(store::Store * books, open());
  return books->claim_alert(alert, in_us(lease), in_us(keep));
}

Result<void> DatabaseClaims::renew(const std::vector<std::string>& names) {
  TRY(store::Store * books, open());
  return books->renew_alerts(names, in_us(lease));
}

Result<void> DatabaseClaims::told(const std::string& name) {
  TRY(store::Store * books, open());
  return books->alert_told(name);
}

Result<std::vector<store::NamedAlert>> DatabaseClaims::take_over() {
  TRY(store::Store * books, open());
  return books->take_over_alerts(in_us(lease), most_at_once);
}

// --- Redis

Result<redis::Reply> RedisClaims::run(const std::vector<std::string>& words) {
  if (!connection_) {
    TRY(redis::Connection opened, redis::Connection::open(options_));
    connection_ = std::move(opened);
  }
  Result<redis::Reply> reply = connection_->run(redis::alerts_script(), {prefix_}, words);
  if (!reply) connection_.reset();
  return reply;
}

Result<bool> RedisClaims::claim(const store::NamedAlert& alert, milliseconds keep) {
  TRY(const redis::Reply reply,
      run({"claim", alert.name, alert.body, std::to_string(lease.count()), std::to_string(keep.count())}));
  return reply.number == 1;
}

Result<void> RedisClaims::renew(const std::vector<std::string>& names) {
  std::vector<std::string> words{"renew", std::to_string(lease.count())};
  words.insert(words.end(), names.begin(), names.end());
  TRY(const redis::Reply reply, run(words));
  (void)reply;
  return {};
}

Result<void> RedisClaims::told(const std::string& name) {
  TRY(const redis::Reply reply, run({"told", name}));
  (void)reply;
  return {};
}

Result<std::vector<store::NamedAlert>> RedisClaims::take_over() {
  TRY(const redis::Reply reply, run({"overdue", std::to_string(lease.count()), std::to_string(most_at_once)}));
  std::vector<store::NamedAlert> found;
  for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2)
    found.push_back({.name = reply.list[i].text, .body = reply.list[i + 1].text});
  return found;
}

}  // namespace sluice::serve
