// A licence under which weights are published, and those of its terms that a rule can look at. Facts from
// data/licences.yaml: they say what the text says, never whether somebody may.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::catalog {

struct LicenceTerm {
  enum class Kind : std::uint8_t {
    notice,          // keep the notices with copies of the weights
    display,         // show `text` to users
    naming,          // derived models are called so that `text` stands in front
    user_cap,        // above `limit` monthly active users other terms hold
    revenue_cap,     // above `limit` USD, in the period that `text` names, other terms hold
    non_commercial,  // no commercial use, or only with leave
    field_of_use,    // a policy excludes some uses
    territory,       // not for whoever sits in `text`
    training,        // what may be trained on its output
    litigation,      // ends for whoever sues over patents or other rights
  };
  Kind kind = Kind::notice;
  std::int64_t limit = 0;
  std::string text;  // words to show, a region, or what holds then
};

inline constexpr std::array<std::string_view, 10> licence_term_names = {
    "notice",         "display",      "naming",    "user_cap", "revenue_cap",
    "non_commercial", "field_of_use", "territory", "training", "litigation"};
constexpr std::string_view name(LicenceTerm::Kind kind) { return licence_term_names[static_cast<std::size_t>(kind)]; }

struct Licence {
  std::string id;       // as models name it: an SPDX identifier where there is one
  std::string name;     // its title
  std::string url;      // its text; empty where nobody has published one
  bool weights = true;  // somebody else may run them; false: the maker sells answers only
  std::vector<LicenceTerm> terms;
  std::string note;
  std::string source;
  std::string observed_at;  // YYYY-MM-DD
};

}  // namespace sluice::catalog
