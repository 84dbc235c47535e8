// HTTP/2 between our own client and our own server: the same Handler and the same Call as with HTTP/1.1. What others
// send, and what an attacker does, is shown in tests/e2e.
#include <gtest/gtest.h>

#include <algorithm>

#include "async/scope.h"
#include "http/client.h"
#include "http/server.h"
#include "net/connect.h"

namespace sluice::http {
namespace {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Answering : public Handler {
 public:
  explicit Answering(net::Reactor& reactor) : reactor_(reactor) {}
  Task<> handle(Exchange& exchange) override {
    seen.push_back(std::string(exchange.head().path));
    if (exchange.head().path == "/v1/never") {
      co_await reactor_.scheduler().sleep({async::TimePoint::max(), &exchange.client_gone()});
      left = exchange.client_gone().fired();
      co_return;
    }
    Result<std::string> body = co_await exchange.read_body();
    const std::string echo = body ? *body : std::to_string(static_cast<int>(body.error().kind));
    if (exchange.head().path != "/v1/stream") {
      const Headers headers{{"X-Path", exchange.head().path}, {"connection", "close"}};
      (void)co_await exchange.respond(200, headers, echo);
      co_return;
    }
    const Headers headers{{"x-a", "b"}};
    (void)co_await exchange.begin_stream(200, headers, "one,");
    (void)co_await exchange.write("two,");
    const Headers trailers{{"x-t", "1"}};
    (void)co_await exchange.finish_stream("three", trailers);
  }
  std::string malformed(int status, std::string_view message, Headers&) override {
    return std::to_string(status) + " " + std::string(message);
  }
  std::vector<std::string> seen;
  bool left = false;

 private:
  net::Reactor& reactor_;
};

struct Outcome {
  bool done = false;
  bool reused = false;
  int status = 0;
  std::string path;
  std::string body;
  std::optional<Error> error;
};

Task<> call(ConnectionPool* pool, Endpoint server, std::string path, std::string body, Outcome* outcome,
            Deadline deadline) {
  const BaseUrl base{.endpoint = server, .path_prefix = "/v1", .host_header = "x"};
  const std::string head = request_head("POST", base, path, {{"a", "b"}}, body.size());
  Result<Call> opened = co_await pool->open(server, deadline);
  if (opened) {
    outcome->reused = opened->reused();
    // In one piece, or in three where it is long enough.
    const std::string_view all_of_it = body;
    const Body pieces(all_of_it.substr(0, body.size() / 3), all_of_it.substr(body.size() / 3, 1),
                      all_of_it.substr(std::min(body.size(), body.size() / 3 + 1)));
    const Body sent = body.size() > 3 ? pieces : Body(body);
    Result<Response> response = co_await opened->send(head, sent, deadline);
    if (response) {
      outcome->status = response->status;
      outcome->path = response->headers.get("x-path").value_or("");
      Result<std::string> all = co_await opened->read_all(deadline);
      if (all) outcome->body = *std::move(all);
      if (!all) outcome->error = all.error();
    } else {
      outcome->error = response.error();
    }
  } else {
    outcome->error = opened.error();
  }
  outcome->done = true;
}

Task<> serve_all(net::Reactor* reactor, net::Listener* listener, const ServerLimits* limits, Handler* handler,
                 async::Cancel* stop, int* accepted, async::Scope* connections) {
  for (;;) {
    auto socket = co_await listener->accept(Deadline{async::TimePoint::max(), stop});
    if (!socket) co_return;
    ++*accepted;
    connections->spawn([](net::Reactor* r, std::unique_ptr<net::Stream> s, const ServerLimits* l, Handler* h,
                          async::Cancel* c) { return serve_connection(*r, std::move(s), *l, *h, *c); },
                       reactor, std::unique_ptr<net::Stream>(*std::move(socket)), limits, handler, stop);
  }
}

struct Http2Test : testing::Test {
  net::Reactor reactor;
  net::Resolver resolver{reactor};
  net::Connector connector{reactor, resolver, nullptr};
  std::unique_ptr<net::Listener> listener =
      *net::Listener::listen(reactor, *net::numeric_address("127.0.0.1", 0), false);
  ServerLimits limits;
  Answering handler{reactor};
  async::Cancel stop;
  int accepted = 0;
  ConnectionPool pool{connector, {.header_bytes = 2000, .body_bytes = 5'000'000}};
  async::Scope connections;
  async::Scope scope;

  void SetUp() override {
    scope.spawn(serve_all, &reactor, listener.get(), &limits, &handler, &stop, &accepted, &connections);
  }
  Endpoint here() {
    return {.host = "127.0.0.1", .port = listener->local_address().port(), .http = HttpVersion::http2};
  }
  template <class Done>
  void run_until(Done done) {
    const auto give_up = async::Clock::now() + seconds(30);
    while (!done()) {
      ASSERT_LT(async::Clock::now(), give_up);
      reactor.run_once();
    }
  }
  Outcome outcome_of(std::string path, std::string body = "{}") {
    Outcome outcome;
    scope.spawn(call, &pool, here(), std::move(path), std::move(body), &outcome, reactor.within(seconds(20)));
    run_until([&] { return outcome.done; });
    return outcome;
  }
};

TEST_F(Http2Test, A_call_and_an_exchange_do_not_know_which_version_they_use) {
  const Outcome whole = outcome_of("/echo", "hello");
  EXPECT_FALSE(whole.error) << whole.error->message;
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.path, "/v1/echo");
  EXPECT_EQ(whole.body, "hello");
  const Outcome streamed = outcome_of("/stream");
  EXPECT_EQ(streamed.body, "one,two,three") << "the trailers are no part of it";
  EXPECT_TRUE(streamed.reused);
  EXPECT_EQ(accepted, 1);
}

TEST_F(Http2Test, Many_calls_share_a_connection_and_large_bodies_pass) {
  (void)outcome_of("/echo");
  std::vector<Outcome> outcomes(40);
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    scope.spawn(call, &pool, here(), std::string("/echo"), std::string(100'000 + i, 'x'), &outcomes[i],
                reactor.within(seconds(20)));
  run_until([&] { return std::ranges::all_of(outcomes, &Outcome::done); });
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_FALSE(outcomes[i].error) << outcomes[i].error->message;
    EXPECT_EQ(outcomes[i].body.size(), 100'000 + i);
  }
  EXPECT_EQ(accepted, 1);
}

TEST_F(Http2Test, Calls_beyond_what_the_server_allows_go_on_another_connection) {
  limits.http2.streams = 2;
  (void)outcome_of("/echo");
  std::vector<Outcome> outcomes(5);
  {
    async::Scope calls;
    for (Outcome& outcome : outcomes)
      calls.spawn(call, &pool, here(), std::string("/never"), std::string(), &outcome, reactor.within(seconds(20)));
    run_until([&] { return handler.seen.size() == 6; });
    EXPECT_GE(accepted, 3);
  }
  run_until([&] { return handler.left; });
}

TEST_F(Http2Test, A_call_that_is_dropped_tells_the_server_and_keeps_the_connection) {
  Outcome never;
  {
    async::Scope calls;
    calls.spawn(call, &pool, here(), std::string("/never"), std::string("{}"), &never, reactor.within(seconds(20)));
    run_until([&] { return !handler.seen.empty(); });
  }
  run_until([&] { return handler.left; });
  EXPECT_EQ(outcome_of("/echo", "still there").body, "still there");
  EXPECT_EQ(accepted, 1);
}

TEST_F(Http2Test, A_deadline_ends_a_call_and_a_body_beyond_the_limit_is_named) {
  Outcome late;
  scope.spawn(call, &pool, here(), std::string("/never"), std::string(), &late, reactor.within(milliseconds(50)));
  run_until([&] { return late.done; });
  EXPECT_EQ(late.error->kind, ErrorKind::provider_timeout);
  limits.body_bytes = 1000;
  EXPECT_EQ(outcome_of("/echo", std::string(5000, 'x')).body,
            std::to_string(static_cast<int>(ErrorKind::request_too_large)));
}

TEST_F(Http2Test, A_server_that_stops_ends_its_idle_connections) {
  (void)outcome_of("/echo");
  EXPECT_EQ(connections.size(), 1U);
  stop.fire();
  run_until([&] { return connections.size() == 0; });
}

TEST_F(Http2Test, A_server_that_speaks_something_else_is_an_error_that_may_be_tried_elsewhere) {
  async::Scope other;
  std::unique_ptr<net::Listener> odd = *net::Listener::listen(reactor, *net::numeric_address("127.0.0.1", 0), false);
  other.spawn(
      [](net::Listener* l, Deadline deadline) -> Task<> {
        auto socket = co_await l->accept(deadline);
        if (socket) (void)co_await (*socket)->write("HTTP/1.1 400 Bad Request\r\n\r\n", {}, deadline);
      },
      odd.get(), reactor.within(seconds(20)));
  Outcome outcome;
  const Endpoint there{.host = "127.0.0.1", .port = odd->local_address().port(), .http = HttpVersion::http2};
  scope.spawn(call, &pool, there, std::string("/echo"), std::string("{}"), &outcome, reactor.within(seconds(20)));
  run_until([&] { return outcome.done; });
  EXPECT_EQ(outcome.error->kind, ErrorKind::provider_unreachable);
  EXPECT_EQ(outcome.error->retry, Retry::anywhere);
}

}  // namespace
}  // namespace sluice::http
