#include "gateway/call/hosting.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

dialects::ProviderRequest adapted(const catalog::Quirks& quirks, std::string_view model, bool stream, std::string path,
                                  std::string body) {
  dialects::ProviderRequest request{
      .path = std::move(path), .body = std::move(body), .headers = {{"anthropic-version", "2023-06-01"}}};
  const auto done = adapt_to_host(quirks, model, stream, request);
  EXPECT_TRUE(done) << done.error().message;
  return request;
}

TEST(Hosting, At_the_vendors_own_place_nothing_changes) {
  const auto request = adapted({}, "m", true, "/messages?beta=true", R"({"model":"m"})");
  EXPECT_EQ(request.path, "/messages?beta=true");
  EXPECT_EQ(request.body, R"({"model":"m"})");
  EXPECT_EQ(request.headers.get("anthropic-version"), "2023-06-01");
}

TEST(Hosting, Azures_classic_paths_have_the_deployment_and_the_version) {
  const catalog::Quirks azure{.azure_api_version = "2024-10-21"};
  EXPECT_EQ(adapted(azure, "my gpt", false, "/chat/completions", "{}").path,
            "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21");
  EXPECT_EQ(adapted(azure, "e", false, "/embeddings?x=1", "{}").path,
            "/openai/deployments/e/embeddings?api-version=2024-10-21&x=1");
}

TEST(Hosting, Claude_on_Vertex_has_its_model_in_the_path_and_the_version_in_the_body) {
  const catalog::Quirks vertex{.vertex = true};
  const auto request = adapted(vertex, "claude-sonnet-4-5@20250929", true, "/messages",
                               R"({ "max_tokens": 9, "model" : "claude-sonnet-4-5@20250929", "x": "model" })");
  EXPECT_EQ(request.path, "/models/claude-sonnet-4-5@20250929:streamRawPredict");
  EXPECT_EQ(request.body, R"({ "max_tokens": 9, "anthropic_version":"vertex-2023-10-16", "x": "model" })");
  EXPECT_FALSE(request.headers.get("anthropic-version"));
  EXPECT_EQ(adapted(vertex, "m", false, "/messages?beta=true", R"({"model":"m:\"x"})").path, "/models/m:rawPredict");
  EXPECT_EQ(adapted(vertex, "m", false, "/messages", R"({"model":"a:b\"c"})").body,
            R"({"anthropic_version":"vertex-2023-10-16"})");

  dialects::ProviderRequest batches{.path = "/messages/batches", .body = R"({"model":"m"})"};
  const auto refused = adapt_to_host(vertex, "m", false, batches);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().retry, Retry::elsewhere);

  dialects::ProviderRequest none{.path = "/messages", .body = "{}"};
  EXPECT_FALSE(adapt_to_host(vertex, "m", false, none));
}

TEST(Hosting, Claude_on_Vertex_counts_at_one_place_for_all_its_models) {
  const catalog::Quirks vertex{.vertex = true};
  const auto request =
      adapted(vertex, "m", false, "/messages/count_tokens?beta=true", R"( {"model":"claude@1","messages":[]})");
  EXPECT_EQ(request.path, "/models/count-tokens:rawPredict");
  EXPECT_EQ(request.body, R"( {"anthropic_version":"vertex-2023-10-16","model":"claude@1","messages":[]})");
  EXPECT_FALSE(request.headers.get("anthropic-version"));
  const std::string own = R"({"model":"m","anthropic_version":"vertex-2023-10-16"})";
  EXPECT_EQ(adapted(vertex, "m", false, "/messages/count_tokens", own).body, own);
}

TEST(Hosting, Finds_the_account_of_google_cloud_in_the_path) {
  const BaseUrl vertex{
      .endpoint = {}, .path_prefix = "/v1/projects/p/locations/eu/publishers/google", .host_header = ""};
  EXPECT_EQ(account_of(vertex), "projects/p/locations/eu");
  EXPECT_EQ(keeping_place(vertex).path_prefix, "/v1/projects/p/locations/eu");
  for (const char* path : {"/v1beta", "", "/projects/p", "/v1/projects/p/locations/eu"}) {
    const BaseUrl other{.endpoint = {}, .path_prefix = path, .host_header = ""};
    EXPECT_EQ(account_of(other), "") << path;
    EXPECT_EQ(keeping_place(other).path_prefix, path);
  }
}

}  // namespace
}  // namespace sluice::gateway
