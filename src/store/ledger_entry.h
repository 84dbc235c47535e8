// One row of the ledger: a request that reached a provider, or one attempt of it that failed over. The row is written
// whatever ended the request, also when the client left or the stream broke, because the provider bills all the same.
// On disk it is a versioned binary record of about 150 bytes: numbers as long as they need to be, names as short
// strings, the id as a ULID's bits. Flags say whether more follows: what few rows have (sound, images, searches, a
// service tier, counts in doubt, a correction), tags, and the workload, which comes last.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "catalog/ground.h"
#include "chat/dialect_id.h"
#include "chat/usage.h"
#include "store/record_bytes.h"

namespace sluice::store {

enum class Outcome : std::uint8_t {
  ok,               // the whole answer went to the client, or its provider goes on with it in the background
  client_gone,      // the client left before the end
  provider_failed,  // the provider failed, timed out, broke off or spoke no known protocol
  refused,          // Sluice refused it (audit only: such a request has no ledger entry)
  internal,         // a fault of Sluice ended it
  // The provider complained about the request itself (a 400, say): it is the client's to mend.
  provider_rejected,
  outpaced,   // a call beside another that was faster: cancelled, and billed as far as it went
  escalated,  // its answer has failed a check of its workload's cascade, and the next candidate was asked
  shadow,     // the same request at one more candidate, whose answer nobody got; no request of its own
};
// In the order of their values, which are on disk: a new one goes to the end.
inline constexpr std::array outcomes = {Outcome::ok,       Outcome::client_gone, Outcome::provider_failed,
                                        Outcome::refused,  Outcome::internal,    Outcome::provider_rejected,
                                        Outcome::outpaced, Outcome::escalated,   Outcome::shadow};

constexpr std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::client_gone: return "client_gone";
    case Outcome::provider_failed: return "provider_failed";
    case Outcome::refused: return "refused";
    case Outcome::internal: return "internal";
    case Outcome::provider_rejected: return "provider_rejected";
    case Outcome::outpaced: return "outpaced";
    case Outcome::escalated: return "escalated";
    case Outcome::shadow: return "shadow";
  }
  return "unknown";
}

// Rows that mend the cost of an earlier one. Its tokens stay where they are; a correction has tokens only where the
// earlier row could not have them: of a response in the background. They have its time, so that sums by day
// stay with the day, and are no requests.
enum class Correction : std::uint8_t {
  none,         // an attempt
  difference,   // `cost` is what the row's cost must be raised by; may be below zero
  first_price,  // the row was unpriced; `cost` is what it costs
};

using ConfigHash = std::array<std::uint8_t, 8>;

struct LedgerEntry {
  RequestId request_id;
  std::int64_t start_us = 0;  // since 1970 UTC
  std::int64_t end_us = 0;
  KeyId key_id;
  chat::DialectId client_dialect = chat::DialectId::openai_chat;
  std::string requested_model;  // as the client named it, cut to max_name_bytes
  ProviderId provider;
  ModelName model;  // that was asked for at the provider
  catalog::Ground ground = catalog::Ground::self_hosted;
  bool stream = false;
  int status = 0;  // HTTP status that the client got; of a failed-over attempt: the provider's, 0 = none
  Outcome outcome = Outcome::ok;
  std::uint8_t attempt = 1;  // which attempt of its request this row is, from 1
  bool final = true;         // the attempt that ended the request: usage counts requests by it
  chat::Usage usage;
  std::optional<Money> cost;                 // empty = unpriced, which is not zero
  std::string price_source;                  // where the price comes from; empty when unpriced
  std::int64_t ttft_us = -1;                 // from start to the first token at the client; -1 = there was none
  std::int64_t total_us = 0;                 // by the monotonic clock
  ConfigHash config_hash = {};               // of the Snapshot that decided
  Correction correction = Correction::none;  // then end_us says when it was made
  std::string tags;                          // of the key and of the request, as tags.h keeps them
  std::string workload;                      // whose rules placed the request; empty: it belongs to none

  friend bool operator==(const LedgerEntry&, const LedgerEntry&) = default;
};

// Appends the record's bytes to `out`.
void encode(const LedgerEntry& entry, std::string& out);
// Errors: invalid_request for a cut or unknown record. Fields that a later version appended are ignored.
Result<LedgerEntry> decode_ledger_entry(std::string_view bytes);

}  // namespace sluice::store
