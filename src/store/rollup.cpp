#include "store/rollup.h"

#include "store/window.h"

namespace sluice::store {
namespace {

// Towards minus infinity, as SQLite's migration does: rows before 1970 are nobody's, but the sums must add up.
std::int64_t hour_of(std::int64_t at_us) {
  return at_us >= 0 ? at_us / us_per_hour : -((-at_us + us_per_hour - 1) / us_per_hour);
}

}  // namespace

void Rollup::add(const LedgerEntry& entry) {
  const chat::Usage& usage = entry.usage;
  const bool used = usage.total_input() + usage.total_output() > 0;
  Sums& sums = sums_[{hour_of(entry.end_us), entry.key_id.str(), entry.provider.str(), entry.model.str(),
                      std::string(catalog::name(entry.ground)), entry.tags}];
  sums.requests += entry.final ? 1 : 0;
  sums.failed += entry.final && entry.outcome != Outcome::ok ? 1 : 0;
  sums.extra_attempts += entry.final ? 0 : 1;
  sums.input += usage.input;
  sums.cache_read += usage.cache_read;
  sums.cache_write += usage.cache_write_5m + usage.cache_write_1h;
  sums.output += usage.output + usage.reasoning;
  // An attempt that a provider refused used nothing: it is neither estimated nor unpriced.
  sums.estimated += !usage.reported && used ? 1 : 0;
  sums.unpriced += !entry.cost && (entry.outcome == Outcome::ok || used) ? 1 : 0;
  sums.pico += entry.cost.value_or(Money()).pico();
}

Result<void> Rollup::write(const Database& database) const {
  TRY(Statement upsert,
      database.prepare(
          "INSERT INTO usage_hourly (hour, key_id, provider, model, ground, tags, requests, failed, "
          "extra_attempts, input, cache_read, cache_write, output, estimated, unpriced, usd, pico) VALUES "
          "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) "
          "ON CONFLICT (hour, key_id, provider, model, ground, tags) DO UPDATE SET requests = requests + ?7, "
          "failed = failed + ?8, extra_attempts = extra_attempts + ?9, input = input + ?10, cache_read = "
          "cache_read + ?11, cache_write = cache_write + ?12, output = output + ?13, estimated = estimated + "
          "?14, unpriced = unpriced + ?15, usd = usd + ?16 + (pico + ?17) / 1000000000000, pico = (pico + "
          "?17) % 1000000000000"));
  for (const auto& [key, sums] : sums_) {
    const auto& [hour, key_id, provider, model, ground, tags] = key;
    upsert.bind(hour).bind(key_id).bind(provider).bind(model).bind(ground).bind(tags);
    upsert.bind(sums.requests).bind(sums.failed).bind(sums.extra_attempts).bind(sums.input).bind(sums.cache_read);
    upsert.bind(sums.cache_write).bind(sums.output).bind(sums.estimated).bind(sums.unpriced);
    upsert.bind(static_cast<std::int64_t>(sums.pico / Money::pico_per_usd));
    CHECK_OK(upsert.bind(static_cast<std::int64_t>(sums.pico % Money::pico_per_usd)).run());
  }
  return {};
}

}  // namespace sluice::store
