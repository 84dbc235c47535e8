#include "cli/http_transport.h"

#include <fmt/format.h>

#include <vector>

#include "async/scope.h"
#include "cli/exit_code.h"
#include "http/client.h"
#include "http/sse.h"
#include "json/json.h"
#include "net/connect.h"
#include "net/reactor.h"

namespace sluice::cli {
namespace {

using std::chrono::milliseconds;

constexpr auto connect_time = std::chrono::seconds(10);
constexpr auto answer_time = std::chrono::minutes(15);  // longer than the server's own total_timeout_ms by default
constexpr auto look_every = milliseconds(50);           // at `interrupted`: what a person takes for at once

AnswerFacts read_facts(const http::Headers& headers) {
  const auto get = [&headers](std::string_view name) { return std::string(headers.get(name).value_or("")); };
  return {.request_id = get("x-sluice-request-id"),
          .provider = get("x-sluice-provider"),
          .model = get("x-sluice-model"),
          .ground = get("x-sluice-ground"),
          .attempts = get("x-sluice-attempts"),
          .cost_usd = get("x-sluice-cost-usd"),
          .dropped_params = get("x-sluice-dropped-params")};
}

// The error that an answer with such a status stands for: the server's own words.
Error refusal(int status, std::string_view body) {
  Error error{.kind = status == 401 ? ErrorKind::unauthenticated : ErrorKind::provider_rejected,
              .message = fmt::format("the server answered with status {}", status),
              .provider_status = status};
  if (const auto document = json::Document::parse(body))
    if (const auto message = document->root()["error"]["message"].string()) error.message = std::string(*message);
  if (status == 401) error.hint = "name a valid key with --key or SLUICE_API_KEY; make one: sluice keys create";
  return error;
}

Error nobody_there(const std::string& url, const Error& cause) {
  return {.kind = ErrorKind::unavailable,
          .message = fmt::format("no sluice is serving at {} ({})", url, cause.message),
          .hint = "start it with: sluice serve",
          .code = not_serving_code};
}

class HttpTransport : public ChatTransport {
 public:
  HttpTransport(HttpTarget target, BaseUrl base, std::unique_ptr<dialects::Dialect> dialect,
                std::shared_ptr<net::TlsContext> tls, std::atomic<bool>& interrupted, async::TimePoint now)
      : target_(std::move(target)),
        base_(std::move(base)),
        dialect_(std::move(dialect)),
        interrupted_(interrupted),
        reactor_(now),
        resolver_(reactor_),
        connector_{reactor_, resolver_, std::move(tls)},
        pool_(connector_, http::ClientLimits{}) {}

  Result<Answer> ask(const chat::ChatRequest& request, const OnText& on_text) override;

 private:
  struct Exchange {
    const chat::ChatRequest& request;
    const OnText& on_text;
    async::Cancel cancel;
    Result<Answer> answer = Answer{};
    bool done = false;
  };

  async::Task<> run(Exchange* exchange);
  async::Task<> watch_interrupt(Exchange* exchange);
  async::Task<Result<Answer>> call(Exchange& exchange);
  async::Task<Result<void>> read_stream(http::Call& call, Exchange& exchange, Answer& answer, async::Deadline deadline);
  Result<void> take_event(const http::SseEvent& event, dialects::StreamDecoder& decoder, const OnText& on_text,
                          Answer& answer);
  static Result<void> take(const std::vector<chat::ChatEvent>& events, const OnText& on_text, Answer& answer);

  HttpTarget target_;
  BaseUrl base_;
  std::unique_ptr<dialects::Dialect> dialect_;
  std::atomic<bool>& interrupted_;
  net::Reactor reactor_;
  net::Resolver resolver_;
  net::Connector connector_;
  http::ConnectionPool pool_;
};

Result<Answer> HttpTransport::ask(const chat::ChatRequest& request, const OnText& on_text) {
  Exchange exchange{.request = request, .on_text = on_text, .cancel = {}};
  // Nobody has run the reactor since the last answer: its clock has stood still, and deadlines are from now on.
  reactor_.scheduler().advance(async::Clock::now());
  async::Scope scope;
  scope.spawn([this](Exchange* mine) { return run(mine); }, &exchange);
  scope.spawn([this](Exchange* mine) { return watch_interrupt(mine); }, &exchange);
  while (!exchange.done) reactor_.run_once();
  return std::move(exchange.answer);
}

async::Task<> HttpTransport::run(Exchange* exchange) {
  exchange->answer = co_await call(*exchange);
  exchange->done = true;
  if (exchange->cancel.fired() && !exchange->answer)
    exchange->answer =
        std::unexpected(Error{.kind = ErrorKind::client_gone, .message = "interrupted", .code = interrupted_code});
}

// Ctrl-C only sets a flag; this turns it into a cancellation. Ends with the exchange.
async::Task<> HttpTransport::watch_interrupt(Exchange* exchange) {
  while (!exchange->done) {
    if (interrupted_) exchange->cancel.fire();
    co_await reactor_.scheduler().sleep(reactor_.within(look_every));
  }
}

async::Task<Result<Answer>> HttpTransport::call(Exchange& exchange) {
  const dialects::EncodeOptions options{.model = exchange.request.model};
  CO_TRY(const dialects::ProviderRequest request, dialect_->encode_request(exchange.request, options));
  http::Headers headers = request.headers;
  headers.set("authorization", "Bearer " + target_.key.reveal());
  const std::string head = http::request_head("POST", base_, "/v1" + request.path, headers, request.body.size());

  Result<http::Call> call = co_await pool_.open(base_.endpoint, reactor_.within(connect_time, &exchange.cancel));
  if (!call) co_return std::unexpected(nobody_there(target_.url, call.error()));
  const async::Deadline deadline = reactor_.within(answer_time, &exchange.cancel);
  CO_TRY(const http::Response response, co_await call->send(head, request.body, deadline));
  if (response.status != 200) {
    CO_TRY(const std::string body, co_await call->read_all(deadline));
    co_return std::unexpected(refusal(response.status, body));
  }
  Answer answer;
  answer.facts = read_facts(response.headers);
  if (exchange.request.stream) {
    CO_CHECK_OK(co_await read_stream(*call, exchange, answer, deadline));
    co_return answer;
  }
  CO_TRY(const std::string body, co_await call->read_all(deadline));
  CO_TRY(const json::Document document, json::Document::parse(body));
  CO_TRY(const chat::ChatResponse reply, dialect_->decode_response(document));
  for (const chat::Block& block : reply.blocks)
    if (const auto* text = std::get_if<chat::Text>(&block)) answer.text += text->text;
  answer.text += reply.refusal;
  answer.stop = reply.stop;
  answer.usage = reply.usage;
  co_return answer;
}

async::Task<Result<void>> HttpTransport::read_stream(http::Call& call, Exchange& exchange, Answer& answer,
                                                     async::Deadline deadline) {
  const std::unique_ptr<dialects::StreamDecoder> decoder = dialect_->decode_stream();
  http::SseSplitter splitter;
  bool more = true;
  while (more) {
    std::string bytes;
    CO_TRY(more, co_await call.read_some(bytes, deadline));
    CO_CHECK_OK(splitter.feed(bytes));
    while (const auto event = splitter.next())
      if (event->has_data) CO_CHECK_OK(take_event(*event, *decoder, exchange.on_text, answer));
  }
  std::vector<chat::ChatEvent> last;
  CO_CHECK_OK(decoder->finish(last));
  co_return take(last, exchange.on_text, answer);
}

Result<void> HttpTransport::take_event(const http::SseEvent& event, dialects::StreamDecoder& decoder,
                                       const OnText& on_text, Answer& answer) {
  std::vector<chat::ChatEvent> events;
  CHECK_OK(decoder.decode(event.event, event.data, events));
  return take(events, on_text, answer);
}

Result<void> HttpTransport::take(const std::vector<chat::ChatEvent>& events, const OnText& on_text, Answer& answer) {
  for (const chat::ChatEvent& event : events) {
    if (const auto* delta = std::get_if<chat::TextDelta>(&event)) {
      answer.text += delta->text;
      on_text(delta->text);
    } else if (const auto* finish = std::get_if<chat::Finish>(&event)) {
      answer.stop = finish->stop;
      answer.usage = finish->usage;
    } else if (const auto* failure = std::get_if<chat::StreamError>(&event)) {
      return std::unexpected(failure->error);
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ChatTransport>> http_transport(HttpTarget target, std::unique_ptr<dialects::Dialect> dialect,
                                                      std::atomic<bool>& interrupted, async::TimePoint now) {
  Result<BaseUrl> base = parse_server_address(target.url);
  if (!base) return usage_error(base.error().message, base.error().hint);
  std::shared_ptr<net::TlsContext> tls;
  if (base->endpoint.tls) {
    TRY(tls, net::TlsContext::create(""));
  }
  return std::make_unique<HttpTransport>(std::move(target), *std::move(base), std::move(dialect), std::move(tls),
                                         interrupted, now);
}

}  // namespace sluice::cli
