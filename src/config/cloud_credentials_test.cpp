#include "config/cloud_credentials.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "config/load.h"

namespace sluice::config {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

catalog::Provider bedrock(const char* url = "https://bedrock-runtime.eu-west-1.amazonaws.com") {
  return {.base_url = *parse_base_url(url), .auth = catalog::AuthKind::aws_sigv4};
}

const Variables key = {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "hush"}};

TEST(CloudCredentials, An_AWS_key_comes_whole_from_one_place) {
  Variables with_token = key;
  with_token["AWS_SESSION_TOKEN"] = "token";
  catalog::Provider provider = bedrock();
  EXPECT_EQ(take_aws_key(provider, environment(with_token)), "");
  EXPECT_EQ(provider.aws.access_key_id, "AKID");
  EXPECT_EQ(provider.aws.secret_access_key.reveal(), "hush");
  EXPECT_EQ(provider.aws.session_token.reveal(), "token");
  EXPECT_EQ(provider.aws.region, "eu-west-1");

  provider = bedrock();
  provider.aws.access_key_id = "OTHER";
  provider.aws.secret_access_key = Secret("own");
  EXPECT_EQ(take_aws_key(provider, environment(with_token)), "");
  EXPECT_EQ(provider.aws.secret_access_key.reveal(), "own");
  EXPECT_TRUE(provider.aws.session_token.empty());

  provider = bedrock();
  EXPECT_EQ(take_aws_key(provider, environment({{"AWS_ACCESS_KEY_ID", "AKID"}})),
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK");
}

TEST(CloudCredentials, A_bearer_token_needs_no_signature) {
  Variables variables = key;
  variables["AWS_BEARER_TOKEN_BEDROCK"] = "bedrock-api-key";
  catalog::Provider provider = bedrock();
  EXPECT_EQ(take_aws_key(provider, environment(variables)), "");
  EXPECT_EQ(provider.auth, catalog::AuthKind::bearer);
  EXPECT_EQ(provider.api_key.reveal(), "bedrock-api-key");
}

TEST(CloudCredentials, The_region_stands_in_the_host_or_is_said) {
  EXPECT_EQ(aws_region_of("bedrock-runtime.us-gov-west-1.amazonaws.com"), "us-gov-west-1");
  EXPECT_EQ(aws_region_of("bedrock-runtime.cn-north-1.amazonaws.com.cn"), "cn-north-1");
  EXPECT_EQ(aws_region_of("bedrock-mantle.us-east-1.api.aws"), "us-east-1");
  for (const char* host : {"proxy.example.com", "amazonaws.com", "x.amazonaws.com", "localhost", ""})
    EXPECT_EQ(aws_region_of(host), "") << host;
  catalog::Provider provider = bedrock("https://proxy.example");
  EXPECT_EQ(take_aws_key(provider, environment(key)), "set AWS_REGION");
  Variables variables = key;
  variables["AWS_DEFAULT_REGION"] = "us-west-2";
  provider = bedrock("https://proxy.example");
  EXPECT_EQ(take_aws_key(provider, environment(variables)), "");
  EXPECT_EQ(provider.aws.region, "us-west-2");
}

TEST(CloudCredentials, A_place_is_the_first_whose_variables_are_all_set) {
  catalog::Provider provider{.base_url_from = {"${ENDPOINT}/openai/v1", "https://${NAME}.example/x/${NAME}/${REGION}"}};
  EXPECT_EQ(take_base_url(provider, environment({})), "set ENDPOINT");
  EXPECT_EQ(take_base_url(provider, environment({{"NAME", "n"}, {"ENDPOINT", ""}})), "set ENDPOINT");
  EXPECT_EQ(take_base_url(provider, environment({{"NAME", "n"}, {"REGION", "eu"}})), "");
  EXPECT_EQ(provider.base_url.host_header + provider.base_url.path_prefix, "n.example/x/n/eu");
  EXPECT_EQ(take_base_url(provider, environment({{"NAME", "n"}, {"REGION", "eu"}, {"ENDPOINT", "https://e.example/"}})),
            "");
  EXPECT_EQ(provider.base_url.host_header + provider.base_url.path_prefix, "e.example/openai/v1");
  EXPECT_TRUE(
      take_base_url(provider, environment({{"ENDPOINT", "e.example"}})).contains("is not an http or https URL"));

  provider = {.base_url = *parse_base_url("https://usual.example"), .base_url_from = {"https://${NAME}.example", "${"}};
  EXPECT_EQ(take_base_url(provider, environment({})), "") << "it has a place without variables";
  EXPECT_EQ(provider.base_url.host_header, "usual.example");
}

TEST(CloudCredentials, A_token_is_sent_as_such_where_there_is_no_key) {
  const catalog::Provider azure{.base_url = *parse_base_url("https://contoso.openai.azure.com/openai/v1"),
                                .auth = catalog::AuthKind::api_key,
                                .key_env = {"KEY"},
                                .bearer_env = {"TOKEN"}};
  catalog::Provider provider = azure;
  EXPECT_EQ(take_credentials(provider, environment({})), "set KEY");
  EXPECT_EQ(take_credentials(provider, environment({{"TOKEN", "t"}})), "");
  EXPECT_EQ(provider.auth, catalog::AuthKind::bearer);
  EXPECT_EQ(provider.api_key.reveal(), "t");
  provider = azure;
  EXPECT_EQ(take_credentials(provider, environment({{"TOKEN", "t"}, {"KEY", "k"}})), "");
  EXPECT_EQ(provider.auth, catalog::AuthKind::api_key);
  EXPECT_EQ(provider.api_key.reveal(), "k");
}

class KeyFile {
 public:
  explicit KeyFile(const std::string& text) : path_(::testing::TempDir() + "sluice-google-key.json") {
    std::ofstream(path_) << text;
  }
  ~KeyFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(CloudCredentials, A_service_accounts_file_is_read_and_never_quoted) {
  const KeyFile good(R"({"type":"service_account","client_email":"a@b.iam.gserviceaccount.com","private_key_id":"k1",)"
                     R"("private_key":"-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n",)"
                     R"("token_uri":"https://oauth2.googleapis.com/token"})");
  catalog::Provider provider;
  EXPECT_EQ(take_google_key(provider, environment({})), "set GOOGLE_APPLICATION_CREDENTIALS");
  EXPECT_EQ(take_google_key(provider, environment({{"GOOGLE_APPLICATION_CREDENTIALS", good.path()}})), "");
  EXPECT_EQ(provider.google.email, "a@b.iam.gserviceaccount.com");
  EXPECT_EQ(provider.google.token_url.path_prefix, "/token");
  EXPECT_TRUE(provider.google.private_key.reveal().contains("hush"));

  for (const char* text :
       {"", "hush", R"({"type":"authorized_user","refresh_token":"hush"})",
        R"({"type":"service_account","private_key":"hush"})",
        R"({"type":"service_account","client_email":"a","private_key":"hush","token_uri":"ftp://x"})",
        R"({"type":"service_account","client_email":"a","private_key":"hush","token_uri":"http://x.example"})"}) {
    const KeyFile bad(text);
    const auto account = read_service_account(bad.path());
    ASSERT_FALSE(account) << text;
    EXPECT_FALSE((account.error().message + account.error().hint).contains("hush"));
  }
  EXPECT_FALSE(read_service_account("/nowhere/key.json"));
}

const catalog::Provider& known(const Loaded& loaded, const char* name) {
  static const catalog::Provider none;
  if (!loaded.snapshot) ADD_FAILURE() << loaded.diagnostics.render();
  const catalog::Provider* provider = loaded.snapshot ? loaded.snapshot->find_provider(name) : nullptr;
  return provider ? *provider : none;
}

std::string place(const catalog::Provider& provider) {
  return provider.base_url.host_header + provider.base_url.path_prefix;
}

TEST(CloudCredentials, Known_clouds_are_switched_on_by_what_their_own_tools_read) {
  const KeyFile file(R"({"type":"service_account","client_email":"a@b.iam.gserviceaccount.com","private_key_id":"k1",)"
                     R"("project_id":"from-the-file","private_key":"hush"})");
  const Loaded nothing = load({.env = environment({})});
  EXPECT_EQ(known(nothing, "bedrock").how_to_enable,
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK");
  EXPECT_EQ(known(nothing, "azure").how_to_enable, "set AZURE_OPENAI_ENDPOINT and set AZURE_OPENAI_API_KEY");
  EXPECT_EQ(known(nothing, "vertex").how_to_enable, "set GOOGLE_APPLICATION_CREDENTIALS and set GOOGLE_CLOUD_PROJECT");

  Variables variables = key;
  variables.insert({{"AWS_REGION", "eu-west-1"},
                    {"AZURE_RESOURCE_NAME", "contoso"},
                    {"AZURE_OPENAI_API_KEY", "k"},
                    {"GOOGLE_APPLICATION_CREDENTIALS", file.path()}});
  const Loaded all = load({.env = environment(variables)});
  for (const char* name : {"bedrock", "azure", "vertex", "vertex-anthropic"})
    EXPECT_TRUE(known(all, name).enabled) << name << ": " << known(all, name).how_to_enable;
  EXPECT_EQ(place(known(all, "bedrock")), "bedrock-runtime.eu-west-1.amazonaws.com");
  EXPECT_EQ(known(all, "bedrock").aws.region, "eu-west-1");
  EXPECT_EQ(place(known(all, "azure")), "contoso.openai.azure.com/openai/v1");
  EXPECT_EQ(place(known(all, "vertex")),
            "aiplatform.googleapis.com/v1/projects/from-the-file/locations/global/publishers/google");

  variables["GOOGLE_CLOUD_PROJECT"] = "p";
  for (const auto& [location, host] : {std::pair("global", "aiplatform.googleapis.com"),
                                       std::pair("europe-west4", "europe-west4-aiplatform.googleapis.com")}) {
    variables["GOOGLE_CLOUD_LOCATION"] = location;
    const Loaded there = load({.env = environment(variables)});
    EXPECT_EQ(place(known(there, "vertex-anthropic")),
              std::string(host) + "/v1/projects/p/locations/" + location + "/publishers/anthropic");
  }
}

TEST(CloudCredentials, The_configuration_has_the_last_word_on_a_known_cloud) {
  Variables variables = key;
  variables.insert({{"AWS_REGION", "eu-west-1"}, {"AZURE_RESOURCE_NAME", "contoso"}, {"AZURE_API_KEY", "k"}});
  const Loaded loaded = load({.text = R"(
providers:
  bedrock: { aws: { region: ap-south-1 } }
  azure: { azure_api_version: "2024-10-21" }
  second: { kind: azure_openai, base_url: "https://second.openai.azure.com/openai/v1", api_key: k2 }
)",
                              .env = environment(variables)});
  EXPECT_EQ(place(known(loaded, "bedrock")), "bedrock-runtime.ap-south-1.amazonaws.com");
  EXPECT_EQ(place(known(loaded, "azure")), "contoso.openai.azure.com") << "the classic paths have a root of their own";
  EXPECT_FALSE(known(loaded, "azure").speaks(chat::DialectId::openai_responses));
  EXPECT_TRUE(known(loaded, "second").speaks(chat::DialectId::openai_responses));
  EXPECT_EQ(known(loaded, "second").auth, catalog::AuthKind::api_key);
  const Loaded elsewhere = load(
      {.text = "providers:\n  azure: { base_url: \"https://proxy.example/v1\" }\n", .env = environment(variables)});
  EXPECT_EQ(place(known(elsewhere, "azure")), "proxy.example/v1");
}

TEST(CloudCredentials, Are_settings_of_a_provider) {
  const Loaded loaded = load({.text = R"(
providers:
  claude:
    kind: bedrock_converse
    base_url: https://bedrock-runtime.eu-west-1.amazonaws.com
    aws: { access_key_id: AKID, secret_access_key: "${SECRET}" }
    models: [eu.anthropic.claude-sonnet-4-5-20250929-v1:0]
  azure:
    kind: openai_compatible
    base_url: https://contoso.openai.azure.com
    auth: api_key
    api_key: k
    azure_api_version: "2024-10-21"
  vertex:
    kind: anthropic_compatible
    base_url: https://eu.example/v1/projects/p/locations/eu/publishers/anthropic
    auth: google_service_account
    vertex: true
)",
                              .env = environment({{"SECRET", "hush"}})});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  const catalog::Provider* claude = loaded.snapshot->find_provider("claude");
  EXPECT_EQ(claude->dialect, chat::DialectId::bedrock_converse);
  EXPECT_TRUE(claude->enabled);
  EXPECT_EQ(claude->aws.region, "eu-west-1");
  EXPECT_EQ(claude->aws.secret_access_key.reveal(), "hush");
  const catalog::Provider* azure = loaded.snapshot->find_provider("azure");
  EXPECT_EQ(azure->auth, catalog::AuthKind::api_key);
  EXPECT_EQ(azure->quirks.azure_api_version, "2024-10-21");
  const catalog::Provider* vertex = loaded.snapshot->find_provider("vertex");
  EXPECT_TRUE(vertex->quirks.vertex);
  EXPECT_FALSE(vertex->enabled);
  EXPECT_EQ(vertex->how_to_enable, "set GOOGLE_APPLICATION_CREDENTIALS");
}

TEST(CloudCredentials, What_is_wrong_with_them_is_said_without_them) {
  const Loaded loaded = load({.text = R"(
providers:
  claude: { kind: bedrock_converse, base_url: "https://b.example", aws: { secret_access_key: [hush], regoin: x } }
  other: { kind: openai_compatible, base_url: "https://o.example", vertex: true, google_key_file: /nowhere/key.json }
)"});
  EXPECT_FALSE(loaded.snapshot);
  const std::string text = loaded.diagnostics.render();
  EXPECT_FALSE(text.contains("hush")) << text;
  for (const char* said : {"regoin", "for Claude alone", "/nowhere/key.json"}) EXPECT_TRUE(text.contains(said)) << text;
}

}  // namespace
}  // namespace sluice::config
