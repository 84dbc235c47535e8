#include "identity/roles.h"

#include <algorithm>
#include <set>
#include <vector>

#include "identity/text.h"

namespace sluice::identity {
namespace {

// "groups", "https://example.com/groups" or, through objects, "realm_access.roles": the whole name comes first.
json::Value find_claim(const json::Value& claims, std::string_view name) {
  const json::Value whole = claims[name];
  if (whole.exists()) return whole;
  json::Value at = claims;
  while (!name.empty() && at.is_object()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    at = at[name.substr(0, dot)];
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  return name.empty() ? at : json::Value();  // the path may end at something that is no object
}

// A text, or a list with that text in it.
bool says(const json::Value& claim, std::string_view value) {
  if (claim.is_string()) return claim.string() == value;
  const std::vector<json::Value> elements = claim.elements();
  return std::ranges::any_of(elements, [&](const json::Value& one) { return one.string() == value; });
}

std::string listed(const std::set<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "`" : ", `") + name + "`";
  return out;
}

}  // namespace

Result<const config::OidcRule*> rule_for(const config::OidcSettings& settings, const json::Value& claims) {
  const std::string hint = "ask an administrator: `admin.oidc` in the configuration says who may sign in";
  const std::string_view email = claims["email"].string().value_or("");
  if (!settings.allowed_domains.empty()) {
    if (!has_domain(email, settings.allowed_domains))
      return fail(ErrorKind::forbidden, "the e-mail address (claim `email`) is missing or of no allowed domain", hint);
    if (claims["email_verified"].boolean() != true)
      return fail(ErrorKind::forbidden, "the issuer has not verified the e-mail address (claim `email_verified`)",
                  hint);
  }
  std::set<std::string> missing;
  std::set<std::string> others;
  for (const config::OidcRule& rule : settings.roles) {
    const json::Value claim = find_claim(claims, rule.claim);
    if (says(claim, rule.value)) return &rule;
    (claim.exists() ? others : missing).insert(rule.claim);
  }
  std::string why = "nothing that the issuer says gives a role:";
  if (!missing.empty()) why += " it has not sent the claim " + listed(missing);
  if (!others.empty())
    why += (missing.empty() ? " no value of the claim " : ", and no value of the claim ") + listed(others) +
           " is in a rule";
  return fail(ErrorKind::forbidden, std::move(why), hint);
}

std::string claims_kept(const config::OidcSettings& settings, const json::Value& claims) {
  std::set<std::string> names = {"email", "email_verified"};
  for (const config::OidcRule& rule : settings.roles)
    names.insert(claims[rule.claim].exists() ? rule.claim : rule.claim.substr(0, rule.claim.find('.')));
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  for (const std::string& name : names)
    if (const json::Value value = claims[name]; value.exists()) writer.key(name).raw(value.text());
  writer.end_object();
  return out;
}

}  // namespace sluice::identity
