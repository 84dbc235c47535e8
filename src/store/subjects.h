// Organisations, teams and users: whom keys belong to. A team and a user may belong to an organisation; that never
// changes, so the ledger needs the key alone. Each act is kept for the audit log in the same transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/database.h"
#include "store/page.h"

namespace sluice::store {

enum class SubjectKind : std::uint8_t { org, team, user };
inline constexpr SubjectKind subject_kinds[] = {SubjectKind::org, SubjectKind::team, SubjectKind::user};
std::string_view name(SubjectKind kind);   // "org", "team", "user"
std::string_view title(SubjectKind kind);  // "organisation", "team", "user"

struct Subject {
  std::string id;  // "org_", "team_" or "user_" + 12 alphanumerics
  SubjectKind kind = SubjectKind::team;
  std::string name;  // unique among those of its kind that are not removed
  std::string org;   // the id of its organisation; empty = none
  std::int64_t created_at_us = 0;
  std::int64_t keys = 0;  // that are not revoked
};

// Errors: invalid_request for a name in use or a bound passed (as of a key's name), not_found for the organisation.
Result<Subject> create_subject(Database& database, SubjectKind kind, std::string_view name, std::string_view org,
                               std::int64_t now_us);
Result<std::vector<Subject>> list_subjects(const Database& database, SubjectKind kind);
// A page of those that a scope sees; `org`: the id of one whose they are, empty = whosever.
struct SubjectFilter {
  Scope scope;
  SubjectKind kind = SubjectKind::team;
  std::string org;
};
Result<Page<Subject>> page_of_subjects(const Database& database, const SubjectFilter& filter, const PageRange& range);
// By id, else by name, as far as the scope sees it. Empty: it sees none.
Result<std::optional<Subject>> see_subject(const Database& database, const Scope& scope, SubjectKind kind,
                                           std::string_view id_or_name);
// By id or by name. Errors: not_found, saying how to see which there are.
Result<Subject> find_subject(const Database& database, SubjectKind kind, std::string_view id_or_name);
// Its name is free from then on; what its keys have spent stays. Errors: not_found; invalid_request while keys, teams,
// users or limits are its own.
Result<Subject> remove_subject(Database& database, SubjectKind kind, std::string_view id_or_name, std::int64_t now_us);

}  // namespace sluice::store
