#include "migrate/litellm.h"

#include <gtest/gtest.h>

#include "migrate/decimal.h"

namespace sluice::migrate {
namespace {

Converted convert(const std::string& text) {
  const auto source = std::make_shared<const yaml::Source>(
      yaml::Source{.name = "config.yaml", .text = text, .secret_keys = litellm_secret_keys()});
  return from_litellm(source, catalog::embedded_catalog());
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Decimal, Moves_the_point_exactly_and_refuses_what_is_no_number) {
  EXPECT_EQ(times_ten_to("0.00000015", 6), "0.15");
  EXPECT_EQ(times_ten_to("1.5e-07", 6), "0.15");
  EXPECT_EQ(times_ten_to("2.5E-6", 6), "2.5");
  EXPECT_EQ(times_ten_to("0.000003", 6), "3");
  EXPECT_EQ(times_ten_to("1e-5", 6), "10");
  EXPECT_EQ(times_ten_to("0", 6), "0");
  EXPECT_EQ(times_ten_to("0.000", 6), "0");
  EXPECT_EQ(times_ten_to("12", 3), "12000");
  EXPECT_EQ(times_ten_to("1.25e-13", 6), "0.000000125");
  EXPECT_EQ(times_ten_to("100", -1), "10");
  for (const char* wrong : {"", ".", "-1", "1e", "1e99999", "0x10", "1.2.3", "free", "1e400", "nan"})
    EXPECT_EQ(times_ten_to(wrong, 6), std::nullopt) << wrong;
}

TEST(Litellm, Rows_of_one_name_become_a_route_in_their_order_and_their_prices_are_per_million) {
  const Converted out = convert(R"(
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-5.4, api_key: os.environ/OPENAI_API_KEY, order: 2}
    model_info: {input_cost_per_token: 0.00000125, output_cost_per_token: 1e-05, max_input_tokens: 400000}
  - model_name: chat
    litellm_params: {model: groq/llama-4-scout, order: 1}
  - model_name: big
    litellm_params: {model: claude-opus-4-7}
router_settings: {num_retries: 2, fallbacks: [{chat: [big]}], timeout: 30}
)");
  ASSERT_TRUE(out.ok()) << out.notes.render();
  EXPECT_TRUE(has(out.yaml, "  openai:\n")) << out.yaml;
  EXPECT_TRUE(has(out.yaml, "gpt-5.4: { input: 1.25, output: 10 }")) << out.yaml;
  EXPECT_TRUE(has(out.yaml, "gpt-5.4: { context: 400000 }")) << out.yaml;
  EXPECT_TRUE(has(out.yaml, "  groq: {}\n")) << out.yaml;
  EXPECT_TRUE(has(out.yaml, "  anthropic: {}\n")) << out.yaml;
  EXPECT_TRUE(
      has(out.yaml, "  chat:\n    - groq/llama-4-scout\n    - openai/gpt-5.4\n    - anthropic/claude-opus-4-7\n"))
      << out.yaml;
  EXPECT_TRUE(has(out.yaml, "retry: { attempts: 3, total_timeout_ms: 30000 }")) << out.yaml;
  EXPECT_EQ(out.notes.all().size(), 0u) << out.notes.render();
}

TEST(Litellm, A_secret_in_clear_is_neither_copied_nor_shown) {
  const Converted out = convert(R"(
model_list:
  - model_name: chat
    litellm_params:
      model: openai/gpt-5.4
      api_key: sk-very-secret
general_settings: {master_key: sk-also-secret, database_url: "postgresql://u:hidden@h/db"}
environment_variables: {REDIS_PASSWORD: hidden-too}
)");
  ASSERT_TRUE(out.ok());
  const std::string notes = out.notes.render();
  for (const char* secret : {"very-secret", "also-secret", "hidden@"}) {
    EXPECT_FALSE(has(out.yaml, secret)) << out.yaml;
    EXPECT_FALSE(has(notes, secret)) << notes;
  }
  EXPECT_TRUE(has(notes, "set the environment variable OPENAI_API_KEY to it")) << notes;
  EXPECT_TRUE(has(notes, "sluice keys create")) << notes;
}

TEST(Litellm, Several_accounts_and_places_of_one_vendor_are_several_providers) {
  const Converted out = convert(R"(
model_list:
  - model_name: chat
    litellm_params: {model: openai/gpt-5.4, api_key: os.environ/OPENAI_API_KEY}
  - model_name: chat
    litellm_params: {model: openai/gpt-5.4, api_key: os.environ/OPENAI_KEY_TWO}
  - model_name: chat
    litellm_params: {model: openai/our-model, api_base: "http://10.0.0.7:8000/v1", api_key: os.environ/OURS}
  - model_name: chat
    litellm_params: {model: azure/gpt5, api_base: "https://contoso.openai.azure.com/", api_key: os.environ/AZURE_API_KEY, api_version: "2024-10-21"}
  - model_name: chat
    litellm_params: {model: bedrock/converse/anthropic.claude-x, aws_region_name: eu-west-1}
  - model_name: chat
    litellm_params: {model: ollama/llama3, api_base: "http://localhost:11434"}
  - model_name: chat
    litellm_params: {model: vertex_ai/claude-sonnet-4-5, vertex_project: p}
)");
  ASSERT_TRUE(out.ok());
  const std::string& yaml = out.yaml;
  EXPECT_TRUE(has(yaml, "  openai: {}\n")) << yaml;
  EXPECT_TRUE(has(yaml,
                  "  openai-2:\n    kind: openai_compatible\n    base_url: \"https://api.openai.com/v1\"\n"
                  "    api_key: \"${OPENAI_KEY_TWO}\"\n    ground: proprietary\n"))
      << yaml;
  EXPECT_TRUE(has(yaml,
                  "  openai-10-0-0-7-8000:\n    kind: openai_compatible\n    base_url: \"http://10.0.0.7:8000/v1\"\n"
                  "    api_key: \"${OURS}\"\n"))
      << yaml;
  EXPECT_TRUE(has(yaml,
                  "  azure:\n    azure_api_version: \"2024-10-21\"\n    base_url: "
                  "\"https://contoso.openai.azure.com/openai/v1\"\n"))
      << yaml;
  EXPECT_TRUE(has(yaml, "  bedrock:\n    aws: { region: \"eu-west-1\" }\n")) << yaml;
  EXPECT_TRUE(has(yaml, "    - bedrock/anthropic.claude-x\n")) << yaml;
  EXPECT_TRUE(has(yaml, "    - ollama/llama3\n")) << yaml;
  EXPECT_TRUE(has(yaml, "    - vertex-anthropic/claude-sonnet-4-5\n")) << yaml;
  EXPECT_TRUE(has(out.notes.render(), "GOOGLE_CLOUD_PROJECT")) << out.notes.render();
}

TEST(Litellm, What_has_no_counterpart_is_named_with_its_line) {
  const Converted out = convert(R"(model_list:
  - model_name: a
    litellm_params: {model: watsonx/granite, weight: 3}
  - model_name: vendor/b
    litellm_params: {model: groq/x, rpm: 5}
  - model_name: "*"
    litellm_params: {model: "openai/*"}
  - model_name: c
    litellm_params: {model: my-own-thing}
router_settings: {routing_strategy: latency-based-routing, redis_host: h}
litellm_settings: {success_callback: [langfuse], cache: true, drop_params: true}
guardrails: []
)");
  ASSERT_TRUE(out.ok());
  const std::string notes = out.notes.render();
  for (const char* told :
       {"Sluice knows no provider `watsonx`", "config.yaml:3:", "weights are not carried over",
        "`vendor/b` cannot be the name", "rates of deployments", "no vendor is named for `my-own-thing`",
        "`latency-based-routing` is not carried over", "`router_settings.redis_host`",
        "`litellm_settings.success_callback`", "`litellm_settings.cache`", "`guardrails`"})
    EXPECT_TRUE(has(notes, told)) << told << "\n" << notes;
  EXPECT_FALSE(has(notes, "`litellm_settings.drop_params`")) << notes;
}

TEST(Litellm, Numbers_that_are_none_are_named_and_left_out) {
  const Converted out = convert(R"(
model_list:
  - model_name: a
    litellm_params: {model: groq/x, timeout: soon, input_cost_per_token: -1, output_cost_per_second: 3}
)");
  ASSERT_TRUE(out.ok());
  const std::string notes = out.notes.render();
  for (const char* told :
       {"`timeout` is not carried over", "`input_cost_per_token` is no price", "`output_cost_per_second` has no"})
    EXPECT_TRUE(has(notes, told)) << told << "\n" << notes;
  EXPECT_FALSE(has(out.yaml, "prices")) << out.yaml;
}

TEST(Litellm, A_file_that_is_another_one_is_an_error) {
  for (const char* text : {"", "[]", "model_list: 3", "providers: {}", "a: &x 1\nb: *x"}) {
    const Converted out = convert(text);
    EXPECT_FALSE(out.ok()) << text;
    EXPECT_TRUE(out.yaml.empty()) << text;
  }
}

TEST(Litellm, Groups_that_fall_back_to_each_other_have_each_candidate_once) {
  const Converted out = convert(R"(
model_list:
  - {model_name: a, litellm_params: {model: groq/x}}
  - {model_name: b, litellm_params: {model: groq/y}}
router_settings:
  fallbacks: [{a: [b]}, {b: [a]}]
  default_fallbacks: [b]
  model_group_alias: {other: a}
)");
  ASSERT_TRUE(out.ok());
  EXPECT_TRUE(
      has(out.yaml,
          "  a:\n    - groq/x\n    - groq/y\n  b:\n    - groq/y\n    - groq/x\n  other:\n    - groq/x\n    - groq/y\n"))
      << out.yaml;
}

}  // namespace
}  // namespace sluice::migrate
