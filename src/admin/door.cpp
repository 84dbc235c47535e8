#include "admin/door.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "admin/problem.h"

namespace sluice::admin {
namespace {

// Longer than the busiest disk needs for one request; then the client is told, and what was begun goes on.
constexpr std::chrono::seconds longest_wait{30};

Request copy_head(const http::RequestHead& head) {
  Request request{.method = std::string(head.method),
                  .path = std::string(head.path),
                  .query = std::string(head.query),
                  .headers = {},
                  .body = {}};
  for (const http::Field& field : head) request.headers.add(field.name, field.value);
  return request;
}

Error too_busy() {
  return {.kind = ErrorKind::overloaded,
          .message = "the administration has more requests than it can answer",
          .hint = "try again in a few seconds"};
}

}  // namespace

async::Task<> Door::handle(http::Exchange& exchange) {
  const auto request = std::make_shared<Request>(copy_head(exchange.head()));
  const auto bytes = [&] { return request->headers.text().size() + request->path.size() + request->body.size(); };
  const auto deadline = [&] { return reactor_.within(longest_wait, &exchange.client_gone()); };
  net::Question<Administration::Admitted> may(
      reactor_, desk_, [request](Administration& administration) { return administration.admit(*request); }, bytes(),
      deadline(), too_busy());
  Result<Administration::Admitted> admitted = co_await may;
  std::optional<Answer> answer;
  if (!admitted) {
    answer = problem(admitted.error());
  } else if (admitted->refusal) {
    answer = std::move(admitted->refusal);
  } else {
    const auto too_large = [&] {
      return problem({.kind = ErrorKind::request_too_large,
                      .message = "the body has more than " + std::to_string(admitted->body_bytes) + " bytes",
                      .hint = "no request needs more"});
    };
    if (exchange.head().content_length.value_or(0) > admitted->body_bytes) {
      answer = too_large();
    } else {
      Result<std::string> body = co_await exchange.read_body();
      if (!body) {
        answer = problem(body.error());
      } else if (body->size() > admitted->body_bytes) {
        answer = too_large();
      } else {
        request->body = *std::move(body);
        net::Question<Answer> what(
            reactor_, desk_, [request](Administration& administration) { return administration.answer(*request); },
            bytes(), deadline(), too_busy());
        Result<Answer> answered = co_await what;
        answer = answered ? *std::move(answered) : problem(answered.error());
      }
    }
  }
  (void)co_await exchange.respond(answer->status, answer->headers, answer->body);
}

std::string Door::malformed(int /*status*/, std::string_view message, http::Headers& headers) {
  Answer answer = problem({.kind = ErrorKind::invalid_request, .message = std::string(message)});
  headers.set("content-type", "application/problem+json");
  return std::move(answer.body);
}

}  // namespace sluice::admin
