#include "gateway/call/call.h"

#include <algorithm>
#include <span>

#include "base/percent.h"
#include "gateway/call/authentication.h"
#include "gateway/call/hosting.h"

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t max_held_bytes = 256 * 1024;       // what may come before a first token: pings, empty deltas
constexpr std::size_t max_error_body_bytes = 64 * 1024;  // more is not an error message but an error
constexpr milliseconds closed_before{1'000};  // a connection that breaks so soon was closed before the request came
constexpr milliseconds longest_pause{5'000};  // a provider that asks for more is not waited for

bool is_json(const http::Headers& headers) {
  return headers.get("content-type").value_or("").find("json") != std::string_view::npos;
}
std::string_view media_type(dialects::Framing framing) {
  return framing == dialects::Framing::sse ? "text/event-stream" : "application/vnd.amazon.eventstream";
}
bool is_event_stream(const http::Headers& headers, dialects::Framing framing) {
  return headers.get("content-type").value_or("").starts_with(media_type(framing));
}

std::string issuer_of(const Attempt& attempt) { return attempt.provider().id.str() + "/" + attempt.model().str(); }

// What a client says in the query is for the provider, but for its key here, the form of stream that the path asks for
// already, and the version of Azure's API, which its own provider is asked with.
std::string query_for_provider(std::string_view query, std::string_view left_out) {
  std::string kept;
  while (!query.empty()) {
    const std::string_view one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    if (!left_out.empty() && one.substr(0, one.find('=')) == left_out) continue;
    if (one.empty() || one.starts_with("key=") || one == "key" || one.starts_with("alt=") || one.starts_with("$alt=") ||
        one.starts_with("api-version="))
      continue;
    kept.append(kept.empty() ? "" : "&").append(one);
  }
  return kept;
}

// Where the provider is; an engine of our own may have moved since the last call.
Result<BaseUrl> place_of(const Gateway& gateway, const catalog::Provider& provider) {
  if (!provider.engine) return provider.base_url;
  std::optional<Endpoint> endpoint = gateway.engines.endpoint(provider.id);
  if (!endpoint)
    return std::unexpected(Error{.kind = ErrorKind::unavailable,
                                 .message = "the engine '" + provider.id.str() + "' is not ready",
                                 .hint = "try again in a few seconds",
                                 .retry = Retry::anywhere,
                                 .retry_after = milliseconds(1'000)});
  return BaseUrl{.endpoint = *std::move(endpoint), .path_prefix = "/v1", .host_header = "localhost"};
}

Error no_answer(const catalog::Provider& provider, std::string what) {
  return {.kind = ErrorKind::provider_unreachable,
          .message = "the provider '" + provider.id.str() + "' " + std::move(what),
          .retry = Retry::anywhere};
}

// One candidate, asked once.
class Asking {
 public:
  Asking(Gateway& gateway, const Attempt& attempt, Question& question, const config::RetrySettings& retry,
         async::Deadline deadline)
      : gateway_(gateway),
        attempt_(attempt),
        question_(question),
        retry_(retry),
        deadline_(deadline),
        dialect_(attempt.lane == Lane::same_dialect ? question.client_dialect()
                                                    : gateway.dialects.get(attempt.provider().dialect)) {}

  // The reply, or failure() says why there is none.
  async::Task<std::optional<Reply>> run(std::string& held);
  Failure take_failure() { return std::move(failure_); }

 private:
  async::Task<Result<Reply>> ask(std::string& held);
  async::Task<Result<http::Response>> exchange(const BaseUrl& place, std::string_view head, std::string_view body);
  async::Task<Result<Reply>> take_whole(http::Response response);
  async::Task<Result<json::Document>> read_whole(const http::Response& response, std::string& body);
  async::Task<Result<Reply>> take_stream(http::Response response, std::string& held);
  async::Task<Result<Reply>> take_whole_as_stream(http::Response response, std::string& held);
  async::Task<Result<Reply>> take_anything(http::Response response, std::string& held);
  async::Task<Result<Reply>> take_error(http::Response response);
  Error too_late(std::string what) const;
  bool same_dialect() const { return attempt_.lane == Lane::same_dialect; }
  const catalog::Provider& provider() const { return attempt_.provider(); }
  async::Deadline within(std::int64_t ms) const { return deadline_.earlier(gateway_.reactor.now() + milliseconds(ms)); }

  Gateway& gateway_;
  const Attempt& attempt_;
  Question& question_;
  const config::RetrySettings& retry_;
  async::Deadline deadline_;
  async::Deadline answer_by_;  // a stream's first token or a whole answer's end; then somebody else is asked
  const dialects::Dialect& dialect_;
  std::optional<http::Call> call_;
  std::vector<std::string> dropped_params_;
  std::vector<std::string> added_params_;
  Failure failure_;
};

async::Task<std::optional<Reply>> Asking::run(std::string& held) {
  held.clear();
  Result<Reply> reply = co_await ask(held);
  if (reply) {
    reply->attempt = &attempt_;
    reply->dropped_params = std::move(dropped_params_);
    reply->added_params = std::move(added_params_);
    co_return std::optional<Reply>(*std::move(reply));
  }
  failure_.attempt = &attempt_;
  failure_.error = std::move(reply).error();
  if (failure_.reached && question_.resource() && question_.resource()->method != "GET")
    failure_.error.retry = Retry::never;
  const ErrorKind kind = failure_.error.kind;
  if (failure_.reached && (kind == ErrorKind::client_gone || kind == ErrorKind::provider_timeout))
    failure_.at_work = true;
  co_return std::nullopt;
}

async::Task<Result<Reply>> Asking::ask(std::string& held) {
  CO_TRY(const BaseUrl place, place_of(gateway_, provider()));
  CO_TRY(dialects::ProviderRequest request, question_.for_provider(attempt_, dialect_));
  dropped_params_ = std::move(request.dropped_params);
  added_params_ = std::move(request.added_params);
  CO_CHECK_OK(adapt_to_host(provider().quirks, attempt_.model().str(), question_.stream(), request));
  CO_CHECK_OK(co_await authenticate(gateway_, provider(), place, request, within(retry_.connect_timeout_ms)));
  const std::string head =
      http::request_head(request.method, place, request.path, request.headers, request.body.size());
  answer_by_ = within(question_.stream() ? retry_.first_token_timeout_ms : retry_.answer_timeout_ms);

  CO_TRY(http::Response response, co_await exchange(place, head, request.body));
  if (response.status >= 400) co_return co_await take_error(std::move(response));
  if (response.status != 200 && !(dialect_.opaque() && response.status / 100 == 2)) {
    Error odd = no_answer(provider(), "answered with status " + std::to_string(response.status));
    odd.retry = Retry::elsewhere;
    odd.hint = "the operator should check its base_url";
    co_return std::unexpected(std::move(odd));
  }
  failure_.at_work = true;
  if (dialect_.opaque()) co_return co_await take_anything(std::move(response), held);
  if (question_.stream()) co_return co_await take_stream(std::move(response), held);
  co_return co_await take_whole(std::move(response));
}

// A silent stream is tried again like a broken one. Who was asked for a whole answer has been at work all that time:
// asking the same one again would cost the same again.
Error Asking::too_late(std::string what) const {
  return {.kind = ErrorKind::provider_timeout,
          .message = "the provider '" + provider().id.str() + "' " + std::move(what),
          .retry = question_.stream() ? Retry::anywhere : Retry::elsewhere};
}

// Sends the request and reads the answer's head. A kept connection may have been closed by the provider just now; that
// is nobody's fault, so a new one is tried at once. What breaks later may have been at work.
async::Task<Result<http::Response>> Asking::exchange(const BaseUrl& place, std::string_view head,
                                                     std::string_view body) {
  failure_.asked = true;
  // What makes something is sent once.
  const bool once = question_.resource() && question_.resource()->method != "GET";
  for (const bool fresh : {false, true}) {
    if (once && !fresh) continue;
    CO_TRY(http::Call call, co_await gateway_.providers.open(place.endpoint, within(retry_.connect_timeout_ms), fresh));
    call_.emplace(std::move(call));
    failure_.reached = true;
    const async::TimePoint sent = gateway_.reactor.now();
    Result<http::Response> response = co_await call_->send(head, body, answer_by_);
    if (response) co_return response;
    Error& error = response.error();
    if (error.kind == ErrorKind::provider_unreachable && call_->reused() && !fresh &&
        gateway_.reactor.now() - sent < closed_before)
      continue;
    if (error.kind == ErrorKind::provider_timeout)
      error = too_late("did not answer in time");
    else if (error.kind == ErrorKind::provider_unreachable)
      error = no_answer(provider(), "broke off: " + error.message);
    co_return response;
  }
  co_return std::unexpected(no_answer(provider(), "closes its connections"));
}

// 401, 402 and 403 are about the operator's key and account: the provider's words about them are not for the client.
async::Task<Result<Reply>> Asking::take_error(http::Response response) {
  Result<std::string> body = co_await call_->read_all(within(retry_.connect_timeout_ms));
  if (!body && body.error().kind == ErrorKind::client_gone) co_return std::unexpected(std::move(body).error());
  if (!body || body->size() > max_error_body_bytes) body = std::string();
  Error error = dialect_.decode_error(response.status, *body, response.headers);
  if (error.provider_status == 401) {
    error.message = "the provider '" + provider().id.str() + "' does not accept the key that Sluice has for it";
    error.hint = "the operator must check the provider's API key";
  } else if (error.provider_status == 402 || error.provider_status == 403) {
    error.message = "the provider '" + provider().id.str() + "' refuses the account that Sluice has there (status " +
                    std::to_string(error.provider_status) + ")";
    error.hint = "the operator must check the account's credit and permissions";
  } else if (same_dialect() && is_json(response.headers) && !body->empty()) {
    failure_.verbatim = Failure::Verbatim{response.status, headers_for_client(response.headers), *std::move(body)};
  }
  co_return std::unexpected(std::move(error));
}

// The answer's body, parsed.
async::Task<Result<json::Document>> Asking::read_whole(const http::Response& response, std::string& bytes) {
  Result<std::string> body = co_await call_->read_all(answer_by_);
  if (!body) {
    if (body.error().kind == ErrorKind::provider_timeout)
      body.error() = too_late("did not complete its answer in time");
    else if (body.error().kind != ErrorKind::client_gone)
      body.error() = no_answer(provider(), "broke off: " + body.error().message);
    co_return std::unexpected(std::move(body).error());
  }
  bytes = *std::move(body);
  Result<json::Document> parsed = json::Document::parse_in_place(bytes);
  if (!parsed || !parsed->root().is_object())
    co_return std::unexpected(
        no_answer(provider(), "answered with status 200 and something that is not a JSON object"));
  // Some providers answer an error with status 200.
  if (parsed->root()["error"].is_object()) {
    failure_.at_work = false;
    co_return std::unexpected(dialect_.decode_error(502, bytes, response.headers));
  }
  co_return parsed;
}

async::Task<Result<Reply>> Asking::take_whole(http::Response response) {
  std::string body;
  CO_TRY(const json::Document parsed, co_await read_whole(response, body));
  Reply reply;
  reply.headers = headers_for_client(response.headers);
  if (same_dialect()) {
    reply.set_facts(dialect_.read_usage(parsed), dialect_.read_response_model(parsed), dialect_.read_answer_id(parsed));
    reply.body = std::move(body);
    co_return reply;
  }
  if (chat::embeds(question_.client_dialect().id())) co_return question_.embedded(parsed, dialect_, attempt_);
  CO_TRY(const chat::ChatResponse neutral, dialect_.decode_response(parsed));
  reply.set_facts(neutral.usage, neutral.model);
  dropped_params_.insert(dropped_params_.end(), neutral.dropped.begin(), neutral.dropped.end());
  reply.headers.set("content-type", "application/json");
  reply.body = question_.client_dialect().encode_response(neutral, question_.answer_options(attempt_));
  co_return reply;
}

async::Task<Result<Reply>> Asking::take_stream(http::Response response, std::string& held) {
  const dialects::Framing framing = dialect_.framing();
  if (!is_event_stream(response.headers, framing)) {
    if (is_json(response.headers)) co_return co_await take_whole_as_stream(std::move(response), held);
    co_return std::unexpected(no_answer(provider(), "answered without a stream"));
  }
  Reply reply;
  reply.headers = headers_for_client(response.headers);
  reply.json_array = question_.json_array();
  reply.stream_from(*std::move(call_), framing,
                    same_dialect()
                        ? same_dialect_stream(dialect_, question_.usage_is_ours_alone(attempt_), question_.json_array(),
                                              question_.is_kept_here(attempt_))
                        : translated_stream(dialect_, question_.client_dialect(), question_.answer_options(attempt_)));
  bool open = true;
  while (open && !reply.has_token() && held.size() < max_held_bytes) {
    Result<bool> more = co_await reply.more(held, answer_by_);
    if (!more) {
      Error error = std::move(more).error();
      if (error.kind == ErrorKind::provider_timeout) error = too_late("sent no first token in time");
      failure_.usage = reply.usage();
      failure_.output_bytes = reply.output_bytes();
      if (reply.failed()) failure_.at_work = failure_.usage.reported;  // an error bills nothing that it does not tell
      co_return std::unexpected(std::move(error));
    }
    open = *more;
  }
  co_return reply;
}

// What the provider says it is: events, JSON that tells its usage, or bytes. Sound may take as long as a stream.
async::Task<Result<Reply>> Asking::take_anything(http::Response response, std::string& held) {
  if (is_event_stream(response.headers, dialects::Framing::sse))
    co_return co_await take_stream(std::move(response), held);
  Reply reply;
  reply.status = response.status;
  reply.headers = headers_for_client(response.headers);
  reply.wrote_text = false;
  if (response.status == 204 || response.status == 205) co_return reply;  // there is no body
  if (!is_json(response.headers)) {
    reply.raw_from(*std::move(call_));
    co_return reply;
  }
  CO_TRY(const json::Document parsed, co_await read_whole(response, reply.body));
  reply.set_facts(dialect_.read_usage(parsed), dialect_.read_response_model(parsed), dialect_.read_answer_id(parsed));
  co_return reply;
}

// The answer is there and will be billed, so the client gets it in the form that it asked for.
async::Task<Result<Reply>> Asking::take_whole_as_stream(http::Response response, std::string& held) {
  std::string body;
  CO_TRY(const json::Document parsed, co_await read_whole(response, body));
  const Result<chat::ChatResponse> whole = dialect_.decode_response(parsed);
  if (!whole && same_dialect()) {  // a call that is no conversation: whoever asked such a provider can read this
    Reply reply;
    reply.headers = headers_for_client(response.headers);
    reply.set_facts(dialect_.read_usage(parsed), dialect_.read_response_model(parsed), dialect_.read_answer_id(parsed));
    reply.body = std::move(body);
    co_return reply;
  }
  if (!whole) {
    Error error = no_answer(provider(), "answered without a stream");
    error.retry = Retry::elsewhere;  // each try may be billed
    co_return std::unexpected(std::move(error));
  }
  Reply reply;
  reply.headers = headers_for_client(response.headers);
  reply.json_array = question_.json_array();
  reply.stream_of(whole_as_stream(*whole, question_.client_dialect(), question_.answer_options(attempt_), held));
  co_return reply;
}

// Which candidate to ask next, and when.
class Order {
 public:
  Order(const Plan& plan, const config::RetrySettings& retry)
      : plan_(plan), retry_(retry), hopeless_(plan.attempts.size()), asked_pause_(plan.attempts.size()) {}

  const Attempt& current() const { return plan_.attempts[index_]; }

  // After a failure: false when nobody is left. `pause` is how long to wait before current() is asked.
  bool advance(const Failure& failure, std::minstd_rand& jitter, async::Duration& pause) {
    const Error& error = failure.error;
    pause = {};
    if (failure.asked || error.retry == Retry::anywhere) ++tries_;
    if (error.kind == ErrorKind::client_gone || error.retry == Retry::never) return false;
    asked_pause_[index_] = error.retry_after.value_or(milliseconds(0));
    hopeless_[index_] = error.retry == Retry::elsewhere || asked_pause_[index_] > longest_pause;
    while (++index_ < plan_.attempts.size() && hopeless_[index_]) {
    }
    if (round_ > 0 && tries_ >= retry_.attempts) return false;
    if (index_ < plan_.attempts.size()) return true;  // another one is asked at once, whatever this one wants
    if (tries_ >= retry_.attempts) return false;
    const auto again = std::ranges::find(hopeless_, false);
    if (again == hopeless_.end()) return false;
    index_ = static_cast<std::size_t>(again - hopeless_.begin());
    // Exponential, with full jitter, so that many clients do not come back together.
    const auto most = milliseconds(retry_.pause_ms) * (1 << std::min(round_++, 6));
    pause = asked_pause_[index_] > milliseconds(0)
                ? asked_pause_[index_]
                : milliseconds(std::uniform_int_distribution<std::int64_t>(most.count() / 4, most.count())(jitter));
    return true;
  }

 private:
  const Plan& plan_;
  const config::RetrySettings& retry_;
  std::vector<bool> hopeless_;             // the same request will not work there, or not soon enough
  std::vector<milliseconds> asked_pause_;  // what each has asked for; 0 = nothing
  std::size_t index_ = 0;
  int round_ = 0;
  int tries_ = 0;  // without the candidates that cannot even be asked
};

}  // namespace

Tokens default_output_limit(const catalog::Model* model) {
  constexpr Tokens usual = 8'192;
  return model && model->max_output > 0 ? std::min(model->max_output, usual) : usual;
}

Result<dialects::ProviderRequest> Question::for_provider(const Attempt& attempt,
                                                         const dialects::Dialect& provider_dialect) {
  const catalog::Provider& provider = attempt.provider();
  const bool ask_for_usage = request_.outline.stream && provider.quirks.stream_usage == catalog::StreamUsage::option;
  dialects::ProviderRequest request;
  if (attempt.lane == Lane::same_dialect) {
    request.path =
        resource() ? resource()->path : provider_dialect.path(attempt.model().str(), request_.outline.stream);
    if (resource()) request.method = resource()->method;
    std::string query = query_for_provider(head_.query, page_ ? page_->parameter : std::string());
    if (page_) query.append(query.empty() ? "" : "&").append(page_->parameter + "=" + percent_encoded(page_->id));
    if (!query.empty()) request.path.append(request.path.contains('?') ? "&" : "?").append(query);
    request.body = provider_dialect.edit(request_.body, request_.outline,
                                         {.model = attempt.model().str(), .ask_for_stream_usage = ask_for_usage});
    for (const http::FieldView& field : head_)
      if (provider_dialect.forwards_header(field.name))
        request.headers.add(std::string(field.name), std::string(field.value));
    for (const http::Field& field : provider_dialect.required_headers())
      if (!request.headers.get(field.name)) request.headers.add(field.name, field.value);
  } else if (chat::embeds(client_dialect_.id())) {
    TRY(request, embedding_for(attempt, provider_dialect));
  } else {
    if (!neutral_) {
      TRY(chat::ChatRequest decoded, client_dialect_.decode_request(request_.parsed, request_.target));
      neutral_ = std::move(decoded);
    }
    const std::string issuer = issuer_of(attempt);
    Result<dialects::ProviderRequest> encoded = provider_dialect.encode_request(
        *neutral_,
        {.model = attempt.model().str(),
         .default_max_output_tokens = default_output_limit(attempt.candidate->model),
         .ask_for_stream_usage = ask_for_usage,
         .max_completion_tokens = provider.quirks.max_tokens_field == catalog::MaxTokensField::max_completion_tokens,
         .continues_prefill = provider.quirks.prefill == catalog::Prefill::continued,
         .reasoning = attempt.candidate->model && attempt.candidate->model->reasoning,
         .issuer = issuer,
         .client_bytes = request_.body.size()});
    if (!encoded) {
      encoded.error().retry = Retry::elsewhere;  // a provider of another dialect may be able to
      return encoded;
    }
    request = *std::move(encoded);
  }
  const bool opaque = provider_dialect.opaque();
  if (!resource() || !request.body.empty())
    request.headers.set("content-type", opaque ? request_.target.content_type : "application/json");
  if (opaque)
    request.headers.set("accept", std::string(head_.get("accept").value_or("*/*")));
  else
    request.headers.set("accept", std::string(request_.outline.stream ? media_type(provider_dialect.framing())
                                                                      : std::string_view("application/json")));
  request.headers.set("accept-encoding", "identity");  // what is compressed cannot be metered as it goes by
  request.headers.set("user-agent", "sluice");
  return request;
}

dialects::StreamOptions Question::answer_options(const Attempt& attempt) const {
  return {.response_id = request_id_,
          .model = attempt.model().str(),
          .created_unix_seconds = created_unix_seconds_,
          .include_usage = request_.outline.wants_stream_usage,
          .json_array = request_.outline.json_array,
          .issuer = issuer_of(attempt),
          .request = request_.parsed.root(),
          .tools = neutral_ ? std::span<const chat::Tool>(neutral_->tools) : std::span<const chat::Tool>(),
          .stored = keeps_answer_,
          .previous_response_id = request_.previous_response_id};
}

bool Question::is_kept_here(const Attempt& attempt) const {
  const bool provider_keeps = attempt.lane == Lane::same_dialect && attempt.provider().quirks.stores_responses;
  return keeps_answer_ && client_dialect_.id() == dialects::DialectId::openai_responses && !provider_keeps;
}

bool Question::usage_is_ours_alone(const Attempt& attempt) const {
  return !request_.outline.wants_stream_usage && attempt.provider().quirks.stream_usage == catalog::StreamUsage::option;
}

int CallOutcome::attempts() const {
  return static_cast<int>(std::ranges::count(failures, true, &Failure::asked)) + (reply ? 1 : 0);
}

Failure& CallOutcome::last_failure() {
  if (failures.back().error.kind == ErrorKind::client_gone) return failures.back();
  const auto asked = std::ranges::find(failures.rbegin(), failures.rend(), true, &Failure::asked);
  return asked == failures.rend() ? failures.back() : *asked;
}

async::Task<CallOutcome> call(Gateway& gateway, const Plan& plan, Question& question,
                              const config::RetrySettings& retry, const Affordable& affordable,
                              async::Deadline deadline) {
  CallOutcome outcome;
  Order order(plan, retry);
  for (;;) {
    Asking asking(gateway, order.current(), question, retry, deadline);
    outcome.reply = co_await asking.run(outcome.held);
    if (outcome.reply) co_return outcome;
    outcome.failures.push_back(asking.take_failure());
    async::Duration pause;
    if (!order.advance(outcome.failures.back(), gateway.jitter, pause)) co_return outcome;
    if (!affordable(outcome.failures, order.current())) co_return outcome;
    if (gateway.reactor.now() >= deadline.at) co_return outcome;  // an answer would come too late, and be billed
    if (pause > async::Duration(0)) {
      if (gateway.reactor.now() + pause >= deadline.at) co_return outcome;
      co_await gateway.reactor.scheduler().sleep(deadline.earlier(gateway.reactor.now() + pause));
      if (deadline.cancel && deadline.cancel->fired()) {
        outcome.failures.push_back(
            {.attempt = &order.current(),
             .error = {.kind = ErrorKind::client_gone, .message = "the client closed the connection"}});
        co_return outcome;
      }
    }
  }
}

http::Headers headers_for_client(const http::Headers& provider) {
  static constexpr std::string_view not_for_client[] = {
      "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
      "upgrade", "content-length", "set-cookie", "server", "date", "alt-svc", "strict-transport-security", "nel",
      "report-to", "via", "access-control-allow-origin", "access-control-allow-credentials",
      // whose account it is
      "openai-organization", "openai-project", "anthropic-organization-id"};
  http::Headers kept;
  for (const http::Field& field : provider) {
    const bool ours =
        field.name.size() > 9 && http::equal_ignoring_case(std::string_view(field.name).substr(0, 9), "x-sluice-");
    if (ours || std::ranges::any_of(not_for_client,
                                    [&](std::string_view name) { return http::equal_ignoring_case(name, field.name); }))
      continue;
    kept.add(field.name, field.value);
  }
  return kept;
}

}  // namespace sluice::gateway
