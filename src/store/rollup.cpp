#include "store/rollup.h"

#include "store/window.h"

namespace sluice::store {
namespace {

constexpr std::int64_t hours_a_day = 24;

// Towards minus infinity, as SQLite's migration does: rows before 1970 are nobody's, but the sums must add up.
std::int64_t floor_of(std::int64_t value, std::int64_t width) {
  return value >= 0 ? value / width : -((-value + width - 1) / width);
}

}  // namespace

Rollup::Sums& Rollup::Sums::operator+=(const Sums& other) {
  requests += other.requests;
  failed += other.failed;
  extra_attempts += other.extra_attempts;
  input += other.input;
  cache_read += other.cache_read;
  cache_write += other.cache_write;
  output += other.output;
  estimated += other.estimated;
  unpriced += other.unpriced;
  pico += other.pico;
  corrections += other.corrections;
  corrected_pico += other.corrected_pico;
  return *this;
}

void Rollup::add(const LedgerEntry& entry) {
  const chat::Usage& usage = entry.usage;
  const bool used = usage.total_input() + usage.total_output() > 0;
  const bool corrects = entry.correction != Correction::none;
  const std::int64_t at_us = corrects ? entry.start_us : entry.end_us;  // a correction stays with what it mends
  Sums& sums = sums_[{floor_of(at_us, us_per_hour), entry.key_id.str(), entry.provider.str(), entry.model.str(),
                      std::string(catalog::name(entry.ground)), entry.tags, entry.workload}];
  sums.requests += entry.final ? 1 : 0;
  sums.failed += entry.final && entry.outcome != Outcome::ok ? 1 : 0;
  sums.extra_attempts += entry.final || corrects ? 0 : 1;
  sums.input += usage.fresh_input();
  sums.cache_read += usage.cached_input();
  sums.cache_write += usage.cache_write_5m + usage.cache_write_1h;
  sums.output += usage.total_output();
  // An attempt that a provider refused used nothing: it is neither estimated nor unpriced.
  sums.estimated += !usage.reported && used ? 1 : 0;
  sums.unpriced += !entry.cost && (entry.outcome == Outcome::ok || used) ? 1 : 0;
  sums.unpriced -= entry.correction == Correction::first_price ? 1 : 0;
  const Money cost = entry.cost.value_or(Money());
  sums.pico += cost.pico();
  sums.corrections += corrects ? 1 : 0;
  sums.corrected_pico += corrects ? cost.pico() : 0;
}

Result<void> Rollup::write(const Database& database) const {
  std::map<Key, Sums> days;
  for (const auto& [key, sums] : sums_) {
    Key day = key;
    std::get<0>(day) = floor_of(std::get<0>(key), hours_a_day);
    days[day] += sums;
  }
  CHECK_OK(write(database, "usage_hourly", "hour", sums_));
  return write(database, "usage_daily", "day", days);
}

// The names of table and column are constants of ours; every value is bound.
Result<void> Rollup::write(const Database& database, const std::string& table, const std::string& time,
                           const std::map<Key, Sums>& all) {
  TRY(Statement upsert,
      database.prepare(
          "INSERT INTO " + table + " AS s (" + time +
          ", key_id, provider, model, ground, tags, requests, failed, extra_attempts, input, cache_read, "
          "cache_write, output, estimated, unpriced, usd, pico, corrections, corrected_usd, corrected_pico, workload) "
          "VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21) ON CONFLICT (" +
          time +
          ", key_id, provider, model, ground, tags, workload) DO UPDATE SET requests = s.requests + ?7, "
          "failed = s.failed + ?8, extra_attempts = s.extra_attempts + ?9, input = s.input + ?10, cache_read = "
          "s.cache_read + ?11, cache_write = s.cache_write + ?12, output = s.output + ?13, estimated = s.estimated + "
          "?14, unpriced = s.unpriced + ?15, usd = s.usd + ?16 + (s.pico + ?17) / 1000000000000, pico = (s.pico + "
          "?17) % 1000000000000, corrections = s.corrections + ?18, corrected_usd = s.corrected_usd + ?19 + "
          "(s.corrected_pico + ?20) / 1000000000000, corrected_pico = (s.corrected_pico + ?20) % 1000000000000"));
  for (const auto& [key, sums] : all) {
    const auto& [at, key_id, provider, model, ground, tags, workload] = key;
    upsert.bind(at).bind(key_id).bind(provider).bind(model).bind(ground).bind(tags);
    upsert.bind(sums.requests).bind(sums.failed).bind(sums.extra_attempts).bind(sums.input).bind(sums.cache_read);
    upsert.bind(sums.cache_write).bind(sums.output).bind(sums.estimated).bind(sums.unpriced);
    upsert.bind(static_cast<std::int64_t>(sums.pico / Money::pico_per_usd));
    upsert.bind(static_cast<std::int64_t>(sums.pico % Money::pico_per_usd)).bind(sums.corrections);
    upsert.bind(static_cast<std::int64_t>(sums.corrected_pico / Money::pico_per_usd));
    upsert.bind(static_cast<std::int64_t>(sums.corrected_pico % Money::pico_per_usd));
    CHECK_OK(upsert.bind(workload).queue());
  }
  return {};
}

}  // namespace sluice::store
