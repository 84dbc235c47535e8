#include "store/line_index.h"

#include "store/tags.h"

namespace sluice::store {

Result<LineIndex> LineIndex::open(const Database& database, const Lines& lines) {
  LineIndex index;
  for (const auto& line : lines) {
    const LimitLine& rule = line->rule;
    if (rule.scope == LimitScope::everybody)
      index.everybody_.push_back(line);
    else
      (rule.scope == LimitScope::tag ? index.by_tag_ : index.by_subject_)[rule.subject].push_back(line);
  }
  TRY(Statement select, database.prepare("SELECT id, org_id FROM subjects WHERE org_id <> ''"));
  while (true) {
    TRY(const bool row, select.step());
    if (!row) return index;
    std::string org = select.text(1);
    if (index.by_subject_.contains(org)) index.orgs_[select.text(0)] = std::move(org);
  }
}

LineIndex::Owners LineIndex::owners_of(const VirtualKey& key) const {
  const auto org_of = [&](const std::string& id) {
    const auto found = orgs_.find(id);
    return found == orgs_.end() ? std::string() : found->second;
  };
  return {.team = key.team, .user = key.user, .team_org = org_of(key.team), .user_org = org_of(key.user)};
}

void LineIndex::know(const VirtualKey& key) {
  if (key.team.empty() && key.user.empty()) return;
  Owners owners = owners_of(key);
  const bool counts = by_subject_.contains(owners.team) || by_subject_.contains(owners.user) ||
                      by_subject_.contains(owners.team_org) || by_subject_.contains(owners.user_org);
  if (counts) owners_[key.id.str()] = std::move(owners);
}

void LineIndex::collect(Lines& lines, const Owners& owners, std::string_view key_id, std::string_view tags) const {
  lines = everybody_;
  const auto add = [&](const auto& from, std::string_view subject) {
    if (subject.empty()) return;
    if (const auto found = from.find(subject); found != from.end())
      lines.insert(lines.end(), found->second.begin(), found->second.end());
  };
  add(by_subject_, owners.team_org);
  if (owners.user_org != owners.team_org) add(by_subject_, owners.user_org);
  add(by_subject_, owners.team);
  add(by_subject_, owners.user);
  add(by_subject_, key_id);
  if (!by_tag_.empty())
    for (const std::string_view tag : split_tags(tags)) add(by_tag_, tag);
}

Lines LineIndex::lines_of(const VirtualKey& key) const {
  Lines lines;
  collect(lines, owners_of(key), key.id.str(), key.tags);
  return lines;
}

std::vector<const Line*> LineIndex::lines_of(std::string_view key_id, std::string_view tags) const {
  const auto known = owners_.find(key_id);
  Lines lines;
  collect(lines, known == owners_.end() ? Owners{} : known->second, key_id, tags);
  std::vector<const Line*> plain;
  plain.reserve(lines.size());
  for (const auto& line : lines) plain.push_back(line.get());
  return plain;
}

}  // namespace sluice::store
