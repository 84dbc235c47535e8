// For tests and measurements: rows as a gateway of some teams has them, of any number, the same ones each time. Streams
// and whole answers of four vendors, with prompt caches and reasoning; failovers, clients that leave, refused calls;
// keys with tags; now and then sound, another service tier, counts in doubt, and a correction.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string>

#include "store/ledger_entry.h"

namespace sluice::store {

// From a number to one that looks like chance (Steele, Lea and Flood's SplitMix64).
inline std::uint64_t mixed(std::uint64_t number) {
  number += 0x9e3779b97f4a7c15U;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27)) * 0x94d049bb133111ebU;
  return number ^ (number >> 31);
}

inline LedgerEntry realistic_row(std::int64_t number, std::int64_t end_us) {
  struct Offer {
    const char* provider;
    const char* model;
    const char* route;  // that most clients ask for
    const char* source;
  };
  constexpr std::array offers = {
      Offer{"openai", "gpt-5.4", "smart", "https://openai.com/api/pricing"},
      Offer{"openai", "gpt-5-mini", "fast", "https://openai.com/api/pricing"},
      Offer{"anthropic", "claude-sonnet-5", "smart", "https://www.anthropic.com/pricing"},
      Offer{"anthropic", "claude-haiku-4-5", "fast", "https://www.anthropic.com/pricing"},
      Offer{"google", "gemini-3.1-pro-preview", "smart", "https://ai.google.dev/gemini-api/docs/pricing"},
      Offer{"groq", "llama-4-scout", "fast", "https://groq.com/pricing"},
      Offer{"home", "qwen3-32b", "private", "sluice.yaml"},
  };
  constexpr std::array dialects = {chat::DialectId::openai_chat, chat::DialectId::openai_responses,
                                   chat::DialectId::anthropic_messages, chat::DialectId::gemini};
  const std::uint64_t seed = mixed(static_cast<std::uint64_t>(number));
  // Between 0 and `of`, another one for each question.
  const auto pick = [&](std::uint64_t question, std::uint64_t of) {
    return static_cast<std::int64_t>(mixed(seed + question) % of);
  };
  const Offer& offer = offers[static_cast<std::size_t>(pick(1, offers.size()))];
  LedgerEntry row;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "req_01JD8Z%020llX", static_cast<unsigned long long>(number));
  row.request_id = RequestId(text.data());
  std::snprintf(text.data(), text.size(), "key_a1B2c3D4e%03lld", static_cast<long long>(pick(2, 200)));
  row.key_id = KeyId(text.data());
  row.client_dialect = dialects[static_cast<std::size_t>(pick(3, dialects.size()))];
  row.requested_model = pick(4, 10) < 7 ? offer.route : offer.model;
  row.provider = ProviderId(offer.provider);
  row.model = ModelName(offer.model);
  row.ground = std::string_view(offer.provider) == "home" ? catalog::Ground::self_hosted : catalog::Ground::proprietary;
  row.stream = pick(5, 10) < 6;
  row.status = 200;
  row.total_us = 300'000 + pick(6, 30'000'000);
  row.end_us = end_us;
  row.start_us = end_us - row.total_us - pick(7, 40);  // of another clock
  row.ttft_us = row.total_us / 4;
  row.usage.reported = true;
  row.usage.input = 60 + pick(8, 12'000);
  row.usage.output = 10 + pick(9, 1'500);
  if (pick(10, 10) < 4) row.usage.cache_read = 1'024 + pick(11, 60'000);
  if (pick(10, 10) == 4) row.usage.cache_write_5m = 1'024 + pick(11, 60'000);
  if (pick(12, 4) == 0) row.usage.reasoning = 64 + pick(13, 8'000);
  row.cost = Money::pico(row.usage.total_input() * 2'500'000 + row.usage.total_output() * 15'000'000);
  row.price_source = offer.source;
  row.config_hash = {1, 2, 3, 4, 5, 6, 7, static_cast<std::uint8_t>(number / 100'000)};
  if (pick(14, 10) < 3) row.tags = "env=prod,project=p" + std::to_string(pick(15, 40));
  if (pick(16, 2) == 0) row.workload = pick(17, 2) == 0 ? "letters" : "support-answers";
  switch (pick(18, 200)) {
    case 0:
    case 1:
    case 2:
    case 3:  // the provider failed, and another one is asked
      row.outcome = Outcome::provider_failed;
      row.status = 503;
      row.final = false;
      row.ttft_us = -1;
      row.usage = {};
      row.cost = Money();
      break;
    case 4:
    case 5:
      row.outcome = Outcome::client_gone;
      row.usage.reported = false;
      break;
    case 6:
      row.outcome = Outcome::provider_rejected;
      row.status = 400;
      row.usage = {};
      row.cost = Money();
      break;
    case 7: row.usage.service_tier = chat::ServiceTier::flex; break;
    case 8: row.usage.input_audio = 100 + pick(19, 2'000); break;
    case 9:
      row.usage.add(chat::Doubt::inconsistent);
      row.usage.raw.keep(
          R"({"prompt_tokens":112,"completion_tokens":40,"prompt_tokens_details":{"cached_tokens":400}})");
      break;
    case 10:
      row.correction = Correction::difference;
      row.final = false;
      row.usage = {};
      row.cost = Money::pico(-1'000'000);
      break;
    default: row.attempt = pick(20, 30) == 0 ? 2 : 1;
  }
  return row;
}

}  // namespace sluice::store
