#include "admin/visible.h"

#include <algorithm>
#include <utility>

#include "store/limit_line.h"

namespace sluice::admin {

using store::LimitScope;
using store::ScopeKind;
using store::Subject;
using store::SubjectKind;

Result<Visible> Visible::load(store::Store& store, const store::Scope& scope) {
  Visible visible;
  visible.scope_ = scope;
  for (const SubjectKind kind : store::subject_kinds) {
    TRY(std::vector<Subject> subjects, store.list_subjects(kind));
    for (Subject& subject : subjects) {
      visible.places_[subject.id] = visible.subjects_.size();
      visible.subjects_.push_back(std::move(subject));
    }
  }
  TRY(visible.keys_, store.list_keys());
  return visible;
}

const Subject* Visible::find(std::string_view id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &subjects_[found->second];
}

std::string Visible::org_of(std::string_view subject_id) const {
  const Subject* subject = find(subject_id);
  return subject ? subject->org : std::string();
}

bool Visible::sees(const Subject& subject) const {
  if (everything()) return true;
  if (scope_.kind == ScopeKind::org) return subject.id == scope_.id || subject.org == scope_.id;
  if (subject.id == scope_.id) return true;
  // A team's people: whoever has a key of it.
  return subject.kind == SubjectKind::user && std::ranges::any_of(keys_, [&](const store::KeyReport& report) {
           return report.key.team == scope_.id && report.key.user == subject.id;
         });
}

bool Visible::sees(const store::VirtualKey& key) const {
  if (everything()) return true;
  if (scope_.kind == ScopeKind::team) return key.team == scope_.id;
  return (!key.team.empty() && org_of(key.team) == scope_.id) || (!key.user.empty() && org_of(key.user) == scope_.id);
}

bool Visible::sees(const store::LimitLine& limit) const {
  if (everything()) return true;
  switch (limit.scope) {
    case LimitScope::everybody:
    case LimitScope::tag: return false;
    case LimitScope::org:
    case LimitScope::team:
    case LimitScope::user: {
      const Subject* subject = find(limit.subject);
      return subject && sees(*subject);
    }
    case LimitScope::key:
      return std::ranges::any_of(keys_, [&](const store::KeyReport& report) {
        return report.key.id.str() == limit.subject && sees(report.key);
      });
  }
  return false;
}

bool Visible::rules(const Subject& subject) const {
  return everything() || (scope_.kind == ScopeKind::org && subject.org == scope_.id);
}

bool Visible::rules(const store::LimitLine& limit) const {
  if (everything()) return true;
  if (limit.scope == LimitScope::key) return sees(limit);
  const Subject* subject = find(limit.subject);
  return subject && limit.scope != LimitScope::everybody && limit.scope != LimitScope::tag && rules(*subject);
}

bool Visible::may_own(const store::VirtualKey& key) const {
  if (everything()) return true;
  if (!sees(key)) return false;
  // Whoever is named beside must be of the same organisation: a key counts against its user's limits, too.
  const Subject* user = find(key.user);
  const Subject* team = find(key.team);
  const std::string org = scope_.kind == ScopeKind::org ? scope_.id : org_of(scope_.id);
  const auto within = [&](const Subject* one) { return !one || sees(*one) || (!org.empty() && one->org == org); };
  return within(user) && within(team);
}

Result<Subject> Visible::subject(SubjectKind kind, std::string_view id_or_name, std::string_view field) const {
  const Subject* best = nullptr;
  for (const Subject& subject : subjects_) {
    if (subject.kind != kind || !sees(subject)) continue;
    if (subject.id == id_or_name) return subject;
    if (subject.name == id_or_name) best = &subject;
  }
  if (best) return *best;
  return std::unexpected(
      Error{.kind = field.empty() ? ErrorKind::not_found : ErrorKind::invalid_request,
            .message = "there is no " + std::string(title(kind)) + " \"" + std::string(id_or_name) + "\"",
            .hint = "GET /admin/v1/" + std::string(kind == SubjectKind::org ? "organisations" : name(kind)) +
                    (kind == SubjectKind::org ? "" : "s") + " lists those that there are",
            .param = std::string(field)});
}

Result<store::KeyReport> Visible::key(std::string_view id_or_name, std::string_view field) const {
  const store::KeyReport* best = nullptr;
  for (const store::KeyReport& report : keys_) {
    if (!sees(report.key)) continue;
    if (report.key.id.str() == id_or_name) return report;
    if (report.key.name == id_or_name && (!best || !report.key.revoked_at_us)) best = &report;
  }
  if (best) return *best;
  return std::unexpected(Error{.kind = field.empty() ? ErrorKind::not_found : ErrorKind::invalid_request,
                               .message = "there is no key \"" + std::string(id_or_name) + "\"",
                               .hint = "GET /admin/v1/keys lists those that there are",
                               .param = std::string(field)});
}

std::vector<KeyId> Visible::key_ids() const {
  std::vector<KeyId> ids;
  for (const store::KeyReport& report : keys_)
    if (sees(report.key)) ids.push_back(report.key.id);
  return ids;
}

}  // namespace sluice::admin
