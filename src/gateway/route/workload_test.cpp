// Workloads in routing: to which one a request belongs, whom its rules leave out, and whom its objective puts first.
#include "gateway/route/workload.h"

#include <gtest/gtest.h>

#include <map>

#include "gateway/route/explain.h"
#include "gateway/route/route.h"

namespace sluice::gateway {
namespace {

using catalog::Ground;
using config::Workload;

const Signals nothing;

WorkloadQuestion asks() {
  WorkloadQuestion question{.key_id = "key_1",
                            .key_name = "app",
                            .team = "team_1",
                            .tags = "a,b",
                            .model = "auto",
                            .path = "/v1/messages",
                            .prompt_tokens = 100};
  question.signals = []() -> const Signals& { return nothing; };
  question.header = [](std::string_view name) {
    return name == "x-app" ? std::optional<std::string_view>("letters") : std::nullopt;
  };
  return question;
}

bool fits(config::WorkloadMatch match, const WorkloadQuestion& question = asks()) {
  const std::vector<Workload> one{{.name = "one", .match = std::move(match)}};
  return workload_of(question, one) != nullptr;
}

TEST(Workloads, Each_condition_must_fit) {
  EXPECT_TRUE(fits({}));
  EXPECT_TRUE(fits({.keys = {"x", "app"}}));
  EXPECT_TRUE(fits({.keys = {"key_1"}}));
  EXPECT_FALSE(fits({.keys = {"x"}}));
  EXPECT_TRUE(fits({.teams = {"team_1"}}));
  EXPECT_FALSE(fits({.teams = {"team_2"}}));
  EXPECT_TRUE(fits({.tags = {"b"}}));
  EXPECT_FALSE(fits({.tags = {"a,b"}}));
  EXPECT_TRUE(fits({.paths = {"/v1/m*"}}));
  EXPECT_FALSE(fits({.paths = {"/v1/m"}}));
  EXPECT_TRUE(fits({.headers = {{"x-app", {"other", "letters"}}}}));
  EXPECT_TRUE(fits({.headers = {{"x-app", {}}}}));
  EXPECT_FALSE(fits({.headers = {{"x-app", {"other"}}}}));
  EXPECT_FALSE(fits({.headers = {{"x-other", {}}}}));
  EXPECT_FALSE(fits({.tools = true}));
  EXPECT_TRUE(fits({.tools = false}));
  EXPECT_TRUE(fits({.min_prompt_tokens = 100, .max_prompt_tokens = 100}));
  EXPECT_FALSE(fits({.min_prompt_tokens = 101}));
  EXPECT_FALSE(fits({.keys = {"app"}, .models = {"other"}}));
}

TEST(Workloads, Difficulty_is_asked_for_last_and_nothing_fits_where_nothing_tells_it) {
  WorkloadQuestion question = asks();
  EXPECT_FALSE(fits({.min_difficulty_percent = 60}, question));
  int asked = 0;
  question.difficulty = [&] {
    ++asked;
    return 0.6;
  };
  EXPECT_TRUE(fits({.min_difficulty_percent = 60}, question));
  EXPECT_TRUE(fits({.max_difficulty_percent = 60}, question));
  EXPECT_FALSE(fits({.min_difficulty_percent = 61}, question));
  EXPECT_FALSE(fits({.max_difficulty_percent = 59}, question));
  EXPECT_EQ(asked, 4);
  EXPECT_FALSE(fits({.keys = {"x"}, .min_difficulty_percent = 60}, question));
  EXPECT_TRUE(fits({}, question));
  EXPECT_EQ(asked, 4) << "it costs microseconds";
}

TEST(Workloads, Signals_are_looked_at_only_where_the_rest_fits) {
  int looked = 0;
  const Signals german{.code = true, .language = "de", .turns = 3};
  WorkloadQuestion question = asks();
  question.signals = [&]() -> const Signals& {
    ++looked;
    return german;
  };
  EXPECT_FALSE(fits({.keys = {"x"}, .code = true}, question));
  EXPECT_EQ(looked, 0);
  EXPECT_TRUE(fits({.languages = {"fr", "de"}, .code = true, .pii = false, .min_turns = 3}, question));
  EXPECT_FALSE(fits({.max_turns = 2}, question));
  EXPECT_EQ(looked, 2);
}

TEST(Workloads, The_first_that_fits_counts) {
  const std::vector<Workload> all{
      {.name = "other", .match = {.keys = {"x"}}}, {.name = "app", .match = {.keys = {"app"}}}, {.name = "rest"}};
  ASSERT_NE(workload_of(asks(), all), nullptr);
  EXPECT_EQ(workload_of(asks(), all)->name, "app");
}

// Three hosts of one price each, and an engine of one's own: a model each, of one benchmark.
struct World {
  config::Snapshot::Parts parts;
  std::map<std::string, TargetSpeed, std::less<>> speeds;
  Workload workload{.name = "letters"};
  RouteQuestion question{.model = "all",
                         .when = *catalog::parse_date("2026-11-28"),
                         .expected_input_tokens = 1'000,
                         .most_input_tokens = 2'000};

  World() {
    add("home", Ground::self_hosted, 0, 0, "60");
    add("dear", Ground::proprietary, 10'000'000, 50'000'000, "90");
    add("cheap", Ground::hosted_open, 100'000, 400'000, "70");
    add("middle", Ground::hosted_open, 1'000'000, 2'000'000, "80");
    parts.routes = {{"all", {"dear/m", "cheap/m", "middle/m", "home/m"}}, {"away", {"dear/m", "cheap/m"}}};
  }
  void add(const std::string& id, Ground ground, std::int64_t input, std::int64_t output, const std::string& quality) {
    parts.providers.push_back(
        {.id = ProviderId(id), .dialect = chat::DialectId::openai_chat, .ground = ground, .enabled = true});
    parts.models.push_back({.provider = ProviderId(id),
                            .name = ModelName("m"),
                            .id = "m",
                            .licence = "MIT",
                            .context = 10'000,
                            .max_output = 1'000,
                            .tools = true,
                            .ground = ground,
                            .benchmarks = {{"Bench", quality, "test"}}});
    catalog::PriceFact price{.provider = ProviderId(id), .model = ModelName("m"), .source = "test"};
    price.rates[catalog::Unit::input] = input;
    price.rates[catalog::Unit::output] = output;
    if (ground == Ground::self_hosted) price.kind = catalog::PriceKind::self_hosted;
    parts.prices.push_back(price);
  }
  Result<Plan> plan(const Verdict& verdict = {}) {
    snapshot = std::make_unique<config::Snapshot>(parts);
    question.workload = &workload;
    return route(question, verdict, *snapshot, {}, {}, [&](std::string_view target) {
      const auto found = speeds.find(target);
      return found == speeds.end() ? TargetSpeed() : found->second;
    });
  }
  std::vector<std::string> order() {
    const auto found = plan();
    std::vector<std::string> names;
    if (found) {
      for (const Attempt& attempt : found->attempts) names.push_back(attempt.provider().id.str());
    } else {
      names.push_back(found.error().code);
    }
    return names;
  }
  std::unique_ptr<config::Snapshot> snapshot;
};

using Names = std::vector<std::string>;

TEST(Objective, Listed_keeps_the_list) {
  World world;
  EXPECT_EQ(world.order(), (Names{"dear", "cheap", "middle", "home"}));
}

TEST(Objective, Cheapest_goes_by_what_this_request_will_cost) {
  World world;
  world.workload.objective_kind = config::Objective::cheapest;
  EXPECT_EQ(world.order(), (Names{"home", "cheap", "middle", "dear"}));
  const auto plan = world.plan();
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->attempts[1].expected_cost, Money::pico(1'000 * 100'000 + 500 * 400'000));
  EXPECT_NE(explain_text(*plan).find("by price: about 0.0003 USD"), std::string::npos) << explain_text(*plan);
  // With a long answer the order of two turns round: 1,000 in and 10 out beside 1,000 in and 500 out.
  world.parts.prices[2].rates[catalog::Unit::output] = 5'000'000;
  EXPECT_EQ(world.order(), (Names{"home", "middle", "cheap", "dear"}));
  world.question.max_output_tokens = 10;
  EXPECT_EQ(world.order(), (Names{"home", "cheap", "middle", "dear"}));
}

TEST(Objective, Fastest_goes_by_what_was_measured_and_tries_who_was_not) {
  World world;
  world.workload.objective_kind = config::Objective::fastest;
  world.speeds = {{"dear/m", {.first_token_us = 100'000, .token_ns = 20'000'000}},
                  {"cheap/m", {.first_token_us = 900'000, .token_ns = 1'000'000}},
                  {"middle/m", {.first_token_us = 50'000, .token_ns = 1'000'000}},
                  {"home/m", {.first_token_us = 400'000, .token_ns = 4'000'000}}};
  EXPECT_EQ(world.order(), (Names{"middle", "cheap", "home", "dear"}));
  world.question.max_output_tokens = 1;
  EXPECT_EQ(world.order(), (Names{"middle", "dear", "home", "cheap"})) << "of one token the first is all";
  world.speeds.erase("home/m");
  EXPECT_EQ(world.order(), (Names{"home", "middle", "dear", "cheap"})) << "so that it is measured";
}

TEST(Objective, Best_goes_by_the_benchmark_and_then_by_price) {
  World world;
  world.workload.objective_kind = config::Objective::best;
  world.workload.quality = "Bench";
  EXPECT_EQ(world.order(), (Names{"dear", "middle", "cheap", "home"}));
  world.parts.models[0].benchmarks[0].value = "90";
  EXPECT_EQ(world.order(), (Names{"home", "dear", "middle", "cheap"}));
  world.parts.models[1].benchmarks.clear();
  EXPECT_EQ(world.order(), (Names{"home", "middle", "cheap", "dear"})) << "what nobody says is last";
}

TEST(Objective, Weighted_goes_by_all_of_them) {
  World world;
  world.workload.objective_kind = config::Objective::weighted;
  world.workload.quality = "Bench";
  world.workload.weights = {.price = 1, .quality = 0};
  EXPECT_EQ(world.order()[0], "home");
  world.workload.weights = {.price = 0, .quality = 1};
  EXPECT_EQ(world.order()[0], "dear");
  world.workload.weights = {.price = 50, .quality = 50};
  EXPECT_EQ(world.order()[0], "middle") << "two thirds of the quality for a twentieth of the price";
  world.workload.weights = {.price = 50, .quality = 50, .errors = 100};
  world.speeds = {{"middle/m", {.error_share = 0.9, .calls = 10}}};
  EXPECT_EQ(world.order().back(), "middle");
}

TEST(Objective, Cheapest_comes_first_while_a_budget_runs_out) {
  World world;
  world.workload.cheapest_below_percent = 20;
  world.question.budget_left_percent = 20;
  EXPECT_EQ(world.order()[0], "dear");
  world.question.budget_left_percent = 19;
  EXPECT_EQ(world.order()[0], "home");
}

TEST(Ceilings, On_prices_leave_out_who_is_above) {
  World world;
  world.workload.require.most_output = Money::parse_usd("2");
  EXPECT_EQ(world.order(), (Names{"cheap", "middle", "home"}));
  world.workload.require.most_input = Money::parse_usd("0.5");
  EXPECT_EQ(world.order(), (Names{"cheap", "home"}));
  world.workload.require = {};
  // 2,000 tokens in and 1,000 out at most: 0.07 USD at `dear`, 0.004 at `middle`.
  world.workload.require.most_per_request = Money::parse_usd("0.004");
  EXPECT_EQ(world.order(), (Names{"cheap", "middle", "home"}));
  world.workload.require.most_per_request = Money::parse_usd("0.003999");
  EXPECT_EQ(world.order(), (Names{"cheap", "home"}));
  world.parts.prices.erase(world.parts.prices.begin() + 2);
  EXPECT_EQ(world.order(), (Names{"home"})) << "what has no price may cost anything";
}

TEST(Modality, Who_does_not_read_sound_or_PDF_is_left_out_while_another_does) {
  World world;
  world.question.has_pdf = true;
  EXPECT_EQ(world.order(), (Names{"dear", "cheap", "middle", "home"})) << "nobody is known to, so they say themselves";
  world.parts.models[0].pdf = true;    // home
  world.parts.models[2].audio = true;  // cheap
  EXPECT_EQ(world.order(), Names{"home"});
  const auto plan = world.plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->rejections.size(), 3u);
  EXPECT_EQ(rule_name(plan->rejections[0]), "no_pdf");
  world.question.has_pdf = false;
  world.question.has_audio = true;
  EXPECT_EQ(world.order(), Names{"cheap"});
  EXPECT_EQ(rule_name(world.plan()->rejections[0]), "no_audio");
  world.add("aside", Ground::hosted_open, 1'000'000, 2'000'000, "80");
  world.workload.canary.target = world.workload.shadow.target = "aside/m";
  EXPECT_FALSE(world.plan()->canary) << "beside the list, too";
  EXPECT_FALSE(world.plan()->shadow);
  world.parts.models.back().audio = true;
  EXPECT_TRUE(world.plan()->canary);
  EXPECT_TRUE(world.plan()->shadow);
  world.workload.match = {.audio = true, .pdf = false};
  WorkloadQuestion question = asks();
  EXPECT_FALSE(fits(world.workload.match, question));
  question.has_audio = true;
  EXPECT_TRUE(fits(world.workload.match, question));
  question.has_pdf = true;
  EXPECT_FALSE(fits(world.workload.match, question));
}

TEST(Modality, Who_refuses_to_go_on_from_the_assistants_words_is_left_out_while_another_goes_on) {
  World world;
  world.question.has_prefill = true;
  EXPECT_EQ(world.order(), (Names{"dear", "cheap", "middle", "home"}));
  world.parts.models[2].refuses_prefill = true;  // cheap
  EXPECT_EQ(world.order(), (Names{"dear", "middle", "home"}));
  EXPECT_EQ(rule_name(world.plan()->rejections[0]), "no_prefill");
  world.add("aside", Ground::hosted_open, 1'000'000, 2'000'000, "80");
  world.parts.models.back().refuses_prefill = true;
  world.workload.canary.target = world.workload.shadow.target = "aside/m";
  EXPECT_FALSE(world.plan()->canary) << "beside the list, too";
  EXPECT_FALSE(world.plan()->shadow);
  world.question.has_prefill = false;
  EXPECT_TRUE(world.plan()->canary);
  EXPECT_EQ(world.order().size(), 4u);
  world.question.has_prefill = true;
  for (catalog::Model& model : world.parts.models) model.refuses_prefill = true;
  EXPECT_EQ(world.order().size(), 4u) << "nobody goes on, so they say it themselves";
}

TEST(Objectives, From_its_difficulty_on_the_best_is_asked_first) {
  World world;
  world.workload.quality = "Bench";
  const Names listed = world.order();
  world.workload.objective_kind = config::Objective::best;
  const Names best = world.order();
  ASSERT_NE(listed, best);
  world.workload.objective_kind = config::Objective::listed;
  world.workload.best_from_difficulty_percent = 60;
  EXPECT_EQ(world.order(), listed) << "nothing tells the difficulty";
  world.question.difficulty = 0.59;
  EXPECT_EQ(world.order(), listed);
  world.question.difficulty = 0.6;
  EXPECT_EQ(world.order(), best);
  world.question.budget_left_percent = 10;
  world.workload.cheapest_below_percent = 20;
  EXPECT_EQ(world.plan()->objective, config::Objective::cheapest) << "what the budget says comes first";
}

TEST(Ceilings, On_what_is_measured_leave_out_who_is_above_while_another_is_below) {
  World world;
  world.workload.require.max_first_token_ms = 500;
  world.workload.require.max_error_percent = 30;
  world.speeds = {{"dear/m", {.first_token_us = 501'000}}, {"cheap/m", {.error_share = 0.4}}};
  EXPECT_EQ(world.order(), (Names{"middle", "home"}));
  const auto plan = world.plan();
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(rule_name(plan->rejections[0]), "max_first_token_ms");
  EXPECT_EQ(rule_name(plan->rejections[1]), "max_error_percent");
  world.question.model = "away";
  EXPECT_EQ(world.order(), (Names{"dear", "cheap"})) << "nobody else is left";
}

TEST(Rules, Leave_out_with_the_first_that_is_not_kept_and_name_it) {
  World world;
  world.workload.require.grounds = {"hosted_open"};
  world.workload.quality = "Bench";
  world.workload.require.min_quality = "75";
  world.workload.require.least_quality = 75;
  EXPECT_EQ(world.order(), Names{"middle"});
  const auto plan = world.plan();
  ASSERT_TRUE(plan.has_value());
  ASSERT_EQ(plan->rejections.size(), 3u);
  EXPECT_EQ(rule_name(plan->rejections[0]), "grounds");
  EXPECT_EQ(rule_name(plan->rejections[1]), "min_quality");
  EXPECT_NE(explain_json(*plan).find(R"("rule":"min_quality","reason":"its Bench of 70 is below 75")"),
            std::string::npos)
      << explain_json(*plan);
}

TEST(Rules, When_nobody_keeps_them_the_client_is_told_which) {
  World world;
  world.workload.require.grounds = {"self_hosted"};
  world.question.model = "away";
  const auto plan = world.plan();
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().kind, ErrorKind::forbidden);
  EXPECT_EQ(plan.error().code, "workload_rules");
  EXPECT_NE(plan.error().message.find("`letters`: dear/m: grounds ("), std::string::npos) << plan.error().message;
}

TEST(Rules, A_workloads_route_takes_the_place_of_the_clients_model_but_not_of_a_limits) {
  World world;
  world.workload.route = "away";
  world.question.model = "home/m";
  EXPECT_EQ(world.order(), (Names{"dear", "cheap"}));
  world.question.keeps_name = true;
  EXPECT_EQ(world.order(), Names{"home"});
}

}  // namespace
}  // namespace sluice::gateway
