#include "spend/watch.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace sluice::spend {
namespace {

constexpr std::int64_t us_per_hour = 3'600'000'000;
constexpr std::size_t most_hours_read = 100;  // whose costs are kept for the next comparison

using Teams = std::map<std::string, std::string, std::less<>>;  // the team's name by the key's id

Result<Teams> read_teams(store::Store& store) {
  TRY(const std::vector<store::KeyReport> keys, store.list_keys());
  TRY(const std::vector<store::Subject> subjects, store.list_subjects(store::SubjectKind::team));
  std::map<std::string, std::string> names;
  for (const store::Subject& team : subjects) names[team.id] = team.name;
  Teams teams;
  for (const store::KeyReport& report : keys)
    if (!report.key.team.empty()) {
      const auto name = names.find(report.key.team);
      teams[report.key.id.str()] = name == names.end() ? report.key.team : name->second;
    }
  return teams;
}

std::string team_of(const Teams& teams, std::string_view key_id) {
  const auto team = teams.find(key_id);
  return team == teams.end() ? "(none)" : team->second;
}

// What an hour cost, by series, from its rows.
class HourCosts {
 public:
  HourCosts(store::Store& store, const catalog::PriceBook& book, const Teams& teams,
            const std::map<std::int64_t, std::int64_t>& rows)
      : store_(store), book_(book), teams_(teams), rows_(rows) {}

  // Null: it has too many rows, or they are not there any more.
  Result<const std::map<SeriesName, Costs>*> of(std::int64_t hour) {
    if (const auto known = known_.find(hour); known != known_.end()) return &known->second;
    const auto rows = rows_.find(hour);
    if (rows != rows_.end() && rows->second > most_rows_of_an_hour) return nullptr;
    if (known_.size() >= most_hours_read) known_.erase(known_.begin());
    std::map<SeriesName, Costs> costs;
    const Result<std::int64_t> read = store_.each_cost(
        {.from_us = hour * us_per_hour, .to_us = (hour + 1) * us_per_hour, .provider = {}, .model = {}},
        [&](const store::LedgerEntry& entry) -> Result<void> {
          costs[{team_of(teams_, entry.key_id.str()), entry.provider.str(), entry.model.str()}].add(entry, book_);
          return {};
        });
    if (!read) {
      if (read.error().kind == ErrorKind::invalid_request) return nullptr;
      return std::unexpected(read.error());
    }
    return &known_.emplace(hour, std::move(costs)).first->second;
  }

  // Empty when one of them cannot be read.
  Result<std::optional<Difference>> between(std::int64_t before, std::int64_t after, const SeriesName& series) {
    const auto costs_of = [&](std::int64_t hour) -> Result<std::optional<Costs>> {
      TRY(const auto* all, of(hour));
      if (!all) return std::optional<Costs>();
      const auto found = all->find(series);
      return std::optional(found == all->end() ? Costs() : found->second);
    };
    TRY(const std::optional<Costs> earlier, costs_of(before));
    TRY(const std::optional<Costs> later, costs_of(after));
    if (!earlier || !later) return std::optional<Difference>();
    return std::optional(explain(*earlier, *later));
  }

 private:
  store::Store& store_;
  const catalog::PriceBook& book_;
  const Teams& teams_;
  const std::map<std::int64_t, std::int64_t>& rows_;
  std::map<std::int64_t, std::map<SeriesName, Costs>> known_;
};

}  // namespace

Result<Found> find_anomalies(store::Store& store, const catalog::PriceBook& book, std::int64_t from, std::int64_t to,
                             const Sensitivity& by) {
  Found found;
  TRY(const Teams teams, read_teams(store));
  std::map<SeriesName, Hours> all;
  std::map<std::int64_t, std::int64_t> rows;
  std::map<SeriesName, bool> left_out;
  CHECK_OK(store.each_hour(from - most_hours_back, to, [&](const store::HourSum& sum) {
    rows[sum.hour] += sum.requests + sum.extra_attempts;
    const SeriesName series{team_of(teams, sum.key_id), sum.provider, sum.model};
    if (all.size() >= most_series && !all.contains(series)) {
      if (left_out.size() < most_series) left_out[series] = true;
      return;
    }
    HourOf& hour = all[series][sum.hour];
    hour.requests += sum.requests;
    hour.extra_attempts += sum.extra_attempts;
    hour.input += sum.input;
    hour.cache_read += sum.cache_read;
    hour.cache_write += sum.cache_write;
    hour.unpriced += sum.unpriced;
    hour.pico += sum.pico;
  }));
  found.series_left_out = static_cast<std::int64_t>(left_out.size());

  HourCosts costs(store, book, teams, rows);
  for (std::int64_t hour = from; hour < to; ++hour) {
    bool explained_all = true;
    for (const auto& [series, hours] : all) {
      for (Anomaly& anomaly : judge(series, hours, hour, by)) {
        if (anomaly.kind != AnomalyKind::unpriced_model) {
          TRY(anomaly.explained, costs.between(anomaly.compared_with, hour, series));
          explained_all = explained_all && anomaly.explained;
        }
        found.anomalies.push_back(std::move(anomaly));
      }
      const auto here = hours.find(hour);
      const auto before = hour_before(hours, hour);
      // Effects that are worth telling are larger than what such an hour cost.
      if (here == hours.end() || !before || std::max(here->second.pico, hours.at(*before).pico) < by.least.pico())
        continue;
      TRY(const std::optional<Difference> difference, costs.between(*before, hour, series));
      explained_all = explained_all && difference;
      if (!difference) continue;
      for (Anomaly& anomaly : judge(series, hour, *before, *difference, by))
        found.anomalies.push_back(std::move(anomaly));
    }
    found.hours_not_explained += explained_all ? 0 : 1;
  }
  return found;
}

}  // namespace sluice::spend
