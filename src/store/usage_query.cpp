#include "store/usage_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <map>
#include <tuple>

#include "store/key.h"
#include "store/retention.h"
#include "store/row_span.h"
#include "store/sight.h"
#include "store/tags.h"
#include "store/window.h"

namespace sluice::store {
namespace {

// SQL text of our own.
struct Dimension {
  std::string_view name;
  const char* column;  // what the sums are grouped by
  const char* label;   // of the group g.value; NULL: the value says it, or there is none
};
// By GroupBy's value.
constexpr std::array dimensions = {
    Dimension{"key", "key_id", "(SELECT name FROM keys WHERE id = g.value)"},
    Dimension{"model", "model", "NULL"},
    Dimension{"provider", "provider", "NULL"},
    Dimension{"ground", "ground", "NULL"},
    Dimension{"day", "day", "NULL"},
    Dimension{"team", "key_id", "(SELECT s.name FROM keys k JOIN subjects s ON s.id = k.team_id WHERE k.id = g.value)"},
    Dimension{"user", "key_id", "(SELECT s.name FROM keys k JOIN subjects s ON s.id = k.user_id WHERE k.id = g.value)"},
    Dimension{"org", "key_id",
              "(SELECT o.name FROM keys k JOIN subjects s ON s.id IN (k.team_id, k.user_id) JOIN subjects o ON o.id = "
              "s.org_id WHERE k.id = g.value ORDER BY s.kind LIMIT 1)"},
    Dimension{"tag", "tags", "NULL"},
    Dimension{"workload", "workload", "NULL"}};

// SQLite's sum() stops at 64 bits with an error. The picodollars beyond whole dollars are summed in two halves, tokens
// are bounded per row (ledger_entry.cpp): neither can overflow below 9 million rows of the largest size.
constexpr std::int64_t half = 1'000'000;

// An attempt that a provider refused used nothing: it is neither estimated nor unpriced.
#define SLUICE_USED_TOKENS                                                                                   \
  "input + cache_read + cache_write_5m + cache_write_1h + output + reasoning + input_audio + input_image + " \
  "input_video + cache_read_audio + output_audio + output_image > 0"

// As rows_ended_in() has it, within the statement: of one moment, while others bring rows in.
#define SLUICE_ROW_ENDED_IN(from, to)                                                                             \
  "row >= (SELECT coalesce(min(first_row), 0) FROM ledger_end_hours WHERE hour >= " from                          \
  " / 3600000000 AND hour "                                                                                       \
  "<= (" to " - 1) / 3600000000 AND " from " < " to                                                               \
  ") AND row <= (SELECT coalesce(max(last_row), 0) FROM "                                                         \
  "ledger_end_hours WHERE hour >= " from " / 3600000000 AND hour <= (" to " - 1) / 3600000000 AND " from " < " to \
  ") AND end_us >= " from " AND end_us < " to

#define SLUICE_SUMS                                                                                                   \
  "key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read, cache_write, output, " \
  "estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, workload"

#define SLUICE_ENTRY_COLUMNS                                                                                        \
  "l.row, coalesce(k.name, ''), request_id, start_us, end_us, key_id, dialect, requested_model, provider, model, "  \
  "ground, "                                                                                                        \
  "stream, status, outcome, attempt, final, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, " \
  "reported, cost_pico, price_source, ttft_us, total_us, config_hash, input_audio, input_image, input_video, "      \
  "cache_read_audio, output_audio, output_image, searches, service_tier, doubts, raw_usage, correction, l.tags, "   \
  "workload FROM ledger l LEFT JOIN keys k ON k.id = l.key_id "

constexpr const char* temporary_keys = "(chat and run)";  // who makes them
constexpr const char* nobodys = "(none)";                 // without a team, say
static_assert(temporary_id_prefix == "key_tmp_");

std::optional<Outcome> outcome_from_name(std::string_view text) {
  for (const Outcome outcome : outcomes)
    if (name(outcome) == text) return outcome;
  return std::nullopt;
}

// From the hexadecimal digits that crypto::hex() wrote; zeros for what is none.
ConfigHash config_hash(std::string_view digits) {
  ConfigHash hash{};
  if (digits.size() != 2 * hash.size()) return {};
  for (std::size_t i = 0; i < hash.size(); ++i) {
    const char* from = digits.data() + 2 * i;
    const auto [end, error] = std::from_chars(from, from + 2, hash[i], 16);
    if (error != std::errc() || end != from + 2) return {};
  }
  return hash;
}

LoggedEntry read_entry(const Statement& row) {
  LoggedEntry logged;
  LedgerEntry& entry = logged.entry;
  chat::Usage& usage = entry.usage;
  logged.row = row.integer(0);
  logged.key_name = row.text(1);
  entry.request_id = RequestId(row.text(2));
  entry.start_us = row.integer(3);
  entry.end_us = row.integer(4);
  entry.key_id = KeyId(row.text(5));
  entry.client_dialect = chat::dialect_from_name(row.text(6)).value_or(chat::DialectId::openai_chat);
  entry.requested_model = row.text(7);
  entry.provider = ProviderId(row.text(8));
  entry.model = ModelName(row.text(9));
  entry.ground = catalog::ground_from_name(row.text(10)).value_or(catalog::Ground::self_hosted);
  entry.stream = row.integer(11) != 0;
  entry.status = static_cast<int>(row.integer(12));
  entry.outcome = outcome_from_name(row.text(13)).value_or(Outcome::internal);
  entry.attempt = static_cast<std::uint8_t>(row.integer(14));
  entry.final = row.integer(15) != 0;
  usage.input = row.integer(16);
  usage.cache_read = row.integer(17);
  usage.cache_write_5m = row.integer(18);
  usage.cache_write_1h = row.integer(19);
  usage.output = row.integer(20);
  usage.reasoning = row.integer(21);
  usage.reported = row.integer(22) != 0;
  if (const auto cost = row.optional_integer(23)) entry.cost = Money::pico(*cost);
  entry.price_source = row.text(24);
  entry.ttft_us = row.integer(25);
  entry.total_us = row.integer(26);
  entry.config_hash = config_hash(row.text(27));
  usage.input_audio = row.integer(28);
  usage.input_image = row.integer(29);
  usage.input_video = row.integer(30);
  usage.cache_read_audio = row.integer(31);
  usage.output_audio = row.integer(32);
  usage.output_image = row.integer(33);
  usage.searches = row.integer(34);
  const std::int64_t tier = row.integer(35);
  if (tier >= 0 && tier < static_cast<std::int64_t>(chat::service_tier_names.size()))
    usage.service_tier = static_cast<chat::ServiceTier>(tier);
  usage.doubts = static_cast<std::uint8_t>(row.integer(36));
  if (const std::string raw = row.text(37); !raw.empty()) usage.raw.keep(raw);
  entry.correction = static_cast<Correction>(std::clamp<std::int64_t>(row.integer(38), 0, 2));
  entry.tags = row.text(39);
  entry.workload = row.text(40);
  return logged;
}

Result<std::vector<LoggedEntry>> read_entries(Statement& select) {
  std::vector<LoggedEntry> entries;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return entries;
    entries.push_back(read_entry(select));
  }
}

std::int64_t bounded(std::size_t count) { return static_cast<std::int64_t>(std::min(count, max_entries_per_query)); }

void add(UsageRow& total, const UsageRow& row) {
  total.requests += row.requests;
  total.failed += row.failed;
  total.extra_attempts += row.extra_attempts;
  total.input += row.input;
  total.cache_read += row.cache_read;
  total.cache_write += row.cache_write;
  total.output += row.output;
  total.estimated += row.estimated;
  total.unpriced += row.unpriced;
  total.cost_pico += row.cost_pico;
  total.corrections += row.corrections;
  total.corrected_pico += row.corrected_pico;
}

bool is_about_owners(GroupBy by) { return by == GroupBy::team || by == GroupBy::user || by == GroupBy::org; }

// A time in pieces: the whole days, which are summed up already, the whole hours before and behind them, and the
// moments before and behind those. Each from its first to behind its last.
struct Piece {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
struct Span {
  Piece days;
  Piece hours[2];
  Piece moments[2];
};

constexpr std::int64_t us_per_day = 24 * us_per_hour;

// The whole units within, and what is left on both sides.
void cut(Piece whole, std::int64_t unit, Piece& units, Piece (&rest)[2]) {
  units = {(whole.from + unit - 1) / unit, whole.to / unit};
  if (units.from >= units.to) {
    units = {};
    rest[0] = whole;
    return;
  }
  rest[0] = {whole.from, units.from * unit};
  rest[1] = {units.to * unit, whole.to};
}

Span span_of(const UsageQuery& query) {
  constexpr std::int64_t ever = (std::numeric_limits<std::int64_t>::max() / us_per_day - 1) * us_per_day;
  const Piece asked{std::clamp<std::int64_t>(query.since_us.value_or(0), 0, ever),
                    std::clamp<std::int64_t>(query.until_us.value_or(ever), 0, ever)};
  Span span;
  Piece hours;
  cut(asked, us_per_hour, hours, span.moments);
  cut(hours, 24, span.days, span.hours);
  if (!query.since_us && !query.until_us)
    span.days.from = std::numeric_limits<std::int64_t>::min();  // before 1970, too
  return span;
}

// "2026-11-23", of a day since 1970 UTC.
std::string date_text(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  const auto two = [](unsigned number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const std::string year = std::to_string(static_cast<int>(date.year()));
  return std::string(year.size() < 4 ? 4 - year.size() : 0, '0') + year + "-" +
         two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day()));
}

// Sums by the dimension's raw value.
struct Group {
  std::string label;  // empty: the value says it
  UsageRow sums;      // the value is its `group`
};
// Each of the conditions on the ledger is one range of one index, or of rows: SQLite scans every row for what it cannot
// split so.
Result<std::vector<Group>> sum_up(const Database& database, const UsageQuery& query) {
  // The text is put together of constants only; every value is bound.
  const OfKeys keys(query.keys, 15);
  const Dimension& by = dimensions[static_cast<std::size_t>(query.by)];
  const std::string sql =
      std::string(
          "WITH used AS (SELECT day, " SLUICE_SUMS
          " FROM usage_daily WHERE day >= ?1 AND day < ?2 UNION ALL "
          "SELECT hour / 24, " SLUICE_SUMS
          " FROM usage_hourly WHERE (hour >= ?3 AND hour < ?4) OR (hour >= ?5 AND "
          "hour < ?6) UNION ALL SELECT CASE WHEN correction > 0 THEN start_us ELSE end_us END / 86400000000, key_id, "
          "provider, "
          "model, ground, tags, final, CASE WHEN final <> 0 AND outcome <> 'ok' THEN 1 ELSE 0 END, "
          "CASE WHEN final = 0 AND correction = 0 THEN 1 ELSE 0 END, "
          "input + input_audio + input_image + input_video, cache_read + cache_read_audio, "
          "cache_write_5m + cache_write_1h, output + output_audio + output_image + reasoning, "
          "CASE WHEN reported = 0 AND " SLUICE_USED_TOKENS
          " THEN 1 ELSE 0 END, CASE WHEN cost_pico IS NULL AND (outcome = 'ok' OR " SLUICE_USED_TOKENS
          ") THEN 1 ELSE 0 END - CASE WHEN correction = 2 THEN 1 ELSE 0 END, coalesce(cost_pico / 1000000000000, 0), "
          "coalesce(cost_pico % 1000000000000, 0), "
          "CASE WHEN correction > 0 THEN 1 ELSE 0 END, CASE WHEN correction > 0 THEN cost_pico / 1000000000000 ELSE 0 "
          "END, "
          "CASE WHEN correction > 0 THEN cost_pico % 1000000000000 ELSE 0 END, workload FROM ledger "
          "WHERE (correction = 0 AND " SLUICE_ROW_ENDED_IN("?7", "?8") ") "
          "OR (correction = 0 AND " SLUICE_ROW_ENDED_IN("?9", "?10") ") "
          "OR (correction > 0 AND start_us >= ?7 AND start_us < ?8) "
          "OR (correction > 0 AND start_us >= ?9 AND start_us < ?10)) "
          "SELECT g.*, ") +
      by.label + " FROM (SELECT " + by.column +
      " AS value, sum(requests), sum(failed), sum(extra_attempts), sum(input), sum(cache_read), sum(cache_write), "
      "sum(output), sum(estimated), sum(unpriced), sum(usd), sum(pico / ?11), sum(pico % ?11), "
      "sum(corrections), sum(corrected_usd), sum(corrected_pico / ?11), sum(corrected_pico % ?11) FROM used "
      "WHERE (?12 = '' OR key_id = ?12) AND (?13 = '' OR model = ?13 OR provider || '/' || model = ?13) AND "
      "(?14 = '' OR replace(',' || tags || ',', ',' || ?14 || ',', '') <> ',' || tags || ',') AND "
      "(?15 = '' OR workload = ?15)" +
      keys.text() + " GROUP BY value) g";
  TRY(Statement select, database.prepare(sql));
  const Span span = span_of(query);
  for (const Piece& piece : {span.days, span.hours[0], span.hours[1], span.moments[0], span.moments[1]})
    select.bind(piece.from).bind(piece.to);
  select.bind(half);
  select.bind(query.key ? std::string_view(query.key->str()) : "");
  keys.bind(select.bind(query.model).bind(query.tag).bind(query.workload));
  std::vector<Group> groups;
  while (true) {
    TRY(const bool more, select.step());
    if (!more) return groups;
    Group& group = groups.emplace_back();
    group.label = select.text(17);
    UsageRow& row = group.sums;
    row.group = query.by == GroupBy::day ? date_text(select.integer(0)) : select.text(0);
    row.requests = select.integer(1);
    row.failed = select.integer(2);
    row.extra_attempts = select.integer(3);
    row.input = select.integer(4);
    row.cache_read = select.integer(5);
    row.cache_write = select.integer(6);
    row.output = select.integer(7);
    row.estimated = select.integer(8);
    row.unpriced = select.integer(9);
    row.cost_pico = static_cast<MoneySum>(select.integer(10)) * Money::pico_per_usd +
                    static_cast<MoneySum>(select.integer(11)) * half + select.integer(12);
    row.corrections = select.integer(13);
    row.corrected_pico = static_cast<MoneySum>(select.integer(14)) * Money::pico_per_usd +
                         static_cast<MoneySum>(select.integer(15)) * half + select.integer(16);
  }
}

// Where rows are no longer kept there are sums by the hour only: a moment in such an hour stands for the whole hour.
Result<UsageQuery> whole_hours_of_old(const Database& database, UsageQuery query) {
  TRY(const std::int64_t since, rows_since(database));
  if (query.since_us && *query.since_us < since) query.since_us = *query.since_us / us_per_hour * us_per_hour;
  if (query.until_us && *query.until_us < since)
    query.until_us = (*query.until_us + us_per_hour - 1) / us_per_hour * us_per_hour;
  return query;
}

}  // namespace

std::optional<GroupBy> group_by_from_name(std::string_view text) {
  for (std::size_t i = 0; i < dimensions.size(); ++i)
    if (dimensions[i].name == text) return static_cast<GroupBy>(i);
  return std::nullopt;
}

std::string usd(MoneySum pico) {
  const MoneySum whole = pico / Money::pico_per_usd;
  const Money rest = Money::pico(static_cast<std::int64_t>(pico % Money::pico_per_usd));
  std::string text = rest.usd();
  // The whole part has its own digits: Money's would end at 9.2 million.
  const std::size_t point = text.find('.');
  const bool negative = pico < 0;
  return (negative ? "-" : "") + std::to_string(static_cast<std::int64_t>(negative ? -whole : whole)) +
         text.substr(point);
}

std::string UsageRow::cost_usd() const { return usd(cost_pico); }

Result<UsageReport> usage(const Database& database, const UsageQuery& asked) {
  TRY(const UsageQuery query, whole_hours_of_old(database, asked));
  TRY(const std::vector<Group> groups, sum_up(database, query));
  UsageReport report;
  std::map<std::string, std::size_t, std::less<>> places;
  const auto add_to = [&](std::string_view identity, std::string label, const UsageRow& sums) {
    const auto [place, is_new] = places.emplace(identity, report.rows.size());
    if (is_new) {
      report.rows.emplace_back().group = std::move(label);
      if (query.by == GroupBy::key) report.rows.back().key_id = identity;
    }
    add(report.rows[place->second], sums);
  };
  for (const auto& [label, sums] : groups) {
    add(report.total, sums);
    const std::string& value = sums.group;
    if (query.by == GroupBy::key) {
      // Each temporary key has one conversation: they count as one.
      const bool temporary = value.starts_with(temporary_id_prefix);
      add_to(temporary ? "" : value, temporary ? temporary_keys : label.empty() ? value : label, sums);
    } else if (is_about_owners(query.by)) {
      const std::string owner = label.empty() ? nobodys : label;
      add_to(owner, owner, sums);
    } else if (query.by == GroupBy::tag && !value.empty()) {
      // What has several tags counts under each of them.
      for (const std::string_view tag : split_tags(value)) add_to(tag, std::string(tag), sums);
    } else {
      const bool of_none = value.empty() && (query.by == GroupBy::tag || query.by == GroupBy::workload);
      add_to(value, of_none ? nobodys : value, sums);
    }
  }
  if (query.by == GroupBy::day)
    std::ranges::sort(report.rows, {}, &UsageRow::group);
  else
    std::ranges::sort(report.rows, [](const UsageRow& a, const UsageRow& b) {
      if (a.cost_pico != b.cost_pico) return a.cost_pico > b.cost_pico;
      return std::tie(a.group, a.key_id) < std::tie(b.group, b.key_id);
    });
  return report;
}

Result<std::vector<LoggedEntry>> last_entries(const Database& database, std::size_t count) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_ENTRY_COLUMNS "ORDER BY l.row DESC LIMIT ?"));
  TRY(std::vector<LoggedEntry> entries, read_entries(select.bind(bounded(count))));
  std::ranges::reverse(entries);
  return entries;
}

Result<std::vector<PricedRow>> priced_rows(const Database& database, std::int64_t since_us, std::int64_t until_us,
                                           std::int64_t after, std::size_t count) {
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_ENTRY_COLUMNS
                       "WHERE correction = 0 AND start_us >= ? AND start_us < ? AND l.row > ? AND l.row <= ? "
                       "AND " SLUICE_USED_TOKENS " ORDER BY l.row LIMIT ?"));
  TRY(const RowSpan span, rows_started_in(database, since_us, until_us));
  select.bind(since_us).bind(until_us).bind(std::max(after, span.first - 1)).bind(span.last);
  TRY(const std::vector<LoggedEntry> entries, read_entries(select.bind(bounded(count))));
  TRY(Statement corrected,
      database.prepare(
          "SELECT count(*), coalesce(sum(cost_pico), 0) FROM ledger WHERE correction > 0 AND request_id = ? "
          "AND attempt = ? AND provider = ? AND model = ?"));
  std::vector<PricedRow> rows;
  for (const LoggedEntry& logged : entries) {
    PricedRow& row = rows.emplace_back(PricedRow{.row = logged.row, .entry = logged.entry, .cost = logged.entry.cost});
    corrected.bind(row.entry.request_id.str()).bind(std::int64_t{row.entry.attempt}).bind(row.entry.provider.str());
    TRY(const bool found, corrected.bind(row.entry.model.str()).step());
    if (found && corrected.integer(0) > 0) row.cost = row.cost.value_or(Money()) + Money::pico(corrected.integer(1));
    corrected.reset();
  }
  return rows;
}

Result<std::vector<LoggedEntry>> entries_in(const Database& database, const EntryRange& range, std::size_t count) {
  const OfKeys keys(range.keys, 6);
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_ENTRY_COLUMNS
                       "WHERE l.row > ?1 AND l.row < ?2 AND l.start_us >= ?3 AND l.start_us < ?4 AND "
                       "(?6 = '' OR workload = ?6)" +
                       keys.text() + " ORDER BY l.row " + (range.before_row ? "DESC " : "") + "LIMIT ?5"));
  constexpr std::int64_t ever = std::numeric_limits<std::int64_t>::max();
  TRY(const RowSpan rows, rows_started_in(database, range.since_us, range.until_us));
  select.bind(std::max(range.after_row, rows.first - 1));
  select.bind(std::min(range.before_row.value_or(ever), rows.last == ever ? ever : rows.last + 1));
  select.bind(range.since_us.value_or(0));
  select.bind(range.until_us.value_or(ever)).bind(bounded(count)).bind(range.workload);
  keys.bind(select);
  return read_entries(select);
}

}  // namespace sluice::store
