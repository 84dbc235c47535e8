#include "gateway/listen/listen.h"

#include <algorithm>
#include <array>

#include "async/scope.h"
#include "base/query.h"
#include "dialects/resources/resources.h"
#include "gateway/authenticate/authenticate.h"
#include "gateway/exchange.h"
#include "gateway/listen/models.h"
#include "gateway/listen/responses_socket.h"

namespace sluice::gateway {
namespace {

using dialects::DialectId;

// Google names a model and what is asked of it in the path: /v1beta/models/gemini-3-pro:generateContent.
struct ModelPath {
  std::string_view model;  // as it stands there
  std::string_view verb;   // empty when there is none
};

// Whichever version of Google's API a caller names: its provider is asked in the one of its base URL.
constexpr std::string_view upload_paths[] = {"/upload/v1beta", "/upload/v1alpha", "/upload/v1"};

bool names_google_version(std::string_view path) {
  return path.starts_with("/v1beta/") || path.starts_with("/v1alpha/");
}

// Empty for other paths.
std::string_view below_uploads(std::string_view path) {
  for (const std::string_view prefix : upload_paths)
    if (path.starts_with(prefix) && path.substr(prefix.size()).starts_with('/')) return path.substr(prefix.size());
  return {};
}

std::optional<DialectId> gemini_call(std::string_view verb) {
  if (verb == "generateContent" || verb == "streamGenerateContent") return DialectId::gemini;
  if (verb == "countTokens") return DialectId::gemini_count_tokens;
  if (verb == "embedContent") return DialectId::gemini_embed;
  if (verb == "batchEmbedContents") return DialectId::gemini_batch_embed;
  return std::nullopt;
}

bool is_known_method(std::string_view verb) { return gemini_call(verb) || dialects::gemini_batch_call(verb); }

// Empty for other paths. The verb follows the last colon: models have colons too. A name with a slash also stands
// without `models/`: the Vercel AI SDK takes it for a whole resource name.
std::optional<ModelPath> model_path(std::string_view path) {
  for (const std::string_view prefix : {"/v1beta/models/", "/v1alpha/models/", "/v1/models/", "/models/",
                                        "/openai/models/", "/v1beta/", "/v1alpha/", "/v1/"}) {
    if (!path.starts_with(prefix)) continue;
    const std::string_view rest = path.substr(prefix.size());
    if (prefix == "/v1/" && !rest.starts_with("tunedModels/")) continue;
    const std::size_t colon = rest.rfind(':');
    const std::string_view verb = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    if (is_known_method(verb)) return ModelPath{rest.substr(0, colon), verb};
    if (prefix.ends_with("/models/")) return ModelPath{rest, {}};
  }
  return std::nullopt;
}

bool asks_for_events(std::string_view query) {
  while (const auto one = take_parameter(query))
    if (one->value == "sse" && (one->name == "alt" || one->name == "$alt" || one->name == "%24alt")) return true;
  return false;
}

// Clients of Azure OpenAI write /openai/deployments/NAME/chat/completions.
constexpr std::string_view azure_deployments = "/openai/deployments/";

// Null for other paths. It is the model of a body that names none.
std::unique_ptr<dialects::RequestTarget> deployment_of(std::string_view path) {
  if (!path.starts_with(azure_deployments)) return nullptr;
  path.remove_prefix(azure_deployments.size());
  const std::string_view name = path.substr(0, path.find('/'));
  auto target = std::make_unique<dialects::RequestTarget>();
  target->model = decode_model_id(name).value_or(std::string(name));
  return target;
}

// A base URL may end in /anthropic, /openai or /gemini, as it does with other gateways.
std::string_view without_prefix(std::string_view path) {
  if (path.starts_with(azure_deployments)) {
    const std::size_t end = path.find('/', azure_deployments.size());
    return end == std::string_view::npos ? path : path.substr(end);
  }
  for (const std::string_view prefix : {"/anthropic", "/openai", "/gemini"}) {
    if (!path.starts_with(prefix)) continue;
    const std::string_view rest = path.substr(prefix.size());
    if (rest.starts_with("/v1/") || names_google_version(rest) || rest == "/api/hello" || !below_uploads(rest).empty())
      return rest;
  }
  return path;
}

// What a caller understands, guessed from what only Anthropic's or Google's clients send; used where the path does not
// tell.
DialectId dialect_of(const http::RequestHead& head) {
  const std::string_view path = without_prefix(head.path);
  const auto asked = model_path(path);
  // A list of models has the same path everywhere, and Google's clients are not all of Google's making.
  const bool models = path == "/v1/models" || path.starts_with("/v1/models/");
  const bool google_models =
      models && !head.get("anthropic-version") && (head.get("x-goog-api-key") || head.path.starts_with("/gemini/"));
  const bool kept = std::ranges::any_of(std::array<std::string_view, 2>{"/v1/files", "/v1/batches"}, [&](auto one) {
    return path.starts_with(one) && (path.size() == one.size() || path[one.size()] == '/');
  });
  const bool google_kept =
      kept && !head.get("anthropic-version") && (head.get("x-goog-api-key") || head.path.starts_with("/gemini/"));
  const bool method = asked && (!asked->verb.empty() || (head.method == "POST" && asked->model.contains(':')));
  if (names_google_version(path) || !below_uploads(path).empty() || path.starts_with("/v1/cachedContents") ||
      path.starts_with("/v1/tunedModels") || method || head.get("x-goog-api-client") || google_models || google_kept)
    return DialectId::gemini;
  const bool anthropic =
      head.get("anthropic-version") || path.starts_with("/v1/messages") || head.path.starts_with("/anthropic/");
  return anthropic ? DialectId::anthropic_messages : DialectId::openai_chat;
}

// The calls of OpenAI's API that carry their model in the body, below /v1 or without it.
struct ModelCall {
  std::string_view path;
  DialectId dialect;
};
constexpr ModelCall model_calls[] = {
    {"/chat/completions", DialectId::openai_chat},
    {"/responses", DialectId::openai_responses},
    {"/responses/input_tokens", DialectId::openai_input_tokens},
    {"/responses/compact", DialectId::openai_compact},
    {"/embeddings", DialectId::openai_embeddings},
    {"/completions", DialectId::openai_completions},
    {"/moderations", DialectId::openai_moderations},
    {"/audio/speech", DialectId::openai_speech},
    {"/audio/transcriptions", DialectId::openai_transcriptions},
    {"/audio/translations", DialectId::openai_translations},
    {"/images/generations", DialectId::openai_images},
    {"/images/edits", DialectId::openai_image_edits},
    {"/images/variations", DialectId::openai_image_variations},
    {"/rerank", DialectId::rerank},
};

constexpr std::string_view model_lists[] = {"/v1/models", "/models", "/openai/models", "/v1beta/models",
                                            "/v1alpha/models"};

// Where Azure's clients have the calls that name no deployment: /openai/responses, /openai/files.
constexpr std::string_view azure_root = "/openai";

bool is_below_azure(std::string_view path) {
  return path.starts_with(azure_root) && path.substr(azure_root.size()).starts_with('/');
}

// Null for other paths. Cohere's rerank is at /v2, with the same body.
const ModelCall* model_call(std::string_view path) {
  if (path.starts_with("/v1/") || path == "/v2/rerank")
    path.remove_prefix(3);
  else if (is_below_azure(path))
    path.remove_prefix(azure_root.size());
  const auto found = std::ranges::find(model_calls, path, &ModelCall::path);
  return found == std::end(model_calls) ? nullptr : found;
}

struct KeptCall {
  DialectId dialect;
  dialects::ResourceCall call;
  std::string model;  // in the path, decoded; of a call that is a method of one
};

// What providers keep for their clients. Three vendors have /v1/files; what only their clients say tells them apart.
std::optional<KeptCall> resource_call(const http::RequestHead& head, std::string_view path, DialectId caller) {
  const auto of = [](DialectId dialect, std::optional<dialects::ResourceCall> call) {
    return call ? std::optional(KeptCall{dialect, *std::move(call), {}}) : std::nullopt;
  };
  if (const auto asked = model_path(path); asked && head.method == "POST")
    if (auto call = dialects::gemini_batch_call(asked->verb))
      return KeptCall{DialectId::gemini_resources, *std::move(call),
                      decode_model_id(asked->model).value_or(std::string(asked->model))};
  if (const std::string_view upload = below_uploads(path); !upload.empty())
    return of(DialectId::gemini_resources, dialects::gemini_upload_call(head.method, upload));
  for (const std::string_view version : {"/v1beta", "/v1alpha", "/v1"}) {
    if (!path.starts_with(version)) continue;
    const std::string_view rest = path.substr(version.size());
    const bool of_google =
        rest.starts_with("/files") || rest.starts_with("/batches") || rest.starts_with("/tunedModels");
    if (rest.starts_with("/cachedContents") || (caller == DialectId::gemini && of_google))
      return of(DialectId::gemini_resources, dialects::gemini_resource_call(head.method, rest));
  }
  if (!path.starts_with("/v1/") && !is_below_azure(path)) return std::nullopt;
  path.remove_prefix(path.starts_with("/v1/") ? 3 : azure_root.size());
  return caller == DialectId::anthropic_messages
             ? of(DialectId::anthropic_resources, dialects::anthropic_resource_call(head.method, path))
             : of(DialectId::openai_resources, dialects::openai_resource_call(head.method, path));
}

constexpr std::string_view json_type = "application/json";

}  // namespace

// No coroutine: its frame would have room for each of these, for as long as a request runs.
async::Task<> Listen::handle(http::Exchange& exchange) {
  const http::RequestHead& head = exchange.head();
  if (http::Handler* other = gateway_.beside ? gateway_.beside(head.path) : nullptr) return other->handle(exchange);
  const std::string_view path = without_prefix(head.path);
  const bool get = head.method == "GET" || head.method == "HEAD";
  const bool post = head.method == "POST";
  // The table of paths. A new endpoint is a line here.
  std::string_view allow = "GET, HEAD";
  const ModelCall* of_model = model_call(path);
  if (auto call = of_model && post ? std::nullopt : resource_call(head, path, dialect_of(head))) {
    auto target = std::make_unique<dialects::RequestTarget>();
    target->resource = std::move(call->call);
    target->model = std::move(call->model);
    target->query = head.query;
    return chat(exchange, call->dialect, std::move(target));
  }
  if (of_model && of_model->dialect == DialectId::openai_responses && get && http::asks_for_websocket(head))
    return responses_socket(exchange);
  if (of_model) {
    if (post) return chat(exchange, of_model->dialect, deployment_of(head.path));
    allow = "POST";
  } else if (path == "/v1/messages") {
    if (post) return chat(exchange, DialectId::anthropic_messages);
    allow = "POST";
  } else if (path == "/v1/messages/count_tokens") {
    if (post) return chat(exchange, DialectId::anthropic_count_tokens);
    allow = "POST";
  } else if (const auto asked = model_path(path); asked && !asked->verb.empty()) {
    const bool stream = asked->verb == "streamGenerateContent";
    if (post) {
      auto target = std::make_unique<dialects::RequestTarget>(
          dialects::RequestTarget{.model = decode_model_id(asked->model).value_or(std::string(asked->model)),
                                  .stream = stream,
                                  .json_array = stream && !asks_for_events(head.query)});
      return chat(exchange, *gemini_call(asked->verb), std::move(target));
    }
    allow = "POST";
  } else if (asked && post && asked->model.contains(':')) {  // a method in Google's API, and none that is known
    return refuse(exchange, {.kind = ErrorKind::not_found,
                             .message = "there is no such method at " + std::string(head.path),
                             .hint = "a model has the methods :generateContent, :streamGenerateContent, :countTokens, "
                                     ":embedContent, :batchEmbedContents, :batchGenerateContent and "
                                     ":asyncBatchEmbedContent",
                             .code = "unknown_path"});
  } else if (asked) {
    if (get) return models(exchange, asked->model);
  } else if (std::ranges::find(model_lists, path) != std::end(model_lists)) {
    if (get) return models(exchange, {});
  } else if (path == "/health/live") {
    if (get) return live(exchange);
  } else if (path == "/health/ready") {
    if (get) return ready(exchange);
  } else if (path == "/health/targets") {
    if (get) return targets(exchange);
  } else if (path == "/metrics") {
    if (get) return metrics(exchange);
  } else if (get && (path == "/" || path == "/api/hello")) {
    return live(exchange);  // clients look whether somebody is there
  } else {
    return refuse(exchange,
                  {.kind = ErrorKind::not_found,
                   .message = "there is nothing at " + std::string(head.path),
                   .hint = "POST /v1/chat/completions or /v1/responses (OpenAI), POST /v1/messages (Anthropic), POST "
                           "/v1beta/models/MODEL:generateContent (Gemini), GET /v1/models",
                   .code = "unknown_path"});
  }
  return refuse(exchange,
                {.kind = ErrorKind::method_not_allowed,
                 .message = std::string(head.method) + " is not supported at " + std::string(head.path),
                 .hint = "use " + std::string(allow)},
                allow);
}

async::Task<> Listen::chat(http::Exchange& client, DialectId dialect, std::unique_ptr<dialects::RequestTarget> target) {
  Exchange exchange(gateway_, client, gateway_.dialects.get(dialect), std::move(target));
  co_await exchange.run();
}

// One request after the other, each with a key that is good when it comes.
async::Task<> Listen::responses_socket(http::Exchange& client) {
  constexpr std::chrono::minutes longest_life{60};  // as long as OpenAI's
  const Result<store::Principal> principal = co_await authenticate(client.head(), gateway_.store, gateway_.reactor,
                                                                   client.client_gone(), gateway_.time.unix_us());
  if (!principal) co_return co_await refuse(client, principal.error());
  Result<std::unique_ptr<http::WebSocket>> opened = co_await client.upgrade();
  if (!opened) co_return co_await refuse(client, opened.error());
  http::WebSocket& socket = **opened;
  const dialects::Dialect& dialect = gateway_.dialects.get(DialectId::openai_responses);
  const auto error_event = [&](Error error) {
    const dialects::ErrorBody told = dialect.encode_error(error, "");
    return socket_error(told.status, told.body);
  };
  const std::string busy = error_event({.kind = ErrorKind::invalid_request,
                                        .message = "a response is being generated on this connection",
                                        .hint = "wait for its end, or open another connection",
                                        .code = "response_in_progress"});
  const async::TimePoint end = gateway_.reactor.now() + longest_life;
  SocketMemory memory(static_cast<std::size_t>(gateway_.snapshots.load()->server().max_body_bytes));
  while (std::optional<std::string> message = co_await socket.receive(end)) {
    Result<std::string> stream_id = stream_id_of(*message);
    Result<SocketRequest> request = read_message(*message, memory);
    message.reset();
    if (!stream_id) request = std::unexpected(stream_id.error());
    const std::string lane = stream_id.value_or("");
    if (!request) {
      const std::string event = in_stream(error_event(std::move(request).error()), lane);
      (void)co_await socket.send(event);
      continue;
    }
    SocketExchange one(client.head(), socket, memory, std::move(request->body), lane);
    if (!request->generate) {
      // Nobody is asked, so there is nothing to record; but who may not ask may not prepare either.
      const std::int64_t now_us = gateway_.time.unix_us();
      const Result<store::Principal> still =
          co_await authenticate(client.head(), gateway_.store, gateway_.reactor, client.client_gone(), now_us);
      const std::string events =
          still ? prepared_response(dialect, one.body(), gateway_.ids.next(now_us / 1000), now_us / 1'000'000)
                : std::string();
      const std::string refusal = still ? std::string() : in_stream(error_event(still.error()), lane);
      if (still)
        (void)co_await one.write(events);
      else
        (void)co_await socket.send(refusal);
      continue;
    }
    async::Scope reading;
    reading.spawn([](http::WebSocket* watched, std::string answer, const bool* answered,
                     async::Cancel* gone) { return watched->watch(std::move(answer), *answered, *gone); },
                  &socket, busy, &one.answered(), &one.client_gone());
    Exchange exchange(gateway_, one, dialect);
    exchange.goes_on_from(memory.class_of_past());
    co_await exchange.run();
    memory.was_of(exchange.data_class());
    co_await socket.settle();
  }
  if (socket.closed()) co_return;
  const std::string event = error_event({.kind = ErrorKind::invalid_request,
                                         .message = "the connection has been open for 60 minutes",
                                         .hint = "open another one",
                                         .code = "websocket_connection_limit_reached"});
  (void)co_await socket.send(event);
  co_await socket.close(http::WebSocketClose::going_away, "the connection has been open for 60 minutes");
}

async::Task<> Listen::models(http::Exchange& exchange, std::string_view wanted) {
  const std::int64_t now_us = gateway_.time.unix_us();
  const Result<store::Principal> principal =
      co_await authenticate(exchange.head(), gateway_.store, gateway_.reactor, exchange.client_gone(), now_us);
  if (!principal) co_return co_await refuse(exchange, principal.error());
  const DialectId dialect = dialect_of(exchange.head());
  const auto snapshot = gateway_.snapshots.load();
  constexpr std::int64_t created = 1'767'225'600;  // 2026-01-01: the field is required and nobody knows better
  const std::optional<std::string> id = decode_model_id(wanted);
  std::string page;
  if (wanted.empty()) {
    const Result<ModelList> list = page_of(list_models(*snapshot), dialect, exchange.head().query);
    if (!list) co_return co_await refuse(exchange, list.error());
    page = models_page(*list, dialect, created);
  } else if (const auto one = id ? find_model(*snapshot, *id) : std::nullopt) {
    page = model_page(*one, dialect, created);
  } else {
    co_return co_await refuse(exchange, {.kind = ErrorKind::not_found,
                                         .message = "there is no model '" + id.value_or(std::string(wanted)) + "'",
                                         .hint = "GET /v1/models lists them",
                                         .code = "model_not_found"});
  }
  http::Headers headers{{"content-type", std::string(json_type)}};
  headers.set("x-sluice-request-id", "req_" + gateway_.ids.next(now_us / 1000));
  headers.set(gateway_.dialects.get(dialect).request_id_header(), std::string(*headers.get("x-sluice-request-id")));
  (void)co_await exchange.respond(200, headers, page);
}

async::Task<> Listen::live(http::Exchange& exchange) {
  const http::Headers headers{{"content-type", std::string(json_type)}};
  (void)co_await exchange.respond(200, headers, R"({"status":"live"})");
}

async::Task<> Listen::ready(http::Exchange& exchange) {
  const std::string problem = gateway_.readiness_problem();
  const http::Headers headers{{"content-type", std::string(json_type)}};
  std::string body;
  json::Writer out(body);
  out.begin_object().member("status", problem.empty() ? "ready" : "not ready");
  if (!problem.empty()) out.member("problem", problem);
  // No reason to take this server away: the others have the same store, and what has no limits goes on.
  const std::string limits = gateway_.limits_problem ? gateway_.limits_problem() : "";
  if (!limits.empty()) out.member("limits", limits);
  out.end_object();
  (void)co_await exchange.respond(problem.empty() ? 200 : 503, headers, body);
}

// Who is left alone, and for how long, and how fast who is: `sluice route explain` asks this.
async::Task<> Listen::targets(http::Exchange& exchange) {
  const http::Headers headers{{"content-type", std::string(json_type)}};
  std::string body;
  json::Writer out(body);
  out.begin_object().key("targets").begin_array();
  for (const Health::Report& one : gateway_.health.report(gateway_.reactor.now())) {
    if (one.state.kind == TargetState::Kind::well && one.failures == 0) continue;
    out.begin_object().member("target", one.target).member("state", name(one.state.kind));
    out.member("again_in_ms", one.state.again_in.count()).member("calls", one.calls).member("failures", one.failures);
    out.end_object();
  }
  out.end_array().key("speeds").begin_array();
  for (const Speeds::Report& one : gateway_.speeds.report(gateway_.reactor.now())) {
    out.begin_object().member("target", one.target).member("first_token_us", one.speed.first_token_us);
    out.member("token_ns", one.speed.token_ns).key("error_share").number(one.speed.error_share);
    out.member("calls", one.speed.calls).end_object();
  }
  out.end_array().key("canaries").begin_array();
  for (const Canaries::Report& one : gateway_.canaries.report()) {
    out.begin_object().member("workload", one.workload).member("target", one.target).member("percent", one.percent);
    out.member("rolled_back", one.rolled_back).member("why", one.why);
    for (const auto& [side, counts] : {std::pair("canary", &one.canary), std::pair("others", &one.others)}) {
      out.key(side).begin_object().member("calls", counts->calls).member("failures", counts->failures);
      out.key("mean_ms").number(counts->mean_us() / 1'000).end_object();
    }
    out.end_object();
  }
  out.end_array().key("shadows").begin_array();
  for (const Shadows::Report& one : gateway_.shadows.report()) {
    out.begin_object().member("workload", one.workload).member("target", one.target).member("compared", one.compared);
    out.member("failed", one.failed).member("skipped", one.skipped).member("texts", one.texts);
    out.member("same_text", one.same_text);
    for (const auto& [name, side] : {std::pair("client", &one.client), std::pair("shadow", &one.shadow)}) {
      out.key(name).begin_object().member("cost_usd", store::usd(side->pico)).member("unpriced", side->unpriced);
      out.key("mean_ms").number(one.compared == 0 ? 0 : static_cast<double>(side->us / one.compared) / 1'000);
      out.member("output_tokens", side->output).member("refused", side->refused).member("cut", side->cut);
      out.member("tool_calls", side->tool_calls).end_object();
    }
    out.end_object();
  }
  out.end_array().end_object();
  (void)co_await exchange.respond(200, headers, body);
}

async::Task<> Listen::metrics(http::Exchange& exchange) {
  const http::Headers headers{{"content-type", "text/plain; version=0.0.4; charset=utf-8"}};
  (void)co_await exchange.respond(200, headers, gateway_.metrics_page());
}

async::Task<> Listen::refuse(http::Exchange& exchange, Error error, std::string_view allow) {
  const std::string request_id = "req_" + gateway_.ids.next(gateway_.time.unix_us() / 1000);
  const dialects::Dialect& dialect = gateway_.dialects.get(dialect_of(exchange.head()));
  dialects::ErrorBody body = dialect.encode_error(error, request_id);
  body.headers.set("content-type", std::string(json_type));
  if (!allow.empty()) body.headers.set("allow", std::string(allow));
  add_facts(body.headers, {.request_id = request_id, .id_header = dialect.request_id_header()});
  (void)co_await exchange.respond(body.status, body.headers, body.body);
}

// Nothing is known of the dialect of a head that could not be read.
std::string Listen::malformed(int status, std::string_view message, http::Headers& headers) {
  headers.set("content-type", std::string(json_type));
  std::string body;
  json::Writer out(body);
  out.begin_object().key("error").begin_object();
  out.member("message", message).member("type", "invalid_request_error").key("param").null().key("code").null();
  out.end_object().end_object();
  (void)status;
  return body;
}

}  // namespace sluice::gateway
