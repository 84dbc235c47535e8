#include "store/admin_requests.h"

#include <algorithm>

namespace sluice::store {

Result<std::optional<EarlierAnswer>> begin_once(Database& database, std::string_view doer, std::string_view key,
                                                const crypto::Sha256& request, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Statement forget,
      database.prepare("DELETE FROM admin_requests WHERE at_us < ?1 OR at_us <= (SELECT at_us FROM admin_requests "
                       "ORDER BY at_us DESC LIMIT 1 OFFSET ?2)"));
  CHECK_OK(forget.bind(now_us - idempotent_us).bind(most_idempotent).run());
  TRY(Statement find,
      database.prepare("SELECT request, status, body FROM admin_requests WHERE doer = ? AND idempotency_key = ?"));
  TRY(const bool found, find.bind(doer).bind(key).step());
  if (found) {
    EarlierAnswer earlier;
    const std::string_view digest = find.blob(0);
    if (digest.size() == earlier.request.size()) std::ranges::copy(digest, earlier.request.begin());
    earlier.status = static_cast<int>(find.integer(1));
    earlier.body = find.text(2);
    return earlier;
  }
  TRY(Statement insert, database.prepare("INSERT INTO admin_requests (doer, idempotency_key, request, at_us, status, "
                                         "body) VALUES (?,?,?,?,0,'')"));
  CHECK_OK(insert.bind(doer).bind(key).bind_blob(request).bind(now_us).run());
  CHECK_OK(transaction.commit());
  return std::nullopt;
}

Result<void> end_once(Database& database, std::string_view doer, std::string_view key, int status,
                      std::string_view body) {
  TRY(Statement update,
      database.prepare("UPDATE admin_requests SET status = ?, body = ? WHERE doer = ? AND idempotency_key = ?"));
  return update.bind(std::int64_t{status}).bind(body).bind(doer).bind(key).run();
}

Result<void> forget_once(Database& database, std::string_view doer, std::string_view key) {
  TRY(Statement forget, database.prepare("DELETE FROM admin_requests WHERE doer = ? AND idempotency_key = ?"));
  return forget.bind(doer).bind(key).run();
}

}  // namespace sluice::store
