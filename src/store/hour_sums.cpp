#include "store/hour_sums.h"

namespace sluice::store {

Result<void> each_hour(const Database& database, std::int64_t from, std::int64_t to, const TakeHour& take) {
  // Tags are added up: sums of picodollars below a dollar stay within 64 bits up to 9 million of them.
  TRY(Statement select,
      database.prepare("SELECT hour, key_id, provider, model, sum(requests), sum(extra_attempts), sum(input), "
                       "sum(cache_read), sum(cache_write), sum(output), sum(unpriced), sum(usd), sum(pico) FROM "
                       "usage_hourly WHERE hour >= ? AND hour < ? GROUP BY hour, key_id, provider, model"));
  select.bind(from).bind(to);
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return {};
    take({.hour = select.integer(0),
          .key_id = select.text(1),
          .provider = select.text(2),
          .model = select.text(3),
          .requests = select.integer(4),
          .extra_attempts = select.integer(5),
          .input = select.integer(6),
          .cache_read = select.integer(7),
          .cache_write = select.integer(8),
          .output = select.integer(9),
          .unpriced = select.integer(10),
          .pico = static_cast<MoneySum>(select.integer(11)) * Money::pico_per_usd + select.integer(12)});
  }
}

}  // namespace sluice::store
