#include "gateway/audit/audit.h"

#include <algorithm>

#include "base/crypto.h"
#include "json/json.h"

namespace sluice::gateway {
namespace {

constexpr std::int64_t format_version = 1;

// Cut at a character's start, so that what is left is UTF-8 if it was.
std::string_view bounded(std::string_view text) {
  if (text.size() <= max_audit_text) return text;
  std::size_t end = max_audit_text;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

void write_candidates(json::Writer& to, const std::vector<AuditCandidate>& candidates) {
  to.key("candidates").begin_array();
  for (std::size_t i = 0; i < std::min(candidates.size(), max_audit_candidates); ++i) {
    const AuditCandidate& candidate = candidates[i];
    to.begin_object().member("provider", candidate.provider.str()).member("model", bounded(candidate.model.str()));
    to.member("ground", name(candidate.ground)).member(candidate.rejected ? "rejected" : "accepted", candidate.reason);
    to.end_object();
  }
  to.end_array();
  if (candidates.size() > max_audit_candidates)
    to.member("candidates_left_out", static_cast<std::int64_t>(candidates.size() - max_audit_candidates));
}

void write_usage(json::Writer& to, const chat::Usage& usage) {
  to.key("tokens").begin_object();
  to.member("input", usage.input).member("cache_read", usage.cache_read).member("cache_write_5m", usage.cache_write_5m);
  to.member("cache_write_1h", usage.cache_write_1h).member("output", usage.output).member("reasoning", usage.reasoning);
  to.member("reported", usage.reported).end_object();
}

void write_dropped(json::Writer& to, const std::vector<std::string>& names) {
  to.key("dropped_params").begin_array();
  for (std::size_t i = 0; i < std::min(names.size(), max_audit_candidates); ++i) to.string(bounded(names[i]));
  to.end_array();
}

}  // namespace

std::string to_json(const AuditRecord& record) {
  std::string out;
  out.reserve(1'024);
  json::Writer to(out);
  to.begin_object().member("v", format_version).member("act", "request").member("request_id", record.request_id.str());
  to.member("start_us", record.start_us).member("end_us", record.end_us);
  if (record.key_id) to.member("key_id", record.key_id->str());
  if (!record.tenant.empty()) to.member("tenant", bounded(record.tenant));
  to.member("method", bounded(record.method)).member("route", bounded(record.route));
  if (record.client_dialect) to.member("client_dialect", name(*record.client_dialect));
  to.member("requested_model", bounded(record.requested_model)).member("stream", record.stream);
  to.member("data_class", name(record.data_class)).member("verdict_rule", record.verdict_rule);
  write_candidates(to, record.candidates);
  if (record.provider) to.member("provider", record.provider->str());
  if (record.model) to.member("model", bounded(record.model->str()));
  if (record.ground) to.member("ground", name(*record.ground));
  if (!record.answered_by.empty()) to.member("answered_by", bounded(record.answered_by));
  to.member("attempts", record.attempts).member("status", record.status).member("outcome", name(record.outcome));
  if (!record.error_code.empty()) to.member("error_code", bounded(record.error_code));
  write_usage(to, record.usage);
  to.key("cost_pico");
  if (record.cost) {
    to.integer(record.cost->pico());
  } else {
    to.null();
  }
  if (!record.price_source.empty()) to.member("price_source", bounded(record.price_source));
  write_dropped(to, record.dropped_params);
  to.member("config_hash", crypto::hex(record.config_hash)).end_object();
  return out;
}

store::Appended audit(store::RecordLog& log, const AuditRecord& record) { return log.append(to_json(record)); }

}  // namespace sluice::gateway
