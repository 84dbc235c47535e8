#include "store/store.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include "store/corrections.h"
#include "store/data_directory.h"
#include "store/fold.h"
#include "store/keys.h"
#include "store/ledger_entry.h"
#include "store/line_index.h"
#include "store/log_reader.h"
#include "store/postgres.h"
#include "store/postgres_schema.h"
#include "store/price_files.h"
#include "store/retention.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/usage_query.h"

namespace sluice::store {

Result<Store> Store::open(const Home& home) {
  CHECK_OK(make_data_directory(home.directory));
  if (home.postgres) {
    TRY(auto database, PostgresDatabase::open(*home.postgres));
    CHECK_OK(prepare_database(*database));
    TRY(std::string instance, instance_of(home.directory));
    return Store(home.directory, std::move(instance), std::move(database));
  }
  TRY(auto database, SqliteDatabase::open(database_path(home.directory)));
  CHECK_OK(prepare_database(*database));
  return Store(home.directory, "", std::move(database));
}

Store::Store(std::string directory, std::string instance, std::unique_ptr<Database> database)
    : directory_(std::move(directory)), instance_(std::move(instance)), database_(std::move(database)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

Result<CreatedKey> Store::create_key(const NewKey& key, std::int64_t now_us) {
  return store::create_key(*database_, key, now_us);
}

Result<VirtualKey> Store::revoke_key(std::string_view id_or_name, std::int64_t now_us) {
  return store::revoke_key(*database_, id_or_name, now_us);
}

Result<CreatedKey> Store::rotate_key(std::string_view id_or_name, std::int64_t now_us) {
  return store::rotate_key(*database_, id_or_name, now_us);
}

Result<VirtualKey> Store::change_key(std::string_view id_or_name, const KeyChange& change, std::int64_t now_us) {
  return store::change_key(*database_, id_or_name, change, now_us);
}

Result<VirtualKey> Store::block_key(std::string_view id_or_name, bool blocked, std::int64_t now_us) {
  return store::block_key(*database_, id_or_name, blocked, now_us);
}

void Store::act_as(Doer doer) { database_->set_doer(std::move(doer)); }

Result<CreatedAdminKey> Store::create_admin_key(const NewAdminKey& key, std::int64_t now_us) {
  return store::create_admin_key(*database_, key, now_us);
}

Result<AdminKey> Store::revoke_admin_key(std::string_view id_or_name, std::int64_t now_us) {
  return store::revoke_admin_key(*database_, id_or_name, now_us);
}

Result<std::vector<AdminKey>> Store::list_admin_keys(bool with_revoked) {
  return store::list_admin_keys(*database_, with_revoked);
}

Result<std::optional<AdminKey>> Store::find_admin_key(std::string_view characters) {
  return store::find_admin_key(*database_, characters);
}

Result<Page<AdminKey>> Store::page_of_admin_keys(const AdminKeyFilter& filter, const PageRange& range) {
  return store::page_of_admin_keys(*database_, filter, range);
}

Result<std::vector<AdminAct>> Store::admin_acts(std::optional<std::int64_t> before, std::size_t count) {
  return store::admin_acts(*database_, before, count);
}

Result<void> Store::note_act(std::string_view what, std::int64_t now_us,
                             const std::function<void(json::Writer&)>& facts) {
  return store::note_act(*database_, what, now_us, facts);
}

Result<std::optional<EarlierAnswer>> Store::begin_once(std::string_view key, const crypto::Sha256& request,
                                                       std::int64_t now_us) {
  return store::begin_once(*database_, database_->doer().id, key, request, now_us);
}

Result<void> Store::end_once(std::string_view key, int status, std::string_view body) {
  return store::end_once(*database_, database_->doer().id, key, status, body);
}

Result<void> Store::forget_once(std::string_view key) {
  return store::forget_once(*database_, database_->doer().id, key);
}

Result<std::vector<KeyReport>> Store::list_keys(bool with_revoked) {
  return store::list_keys(*database_, with_revoked);
}

Result<Page<KeyReport>> Store::page_of_keys(const KeyFilter& filter, const PageRange& range) {
  return store::page_of_keys(*database_, filter, range);
}

Result<std::int64_t> Store::count_keys(const KeyFilter& filter) { return store::count_keys(*database_, filter); }

Result<std::optional<KeyReport>> Store::see_key(const Scope& scope, std::string_view id_or_name) {
  return store::see_key(*database_, scope, id_or_name);
}

Result<Page<Subject>> Store::page_of_subjects(const SubjectFilter& filter, const PageRange& range) {
  return store::page_of_subjects(*database_, filter, range);
}

Result<std::optional<Subject>> Store::see_subject(const Scope& scope, SubjectKind kind, std::string_view id_or_name) {
  return store::see_subject(*database_, scope, kind, id_or_name);
}

Result<Subject> Store::create_subject(SubjectKind kind, std::string_view name, std::string_view org,
                                      std::int64_t now_us) {
  return store::create_subject(*database_, kind, name, org, now_us);
}

Result<std::vector<Subject>> Store::list_subjects(SubjectKind kind) { return store::list_subjects(*database_, kind); }

Result<Subject> Store::remove_subject(SubjectKind kind, std::string_view id_or_name, std::int64_t now_us) {
  return store::remove_subject(*database_, kind, id_or_name, now_us);
}

Result<Session> Store::create_session(const crypto::Sha256& digest, Session session) {
  return store::create_session(*database_, digest, std::move(session));
}

Result<std::optional<Session>> Store::find_session(const crypto::Sha256& digest, std::int64_t now_us) {
  return store::find_session(*database_, digest, now_us);
}

Result<bool> Store::end_session(const crypto::Sha256& digest, std::int64_t now_us) {
  return store::end_session(*database_, digest, now_us);
}

Result<std::vector<Session>> Store::list_sessions(std::int64_t now_us) {
  return store::list_sessions(*database_, now_us);
}

Result<std::vector<Session>> Store::end_sessions_of(std::string_view who, std::int64_t now_us) {
  return store::end_sessions_of(*database_, who, now_us);
}

Result<LimitLine> Store::set_limit(const NewLimit& limit, std::int64_t now_us) {
  return store::set_limit(*database_, limit, now_us);
}

Result<LimitLine> Store::remove_limit(std::string_view id, std::int64_t now_us) {
  return store::remove_limit(*database_, id, now_us);
}

Result<std::vector<LimitReport>> Store::list_limits(std::int64_t now_us) {
  TRY(std::vector<LimitLine> rules, store::list_limits(*database_));
  return with_standings(std::move(rules), now_us);
}

Result<Page<LimitReport>> Store::page_of_limits(const LimitFilter& filter, const PageRange& range,
                                                std::int64_t now_us) {
  TRY(Page<LimitLine> page, store::page_of_limits(*database_, filter, range));
  TRY(std::vector<LimitReport> reports, with_standings(std::move(page.items), now_us));
  return Page<LimitReport>{.items = std::move(reports), .next = std::move(page.next)};
}

// With what the ledger says that each has used up. Keys are read a page at a time, and those stay of which rows count.
Result<std::vector<LimitReport>> Store::with_standings(std::vector<LimitLine> rules, std::int64_t now_us) {
  Lines lines;
  std::vector<const Line*> all;
  for (const LimitLine& rule : rules) {
    lines.push_back(std::make_shared<const Line>(Line{rule, std::make_shared<LineState>(rule.window)}));
    all.push_back(lines.back().get());
  }
  TRY(LineIndex index, LineIndex::open(*database_, lines));
  PageRange range;
  do {
    TRY(const Page<KeyReport> keys, page_of_keys({}, range));
    for (const KeyReport& one : keys.items) index.know(one.key);
    range.after = keys.next;
  } while (range.after);
  const LinesOf lines_of = [&](std::string_view key_id, std::string_view tags) { return index.lines_of(key_id, tags); };
  CHECK_OK(load_spend(*database_, {.instance = instance_}, all, lines_of, now_us));
  std::vector<LimitReport> reports;
  for (const auto& line : lines) reports.push_back({line->rule, line->state->account.standing(now_us)});
  return reports;
}

Result<ConfigGeneration> Store::push_configuration(std::string_view text, std::string_view said, std::int64_t now_us) {
  return store::push_configuration(*database_, text, said, now_us);
}

Result<std::optional<ConfigGeneration>> Store::configuration(std::optional<std::int64_t> number) {
  return store::configuration(*database_, number);
}

Result<std::vector<ConfigGeneration>> Store::list_configurations() { return store::list_configurations(*database_); }

bool Store::is_shared() const { return database_->is_shared(); }

Result<std::vector<catalog::ImportedFile>> Store::imported_prices() {
  return is_shared() ? read_price_imports(*database_) : read_price_files(directory_);
}

Result<std::string> Store::import_prices(std::string_view label, std::string_view text, std::int64_t now_us) {
  if (!is_shared()) return add_price_file(directory_, label, text);
  TRY(PriceImport made, add_price_import(*database_, label, text, now_us));
  return std::move(made.name);
}

Result<std::vector<PriceImport>> Store::list_price_imports() { return store::list_price_imports(*database_); }

Result<PriceImport> Store::withdraw_prices(std::int64_t number, std::int64_t now_us) {
  return withdraw_price_import(*database_, number, now_us);
}

Result<std::size_t> Store::adopt_price_files(std::int64_t now_us) {
  return store::adopt_price_files(*database_, directory_, now_us);
}

Result<bool> Store::claim_alert(const NamedAlert& alert, std::int64_t lease_us, std::int64_t keep_us) {
  return store::claim_alert(*database_, alert, lease_us, keep_us);
}

Result<void> Store::renew_alerts(const std::vector<std::string>& names, std::int64_t lease_us) {
  return store::renew_alerts(*database_, names, lease_us);
}

Result<void> Store::alert_told(std::string_view name) { return store::alert_told(*database_, name); }

Result<std::vector<NamedAlert>> Store::take_over_alerts(std::int64_t lease_us, std::size_t count) {
  return store::take_over_alerts(*database_, lease_us, count);
}

Result<FoldReport> Store::fold(LogPosition until) {
  TRY(FoldReport report, store::fold(*database_, ledger_path(directory_), instance_, until));
  // Behind the rows that they mend.
  if (has_corrections(directory_))
    CHECK_OK(fold_corrections(*database_, corrections_path(directory_), instance_, report));
  return report;
}

Result<std::uint64_t> Store::correct(const std::vector<LedgerEntry>& corrections) {
  if (corrections.empty()) return 0;
  TRY(const LogPosition floor, corrections_position(*database_, instance_));
  TRY(const std::uint64_t written, write_corrections(directory_, corrections, floor));
  FoldReport report;
  CHECK_OK(fold_corrections(*database_, corrections_path(directory_), instance_, report));
  return written;
}

Result<std::vector<PricedRow>> Store::priced_rows(std::int64_t since_us, std::int64_t until_us, std::int64_t after,
                                                  std::size_t count) {
  return store::priced_rows(*database_, since_us, until_us, after, count);
}

Result<UsageReport> Store::usage(const UsageQuery& query) { return store::usage(*database_, query); }

Result<std::vector<LoggedEntry>> Store::last_entries(std::size_t count) {
  return store::last_entries(*database_, count);
}

Result<std::vector<LoggedEntry>> Store::entries_in(const EntryRange& range, std::size_t count) {
  return store::entries_in(*database_, range, count);
}

Result<std::int64_t> Store::each_cost(const CostRange& range, const TakeCost& take) {
  return store::each_cost(*database_, range, take);
}

Result<void> Store::each_hour(std::int64_t from, std::int64_t to, const TakeHour& take) {
  return store::each_hour(*database_, from, to, take);
}

Result<std::optional<std::int64_t>> Store::watched_hours() {
  TRY(Statement select, database_->prepare("SELECT value FROM state WHERE name = 'watched_hours'"));
  TRY(const bool row, select.step());
  return row ? std::optional(select.integer(0)) : std::nullopt;
}

Result<void> Store::set_watched_hours(std::int64_t hour) {
  TRY(Statement upsert, database_->prepare("INSERT INTO state (name, value) VALUES ('watched_hours', ?1) "
                                           "ON CONFLICT (name) DO UPDATE SET value = ?1"));
  return upsert.bind(hour).run();
}

Result<Integrity> Store::check() {
  Integrity integrity;
  const auto find = [&](std::string finding) {
    integrity.sound = false;
    integrity.findings.push_back(std::move(finding));
  };

  struct stat status = {};
  if (::stat(directory_.c_str(), &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    find(directory_ + " is open to other users of this machine: run `chmod 700 " + directory_ + "`");
  TRY(const std::vector<std::string> damages, database_->damages());
  for (const std::string& said : damages)
    find(database_->name() + " is damaged (" + said + "): " + database_->how_to_mend(ledger_path(directory_)));
  TRY(const std::vector<KeyReport> keys, list_keys(false));
  for (const KeyReport& report : keys)
    if (report.damaged)
      find("the key " + report.key.id.str() + " is damaged in " + database_->name() +
           " and is refused: run `sluice keys revoke " + report.key.id.str() + "` and make a new one");
  TRY(integrity.rows_since_us, rows_since(*database_));
  const std::string since = std::to_string(integrity.rows_since_us);  // a number of our own
  TRY(const std::int64_t rows,
      database_->integer("SELECT count(*) FROM ledger WHERE correction = 0" +
                         (integrity.rows_since_us > 0 ? " AND end_us >= " + since : std::string())));
  TRY(const LogPosition folded, folded_position(*database_, instance_));
  integrity.ledger_rows = static_cast<std::uint64_t>(rows);
  TRY(const std::int64_t summed,
      database_->integer("SELECT coalesce(sum(requests + extra_attempts), 0) FROM usage_hourly WHERE " +
                         (integrity.rows_since_us > 0 ? "hour >= " + since + " / 3600000000" : std::string("true"))));
  if (summed != rows)
    find(database_->name() + " has sums of " + std::to_string(summed) + " rows by the hour and " +
         std::to_string(rows) + " rows: " + database_->how_to_mend(ledger_path(directory_)));

  // A log that a running server appends to may be longer by now: only what is folded is compared.
  TRY(LogReader reader, LogReader::open(ledger_path(directory_), 0));
  std::uint64_t folded_records = 0;
  std::uint64_t unreadable = 0;
  while (true) {
    TRY(const auto record, reader.next());
    if (!record) break;
    ++integrity.log_records;
    const Result<LedgerEntry> entry = decode_ledger_entry(*record);
    unreadable += entry ? 0 : 1;
    if (reader.position() <= folded && entry &&
        (integrity.rows_since_us == 0 || entry->end_us >= integrity.rows_since_us))
      ++folded_records;
  }
  if (reader.damaged_bytes() > 0 || unreadable > 0)
    find(ledger_path(directory_) + " has " + std::to_string(reader.damaged_bytes()) + " damaged bytes and " +
         std::to_string(unreadable) + " unreadable records: check the disk; the other records are not affected");
  if (folded_records > integrity.ledger_rows)
    find(database_->name() + " has " + std::to_string(rows) + " ledger rows where the log has " +
         std::to_string(folded_records) + ": restore the newer of the two from a backup");
  return integrity;
}

std::int64_t wall_clock_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace sluice::store
