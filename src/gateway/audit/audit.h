// What happened, provably? One record for each request, refused ones included: who asked for what, who could have
// served it and why not, who did, what it used and how it ended. No prompt, no answer, no secret, no header value.
// On disk it is a versioned binary record; JSON is made of it for whoever reads.
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
  std::string_view provider;
  std::string_view model;
  catalog::Ground ground = catalog::Ground::self_hosted;
  bool rejected = false;
  std::string_view reason;  // a word of the code, such as "listed" or "data_class"
};

// Borrows its texts from what it tells of: made for one call, which records it.
struct AuditRecord {
  std::string_view request_id;
  std::int64_t start_us = 0;  // since 1970 UTC
  std::int64_t end_us = 0;
  std::string_view key_id;  // empty: nobody was authenticated
  std::string_view tenant;
  std::string_view method;  // "POST"
  std::string_view route;   // the path as Sluice parsed it, without query
  std::optional<chat::DialectId> client_dialect;
  std::string_view requested_model;
  bool stream = false;
  DataClass data_class = DataClass::internal;
  std::string_view verdict_rule;           // of guard
  std::vector<AuditCandidate> candidates;  // in the order of the plan; at most max_audit_candidates are recorded
  std::int64_t candidates_left_out = 0;    // beyond those; counted by encode
  std::string_view provider;               // that served, or was asked last; empty: nobody was
  std::string_view model;
  std::optional<catalog::Ground> ground;
  std::string_view answered_by;  // the model that the provider says has answered
  int attempts = 0;
  int status = 0;  // that the client got
  store::Outcome outcome = store::Outcome::ok;
  std::string_view error_code;  // of the refusal or failure: a word of the code, not its message
  chat::Usage usage;
  std::optional<Money> cost;
  std::string_view price_source;
  std::vector<std::string_view> dropped_params;  // names only
  store::ConfigHash config_hash = {};
  // Of the workload that the request belongs to; empty: none, and then nothing of what follows.
  std::string_view workload;
  bool canary = false;           // its canary was asked first
  std::string_view escalated;    // from whom and why: "a/m: length"; empty: it was not
  std::string_view checked;      // provider/model whose answer its cascade has checked first; empty: none was
  std::string_view check;        // that it has failed, a word of config::all_checks; empty: it has passed
  int difficulty_permille = -1;  // -1: nobody has asked for it
  std::string_view features;     // as difficulty::pack writes them, where the workload learns; empty: not kept
};

constexpr std::size_t max_audit_candidates = 32;  // keeps a record below 4 KiB

std::string to_json(const AuditRecord& record);
// Appends the record's bytes to `out`.
void encode(const AuditRecord& record, std::string& out);
// The JSON of a record of the audit log: of a request, or of an administrative act, which is kept as JSON. Errors:
// invalid_request for a cut or unknown record.
Result<std::string> audit_json(std::string_view bytes);
// Borrows from the bytes. Empty for an administrative act, and for a record that is cut or unknown.
std::optional<AuditRecord> read_record(std::string_view bytes);
store::Appended audit(store::RecordLog& log, const AuditRecord& record);

}  // namespace sluice::gateway
