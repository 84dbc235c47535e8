#include "gateway/authenticate/upload_ticket.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/scope.h"
#include "base/crypto.h"

namespace sluice::gateway {
namespace {

constexpr std::int64_t now_us = 1'796'000'000'000'000;

store::Principal principal(std::string id, std::string_view secret) {
  store::VirtualKey key;
  key.id = KeyId(std::move(id));
  key.digest = crypto::sha256(secret);
  return {std::make_shared<const store::VirtualKey>(std::move(key)), std::make_shared<store::KeyState>()};
}

const store::KeyTable& keys() {
  static const store::KeyTable table({principal("key_one", "sk-sluice-one"), principal("key_two", "sk-sluice-two")});
  return table;
}

std::string made(std::string_view upload = "AbC") {
  return upload_ticket(keys().find_id("key_one")->key(), "gemini", upload, now_us);
}

TEST(UploadTicket, Stands_for_its_key_and_provider) {
  const auto checked = check_upload_ticket(made(), "AbC", keys(), now_us);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(checked->principal.key().id.str(), "key_one");
  EXPECT_EQ(checked->provider, "gemini");
}

TEST(UploadTicket, Is_of_one_upload_and_one_day) {
  EXPECT_FALSE(check_upload_ticket(made(), "other", keys(), now_us));
  EXPECT_FALSE(check_upload_ticket(made(""), "", keys(), now_us));
  EXPECT_TRUE(check_upload_ticket(made(), "AbC", keys(), now_us + upload_ticket_us - 1));
  EXPECT_FALSE(check_upload_ticket(made(), "AbC", keys(), now_us + upload_ticket_us));
}

TEST(UploadTicket, Can_be_neither_changed_nor_moved_to_another_key) {
  const std::string ticket = made();
  for (std::size_t i = 0; i < ticket.size(); ++i) {
    std::string changed = ticket;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed != ticket) {
      EXPECT_FALSE(check_upload_ticket(changed, "AbC", keys(), now_us)) << i;
    }
  }
  const std::string other = crypto::base64url("key_two\ngemini\n" + std::to_string(now_us + 5));
  EXPECT_FALSE(check_upload_ticket(other + ticket.substr(ticket.find('.')), "AbC", keys(), now_us));
  for (const char* odd : {"", ".", "a", "a.b", "a.b.c", "..", "\n.\n"})
    EXPECT_FALSE(check_upload_ticket(odd, "AbC", keys(), now_us)) << odd;
}

TEST(UploadTicket, Ends_with_its_key) {
  store::VirtualKey key = keys().find_id("key_one")->key();
  key.revoked_at_us = now_us;
  const store::KeyTable after(
      {store::Principal(std::make_shared<const store::VirtualKey>(key), std::make_shared<store::KeyState>())});
  const auto checked = check_upload_ticket(made(), "AbC", after, now_us);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, "revoked_api_key");
}

// Knows of the keys what it is told, and after a look all of them.
class Store : public store::RequestStore {
 public:
  std::shared_ptr<const store::KeyTable> keys() const override { return table; }
  store::RecordLog& ledger() override { return log_; }
  store::RecordLog& audit() override { return log_; }
  bool refuses_new_work() const override { return false; }
  std::uint64_t look_for_keys() override {
    table = std::make_shared<store::KeyTable>(gateway::keys());
    return ++looks;
  }
  bool looked_for_keys(std::uint64_t number) const override { return looks >= number; }
  bool keys_are_stale() const override { return stale; }

  std::shared_ptr<const store::KeyTable> table = std::make_shared<store::KeyTable>();
  std::uint64_t looks = 0;
  bool stale = false;

 private:
  class Log : public store::RecordLog {
    store::Appended append(std::string_view) override { return store::Appended::failed; }
  } log_;
};

Result<UploadTicket> checked_in(Store& store, std::string ticket) {
  net::Reactor reactor;
  async::Cancel never;
  std::optional<Result<UploadTicket>> checked;
  async::Scope scope;
  scope.spawn(
      [](std::optional<Result<UploadTicket>>* into, Store* asked, net::Reactor* of, async::Cancel* gone,
         std::string text) -> async::Task<> {
        into->emplace(co_await check_upload_ticket(text, "AbC", *asked, *of, *gone, now_us));
      },
      &checked, &store, &reactor, &never, std::move(ticket));
  while (!checked) reactor.run_once();
  return *std::move(checked);
}

TEST(UploadTicket, Of_a_key_that_was_made_elsewhere_a_moment_ago_is_known_after_a_look) {
  Store store;
  EXPECT_TRUE(checked_in(store, made()));
  EXPECT_EQ(store.looks, 1U);
  EXPECT_TRUE(checked_in(store, made()));
  EXPECT_FALSE(checked_in(store, made("other")));
  EXPECT_EQ(store.looks, 1U) << "a key that is known is not looked for";
  EXPECT_FALSE(checked_in(store, "no ticket"));
}

TEST(UploadTicket, Lets_nobody_in_while_nobody_knows_which_keys_are_good) {
  Store store;
  store.table = std::make_shared<store::KeyTable>(keys());
  store.stale = true;
  const auto checked = checked_in(store, made());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace sluice::gateway
