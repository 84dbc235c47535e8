// What happened, provably? One JSON record for each request, refused ones included: who asked for what, who could have
// served it and why not, who did, what it used and how it ended. No prompt, no answer, no secret, no header value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/data_class.h"
#include "base/ids.h"
#include "base/money.h"
#include "catalog/ground.h"
#include "chat/dialect_id.h"
#include "chat/usage.h"
#include "store/append_log.h"
#include "store/ledger_entry.h"

namespace sluice::gateway {

// One line of the decision trace.
struct AuditCandidate {
  ProviderId provider;
  ModelName model;
  catalog::Ground ground = catalog::Ground::self_hosted;
  bool rejected = false;
  std::string reason;  // a word of the code, such as "listed" or "data_class"
};

struct AuditRecord {
  RequestId request_id;
  std::int64_t start_us = 0;  // since 1970 UTC
  std::int64_t end_us = 0;
  std::optional<KeyId> key_id;  // empty: nobody was authenticated
  std::string tenant;
  std::string method;  // "POST"
  std::string route;   // the path as Sluice parsed it, without query
  std::optional<chat::DialectId> client_dialect;
  std::string requested_model;
  bool stream = false;
  DataClass data_class = DataClass::internal;
  std::string verdict_rule;                // of guard
  std::vector<AuditCandidate> candidates;  // in the order of the plan; at most max_audit_candidates are recorded
  std::optional<ProviderId> provider;      // that served, or was asked last
  std::optional<ModelName> model;
  std::optional<catalog::Ground> ground;
  std::string answered_by;  // the model that the provider says has answered
  int attempts = 0;
  int status = 0;  // that the client got
  store::Outcome outcome = store::Outcome::ok;
  std::string error_code;  // of the refusal or failure: a word of the code, not its message
  chat::Usage usage;
  std::optional<Money> cost;
  std::string price_source;
  std::vector<std::string> dropped_params;  // names only
  store::ConfigHash config_hash = {};
};

constexpr std::size_t max_audit_candidates = 32;  // keeps a record below 4 KiB
constexpr std::size_t max_audit_text = 255;       // bytes of any text a client chose

std::string to_json(const AuditRecord& record);
store::Appended audit(store::RecordLog& log, const AuditRecord& record);

}  // namespace sluice::gateway
