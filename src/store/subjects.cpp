#include "store/subjects.h"

#include "base/crypto.h"
#include "store/admin_acts.h"
#include "store/sight.h"

namespace sluice::store {
namespace {

constexpr std::size_t id_random_characters = 12;

// Keys are counted by their indexes: a list of many subjects must not read all keys for each.
#define SLUICE_SUBJECT_COLUMNS                                                                                      \
  "s.id, s.kind, s.name, s.org_id, s.created_at_us, CASE s.kind "                                                   \
  "WHEN 'team' THEN (SELECT count(*) FROM keys WHERE revoked_at_us IS NULL AND team_id = s.id) "                    \
  "WHEN 'user' THEN (SELECT count(*) FROM keys WHERE revoked_at_us IS NULL AND user_id = s.id) "                    \
  "ELSE (SELECT count(*) FROM (SELECT k.id FROM subjects m JOIN keys k ON k.team_id = m.id WHERE m.org_id = s.id "  \
  "AND k.revoked_at_us IS NULL UNION SELECT k.id FROM subjects m JOIN keys k ON k.user_id = m.id WHERE m.org_id = " \
  "s.id AND k.revoked_at_us IS NULL) AS theirs) END FROM subjects s "

Subject read_subject(const Statement& row) {
  Subject subject;
  subject.id = row.text(0);
  for (const SubjectKind kind : subject_kinds)
    if (name(kind) == row.text(1)) subject.kind = kind;
  subject.name = row.text(2);
  subject.org = row.text(3);
  subject.created_at_us = row.integer(4);
  subject.keys = row.integer(5);
  return subject;
}

Result<std::optional<Subject>> look_up(const Database& database, SubjectKind kind, std::string_view id_or_name) {
  TRY(Statement find, database.prepare("SELECT " SLUICE_SUBJECT_COLUMNS
                                       "WHERE s.kind = ?1 AND s.removed_at_us IS NULL AND (s.id = ?2 OR s.name = ?2) "
                                       "ORDER BY s.id = ?2 DESC LIMIT 1"));
  TRY(const bool found, find.bind(name(kind)).bind(id_or_name).step());
  if (!found) return std::nullopt;
  return read_subject(find);
}

Result<void> record(Database& database, std::string_view what, const Subject& subject, std::int64_t now_us) {
  return record_act(database, std::string(name(subject.kind)) + std::string(what), now_us, [&](json::Writer& to) {
    to.member("subject_id", subject.id).member("subject_name", subject.name).member("org_id", subject.org);
  });
}

// What hinders the removal, as a count of rows.
Result<std::int64_t> count(const Database& database, const char* sql, const std::string& id) {
  TRY(Statement select, database.prepare(sql));
  CHECK_OK(select.bind(id).step());
  return select.integer(0);
}

}  // namespace

std::string_view name(SubjectKind kind) {
  switch (kind) {
    case SubjectKind::org: return "org";
    case SubjectKind::team: return "team";
    case SubjectKind::user: return "user";
  }
  return "unknown";
}

std::string_view title(SubjectKind kind) { return kind == SubjectKind::org ? "organisation" : name(kind); }

Result<Subject> find_subject(const Database& database, SubjectKind kind, std::string_view id_or_name) {
  TRY(std::optional<Subject> found, look_up(database, kind, id_or_name));
  if (found) return *std::move(found);
  return fail(ErrorKind::not_found, "there is no " + std::string(title(kind)) + " \"" + std::string(id_or_name) + "\"",
              "`sluice " + std::string(name(kind)) + "s list` shows which there are, `sluice " +
                  std::string(name(kind)) + "s create` makes one");
}

Result<Subject> create_subject(Database& database, SubjectKind kind, std::string_view wanted, std::string_view org,
                               std::int64_t now_us) {
  const std::string a_subject = (kind == SubjectKind::org ? "an " : "a ") + std::string(title(kind));
  CHECK_OK(check_name(wanted, a_subject, "name"));
  const std::string id_prefix = std::string(name(kind)) + "_";
  if (wanted.empty() || wanted.starts_with(id_prefix))
    return fail(ErrorKind::invalid_request,
                a_subject + "'s name must not be empty or start with \"" + id_prefix + "\": ids do",
                "choose another name");
  Subject subject{.id = id_prefix + crypto::random_alphanumeric(id_random_characters),
                  .kind = kind,
                  .name = std::string(wanted),
                  .org = {},
                  .created_at_us = now_us};
  TRY(Transaction transaction, Transaction::begin(database));
  if (!org.empty()) {
    TRY(const Subject found, find_subject(database, SubjectKind::org, org));
    subject.org = found.id;
  }
  TRY(const auto namesake, look_up(database, kind, wanted));
  if (namesake)
    return fail(ErrorKind::invalid_request,
                "there is " + a_subject + " named \"" + subject.name + "\" already (" + namesake->id + ")",
                "choose another name, or use that one");
  TRY(Statement insert,
      database.prepare("INSERT INTO subjects (id, kind, name, org_id, created_at_us) VALUES (?,?,?,?,?)"));
  insert.bind(subject.id).bind(name(kind)).bind(subject.name).bind(subject.org).bind(now_us);
  CHECK_OK(insert.run());
  CHECK_OK(record(database, "_created", subject, now_us));
  CHECK_OK(transaction.commit());
  return subject;
}

Result<std::vector<Subject>> list_subjects(const Database& database, SubjectKind kind) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_SUBJECT_COLUMNS
                                         "WHERE s.kind = ? AND s.removed_at_us IS NULL ORDER BY s.name"));
  select.bind(name(kind));
  std::vector<Subject> subjects;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return subjects;
    subjects.push_back(read_subject(select));
  }
}

Result<Page<Subject>> page_of_subjects(const Database& database, const SubjectFilter& filter, const PageRange& range) {
  Condition condition;
  condition.add("s.kind = ? AND s.removed_at_us IS NULL", {std::string(name(filter.kind))});
  add_subjects_seen(condition, filter.scope);
  if (!filter.org.empty()) condition.add("s.org_id = ?", {filter.org});
  if (range.after) condition.add("(s.created_at_us, s.id) > (?, ?)", {range.after->created_at_us, range.after->id});
  TRY(Statement select, database.prepare("SELECT " SLUICE_SUBJECT_COLUMNS "WHERE " + condition.text() +
                                         " ORDER BY s.created_at_us, s.id LIMIT ?" + std::to_string(condition.next()) +
                                         " OFFSET ?" + std::to_string(condition.next() + 1)));
  condition.bind(select);
  select.bind(rows_to_read(range)).bind(range.skip);
  std::vector<std::pair<Place, std::optional<Subject>>> read;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return page_of(std::move(read), range);
    Subject subject = read_subject(select);
    Place place{subject.created_at_us, subject.id};
    read.emplace_back(std::move(place), std::move(subject));
  }
}

Result<std::optional<Subject>> see_subject(const Database& database, const Scope& scope, SubjectKind kind,
                                           std::string_view id_or_name) {
  Condition condition;
  condition.add("s.kind = ? AND s.removed_at_us IS NULL", {std::string(name(kind))});
  add_subjects_seen(condition, scope);
  const std::string wanted(id_or_name);
  condition.add("s.id = ? OR s.name = ?", {wanted, wanted});
  TRY(Statement select, database.prepare("SELECT " SLUICE_SUBJECT_COLUMNS "WHERE " + condition.text() +
                                         " ORDER BY s.id = ?" + std::to_string(condition.next()) + " DESC LIMIT 1"));
  condition.bind(select);
  TRY(const bool found, select.bind(id_or_name).step());
  if (!found) return std::nullopt;
  return read_subject(select);
}

Result<Subject> remove_subject(Database& database, SubjectKind kind, std::string_view id_or_name, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Subject subject, find_subject(database, kind, id_or_name));
  TRY(const std::int64_t members,
      count(database, "SELECT count(*) FROM subjects WHERE org_id = ? AND removed_at_us IS NULL", subject.id));
  TRY(const std::int64_t limits, count(database, "SELECT count(*) FROM limits WHERE subject = ?", subject.id));
  const std::string who = "the " + std::string(title(kind)) + " \"" + subject.name + "\"";
  if (subject.keys > 0)
    return fail(ErrorKind::invalid_request, who + " has " + std::to_string(subject.keys) + " keys",
                "revoke them first: `sluice keys list` shows whose each is");
  if (members > 0)
    return fail(ErrorKind::invalid_request, who + " has " + std::to_string(members) + " teams and users",
                "remove them first");
  if (limits > 0)
    return fail(ErrorKind::invalid_request, who + " has " + std::to_string(limits) + " limits",
                "remove them first: `sluice budgets list`, `sluice limits list`");
  TRY(Statement update, database.prepare("UPDATE subjects SET removed_at_us = ? WHERE id = ?"));
  CHECK_OK(update.bind(now_us).bind(subject.id).run());
  CHECK_OK(record(database, "_removed", subject, now_us));
  CHECK_OK(transaction.commit());
  return subject;
}

}  // namespace sluice::store
