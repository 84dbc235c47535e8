// One data directory, as any process may use it: the database with keys and the folded ledger (sluice.db in it, or
// PostgreSQL), and the log segments that the serving process appends to. The CLI works on this, beside a running server
// or without one. Blocking: never for a reactor. What the serving process needs beyond is LiveStore (live_store.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/admin_acts.h"
#include "store/admin_keys.h"
#include "store/admin_requests.h"
#include "store/alert_claims.h"
#include "store/configurations.h"
#include "store/cost_rows.h"
#include "store/home.h"
#include "store/hour_sums.h"
#include "store/key.h"
#include "store/limits.h"
#include "store/log_format.h"
#include "store/page.h"
#include "store/price_imports.h"
#include "store/sessions.h"
#include "store/subjects.h"
#include "store/usage_report.h"

namespace sluice::store {

class Database;

struct FoldReport {
  std::uint64_t entries = 0;        // rows that came in
  std::uint64_t damaged_bytes = 0;  // log bytes that no longer make a record and were passed over
  LogPosition position = 0;         // everything before it is in the database
};

struct Integrity {
  bool sound = true;
  std::vector<std::string> findings;  // each says what is wrong and what to do
  std::uint64_t ledger_rows = 0;
  std::uint64_t log_records = 0;   // in the segments that are there
  std::int64_t rows_since_us = 0;  // from when on rows are kept; 0: all were
};

class Store {
 public:
  // Makes the directory (mode 0700) and the database's tables when they are not there, and brings an older database up
  // to date. Errors: unavailable, naming the place and what to do, when the directory cannot be made or written, when
  // PostgreSQL cannot be reached, or when the database is newer than this program.
  static Result<Store> open(const Home& home);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  const std::string& directory() const { return directory_; }

  // Errors: invalid_request for a name in use or a bound passed.
  Result<CreatedKey> create_key(const NewKey& key, std::int64_t now_us);
  // By id or by name. Takes effect in a running server within a second. Errors: not_found, and
  // invalid_request for a key that has been revoked already.
  Result<VirtualKey> revoke_key(std::string_view id_or_name, std::int64_t now_us);
  // New characters for a key that is not revoked; its id, rights and what it has spent stay. The old ones are refused
  // within a second. Errors: not_found.
  Result<CreatedKey> rotate_key(std::string_view id_or_name, std::int64_t now_us);
  // Errors: not_found; invalid_request for a bound passed, a name in use, a budget of a key that was made without one.
  Result<VirtualKey> change_key(std::string_view id_or_name, const KeyChange& change, std::int64_t now_us);
  // Refuses a key's requests until it is let in again. Errors: not_found.
  Result<VirtualKey> block_key(std::string_view id_or_name, bool blocked, std::int64_t now_us);
  // Oldest first. What they have spent is known as far as fold() has come.
  Result<std::vector<KeyReport>> list_keys(bool with_revoked = true);
  // A page at a time, as far as a scope sees: see page.h.
  Result<Page<KeyReport>> page_of_keys(const KeyFilter& filter, const PageRange& range);
  Result<std::int64_t> count_keys(const KeyFilter& filter);
  Result<std::optional<KeyReport>> see_key(const Scope& scope, std::string_view id_or_name);

  Result<Subject> create_subject(SubjectKind kind, std::string_view name, std::string_view org, std::int64_t now_us);
  Result<std::vector<Subject>> list_subjects(SubjectKind kind);
  Result<Page<Subject>> page_of_subjects(const SubjectFilter& filter, const PageRange& range);
  Result<std::optional<Subject>> see_subject(const Scope& scope, SubjectKind kind, std::string_view id_or_name);
  Result<Subject> remove_subject(SubjectKind kind, std::string_view id_or_name, std::int64_t now_us);

  // Take effect in a running server within a second.
  Result<LimitLine> set_limit(const NewLimit& limit, std::int64_t now_us);
  Result<LimitLine> remove_limit(std::string_view id, std::int64_t now_us);
  // With what was spent of money: as far as fold() has come, and without what requests under way have reserved.
  Result<std::vector<LimitReport>> list_limits(std::int64_t now_us);
  Result<Page<LimitReport>> page_of_limits(const LimitFilter& filter, const PageRange& range, std::int64_t now_us);

  // See configurations.h.
  Result<ConfigGeneration> push_configuration(std::string_view text, std::string_view said, std::int64_t now_us);
  Result<std::optional<ConfigGeneration>> configuration(std::optional<std::int64_t> number = {});
  Result<std::vector<ConfigGeneration>> list_configurations();

  // Imported prices, oldest first: of all processes that share the database, else of the directory. Errors:
  // unavailable.
  Result<std::vector<catalog::ImportedFile>> imported_prices();
  // Adds what an import took, for all of them; returns where it is. `label`: of letters, digits, _ and -. A running
  // server takes it within a second where the database is shared, else with its next reload.
  Result<std::string> import_prices(std::string_view label, std::string_view text, std::int64_t now_us);
  // In the shared database: see price_imports.h.
  Result<std::vector<PriceImport>> list_price_imports();
  Result<PriceImport> withdraw_prices(std::int64_t number, std::int64_t now_us);
  Result<std::size_t> adopt_price_files(std::int64_t now_us);
  bool is_shared() const;

  // Who tells an alert: see alert_claims.h.
  Result<bool> claim_alert(const NamedAlert& alert, std::int64_t lease_us, std::int64_t keep_us);
  Result<void> renew_alerts(const std::vector<std::string>& names, std::int64_t lease_us);
  Result<void> alert_told(std::string_view name);
  Result<std::vector<NamedAlert>> take_over_alerts(std::int64_t lease_us, std::size_t count);

  // Whose acts those that follow are; the operating system's user's until somebody is named.
  void act_as(Doer doer);
  // Administration keys: see admin_keys.h.
  Result<CreatedAdminKey> create_admin_key(const NewAdminKey& key, std::int64_t now_us);
  Result<AdminKey> revoke_admin_key(std::string_view id_or_name, std::int64_t now_us);
  Result<std::vector<AdminKey>> list_admin_keys(bool with_revoked = true);
  Result<Page<AdminKey>> page_of_admin_keys(const AdminKeyFilter& filter, const PageRange& range);
  Result<std::optional<AdminKey>> find_admin_key(std::string_view characters);
  // The newest acts first: see admin_acts.h.
  Result<std::vector<AdminAct>> admin_acts(std::optional<std::int64_t> before, std::size_t count);
  // An act that changes nothing here, such as a sign-in; `facts` writes the members that say more.
  Result<void> note_act(std::string_view what, std::int64_t now_us, const std::function<void(json::Writer&)>& facts);
  // Once for each Idempotency-Key: see admin_requests.h.
  Result<std::optional<EarlierAnswer>> begin_once(std::string_view key, const crypto::Sha256& request,
                                                  std::int64_t now_us);
  Result<void> end_once(std::string_view key, int status, std::string_view body);
  Result<void> forget_once(std::string_view key);
  // Who is signed in to the administration: see sessions.h.
  Result<Session> create_session(const crypto::Sha256& digest, Session session);
  Result<std::optional<Session>> find_session(const crypto::Sha256& digest, std::int64_t now_us);
  Result<bool> end_session(const crypto::Sha256& digest, std::int64_t now_us);
  Result<std::vector<Session>> list_sessions(std::int64_t now_us);
  Result<std::vector<Session>> end_sessions_of(std::string_view who, std::int64_t now_us);

  // Brings the log's new records into the database. Several processes may do it at once; each record comes in once.
  // `until`: only records before this position (the server passes what is durable).
  Result<FoldReport> fold(LogPosition until = no_position);

  // These see what has been folded: call fold() first.
  Result<UsageReport> usage(const UsageQuery& query);
  // The last `count` (<= 10,000) rows, oldest first.
  Result<std::vector<LoggedEntry>> last_entries(std::size_t count);
  // The first `count` (<= 10,000) of a range, by their rows.
  Result<std::vector<LoggedEntry>> entries_in(const EntryRange& range, std::size_t count);

  // What the rows of a time cost, one after the other. See cost_rows.h.
  Result<std::int64_t> each_cost(const CostRange& range, const TakeCost& take);

  // The sums by the hour, from an hour to before another. See hour_sums.h.
  Result<void> each_hour(std::int64_t from, std::int64_t to, const TakeHour& take);

  // Up to before which hour, since 1970 UTC, somebody has looked for what is unusual; empty: nobody yet.
  Result<std::optional<std::int64_t>> watched_hours();
  Result<void> set_watched_hours(std::int64_t hour);

  // For pricing rows again: those with tokens that started in the time, behind a row, with what has been corrected of
  // them; oldest first.
  Result<std::vector<PricedRow>> priced_rows(std::int64_t since_us, std::int64_t until_us, std::int64_t after,
                                             std::size_t count);
  // Adds corrections to the ledger, on disk when this returns. Works beside a running server, whose
  // budgets count them within a second. Errors: unavailable; what was written before it counts, and a second run
  // finds the rest.
  Result<std::uint64_t> correct(const std::vector<LedgerEntry>& corrections);

  // For `sluice doctor`: the database's own check, the log's checksums, and whether both tell the same story.
  Result<Integrity> check();

 private:
  friend class LiveStore;
  Result<std::vector<LimitReport>> with_standings(std::vector<LimitLine> rules, std::int64_t now_us);
  Store(std::string directory, std::string instance, std::unique_ptr<Database> database);
  std::string directory_;
  std::string instance_;  // whose log the directory has, where others bring theirs into the same database; else empty
  std::unique_ptr<Database> database_;
};

// Microseconds since 1970 UTC.
std::int64_t wall_clock_us();

}  // namespace sluice::store
