// Rules that can never do what they say: which of them are errors, which are warnings, and where they are told.
#include <gtest/gtest.h>

#include <map>

#include "config/load.h"

namespace sluice::config {
namespace {

Loaded load_text(std::string text, std::map<std::string, std::string, std::less<>> environment = {},
                 std::vector<Override> overrides = {}) {
  Sources sources{.text = std::move(text), .overrides = std::move(overrides)};
  sources.env = [environment = std::move(environment)](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return load(sources);
}

bool tells(const Loaded& loaded, std::string_view text) {
  return loaded.diagnostics.render().find(text) != std::string::npos;
}

TEST(Rules, A_route_of_which_no_candidate_can_be_called_is_dead_and_an_error_at_its_name) {
  const std::string text = "models:\n  auto: [local/smollm2-135m-instruct]\n  fast: [groq/llama-4-scout]\n";
  const Loaded dead = load_text(text);
  EXPECT_FALSE(dead.snapshot);
  EXPECT_TRUE(tells(dead, "sluice.yaml:3:3")) << dead.diagnostics.render();
  EXPECT_TRUE(tells(dead, "`fast` is dead")) << dead.diagnostics.render();
  EXPECT_TRUE(tells(dead, "set GROQ_API_KEY")) << dead.diagnostics.render();
  EXPECT_TRUE(load_text(text, {{"GROQ_API_KEY", "k"}}).snapshot);
  const Loaded one_lives = load_text("models: { fast: [groq/llama-4-scout, local/smollm2-135m-instruct] }");
  EXPECT_TRUE(one_lives.snapshot) << one_lives.diagnostics.render();
  EXPECT_TRUE(tells(one_lives, "`groq` cannot be called")) << "a warning, at the candidate";
}

TEST(Rules, A_provider_may_be_switched_off_while_routes_still_name_it) {
  const Loaded off =
      load_text("providers: { groq: { api_key: k, enabled: false } }\nmodels: { fast: [groq/llama-4-scout] }");
  EXPECT_TRUE(off.snapshot) << off.diagnostics.render();
  EXPECT_TRUE(tells(off, "switched off")) << off.diagnostics.render();
  const Loaded engines_off =
      load_text("models: { own: [local/smollm2-135m-instruct] }", {}, {{"engines", "none", "--engine"}});
  EXPECT_TRUE(engines_off.snapshot) << engines_off.diagnostics.render();
}

TEST(Rules, A_candidate_that_is_another_name_of_one_before_it_is_an_error) {
  const auto& models = catalog::embedded_catalog().models;
  const auto aliased = std::ranges::find_if(models, [](const catalog::Model& model) {
    return model.provider.str() == "openai" && model.name.str() != model.id;
  });
  const auto with_alias =
      std::ranges::find_if(models, [](const catalog::Model& model) { return !model.aliases.empty(); });
  ASSERT_TRUE(aliased != models.end() || with_alias != models.end());
  const catalog::Model& model = aliased != models.end() ? *aliased : *with_alias;
  const std::string other = model.name.str() != model.id ? model.name.str() : model.aliases.front();
  const std::string provider = model.provider.str();
  const Loaded twice = load_text("providers: { " + provider + ": { api_key: k } }\nmodels: { a: [\"" + provider + "/" +
                                 model.id + "\", \"" + provider + "/" + other + "\"] }");
  EXPECT_FALSE(twice.snapshot);
  EXPECT_TRUE(tells(twice, "is the same model as")) << twice.diagnostics.render();
}

TEST(Rules, A_model_that_an_engine_was_not_started_with_is_an_error_and_the_right_one_is_named) {
  const Loaded wrong = load_text("models: { own: [local/llama-4-scout, local/smollm2-135m-instruct] }");
  EXPECT_FALSE(wrong.snapshot);
  EXPECT_TRUE(tells(wrong, "sluice.yaml:1:17")) << wrong.diagnostics.render();
  EXPECT_TRUE(tells(wrong, "`local/smollm2-135m-instruct`")) << wrong.diagnostics.render();
}

TEST(Rules, A_route_of_the_same_name_twice_is_an_error) {
  const Loaded twice = load_text("models:\n  a: [local/smollm2-135m-instruct]\n  a: [local/smollm2-135m-instruct]\n");
  EXPECT_FALSE(twice.snapshot);
  EXPECT_TRUE(tells(twice, "sluice.yaml:3:3")) << twice.diagnostics.render();
}

TEST(Rules, A_route_that_keys_may_not_use_by_their_default_class_is_a_warning) {
  const Loaded loaded = load_text(
      "keys: { data_class: restricted }\nmodels:\n  own: [local/smollm2-135m-instruct]\n  far: [groq/llama-4-scout]\n",
      {{"GROQ_API_KEY", "k"}});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_TRUE(tells(loaded, "sluice.yaml:4:3")) << loaded.diagnostics.render();
  EXPECT_TRUE(tells(loaded, "`far` has no self-hosted candidate"));
  EXPECT_FALSE(tells(loaded, "`own` has no"));
}

std::string many_routes(std::size_t count) {
  std::string text = "providers: { groq: { api_key: k }, openai: { api_key: k } }\nmodels:\n";
  for (std::size_t i = 0; i < count; ++i)
    text += "  team-" + std::to_string(i) + ": [groq/llama-4-scout, openai/gpt-5.4]\n";
  return text;
}

TEST(Rules, Ten_thousand_routes_are_read_and_an_error_in_the_last_is_told_at_its_line) {
  const Loaded loaded = load_text(many_routes(10'000));
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_EQ(loaded.snapshot->routes().size(), 10'001u) << "auto, too";
  ASSERT_TRUE(loaded.snapshot->find("team-9999"));
  EXPECT_EQ(loaded.snapshot->find("team-9999")->candidates.size(), 2u);
  const Loaded bad = load_text(many_routes(10'000) + "  last: [grok/llama-4-scout]\n");
  EXPECT_FALSE(bad.snapshot);
  EXPECT_TRUE(tells(bad, "sluice.yaml:10003:10")) << bad.diagnostics.render();
  EXPECT_TRUE(tells(bad, "did you mean `groq`?"));
}

// --- a reload

Loaded reload_text(const Snapshot& in_force, std::string text) {
  Sources sources{.text = std::move(text)};
  sources.in_force = &in_force;
  return load(sources);
}

TEST(Rules, A_store_on_postgres_needs_a_url_and_a_plain_schema_and_its_password_is_in_no_listing) {
  EXPECT_TRUE(tells(load_text("store: { backend: oracle }"), "`oracle` is no kind of store"));
  EXPECT_TRUE(tells(load_text("store: { backend: postgres }"), "needs a database"));
  EXPECT_TRUE(tells(load_text("store: { url: \"postgresql://h/d\" }"), "this store is a file"));
  for (const char* schema : {"a b", "Sluice", "pg_own", "a\\\"b"})
    EXPECT_FALSE(load_text(std::string("store: { schema: \"") + schema + "\" }").snapshot) << schema;
  EXPECT_TRUE(tells(load_text("store: { when_stale: never }"), "`never` is neither"));
  const std::string text = "store: { backend: postgres, url: \"${BOOKS}\", when_stale: serve_stale }";
  const Loaded loaded = load_text(text, {{"BOOKS", "postgresql://sluice:hush-hush@h/d"}});
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  EXPECT_TRUE(loaded.snapshot->store().on_postgres());
  EXPECT_EQ(loaded.snapshot->json().find("hush"), std::string::npos);
  Sources other{.text = "{}", .in_force = loaded.snapshot.get()};
  const Loaded reloaded = load(other);
  ASSERT_TRUE(reloaded.snapshot) << reloaded.diagnostics.render();
  EXPECT_TRUE(reloaded.snapshot->store().on_postgres()) << "a server stays with the store that it has opened";
  ASSERT_EQ(reloaded.needs_restart.size(), 1U);
  EXPECT_TRUE(reloaded.needs_restart.front().starts_with("store"));
}

TEST(Reload, What_only_a_start_can_do_is_named_and_the_snapshot_says_what_runs) {
  const Loaded running = load_text("server: { listen: \"127.0.0.1:1\", threads: 2 }");
  ASSERT_TRUE(running.snapshot);
  const Loaded next = reload_text(
      *running.snapshot,
      "server: { listen: \"127.0.0.1:2\", threads: 3, max_body_bytes: 4096 }\nengines:\n  local: { model: tiny }\n"
      "  big: { model: qwen3 }\nmodels: { both: [big/qwen3, local/smollm2-135m-instruct], one: [big/qwen3] }\n");
  ASSERT_TRUE(next.snapshot) << next.diagnostics.render();
  ASSERT_EQ(next.needs_restart.size(), 4u);
  for (const char* setting : {"server.listen", "server.threads", "engines.local", "engines.big"})
    EXPECT_TRUE(std::ranges::any_of(next.needs_restart, [&](const std::string& one) {
      return one.starts_with(setting);
    })) << setting;
  EXPECT_EQ(next.snapshot->server().listen, "127.0.0.1:1");
  EXPECT_EQ(next.snapshot->server().threads, 2);
  EXPECT_EQ(next.snapshot->server().max_body_bytes, 4096) << "what can be changed is";
  ASSERT_EQ(next.snapshot->engines().size(), 1u);
  EXPECT_EQ(next.snapshot->engines()[0].model, "smollm2-135m-instruct");
  EXPECT_FALSE(next.snapshot->find("big/qwen3")->candidates.at(0)->provider->enabled) << "nobody has started it";
  EXPECT_TRUE(next.snapshot->find("local/smollm2-135m-instruct")->candidates.at(0)->provider->enabled);
}

TEST(Reload, The_same_text_needs_no_restart_and_gives_the_same_digest) {
  const std::string text = "engines: { big: { model: qwen3 } }\nproviders: { groq: { api_key: k } }\n";
  const Loaded running = load_text(text);
  const Loaded next = reload_text(*running.snapshot, text);
  ASSERT_TRUE(next.snapshot) << next.diagnostics.render();
  EXPECT_TRUE(next.needs_restart.empty()) << next.needs_restart.front();
  EXPECT_EQ(next.snapshot->sha256(), running.snapshot->sha256());
}

TEST(Reload, An_empty_file_is_taken_for_one_that_is_being_written) {
  const Loaded running = load_text("models: { own: [local/smollm2-135m-instruct] }");
  EXPECT_FALSE(reload_text(*running.snapshot, " \n").snapshot);
  EXPECT_TRUE(reload_text(*running.snapshot, "{}").snapshot);
  EXPECT_TRUE(load_text("").snapshot) << "at a start it is what it is";
}

TEST(Reload, An_engine_that_left_the_file_still_runs_and_is_named) {
  const Loaded running = load_text("engines: { local: {}, big: { model: qwen3 } }");
  const Loaded next = reload_text(*running.snapshot, "engines: { local: {} }");
  ASSERT_TRUE(next.snapshot) << next.diagnostics.render();
  EXPECT_EQ(next.needs_restart.size(), 1u);
  EXPECT_EQ(next.snapshot->engines().size(), 2u);
  EXPECT_TRUE(next.snapshot->find("big/qwen3"));
}

}  // namespace
}  // namespace sluice::config
