#include "store/limits.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/crypto.h"
#include "store/admin_acts.h"
#include "store/data_directory.h"
#include "store/fold.h"
#include "store/keys.h"
#include "store/ledger_entry.h"
#include "store/own_spend.h"
#include "store/retention.h"
#include "store/row_span.h"
#include "store/sight.h"
#include "store/subjects.h"
#include "store/tags.h"

namespace sluice::store {
namespace {

constexpr std::string_view id_prefix = "lim_";
constexpr std::size_t id_random_characters = 12;
constexpr std::int64_t most_places = 1'000'000;

#define SLUICE_LIMIT_COLUMNS                                                                                  \
  "l.id, scope, subject, model, unit, amount, time_window, zone, downgrade_to, downgrade_percent, "           \
  "l.created_at_us, coalesce(s.name, k.name, ''), l.store_down FROM limits l LEFT JOIN subjects s ON s.id = " \
  "l.subject LEFT JOIN "                                                                                      \
  "keys k ON k.id = l.subject "

LimitLine read_limit(const Statement& row) {
  LimitLine line;
  line.id = row.text(0);
  for (const LimitScope scope : limit_scopes)
    if (name(scope) == row.text(1)) line.scope = scope;
  line.subject = row.text(2);
  line.model = row.text(3);
  for (const LimitUnit unit : limit_units)
    if (name(unit) == row.text(4)) line.unit = unit;
  line.amount = row.integer(5);
  // A zone that this machine has lost since is kept by its name: its days are UTC's until it is back.
  if (auto window = Window::parse(row.text(6), row.text(7)))
    line.window = *std::move(window);
  else if (auto without = Window::parse(row.text(6), ""))
    line.window = *std::move(without);
  line.downgrade_to = row.text(8);
  line.downgrade_percent = static_cast<int>(row.integer(9));
  line.created_at_us = row.integer(10);
  line.subject_name = row.text(11);
  line.store_down = read_store_down(row.text(12));
  return line;
}

Result<std::vector<LimitLine>> read_limits(Statement& select) {
  std::vector<LimitLine> lines;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return lines;
    lines.push_back(read_limit(select));
  }
}

Result<void> check(const NewLimit& limit) {
  const std::int64_t least = limit.unit == LimitUnit::money ? 0 : 1;
  const std::int64_t most = limit.unit == LimitUnit::money    ? std::numeric_limits<std::int64_t>::max()
                            : limit.unit == LimitUnit::places ? most_places
                                                              : max_rate_per_minute;
  if (limit.amount < least || limit.amount > most)
    return fail(ErrorKind::invalid_request,
                "a limit of " + std::string(name(limit.unit)) + " must be between " + std::to_string(least) + " and " +
                    std::to_string(most),
                "remove the limit for none");
  const bool speaks_of_models = limit.model == any_model || limit.model.find('/') != std::string::npos;
  if (limit.model.empty() || limit.model.size() > max_model_pattern_bytes || !speaks_of_models)
    return fail(ErrorKind::invalid_request, "`" + limit.model + "` is no pattern of models",
                "write PROVIDER/MODEL with * for any characters, such as openai/gpt-5* or */claude-*, or * for all");
  if (limit.downgrade_percent < 1 || limit.downgrade_percent > 100)
    return fail(ErrorKind::invalid_request, "a share must be between 1 and 100 per cent", "leave it out for 100");
  if (limit.downgrade_to.empty() && limit.downgrade_percent != 100)
    return fail(ErrorKind::invalid_request, "a share goes with a model to go down to only",
                "say which: --downgrade MODEL");
  return {};
}

// The id of whom it is for, or the tag.
Result<std::string> find_limited(Database& database, const NewLimit& limit) {
  switch (limit.scope) {
    case LimitScope::everybody: return std::string();
    case LimitScope::tag: {
      TRY(std::string tag, read_tags(limit.subject));
      if (!tag.empty() && tag.find(',') == std::string::npos) return tag;
      return fail(ErrorKind::invalid_request, "a limit is of one tag", "set one for each");
    }
    case LimitScope::key: {
      TRY(const auto key, find_live_key(database, limit.subject));
      return key.id.str();
    }
    case LimitScope::org:
    case LimitScope::team:
    case LimitScope::user: break;
  }
  const SubjectKind kind = limit.scope == LimitScope::org    ? SubjectKind::org
                           : limit.scope == LimitScope::team ? SubjectKind::team
                                                             : SubjectKind::user;
  TRY(const Subject subject, find_subject(database, kind, limit.subject));
  return subject.id;
}

Result<void> record(Database& database, std::string_view what, const LimitLine& line, std::int64_t now_us) {
  return record_act(database, what, now_us, [&](json::Writer& to) {
    to.member("limit_id", line.id).member("scope", name(line.scope)).member("subject", line.subject);
    to.member("model", line.model).member("unit", name(line.unit)).member("amount", line.amount);
    to.member("window", line.window.text()).member("zone", line.window.zone);
    if (line.store_down) to.member("store_down", name(*line.store_down));
    to.member("downgrade_to", line.downgrade_to);
    to.member("downgrade_percent", static_cast<std::int64_t>(line.downgrade_percent));
  });
}

Result<std::optional<LimitLine>> look_up(const Database& database, std::string_view id) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_LIMIT_COLUMNS "WHERE l.id = ?"));
  TRY(std::vector<LimitLine> found, read_limits(select.bind(id)));
  return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

struct Sum {
  std::int64_t at_us = 0;
  std::int64_t until_us = 0;  // the last moment that it has something of
  Money cost;
};

// Adds one sum to the lines that it counts against; returns those of which it would cross a bucket's edge.
std::set<const Line*> add_to_lines(const std::vector<const Line*>& counted, std::string_view provider,
                                   std::string_view model, const Sum& sum,
                                   const std::map<const Line*, std::int64_t>& first) {
  std::set<const Line*> split;
  for (const Line* line : counted) {
    const auto from = first.find(line);
    if (from == first.end() || sum.until_us < from->second || !matches(line->rule.model, provider, model)) continue;
    if (line->state->account.same_bucket(sum.at_us, sum.until_us))
      line->state->account.load(sum.at_us, sum.cost);
    else
      split.insert(line);
  }
  return split;
}

Sum sum_of_hour(std::int64_t hour, Money cost) {
  return {.at_us = hour * us_per_hour, .until_us = (hour + 1) * us_per_hour - 1, .cost = cost};
}

Result<void> load_rows(Database& database, std::int64_t hour_us, const std::set<const Line*>& split,
                       const LinesOf& lines_of, const std::map<const Line*, std::int64_t>& first) {
  TRY(Statement rows,
      database.prepare("SELECT key_id, tags, provider, model, end_us, cost_pico FROM ledger WHERE correction = 0 AND "
                       "row >= ?3 AND row <= ?4 AND end_us >= ?1 AND end_us < ?2 AND cost_pico > 0 UNION ALL "
                       "SELECT key_id, tags, provider, model, start_us, cost_pico FROM ledger WHERE correction > 0 AND "
                       "start_us >= ?1 AND start_us < ?2"));
  TRY(const RowSpan among, rows_ended_in(database, hour_us, hour_us + us_per_hour));
  rows.bind(hour_us).bind(hour_us + us_per_hour).bind(among.first).bind(among.last);
  while (true) {
    TRY(const bool row, rows.step());
    if (!row) return {};
    for (const Line* line : lines_of(rows.text(0), rows.text(1)))
      if (split.contains(line) && rows.integer(4) >= first.at(line) &&
          matches(line->rule.model, rows.text(2), rows.text(3)))
        line->state->account.load(rows.integer(4), Money::pico(rows.integer(5)));
  }
}

// What all have spent. Where an hour lies in two of a line's buckets (a zone with half hours, a short window), its rows
// are asked; of an hour whose rows are no longer kept, all counts in the later one: never less than was spent.
Result<void> load_all(Database& database, std::int64_t from_hour, const LinesOf& lines_of,
                      const std::map<const Line*, std::int64_t>& first) {
  TRY(const std::int64_t kept_since, rows_since(database));
  std::map<std::int64_t, std::set<const Line*>> split;
  TRY(Statement sums,
      database.prepare("SELECT hour, key_id, tags, provider, model, usd, pico FROM usage_hourly WHERE hour >= ?"));
  sums.bind(from_hour);
  while (true) {
    TRY(const bool row, sums.step());
    if (!row) break;
    const Sum sum =
        sum_of_hour(sums.integer(0), cost_of(sums.integer(5), Money::pico_per_usd) + Money::pico(sums.integer(6)));
    const auto crossed = add_to_lines(lines_of(sums.text(1), sums.text(2)), sums.text(3), sums.text(4), sum, first);
    for (const Line* line : crossed)
      if (sum.at_us >= kept_since)
        split[sum.at_us].insert(line);
      else
        line->state->account.load(sum.until_us, sum.cost);
  }
  for (const auto& [hour_us, of] : split) CHECK_OK(load_rows(database, hour_us, of, lines_of, first));
  return {};
}

struct OwnFrom {
  LogPosition folded = 0;
  std::int64_t hour = 0;
};

// What one process has spent itself. Where an hour lies in two buckets, its log is asked; what that does not have any
// more counts in the later one.
Result<void> load_own(Database& database, const SpendOf& of, OwnFrom from, const LinesOf& lines_of,
                      const std::map<const Line*, std::int64_t>& first) {
  struct Split {
    Money left;  // of what the lines have not been told yet
    std::set<const Line*> lines;
  };
  using Key = std::tuple<std::int64_t, std::string, std::string, std::string, std::string>;
  std::map<Key, Split> split;
  std::set<std::int64_t> hours;
  CHECK_OK(each_own_sum(database, of.instance, from.hour, [&](const OwnSum& own) {
    auto crossed =
        add_to_lines(lines_of(own.key_id, own.tags), own.provider, own.model, sum_of_hour(own.hour, own.cost), first);
    if (crossed.empty()) return;
    hours.insert(own.hour);
    split[{own.hour, own.key_id, own.tags, own.provider, own.model}] = {own.cost, std::move(crossed)};
  }));
  if (split.empty()) return {};
  const auto take = [&](const LedgerEntry& entry) {
    const std::int64_t at_us = counted_at_us(entry);
    const auto found =
        split.find({at_us / us_per_hour, entry.key_id.str(), entry.tags, entry.provider.str(), entry.model.str()});
    if (!entry.cost || found == split.end()) return;
    found->second.left = found->second.left - *entry.cost;
    for (const Line* line : found->second.lines)
      if (at_us >= first.at(line)) line->state->account.load(at_us, *entry.cost);
  };
  CHECK_OK(each_entry_of(ledger_path(of.data_directory), from.folded, hours, take));
  TRY(const LogPosition corrected, corrections_position(database, of.instance));
  if (corrected > 0) CHECK_OK(each_entry_of(corrections_path(of.data_directory), corrected, hours, take));
  for (const auto& [key, rest] : split)
    if (rest.left > Money())
      for (const Line* line : rest.lines)
        line->state->account.load((std::get<0>(key) + 1) * us_per_hour - 1, rest.left);
  return {};
}

}  // namespace

Result<LimitLine> set_limit(Database& database, const NewLimit& limit, std::int64_t now_us) {
  CHECK_OK(check(limit));
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const std::string subject, find_limited(database, limit));
  TRY(const std::int64_t limits, database.integer("SELECT count(*) FROM limits"));
  if (limits >= most_limits)
    return fail(ErrorKind::invalid_request,
                "there are " + std::to_string(limits) + " limits already, which is the most",
                "remove some that are not needed, or set one for a team instead of each of its keys");
  TRY(Statement upsert,
      database.prepare("INSERT INTO limits (id, scope, subject, model, unit, amount, time_window, zone, downgrade_to, "
                       "downgrade_percent, store_down, created_at_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
                       "ON CONFLICT (scope, subject, model, unit, time_window, zone) DO UPDATE SET amount = "
                       "excluded.amount, downgrade_to = excluded.downgrade_to, downgrade_percent = "
                       "excluded.downgrade_percent, store_down = excluded.store_down RETURNING id"));
  const std::string new_id = std::string(id_prefix) + crypto::random_alphanumeric(id_random_characters);
  const std::string window = limit.window.text();
  upsert.bind(new_id).bind(name(limit.scope)).bind(subject).bind(limit.model).bind(name(limit.unit)).bind(limit.amount);
  upsert.bind(window).bind(limit.window.zone).bind(limit.downgrade_to).bind(std::int64_t{limit.downgrade_percent});
  upsert.bind(limit.store_down ? name(*limit.store_down) : std::string_view());
  CHECK_OK(upsert.bind(now_us).step());
  const std::string id = upsert.text(0);
  upsert.reset();
  TRY(auto line, look_up(database, id));
  if (!line) return fail(ErrorKind::internal, "the limit that was just set is not there", "report this as a bug");
  CHECK_OK(record(database, "limit_set", *line, now_us));
  CHECK_OK(transaction.commit());
  return *std::move(line);
}

Result<LimitLine> remove_limit(Database& database, std::string_view id, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(auto line, look_up(database, id));
  if (!line)
    return fail(ErrorKind::not_found, "there is no limit \"" + std::string(id) + "\"",
                "`sluice budgets list` and `sluice limits list` show the ids");
  TRY(Statement remove, database.prepare("DELETE FROM limits WHERE id = ?"));
  CHECK_OK(remove.bind(line->id).run());
  CHECK_OK(record(database, "limit_removed", *line, now_us));
  CHECK_OK(transaction.commit());
  return *std::move(line);
}

Result<std::vector<LimitLine>> list_limits(const Database& database) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_LIMIT_COLUMNS "ORDER BY scope, subject, unit, model, l.id"));
  return read_limits(select);
}

Result<Page<LimitLine>> page_of_limits(const Database& database, const LimitFilter& filter, const PageRange& range) {
  Condition condition;
  add_limits_seen(condition, filter.scope);
  if (!filter.id.empty()) condition.add("l.id = ?", {filter.id});
  if (filter.of) condition.add("l.scope = ?", {std::string(name(*filter.of))});
  if (!filter.subject.empty())
    condition.add("l.subject = ? OR coalesce(s.name, k.name, '') = ?", {filter.subject, filter.subject});
  if (range.after) condition.add("(l.created_at_us, l.id) > (?, ?)", {range.after->created_at_us, range.after->id});
  TRY(Statement select, database.prepare("SELECT " SLUICE_LIMIT_COLUMNS "WHERE " + condition.text() +
                                         " ORDER BY l.created_at_us, l.id LIMIT ?" + std::to_string(condition.next()) +
                                         " OFFSET ?" + std::to_string(condition.next() + 1)));
  condition.bind(select);
  select.bind(rows_to_read(range)).bind(range.skip);
  TRY(std::vector<LimitLine> lines, read_limits(select));
  std::vector<std::pair<Place, std::optional<LimitLine>>> read;
  for (LimitLine& line : lines) {
    Place place{line.created_at_us, line.id};
    read.emplace_back(std::move(place), std::move(line));
  }
  return page_of(std::move(read), range);
}

Result<std::int64_t> corrected_row(const Database& database) {
  return database.integer("SELECT coalesce(max(last_row), 0) FROM correction_batches");
}

Result<std::int64_t> corrections_behind(Database& database, std::int64_t row, std::string_view instance,
                                        const std::function<void(const CountedCorrection&)>& take) {
  TRY(Transaction view, Transaction::begin_reading(database));
  TRY(const std::int64_t last, corrected_row(database));
  std::vector<std::pair<std::int64_t, std::int64_t>> batches;
  TRY(Statement select, database.prepare("SELECT first_row, last_row FROM correction_batches WHERE last_row > ?1 AND "
                                         "(?2 = '' OR instance = ?2) ORDER BY last_row"));
  select.bind(row).bind(instance);
  while (true) {
    TRY(const bool more, select.step());
    if (!more) break;
    batches.emplace_back(select.integer(0), select.integer(1));
  }
  TRY(Statement rows, database.prepare("SELECT row, key_id, tags, provider, model, start_us, cost_pico FROM ledger "
                                       "WHERE row >= ? AND row <= ? AND correction > 0"));
  for (const auto& [first, end] : batches) {
    rows.bind(std::max(first, row + 1)).bind(end);
    while (true) {
      TRY(const bool more, rows.step());
      if (!more) break;
      take({.row = rows.integer(0),
            .key_id = rows.text(1),
            .tags = rows.text(2),
            .provider = rows.text(3),
            .model = rows.text(4),
            .at_us = rows.integer(5),
            .cost = Money::pico(rows.integer(6))});
    }
    rows.reset();
  }
  return last;
}

Result<LoadedSpend> load_spend(Database& database, const SpendOf& of, const std::vector<const Line*>& lines,
                               const LinesOf& lines_of, std::int64_t now_us) {
  TRY(Transaction view, Transaction::begin_reading(database));
  LoadedSpend loaded;
  TRY(loaded.folded, folded_position(database, of.instance));
  TRY(loaded.corrected_row, corrected_row(database));
  std::map<const Line*, std::int64_t> first;
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (const Line* line : lines) {
    if (line->rule.unit != LimitUnit::money) continue;
    first[line] = line->state->account.first(now_us);
    earliest = std::min(earliest, first[line]);
  }
  if (first.empty()) return loaded;

  if (of.own) {
    CHECK_OK(load_own(database, of, {loaded.folded, earliest / us_per_hour}, lines_of, first));
  } else {
    CHECK_OK(load_all(database, earliest / us_per_hour, lines_of, first));
  }
  for (const auto& [line, from] : first) line->state->account.forget_alerts(line->rule.money(), now_us);
  return loaded;
}

}  // namespace sluice::store
