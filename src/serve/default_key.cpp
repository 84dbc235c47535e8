#include "serve/default_key.h"

namespace sluice::serve {

store::NewKey default_key(const config::KeyDefaults& defaults) {
  store::NewKey key{.data_class = defaults.data_class_value};
  if (!defaults.budget_usd.empty()) key.budget = Money::parse_usd(defaults.budget_usd);
  if (defaults.requests_per_minute > 0) key.rpm = defaults.requests_per_minute;
  if (defaults.tokens_per_minute > 0) key.tpm = defaults.tokens_per_minute;
  return key;
}

}  // namespace sluice::serve
