#include "gateway/call/asking.h"

#include <algorithm>

#include "dialects/answer_parts.h"
#include "dialects/provider_error.h"
#include "dialects/text_scan.h"
#include "gateway/account/estimate.h"
#include "gateway/call/authentication.h"
#include "gateway/call/hosting.h"

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t max_held_bytes = 256 * 1024;  // what may come before a first token: pings, empty deltas
constexpr std::size_t max_held_whole_bytes = 8 * 1024 * 1024;  // of a stream that its route holds back to its end
constexpr std::size_t max_error_body_bytes = 64 * 1024;        // more is not an error message but an error
constexpr milliseconds closed_before{1'000};  // a connection that breaks so soon was closed before the request came

// One value: application/json, application/problem+json. Lines of JSON (application/x-jsonl) are a file.
bool is_json(const http::Headers& headers) {
  std::string_view type = headers.get("content-type").value_or("");
  type = type.substr(0, type.find(';'));
  type = type.substr(0, type.find_last_not_of(' ') + 1);
  return type.ends_with("/json") || type.ends_with("+json");
}
bool is_event_stream(const http::Headers& headers, dialects::Framing framing) {
  return headers.get("content-type").value_or("").starts_with(media_type(framing));
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

// The fields of a provider's answer that are for the client: all but those of the connection, of its length, and
// cookies.
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

}  // namespace

bool is_complaint(const Error& error) {
  return error.kind == ErrorKind::provider_rejected && error.code != dialects::content_filter_code &&
         (error.provider_status == 400 || error.provider_status == 413 || error.provider_status == 415 ||
          error.provider_status == 422);
}

namespace {

// 0: none.
std::int64_t limit_of(const config::LimitSettings& limits, catalog::Ground ground) {
  switch (ground) {
    case catalog::Ground::self_hosted: return limits.self_hosted;
    case catalog::Ground::hosted_open: return limits.hosted_open;
    case catalog::Ground::proprietary: return limits.proprietary;
  }
  return 0;
}

}  // namespace

catalog::Patience patience_for(const Plan& plan, const Attempt& attempt, const config::RetrySettings& retry) {
  using catalog::Patience;
  const Patience usual{.connect_timeout_ms = retry.connect_timeout_ms,
                       .first_token_timeout_ms = retry.first_token_timeout_ms,
                       .answer_timeout_ms = retry.answer_timeout_ms,
                       .stream_idle_timeout_ms = retry.stream_idle_timeout_ms};
  const auto first_said = [&](std::int64_t Patience::* limit) {
    if (plan.settings && plan.settings->patience.*limit > 0) return plan.settings->patience.*limit;
    return attempt.provider().patience.*limit > 0 ? attempt.provider().patience.*limit : usual.*limit;
  };
  return {.connect_timeout_ms = first_said(&Patience::connect_timeout_ms),
          .first_token_timeout_ms = first_said(&Patience::first_token_timeout_ms),
          .answer_timeout_ms = first_said(&Patience::answer_timeout_ms),
          .stream_idle_timeout_ms = first_said(&Patience::stream_idle_timeout_ms)};
}

Asking::Asking(Gateway& gateway, const Plan& plan, const Attempt& attempt, Question& question,
               const config::Snapshot& snapshot, async::Deadline deadline)
    : gateway_(gateway),
      attempt_(attempt),
      question_(question),
      limits_(snapshot.limits()),
      route_(plan.settings),
      patience_(patience_for(plan, attempt, snapshot.retry())),
      deadline_(deadline),
      dialect_(attempt.lane == Lane::same_dialect ? question.client_dialect()
                                                  : gateway.dialects.get(question.dialect_at(attempt))) {}

async::Task<std::unique_ptr<Reply>> Asking::run(std::string& held) {
  held.clear();
  Result<std::unique_ptr<Reply>> answered = co_await ask(held);
  if (answered) {
    std::unique_ptr<Reply> reply = *std::move(answered);
    reply->attempt = &attempt_;
    reply->places = std::move(places_);
    reply->idle_limit = milliseconds(patience_.stream_idle_timeout_ms);
    reply->dropped_params = std::move(dropped_params_);
    reply->added_params = std::move(added_params_);
    co_return reply;
  }
  failure_.attempt = &attempt_;
  failure_.error = std::move(answered).error();
  if (failure_.reached && question_.resource() && question_.resource()->method != "GET")
    failure_.error.retry = Retry::never;
  const ErrorKind kind = failure_.error.kind;
  if (failure_.reached && (kind == ErrorKind::client_gone || kind == ErrorKind::provider_timeout))
    failure_.at_work = true;
  failure_.ours = gateway_.reactor.now() >= deadline_.at;
  co_return std::unique_ptr<Reply>();
}

Failure Asking::outpaced() const {
  Failure lost = failure_;
  lost.attempt = &attempt_;
  lost.error = {.kind = ErrorKind::provider_timeout,
                .message = "the provider '" + provider().id.str() + "' was slower than another one beside it",
                .retry = Retry::elsewhere};
  lost.at_work = lost.reached;
  lost.outpaced = true;
  lost.ours = true;
  if (held_back_) {
    lost.usage = held_back_->usage();
    lost.output_bytes = held_back_->output_bytes();
  }
  return lost;
}

async::Task<Result<std::unique_ptr<Reply>>> Asking::ask(std::string& held) {
  const std::int64_t of_ground = limit_of(limits_, attempt_.ground());
  if (of_ground > 0 || provider().max_in_flight > 0) {
    const async::TimePoint begin = async::Clock::now();
    Result<void> room = co_await take_places(of_ground);
    waited_ += async::Clock::now() - begin;
    CO_CHECK_OK(std::move(room));
  }
  CO_TRY(BaseUrl place, place_of(gateway_, provider()));
  if (dialect_.id() == chat::DialectId::gemini_resources)
    place = question_.resource()->is_upload ? upload_place(std::move(place)) : keeping_place(std::move(place));
  CO_TRY(dialects::ProviderRequest request, question_.for_provider(attempt_, dialect_, gateway_.issuers));
  dropped_params_ = std::move(request.dropped_params);
  added_params_ = std::move(request.added_params);
  CO_CHECK_OK(adapt_to_host(provider().quirks, attempt_.model().str(), question_.stream(), request));
  CO_CHECK_OK(co_await authenticate(gateway_, provider(), place, request, within(patience_.connect_timeout_ms)));
  const std::string head = http::request_head(request.method, place, request.path, request.headers,
                                              request.kept.size() + request.body.size());
  answer_by_ = within(question_.stream() ? patience_.first_token_timeout_ms : patience_.answer_timeout_ms);

  CO_TRY(http::Response response,
         co_await exchange(place, head, {request.kept.front, request.body, request.kept.back}));
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

// Room first, so that who waits for it keeps no connection.
async::Task<Result<void>> Asking::take_places(std::int64_t of_ground) {
  Places::Limit limit{.places = of_ground, .queue = limits_.queue, .longest_wait = milliseconds(limits_.queue_ms)};
  if (of_ground > 0) {
    std::string name = "ground/" + std::string(catalog::name(attempt_.ground()));
    CO_TRY(places_[0],
           co_await gateway_.places.enter(gateway_.reactor, std::move(name), limit, question_.key(), deadline_));
  }
  limit.places = provider().max_in_flight;
  if (limit.places > 0) {
    std::string name = "provider/" + provider().id.str();
    CO_TRY(places_[1],
           co_await gateway_.places.enter(gateway_.reactor, std::move(name), limit, question_.key(), deadline_));
  }
  co_return Result<void>();
}

// Who stays silent is left and not asked again: it may have been at work all that time, and asking it again would cost
// the same time and money again.
Error Asking::too_late(std::string what) const {
  return {.kind = ErrorKind::provider_timeout,
          .message = "the provider '" + provider().id.str() + "' " + std::move(what),
          .retry = Retry::elsewhere};
}

// Sends the request and reads the answer's head. A kept connection may have been closed by the provider just now, or it
// may say that it has not begun with the request; that is nobody's fault, so a new one is tried at once. What breaks
// later may have been at work.
async::Task<Result<http::Response>> Asking::exchange(const BaseUrl& place, std::string_view head, http::Body body) {
  failure_.asked = true;
  // What makes something is sent once.
  const bool once = question_.resource() && question_.resource()->method != "GET";
  for (const bool fresh : {false, true}) {
    if (once && !fresh) continue;
    Result<http::Call> call =
        co_await gateway_.providers.open(place.endpoint, within(patience_.connect_timeout_ms), fresh);
    if (!call) {
      if (call.error().kind == ErrorKind::provider_timeout) call.error().retry = Retry::elsewhere;
      co_return std::unexpected(std::move(call).error());
    }
    if (call_) waited_ += call_->waited();
    call_.emplace(*std::move(call));
    failure_.reached = true;
    const async::TimePoint sent = gateway_.reactor.now();
    Result<http::Response> response = co_await call_->send(head, body, answer_by_);
    if (response) co_return response;
    Error& error = response.error();
    const bool closed_just_now = call_->reused() && gateway_.reactor.now() - sent < closed_before;
    if (error.kind == ErrorKind::provider_unreachable && !fresh && (closed_just_now || call_->refused())) continue;
    if (error.kind == ErrorKind::provider_timeout)
      error = too_late("did not answer in time");
    else if (error.kind == ErrorKind::provider_unreachable)
      error = no_answer(provider(), "broke off: " + error.message);
    co_return response;
  }
  co_return std::unexpected(no_answer(provider(), "closes its connections"));
}

// 401, 402 and 403 are about the operator's key and account: the provider's words about them are not for the client.
async::Task<Result<std::unique_ptr<Reply>>> Asking::take_error(http::Response response) {
  Result<std::string> body = co_await call_->read_all(within(patience_.connect_timeout_ms));
  if (!body && body.error().kind == ErrorKind::client_gone) co_return std::unexpected(std::move(body).error());
  if (!body || body->size() > max_error_body_bytes) body = std::string();
  Error error = dialect_.decode_error(response.status, *body, response.headers);
  const bool about_the_account =
      error.provider_status == 401 || error.provider_status == 402 || error.provider_status == 403;
  if (about_the_account) {
    error.param.clear();
    error.code.clear();
  }
  if (error.provider_status == 401) {
    error.message = "the provider '" + provider().id.str() + "' does not accept the key that Sluice has for it";
    error.hint = "the operator must check the provider's API key";
  } else if (about_the_account) {
    error.message = "the provider '" + provider().id.str() + "' refuses the account that Sluice has there (status " +
                    std::to_string(error.provider_status) + ")";
    error.hint = "the operator must check the account's credit and permissions";
  } else if (same_dialect() && is_json(response.headers) && !body->empty()) {
    failure_.verbatim = Failure::Verbatim{response.status, headers_for_client(response.headers), *std::move(body)};
  }
  co_return std::unexpected(std::move(error));
}

// What came with status 200 and is no answer: asking again would get and may cost the same. What it cost is known only
// where the provider says so.
std::unexpected<Error> Asking::unusable(Error why, const chat::Usage& usage) {
  failure_.unusable = true;
  failure_.usage = usage;
  failure_.at_work = usage.reported;
  why.retry = Retry::elsewhere;
  return std::unexpected(std::move(why));
}

std::unexpected<Error> Asking::unusable(std::string what, const chat::Usage& usage) {
  return unusable(no_answer(provider(), std::move(what)), usage);
}

// JSON that a reader of answers does not take: of another shape, or told to be a fault of the model's, which may write
// something else the next time.
std::unexpected<Error> Asking::unread(Error why, const json::Document& parsed) {
  const chat::Usage usage = dialect_.read_usage(parsed);
  if (why.kind == ErrorKind::provider_unreachable && why.retry == Retry::elsewhere)
    return unusable(std::move(why), usage);
  failure_.usage = usage;
  failure_.at_work = usage.reported;
  return std::unexpected(std::move(why));
}

// The answer's body, parsed.
async::Task<Result<json::Document>> Asking::read_whole(std::string& bytes) {
  Result<std::string> body = co_await call_->read_all(answer_by_);
  if (!body) {
    if (body.error().kind == ErrorKind::provider_timeout)
      body.error() = too_late("did not complete its answer in time");
    else if (body.error().kind != ErrorKind::client_gone) {
      std::string limit = std::move(body.error().code);
      body.error() = no_answer(provider(), "broke off: " + body.error().message);
      body.error().code = std::move(limit);
    }
    co_return std::unexpected(std::move(body).error());
  }
  bytes = *std::move(body);
  Result<json::Document> parsed = json::Document::parse_in_place(bytes);
  if (!parsed || !parsed->root().is_object())
    co_return unusable("answered with status 200 and something that is not a JSON object");
  // Some providers answer an error with status 200. In what is kept, a job or a response that failed tells its own.
  if (!question_.resource() && parsed->root()["error"].is_object()) {
    failure_.at_work = false;
    co_return std::unexpected(in_band_error(dialect_, {}, bytes));
  }
  co_return parsed;
}

async::Task<Result<std::unique_ptr<Reply>>> Asking::take_whole(http::Response response) {
  std::string body;
  CO_TRY(const json::Document parsed, co_await read_whole(body));
  auto reply = std::make_unique<Reply>();
  reply->headers = headers_for_client(response.headers);
  if (same_dialect()) {
    reply->set_facts(dialect_.read_usage(parsed), dialect_.read_response_model(parsed),
                     dialect_.read_answer_id(parsed));
    reply->set_kept_ids(dialect_.read_kept_ids(body, parsed));
    for (const std::string& state : dialect_.read_states(body, parsed))
      gateway_.issuers.note(dialect_.id(), state, vendor_of(provider()));
    if (!question_.previous_id().empty())
      body = dialects::with_string_member(std::move(body), previous_member, question_.previous_id());
    reply->body = std::move(body);
    co_return reply;
  }
  if (chat::embeds(question_.client_dialect().id())) {
    Result<std::unique_ptr<Reply>> embedded = question_.embedded(parsed, dialect_, attempt_);
    if (!embedded) co_return unread(std::move(embedded).error(), parsed);
    co_return embedded;
  }
  Result<chat::ChatResponse> decoded = dialect_.decode_response(parsed);
  if (!decoded) co_return unread(std::move(decoded).error(), parsed);
  chat::ChatResponse neutral = *std::move(decoded);
  question_.tool_names(dialect_).restore(neutral);
  name_calls(neutral, question_.answer_options(attempt_).response_id);
  reply->set_facts(neutral.usage, neutral.model);
  dialects::leave_out_untold(question_.client_dialect(), neutral);
  dropped_params_.insert(dropped_params_.end(), neutral.dropped.begin(), neutral.dropped.end());
  reply->headers.set("content-type", "application/json");
  reply->body = question_.client_dialect().encode_response(neutral, question_.answer_options(attempt_));
  co_return reply;
}

async::Task<Result<std::unique_ptr<Reply>>> Asking::take_stream(http::Response response, std::string& held) {
  const dialects::Framing framing = dialect_.framing();
  if (!is_event_stream(response.headers, framing)) {
    if (is_json(response.headers)) co_return co_await take_whole_as_stream(std::move(response), held);
    co_return unusable("answered without a stream");
  }
  auto reply = std::make_unique<Reply>();
  reply->headers = headers_for_client(response.headers);
  reply->json_array = question_.json_array();
  reply->stream_from(
      *std::move(call_), framing,
      same_dialect()
          ? same_dialect_stream(
                dialect_, question_.usage_is_ours_alone(attempt_), question_.json_array(),
                question_.is_kept_here(attempt_),
                [&issuers = gateway_.issuers, dialect = dialect_.id(), vendor = std::string(vendor_of(provider()))](
                    std::string_view state) { issuers.note(dialect, state, vendor); },
                question_.previous_id())
          : translated_stream(dialect_, question_.client_dialect(), question_.answer_options(attempt_),
                              question_.tool_names(dialect_)));
  held_back_ = reply.get();
  Result<void> safe = co_await hold_back(*reply, held);
  held_back_ = nullptr;
  if (!safe) {
    failure_.usage = reply->usage();
    failure_.output_bytes = reply->output_bytes();
    // An error bills nothing that it does not tell; what was generated before it is billed.
    if (reply->failed()) failure_.at_work = failure_.usage.reported || failure_.output_bytes > 0;
    co_return std::unexpected(std::move(safe).error());
  }
  co_return reply;
}

// Reads until the stream may go out: until its first token, or as far as its route or its workload's
// cascade holds streams back. What breaks
// before that has shown nothing to the client, so another candidate can still be asked.
async::Task<Result<void>> Asking::hold_back(Reply& reply, std::string& held) {
  const bool whole = question_.holds_streams() || (route_ && route_->hold_whole);
  const std::size_t hold_bytes = route_ ? static_cast<std::size_t>(route_->hold_tokens) * bytes_per_token : 0;
  std::optional<async::TimePoint> safe_at;  // from the first token on
  for (bool open = true; open && held.size() < (whole ? max_held_whole_bytes : max_held_bytes);) {
    async::Deadline until = answer_by_;
    if (reply.has_token()) {
      if (!whole && reply.output_bytes() >= hold_bytes) co_return Result<void>();
      const async::TimePoint now = gateway_.reactor.now();
      if (!safe_at) safe_at = whole ? async::TimePoint::max() : now + milliseconds(route_->hold_ms);
      if (now >= *safe_at) co_return Result<void>();
      until = within(patience_.stream_idle_timeout_ms).earlier(*safe_at);
    }
    const async::TimePoint begin = async::Clock::now();
    Result<bool> more = co_await reply.more(held, until);
    waited_ += async::Clock::now() - begin;
    if (more && safe_at && reply.failed()) more = std::unexpected(reply.error());
    if (!more) {
      Error error = std::move(more).error();
      if (error.kind == ErrorKind::provider_timeout) {
        if (safe_at && gateway_.reactor.now() >= *safe_at && gateway_.reactor.now() < deadline_.at) continue;
        error = too_late(safe_at ? "stopped in the middle of its answer" : "sent no first token in time");
      }
      co_return std::unexpected(std::move(error));
    }
    open = *more;
  }
  co_return Result<void>();
}

// What the provider says it is: events, JSON that tells its usage, or bytes. Sound may take as long as a stream.
async::Task<Result<std::unique_ptr<Reply>>> Asking::take_anything(http::Response response, std::string& held) {
  if (is_event_stream(response.headers, dialects::Framing::sse))
    co_return co_await take_stream(std::move(response), held);
  auto reply = std::make_unique<Reply>();
  reply->status = response.status;
  reply->headers = headers_for_client(response.headers);
  reply->wrote_text = false;
  if (response.status == 204 || response.status == 205) co_return reply;  // there is no body
  const bool is_content =
      question_.resource() && (question_.resource()->gives_bytes || question_.resource()->path.ends_with("/content"));
  if (!is_json(response.headers) || is_content) {  // a file may hold any JSON, and more than fits into memory
    Reply::IdsOfLine ids;
    if (question_.resource() && question_.resource()->path.ends_with("/results"))
      ids = [&dialect = dialect_](std::string_view line) { return dialect.read_kept_ids_of_line(line); };
    reply->raw_from(*std::move(call_), std::move(ids));
    co_return reply;
  }
  CO_TRY(const json::Document parsed, co_await read_whole(reply->body));
  reply->set_facts(dialect_.read_usage(parsed), dialect_.read_response_model(parsed), dialect_.read_answer_id(parsed));
  co_return reply;
}

// The answer is there and will be billed, so the client gets it in the form that it asked for.
async::Task<Result<std::unique_ptr<Reply>>> Asking::take_whole_as_stream(http::Response response, std::string& held) {
  std::string body;
  CO_TRY(const json::Document parsed, co_await read_whole(body));
  Result<chat::ChatResponse> whole = dialect_.decode_response(parsed);
  if (!whole && same_dialect()) {  // a call that is no conversation: whoever asked such a provider can read this
    auto reply = std::make_unique<Reply>();
    reply->headers = headers_for_client(response.headers);
    reply->set_facts(dialect_.read_usage(parsed), dialect_.read_response_model(parsed),
                     dialect_.read_answer_id(parsed));
    reply->body = std::move(body);
    co_return reply;
  }
  if (!whole) co_return unusable("answered without a stream", dialect_.read_usage(parsed));
  if (!same_dialect()) question_.tool_names(dialect_).restore(*whole);
  auto reply = std::make_unique<Reply>();
  reply->headers = headers_for_client(response.headers);
  reply->json_array = question_.json_array();
  reply->stream_of(whole_as_stream(*whole, question_.client_dialect(), question_.answer_options(attempt_), held));
  co_return reply;
}

}  // namespace sluice::gateway
