#include "identity/sign_in.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include "identity/roles.h"
#include "identity/text.h"

namespace sluice::identity {
namespace {

config::OidcSettings settings() {
  config::OidcSettings made;
  made.issuer = "https://login.example.com/realms/main";
  made.issuer_url = *parse_base_url(made.issuer);
  made.client_id = "sluice";
  made.roles = {{.claim = "groups", .value = "admins", .role = "owner", .org = "", .team = ""},
                {.claim = "realm_access.roles", .value = "ml", .role = "admin", .org = "", .team = "ml"},
                {.claim = "https://example.com/roles", .value = "look", .role = "viewer", .org = "lab", .team = ""}};
  return made;
}

std::string role(const config::OidcSettings& of, const std::string& claims) {
  const auto document = json::Document::parse(claims);
  const auto rule = rule_for(of, document->root());
  return rule ? (*rule)->role : rule.error().message;
}

TEST(Roles, Come_from_the_first_rule_that_fits) {
  const auto of = settings();
  EXPECT_EQ(role(of, R"({"groups":["a","admins"],"realm_access":{"roles":["ml"]}})"), "owner");
  EXPECT_EQ(role(of, R"({"groups":"admins"})"), "owner");
  EXPECT_EQ(role(of, R"({"realm_access":{"roles":["ml"]}})"), "admin");
  EXPECT_EQ(role(of, R"({"realm_access.roles":["ml"]})"), "admin");
  EXPECT_EQ(role(of, R"({"https://example.com/roles":["look"]})"), "viewer");
}

TEST(Roles, Nobody_has_one_by_default_and_is_told_what_was_missing) {
  const auto of = settings();
  EXPECT_NE(role(of, "{}").find("not sent the claim `groups`, `https://example.com/roles`, `realm_access.roles`"),
            std::string::npos);
  EXPECT_NE(role(of, R"({"groups":["Admins","admins ","adminsx"]})").find("no value of the claim `groups`"),
            std::string::npos);
  for (const char* odd : {R"({"groups":null})", R"({"groups":[["admins"]]})", R"({"groups":{"admins":true}})",
                          R"({"groups":"admins,other"})", R"({"realm_access":["ml"]})"})
    EXPECT_NE(role(of, odd).find("nothing that the issuer says gives a role"), std::string::npos) << odd;
}

TEST(Roles, Are_for_verified_addresses_of_allowed_domains_where_there_are_some) {
  auto of = settings();
  of.allowed_domains = {"example.com"};
  EXPECT_EQ(role(of, R"({"groups":"admins","email":"ada@Example.com","email_verified":true})"), "owner");
  for (const char* odd :
       {R"({"groups":"admins"})", R"({"groups":"admins","email":"a@b.example.com","email_verified":true})",
        R"({"groups":"admins","email":"@example.com","email_verified":true})",
        R"({"groups":"admins","email":"a@example.com@x.com","email_verified":true})",
        R"({"groups":"admins","email":"a@example.com"})",
        R"({"groups":"admins","email":"a@example.com","email_verified":"true"})"})
    EXPECT_NE(role(of, odd), "owner") << odd;
}

TEST(Roles, A_session_keeps_the_claims_that_they_are_made_of_and_no_others) {
  const auto of = settings();
  const std::string all =
      R"({"sub":"ada","groups":["admins"],"realm_access":{"roles":["ml"]},"https://example.com/roles":["x"],"phone":"1","email":"a@b.c"})";
  const auto document = json::Document::parse(all);
  const std::string kept = claims_kept(of, document->root());
  EXPECT_EQ(role(of, kept), "owner");
  EXPECT_EQ(kept.find("phone"), std::string::npos);
  EXPECT_NE(kept.find("realm_access"), std::string::npos);
}

TEST(Text, Of_a_query_is_read_once) {
  EXPECT_EQ(**query_field("a=1&state=x%2By+z&b", "state"), "x+y z");
  EXPECT_FALSE(*query_field("stat=1", "state"));
  EXPECT_FALSE(query_field("state=1&state=2", "state"));
  for (const char* odd : {"state=%", "state=%4", "state=%zz"}) EXPECT_FALSE(query_field(odd, "state")) << odd;
}

TEST(Text, Of_a_cookie_counts_when_it_is_there_once) {
  EXPECT_EQ(cookie("a=1; sluice_session=x=y; b=2", "sluice_session"), "x=y");
  EXPECT_EQ(cookie("sluice_session=x", "sluice_session"), "x");
  EXPECT_EQ(cookie("__Host-sluice_session=x", "sluice_session"), "");
  EXPECT_EQ(cookie("sluice_session=x; sluice_session=y", "sluice_session"), "") << "one of them is somebody else's";
  EXPECT_EQ(cookie("", "sluice_session"), "");
}

TEST(Text, Of_a_place_to_go_back_to_is_a_path_of_this_server) {
  for (const char* good : {"/", "/console", "/console?tab=1&x=//y", "/a#b"}) EXPECT_TRUE(is_local_path(good)) << good;
  for (const char* bad : {"", "console", "//evil.example", "/\\evil.example", "/\tx", "/a b", "/a\r\nb",
                          "https://evil.example", "/\xc3\xa4", "/a\\b"})
    EXPECT_FALSE(is_local_path(bad)) << bad;
  EXPECT_FALSE(is_local_path("/" + std::string(512, 'a')));
}

TEST(Attempts, Belong_to_one_browser_and_one_process) {
  const Attempts attempts;
  const auto begun = attempts.begin("/console", 1'000);
  const auto resumed = attempts.resume(begun.cookie, begun.attempt.state, 1'600);
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->return_to, "/console");
  EXPECT_EQ(resumed->nonce, begun.attempt.nonce);
  EXPECT_EQ(resumed->verifier.reveal(), begun.attempt.verifier.reveal());
  const crypto::Sha256 digest = crypto::sha256(resumed->verifier.reveal());
  EXPECT_EQ(resumed->challenge, crypto::base64url({reinterpret_cast<const char*>(digest.data()), digest.size()}));
  EXPECT_GE(resumed->verifier.reveal().size(), 43u) << "RFC 7636, 4.1";

  EXPECT_FALSE(attempts.resume(begun.cookie, begun.attempt.state, 1'601)) << "too late";
  EXPECT_FALSE(Attempts().resume(begun.cookie, begun.attempt.state, 1'000)) << "another process";
  const auto other = attempts.begin("/console", 1'000);
  EXPECT_FALSE(attempts.resume(begun.cookie, other.attempt.state, 1'000)) << "another browser's state";
  EXPECT_FALSE(attempts.resume(begun.cookie, "", 1'000));
  EXPECT_NE(begun.attempt.state, begun.attempt.nonce);
  EXPECT_EQ(begun.cookie.find(begun.attempt.verifier.reveal()), std::string::npos);
  for (std::size_t i = 0; i < begun.cookie.size(); ++i) {
    std::string changed = begun.cookie;
    changed[i] = changed[i] == '1' ? '2' : '1';
    EXPECT_FALSE(attempts.resume(changed, begun.attempt.state, 1'000)) << i;
  }
  for (const char* odd : {"", ".", "...", "a.b.c.d", "a"})
    EXPECT_FALSE(attempts.resume(odd, begun.attempt.state, 1'000));
}

std::string discovery(std::string_view more = {}) {
  return R"({"issuer":"https://login.example.com/realms/main","authorization_endpoint":"https://login.example.com/auth?p=x",)"
         R"("token_endpoint":"https://login.example.com/token","jwks_uri":"https://keys.example.com/keys?v=2")" +
         std::string(more) + "}";
}

// The same with a member's value replaced.
std::string discovery_with(std::string_view member, std::string_view value) {
  std::string text = discovery();
  const std::size_t at = text.find('"' + std::string(member) + "\":\"") + member.size() + 4;
  return text.replace(at, text.find('"', at) - at, value);
}

TEST(Metadata, Is_of_the_configured_issuer_and_says_where_to_ask) {
  const auto metadata = Metadata::read(discovery(), settings());
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->authorization_endpoint, "https://login.example.com/auth?p=x");
  EXPECT_EQ(metadata->token_endpoint.url.path_prefix, "/token");
  EXPECT_EQ(metadata->key_set.url.endpoint.host, "keys.example.com");
  EXPECT_EQ(metadata->key_set.query, "?v=2");
  EXPECT_FALSE(metadata->post_secret);
  EXPECT_TRUE(
      Metadata::read(discovery(R"(,"token_endpoint_auth_methods_supported":["client_secret_post"])"), settings())
          ->post_secret);
  EXPECT_TRUE(
      Metadata::read(discovery(R"(,"authorization_response_iss_parameter_supported":true)"), settings())->names_itself);
  for (const char* other :
       {"https://login.example.com/realms/main/", "https://login.example.com/realms/MAIN", "https://evil.example"})
    EXPECT_FALSE(Metadata::read(discovery_with("issuer", other), settings())) << other;
}

TEST(Metadata, Leads_nowhere_that_is_less_safe_than_the_issuer) {
  for (const char* member : {"authorization_endpoint", "token_endpoint", "jwks_uri"})
    for (const char* place : {"http://login.example.com/x", "https://127.0.0.1/x", "https://[::1]/x",
                              "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/x",
                              "https://metadata.google.internal/x", "https://localhost/x", "file:///etc/passwd",
                              "gopher://login.example.com/", "https://user@login.example.com/x", "", "/relative"})
      EXPECT_FALSE(Metadata::read(discovery_with(member, place), settings())) << member << ' ' << place;
  EXPECT_FALSE(Metadata::read("[]", settings()));
  EXPECT_FALSE(Metadata::read("", settings()));
  EXPECT_FALSE(Metadata::read(std::string(Metadata::most_bytes + 1, ' '), settings()));
}

// What has been appended.
class Records : public store::RecordLog {
 public:
  store::Appended append(std::string_view record) override {
    records.emplace_back(record);
    return store::Appended::queued;
  }
  std::vector<std::string> records;
};

TEST(SignIn, Who_guesses_cannot_fill_the_audit_record_and_what_is_left_out_is_counted) {
  Records records;
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  std::int64_t now_us = 1'800'000'000'000'000;
  {
    telemetry::Log log({.fd = nowhere});
    SignIn sign_in([] { return std::shared_ptr<const config::Snapshot>(); }, records, log, [&] { return now_us; });
    for (int i = 0; i < 1'000; ++i) sign_in.refused("token", "forged", "");
    EXPECT_EQ(records.records.size(), 100u);
    now_us += 1'000'000;
    for (int i = 0; i < 1'000; ++i) sign_in.refused("token", "forged", "");
    ASSERT_EQ(records.records.size(), 110u);
    EXPECT_NE(records.records[100].find(R"("left_out":900)"), std::string::npos) << records.records[100];
    EXPECT_NE(records.records[101].find(R"("left_out":0)"), std::string::npos);
    now_us += 3'600'000'000;
    for (int i = 0; i < 1'000; ++i) sign_in.refused("token", "forged", "");
    EXPECT_EQ(records.records.size(), 210u) << "no more at once, however long nobody came";
  }
  ::close(nowhere);
}

TEST(SignIn, A_page_of_another_site_is_told_by_its_origin) {
  config::OidcSettings of = settings();
  of.origin = "https://sluice.example.com";
  EXPECT_TRUE(comes_from_here(of, {.method = "POST", .origin = "https://sluice.example.com"}));
  EXPECT_TRUE(comes_from_here(of, {.method = "POST", .fetch_site = "same-origin"}));
  for (const char* origin : {"null", "https://evil.example", "http://sluice.example.com",
                             "https://sluice.example.com.evil.example", "https://sluice.example.com:8443"})
    EXPECT_FALSE(comes_from_here(of, {.method = "POST", .origin = origin, .fetch_site = "same-origin"})) << origin;
  for (const char* site : {"", "same-site", "cross-site", "none"})
    EXPECT_FALSE(comes_from_here(of, {.method = "POST", .fetch_site = site})) << site;
}

}  // namespace
}  // namespace sluice::identity
