// What a scope sees of the directory, as a condition of a query: lists and look-ups read what they give, however much
// there is beside it.
//
// Within an organisation one sees it, its teams, its users and their keys; within a team one sees that, its keys and
// whoever has one of them. Of limits: those of what one sees. Of administration keys: those of one's own scope, and
// within an organisation those of its teams.
#pragma once

#include "store/condition.h"
#include "store/page.h"

namespace sluice::store {

// The conditions name the tables as the queries do: keys k, subjects s, limits l, admin_keys a.
void add_keys_seen(Condition& condition, const Scope& scope);
void add_subjects_seen(Condition& condition, const Scope& scope);
void add_limits_seen(Condition& condition, const Scope& scope);  // in a query that joins s and k by l.subject
void add_admin_keys_seen(Condition& condition, const Scope& scope);

void add(Condition& condition, const KeyFilter& filter);

// " AND key_id IN ...", of rows with a key_id; nothing where there is no filter.
class OfKeys {
 public:
  OfKeys(const std::optional<KeyFilter>& filter, int bound_before) : keys_(bound_before), is_set_(filter.has_value()) {
    if (filter) add(keys_, *filter);
  }
  std::string text() const {
    return is_set_ ? " AND key_id IN (SELECT k.id FROM keys k WHERE " + keys_.text() + ")" : std::string();
  }
  void bind(Statement& statement) const { keys_.bind(statement); }

 private:
  Condition keys_;
  bool is_set_;
};

}  // namespace sluice::store
