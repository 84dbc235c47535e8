// What was used: sums, the ledger's rows, and what administrators have done. All as far as the log has been folded,
// which a running server does every second.
#include <algorithm>
#include <charconv>
#include <utility>

#include "admin/handlers.h"
#include "admin/visible.h"
#include "base/utc.h"
#include "spend/periods.h"
#include "store/tags.h"

namespace sluice::admin {
namespace {

// A page of the ledger looks at so many rows and no more; where they have been few for the filter, it is short and the
// next one goes on.
constexpr std::int64_t rows_per_page = 100'000;
// About two seconds of the administration's thread for each of the two periods.
constexpr std::int64_t most_rows_explained = 500'000;

// The keys that the query names, within those that are seen; empty: all.
Result<std::optional<store::KeyFilter>> find_keys(Call& call, const Visible& visible) {
  TRY(store::KeyFilter filter, keys_of(visible, call.query.text("team"), call.query.text("user")));
  if (call.query.has("key")) {
    TRY(const store::KeyReport found, visible.key(call.query.text("key"), "key"));
    filter.id = found.key.id.str();
  }
  const bool all = visible.everything() && filter.id.empty() && filter.team.empty() && filter.user.empty();
  return all ? std::nullopt : std::optional(std::move(filter));
}

void write_sums(json::Writer& out, const store::UsageRow& row) {
  out.member("requests", row.requests).member("failed", row.failed).member("extra_attempts", row.extra_attempts);
  out.member("input_tokens", row.input).member("cache_read_tokens", row.cache_read);
  out.member("cache_write_tokens", row.cache_write).member("output_tokens", row.output);
  out.member("estimated", row.estimated).member("unpriced", row.unpriced).member("cost_usd", row.cost_usd());
  out.member("corrections", row.corrections).member("corrected_usd", store::usd(row.corrected_pico));
}

void write_entry(json::Writer& out, const store::LoggedEntry& logged) {
  const store::LedgerEntry& entry = logged.entry;
  const chat::Usage& usage = entry.usage;
  out.begin_object().member("row", logged.row).member("started_at", utc_text(entry.start_us));
  out.member("request_id", entry.request_id.str()).member("key_id", entry.key_id.str());
  write_text(out, "key_name", logged.key_name);
  out.member("dialect", name(entry.client_dialect)).member("requested_model", entry.requested_model);
  out.member("provider", entry.provider.str()).member("model", entry.model.str()).member("ground", name(entry.ground));
  out.member("stream", entry.stream).member("status", entry.status).member("outcome", name(entry.outcome));
  out.member("attempt", std::int64_t{entry.attempt}).member("final", entry.final);
  out.member("correction", entry.correction != store::Correction::none);
  out.member("input_tokens", usage.fresh_input()).member("cache_read_tokens", usage.cached_input());
  out.member("cache_write_tokens", usage.cache_write_5m + usage.cache_write_1h);
  out.member("output_tokens", usage.visible_output()).member("reasoning_tokens", usage.reasoning);
  out.member("reported", usage.reported);
  write_text(out, "cost_usd", entry.cost ? entry.cost->usd() : std::string());
  out.key("tags").begin_array();
  for (const std::string_view tag : store::split_tags(entry.tags)) out.string(tag);
  out.end_array();
  write_text(out, "workload", entry.workload);
  write_text(out, "price_source", entry.price_source);
  write_number(out, "first_token_us", entry.ttft_us >= 0 ? std::optional(entry.ttft_us) : std::nullopt);
  out.member("total_us", entry.total_us).end_object();
}

// A page's cursor that is a number.
Result<std::optional<std::int64_t>> number_of_cursor(const Input& query) {
  if (!query.has("cursor")) return std::nullopt;
  const std::string text = query.text("cursor");
  std::int64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc() || end != text.data() + text.size() || number < 1)
    return wrong_field("cursor", "`cursor` is none that a page has given", "begin without one");
  return number;
}

// A page of groups, of which there may be as many as keys or tags; its cursor is how many the pages before it had.
template <class Group, class Write>
Result<void> write_page(Call& call, json::Writer& out, const std::vector<Group>& groups, const Write& write_one) {
  TRY(const std::size_t limit, page_limit(call.query));
  TRY(const std::optional<std::int64_t> given, number_of_cursor(call.query));
  const std::size_t from = std::min(static_cast<std::size_t>(given.value_or(0)), groups.size());
  const std::size_t to = from + std::min(limit, groups.size() - from);
  out.key("data").begin_array();
  for (std::size_t i = from; i < to; ++i) write_one(groups[i]);
  out.end_array();
  write_text(out, "next", to < groups.size() ? std::to_string(to) : std::string());
  return {};
}

}  // namespace

Result<std::string> sum_usage(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  store::UsageQuery query;
  const std::string by = call.query.has("by") ? call.query.text("by") : "key";
  query.by = store::group_by_from_name(by == "organisation" ? "org" : by).value_or(store::GroupBy::key);
  query.since_us = call.query.time_us("since");
  query.until_us = call.query.time_us("until");
  TRY(query.keys, find_keys(call, visible));
  query.model = call.query.text("model");
  query.tag = call.query.text("tag");
  query.workload = call.query.text("workload");
  TRY(const store::UsageReport report, call.store.usage(query));
  std::string text;
  json::Writer out(text);
  out.begin_object().member("by", by);
  CHECK_OK(write_page(call, out, report.rows, [&](const store::UsageRow& row) {
    out.begin_object().member("name", row.group);
    write_text(out, "key_id", row.key_id);
    write_sums(out, row);
    out.end_object();
  }));
  out.key("total").begin_object();
  write_sums(out, report.total);
  out.end_object().end_object();
  return text;
}

Result<std::string> explain_usage(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  spend::Asked asked{
      .before = {call.query.time_us("before_since").value_or(0), call.query.time_us("before_until").value_or(0)},
      .after = {call.query.time_us("since").value_or(0), call.query.time_us("until").value_or(call.now_us)},
      .most_rows = most_rows_explained};
  for (const auto& [period, field] : {std::pair(&asked.before, "before_until"), {&asked.after, "until"}})
    if (period->from_us >= period->to_us)
      return wrong_field(field, std::string("the period ends before it begins: `") + field + "`",
                         "a period's first moment comes first, and its last is not in it");
  if (call.query.has("by")) asked.by = call.query.text("by");
  TRY(asked.keys, find_keys(call, visible));
  TRY(const spend::Comparison told, spend::compare(call.store, call.around.snapshot()->prices(), asked));
  std::string text;
  json::Writer out(text);
  out.begin_object().member("by", asked.by);
  CHECK_OK(write_page(call, out, told.groups, [&](const spend::Compared& one) {
    out.begin_object().member("name", one.group);
    write(out, one);
    out.end_object();
  }));
  out.key("total").begin_object().member("name", told.total.group);
  write(out, told.total);
  out.end_object().end_object();
  return text;
}

Result<std::string> list_ledger(Call& call) {
  const Visible visible(call.store, call.actor.grant.scope);
  TRY(const std::size_t limit, page_limit(call.query));
  TRY(std::optional<std::int64_t> before, number_of_cursor(call.query));
  if (!before) {
    TRY(const std::vector<store::LoggedEntry> newest, call.store.last_entries(1));
    before = newest.empty() ? 1 : newest.back().row + 1;
  }
  store::EntryRange range;
  range.before_row = before;
  range.after_row = std::max<std::int64_t>(*before - rows_per_page - 1, 0);
  range.since_us = call.query.time_us("since");
  range.until_us = call.query.time_us("until");
  range.workload = call.query.text("workload");
  TRY(range.keys, find_keys(call, visible));
  TRY(const std::vector<store::LoggedEntry> entries, call.store.entries_in(range, limit));
  std::string text;
  json::Writer out(text);
  out.begin_object().key("data").begin_array();
  for (const store::LoggedEntry& entry : entries) write_entry(out, entry);
  out.end_array();
  const std::int64_t next = entries.size() == limit ? entries.back().row : range.after_row + 1;
  write_text(out, "next", next > 1 ? std::to_string(next) : std::string());
  out.end_object();
  return text;
}

Result<std::string> list_acts(Call& call) {
  if (!call.actor.grant.scope.everything())
    return fail(ErrorKind::forbidden, "the record of acts is of everything, and this role counts within a part of it",
                "ask an auditor of everything");
  TRY(const std::size_t limit, page_limit(call.query));
  TRY(const std::optional<std::int64_t> before, number_of_cursor(call.query));
  TRY(const std::vector<store::AdminAct> acts, call.store.admin_acts(before, limit));
  std::string text;
  json::Writer out(text);
  out.begin_object().key("data").begin_array();
  for (const store::AdminAct& act : acts)
    out.begin_object().member("number", act.number).key("act").raw(act.json).end_object();
  out.end_array();
  write_text(out, "next", acts.size() == limit ? std::to_string(acts.back().number) : std::string());
  out.end_object();
  return text;
}

}  // namespace sluice::admin
