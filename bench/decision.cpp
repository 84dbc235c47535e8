// What a decision costs: `bench_decision [ROUNDS]` (20,000 unless told) finds a request's workload and plans it, on one
// core, with 10 workloads of which the last fits, and 8 candidates that each have exact prices with a tier and an hour;
// each workload goes by another objective. Beside it the difficulty score of a request. Prints one line of JSON.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "config/snapshot.h"
#include "difficulty/features.h"
#include "difficulty/model.h"
#include "gateway/guard/guard.h"
#include "gateway/route/attachments.h"
#include "gateway/route/route.h"
#include "gateway/route/signals.h"
#include "gateway/route/workload.h"
#include "json/json.h"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

constexpr int workloads = 10;
constexpr int targets = 8;

config::Snapshot::Parts parts() {
  config::Snapshot::Parts parts;
  config::Route route{.name = "auto", .candidates = {}};
  for (int i = 0; i < targets; ++i) {
    const std::string id = "p" + std::to_string(i);
    parts.providers.push_back({.id = ProviderId(id),
                               .dialect = chat::DialectId::openai_chat,
                               .ground = catalog::Ground::hosted_open,
                               .region = "eu-west-1",
                               .enabled = true});
    parts.models.push_back({.provider = ProviderId(id),
                            .name = ModelName("m"),
                            .id = "m" + std::to_string(i),
                            .licence = "MIT",
                            .context = 128'000,
                            .tools = true,
                            .ground = catalog::Ground::hosted_open,
                            .benchmarks = {{"Bench", std::to_string(40 + i), "bench"}}});
    catalog::PriceFact price{.provider = ProviderId(id), .model = ModelName("m"), .source = "bench"};
    price.rates[catalog::Unit::input] = 1'000'000 + 100'000 * ((i * 5) % targets);
    price.rates[catalog::Unit::output] = 4'000'000 + 100'000 * ((i * 3) % targets);
    catalog::PriceFact night = price;
    night.window = catalog::parse_window("16:30-00:30");
    price.tiers.push_back({.prompt_tokens = 64'000, .rates = price.rates});
    parts.prices.push_back(std::move(price));
    parts.prices.push_back(std::move(night));
    route.candidates.push_back(id + "/m");
  }
  parts.routes.push_back(std::move(route));
  constexpr config::Objective objectives[] = {config::Objective::cheapest, config::Objective::fastest,
                                              config::Objective::best, config::Objective::weighted};
  for (int i = 0; i < workloads; ++i) {
    config::Workload workload{.name = "w" + std::to_string(i), .quality = "Bench"};
    workload.objective_kind = objectives[i % 4];
    workload.weights = {.price = 50, .latency = 30, .quality = 15, .errors = 5};
    workload.match.keys = {"app-" + std::to_string(i)};
    workload.match.headers = {{"x-app", {"letters"}}};
    workload.require.regions = {"eu"};
    workload.require.min_context = 32'000;
    workload.require.least_quality = 30;
    workload.require.max_first_token_ms = 5'000;
    parts.workloads.push_back(std::move(workload));
  }
  return parts;
}

double microseconds_each(Clock::duration took, int rounds) {
  return std::chrono::duration<double, std::micro>(took).count() / rounds;
}

}  // namespace

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::atoi(arguments[1]) : 20'000;
  const config::Snapshot snapshot(parts());
  const auto verdict = gateway::guard({.key_class = DataClass::internal});
  if (!verdict || rounds < 1) return 1;
  const gateway::Signals none;
  const auto speed = [](std::string_view target) {
    return gateway::TargetSpeed{.first_token_us = 200'000 + 1'000 * (target[1] - '0'), .token_ns = 20'000, .calls = 9};
  };
  const auto engine = [](const ProviderId&) { return gateway::EngineState::absent; };
  const auto decide = [&](int round) -> std::size_t {
    const std::string key = "app-" + std::to_string(workloads - 1 - round % 4);  // one of the last four, by objective
    const gateway::WorkloadQuestion which{.key_name = key,
                                          .model = "auto",
                                          .path = "/v1/chat/completions",
                                          .header =
                                              [](std::string_view name) {
                                                return name == "x-app" ? std::optional<std::string_view>("letters")
                                                                       : std::nullopt;
                                              },
                                          .prompt_tokens = 1'000,
                                          .signals = [&]() -> const gateway::Signals& { return none; }};
    const config::Workload* workload = gateway::workload_of(which, snapshot.workloads());
    const auto plan = gateway::route({.model = "auto",
                                      .when = catalog::Moment(std::chrono::seconds(1'795'000'000)),
                                      .workload = workload,
                                      .expected_input_tokens = 1'000,
                                      .most_input_tokens = 2'000},
                                     *verdict, snapshot, engine, {}, speed);
    return plan && workload ? plan->attempts.size() : 0;
  };
  if (decide(0) != targets) {
    std::cerr << "bench_decision: not all candidates are eligible\n";
    return 1;
  }
  std::size_t attempts = 0;
  const auto began = Clock::now();
  for (int i = 0; i < rounds; ++i) attempts += decide(i);
  const auto decided = Clock::now();

  difficulty::Model model;
  for (std::size_t i = 0; i < model.word.size(); ++i) model.word[i] = 0.001 * static_cast<double>(i % 7);
  std::string text;
  while (text.size() < difficulty::most_text_bytes) text += "Why does water boil at 100 degrees, and where not? ";
  double sum = 0;
  const auto score = [&](std::string_view of) {
    return model.score(difficulty::features_of({.text = of, .prompt_bytes = of.size(), .turns = 1, .language = "en"}));
  };
  const auto long_began = Clock::now();
  for (int i = 0; i < rounds; ++i) sum += score(text);
  const auto short_began = Clock::now();
  for (int i = 0; i < rounds; ++i) sum += score(std::string_view(text).substr(0, 200));
  const auto ended = Clock::now();

  std::string body;
  json::Writer request(body);
  request.begin_object().key("messages").begin_array().begin_object();
  request.member("role", "user").member("content", text).end_object().end_array().end_object();
  const auto parsed = json::Document::parse(body);
  if (!parsed) return 1;
  const auto whole_began = Clock::now();
  std::size_t bytes = 0;
  for (int i = 0; i < rounds; ++i) {
    const gateway::Signals signals = gateway::read_signals(parsed->root());
    const std::string newest = gateway::newest_text(parsed->root(), gateway::most_signal_bytes);
    bytes += signals.bytes;
    sum += score(newest);
  }
  const auto whole_ended = Clock::now();
  std::string talk = R"({"messages":[)";
  for (int i = 0; i < 100; ++i)
    talk +=
        std::string(i > 0 ? "," : "") + R"({"role":"user","content":[{"type":"text","text":"How does water boil?"}]})";
  talk += "]}";
  const auto turns = json::Document::parse(talk);
  if (!turns) return 1;
  const auto talk_began = Clock::now();
  int attached = 0;
  for (int i = 0; i < rounds; ++i) attached += gateway::read_attachments(turns->root()).pdf ? 1 : 0;
  const auto talk_ended = Clock::now();

  std::string out;
  json::Writer w(out);
  w.begin_object().member("workloads", workloads).member("targets", targets).member("rounds", rounds);
  w.key("decision_us").number(microseconds_each(decided - began, rounds));
  w.key("difficulty_200_bytes_us").number(microseconds_each(ended - short_began, rounds));
  w.key("difficulty_4_kib_us").number(microseconds_each(short_began - long_began, rounds));
  w.key("signals_and_difficulty_4_kib_us").number(microseconds_each(whole_ended - whole_began, rounds));
  w.key("attachments_100_turns_us").number(microseconds_each(talk_ended - talk_began, rounds));
  w.end_object();
  std::cout << out << '\n';
  return attempts > 0 && sum > 0 && bytes > 0 && attached == 0 ? 0 : 1;
}
