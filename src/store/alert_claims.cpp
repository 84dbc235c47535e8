#include "store/alert_claims.h"

#include "store/store.h"

namespace sluice::store {
namespace {

// The processes' clocks need not agree where there is one of the database's.
Result<std::int64_t> now_us(const Database& database) {
  if (!database.is_shared()) return wall_clock_us();
  return database.integer("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)");
}

}  // namespace

Result<bool> claim_alert(Database& database, const NamedAlert& alert, std::int64_t lease_us, std::int64_t keep_us) {
  TRY(const std::int64_t now, now_us(database));
  TRY(Statement forget, database.prepare("DELETE FROM alert_claims WHERE forget_at_us <= ?"));
  CHECK_OK(forget.bind(now).run());
  TRY(Statement insert, database.prepare("INSERT INTO alert_claims (name, body, claimed_until_us, told, forget_at_us) "
                                         "VALUES (?, ?, ?, 0, ?) ON CONFLICT (name) DO NOTHING RETURNING told"));
  insert.bind(alert.name).bind(alert.body).bind(now + lease_us).bind(now + keep_us);
  return insert.step();
}

Result<void> renew_alerts(Database& database, const std::vector<std::string>& names, std::int64_t lease_us) {
  TRY(const std::int64_t now, now_us(database));
  TRY(Statement renew, database.prepare("UPDATE alert_claims SET claimed_until_us = ?1 WHERE name = ?2 AND told = 0 "
                                        "AND claimed_until_us >= ?3"));
  for (const std::string& name : names) CHECK_OK(renew.bind(now + lease_us).bind(name).bind(now).run());
  return {};
}

Result<void> alert_told(Database& database, std::string_view name) {
  TRY(Statement told, database.prepare("UPDATE alert_claims SET told = 1, body = '' WHERE name = ?"));
  return told.bind(name).run();
}

Result<std::vector<NamedAlert>> take_over_alerts(Database& database, std::int64_t lease_us, std::size_t count) {
  TRY(const std::int64_t now, now_us(database));
  TRY(Statement overdue,
      database.prepare("SELECT name, body, claimed_until_us FROM alert_claims WHERE told = 0 AND claimed_until_us < ? "
                       "ORDER BY claimed_until_us, name LIMIT ?"));
  overdue.bind(now).bind(static_cast<std::int64_t>(count));
  struct Found {
    NamedAlert alert;
    std::int64_t until_us = 0;
  };
  std::vector<Found> found;
  while (true) {
    TRY(const bool row, overdue.step());
    if (!row) break;
    found.push_back({{overdue.text(0), overdue.text(1)}, overdue.integer(2)});
  }
  // Of several who find it, the first has it: the others' time does not match any more.
  TRY(Statement take, database.prepare("UPDATE alert_claims SET claimed_until_us = ?1 WHERE name = ?2 AND told = 0 AND "
                                       "claimed_until_us = ?3 RETURNING told"));
  std::vector<NamedAlert> taken;
  for (Found& one : found) {
    TRY(const bool mine, take.bind(now + lease_us).bind(one.alert.name).bind(one.until_us).step());
    take.reset();
    if (mine) taken.push_back(std::move(one.alert));
  }
  return taken;
}

}  // namespace sluice::store
