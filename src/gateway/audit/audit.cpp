#include "gateway/audit/audit.h"

#include <algorithm>

#include "base/crypto.h"
#include "json/json.h"
#include "store/record_bytes.h"

namespace sluice::gateway {
namespace {

constexpr std::int64_t format_version = 1;

// First byte of a request's record; an administrative act is JSON and begins with '{'.
constexpr std::uint8_t binary_version = 2;

enum Flag : std::uint8_t {
  stream = 1,
  has_dialect = 2,
  has_ground = 4,
  has_cost = 8,
  reported = 16,
  has_workload = 32
};

std::string_view bounded(std::string_view text) { return store::RecordWriter::cut(text); }

std::size_t kept(std::size_t count) { return std::min(count, max_audit_candidates); }

constexpr std::size_t most_feature_bytes = 512;  // more than difficulty::pack writes

// Numbers and flags are below 200 bytes.
std::size_t most_bytes(const AuditRecord& record) {
  constexpr std::size_t name = 1 + store::max_name_bytes;
  return 200 + most_feature_bytes + 16 * name + kept(record.candidates.size()) * (2 + 3 * name) +
         kept(record.dropped_params.size()) * name;
}

void write_candidates(json::Writer& to, const AuditRecord& record) {
  to.key("candidates").begin_array();
  for (std::size_t i = 0; i < kept(record.candidates.size()); ++i) {
    const AuditCandidate& candidate = record.candidates[i];
    to.begin_object().member("provider", candidate.provider).member("model", bounded(candidate.model));
    to.member("ground", name(candidate.ground)).member(candidate.rejected ? "rejected" : "accepted", candidate.reason);
    to.end_object();
  }
  to.end_array();
  const std::int64_t left_out =
      record.candidates_left_out + static_cast<std::int64_t>(record.candidates.size() - kept(record.candidates.size()));
  if (left_out > 0) to.member("candidates_left_out", left_out);
}

void write_usage(json::Writer& to, const chat::Usage& usage) {
  to.key("tokens").begin_object();
  to.member("input", usage.input).member("cache_read", usage.cache_read).member("cache_write_5m", usage.cache_write_5m);
  to.member("cache_write_1h", usage.cache_write_1h).member("output", usage.output).member("reasoning", usage.reasoning);
  to.member("reported", usage.reported).end_object();
}

void write_workload(json::Writer& to, const AuditRecord& record) {
  if (record.workload.empty()) return;
  to.member("workload", bounded(record.workload));
  if (record.canary) to.member("canary", true);
  if (!record.escalated.empty()) to.member("escalated", bounded(record.escalated));
  if (!record.checked.empty())
    to.member("checked", bounded(record.checked)).member("check", record.check.empty() ? "passed" : record.check);
  if (record.difficulty_permille >= 0) to.member("difficulty_permille", record.difficulty_permille);
  if (!record.features.empty()) to.member("features", record.features);
}

void write_dropped(json::Writer& to, const std::vector<std::string_view>& names) {
  to.key("dropped_params").begin_array();
  for (std::size_t i = 0; i < kept(names.size()); ++i) to.string(bounded(names[i]));
  to.end_array();
}

}  // namespace

std::string to_json(const AuditRecord& record) {
  std::string out;
  out.reserve(1'024);
  json::Writer to(out);
  to.begin_object().member("v", format_version).member("act", "request").member("request_id", record.request_id);
  to.member("start_us", record.start_us).member("end_us", record.end_us);
  if (!record.key_id.empty()) to.member("key_id", record.key_id);
  if (!record.tenant.empty()) to.member("tenant", bounded(record.tenant));
  to.member("method", bounded(record.method)).member("route", bounded(record.route));
  if (record.client_dialect) to.member("client_dialect", name(*record.client_dialect));
  to.member("requested_model", bounded(record.requested_model)).member("stream", record.stream);
  to.member("data_class", name(record.data_class)).member("verdict_rule", record.verdict_rule);
  write_candidates(to, record);
  if (!record.provider.empty()) to.member("provider", record.provider);
  if (!record.model.empty()) to.member("model", bounded(record.model));
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
  write_workload(to, record);
  to.member("config_hash", crypto::hex(record.config_hash)).end_object();
  return out;
}

void encode(const AuditRecord& record, std::string& out) {
  store::RecordWriter to(out, most_bytes(record));
  to.u8(binary_version);
  to.u8(static_cast<std::uint8_t>((record.stream ? Flag::stream : 0) | (record.client_dialect ? has_dialect : 0) |
                                  (record.ground ? has_ground : 0) | (record.cost ? has_cost : 0) |
                                  (record.usage.reported ? reported : 0) |
                                  (record.workload.empty() ? 0 : has_workload)));
  to.u8(static_cast<std::uint8_t>(record.client_dialect.value_or(chat::DialectId{})));
  to.u8(static_cast<std::uint8_t>(record.data_class));
  to.u8(static_cast<std::uint8_t>(record.ground.value_or(catalog::Ground{})));
  to.u8(static_cast<std::uint8_t>(record.outcome));
  to.u8(static_cast<std::uint8_t>(std::clamp(record.attempts, 0, 255)));
  to.u16(static_cast<std::uint16_t>(record.status));
  to.i64(record.start_us);
  to.i64(record.end_us);
  for (const Tokens tokens : {record.usage.fresh_input(), record.usage.cached_input(), record.usage.cache_write_5m,
                              record.usage.cache_write_1h, record.usage.visible_output(), record.usage.reasoning})
    to.i64(tokens);
  to.i64(record.cost.value_or(Money()).pico());
  to.bytes(record.config_hash.data(), record.config_hash.size());
  for (const std::string_view* text :
       {&record.request_id, &record.key_id, &record.provider, &record.model, &record.tenant, &record.method,
        &record.route, &record.requested_model, &record.verdict_rule, &record.answered_by, &record.error_code,
        &record.price_source})
    to.name(*text);
  const std::size_t candidates = kept(record.candidates.size());
  to.u8(static_cast<std::uint8_t>(candidates));
  to.i64(record.candidates_left_out + static_cast<std::int64_t>(record.candidates.size() - candidates));
  for (std::size_t i = 0; i < candidates; ++i) {
    const AuditCandidate& candidate = record.candidates[i];
    to.u8(candidate.rejected ? 1 : 0);
    to.u8(static_cast<std::uint8_t>(candidate.ground));
    to.name(candidate.provider);
    to.name(candidate.model);
    to.name(candidate.reason);
  }
  const std::size_t dropped = kept(record.dropped_params.size());
  to.u8(static_cast<std::uint8_t>(dropped));
  for (std::size_t i = 0; i < dropped; ++i) to.name(record.dropped_params[i]);
  if (record.workload.empty()) return;
  for (const std::string_view* text : {&record.workload, &record.escalated, &record.checked, &record.check})
    to.name(*text);
  to.u8(record.canary ? 1 : 0);
  to.u16(static_cast<std::uint16_t>(record.difficulty_permille + 1));
  const std::string_view features = record.features.substr(0, most_feature_bytes);
  to.u16(static_cast<std::uint16_t>(features.size()));
  to.bytes(features.data(), features.size());
}

namespace {

template <class Enum>
std::optional<Enum> known(std::uint8_t value, std::size_t count) {
  return value < count ? std::optional(static_cast<Enum>(value)) : std::nullopt;
}
constexpr std::size_t grounds = 3;
constexpr std::size_t data_classes = 3;

}  // namespace

std::optional<AuditRecord> read_record(std::string_view bytes) {
  store::RecordReader from(bytes);
  if (from.u8() != binary_version) return std::nullopt;
  const std::uint8_t flags = from.u8();
  AuditRecord record;
  const auto dialect = known<chat::DialectId>(from.u8(), chat::all_dialects.size());
  const auto data_class = known<DataClass>(from.u8(), data_classes);
  const auto ground = known<catalog::Ground>(from.u8(), grounds);
  const auto outcome = known<store::Outcome>(from.u8(), store::outcomes.size());
  if (!dialect || !data_class || !ground || !outcome) return std::nullopt;
  if (flags & has_dialect) record.client_dialect = dialect;
  if (flags & has_ground) record.ground = ground;
  record.data_class = *data_class;
  record.outcome = *outcome;
  record.attempts = from.u8();
  record.status = from.u16();
  record.start_us = from.i64();
  record.end_us = from.i64();
  for (Tokens* tokens : {&record.usage.input, &record.usage.cache_read, &record.usage.cache_write_5m,
                         &record.usage.cache_write_1h, &record.usage.output, &record.usage.reasoning})
    *tokens = from.i64();
  const std::int64_t cost = from.i64();
  if (flags & has_cost) record.cost = Money::pico(cost);
  record.config_hash = from.bytes<store::ConfigHash>();
  for (std::string_view* text : {&record.request_id, &record.key_id, &record.provider, &record.model, &record.tenant,
                                 &record.method, &record.route, &record.requested_model, &record.verdict_rule,
                                 &record.answered_by, &record.error_code, &record.price_source})
    *text = from.name();
  const std::uint8_t candidates = from.u8();
  record.candidates_left_out = from.i64();
  for (std::uint8_t i = 0; i < candidates && from.complete(); ++i) {
    AuditCandidate candidate;
    candidate.rejected = from.u8() != 0;
    const auto where = known<catalog::Ground>(from.u8(), grounds);
    if (!where) return std::nullopt;
    candidate.ground = *where;
    candidate.provider = from.name();
    candidate.model = from.name();
    candidate.reason = from.name();
    record.candidates.push_back(candidate);
  }
  const std::uint8_t dropped = from.u8();
  for (std::uint8_t i = 0; i < dropped && from.complete(); ++i) record.dropped_params.push_back(from.name());
  record.stream = flags & Flag::stream;
  record.usage.reported = flags & reported;
  if (flags & has_workload) {
    for (std::string_view* text : {&record.workload, &record.escalated, &record.checked, &record.check})
      *text = from.name();
    record.canary = from.u8() != 0;
    record.difficulty_permille = from.u16() - 1;
    record.features = from.text(from.u16());
  }
  return from.complete() ? std::optional(std::move(record)) : std::nullopt;
}

Result<std::string> audit_json(std::string_view bytes) {
  if (bytes.starts_with('{')) return std::string(bytes);
  const std::optional<AuditRecord> record = read_record(bytes);
  if (record) return to_json(*record);
  return fail(ErrorKind::invalid_request, "an audit record cannot be read",
              "it was written by a newer sluice or is damaged");
}

store::Appended audit(store::RecordLog& log, const AuditRecord& record) {
  thread_local std::string bytes;  // one allocation per thread instead of one per request
  bytes.clear();
  encode(record, bytes);
  return log.append(bytes);
}

}  // namespace sluice::gateway
