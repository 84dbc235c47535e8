#include "store/usage_query.h"

#include <algorithm>
#include <array>
#include <limits>

#include "store/key.h"

namespace sluice::store {
namespace {

struct Dimension {
  std::string_view name;
  const char* select;  // SQL text of our own for the group's label
};
// By GroupBy's value.
constexpr std::array dimensions = {
    // Each temporary key has one conversation: they count as one.
    Dimension{"key", "CASE WHEN l.key_id GLOB 'key_tmp_*' THEN '' ELSE l.key_id END"},
    Dimension{"model", "l.model"},
    Dimension{"provider", "l.provider"},
    Dimension{"ground", "l.ground"},
    Dimension{"day", "date(l.start_us / 1000000, 'unixepoch')"},
};

// SQLite's sum() stops at 64 bits with an error. Costs are summed in two halves of nine digits each, tokens are bounded
// per row (ledger_entry.cpp): neither can overflow below 9 million rows of the largest size.
constexpr std::int64_t half = 1'000'000'000;

// An attempt that a provider refused used nothing: it is neither estimated nor unpriced.
#define SLUICE_USED_TOKENS                                                                                   \
  "input + cache_read + cache_write_5m + cache_write_1h + output + reasoning + input_audio + input_image + " \
  "input_video + cache_read_audio + output_audio + output_image > 0"

#define SLUICE_ENTRY_COLUMNS                                                                                        \
  "l.row, coalesce(k.name, ''), request_id, start_us, end_us, key_id, dialect, requested_model, provider, model, "  \
  "ground, "                                                                                                        \
  "stream, status, outcome, attempt, final, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, " \
  "reported, cost_pico, price_source, ttft_us, total_us, config_hash, input_audio, input_image, input_video, "      \
  "cache_read_audio, output_audio, output_image, searches, service_tier, doubts, raw_usage, correction "            \
  "FROM ledger l LEFT JOIN keys k ON k.id = l.key_id "

constexpr const char* temporary_keys = "(chat and run)";  // who makes them
static_assert(temporary_id_prefix == "key_tmp_");

std::optional<Outcome> outcome_from_name(std::string_view text) {
  for (const Outcome outcome : outcomes)
    if (name(outcome) == text) return outcome;
  return std::nullopt;
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
  const std::string_view hash = row.blob(27);
  if (hash.size() == entry.config_hash.size()) std::ranges::copy(hash, entry.config_hash.begin());
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

Result<UsageReport> usage(const Database& database, const UsageQuery& query) {
  const Dimension& dimension = dimensions[static_cast<std::size_t>(query.by)];
  // The text is put together of constants only; every value is bound.
  const std::string sql =
      std::string("SELECT ") + dimension.select +
      " AS label, coalesce(k.name, ''), sum(final), sum(final AND outcome <> 'ok'), sum(NOT final AND correction = 0), "
      "sum(input + input_audio + input_image + input_video), "
      "sum(cache_read + cache_read_audio), sum(cache_write_5m + cache_write_1h), "
      "sum(output + output_audio + output_image + reasoning), "
      "sum(NOT reported AND " SLUICE_USED_TOKENS "), sum(cost_pico IS NULL AND (outcome = 'ok' OR " SLUICE_USED_TOKENS
      ")) - sum(correction = 2), coalesce(sum(cost_pico / ?1), 0), coalesce(sum(cost_pico % ?1), 0), "
      "sum(correction > 0), coalesce(sum(CASE WHEN correction > 0 THEN cost_pico / ?1 END), 0), "
      "coalesce(sum(CASE WHEN correction > 0 THEN cost_pico % ?1 END), 0) "
      "FROM ledger l LEFT JOIN keys k ON k.id = l.key_id "
      "WHERE start_us >= ?2 AND start_us < ?3 AND (?4 = '' OR l.key_id = ?4) GROUP BY label ORDER BY label";
  TRY(Statement select, database.prepare(sql));
  select.bind(half)
      .bind(query.since_us.value_or(0))
      .bind(query.until_us.value_or(std::numeric_limits<std::int64_t>::max()));
  select.bind(query.key ? std::string_view(query.key->str()) : "");
  UsageReport report;
  while (true) {
    TRY(const bool more, select.step());
    if (!more) break;
    UsageRow& row = report.rows.emplace_back();
    row.group = select.text(0);
    if (query.by == GroupBy::key) {
      row.key_id = row.group;
      if (row.group.empty())
        row.group = temporary_keys;
      else if (const std::string key_name = select.text(1); !key_name.empty())
        row.group = key_name;
    }
    row.requests = select.integer(2);
    row.failed = select.integer(3);
    row.extra_attempts = select.integer(4);
    row.input = select.integer(5);
    row.cache_read = select.integer(6);
    row.cache_write = select.integer(7);
    row.output = select.integer(8);
    row.estimated = select.integer(9);
    row.unpriced = select.integer(10);
    row.cost_pico = static_cast<MoneySum>(select.integer(11)) * half + select.integer(12);
    row.corrections = select.integer(13);
    row.corrected_pico = static_cast<MoneySum>(select.integer(14)) * half + select.integer(15);
    add(report.total, row);
  }
  if (query.by != GroupBy::day)
    std::ranges::sort(report.rows, [](const UsageRow& a, const UsageRow& b) {
      return a.cost_pico != b.cost_pico ? a.cost_pico > b.cost_pico : a.group < b.group;
    });
  return report;
}

Result<std::vector<LoggedEntry>> last_entries(const Database& database, std::size_t count) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_ENTRY_COLUMNS "ORDER BY l.row DESC LIMIT ?"));
  TRY(std::vector<LoggedEntry> entries, read_entries(select.bind(bounded(count))));
  std::ranges::reverse(entries);
  return entries;
}

Result<std::vector<LoggedEntry>> entries_after(const Database& database, std::int64_t row, std::size_t count) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_ENTRY_COLUMNS "WHERE l.row > ? ORDER BY l.row LIMIT ?"));
  return read_entries(select.bind(row).bind(bounded(count)));
}

Result<std::vector<PricedRow>> priced_rows(const Database& database, std::int64_t since_us, std::int64_t until_us,
                                           std::int64_t after, std::size_t count) {
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_ENTRY_COLUMNS
                       "WHERE correction = 0 AND start_us >= ? AND start_us < ? AND l.row > ? AND " SLUICE_USED_TOKENS
                       " ORDER BY l.row LIMIT ?"));
  TRY(const std::vector<LoggedEntry> entries,
      read_entries(select.bind(since_us).bind(until_us).bind(after).bind(bounded(count))));
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
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_ENTRY_COLUMNS
                       "WHERE l.row > ? AND l.start_us >= ? AND l.start_us < ? ORDER BY l.row LIMIT ?"));
  select.bind(range.after_row).bind(range.since_us.value_or(0));
  return read_entries(
      select.bind(range.until_us.value_or(std::numeric_limits<std::int64_t>::max())).bind(bounded(count)));
}

}  // namespace sluice::store
