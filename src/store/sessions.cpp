#include "store/sessions.h"

#include "store/admin_acts.h"

namespace sluice::store {
namespace {

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
                       "admin_sessions WHERE issuer = ?1 AND subject = ?2 ORDER BY rowid DESC LIMIT ?3)"));
  CHECK_OK(trim.bind(session.issuer).bind(session.subject).bind(most_sessions_per_subject).run());
  const ByThemselves doing(database, session);
  CHECK_OK(record(database, "signed_in", session, session.created_at_us));
  CHECK_OK(transaction.commit());
  return session;
}

Result<std::optional<Session>> find_session(const Database& database, const crypto::Sha256& digest,
                                            std::int64_t now_us) {
  TRY(Statement find,
      database.prepare("SELECT id, issuer, subject, email, claims, created_at_us, expires_at_us FROM admin_sessions "
                       "WHERE digest = ? AND expires_at_us > ?"));
  TRY(const bool found, find.bind_blob(digest).bind(now_us).step());
  if (!found) return std::nullopt;
  return Session{.id = find.text(0),
                 .issuer = find.text(1),
                 .subject = find.text(2),
                 .email = find.text(3),
                 .claims = find.text(4),
                 .created_at_us = find.integer(5),
                 .expires_at_us = find.integer(6)};
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
