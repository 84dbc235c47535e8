#include "gateway/route/route.h"

#include <gtest/gtest.h>

#include <map>

#include "gateway/route/explain.h"

namespace sluice::gateway {
namespace {

using catalog::Ground;
using chat::DialectId;

catalog::Provider provider(std::string id, Ground ground, DialectId dialect, bool engine = false) {
  return {.id = ProviderId(std::move(id)), .dialect = dialect, .ground = ground, .engine = engine, .enabled = true};
}

catalog::Model model(std::string of, std::string name, Ground ground) {
  return {.provider = ProviderId(std::move(of)),
          .name = ModelName(name),
          .id = name,
          .context = 1'000,
          .tools = true,
          .ground = ground};
}

catalog::PriceFact price(std::string of) {
  return {.provider = ProviderId(std::move(of)), .model = ModelName("*"), .source = "test"};
}

// Three grounds: an engine of one's own, open weights elsewhere, a vendor of the other dialect; `auto` asks in this
// order.
config::Snapshot::Parts three_grounds() {
  config::Snapshot::Parts parts;
  parts.providers = {provider("local", Ground::self_hosted, DialectId::openai_chat, true),
                     provider("open", Ground::hosted_open, DialectId::openai_chat),
                     provider("vendor", Ground::proprietary, DialectId::anthropic_messages)};
  parts.models = {model("local", "small", Ground::self_hosted), model("open", "middle", Ground::hosted_open),
                  model("vendor", "large", Ground::proprietary)};
  parts.prices = {price("local"), price("open"), price("vendor")};
  parts.routes = {{"auto", {"local/small", "open/middle", "vendor/large"}}};
  return parts;
}

EngineState ready(const ProviderId&) { return EngineState::ready; }

RouteQuestion ask(std::string_view name) { return {.model = name, .when = *catalog::parse_date("2026-11-01")}; }

constexpr Verdict restricted{.data_class = DataClass::restricted, .rule = Verdict::Rule::restricted_by_key};

std::vector<std::string> order(const Result<Plan>& plan) {
  std::vector<std::string> names;
  if (plan)
    for (const Attempt& attempt : plan->attempts) names.push_back(attempt.candidate->name);
  return names;
}

TEST(Route, Asks_in_the_order_of_the_list) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(ask("auto"), {}, snapshot, ready);
  EXPECT_EQ(order(plan), (std::vector<std::string>{"local/small", "open/middle", "vendor/large"}));
}

TEST(Route, Takes_lane_one_only_where_both_sides_speak_the_same) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(ask("auto"), {}, snapshot, ready);
  ASSERT_EQ(plan->attempts.size(), 3u);
  EXPECT_EQ(plan->attempts[0].lane, Lane::same_dialect);
  EXPECT_EQ(plan->attempts[2].lane, Lane::translated);
}

TEST(Route, Translated_chat_completions_go_on_from_the_assistants_words_only_where_the_provider_does) {
  config::Snapshot::Parts parts = three_grounds();
  RouteQuestion question = ask("auto");
  question.dialect = DialectId::anthropic_messages;
  question.has_prefill = true;
  EXPECT_EQ(order(route(question, {}, config::Snapshot(parts), ready)), (std::vector<std::string>{"vendor/large"}));
  parts.providers[0].quirks.prefill = catalog::Prefill::continued;
  EXPECT_EQ(order(route(question, {}, config::Snapshot(parts), ready)),
            (std::vector<std::string>{"local/small", "vendor/large"}));
  parts.providers[0].quirks.prefill = catalog::Prefill::ignored;
  question.told_behind = true;
  EXPECT_EQ(order(route(question, {}, config::Snapshot(parts), ready)).size(), 3u) << "that is the last word";
  parts.providers[0].quirks.leading_system = true;
  EXPECT_EQ(order(route(question, {}, config::Snapshot(parts), ready)).size(), 2u) << "it would move to the front";
  question.dialect = DialectId::openai_chat;
  EXPECT_EQ(order(route(question, {}, config::Snapshot(parts), ready)).size(), 3u);
}

TEST(Route, Asks_only_own_engines_for_restricted_data) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(ask("auto"), restricted, snapshot, ready);
  EXPECT_EQ(order(plan), std::vector<std::string>{"local/small"});
  ASSERT_EQ(plan->rejections.size(), 2u);
  EXPECT_EQ(plan->rejections[0].why, Rejection::Why::data_class);
}

TEST(Route, Refuses_restricted_data_rather_than_send_it_out) {
  const config::Snapshot snapshot(three_grounds());
  for (const char* name : {"vendor/large", "large", "vendor/not-in-the-catalogue"}) {
    const auto plan = route(ask(name), restricted, snapshot, ready);
    ASSERT_FALSE(plan.has_value()) << name;
    EXPECT_EQ(plan.error().code, "data_class_denied");
  }
}

TEST(Route, Names_one_provider_exactly_when_the_client_does) {
  const config::Snapshot snapshot(three_grounds());
  EXPECT_EQ(order(route(ask("vendor/large"), {}, snapshot, ready)), std::vector<std::string>{"vendor/large"});
  EXPECT_EQ(order(route(ask("vendor/brand-new"), {}, snapshot, ready)), std::vector<std::string>{"vendor/brand-new"});
}

TEST(Route, Leaves_out_an_engine_that_is_not_ready_and_says_so_when_nobody_else_is_there) {
  const config::Snapshot snapshot(three_grounds());
  const auto starting = [](const ProviderId&) { return EngineState::starting; };
  EXPECT_EQ(order(route(ask("auto"), {}, snapshot, starting)),
            (std::vector<std::string>{"open/middle", "vendor/large"}));
  const auto alone = route(ask("local/small"), {}, snapshot, starting);
  ASSERT_FALSE(alone.has_value());
  EXPECT_EQ(alone.error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(alone.error().retry_after.has_value());
}

TEST(Route, Gives_a_key_with_a_budget_no_candidate_without_a_price) {
  config::Snapshot::Parts parts = three_grounds();
  parts.prices.pop_back();
  const config::Snapshot snapshot(std::move(parts));
  RouteQuestion question = ask("auto");
  question.budgeted = true;
  EXPECT_EQ(order(route(question, {}, snapshot, ready)), (std::vector<std::string>{"local/small", "open/middle"}));
  question.model = "vendor/large";
  EXPECT_EQ(route(question, {}, snapshot, ready).error().code, "unpriced_model");
}

TEST(Route, Asks_for_no_model_on_the_day_of_its_retirement_and_names_its_successor) {
  config::Snapshot::Parts parts = three_grounds();
  parts.models[2].retires = catalog::Retirement{
      .day = *catalog::parse_date("2026-11-02"), .successor = "larger", .source = "the vendor's page"};
  const config::Snapshot snapshot(std::move(parts));
  RouteQuestion question = ask("auto");
  EXPECT_EQ(order(route(question, {}, snapshot, ready)).size(), 3u) << "the day before";
  question.when = *catalog::parse_date("2026-11-02");
  const auto plan = survey(question, {}, snapshot, ready);
  EXPECT_EQ(order(plan), (std::vector<std::string>{"local/small", "open/middle"}));
  ASSERT_EQ(plan->rejections.size(), 1u);
  EXPECT_EQ(plan->rejections[0].why, Rejection::Why::retired);
  EXPECT_NE(explain_text(*plan).find("2026-11-02; it names larger as its successor"), std::string::npos)
      << explain_text(*plan);
  question.model = "vendor/large";
  const auto refused = route(question, {}, snapshot, ready);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "model_retired");
  EXPECT_EQ(refused.error().hint, "ask for 'vendor/larger'");
  EXPECT_EQ(refused.error().kind, ErrorKind::not_found);
}

TEST(Route, Counts_the_wanted_output_against_the_context) {
  const config::Snapshot snapshot(three_grounds());
  RouteQuestion question = ask("auto");
  question.input_tokens = 900;
  question.max_output_tokens = 100;
  EXPECT_EQ(order(route(question, {}, snapshot, ready)).size(), 3u);
  question.max_output_tokens = 101;
  EXPECT_EQ(route(question, {}, snapshot, ready).error().code, "context_length_exceeded");
}

TEST(Route, Leaves_out_models_that_cannot_read_images) {
  const config::Snapshot snapshot(three_grounds());
  RouteQuestion question = ask("auto");
  question.has_images = true;
  EXPECT_EQ(route(question, {}, snapshot, ready).error().code, "unsupported_feature");
}

TEST(Route, Leaves_out_own_engines_that_would_open_a_link_inside) {
  config::Snapshot::Parts parts = three_grounds();
  const std::vector<InternalLink> links = {{"image_url", "files.internal"}, {"file_url", "10.0.0.1"}};
  RouteQuestion question = ask("auto");
  question.internal_links = links;
  {
    const config::Snapshot snapshot(parts);
    EXPECT_EQ(order(route(question, {}, snapshot, ready)), (std::vector<std::string>{"open/middle", "vendor/large"}));
    question.model = "local/small";
    const auto alone = route(question, {}, snapshot, ready);
    ASSERT_FALSE(alone.has_value());
    EXPECT_EQ(alone.error().kind, ErrorKind::invalid_request);
    EXPECT_EQ(alone.error().code, "internal_link");
    EXPECT_EQ(alone.error().param, "image_url");
    EXPECT_TRUE(alone.error().message.contains("files.internal")) << alone.error().message;
  }
  parts.providers[0].internal_links = {"files.internal"};
  EXPECT_EQ(route(question, {}, config::Snapshot(parts), ready).error().param, "file_url");
  parts.providers[0].internal_links = {"files.internal", "10.0.0.1"};
  const config::Snapshot allowed(parts);
  EXPECT_EQ(order(route(question, {}, allowed, ready)), std::vector<std::string>{"local/small"});
}

TEST(Route, Says_how_to_enable_a_provider_without_a_key) {
  config::Snapshot::Parts parts = three_grounds();
  parts.providers[2].enabled = false;
  parts.providers[2].how_to_enable = "set VENDOR_API_KEY";
  const config::Snapshot snapshot(std::move(parts));
  const auto plan = route(ask("vendor/large"), {}, snapshot, ready);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, "provider_not_configured");
  EXPECT_NE(plan.error().hint.find("VENDOR_API_KEY"), std::string::npos);
}

TEST(Route, Answers_an_unknown_name_with_the_nearest_ones) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(ask("vendr/large"), {}, snapshot, ready);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, "model_not_found");
  EXPECT_NE(plan.error().hint.find("vendor/large"), std::string::npos) << plan.error().hint;
}

// Of the named targets; all others are well.
TargetStates states(std::map<std::string, TargetState, std::less<>> unwell) {
  return [unwell = std::move(unwell)](std::string_view target) {
    const auto found = unwell.find(target);
    return found == unwell.end() ? TargetState() : found->second;
  };
}
constexpr TargetState open_for(std::int64_t ms) {
  return {.kind = TargetState::Kind::open, .again_in = std::chrono::milliseconds(ms)};
}

TEST(Route, Leaves_out_who_is_unwell_while_another_one_is_well) {
  const config::Snapshot snapshot(three_grounds());
  const TargetState resting{.kind = TargetState::Kind::resting, .again_in = std::chrono::milliseconds(4'200)};
  const auto plan =
      route(ask("auto"), {}, snapshot, ready, states({{"local/small", open_for(9'000)}, {"open/middle", resting}}));
  EXPECT_EQ(order(plan), std::vector<std::string>{"vendor/large"});
  ASSERT_EQ(plan->rejections.size(), 2u);
  EXPECT_EQ(plan->rejections[0].why, Rejection::Why::breaker_open);
  EXPECT_EQ(plan->rejections[1].why, Rejection::Why::resting);
  EXPECT_NE(reason_text(plan->rejections[1], *plan).find("4.2 s"), std::string::npos);
}

TEST(Route, Asks_the_least_bad_first_when_all_are_unwell) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(
      ask("auto"), {}, snapshot, ready,
      states({{"local/small", open_for(9'000)}, {"open/middle", open_for(300)}, {"vendor/large", open_for(5'000)}}));
  EXPECT_EQ(order(plan), (std::vector<std::string>{"open/middle", "vendor/large", "local/small"}));
  EXPECT_TRUE(plan->rejections.empty());
  EXPECT_NE(reason_text(plan->attempts[0], *plan).find("nobody else is left"), std::string::npos);
}

TEST(Route, Asks_who_is_half_open_in_its_usual_place) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(ask("auto"), {}, snapshot, ready,
                          states({{"local/small", {.kind = TargetState::Kind::half_open, .again_in = {}}}}));
  EXPECT_EQ(order(plan).size(), 3u);
  EXPECT_NE(explain_json(*plan).find("\"health\":\"half_open\""), std::string::npos);
}

TEST(Route, Being_well_brings_no_forbidden_ground_back) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = route(ask("auto"), restricted, snapshot, ready, states({{"local/small", open_for(9'000)}}));
  EXPECT_EQ(order(plan), std::vector<std::string>{"local/small"});
}

TEST(Explain, Shows_candidates_and_rejections_each_with_a_reason) {
  const config::Snapshot snapshot(three_grounds());
  const auto plan = survey(ask("auto"), restricted, snapshot, ready);
  ASSERT_TRUE(plan.has_value());
  const std::string text = explain_text(*plan);
  for (const char* part : {"local/small", "vendor/large", "self_hosted"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_NE(explain_json(*plan).find("\"choice\":\"local/small\""), std::string::npos) << explain_json(*plan);
}

}  // namespace
}  // namespace sluice::gateway
