// What `workloads:` takes, what it refuses and where that is told, and whom its rules leave out.
#include "config/workload.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/load.h"

namespace sluice::config {
namespace {

constexpr std::string_view grounds = R"(providers:
  home: { kind: openai_compatible, base_url: "http://home.example/v1", auth: none, ground: self_hosted, region: eu-central-1 }
  far: { kind: openai_compatible, base_url: "http://far.example/v1", auth: none, ground: hosted_open, region: us-east-1 }
  groq: { api_key: k }
models:
  both: [far/m, home/m]
  away: [far/m]
)";

Loaded load_text(std::string text) { return load(Sources{.text = std::string(grounds) + std::move(text)}); }

// The file is refused, and says so where `token` stands for the last time.
void expect_refused(const std::string& workloads, std::string_view token, std::string_view part) {
  const std::string text = std::string(grounds) + workloads;
  const std::size_t at = text.rfind(token);
  ASSERT_NE(at, std::string::npos) << token;
  const std::string place =
      "sluice.yaml:" +
      std::to_string(1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + ":" +
      std::to_string(at - text.rfind('\n', at));
  const Loaded loaded = load_text(workloads);
  EXPECT_FALSE(loaded.snapshot) << workloads;
  const std::string said = loaded.diagnostics.render();
  EXPECT_NE(said.find("--> " + place + "\n"), std::string::npos) << place << '\n' << said;
  EXPECT_NE(said.find(part), std::string::npos) << said;
}

TEST(Workload, All_settings_are_read) {
  const Loaded loaded = load_text(R"(workloads:
  - name: letters
    match: { keys: [app], teams: team_1, tags: [t], models: [both], paths: [/v1/*], headers: { X-App: [a, b], x-any: },
             languages: [de], code: false, pii: true, secrets: false, tools: false, images: false,
             min_prompt_tokens: 1, max_prompt_tokens: 9, min_turns: 1, max_turns: 5 }
    route: both
    objective: weighted
    weights: { price: 2, latency: 1, errors: 1 }
    require: { data_class: restricted, grounds: [self_hosted], regions: [eu], max_usd_per_request: "0.05" }
)");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  ASSERT_EQ(loaded.snapshot->workloads().size(), 1u);
  const Workload& letters = loaded.snapshot->workloads()[0];
  EXPECT_EQ(letters.objective_kind, Objective::weighted);
  EXPECT_EQ(letters.match.teams, std::vector<std::string>{"team_1"});
  EXPECT_EQ(letters.match.headers[0].first, "x-app");
  EXPECT_EQ(letters.match.code, false);
  EXPECT_EQ(letters.match.max_turns, 5);
  EXPECT_EQ(letters.require.most_per_request->usd(), "0.05");
  EXPECT_EQ(letters.require.data_class_value, DataClass::restricted);
  const std::string json = loaded.snapshot->json();
  EXPECT_NE(json.find("x-app"), std::string::npos) << "the digest covers it";
  EXPECT_NE(loaded.snapshot->sha256(), load_text("").snapshot->sha256());
}

TEST(Workload, What_nobody_knows_is_refused_at_its_place) {
  expect_refused("workloads:\n  - { name: a, route: bth }\n", "bth", "did you mean `both`");
  expect_refused("workloads:\n  - { name: a, match: { models: [both, bth] } }\n", "bth", "did you mean `both`");
  expect_refused("workloads:\n  - { name: a, require: { providers: [grok] } }\n", "grok", "did you mean `groq`");
  expect_refused("workloads:\n  - { name: a, require: { licences: [Apache-2] } }\n", "Apache-2", "Apache-2.0");
  expect_refused("workloads:\n  - { name: a, require: { without_terms: [noncommercial] } }\n", "noncommercial",
                 "non_commercial");
  expect_refused("workloads:\n  - { name: a, require: { grounds: [mine] } }\n", "mine", "no ground `mine`");
  expect_refused("workloads:\n  - { name: a, objective: best, quality: SWE-bench Verifed }\n", "SWE-bench Verifed",
                 "did you mean `SWE-bench Verified`");
  expect_refused("workloads:\n  - { name: a, match: { languages: [dee] } }\n", "dee", "did you mean `de`");
  expect_refused("workloads:\n  - { name: a, match: { key: [x] } }\n", "key:", "`keys`");
}

TEST(Workload, Rules_that_contradict_each_other_are_refused) {
  expect_refused("workloads:\n  - { name: a, match: { min_turns: 3, max_turns: 2 } }\n", "3, max",
                 "nothing can ever match");
  expect_refused("workloads:\n  - { name: a, objective: weighted }\n", "weighted", "no weights");
  expect_refused("workloads:\n  - { name: a, objective: best }\n", "best", "benchmark");
  expect_refused("workloads:\n  - { name: a, weights: { price: 1 } }\n", "weights", "weighted");
  expect_refused("workloads:\n  - { name: a, require: { min_quality: 70 } }\n", "70", "benchmark");
  expect_refused("workloads:\n  - { name: a }\n  - { name: a, match: { code: true } }\n", "a, match",
                 "two workloads `a`");
}

TEST(Workload, One_that_the_ones_before_it_take_everything_from_is_refused) {
  expect_refused("workloads:\n  - { name: all }\n  - { name: b, match: { code: true } }\n", "b, match",
                 "belongs to `all`");
  expect_refused(
      "workloads:\n  - { name: a, match: { keys: [x, y], paths: [/v1/*] } }\n  - { name: b, match: { keys: [y], paths: "
      "[/v1/messages], tools: true } }\n",
      "b, match", "belongs to `a`");
  expect_refused(
      "workloads:\n  - { name: a, match: { max_turns: 9 } }\n  - { name: b, match: { min_turns: 2, max_turns: 4 } }\n",
      "b, match", "belongs to `a`");
  const Loaded apart = load_text(
      "workloads:\n  - { name: a, match: { keys: [x], headers: { x-app: one } } }\n  - { name: b, match: { keys: [x, "
      "y] } }\n"
      "  - { name: c, match: { min_turns: 2 } }\n  - { name: d, match: { min_turns: 1 } }\n  - { name: rest }\n");
  EXPECT_TRUE(apart.snapshot) << apart.diagnostics.render();
}

TEST(Workload, One_that_nobody_may_ever_answer_is_refused_with_the_rules) {
  expect_refused("workloads:\n  - { name: a, route: away, require: { data_class: restricted } }\n", "a, route",
                 "far/m: restricted data stays on self-hosted ground");
  expect_refused("workloads:\n  - { name: a, route: away, require: { regions: [eu] } }\n", "a, route",
                 "far/m: its region us-east-1 is not among eu");
  expect_refused("workloads:\n  - { name: a, route: both, require: { providers: [groq] } }\n", "a, route",
                 "far/m: its provider is not among groq; home/m");
  expect_refused("workloads:\n  - { name: a, require: { regions: [mars] } }\n", "a, require", "nobody may ever answer");
  expect_refused("workloads:\n  - { name: a, route: both, require: { without_terms: [non_commercial] } }\n", "a, route",
                 "licence is not known");
}

TEST(Workload, A_price_ceiling_that_nobody_is_under_is_refused) {
  constexpr std::string_view priced = R"(providers:
  near: { kind: openai_compatible, base_url: "http://near.example/v1", auth: none, ground: hosted_open, prices: { m: { input: 2, output: 8, request: 0.001, tiers: [{ prompt_tokens: 1000, op: gt, input: 1.5, output: 9 }] }, n: { input: 4, output: 6 } } }
  bare: { kind: openai_compatible, base_url: "http://bare.example/v1", auth: none, ground: hosted_open }
models:
  two: [near/m, near/n]
  unknown: [near/m, bare/x]
workloads:
)";
  const auto said = [&](const std::string& workload) {
    const Loaded loaded = load(Sources{.text = std::string(priced) + "  - { name: a, " + workload + " }\n"});
    return loaded.snapshot ? std::string() : loaded.diagnostics.render();
  };
  const std::string input = said("route: two, require: { max_input_usd: 1.49 }");
  EXPECT_NE(input.find("the least is 1.5 USD, of near/m"), std::string::npos) << input;
  EXPECT_NE(input.find("sluice.yaml:8:"), std::string::npos) << input;
  EXPECT_NE(said("route: two, require: { max_output_usd: 5 }").find("the least is 6.0 USD, of near/n"),
            std::string::npos);
  EXPECT_NE(said("match: { models: [near/m] }, require: { max_usd_per_request: 0.001 }").find("`max_usd_per_request`"),
            std::string::npos);
  EXPECT_EQ(said("route: two, require: { max_input_usd: 1.5, max_output_usd: 6, max_usd_per_request: 0.001 }"), "");
  EXPECT_EQ(said("route: unknown, require: { max_input_usd: 0.1 }"), "") << "a price may come";
  EXPECT_EQ(said("require: { max_input_usd: 0.1 }"), "") << "anybody may answer";
}

TEST(Workload, A_canary_a_shadow_and_a_cascade_that_can_do_nothing_are_refused) {
  expect_refused("workloads:\n  - { name: a, canary: { percent: 5 } }\n", "canary", "needs its `target`");
  expect_refused("workloads:\n  - { name: a, canary: { target: both } }\n", "both", "is no provider/model");
  expect_refused("workloads:\n  - { name: a, canary: { target: far/n, percent: 0 } }\n", "0 }", "it can never fire");
  expect_refused("workloads:\n  - { name: a, shadow: { target: far/n, percent: 0 } }\n", "0 }", "it can never fire");
  expect_refused("workloads:\n  - { name: a, route: both, canary: { target: far/n }, require: { regions: [eu] } }\n",
                 "far/n", "the canary can never be asked: its region us-east-1 is not among eu");
  expect_refused(
      "workloads:\n  - { name: a, route: both, shadow: { target: far/n }, require: { data_class: restricted } }\n",
      "far/n", "the shadow can never be asked: restricted data");
  expect_refused("workloads:\n  - { name: a, cascade: { escalate_on: [refused] } }\n", "refused",
                 "did you mean `refusal`");
  expect_refused("workloads:\n  - { name: a, cascade: { escalate_on: [too_short] } }\n", "[too_short",
                 "can never fire");
  expect_refused("workloads:\n  - { name: a, route: away, cascade: { escalate_on: [empty] } }\n", "cascade",
                 "its cascade can never go on");
  const Loaded good = load_text(
      "workloads:\n  - { name: a, route: both, canary: { target: far/n }, shadow: { target: home/n }, cascade: { "
      "escalate_on: "
      "[empty, length] } }\n");
  ASSERT_TRUE(good.snapshot) << good.diagnostics.render();
  EXPECT_NE(good.snapshot->find("home/n"), nullptr) << "also a model that the catalogue does not know";
}

TEST(Workload, What_no_request_ever_has_is_refused) {
  expect_refused("workloads:\n  - { name: a, match: { paths: [v1/messages] } }\n", "v1/m", "is no path");
  expect_refused("workloads:\n  - { name: a, match: { paths: [/v1/*/x] } }\n", "/v1/*", "a * stands at the end alone");
  expect_refused("workloads:\n  - { name: a, match: { paths: ['/v1/x?a=b'] } }\n", "'/v1/x", "paths have no query");
  expect_refused("workloads:\n  - { name: a, match: { tags: [b, 'c,d'] } }\n", "'c,d", "is no tag");
  expect_refused("workloads:\n  - { name: a, match: { headers: { 'x app': b } } }\n", "'x app", "names of headers");
  expect_refused("workloads:\n  - { name: a, objective: cheapest, cheapest_below_percent: 20 }\n", "20 }",
                 "can change nothing");
}

TEST(Workload, A_modality_that_nobody_reads_is_refused) {
  expect_refused("workloads:\n  - { name: a, match: { images: true, models: [groq/llama-3.3-70b-versatile] } }\n",
                 "a, match", "it does not read images");
}

TEST(Workload, A_difficulty_that_nothing_can_tell_is_refused) {
  expect_refused("workloads:\n  - { name: a, match: { min_difficulty_percent: 60 } }\n", "60", "can never count");
  expect_refused("workloads:\n  - { name: a, match: { max_difficulty_percent: 60 } }\n", "60", "can never count");
  expect_refused("workloads:\n  - { name: a, best_from_difficulty_percent: 60, quality: SWE-bench Verified }\n",
                 "60, quality", "can never count");
  expect_refused("workloads:\n  - { name: a, learn: true }\n", "true", "nothing to learn from");
  expect_refused("difficulty: { model: nowhere.json }\n", "nowhere", "cannot read the file nowhere.json");
}

TEST(Workload, A_difficulty_score_is_read_with_the_configuration_and_is_part_of_its_digest) {
  std::string score = difficulty::to_json(difficulty::Model{.target = "far/m"});
  const auto load_with = [&](std::string_view workloads) {
    return load(Sources{.text = std::string(grounds) + "difficulty: { model: score.json }\n" + std::string(workloads),
                        .read_file = [&](const std::string& path) {
                          return path == "score.json" ? std::optional(score) : std::nullopt;
                        }});
  };
  const Loaded loaded = load_with(
      "workloads:\n  - { name: a, match: { min_difficulty_percent: 60 } }\n  - { name: b, match: { "
      "max_difficulty_percent: 40 } }\n");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  ASSERT_TRUE(loaded.snapshot->difficulty_model());
  EXPECT_EQ(loaded.snapshot->difficulty_model()->target, "far/m");
  score.replace(score.find("far/m"), 5, "far/n");
  EXPECT_NE(load_with("").snapshot->sha256(), load_text("").snapshot->sha256());
  const Loaded covered = load_with(
      "workloads:\n  - { name: a, match: { min_difficulty_percent: 40 } }\n  - { name: b, match: { "
      "min_difficulty_percent: 60 } }\n");
  EXPECT_NE(covered.diagnostics.render().find("belongs to `a`"), std::string::npos);
  const Loaded crossed =
      load_with("workloads:\n  - { name: a, match: { min_difficulty_percent: 60, max_difficulty_percent: 50 } }\n");
  EXPECT_NE(crossed.diagnostics.render().find("nothing can ever match"), std::string::npos);
  score = "{}";
  EXPECT_NE(load_with("").diagnostics.render().find("score.json: this is no difficulty model"), std::string::npos);
}

TEST(Workload, Rules_leave_out_whom_they_say) {
  const Loaded loaded = load_text(R"(workloads:
  - { name: regions, match: { keys: [a] }, require: { regions: [eu] } }
  - { name: vendors, match: { keys: [b] }, require: { providers: [groq] } }
  - { name: licences, match: { keys: [c] }, require: { without_terms: [non_commercial, user_cap] } }
  - { name: context, match: { keys: [d] }, require: { min_context: 1 } }
)");
  ASSERT_TRUE(loaded.snapshot) << loaded.diagnostics.render();
  const auto unmet = [&](std::size_t workload, std::string_view name) {
    return first_unmet(loaded.snapshot->workloads()[workload], *loaded.snapshot->find(name)->candidates[0],
                       *catalog::parse_date("2026-11-28"));
  };
  EXPECT_EQ(unmet(0, "away"), Unmet::region);
  EXPECT_EQ(unmet(1, "away"), Unmet::provider);
  EXPECT_EQ(unmet(3, "away"), Unmet::context) << "what is not known counts as missing";
  EXPECT_EQ(unmet(2, "away"), Unmet::licence_term);
  EXPECT_EQ(unmet(2, "groq/llama-4-scout"), Unmet::licence_term) << "Meta's terms hold up to a number of users";
  EXPECT_EQ(unmet(1, "groq/llama-4-scout"), std::nullopt);
  EXPECT_EQ(unmet(3, "groq/llama-4-scout"), std::nullopt);
  EXPECT_EQ(
      first_unmet(loaded.snapshot->workloads()[3], *loaded.snapshot->find("away")->candidates[0], {}, About::no_model),
      std::nullopt);
}

}  // namespace
}  // namespace sluice::config
