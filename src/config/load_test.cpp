#include "config/load.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "config/reference.h"

namespace sluice::config {
namespace {

using Environment = std::map<std::string, std::string, std::less<>>;

Loaded load_text(std::optional<std::string> text, Environment environment = {}, std::vector<Override> overrides = {}) {
  Sources sources{.text = std::move(text), .overrides = std::move(overrides)};
  sources.env = [environment = std::move(environment)](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  sources.read_file = [](const std::string& path) -> std::optional<std::string> {
    return path == "/run/key" ? std::optional<std::string>("from-a-file") : std::nullopt;
  };
  return load(sources);
}

std::vector<std::string> names(const Snapshot& snapshot, std::string_view target) {
  std::vector<std::string> out;
  if (const Target* found = snapshot.find(target))
    for (const Candidate* candidate : found->candidates) out.push_back(candidate->name);
  return out;
}

const std::string of_the_readme = R"(providers:
  groq: {}
  acme: { kind: openai_compatible, base_url: "http://127.0.0.1:9001/v1", api_key: "${ACME_KEY}",
          prices: { their-model: { input: 5.00, output: 25.00 } } }
models:
  auto: [local/smollm2-135m-instruct, groq/gpt-oss-120b, openai/gpt-5.4]
)";

TEST(Load, With_no_configuration_auto_is_the_engine_of_this_machine) {
  const Loaded loaded = load_text(std::nullopt);
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(names(*loaded.snapshot, "auto"), std::vector<std::string>{"local/smollm2-135m-instruct"});
  ASSERT_EQ(loaded.snapshot->engines().size(), 1u);
  EXPECT_FALSE(loaded.snapshot->find_provider("openai")->enabled);
}

TEST(Load, A_vendors_key_in_the_environment_switches_it_on_after_the_own_engine) {
  const Loaded loaded = load_text(std::nullopt, {{"OPENAI_API_KEY", "k1"}, {"GROQ_API_KEY", "k2"}});
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_TRUE(loaded.snapshot->find_provider("openai")->enabled);
  EXPECT_EQ(loaded.snapshot->find_provider("groq")->api_key.reveal(), "k2");
  const auto candidates = names(*loaded.snapshot, "auto");
  ASSERT_EQ(candidates.size(), 3u);
  EXPECT_EQ(candidates[0], "local/smollm2-135m-instruct");
  EXPECT_EQ(candidates[1], "groq/gpt-oss-120b");  // open weights before proprietary ones
  EXPECT_EQ(candidates[2].substr(0, 7), "openai/");
}

TEST(Load, An_empty_variable_is_as_good_as_none) {
  EXPECT_FALSE(load_text(std::nullopt, {{"OPENAI_API_KEY", ""}}).snapshot->find_provider("openai")->enabled);
}

TEST(Load, The_configuration_of_the_README_is_read) {
  const Loaded loaded = load_text(of_the_readme, {{"ACME_KEY", "s3cret"}});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  const catalog::Provider* acme = loaded.snapshot->find_provider("acme");
  ASSERT_TRUE(acme);
  EXPECT_TRUE(acme->enabled);
  EXPECT_EQ(acme->base_url.endpoint.port, 9001);
  const Target* target = loaded.snapshot->find("acme/their-model");
  ASSERT_TRUE(target);
  const catalog::Quote quote = target->candidates.at(0)->quote(catalog::today());
  ASSERT_TRUE(quote.priced());
  EXPECT_EQ(quote.rates(1)[catalog::Unit::input], 5'000'000);
  EXPECT_EQ(quote.rates(1)[catalog::Unit::output], 25'000'000);
  EXPECT_EQ(names(*loaded.snapshot, "auto").size(), 3u);
}

TEST(Load, All_errors_are_told_at_once_each_with_its_place_and_the_nearest_name) {
  const Loaded loaded = load_text("serer: {}\nretry: { attempts: 99 }\nproviders:\n  grok: {}\n");
  EXPECT_FALSE(loaded.snapshot);
  EXPECT_EQ(loaded.diagnostics.errors(), 3u);
  const std::string text = loaded.diagnostics.render();
  EXPECT_NE(text.find("sluice.yaml:1:1"), std::string::npos) << text;
  EXPECT_NE(text.find("`server`"), std::string::npos) << text;
  EXPECT_NE(text.find("sluice.yaml:2:"), std::string::npos) << text;
  EXPECT_NE(text.find("`groq`"), std::string::npos) << text;
}

TEST(Load, A_reference_to_an_unset_variable_is_an_error_unless_it_has_a_default) {
  EXPECT_FALSE(load_text(of_the_readme).snapshot);
  EXPECT_NE(load_text(of_the_readme).diagnostics.render().find("ACME_KEY is not set"), std::string::npos);
  const Loaded loaded = load_text("server: { listen: \"${WHERE:-127.0.0.1:9}\" }\n");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->server().listen, "127.0.0.1:9");
}

TEST(Load, The_ledger_and_alerts_have_defaults_and_their_bounds) {
  const Loaded without = load_text("{}");
  ASSERT_TRUE(without.snapshot) << without.diagnostics.render();
  EXPECT_FALSE(without.snapshot->ledger().strict);
  EXPECT_EQ(without.snapshot->ledger().keep_days, 0);
  EXPECT_TRUE(without.snapshot->alerts().anomalies);
  EXPECT_EQ(without.snapshot->alerts().anomaly_least.usd(), "1.0");
  const Loaded with = load_text(
      "ledger: { durability: strict, keep_days: 90 }\n"
      "alerts: { webhook: \"https://hooks.example.com/a?token=s3cret&x=1\", anomalies: false, anomaly_least_usd: 2.5 "
      "}\n");
  ASSERT_TRUE(with.snapshot) << with.diagnostics.render();
  EXPECT_TRUE(with.snapshot->ledger().strict);
  EXPECT_EQ(with.snapshot->ledger().keep_days, 90);
  EXPECT_EQ(with.snapshot->alerts().webhook_query, "?token=s3cret&x=1");
  EXPECT_EQ(with.snapshot->alerts().webhook_url.path_prefix, "/a");
  EXPECT_EQ(with.snapshot->json().find("s3cret"), std::string::npos);
  for (const char* wrong :
       {"ledger: { durability: maybe }", "ledger: { keep_days: -1 }", "alerts: { anomaly_least_usd: much }",
        "alerts: { webhook: \"https://hooks.example.com/a?x=s3cret#y\" }"}) {
    const Loaded refused = load_text(wrong);
    EXPECT_FALSE(refused.snapshot) << wrong;
  }
}

TEST(Load, A_key_may_come_from_a_file) {
  const Loaded loaded = load_text("providers: { openai: { api_key: \"${file:/run/key}\" } }\n");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->find_provider("openai")->api_key.reveal(), "from-a-file");
  EXPECT_FALSE(load_text("providers: { openai: { api_key: \"${file:/run/other}\" } }\n").snapshot);
}

TEST(Load, A_provider_that_is_switched_off_stays_off_whatever_the_environment_says) {
  const Loaded loaded = load_text("providers: { openai: { enabled: false } }\n", {{"OPENAI_API_KEY", "k"}});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_FALSE(loaded.snapshot->find_provider("openai")->enabled);
}

TEST(Load, A_host_of_many_kinds_of_models_stands_in_auto_where_its_default_model_does) {
  const Loaded loaded = load_text(std::nullopt, {{"OPENROUTER_API_KEY", "k"}, {"OPENAI_API_KEY", "k"}});
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_EQ(names(*loaded.snapshot, "auto").at(1), "openrouter/llama-4-scout");
  const Candidate unknown = loaded.snapshot->outside_catalog("openrouter/somebody/something");
  EXPECT_EQ(unknown.ground, catalog::Ground::proprietary) << "it may be anything";
}

TEST(Load, A_provider_of_ones_own_must_say_where_it_is) {
  const Loaded loaded = load_text("providers: { acme: { kind: openai_compatible, api_key: x } }\n");
  EXPECT_FALSE(loaded.snapshot);
  EXPECT_NE(loaded.diagnostics.render().find("base_url"), std::string::npos);
}

TEST(Load, A_provider_of_ones_own_is_not_taken_for_self_hosted) {
  const Loaded loaded = load_text(of_the_readme, {{"ACME_KEY", "x"}});
  EXPECT_EQ(loaded.snapshot->find_provider("acme")->ground, catalog::Ground::hosted_open);
}

TEST(Load, A_route_can_not_take_the_place_of_a_provider_and_its_model) {
  for (const char* name : {"openai/gpt-5.4", "\"\""}) {
    const Loaded loaded = load_text("models: { " + std::string(name) + ": [local/smollm2-135m-instruct] }");
    EXPECT_FALSE(loaded.snapshot) << name;
    EXPECT_NE(loaded.diagnostics.render().find("cannot be the name of a route"), std::string::npos);
  }
}

TEST(Load, A_model_that_the_configuration_names_is_not_taken_for_retired) {
  const auto retires = [](const std::string& models) {
    const Loaded loaded = load_text("providers: { openai: { api_key: a" + models + " } }\n");
    return loaded.snapshot->find("openai/gpt-5")->candidates.at(0)->model->retires.has_value();
  };
  EXPECT_TRUE(retires(""));
  EXPECT_FALSE(retires(", models: [gpt-5]"));
  EXPECT_FALSE(retires(", models: { gpt-5: { context: 5 } }"));
}

TEST(Load, A_mistyped_model_gets_the_nearest_name_and_a_bare_one_its_providers) {
  const std::string text = load_text("models: { auto: [groq/llama-4-scot, gpt-5.4] }").diagnostics.render();
  EXPECT_NE(text.find("did you mean `groq/llama-4-scout`?"), std::string::npos) << text;
  EXPECT_NE(text.find("did you mean `openai/gpt-5.4`"), std::string::npos) << text;
}

TEST(Load, An_engine_has_no_models_but_its_own) {
  const Loaded loaded = load_text("");
  ASSERT_TRUE(loaded.snapshot);
  EXPECT_NE(loaded.snapshot->find("local/smollm2-135m-instruct"), nullptr);
  EXPECT_EQ(loaded.snapshot->outside_catalog("local/another").provider, nullptr);
}

TEST(Load, A_model_file_that_is_not_there_is_told) {
  const Loaded loaded = load_text("engines: { local: { path: /nowhere/model.gguf } }");
  EXPECT_TRUE(loaded.snapshot);
  EXPECT_NE(loaded.diagnostics.render().find("there is no file `/nowhere/model.gguf`"), std::string::npos);
}

TEST(Load, An_engine_at_a_foreign_address_must_say_whose_ground_it_is) {
  const auto ollama = [](const std::string& rest) {
    return load_text("providers:\n  ollama: { base_url: " + rest + " }");
  };
  for (const char* own : {"\"http://10.0.0.5:11434/v1\"", "\"http://gpu-box:11434/v1\"", "\"http://[fd00::5]/v1\""}) {
    const Loaded loaded = ollama(own);
    ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
    EXPECT_EQ(loaded.snapshot->find_provider("ollama")->ground, catalog::Ground::self_hosted);
  }
  const Loaded silent = ollama("\"https://gpu.example.com/v1\"");
  EXPECT_FALSE(silent.snapshot);
  const std::string text = silent.diagnostics.render();
  EXPECT_NE(text.find("sluice.yaml:2:23"), std::string::npos) << text;
  EXPECT_NE(text.find("gpu.example.com"), std::string::npos) << text;
  EXPECT_NE(text.find("ground: hosted_open"), std::string::npos) << text;
  EXPECT_FALSE(load_text("providers: { local: { base_url: \"https://gpu.example.com/v1\" } }").snapshot);
  EXPECT_TRUE(ollama("\"https://gpu.example.com/v1\", ground: self_hosted").snapshot);
  // The local server hands these to its vendor: restricted data must not go with them.
  const Loaded local = ollama("http://127.0.0.1:11434/v1");
  for (const char* model : {"ollama/gpt-oss:120b-cloud", "ollama/glm-4.6:cloud"})
    EXPECT_EQ(local.snapshot->outside_catalog(model).ground, catalog::Ground::hosted_open) << model;
  EXPECT_EQ(local.snapshot->outside_catalog("ollama/gpt-oss:20b").ground, catalog::Ground::self_hosted);
  const Loaded rented = ollama("\"https://gpu.example.com/v1\", ground: hosted_open, api_key: k, models: [m]");
  ASSERT_TRUE(rented.snapshot) << rented.diagnostics.render();
  EXPECT_FALSE(rented.snapshot->find("ollama/m")->candidates.at(0)->quote(catalog::today()).priced());
}

TEST(Load, An_engine_of_ones_own_is_switched_on_by_being_listed_and_not_by_a_variable) {
  const Environment variables{{"OLLAMA_API_KEY", "of-the-cloud"}, {"VLLM_API_KEY", "v"}};
  const Loaded silent = load_text(std::nullopt, variables);
  for (const char* name : {"ollama", "vllm"}) {
    EXPECT_FALSE(silent.snapshot->find_provider(name)->enabled) << name;
    EXPECT_NE(silent.snapshot->find_provider(name)->how_to_enable.find("under `providers`"), std::string::npos);
  }
  const Loaded listed = load_text("providers: { ollama: {}, vllm: {} }", variables);
  ASSERT_TRUE(listed.snapshot) << listed.diagnostics.render();
  EXPECT_TRUE(listed.snapshot->find_provider("ollama")->enabled);
  EXPECT_TRUE(listed.snapshot->find_provider("ollama")->api_key.empty()) << "that variable is for ollama.com";
  EXPECT_EQ(listed.snapshot->find_provider("vllm")->api_key.reveal(), "v");
}

TEST(Load, A_route_may_name_only_providers_that_exist_and_each_candidate_once) {
  EXPECT_FALSE(load_text("models: { auto: [nobody/x] }\n").snapshot);
  EXPECT_FALSE(load_text("models: { auto: [openai/gpt-5.4, openai/gpt-5.4] }\n").snapshot);
  EXPECT_FALSE(load_text("models: { auto: [] }\n").snapshot);
}

TEST(Load, The_command_line_switches_every_engine_off) {
  const Loaded loaded = load_text(std::nullopt, {}, {{"engines", "none", "--engine"}});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_TRUE(loaded.snapshot->engines().empty());
  EXPECT_FALSE(loaded.snapshot->find_provider("local")->enabled);
}

TEST(Load, The_command_line_beats_the_file) {
  const Loaded loaded =
      load_text("server: { listen: \"127.0.0.1:1\" }\n", {}, {{"server.listen", "127.0.0.1:2", "--listen"}});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->server().listen, "127.0.0.1:2");
}

TEST(Load, A_canary_or_shadow_that_a_route_has_is_the_same_candidate) {
  const auto loaded = load_text(
      "providers: { groq: { api_key: k } }\n"
      "models: { fast: [groq/x, groq/y] }\n"
      "workloads: [{ name: w, match: { models: [fast] }, canary: { target: groq/y, percent: 5 },\n"
      "              shadow: { target: groq/x, percent: 5 } }]\n");
  ASSERT_TRUE(loaded.snapshot);
  const Target* fast = loaded.snapshot->find("fast");
  ASSERT_TRUE(fast && fast->candidates.size() == 2);
  for (const std::size_t i : {0, 1})
    EXPECT_EQ(loaded.snapshot->find(fast->candidates[i]->name)->candidates.at(0), fast->candidates[i]);
}

TEST(Load, A_route_may_be_a_map_with_settings_of_its_own) {
  const Loaded loaded = load_text(
      "providers: { groq: { api_key: a, first_token_timeout_ms: 70, max_in_flight: 4 } }\n"
      "models: { fast: { candidates: [groq/llama-4-scout], hold_tokens: 20, hedge_after_ms: 900, hedge_most_usd: "
      "\"0.25\", "
      "stream_idle_timeout_ms: 80 }, plain: [groq/llama-4-scout] }\n");
  ASSERT_TRUE(loaded.snapshot);
  const Target* fast = loaded.snapshot->find("fast");
  ASSERT_TRUE(fast && fast->candidates.size() == 1);
  EXPECT_EQ(fast->settings.hold_tokens, 20);
  EXPECT_EQ(fast->settings.hedge_after_ms, 900);
  EXPECT_EQ(fast->settings.hedge_most, *Money::parse_usd("0.25"));
  EXPECT_EQ(fast->settings.patience.stream_idle_timeout_ms, 80);
  EXPECT_EQ(fast->candidates[0]->provider->patience.first_token_timeout_ms, 70);
  EXPECT_EQ(fast->candidates[0]->provider->max_in_flight, 4);
  EXPECT_EQ(loaded.snapshot->find("plain")->settings.hold_tokens, 0);
  EXPECT_FALSE(load_text("models: { a: { candidates: [groq/x], hold_token: 3 } }").snapshot) << "unknown key";
  EXPECT_FALSE(load_text("models: { a: { hold_tokens: 3 } }").snapshot) << "no candidates";
  EXPECT_FALSE(load_text("models: { a: { candidates: [groq/x], hedge_most_usd: cheap } }").snapshot);
  EXPECT_EQ(fast->settings.affinity_kind, AffinityKind::off);
}

TEST(Snapshot, Its_digest_follows_the_configuration_and_not_the_secrets) {
  const auto digest = [](const std::string& text, const std::string& key) {
    return load_text(text, {{"ACME_KEY", key}}).snapshot->sha256();
  };
  EXPECT_EQ(digest(of_the_readme, "one"), digest(of_the_readme, "two"));
  EXPECT_NE(digest(of_the_readme, "one"), digest(of_the_readme + "retry: { attempts: 2 }\n", "one"));
}

TEST(Snapshot, Its_JSON_shows_no_secret) {
  const Loaded loaded = load_text(of_the_readme, {{"ACME_KEY", "s3cret-value"}});
  EXPECT_EQ(loaded.snapshot->json().find("s3cret-value"), std::string::npos);
}

TEST(Snapshot, A_wrong_name_brings_the_near_ones_that_can_be_called) {
  const auto near = [](Environment environment) {
    return load_text(std::nullopt, std::move(environment)).snapshot->names_like("gpt-5.4-mimi");
  };
  EXPECT_TRUE(near({}).empty());
  ASSERT_FALSE(near({{"OPENAI_API_KEY", "k"}}).empty());
  EXPECT_EQ(near({{"OPENAI_API_KEY", "k"}})[0], "gpt-5.4-mini");
}

TEST(Load, A_reference_in_quotes_may_stand_for_a_number) {
  const Loaded loaded = load_text("server: { threads: \"${N:-3}\" }\n");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->server().threads, 3);
}

TEST(Load, Texts_that_must_be_more_than_a_text_are_refused_at_their_place) {
  const std::string text =
      load_text("server: { listen: nowhere }\nkeys: { data_class: secret, budget_usd: lots }\n").diagnostics.render();
  for (const char* place : {"sluice.yaml:1:19", "sluice.yaml:2:21", "sluice.yaml:2:41"})
    EXPECT_NE(text.find(place), std::string::npos) << text;
  const Loaded flag = load_text(std::nullopt, {}, {{"server.listen", "nowhere", "--listen"}});
  EXPECT_NE(flag.diagnostics.render().find("--listen"), std::string::npos);
}

TEST(Load, Keys_are_never_shown_in_quoted_lines) {
  const std::string text = load_text(
                               "providers:\n  a: { api_key: \"sk-a,sk-b\", kind: soap, base_url: \"http://a\" }\n"
                               "  b: { api_key: sk-c, kind: soap, base_url: \"http://b\" }\n")
                               .diagnostics.render();
  EXPECT_NE(text.find("unknown kind `soap`"), std::string::npos) << text;
  for (const char* secret : {"sk-a", "sk-b", "sk-c"}) EXPECT_EQ(text.find(secret), std::string::npos) << text;
}

TEST(Load, The_ground_that_the_operator_names_counts_for_every_model_of_the_provider) {
  const Loaded loaded =
      load_text("providers: { local: { base_url: \"https://engine.example/v1\", ground: hosted_open } }\n");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->find("local/smollm2-135m-instruct")->candidates.at(0)->ground,
            catalog::Ground::hosted_open);
  EXPECT_TRUE(loaded.snapshot->engines().empty()) << "no engine is started in somebody else's place";
}

TEST(Load, An_engine_has_one_model_and_a_name_of_its_own) {
  const Loaded loaded = load_text("engines: { local: { model: tiny }, big: { model: qwen3, context: 4096 } }\n");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->find("local/smollm2-135m-instruct"), nullptr);
  ASSERT_TRUE(loaded.snapshot->find("local/tiny"));
  const Candidate& big = *loaded.snapshot->find("big/qwen3")->candidates.at(0);
  EXPECT_EQ(big.ground, catalog::Ground::self_hosted);
  EXPECT_EQ(big.model->context, 4096);
  const Loaded taken = load_text("engines: { openai: { model: x } }\n");
  EXPECT_FALSE(taken.snapshot);
  EXPECT_NE(taken.diagnostics.render().find("`openai` is a provider already"), std::string::npos)
      << taken.diagnostics.render();
}

TEST(Load, Headers_are_single_lines) {
  EXPECT_TRUE(load_text("providers: { groq: { headers: { x-team: search } } }\n").snapshot);
  for (const char* bad : {"{ x-team: \"a\\r\\nx: b\" }", "{ \"x team\": a }", "{ x-team: [a] }", "[a]"})
    EXPECT_FALSE(load_text("providers: { groq: { headers: " + std::string(bad) + " } }\n").snapshot) << bad;
}

TEST(Snapshot, Its_digest_follows_everything_that_is_effective) {
  const auto digest = [](const std::string& text) { return load_text(text).snapshot->sha256(); };
  const std::string base = digest("providers: { groq: { api_key: a } }");
  for (const char* other :
       {"engines: { local: { args: [-v] } }", "providers: { groq: { api_key: a, headers: { x-a: b } } }",
        "providers: { groq: { api_key: a, models: { llama-4-scout: { context: 5 } } } }",
        "providers: { groq: { api_key: a, answer_timeout_ms: 70 } }",
        "providers: { groq: { api_key: a, max_in_flight: 7 } }", "breaker: { failures: 9 }", "limits: { queue: 9 }"})
    EXPECT_NE(base, digest(other)) << other;
  const auto tiered = [&](const std::string& op) {
    return digest(
        "providers: { groq: { api_key: a, prices: { m: { input: 1, output: 1, tiers: [{ prompt_tokens: 5, op: " + op +
        ", input: 2 }] } } } }");
  };
  EXPECT_NE(tiered("gt"), tiered("ge"));
}

TEST(Reference, The_page_in_docs_is_what_the_table_says) {
  const char* path = SLUICE_CONFIG_PAGE;
  if (std::getenv("GOLDEN_UPDATE")) std::ofstream(path) << reference_page();
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), reference_page())
      << "run GOLDEN_UPDATE=1 ./dev test config";
}

}  // namespace
}  // namespace sluice::config
