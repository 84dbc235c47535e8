#include "store/sight.h"

namespace sluice::store {
namespace {

// Of a query with keys k: those of an organisation's teams and users.
#define SLUICE_KEYS_OF_ORG                                                                \
  "k.team_id IN (SELECT id FROM subjects WHERE org_id = ? AND removed_at_us IS NULL) OR " \
  "k.user_id IN (SELECT id FROM subjects WHERE org_id = ? AND removed_at_us IS NULL)"
#define SLUICE_SUBJECTS_OF_TEAM                                                                                     \
  "s.id = ? OR (s.kind = 'user' AND EXISTS (SELECT 1 FROM keys theirs WHERE theirs.team_id = ? AND theirs.user_id " \
  "= s.id))"
#define SLUICE_LIMIT_OF_SUBJECT "l.scope IN ('org', 'team', 'user') AND s.removed_at_us IS NULL AND "

}  // namespace

void add_keys_seen(Condition& condition, const Scope& scope) {
  switch (scope.kind) {
    case ScopeKind::everything: return;
    case ScopeKind::org: condition.add(SLUICE_KEYS_OF_ORG, {scope.id, scope.id}); return;
    case ScopeKind::team: condition.add("k.team_id = ?", {scope.id}); return;
  }
}

void add_subjects_seen(Condition& condition, const Scope& scope) {
  switch (scope.kind) {
    case ScopeKind::everything: return;
    case ScopeKind::org: condition.add("s.id = ? OR s.org_id = ?", {scope.id, scope.id}); return;
    case ScopeKind::team: condition.add(SLUICE_SUBJECTS_OF_TEAM, {scope.id, scope.id}); return;
  }
}

void add_limits_seen(Condition& condition, const Scope& scope) {
  switch (scope.kind) {
    case ScopeKind::everything: return;
    case ScopeKind::org:
      condition.add("(" SLUICE_LIMIT_OF_SUBJECT
                    "(s.id = ? OR s.org_id = ?)) OR (l.scope = 'key' AND (" SLUICE_KEYS_OF_ORG "))",
                    {scope.id, scope.id, scope.id, scope.id});
      return;
    case ScopeKind::team:
      condition.add("(" SLUICE_LIMIT_OF_SUBJECT "(" SLUICE_SUBJECTS_OF_TEAM ")) OR (l.scope = 'key' AND k.team_id = ?)",
                    {scope.id, scope.id, scope.id});
      return;
  }
}

void add_admin_keys_seen(Condition& condition, const Scope& scope) {
  switch (scope.kind) {
    case ScopeKind::everything: return;
    case ScopeKind::org:
      condition.add(
          "(a.scope = 'org' AND a.scope_id = ?) OR (a.scope = 'team' AND a.scope_id IN (SELECT id FROM "
          "subjects WHERE org_id = ? AND kind = 'team' AND removed_at_us IS NULL))",
          {scope.id, scope.id});
      return;
    case ScopeKind::team: condition.add("a.scope = 'team' AND a.scope_id = ?", {scope.id}); return;
  }
}

void add(Condition& condition, const KeyFilter& filter) {
  add_keys_seen(condition, filter.scope);
  if (!filter.id.empty()) condition.add("k.id = ?", {filter.id});
  if (!filter.name.empty()) condition.add("k.name = ?", {filter.name});
  if (!filter.team.empty()) condition.add("k.team_id = ?", {filter.team});
  if (!filter.user.empty()) condition.add("k.user_id = ?", {filter.user});
  if (filter.digest) condition.add("k.digest = ?", {*filter.digest});
  if (!filter.with_revoked) condition.add("k.revoked_at_us IS NULL");
}

}  // namespace sluice::store
