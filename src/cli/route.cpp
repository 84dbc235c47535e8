// `sluice route explain MODEL`: where a request would go and why, where not and why not. Calls no provider: it runs the
// same pure functions as the server, over the configuration and environment of this shell. Who is left alone because
// its calls fail it learns from the server that runs on the data directory; without one everybody is well. An engine of
// Sluice's own counts as ready, which the output says.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "cli/connection.h"
#include "cli/data_store.h"
#include "cli/load_config.h"
#include "cli/probe.h"
#include "cli/verbs.h"
#include "difficulty/features.h"
#include "gateway/guard/guard.h"
#include "gateway/route/explain.h"
#include "gateway/route/route.h"
#include "gateway/route/workload.h"
#include "json/json.h"

namespace sluice::cli {
namespace {

std::vector<std::string> dialect_names() {
  std::vector<std::string> names;
  for (const chat::DialectId id : chat::all_dialects) names.emplace_back(name(id));
  return names;
}

// As the running server sees them; empty when there is none, or it does not answer.
struct Running {
  std::map<std::string, gateway::TargetState, std::less<>> targets;
  std::map<std::string, gateway::TargetSpeed, std::less<>> speeds;
};

Running running_targets(const Invocation& invocation) {
  using Kind = gateway::TargetState::Kind;
  Running running;
  const std::optional<ServeFile> server = read_serve_file(invocation.data_dir);
  const Result<Page> page = server ? fetch_page(server->url, "/health/targets") : fail(ErrorKind::not_found, "");
  const auto parsed = page && page->status == 200 ? json::Document::parse(page->body) : fail(ErrorKind::not_found, "");
  if (!parsed) return running;
  for (const json::Value& one : parsed->root()["targets"].elements()) {
    gateway::TargetState state{.again_in = std::chrono::milliseconds(one["again_in_ms"].integer().value_or(0))};
    for (const Kind kind : {Kind::half_open, Kind::resting, Kind::open})
      if (one["state"].string() == name(kind)) state.kind = kind;
    running.targets.emplace(one["target"].string().value_or(""), state);
  }
  for (const json::Value& one : parsed->root()["speeds"].elements())
    running.speeds.emplace(one["target"].string().value_or(""),
                           gateway::TargetSpeed{.first_token_us = one["first_token_us"].integer().value_or(-1),
                                                .token_ns = one["token_ns"].integer().value_or(-1),
                                                .error_share = one["error_share"].number().value_or(0),
                                                .calls = one["calls"].integer().value_or(0)});
  return running;
}

struct ExplainFlags {
  std::string model;
  std::string data_class;
  std::string dialect = "openai_chat";
  bool tools = false;
  bool images = false;
  bool audio = false;
  bool pdf = false;
  bool prefill = false;
  std::int64_t tokens = 0;
  std::int64_t max_tokens = 0;
  std::string key;
  std::string path = "/v1/chat/completions";
  std::vector<std::string> headers;
  std::string tags;
  std::string prompt;
  std::string config;
};

// One message of the user, as a body in the form that signals are read from.
Result<json::Document> body_of(const std::string& prompt) {
  std::string body;
  json::Writer w(body);
  w.begin_object().key("messages").begin_array().begin_object().member("role", "user").member("content", prompt);
  w.end_object().end_array().end_object();
  return json::Document::parse(body);
}

// The value of a header that `--header name=value` has given.
std::optional<std::string_view> header_in(const std::vector<std::string>& headers, std::string_view name) {
  for (const std::string_view one : headers) {
    const std::size_t mark = std::min(one.find('='), one.size());
    const auto same = [](char a, char b) { return ascii_lower(a) == b; };
    if (std::ranges::equal(one.substr(0, mark), name, same)) return one.substr(std::min(mark + 1, one.size()));
  }
  return std::nullopt;
}

Result<int> explain(const ExplainFlags& flags, Invocation& invocation) {
  TRY(const auto snapshot, load_snapshot(flags.config, invocation));
  gateway::GuardQuestion who;
  gateway::WorkloadQuestion which{.model = flags.model,
                                  .path = flags.path,
                                  .has_tools = flags.tools,
                                  .has_images = flags.images,
                                  .has_audio = flags.audio,
                                  .has_pdf = flags.pdf};
  gateway::RouteQuestion what{.model = flags.model,
                              .has_tools = flags.tools,
                              .has_images = flags.images,
                              .has_audio = flags.audio,
                              .has_pdf = flags.pdf,
                              .has_prefill = flags.prefill,
                              .input_tokens = flags.tokens,
                              .max_output_tokens = flags.max_tokens,
                              .when = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
  what.dialect = chat::dialect_from_name(flags.dialect).value_or(chat::DialectId::openai_chat);
  store::KeyReport report;
  if (!flags.key.empty()) {
    TRY(store::Store store, open_store(invocation, IfMissing::refuse));
    TRY(report, find_key(store, flags.key));
    if (report.damaged)
      return fail(ErrorKind::invalid_request,
                  fmt::format("the key {} is damaged in the database: nobody comes in with it", report.key.id.str()),
                  "revoke it and make a new one");
    who.key_class = report.key.data_class;
    what.budgeted = report.key.budget.has_value();
  }
  if (!flags.data_class.empty()) who.header_class = flags.data_class;
  which.key_id = report.key.id.str();
  which.key_name = report.key.name;
  which.team = report.key.team;
  const std::string tags = report.key.tags + (report.key.tags.empty() || flags.tags.empty() ? "" : ",") + flags.tags;
  which.tags = tags;
  which.header = [&](std::string_view name) { return header_in(flags.headers, name); };
  which.prompt_tokens = flags.tokens > 0 ? flags.tokens : static_cast<Tokens>((flags.prompt.size() + 3) / 4);
  TRY(const json::Document body, body_of(flags.prompt));
  const gateway::Signals signals = gateway::read_signals(body.root());
  which.signals = [&]() -> const gateway::Signals& { return signals; };
  const difficulty::Model* model = snapshot->difficulty_model();
  const auto score = [&] {
    const std::string text = gateway::newest_text(body.root(), gateway::most_signal_bytes);
    return model->score(difficulty::features_of({.text = text,
                                                 .prompt_bytes = static_cast<std::size_t>(which.prompt_tokens) * 4,
                                                 .turns = signals.turns,
                                                 .language = signals.language,
                                                 .max_output_tokens = flags.max_tokens,
                                                 .code = signals.code,
                                                 .tools = flags.tools,
                                                 .images = flags.images}));
  };
  if (model) which.difficulty = score;
  if (model) what.difficulty = score();
  what.workload = gateway::workload_of(which, snapshot->workloads());
  what.expected_input_tokens = what.most_input_tokens = which.prompt_tokens;
  if (what.workload) who.workload_class = what.workload->require.data_class_value;
  TRY(const gateway::Verdict verdict, gateway::guard(who));
  const auto engines_are_ready = [](const ProviderId&) { return gateway::EngineState::ready; };
  const Running running = running_targets(invocation);
  const auto state_of = [&](std::string_view target) {
    const auto found = running.targets.find(target);
    return found == running.targets.end() ? gateway::TargetState() : found->second;
  };
  const auto speed_of = [&](std::string_view target) {
    const auto found = running.speeds.find(target);
    return found == running.speeds.end() ? gateway::TargetSpeed() : found->second;
  };
  TRY(const gateway::Plan plan, gateway::survey(what, verdict, *snapshot, engines_are_ready, state_of, speed_of));
  std::string text = invocation.json() ? gateway::explain_json(plan) : printable(gateway::explain_text(plan));
  if (!text.ends_with('\n')) text += '\n';
  invocation.console.out << text;
  return exit_ok;
}

}  // namespace

void add_route(CLI::App& root, Invocation& invocation) {
  CLI::App& group = add_group(root, {"route", "See where requests go", "sluice route explain auto"});
  CLI::App& verb = add_verb(group, invocation,
                            {"explain", "Candidates, rejections with their reason, and the choice; calls nobody",
                             "sluice route explain auto --data-class restricted"});
  auto flags = std::make_shared<ExplainFlags>();
  verb.add_option("model", flags->model, "A model's name as a client would send it")->type_name("MODEL")->required();
  one_of(verb.add_option("--data-class", flags->data_class, "As if the request said so"),
         {"public", "internal", "restricted"});
  one_of(verb.add_option("--dialect", flags->dialect, "What the client speaks"), dialect_names());
  verb.add_flag("--tools", flags->tools, "As if it brought tools");
  verb.add_flag("--images", flags->images, "As if it brought images");
  verb.add_flag("--audio", flags->audio, "As if it brought sound");
  verb.add_flag("--pdf", flags->pdf, "As if it brought a PDF document");
  verb.add_flag("--prefill", flags->prefill, "As if its last message were the assistant's");
  whole_number(verb.add_option("--tokens", flags->tokens, "As if its prompt had so many tokens"), 1, most_tokens);
  whole_number(verb.add_option("--max-tokens", flags->max_tokens, "As if it asked for so many"), 1, most_tokens);
  verb.add_option("--key", flags->key, "As if it came with this key")->type_name("ID|NAME");
  verb.add_option("--path", flags->path, "As if it came to this path, for the workload that it belongs to")
      ->type_name("PATH");
  verb.add_option("--header", flags->headers, "As if it had this header; may be said several times")
      ->type_name("NAME=VALUE");
  verb.add_option("--tags", flags->tags, "As if it brought these tags")->type_name("TAG,TAG");
  verb.add_option("--prompt", flags->prompt, "As if the user had written this")->type_name("TEXT");
  add_config_flag(verb, flags->config);
  on_selected(verb, invocation, flags, explain);
  add_route_replay(group, invocation);
  add_route_train(group, invocation);
  add_route_workloads(group, invocation);
}

}  // namespace sluice::cli
