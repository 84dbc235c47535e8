#include "catalog/takes_by_name.h"

#include <algorithm>

#include "base/ascii.h"

namespace sluice::catalog {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }

// In small letters, with hyphens for all other signs.
std::string plain(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  for (const char c : name) {
    const char small = ascii_lower(c);
    out.push_back(is_letter_or_digit(small) ? small : '-');
  }
  return out;
}

// Takes one off that says which edition it is: "-20260528", "-2026-03-05", "-v1", "-latest".
bool take_edition(std::string_view& name) {
  for (const std::string_view word : {"-latest", "-default", "-preview", "-fast", "-thinking"})
    if (name.ends_with(word)) {
      name.remove_suffix(word.size());
      return true;
    }
  std::size_t digits = 0;
  std::size_t begin = name.size();
  while (begin > 0 && (is_digit(name[begin - 1]) || (name[begin - 1] == '-' && digits > 0)))
    digits += is_digit(name[--begin]) ? 1 : 0;
  if (name.substr(0, begin).ends_with("-v") && digits > 0) {
    name = name.substr(0, begin - 2);
    return true;
  }
  // A day has eight digits; what is more belongs to the version before it.
  std::size_t day = name.size();
  for (std::size_t left = 8; left > 0 && day > begin;)
    if (is_digit(name[--day])) --left;
  if (digits < 8 || day == 0 || name[day - 1] != '-' || !name.substr(day).starts_with("20")) return false;
  name = name.substr(0, day - 1);
  return true;
}

}  // namespace

std::string name_of_weights(const Model& model) {
  const std::string region = model.region + ".";
  return model.region.empty() || !model.id.starts_with(region) ? model.id : model.id.substr(region.size());
}

TakesByName::TakesByName(std::span<const Model> models) {
  for (const Model& model : models)
    if (model.takes != chat::Takes()) by_name_.try_emplace(plain(name_of_weights(model)), model.takes);
}

chat::Takes TakesByName::find(std::string_view name) const {
  if (name.starts_with("ft:")) name.remove_prefix(3);
  if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  name = name.substr(0, name.find_first_of(":@["));
  const std::string all = plain(name);
  std::string_view core = all;
  do {
    // From each sign on: what stands in front is the host's.
    for (std::string_view rest = core;;) {
      if (const auto found = by_name_.find(rest); found != by_name_.end()) return found->second;
      const std::size_t sign = rest.find('-');
      if (sign == std::string_view::npos) break;
      rest.remove_prefix(sign + 1);
    }
  } while (take_edition(core));
  return {};
}

}  // namespace sluice::catalog
