// From what an issuer says of a person to what that person may do here: the rules of the configuration, in their order.
#pragma once

#include <string>

#include "config/oidc_settings.h"
#include "json/json.h"

namespace sluice::identity {

// The first rule that fits; it lives as long as the settings. Errors: forbidden, for the person: which claim was
// missing or had no value that gives a role; or that the e-mail address is not of an allowed domain, or not verified.
Result<const config::OidcRule*> rule_for(const config::OidcSettings& settings, const json::Value& claims);

// Those claims alone that rule_for() looks at, as JSON: what a session keeps.
std::string claims_kept(const config::OidcSettings& settings, const json::Value& claims);

}  // namespace sluice::identity
