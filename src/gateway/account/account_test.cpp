#include "gateway/account/account.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "gateway/account/estimate.h"
#include "store/append_log.h"
#include "store/log_reader.h"
#include "store/testing_directory.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
constexpr auto start = std::chrono::steady_clock::time_point(1h);

catalog::PriceFact price(std::int64_t input, std::int64_t output) {
  catalog::PriceFact fact;
  fact.provider = ProviderId("acme");
  fact.model = ModelName("big");
  fact.rates[catalog::Unit::input] = input;
  fact.rates[catalog::Unit::output] = output;
  fact.source = "price list";
  return fact;
}

store::LedgerEntry entry(Tokens input, Tokens output) {
  store::LedgerEntry one;
  one.request_id = RequestId("req_1");
  one.key_id = KeyId("key_a");
  one.provider = ProviderId("acme");
  one.model = ModelName("big");
  one.usage = {.input = input, .output = output, .reported = true};
  return one;
}

class Account : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::AppendLog::open(directory_.path(), {});
    ASSERT_TRUE(opened);
    log_ = *std::move(opened);
    books_.ledger = log_.get();
    auto limits = std::make_shared<store::VirtualKey>();
    limits->budget = Money::pico(10'000);
    key_ = std::make_unique<store::Principal>(std::move(limits), std::make_shared<store::KeyState>());
  }

  std::vector<store::LedgerEntry> recorded() {
    std::vector<store::LedgerEntry> entries;
    EXPECT_TRUE(log_->flush(20s));
    auto reader = store::LogReader::open(directory_.path(), 0);
    for (auto record = reader->next(); record && *record; record = reader->next())
      entries.push_back(*store::decode_ledger_entry(**record));
    return entries;
  }

  store::Account::Standing standing() const { return key_->lines()[0]->state->account.standing(0); }

  store::TestingDirectory directory_;
  std::unique_ptr<store::AppendLog> log_;
  Books books_;
  Admission admission_{{}};
  std::unique_ptr<store::Principal> key_;
};

TEST_F(Account, Prices_settles_and_records_the_attempt_that_ended_the_request) {
  Hold hold = *admission_.admit(*key_, {.worst_cost = Money::pico(5'000)}, start);
  const catalog::PriceFact fact = price(2, 10);
  store::LedgerEntry done = entry(100, 30);
  account(books_, hold, done, catalog::Quote(&fact), start);
  EXPECT_EQ(done.cost, Money::pico(500));
  EXPECT_EQ(done.price_source, "price list");
  EXPECT_FALSE(hold.active());
  EXPECT_EQ(standing().spent, Money::pico(500));
  EXPECT_EQ(standing().held, Money());
  EXPECT_EQ(recorded(), std::vector<store::LedgerEntry>{done});
}

TEST_F(Account, Books_a_failed_over_attempt_and_leaves_the_hold_to_the_next_one) {
  Hold hold = *admission_.admit(*key_, {.worst_cost = Money::pico(5'000)}, start);
  const catalog::PriceFact fact = price(2, 10);
  store::LedgerEntry first = entry(100, 0);
  first.final = false;
  first.outcome = store::Outcome::provider_failed;
  account(books_, hold, first, catalog::Quote(&fact), start);
  EXPECT_TRUE(hold.active());
  EXPECT_EQ(standing().held, Money::pico(4'800));
  store::LedgerEntry second = entry(100, 10);
  second.attempt = 2;
  account(books_, hold, second, catalog::Quote(&fact), start);
  EXPECT_EQ(standing().spent, Money::pico(500));
  EXPECT_EQ(standing().held, Money());
  EXPECT_EQ(recorded().size(), 2u);
}

TEST_F(Account, Records_an_unknown_price_as_unpriced) {
  Hold hold = *admission_.admit(*key_, {.worst_cost = Money()}, start);
  store::LedgerEntry done = entry(100, 30);
  account(books_, hold, done, catalog::Quote(), start);
  EXPECT_EQ(done.cost, std::nullopt);
  EXPECT_EQ(done.price_source, "");
  EXPECT_EQ(standing().spent, Money());
  EXPECT_EQ(recorded().front().cost, std::nullopt);
}

TEST_F(Account, Settles_and_reports_also_what_the_ledger_could_not_take) {
  std::vector<store::Appended> reported;
  books_.on_entry = [&](const store::LedgerEntry&, store::Appended appended) { reported.push_back(appended); };
  const catalog::PriceFact fact = price(2, 10);
  Hold hold = *admission_.admit(*key_, {.worst_cost = Money::pico(5'000)}, start);
  log_->close();
  store::LedgerEntry row = entry(100, 30);
  account(books_, hold, row, catalog::Quote(&fact), start);
  EXPECT_EQ(reported, std::vector<store::Appended>{store::Appended::failed});
  EXPECT_EQ(log_->health().lost_records, 1u);
  EXPECT_EQ(standing().spent, Money::pico(500));
}

TEST(Estimate, Rounds_up_and_says_that_it_is_one) {
  EXPECT_EQ(expected_tokens({}), 0);
  EXPECT_EQ(expected_tokens({1}), 1);
  EXPECT_EQ(expected_tokens({400}), 100);
  EXPECT_EQ(most_tokens({401}), 201);
  EXPECT_EQ(least_tokens({801, 3}), 100);
  EXPECT_EQ(expected_tokens({400, 2}), 100 + 2 * tokens_per_image);
  EXPECT_EQ(most_tokens({400, 2}), 200 + 2 * most_tokens_per_image);
  const chat::Usage usage = estimate_usage({401}, 8);
  EXPECT_EQ(usage.input, 101);
  EXPECT_EQ(usage.output, 2);
  EXPECT_FALSE(usage.reported);
}

}  // namespace
}  // namespace sluice::gateway
