// A property over random policies: whatever a configuration says and whatever fails, a restricted request is never put
// to anybody but engines of the organisation's own. Everything that may be asked for a request stands in a Plan:
// retries and failover go along it, a hedge takes its second, affinity gives it another order, a cascade goes on with
// its rest, and a limit that sends the request down makes another one under the same verdict. So the property is
// looked at over plans. Each seed is printed, and is the bug report.
#include <gtest/gtest.h>

#include <random>

#include "gateway/guard/guard.h"
#include "gateway/route/affinity.h"
#include "gateway/route/route.h"
#include "gateway/route/workload.h"

namespace sluice::gateway {
namespace {

using catalog::Ground;
using config::Workload;

constexpr int policies = 400;
constexpr int requests_of_each = 25;
constexpr const char* models[] = {"a", "b-cloud", "of-no-catalogue"};
constexpr const char* routes[] = {"auto", "fast", "cheap"};
constexpr const char* asked[] = {"auto",    "fast", "cheap", "a", "b-cloud", "p0/a", "p1/b-cloud", "p1/of-no-catalogue",
                                 "nonsense"};
constexpr Ground grounds[] = {Ground::self_hosted, Ground::hosted_open, Ground::proprietary};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_); }
  bool coin(int percent = 50) { return below(100) < static_cast<std::size_t>(percent); }
  template <class List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::mt19937 engine_;
};

config::Snapshot::Parts random_parts(Dice& dice) {
  config::Snapshot::Parts parts;
  const std::size_t providers = 2 + dice.below(6);
  for (std::size_t i = 0; i < providers; ++i) {
    const std::string id = "p" + std::to_string(i);
    catalog::Provider provider{.id = ProviderId(id),
                               .dialect = chat::DialectId::openai_chat,
                               .ground = dice.one_of(grounds),
                               .enabled = dice.coin(90)};
    if (dice.coin(20)) provider.forwarded = {"-cloud"};
    provider.region = dice.coin() ? "eu-west-1" : "us-east-1";
    parts.providers.push_back(provider);
    for (const char* name : {"a", "b-cloud"}) {
      catalog::Model model{.provider = ProviderId(id),
                           .name = ModelName(name),
                           .id = name,
                           .licence = "MIT",
                           .context = static_cast<Tokens>(dice.below(3) * 4'000),
                           .tools = dice.coin(),
                           .images = dice.coin(),
                           .audio = dice.coin(),
                           .pdf = dice.coin(),
                           .ground = dice.coin(80) ? provider.ground : grounds[1 + dice.below(2)],
                           .benchmarks = {{"Bench", std::to_string(dice.below(100)), "test"}}};
      parts.models.push_back(model);
      if (!dice.coin(80)) continue;
      catalog::PriceFact price{.provider = ProviderId(id), .model = ModelName(name), .source = "test"};
      price.rates[catalog::Unit::input] = static_cast<std::int64_t>(dice.below(10'000'000));
      parts.prices.push_back(price);
    }
  }
  for (const char* route : {"auto", "fast", "cheap"}) {
    config::Route one{.name = route, .candidates = {}};
    for (std::size_t n = 1 + dice.below(6); n > 0; --n)
      one.candidates.push_back("p" + std::to_string(dice.below(providers)) + "/" + std::string(dice.one_of(models)));
    parts.routes.push_back(one);
  }
  for (std::size_t n = dice.below(5); n > 0; --n) {
    Workload workload{.name = "w" + std::to_string(n)};
    if (dice.coin()) workload.route = dice.one_of(routes);
    workload.objective_kind = dice.one_of(config::all_objectives);
    workload.quality = "Bench";
    workload.weights = {.price = 1, .latency = 1, .quality = 1, .errors = 1};
    workload.cheapest_below_percent = dice.coin() ? 50 : 0;
    if (dice.coin()) workload.match.keys = {"app"};
    if (dice.coin()) workload.match.pii = dice.coin();
    if (dice.coin()) workload.match.tools = dice.coin();
    if (dice.coin(20)) workload.match.pdf = dice.coin();
    if (dice.coin(20)) workload.match.min_difficulty_percent = static_cast<std::int64_t>(dice.below(100));
    if (dice.coin(20)) workload.match.max_difficulty_percent = static_cast<std::int64_t>(dice.below(100));
    if (dice.coin(30)) workload.best_from_difficulty_percent = static_cast<std::int64_t>(1 + dice.below(100));
    if (dice.coin()) workload.canary.target = "p" + std::to_string(dice.below(providers)) + "/" + dice.one_of(models);
    if (dice.coin()) workload.shadow.target = "p" + std::to_string(dice.below(providers)) + "/a";
    config::WorkloadRequire& require = workload.require;
    if (dice.coin()) require.data_class_value = static_cast<DataClass>(dice.below(3));
    if (dice.coin(20)) require.grounds = {std::string(catalog::name(dice.one_of(grounds)))};
    if (dice.coin(20)) require.regions = {"eu"};
    if (dice.coin(20)) require.min_context = 4'000;
    if (dice.coin(20)) require.most_input = Money::pico(1'000'000'000'000);
    if (dice.coin(30)) require.max_first_token_ms = 500;
    if (dice.coin(30)) require.max_error_percent = 20;
    parts.workloads.push_back(workload);
  }
  return parts;
}

TEST(Policy, A_restricted_request_never_leaves_self_hosted_grounds_whatever_fails) {
  int restricted_plans = 0;
  int asked_at_home = 0;
  int asked_elsewhere = 0;
  int nobody = 0;
  int canaries = 0;
  int shadows = 0;
  int moved_by_affinity = 0;
  int rests_of_cascades = 0;
  std::int64_t moment = 0;
  Affinity affinity;
  for (unsigned seed = 1; seed <= policies; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    const config::Snapshot snapshot(random_parts(dice));
    for (int n = 0; n < requests_of_each; ++n) {
      const Signals signals{.pii = dice.coin()};
      const bool tools = dice.coin(20);
      const bool pdf = dice.coin(20);
      const double difficulty = static_cast<double>(dice.below(100)) / 100;
      const std::string model = dice.one_of(asked);
      const WorkloadQuestion which{.key_name = dice.coin() ? "app" : "other",
                                   .model = model,
                                   .has_tools = tools,
                                   .has_pdf = pdf,
                                   .signals = [&]() -> const Signals& { return signals; },
                                   .difficulty = [&] { return difficulty; }};
      const Workload* workload = workload_of(which, snapshot.workloads());
      constexpr std::string_view headers[] = {"public", "internal", "restricted"};
      GuardQuestion who{.key_class = static_cast<DataClass>(dice.below(3))};
      if (dice.coin()) who.header_class = dice.one_of(headers);
      if (workload) who.workload_class = workload->require.data_class_value;
      const auto verdict = guard(who);
      ASSERT_TRUE(verdict.has_value());
      // Of one's own reckoning, not the verdict's.
      const bool restricted = who.key_class == DataClass::restricted || who.header_class == "restricted" ||
                              who.workload_class == DataClass::restricted;
      // Some targets are ill, slow or starting, anew for each plan.
      const auto ill = [&](std::string_view) {
        return TargetState{.kind = static_cast<TargetState::Kind>(dice.below(4)), .again_in = std::chrono::seconds(1)};
      };
      const auto speed = [&](std::string_view) {
        return TargetSpeed{.first_token_us = static_cast<std::int64_t>(dice.below(1'000'000)),
                           .token_ns = 1'000,
                           .error_share = static_cast<double>(dice.below(100)) / 100,
                           .calls = 1};
      };
      const auto engine = [&](const ProviderId&) { return static_cast<EngineState>(dice.below(4)); };
      // The client's model, and what limits may send it down to.
      for (const std::string& name : {model, std::string("cheap"), std::string("p0/a"), std::string("a")}) {
        const RouteQuestion question{.model = name,
                                     .has_tools = tools,
                                     .has_images = dice.coin(10),
                                     .has_audio = dice.coin(10),
                                     .has_pdf = pdf,
                                     .max_output_tokens = static_cast<Tokens>(dice.below(5'000)),
                                     .budgeted = dice.coin(20),
                                     .when = *catalog::parse_date("2026-11-28"),
                                     .workload = workload,
                                     .keeps_name = name != model,
                                     .expected_input_tokens = 100,
                                     .most_input_tokens = 200,
                                     .budget_left_percent = static_cast<int>(dice.below(101)),
                                     .difficulty = difficulty};
        auto plan = survey(question, *verdict, snapshot, engine, ill, speed);
        if (!plan) continue;
        if (plan->canary) {
          ++canaries;
          put_canary_first(*plan);
        }
        if (plan->shadow) {
          ++shadows;
          plan->attempts.push_back(*plan->shadow);  // asked as well
        }
        // As the request's way has it: affinity comes last, and what it moves stays among those of the plan.
        if (plan->attempts.size() > 1 && dice.coin()) {
          const config::Candidate* first = plan->attempts.front().candidate;
          const auto at = Affinity::TimePoint(std::chrono::seconds(++moment));
          Placement placement = affinity.arrange(plan->attempts, session_key(model, 1'000, "tenant"), at);
          if (plan->attempts.front().candidate != first) ++moved_by_affinity;
          placement.end();
        }
        // Whoever fails a check is followed by those after it, who go through the same look.
        if (plan->attempts.size() > 1) {
          ++rests_of_cascades;
          const std::vector<Attempt> rest(plan->attempts.begin() + 1, plan->attempts.end());
          plan->attempts.insert(plan->attempts.end(), rest.begin(), rest.end());
        }
        if (restricted) ++restricted_plans;
        if (plan->attempts.empty()) ++nobody;
        for (const Attempt& attempt : plan->attempts) {
          if (restricted) {
            ASSERT_EQ(attempt.candidate->ground, Ground::self_hosted) << attempt.candidate->name << " for " << name;
            ASSERT_EQ(attempt.provider().ground, Ground::self_hosted) << attempt.candidate->name << " for " << name;
          }
          ++(attempt.ground() == Ground::self_hosted ? asked_at_home : asked_elsewhere);
          if (workload) {
            ASSERT_FALSE(config::first_unmet(*workload, *attempt.candidate, *catalog::parse_date("2026-11-28")))
                << attempt.candidate->name << " for " << name;
          }
        }
      }
    }
  }
  // The dice have been everywhere.
  EXPECT_GT(restricted_plans, 1'000);
  EXPECT_GT(asked_at_home, 1'000);
  EXPECT_GT(asked_elsewhere, 1'000);
  EXPECT_GT(nobody, 1'000);
  EXPECT_GT(canaries, 500);
  EXPECT_GT(shadows, 500);
  EXPECT_GT(moved_by_affinity, 100);
  EXPECT_GT(rests_of_cascades, 1'000);
}

}  // namespace
}  // namespace sluice::gateway
