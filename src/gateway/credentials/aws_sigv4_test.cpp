// Sources of the expected signatures: AWS's public test suite for Signature Version 4 (names as there); openai-python,
// tests/fixtures/bedrock/v1/sigv4.json; and botocore's SigV4Auth for the paths of Bedrock. The key is the suite's own.
#include "gateway/credentials/aws_sigv4.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono;

catalog::AwsKey key(std::string region, std::string token = "") {
  return {.region = std::move(region),
          .access_key_id = "AKIDEXAMPLE",
          .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
          .session_token = Secret(std::move(token))};
}

std::string signature(http::Headers headers, const AwsCall& call) {
  sign_aws(headers, call, key("us-east-1"), "service", sys_days(2015y / 8 / 30) + 12h + 36min);
  EXPECT_EQ(headers.get("x-amz-date"), "20150830T123600Z");
  const std::string text(headers.get("authorization").value_or(""));
  const std::string_view begin = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ";
  EXPECT_TRUE(text.starts_with(begin)) << text;
  return text.substr(std::min(text.size(), begin.size()));
}

TEST(AwsSigv4, Signs_as_the_public_test_suite_says) {
  const AwsCall get{.method = "GET", .target = "/", .host = "example.amazonaws.com", .body = ""};
  const std::string usual = "SignedHeaders=host;x-amz-date, Signature=";
  EXPECT_EQ(signature({}, get), usual + "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");  // vanilla
  AwsCall query = get;  // get-vanilla-query-order-key-case
  query.target = "/?Param2=value2&Param1=value1";
  EXPECT_EQ(signature({}, query), usual + "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
  AwsCall post = get;  // post-vanilla
  post.method = "POST";
  EXPECT_EQ(signature({}, post), usual + "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  post.body = "Param1=value1";  // post-x-www-form-urlencoded
  EXPECT_EQ(signature({{"Content-Type", "application/x-www-form-urlencoded"}}, post),
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST(AwsSigv4, Signs_every_field_of_amazons_own_and_no_other) {
  http::Headers headers = {
      {"content-type", "application/json"},
      {"accept", "text/event-stream"},
      {"X-Amz-Content-Sha256", "50329e51ad520f21b77bad0b01999930ff556cd1bf18434701251ba6c9f877bc"}};
  sign_aws(headers,
           {.target = "/openai/v1/responses",
            .host = "bedrock-mantle.us-east-1.api.aws",
            .body = R"({"model":"gpt-4o","input":"hello"})"},
           key("us-east-1", "fixture-session-token"), "bedrock-mantle", sys_days(2025y / 1 / 2) + 3h + 4min + 5s);
  EXPECT_EQ(headers.get("x-amz-security-token"), "fixture-session-token");
  EXPECT_EQ(headers.get("authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20250102/us-east-1/bedrock-mantle/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
            "Signature=dc20c8fbe516daf0ccae7e5b7a78fc2936870413a9f1af6e1b2d44b970ce411f");
}

TEST(AwsSigv4, Encodes_the_path_of_a_model_once_more) {
  const auto of = [](const std::string& token) {
    http::Headers headers = {{"content-type", "application/json"}};
    sign_aws(headers,
             {.target = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
              .host = "bedrock-runtime.eu-west-1.amazonaws.com",
              .body = R"({"messages":[]})"},
             key("eu-west-1", token), "bedrock", sys_days(2025y / 1 / 2) + 3h + 4min + 5s);
    const std::string text(headers.get("authorization").value_or(""));
    return text.substr(text.find("Signature="));
  };
  EXPECT_EQ(of(""), "Signature=b2e5ee73eedfacd2b2a9a997b9698b84d68bf354d3777f34ccdcb99c18c3a32f");
  EXPECT_EQ(of("fixture-session-token"), "Signature=1d49f35c58e30d113806a5f82bcd0a35542ad3d1e3eba342f500dfe073e8f4a0");
}

}  // namespace
}  // namespace sluice::gateway
