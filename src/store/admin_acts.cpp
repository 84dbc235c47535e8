#include "store/admin_acts.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>

#include "base/crypto.h"
#include "store/keys.h"

namespace sluice::store {
namespace {

constexpr std::int64_t max_acts_per_hand_over = 1'000;

}  // namespace

Result<void> note_act(Database& database, std::string_view what, std::int64_t now_us,
                      const std::function<void(json::Writer&)>& facts) {
  std::string act;
  json::Writer to(act);
  to.begin_object().member("act", what).member("act_id", crypto::random_alphanumeric(16)).member("at_us", now_us);
  if (const Doer& doer = database.doer(); doer.id.empty())
    to.member("os_user_id", static_cast<std::int64_t>(::getuid()));
  else
    to.member("by", doer.id).member("by_name", doer.name).member("by_way", doer.way);
  facts(to);
  to.end_object();
  TRY(Statement statement, database.prepare("INSERT INTO admin_acts (act) VALUES (?)"));
  CHECK_OK(statement.bind(act).run());
  TRY(Statement forget, database.prepare("DELETE FROM admin_acts WHERE in_audit_log = 1 AND id <= (SELECT max(id) FROM "
                                         "admin_acts) - ?"));
  return forget.bind(most_acts_kept).run();
}

Result<void> record_act(Database& database, std::string_view what, std::int64_t now_us,
                        const std::function<void(json::Writer&)>& facts) {
  CHECK_OK(note_act(database, what, now_us, facts));
  CHECK_OK(database.execute("UPDATE state SET value = value + 1 WHERE name = 'keys_version'"));
  return database.tell_others();
}

Result<std::size_t> hand_over_admin_acts(Database& database,
                                         const std::function<bool(std::int64_t number, std::string_view json)>& keep) {
  // Of several processes one takes an act. On a file there is one process, and others must not wait for its log.
  std::optional<Transaction> alone;
  if (database.is_shared()) {
    TRY(Transaction begun, Transaction::begin(database, Writing::acts));
    alone.emplace(std::move(begun));
  }
  TRY(Statement select, database.prepare("SELECT id, act FROM admin_acts WHERE in_audit_log = 0 ORDER BY id LIMIT ?"));
  select.bind(max_acts_per_hand_over);
  std::size_t taken = 0;
  std::int64_t last = 0;
  while (true) {
    TRY(const bool row, select.step());
    if (!row || !keep(select.integer(0), select.text(1))) break;
    last = select.integer(0);
    ++taken;
  }
  select.reset();
  if (taken == 0) return taken;
  TRY(Statement note, database.prepare("UPDATE admin_acts SET in_audit_log = 1 WHERE in_audit_log = 0 AND id <= ?"));
  CHECK_OK(note.bind(last).run());
  if (alone) CHECK_OK(alone->commit());
  return taken;
}

Result<std::vector<AdminAct>> admin_acts(const Database& database, std::optional<std::int64_t> before,
                                         std::size_t count) {
  constexpr std::size_t most = 1'000;
  TRY(Statement select, database.prepare("SELECT id, act FROM admin_acts WHERE id < ? ORDER BY id DESC LIMIT ?"));
  select.bind(before.value_or(std::numeric_limits<std::int64_t>::max()));
  select.bind(static_cast<std::int64_t>(std::min(count, most)));
  std::vector<AdminAct> acts;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return acts;
    acts.push_back({select.integer(0), select.text(1)});
  }
}

Result<void> check_name(std::string_view name, std::string_view what, std::string_view flag) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name.size() <= max_key_name_bytes && !std::ranges::any_of(name, is_control)) return {};
  return fail(ErrorKind::invalid_request, std::string(what) + "'s name has at most 64 bytes and no control characters",
              "choose a shorter " + std::string(flag) + " of letters and digits");
}

}  // namespace sluice::store
