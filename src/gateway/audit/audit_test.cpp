#include "gateway/audit/audit.h"

#include <gtest/gtest.h>

#include "json/json.h"

namespace sluice::gateway {
namespace {

AuditRecord served() {
  AuditRecord record;
  record.request_id = "req_1";
  record.start_us = 1;
  record.end_us = 2;
  record.key_id = "key_a";
  record.tenant = "lab";
  record.method = "POST";
  record.route = "/v1/chat/completions";
  record.client_dialect = chat::DialectId::openai_chat;
  record.requested_model = "auto";
  record.stream = true;
  record.data_class = DataClass::restricted;
  record.verdict_rule = "restricted_by_key";
  record.candidates = {{"local", "small", catalog::Ground::self_hosted, false, "listed"},
                       {"acme", "big", catalog::Ground::proprietary, true, "data_class"}};
  record.provider = "local";
  record.model = "small";
  record.ground = catalog::Ground::self_hosted;
  record.answered_by = "small-2026-03-05";
  record.attempts = 1;
  record.status = 200;
  record.usage = {.input = 3, .output = 4, .reported = true};
  record.cost = Money::pico(5);
  record.dropped_params = {"logit_bias"};
  record.config_hash = {0xab, 0, 0, 0, 0, 0, 0, 1};
  return record;
}

// As it is read: through the bytes on disk.
std::string kept(const AuditRecord& record) {
  std::string bytes;
  encode(record, bytes);
  const Result<std::string> json = audit_json(bytes);
  return json ? *json : json.error().message;
}

TEST(Audit, What_is_read_is_what_was_recorded) {
  EXPECT_EQ(kept(served()), to_json(served()));
  AuditRecord refused;
  refused.request_id = "req_2";
  refused.outcome = store::Outcome::refused;
  EXPECT_EQ(kept(refused), to_json(refused));
  AuditRecord learned = served();
  learned.workload = "letters";
  learned.canary = true;
  learned.escalated = "acme/small: length";
  learned.checked = "acme/small";
  learned.check = "length";
  learned.difficulty_permille = 615;
  learned.features = "00ff01";
  EXPECT_EQ(kept(learned), to_json(learned));
  const auto document = json::Document::parse(kept(learned));
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root()["workload"].string(), "letters");
  EXPECT_EQ(document->root()["check"].string(), "length");
  EXPECT_EQ(document->root()["difficulty_permille"].integer(), 615);
  EXPECT_EQ(*audit_json(R"({"act":"key_created"})"), R"({"act":"key_created"})");
}

TEST(Audit, A_record_that_is_cut_or_unknown_is_refused) {
  std::string bytes;
  encode(served(), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(audit_json(bytes.substr(0, size))) << size;
  bytes[0] = 77;
  EXPECT_FALSE(audit_json(bytes));
}

TEST(Audit, Records_who_asked_for_what_and_how_it_was_decided) {
  const auto document = json::Document::parse(kept(served()));
  ASSERT_TRUE(document);
  const json::Value root = document->root();
  EXPECT_EQ(root["v"].integer(), 1);
  EXPECT_EQ(root["act"].string(), "request");
  EXPECT_EQ(root["key_id"].string(), "key_a");
  EXPECT_EQ(root["route"].string(), "/v1/chat/completions");
  EXPECT_EQ(root["data_class"].string(), "restricted");
  EXPECT_EQ(root["verdict_rule"].string(), "restricted_by_key");
  ASSERT_EQ(root["candidates"].size(), 2u);
  EXPECT_EQ(root["candidates"].at(0)["accepted"].string(), "listed");
  EXPECT_EQ(root["candidates"].at(1)["rejected"].string(), "data_class");
  EXPECT_EQ(root["provider"].string(), "local");
  EXPECT_EQ(root["ground"].string(), "self_hosted");
  EXPECT_EQ(root["answered_by"].string(), "small-2026-03-05");
  EXPECT_EQ(root["tokens"]["output"].integer(), 4);
  EXPECT_EQ(root["cost_pico"].integer(), 5);
  EXPECT_EQ(root["outcome"].string(), "ok");
  EXPECT_EQ(root["dropped_params"].at(0).string(), "logit_bias");
  EXPECT_EQ(root["config_hash"].string(), "ab00000000000001");
}

TEST(Audit, Records_a_refused_request_without_inventing_what_is_not_known) {
  AuditRecord record;
  record.request_id = "req_2";
  record.status = 401;
  record.outcome = store::Outcome::refused;
  record.error_code = "invalid_api_key";
  const auto document = json::Document::parse(kept(record));
  ASSERT_TRUE(document);
  const json::Value root = document->root();
  EXPECT_FALSE(root["key_id"].exists());
  EXPECT_FALSE(root["provider"].exists());
  EXPECT_FALSE(root["client_dialect"].exists());
  EXPECT_TRUE(root["cost_pico"].is_null());
  EXPECT_EQ(root["outcome"].string(), "refused");
  EXPECT_EQ(root["error_code"].string(), "invalid_api_key");
}

TEST(Audit, Stays_small_and_valid_whatever_a_client_sends) {
  AuditRecord record = served();
  std::string nonsense(100'000, '\xff');
  nonsense += "\"\n\\";
  record.requested_model = nonsense;
  record.route = nonsense;
  record.method = nonsense;
  record.candidates.assign(1'000, record.candidates[0]);
  record.dropped_params.assign(1'000, "param");
  const std::string text = kept(record);
  EXPECT_LT(text.size(), 8'192u);
  const auto document = json::Document::parse(text);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root()["candidates"].size(), max_audit_candidates);
  EXPECT_EQ(document->root()["candidates_left_out"].integer(), 1'000 - 32);
}

TEST(Audit, Of_a_usual_request_is_below_half_a_kilobyte) {
  std::string bytes;
  encode(served(), bytes);
  EXPECT_LT(bytes.size(), 512u);
}

}  // namespace
}  // namespace sluice::gateway
