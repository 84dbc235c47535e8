#include "store/key_table.h"

#include <algorithm>
#include <cstring>

namespace sluice::store {

// The first bytes of a sha256 are as good a hash as any.
std::size_t KeyTable::Hash::operator()(const crypto::Sha256& digest) const noexcept {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

Lines own_lines(const VirtualKey& key) {
  Lines lines;
  const auto add = [&](LimitUnit unit, const std::optional<std::int64_t>& amount) {
    if (!amount) return;
    const LimitLine rule{.id = key.id.str() + "." + std::string(name(unit)),
                         .scope = LimitScope::key,
                         .subject = key.id.str(),
                         .subject_name = key.name,
                         .unit = unit,
                         .amount = *amount,
                         .created_at_us = key.created_at_us};
    lines.push_back(std::make_shared<const Line>(Line{rule, std::make_shared<LineState>(rule.window)}));
  };
  add(LimitUnit::money, key.budget ? std::optional(key.budget->pico()) : std::nullopt);
  add(LimitUnit::tokens, key.tpm);
  add(LimitUnit::requests, key.rpm);
  return lines;
}

Principal::Principal(std::shared_ptr<const VirtualKey> key, std::shared_ptr<KeyState> state)
    : key_(std::move(key)), state_(std::move(state)) {
  if (Lines lines = own_lines(*key_); !lines.empty()) lines_ = std::make_shared<const Lines>(std::move(lines));
}

std::span<const std::shared_ptr<const Line>> KeyTable::lines_of_tag(std::string_view tag) const {
  const auto found = tag_lines_.find(tag);
  return found == tag_lines_.end() ? std::span<const std::shared_ptr<const Line>>() : std::span(found->second);
}

KeyTable::KeyTable(std::vector<Principal> principals, Lines lines, TagLines tag_lines)
    : lines_(std::move(lines)), tag_lines_(std::move(tag_lines)) {
  by_digest_.reserve(principals.size());
  for (Principal& principal : principals) {
    const crypto::Sha256 digest = principal.key().digest;
    by_digest_.emplace(digest, std::move(principal));
  }
}

Lines KeyTable::all_lines() const {
  Lines all = lines_;
  for (const auto& [digest, principal] : by_digest_)
    for (const std::shared_ptr<const Line>& line : principal.lines())
      if (line->rule.is_keys_own()) all.push_back(line);
  return all;
}

const Principal* KeyTable::find(const crypto::Sha256& digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? nullptr : &found->second;
}

const Principal* KeyTable::find_id(std::string_view id) const {
  const auto found = std::ranges::find_if(by_digest_, [&](const auto& one) { return one.second.id().str() == id; });
  return found == by_digest_.end() ? nullptr : &found->second;
}

}  // namespace sluice::store
