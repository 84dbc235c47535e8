// Where an actor's role counts: what it sees of organisations, teams, users, keys and limits, and what it may change of
// them. Whoever sees a thing not at all is told that it is not there.
//
// Within an organisation one sees it, its teams, its users and their keys; within a team one sees that, its keys and
// their users. What binds the scope itself (its own limits, its own removal) is in the hands of whoever stands above.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace sluice::admin {

class Visible {
 public:
  static Result<Visible> load(store::Store& store, const store::Scope& scope);

  bool everything() const { return scope_.everything(); }
  const store::Scope& scope() const { return scope_; }
  bool sees(const store::Subject& subject) const;
  bool sees(const store::VirtualKey& key) const;
  bool sees(const store::LimitLine& limit) const;
  // Strictly within the scope: what its administrators may set limits for, and remove.
  bool rules(const store::Subject& subject) const;
  bool rules(const store::LimitLine& limit) const;
  // Whether a key may be given to this team and this user.
  bool may_own(const store::VirtualKey& key) const;

  // By id or name, as far as it is seen. Errors: not_found, about `field` when it is named.
  Result<store::Subject> subject(store::SubjectKind kind, std::string_view id_or_name,
                                 std::string_view field = {}) const;
  Result<store::KeyReport> key(std::string_view id_or_name, std::string_view field = {}) const;

  const std::vector<store::KeyReport>& keys() const { return keys_; }  // all of the store
  const std::vector<store::Subject>& subjects() const { return subjects_; }
  std::vector<KeyId> key_ids() const;  // that are seen

 private:
  const store::Subject* find(std::string_view id) const;
  std::string org_of(std::string_view subject_id) const;

  store::Scope scope_;
  std::vector<store::Subject> subjects_;
  std::map<std::string, std::size_t, std::less<>> places_;  // of subjects, by id
  std::vector<store::KeyReport> keys_;
};

}  // namespace sluice::admin
