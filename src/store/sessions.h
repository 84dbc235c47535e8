// Who is signed in to the administration. Of what a browser holds only the digest is kept, so a copy of the database
// opens no session; what the issuer has said of the person is kept as it was, and what it gives is decided anew with
// each request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "store/database.h"

namespace sluice::store {

struct Session {
  std::string id;  // "ses_" + 12 alphanumerics: names it in records, opens nothing
  std::string issuer;
  std::string subject;
  std::string email;   // may be empty
  std::string claims;  // JSON: those that the roles are made of
  std::int64_t created_at_us = 0;
  std::int64_t expires_at_us = 0;
};

// More sessions of one person than this: the oldest end.
constexpr std::int64_t most_sessions_per_subject = 20;

// Within one transaction with the act "signed_in". Forgets sessions that have expired. `digest`: of what the browser
// holds; `session.id` is made here.
Result<Session> create_session(Database& database, const crypto::Sha256& digest, Session session);
// Empty when there is none, or it has expired.
Result<std::optional<Session>> find_session(const Database& database, const crypto::Sha256& digest,
                                            std::int64_t now_us);
// With the act "signed_out". False when there was none.
Result<bool> end_session(Database& database, const crypto::Sha256& digest, std::int64_t now_us);

// Newest first.
Result<std::vector<Session>> list_sessions(const Database& database, std::int64_t now_us);
// All sessions that have that id, subject or e-mail address, with an act "session_ended" each. Errors: not_found.
Result<std::vector<Session>> end_sessions_of(Database& database, std::string_view who, std::int64_t now_us);

}  // namespace sluice::store
