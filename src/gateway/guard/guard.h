// May this request leave the house? Decides which grounds a request may reach, before anything is ordered or priced.
// It does not choose a provider (route does) and does not look at the key's money (admit does).
#pragma once

#include <optional>
#include <string_view>

#include "base/data_class.h"
#include "base/result.h"
#include "catalog/ground.h"

namespace sluice::gateway {

// The request header that names a data class.
constexpr std::string_view data_class_header = "x-sluice-data-class";

struct GuardQuestion {
  DataClass key_class = DataClass::internal;          // of the virtual key
  std::optional<std::string_view> header_class = {};  // value of data_class_header, as sent
  std::optional<DataClass> workload_class = {};       // of the workload that the request belongs to
  DataClass recalled_class = DataClass::public_data;  // of what is kept here and the request goes on from
};

struct Verdict {
  // The rule that fired, each with its own text in rule_text().
  enum class Rule : std::uint8_t {
    open,                    // nothing restricts the request
    restricted_by_key,       // the key is for restricted data
    restricted_by_header,    // the request says that its data is restricted
    restricted_by_workload,  // the workload that it belongs to is for restricted data
    restricted_by_past       // what it goes on from was restricted
  };
  DataClass data_class = DataClass::internal;  // the strictest of all that the question has
  Rule rule = Rule::open;

  bool allows(catalog::Ground ground) const {
    return data_class != DataClass::restricted || ground == catalog::Ground::self_hosted;
  }
};

// A sentence for people: "the key's data class is restricted: only self-hosted engines may see the request".
std::string_view rule_text(Verdict::Rule rule);

// Errors: invalid_request when the header has a value that is no data class.
Result<Verdict> guard(const GuardQuestion& question);

}  // namespace sluice::gateway
