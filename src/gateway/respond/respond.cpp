#include "gateway/respond/respond.h"

#include <algorithm>
#include <utility>

namespace sluice::gateway {
namespace {

// A client's own name for a field may be anything.
std::string as_field_value(std::string name) {
  if (name.empty()) return "\"\"";
  if (!http::is_field_value(name))
    std::ranges::replace_if(name, [](char c) { return !http::is_field_value({&c, 1}); }, '?');
  return name;
}

std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t most_bytes = 4'096;  // clients and proxies take heads of 8 KB
  std::string all;
  for (const std::string& each : names) {
    if (all.size() + each.size() > most_bytes) return all.append(all.empty() ? "..." : ",...");
    all.append(all.empty() ? "" : ",").append(as_field_value(each));
  }
  return all;
}

}  // namespace

void add_facts(http::Headers& headers, const AnswerFacts& facts) {
  // A provider's own fields of these names have been left out (headers_for_client), so none stands there already.
  headers.add("x-sluice-request-id", facts.request_id);
  if (!headers.get(facts.id_header)) headers.add(facts.id_header, facts.request_id);
  if (facts.attempt) {
    headers.add("x-sluice-provider", facts.attempt->provider().id.str());
    headers.add("x-sluice-model", facts.attempt->model().str());
    headers.add("x-sluice-ground", catalog::name(facts.attempt->ground()));
    headers.add("x-sluice-translated", facts.attempt->lane == Lane::translated ? "true" : "false");
  }
  headers.add("x-sluice-attempts", std::to_string(facts.attempts));
  if (facts.overhead_us) headers.add("x-sluice-overhead-us", std::to_string(*facts.overhead_us));
  if (facts.cost_usd) headers.add(cost_header, *facts.cost_usd);
  headers.add(dropped_header, list(facts.dropped_params));
  if (!facts.lowered_by.empty()) headers.add("x-sluice-lowered-by", facts.lowered_by);
  if (!facts.escalated.empty()) headers.add("x-sluice-escalated", facts.escalated);
  if (!facts.workload.empty()) headers.add("x-sluice-workload", facts.workload);
  if (!facts.added_params.empty()) headers.add("x-sluice-added-params", list(facts.added_params));
}

Error stopping() {
  return {.kind = ErrorKind::unavailable,
          .message = "this server stops, and the answer was not complete in the time that it had left",
          .hint = "send the request again",
          .code = "server_stopping",
          .retry_after = std::chrono::seconds(1)};
}

std::string cost_text(const std::optional<Money>& cost) { return cost ? cost->usd() : "unpriced"; }

namespace {

void add_stream_fields(http::Headers& headers) {
  headers.set("cache-control", "no-cache");
  headers.set("x-accel-buffering", "no");
}

constexpr std::string_view event_stream = "text/event-stream; charset=utf-8";

// JSON has line ends between its parts alone, where a blank says the same.
std::string in_one_line(std::string json) {
  std::ranges::replace_if(json, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return json;
}

}  // namespace

http::Headers early_stream_head(const AnswerFacts& facts) {
  http::Headers headers;
  headers.add("x-sluice-request-id", facts.request_id);
  headers.add(facts.id_header, facts.request_id);
  headers.set("content-type", std::string(event_stream));
  add_stream_fields(headers);
  headers.set("trailer",
              "x-sluice-provider, x-sluice-model, x-sluice-ground, x-sluice-translated, x-sluice-attempts, "
              "x-sluice-overhead-us, "
              "x-sluice-cost-usd, x-sluice-dropped-params, x-sluice-lowered-by, x-sluice-added-params, "
              "x-sluice-workload, x-sluice-escalated");
  return headers;
}

async::Task<Relayed> respond_stream(http::Exchange& client, Reply& reply, std::string held,
                                    const dialects::Dialect& dialect, const AnswerFacts& facts, net::Reactor& reactor,
                                    async::Duration idle_limit, async::Deadline deadline,
                                    std::function<std::string()> final_cost, BeforeEnd before_end) {
  Relayed relayed;
  http::Headers headers = std::move(reply.headers);
  add_facts(headers, facts);
  if (!reply.raw)
    headers.set("content-type", std::string(reply.json_array ? "application/json; charset=utf-8" : event_stream));
  add_stream_fields(headers);
  headers.set("trailer", std::string(cost_header) + ", " + std::string(dropped_header));
  const bool held_is_all = before_end && reply.complete();
  const bool head_is_out = client.started();
  const std::string_view first = held_is_all ? std::string_view() : held;
  Result<void> sent;
  if (!head_is_out)  // no conditional expression: g++ 12 awaits both sides
    sent = co_await client.begin_stream(reply.status, headers, first);
  else if (!first.empty())
    sent = co_await client.write(first);
  {
    const http::Headers gone = std::move(headers);
  }  // a stream may be long
  if (sent) relayed.first_token = reactor.now();

  const auto trailers = [&] {
    http::Headers fields;
    if (head_is_out) add_facts(fields, facts);
    fields.set(cost_header, final_cost());
    std::vector<std::string> dropped = facts.dropped_params;
    for (std::string& name : reply.dropped_at_end()) dropped.push_back(std::move(name));
    fields.set(dropped_header, list(dropped));
    return fields;
  };
  std::string piece = std::move(held);
  std::optional<Error> broken;
  while (sent && !held_is_all && !broken) {
    piece.clear();
    Result<bool> more = co_await reply.more(piece, deadline.earlier(reactor.now() + idle_limit));
    if (!more) {
      broken = std::move(more).error();
      if (broken->kind == ErrorKind::provider_timeout)
        broken->message = "the provider stopped in the middle of its answer";
      break;
    }
    if (!*more || (before_end && reply.complete())) break;
    if (!piece.empty()) sent = co_await client.write(piece);
    std::string().swap(piece);  // the next one may be long in coming
  }
  if (sent && !broken && before_end) {
    Result<void> ready = co_await before_end(relayed.first_token);
    if (!ready) {
      broken = std::move(ready).error();
      piece.clear();
    }
  }
  if (broken) {
    const bool cut = broken->kind == ErrorKind::client_gone && client.was_cut();
    // Bytes that nobody here understands end where they are: the client sees that the transfer was cut.
    if ((cut || broken->kind != ErrorKind::client_gone) && !reply.raw) {
      const Error told = cut ? stopping() : *broken;
      const std::string failure = reply.failure(told);
      piece.append(failure.empty() ? dialect.encode_stream_error(told, facts.request_id) : failure);
      (void)co_await client.finish_stream(piece, trailers());
    }
    relayed.error = std::move(broken);
    co_return relayed;
  }
  if (sent) sent = co_await client.finish_stream(piece, trailers());
  if (!sent) relayed.error = std::move(sent).error();
  co_return relayed;
}

async::Task<Result<void>> respond_whole(http::Exchange& client, Reply& reply, const dialects::Dialect& dialect,
                                        const AnswerFacts& facts) {
  if (client.started()) {
    std::string event = "data: " + in_one_line(reply.body) + "\n\n";
    event.append(dialect.watch_stream(false)->end_marker());
    http::Headers trailers;
    add_facts(trailers, facts);
    co_return co_await client.finish_stream(event, trailers);
  }
  add_facts(reply.headers, facts);
  co_return co_await client.respond(reply.status, reply.headers, reply.body);
}

async::Task<> respond_late_error(http::Exchange& client, const Error& error, const dialects::Dialect& dialect,
                                 const AnswerFacts& facts) {
  const std::string event = dialect.encode_stream_error(error, facts.request_id);
  http::Headers trailers;
  add_facts(trailers, facts);
  (void)co_await client.finish_stream(event, trailers);
}

async::Task<int> respond_error(http::Exchange& client, const Error& error, const Failure::Verbatim* verbatim,
                               const dialects::Dialect& dialect, const AnswerFacts& facts) {
  dialects::ErrorBody own;
  if (verbatim) {
    own = {verbatim->status, verbatim->body, verbatim->headers};
  } else {
    own = dialect.encode_error(error, facts.request_id);
    own.headers.set("content-type", "application/json");
  }
  // The same request has been tried several times already: the client's own retries would multiply that.
  if (facts.attempts > 1) own.headers.set("x-should-retry", "false");
  add_facts(own.headers, facts);
  (void)co_await client.respond(own.status, own.headers, own.body);
  co_return own.status;
}

}  // namespace sluice::gateway
