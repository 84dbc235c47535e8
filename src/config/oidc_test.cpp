#include <gtest/gtest.h>

#include "config/load.h"

namespace sluice::config {
namespace {

Loaded load_oidc(const std::string& lines) {
  Sources sources{.text = "admin:\n  oidc:\n" + lines};
  sources.env = [](std::string_view name) {
    return name == "OIDC_SECRET" ? std::optional<std::string>("s3cret-of-the-client") : std::nullopt;
  };
  return load(sources);
}

const std::string right = R"(    issuer: https://login.example.com/realms/main
    client_id: sluice
    redirect_url: https://sluice.example.com/admin/v1/auth/callback
)";
const std::string roles = "    roles: [{ claim: groups, value: platform-admins, role: owner }]\n";

std::string problem(const std::string& lines) {
  const Loaded loaded = load_oidc(lines);
  return loaded.snapshot ? "" : loaded.diagnostics.render();
}

#define EXPECT_PROBLEM(lines, part) EXPECT_NE(problem(lines).find(part), std::string::npos) << problem(lines)

TEST(Oidc, Is_off_when_it_is_not_there) {
  const Loaded loaded = load({});
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_FALSE(loaded.snapshot->oidc().configured());
}

TEST(Oidc, Is_read_with_its_rules_in_their_order) {
  const Loaded loaded = load_oidc(right + R"(    client_secret: "${OIDC_SECRET}"
    scopes: openid email groups
    audience: sluice-api
    allowed_domains: [Example.COM]
    session_hours: 2
    leeway_seconds: 5
    roles:
      - { claim: groups, value: platform-admins, role: owner }
      - { claim: realm_access.roles, value: ml, role: admin, team: ml }
)");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  const OidcSettings& oidc = loaded.snapshot->oidc();
  EXPECT_EQ(oidc.issuer, "https://login.example.com/realms/main");
  EXPECT_EQ(oidc.issuer_url.endpoint.host, "login.example.com");
  EXPECT_EQ(oidc.client_secret.reveal(), "s3cret-of-the-client");
  EXPECT_EQ(oidc.origin, "https://sluice.example.com");
  EXPECT_TRUE(oidc.https);
  EXPECT_EQ(oidc.audience, std::vector<std::string>{"sluice-api"});
  EXPECT_EQ(oidc.allowed_domains, std::vector<std::string>{"example.com"});
  EXPECT_EQ(oidc.session_hours, 2);
  EXPECT_EQ(oidc.leeway_seconds, 5);
  ASSERT_EQ(oidc.roles.size(), 2u);
  EXPECT_EQ(oidc.roles[1].claim, "realm_access.roles");
  EXPECT_EQ(oidc.roles[1].team, "ml");
  EXPECT_EQ(loaded.snapshot->json().find("s3cret"), std::string::npos);
}

TEST(Oidc, Wants_what_it_cannot_do_without) {
  EXPECT_PROBLEM(roles, "has no issuer");
  EXPECT_PROBLEM(right, "gives no role to anybody");
  EXPECT_PROBLEM("    issuer: https://i.example.com\n    client_id: s\n" + roles, "/admin/v1/auth/callback");
  EXPECT_PROBLEM(right + "    scopes: email\n" + roles, "lacks `openid`");
  EXPECT_PROBLEM(right + "    secret: x\n" + roles, "secret");
}

TEST(Oidc, Sends_nothing_over_the_network_without_TLS) {
  const auto with = [](const std::string& issuer, const std::string& back) {
    return problem("    issuer: " + issuer + "\n    client_id: s\n    redirect_url: " + back +
                   "/admin/v1/auth/callback\n" + roles);
  };
  EXPECT_EQ(with("http://127.0.0.1:9000", "http://localhost:8080"), "");
  EXPECT_NE(with("http://login.example.com", "http://localhost:8080").find("has no TLS"), std::string::npos);
  EXPECT_NE(with("https://login.example.com", "http://sluice.example.com").find("has no TLS"), std::string::npos);
  EXPECT_NE(with("http://127.0.0.1.example.com", "http://localhost:8080").find("has no TLS"), std::string::npos);
  EXPECT_NE(with("\"https://user@login.example.com\"", "http://localhost:8080"), "");
}

TEST(Oidc, Takes_rules_with_known_roles_and_one_place) {
  EXPECT_PROBLEM(right + "    roles: [{ claim: groups, value: a, role: root }]\n", "no role `root`");
  EXPECT_PROBLEM(right + "    roles: [{ claim: groups, role: owner }]\n", "value");
  EXPECT_PROBLEM(right + "    roles: [{ claim: groups, value: a, role: admin, org: o, team: t }]\n", "not both");
  EXPECT_PROBLEM(right + "    roles: { groups: owner }\n", "must be a list");
}

}  // namespace
}  // namespace sluice::config
