#include "config/oidc_reader.h"

#include <algorithm>
#include <cctype>

#include "config/read_section.h"

namespace sluice::config {
namespace {

using yaml::Fields;
using yaml::Member;
using yaml::Node;
using yaml::Report;

// This machine by its name or an address of it; nobody else hears what goes there.
bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// Passwords and tokens go this way: over TLS, or not out of this machine.
Result<BaseUrl> guarded_url(const std::string& text) {
  TRY(BaseUrl url, parse_base_url(text));
  if (!url.endpoint.tls && !is_loopback(url.endpoint.host))
    return fail(ErrorKind::invalid_request, "`" + text + "` has no TLS",
                "write https://; http:// is for issuers and tests on this machine alone");
  return url;
}

bool is_role(const std::string& name) { return std::ranges::find(role_names, name) != std::end(role_names); }

OidcRule read_rule(const Node& node, const Report& report) {
  Fields fields(node, "a rule of `roles`", report);
  OidcRule rule;
  rule.claim = fields.required_text("claim");
  rule.value = fields.required_text("value");
  rule.role = fields.required_text("role");
  rule.org = fields.text("org").value_or("");
  rule.team = fields.text("team").value_or("");
  fields.refuse_others();
  if (!rule.role.empty() && !is_role(rule.role))
    report.error(node, "there is no role `" + rule.role + "`", "use owner, admin, member, viewer or auditor");
  if (!rule.org.empty() && !rule.team.empty())
    report.error(node, "a rule names an organisation or a team, not both", "remove one: a team has its organisation");
  return rule;
}

void read_rules(const Member& member, const Report& report, OidcSettings& into) {
  if (!member.value.is_list())
    return report.error(member.value, "`roles` must be a list",
                        "write `- { claim: groups, value: platform-admins, role: owner }` below it");
  if (member.value.items.size() > most_oidc_rules)
    return report.error(member.value, "`roles` has more than 1000 rules", "give roles to groups, not to people");
  for (const Node& node : member.value.items) into.roles.push_back(read_rule(node, report));
}

}  // namespace

OidcSettings read_oidc(const Member& member, const Report& report) {
  Fields fields(member.value, "`admin.oidc`", report);
  OidcSettings into;
  read_section(fields, oidc_table, into);
  if (auto secret = fields.text("client_secret")) into.client_secret = Secret(*std::move(secret));
  into.audience = fields.texts("audience");
  into.allowed_domains = fields.texts("allowed_domains");
  const Member* roles = fields.take("roles");
  if (roles) read_rules(*roles, report, into);
  fields.refuse_others();
  for (std::string& domain : into.allowed_domains)
    std::ranges::transform(domain, domain.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });

  const auto wrong = [&](const char* name, std::string message, std::string help) {
    const Member* where = member.value.find(name);
    report.error(where ? where->value : member.value, std::move(message), std::move(help));
  };
  if (into.issuer.empty()) {
    wrong("issuer", "`admin.oidc` has no issuer", "write the issuer's URL as its discovery document says it");
  } else if (auto url = guarded_url(into.issuer)) {
    into.issuer_url = *std::move(url);
  } else {
    wrong("issuer", url.error().message, url.error().hint);
  }
  if (into.client_id.empty())
    wrong("client_id", "`admin.oidc` has no client_id", "register Sluice with the issuer, which gives it one");
  const std::string help =
      "write the URL under which browsers reach Sluice, and behind it " + std::string(callback_path);
  if (auto url = guarded_url(into.redirect_url); !url) {
    wrong("redirect_url", url.error().message, into.redirect_url.empty() ? help : url.error().hint);
  } else {
    into.https = url->endpoint.tls;
    into.origin = (into.https ? "https://" : "http://") + url->host_header;
    if (!url->path_prefix.ends_with(callback_path))
      wrong("redirect_url", "`redirect_url` does not end with " + std::string(callback_path), help);
  }
  if ((' ' + into.scopes + ' ').find(" openid ") == std::string::npos)
    wrong("scopes", "`scopes` lacks `openid`", "without it the issuer says nothing about who signs in");
  if (into.roles.empty())
    wrong("roles", "`admin.oidc` gives no role to anybody, so nobody can sign in",
          "write `roles:` and below it `- { claim: groups, value: platform-admins, role: owner }`");
  return into;
}

}  // namespace sluice::config
