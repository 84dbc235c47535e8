// Where an actor's role counts: what it sees of organisations, teams, users, keys and limits, and what it may change of
// them. Whoever sees a thing not at all is told that it is not there. What a scope sees of a list is store/sight.h's;
// here single things are looked up.
//
// Within an organisation one sees it, its teams, its users and their keys; within a team one sees that, its keys and
// their users. What binds the scope itself (its own limits, its own removal) is in the hands of whoever stands above.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/store.h"

namespace sluice::admin {

class Visible {
 public:
  // Both outlive it.
  Visible(store::Store& store, const store::Scope& scope) : store_(store), scope_(scope) {}

  bool everything() const { return scope_.everything(); }
  const store::Scope& scope() const { return scope_; }

  // Strictly within the scope: what its administrators may set limits for, and remove.
  bool rules(const store::Subject& subject) const;
  Result<bool> rules(const store::LimitLine& limit) const;
  // Whether a key may be given to this team and this user, which are ids.
  Result<bool> may_own(std::string_view team, std::string_view user) const;
  // Whether another scope lies within.
  Result<bool> holds(const store::Scope& scope) const;

  // By id or name, as far as it is seen. Errors: not_found, about `field` when it is named.
  Result<store::Subject> subject(store::SubjectKind kind, std::string_view id_or_name,
                                 std::string_view field = {}) const;
  Result<store::KeyReport> key(std::string_view id_or_name, std::string_view field = {}) const;

 private:
  // Whoever sees it.
  Result<std::optional<store::Subject>> known(store::SubjectKind kind, std::string_view id) const;

  store::Store& store_;
  const store::Scope& scope_;
};

}  // namespace sluice::admin
