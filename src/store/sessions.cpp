#include "store/sessions.h"

#include "store/admin_acts.h"

namespace sluice::store {
namespace {

#define SLUICE_SESSION_COLUMNS "id, issuer, subject, email, claims, created_at_us, expires_at_us"

Session read_session(const Statement& row) {
  return {.id = row.text(0),
          .issuer = row.text(1),
          .subject = row.text(2),
          .email = row.text(3),
          .claims = row.text(4),
          .created_at_us = row.integer(5),
          .expires_at_us = row.integer(6)};
}

Result<std::vector<Session>> read_all(Statement& select) {
  std::vector<Session> sessions;
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return sessions;
    sessions.push_back(read_session(select));
  }
}

constexpr std::size_t id_random_characters = 12;

Result<void> record(Database& database, std::string_view what, const Session& session, std::int64_t now_us) {
  return note_act(database, what, now_us, [&](json::Writer& to) {
    to.member("session_id", session.id).member("issuer", session.issuer).member("subject", session.subject);
    to.member("email", session.email);
  });
}

// What somebody does with their own session, they do themselves.
class ByThemselves {
 public:
  ByThemselves(Database& database, const Session& session) : database_(database), before_(database.doer()) {
    database.set_doer({.id = session.issuer + "#" + session.subject, .name = session.email, .way = "oidc"});
  }
  ~ByThemselves() { database_.set_doer(before_); }
  ByThemselves(const ByThemselves&) = delete;
  ByThemselves& operator=(const ByThemselves&) = delete;

 private:
  Database& database_;
  Doer before_;
};

}  // namespace

Result<Session> create_session(Database& database, const crypto::Sha256& digest, Session session) {
  session.id = "ses_" + crypto::random_alphanumeric(id_random_characters);
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Statement forget, database.prepare("DELETE FROM admin_sessions WHERE expires_at_us <= ?"));
  CHECK_OK(forget.bind(session.created_at_us).run());
  TRY(Statement insert,
      database.prepare("INSERT INTO admin_sessions (id, digest, issuer, subject, email, claims, created_at_us, "
                       "expires_at_us) VALUES (?,?,?,?,?,?,?,?)"));
  insert.bind(session.id).bind_blob(digest).bind(session.issuer).bind(session.subject).bind(session.email);
  CHECK_OK(insert.bind(session.claims).bind(session.created_at_us).bind(session.expires_at_us).run());
  TRY(Statement trim,
      database.prepare("DELETE FROM admin_sessions WHERE issuer = ?1 AND subject = ?2 AND id NOT IN (SELECT id FROM "
                       "admin_sessions WHERE issuer = ?1 AND subject = ?2 ORDER BY number DESC LIMIT ?3)"));
  CHECK_OK(trim.bind(session.issuer).bind(session.subject).bind(most_sessions_per_subject).run());
  const ByThemselves doing(database, session);
  CHECK_OK(record(database, "signed_in", session, session.created_at_us));
  CHECK_OK(transaction.commit());
  return session;
}

Result<std::optional<Session>> find_session(const Database& database, const crypto::Sha256& digest,
                                            std::int64_t now_us) {
  TRY(Statement find,
      database.prepare("SELECT " SLUICE_SESSION_COLUMNS " FROM admin_sessions WHERE digest = ? AND expires_at_us > ?"));
  TRY(const bool found, find.bind_blob(digest).bind(now_us).step());
  if (!found) return std::nullopt;
  return read_session(find);
}

Result<std::vector<Session>> list_sessions(const Database& database, std::int64_t now_us) {
  TRY(Statement select, database.prepare("SELECT " SLUICE_SESSION_COLUMNS
                                         " FROM admin_sessions WHERE expires_at_us > ? ORDER BY number DESC"));
  select.bind(now_us);
  return read_all(select);
}

Result<std::vector<Session>> end_sessions_of(Database& database, std::string_view who, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Statement select,
      database.prepare("SELECT " SLUICE_SESSION_COLUMNS
                       " FROM admin_sessions WHERE expires_at_us > ?1 AND (id = ?2 OR subject = ?2 OR email = ?2)"));
  select.bind(now_us).bind(who);
  TRY(std::vector<Session> ended, read_all(select));
  if (ended.empty())
    return fail(ErrorKind::not_found, "nobody is signed in as \"" + std::string(who) + "\"",
                "`sluice sessions list` shows who is");
  for (const Session& session : ended) {
    TRY(Statement remove, database.prepare("DELETE FROM admin_sessions WHERE id = ?"));
    CHECK_OK(remove.bind(session.id).run());
    CHECK_OK(record(database, "session_ended", session, now_us));
  }
  CHECK_OK(transaction.commit());
  return ended;
}

Result<bool> end_session(Database& database, const crypto::Sha256& digest, std::int64_t now_us) {
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(const std::optional<Session> session, find_session(database, digest, now_us));
  if (!session) return false;
  TRY(Statement remove, database.prepare("DELETE FROM admin_sessions WHERE id = ?"));
  CHECK_OK(remove.bind(session->id).run());
  const ByThemselves doing(database, *session);
  CHECK_OK(record(database, "signed_out", *session, now_us));
  CHECK_OK(transaction.commit());
  return true;
}

}  // namespace sluice::store
