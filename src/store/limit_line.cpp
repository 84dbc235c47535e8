#include "store/limit_line.h"

namespace sluice::store {

std::string_view name(StoreDown rule) {
  switch (rule) {
    case StoreDown::fail_closed: return "fail_closed";
    case StoreDown::local_slice_only: return "local_slice_only";
    case StoreDown::fail_open: return "fail_open";
  }
  return "";
}

std::optional<StoreDown> read_store_down(std::string_view text) {
  for (const StoreDown rule : store_down_rules)
    if (name(rule) == text) return rule;
  return std::nullopt;
}
namespace {

// The text is provider + "/" + model, which is never put together.
char at(std::string_view provider, std::string_view model, std::size_t index) {
  if (index < provider.size()) return provider[index];
  return index == provider.size() ? '/' : model[index - provider.size() - 1];
}

}  // namespace

std::string_view name(LimitScope scope) {
  switch (scope) {
    case LimitScope::everybody: return "everybody";
    case LimitScope::org: return "org";
    case LimitScope::team: return "team";
    case LimitScope::user: return "user";
    case LimitScope::key: return "key";
    case LimitScope::tag: return "tag";
  }
  return "unknown";
}

std::string_view name(LimitUnit unit) {
  switch (unit) {
    case LimitUnit::money: return "usd";
    case LimitUnit::requests: return "rpm";
    case LimitUnit::tokens: return "tpm";
    case LimitUnit::places: return "concurrent";
  }
  return "unknown";
}

// In one pass, going back to the last star only: no pattern takes more than the product of both lengths.
bool matches(std::string_view pattern, std::string_view provider, std::string_view model) {
  if (pattern == any_model) return true;
  const std::size_t size = provider.size() + 1 + model.size();
  std::size_t text = 0;
  std::size_t rule = 0;
  std::size_t star = std::string_view::npos;
  std::size_t behind_star = 0;
  while (text < size) {
    if (rule < pattern.size() && pattern[rule] == '*') {
      star = rule++;
      behind_star = text;
    } else if (rule < pattern.size() && pattern[rule] == at(provider, model, text)) {
      ++rule;
      ++text;
    } else if (star != std::string_view::npos) {
      rule = star + 1;
      text = ++behind_star;
    } else {
      return false;
    }
  }
  while (rule < pattern.size() && pattern[rule] == '*') ++rule;
  return rule == pattern.size();
}

std::string subject_words(const LimitLine& line) {
  const std::string& subject = line.subject_name.empty() ? line.subject : line.subject_name;
  switch (line.scope) {
    case LimitScope::everybody: return "everybody together";
    case LimitScope::org: return "the organisation \"" + subject + "\"";
    case LimitScope::team: return "the team \"" + subject + "\"";
    case LimitScope::user: return "the user \"" + subject + "\"";
    case LimitScope::key: return "the key \"" + subject + "\"";
    case LimitScope::tag: return "the tag \"" + subject + "\"";
  }
  return subject;
}

}  // namespace sluice::store
