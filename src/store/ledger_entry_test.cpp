#include "store/ledger_entry.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "store/record_bytes.h"

namespace sluice::store {
namespace {

LedgerEntry full_entry() {
  LedgerEntry entry;
  entry.request_id = RequestId("req_01JD8ZK3V5T8M4Q2X7Y9W6B1CD");
  entry.start_us = 1'795'418'415'123'456;
  entry.end_us = 1'795'418'416'000'000;
  entry.key_id = KeyId("key_a1B2c3D4e5F6");
  entry.client_dialect = chat::DialectId::anthropic_messages;
  entry.requested_model = "auto";
  entry.provider = ProviderId("groq");
  entry.model = ModelName("llama-4-scout");
  entry.ground = catalog::Ground::hosted_open;
  entry.stream = true;
  entry.status = 499;
  entry.outcome = Outcome::client_gone;
  entry.attempt = 3;
  entry.final = false;
  entry.usage = {.input = 1,
                 .cache_read = 2,
                 .cache_write_5m = 3,
                 .cache_write_1h = 4,
                 .output = 5,
                 .reasoning = 6,
                 .reported = true};
  entry.cost = Money::pico(123'456'789);
  entry.price_source = "https://example.com/pricing";
  entry.ttft_us = 120'000;
  entry.total_us = 876'544;
  entry.config_hash = {1, 2, 3, 4, 5, 6, 7, 255};
  entry.tags = "batch,project=x";
  return entry;
}

std::string encoded(const LedgerEntry& entry) {
  std::string bytes;
  encode(entry, bytes);
  return bytes;
}

// As versions 1 (plain) and 2 were written: numbers of eight bytes, the id as text. Logs have them for years.
std::string as_before(const LedgerEntry& entry, bool extended) {
  std::string bytes;
  RecordWriter to(bytes, 8'192);
  to.u8(extended ? 2 : 1);
  to.u8(static_cast<std::uint8_t>((entry.stream ? 1 : 0) | (entry.final ? 2 : 0) | (entry.usage.reported ? 4 : 0) |
                                  (entry.cost ? 8 : 0)));
  to.u8(static_cast<std::uint8_t>(entry.client_dialect));
  to.u8(static_cast<std::uint8_t>(entry.ground));
  to.u8(static_cast<std::uint8_t>(entry.outcome));
  to.u8(entry.attempt);
  to.u16(static_cast<std::uint16_t>(entry.status));
  const chat::Usage& usage = entry.usage;
  for (const std::int64_t number :
       {entry.start_us, entry.end_us, entry.ttft_us, entry.total_us, usage.input, usage.cache_read,
        usage.cache_write_5m, usage.cache_write_1h, usage.output, usage.reasoning, entry.cost.value_or(Money()).pico()})
    to.i64(number);
  to.bytes(entry.config_hash.data(), entry.config_hash.size());
  for (const std::string* name : {&entry.request_id.str(), &entry.key_id.str(), &entry.requested_model,
                                  &entry.provider.str(), &entry.model.str(), &entry.price_source})
    to.name(*name);
  if (extended) {
    to.u8(static_cast<std::uint8_t>(entry.correction));
    to.u8(static_cast<std::uint8_t>(usage.service_tier));
    to.u8(usage.doubts);
    for (const Tokens count : {usage.input_audio, usage.input_image, usage.input_video, usage.cache_read_audio,
                               usage.output_audio, usage.output_image, usage.searches})
      to.i64(count);
    to.u8(usage.raw.text().empty() ? 0 : 1);
    if (!usage.raw.text().empty()) to.name(usage.raw.text());
  }
  to.u16(static_cast<std::uint16_t>(entry.tags.size()));
  to.bytes(entry.tags.data(), entry.tags.size());
  return bytes;
}

TEST(LedgerEntry, Is_read_as_earlier_versions_wrote_it) {
  LedgerEntry entry = full_entry();
  EXPECT_EQ(decode_ledger_entry(as_before(entry, false)), entry);
  entry.usage.input_audio = 7;
  entry.usage.searches = 9;
  entry.usage.service_tier = chat::ServiceTier::priority;
  entry.usage.add(chat::Doubt::negative);
  entry.usage.raw.keep("{\"input\":-1}");
  EXPECT_EQ(decode_ledger_entry(as_before(entry, true)), entry);
  entry.correction = Correction::difference;
  entry.cost = Money::pico(-5);
  EXPECT_EQ(decode_ledger_entry(as_before(entry, true)), entry);
}

TEST(LedgerEntry, Keeps_an_id_that_is_no_ulid_and_times_of_a_wrong_clock) {
  for (const char* id : {"", "req_", "req_01jd8zk3v5t8m4q2x7y9w6b1cd", "mine", "req_81JD8ZK3V5T8M4Q2X7Y9W6B1CD"}) {
    LedgerEntry entry = full_entry();
    entry.request_id = RequestId(id);
    EXPECT_EQ(decode_ledger_entry(encoded(entry)), entry) << id;
  }
  LedgerEntry entry = full_entry();
  entry.start_us = std::numeric_limits<std::int64_t>::max();
  entry.end_us = -5;
  entry.total_us = std::numeric_limits<std::int64_t>::min();
  entry.ttft_us = -1;
  EXPECT_EQ(decode_ledger_entry(encoded(entry)), entry);
}

TEST(LedgerEntry, Comes_back_as_it_was_written) {
  EXPECT_EQ(decode_ledger_entry(encoded(full_entry())), full_entry());
  EXPECT_EQ(decode_ledger_entry(encoded(LedgerEntry())), LedgerEntry());
}

TEST(LedgerEntry, Keeps_what_few_rows_have) {
  LedgerEntry entry = full_entry();
  entry.usage.input_audio = 7;
  entry.usage.output_image = 8;
  entry.usage.searches = 9;
  entry.usage.service_tier = chat::ServiceTier::priority;
  entry.usage.add(chat::Doubt::negative);
  entry.usage.raw.keep(std::string(2'000, 'r'));
  EXPECT_EQ(decode_ledger_entry(encoded(entry)), entry);
  EXPECT_EQ(decode_ledger_entry(encoded(entry))->usage.raw.text().size(), chat::max_raw_usage_bytes);
  LedgerEntry correction = full_entry();
  correction.correction = Correction::difference;
  correction.cost = Money::pico(-5);
  EXPECT_EQ(decode_ledger_entry(encoded(correction)), correction);
  const std::string bytes = encoded(correction);
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_ledger_entry(bytes.substr(0, n))) << n;
}

TEST(LedgerEntry, Is_small) { EXPECT_LE(encoded(full_entry()).size(), 150u); }

TEST(LedgerEntry, Keeps_unpriced_apart_from_free) {
  LedgerEntry entry = full_entry();
  entry.cost = Money();
  EXPECT_EQ(decode_ledger_entry(encoded(entry))->cost, Money());
  entry.cost = std::nullopt;
  EXPECT_EQ(decode_ledger_entry(encoded(entry))->cost, std::nullopt);
}

TEST(LedgerEntry, Refuses_every_cut_of_a_record) {
  const std::string bytes = encoded(full_entry());
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_ledger_entry(bytes.substr(0, n))) << n;
}

TEST(LedgerEntry, Reads_a_record_from_before_there_were_tags) {
  LedgerEntry old = full_entry();
  old.tags.clear();
  const std::string bytes = as_before(old, false);
  EXPECT_EQ(decode_ledger_entry(bytes.substr(0, bytes.size() - 2)), old);
}

TEST(LedgerEntry, Reads_a_record_to_which_a_later_version_appended) {
  EXPECT_EQ(decode_ledger_entry(encoded(full_entry()) + "more"), full_entry());
}

TEST(LedgerEntry, Refuses_a_version_and_values_that_it_does_not_know) {
  for (const std::size_t at : {0u, 2u, 3u, 4u}) {  // version, dialect, ground, outcome
    std::string bytes = encoded(full_entry());
    bytes[at] = 99;
    EXPECT_FALSE(decode_ledger_entry(bytes)) << at;
  }
}

TEST(LedgerEntry, Knows_every_outcome_by_its_place) {
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(outcomes[i]), i);
    LedgerEntry entry = full_entry();
    entry.outcome = outcomes[i];
    EXPECT_EQ(decode_ledger_entry(encoded(entry)), entry) << name(outcomes[i]);
  }
}

TEST(LedgerEntry, Cuts_a_long_name_between_characters) {
  LedgerEntry entry = full_entry();
  entry.requested_model = "x";
  while (entry.requested_model.size() < 400) entry.requested_model += "ä";  // two bytes each
  const auto back = decode_ledger_entry(encoded(entry));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->requested_model, entry.requested_model.substr(0, 255));
  entry.requested_model.insert(0, "x");
  EXPECT_EQ(decode_ledger_entry(encoded(entry))->requested_model, entry.requested_model.substr(0, 254));
}

TEST(LedgerEntry, Bounds_the_tokens_of_a_provider_that_counts_nonsense) {
  LedgerEntry entry = full_entry();
  entry.usage.output = std::numeric_limits<Tokens>::max();
  entry.usage.input = -5;
  const auto back = decode_ledger_entry(encoded(entry));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->usage.output, 1'000'000'000'000);
  EXPECT_EQ(back->usage.input, 0);
}

}  // namespace
}  // namespace sluice::store
