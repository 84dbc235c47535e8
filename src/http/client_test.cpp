// Calls of a provider that answers with given bytes and closes: what is taken for an answer, and what for a fault.
#include "http/client.h"

#include <gtest/gtest.h>

#include "async/scope.h"

namespace sluice::http {
namespace {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Takes one request, answers in the given pieces; stays silent afterwards or closes.
Task<> provide(net::Reactor& reactor, net::Listener& listener, std::vector<std::string> pieces, bool close,
               Deadline deadline) {
  auto socket = co_await listener.accept(deadline);
  if (!socket) co_return;
  char buffer[4096];
  (void)co_await (*socket)->read(buffer, deadline);
  for (const std::string& piece : pieces) {
    (void)co_await (*socket)->write(piece, {}, deadline);
    co_await reactor.scheduler().sleep(reactor.within(milliseconds(1)));
  }
  if (!close) co_await reactor.scheduler().sleep(deadline);
}

// Answers one request and then tells when the other side has closed the connection.
Task<> answer_and_wait_for_the_end(net::Listener& listener, bool& closed, Deadline deadline) {
  auto socket = co_await listener.accept(deadline);
  if (!socket) co_return;
  char buffer[4096];
  (void)co_await (*socket)->read(buffer, deadline);
  (void)co_await (*socket)->write("HTTP/1.1 204 No Content\r\n\r\n", {}, deadline);
  const auto end = co_await (*socket)->read(buffer, deadline);
  closed = end && *end == 0;
}

// Answers a request on each of two connections; then hangs up the first and stays on the second until `done`.
Task<> answer_two_and_leave_one(net::Reactor& reactor, net::Listener& listener, const bool& done, Deadline deadline) {
  auto first = co_await listener.accept(deadline);
  auto second = co_await listener.accept(deadline);
  if (!first || !second) co_return;
  char buffer[4096];
  for (auto* socket : {&*first, &*second}) {
    (void)co_await (*socket)->read(buffer, deadline);
    (void)co_await (*socket)->write("HTTP/1.1 204 No Content\r\n\r\n", {}, deadline);
  }
  first->reset();
  while (!done) co_await reactor.scheduler().sleep(reactor.within(milliseconds(10)));
}

struct Outcome {
  bool done = false;
  int status = 0;
  std::string body;
  std::optional<Error> error;
};

Task<> call(ConnectionPool& pool, Endpoint provider, Outcome& outcome, Deadline deadline) {
  const BaseUrl base{.endpoint = provider, .path_prefix = "/v1", .host_header = "x"};
  const std::string head = request_head("POST", base, "/chat", {{"a", "b"}}, 2);
  {
    Result<Call> opened = co_await pool.open(provider, deadline);
    EXPECT_TRUE(opened);
    if (!opened) co_return;
    const Result<Response> response = co_await opened->send(head, "{}", deadline);
    if (response) {
      outcome.status = response->status;
      Result<std::string> body = co_await opened->read_all(deadline);
      if (body)
        outcome.body = *std::move(body);
      else
        outcome.error = body.error();
    } else {
      outcome.error = response.error();
    }
  }
  outcome.done = true;
}

struct ClientTest : testing::Test {
  net::Reactor reactor;
  net::Resolver resolver{reactor};
  net::Connector connector{reactor, resolver, nullptr};
  std::unique_ptr<net::Listener> listener =
      *net::Listener::listen(reactor, *net::numeric_address("127.0.0.1", 0), false);
  ConnectionPool pool{connector, {.header_bytes = 2000, .body_bytes = 5000}};
  async::Scope scope;

  Outcome outcome_of(std::vector<std::string> pieces, bool close = true, async::Duration limit = seconds(20)) {
    if (pool.idle() > 0) reactor.run_once();  // epoll tells that the last provider has hung up
    async::Scope provider;
    provider.spawn(provide, std::ref(reactor), std::ref(*listener), std::move(pieces), close,
                   reactor.within(seconds(20)));
    Outcome outcome;
    const Endpoint here{.host = "127.0.0.1", .port = listener->local_address().port()};
    scope.spawn(call, std::ref(pool), here, std::ref(outcome), reactor.within(limit));
    const auto give_up = async::Clock::now() + seconds(30);
    while (!outcome.done && async::Clock::now() < give_up) reactor.run_once();
    EXPECT_TRUE(outcome.done);
    return outcome;
  }
};

TEST_F(ClientTest, Takes_every_framing_of_a_body_in_any_pieces) {
  const std::string answers[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\nhello",
      "HTTP/1.0 200 OK\r\n\r\nhello",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
      "5\r\n\r\nhello",
  };
  for (const std::string& answer : answers) {
    std::vector<std::string> bytes;
    for (const char c : answer) bytes.emplace_back(1, c);
    for (const auto& pieces : {std::vector<std::string>{answer}, bytes}) {
      const Outcome outcome = outcome_of(pieces);
      EXPECT_FALSE(outcome.error) << answer << outcome.error->message;
      EXPECT_EQ(outcome.status, 200);
      EXPECT_EQ(outcome.body, "hello") << answer;
    }
  }
}

TEST_F(ClientTest, A_fault_of_the_provider_is_named_and_may_be_tried_elsewhere) {
  const std::string answers[] = {
      "",
      "HTTP/1.1 200 OK\r\nContent-Le",
      "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
      "<html>502</html>",
      "HTTP/1.1 200 OK\r\nX: " + std::string(3000, 'x') + "\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + std::string(6000, 'x'),
  };
  for (const std::string& answer : answers) {
    const Outcome outcome = outcome_of({answer});
    ASSERT_TRUE(outcome.error) << answer.substr(0, 100);
    EXPECT_EQ(outcome.error->kind, ErrorKind::provider_unreachable) << answer.substr(0, 100);
    EXPECT_EQ(outcome.error->retry, Retry::anywhere);
    EXPECT_FALSE(outcome.error->message.empty());
  }
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(ClientTest, An_answer_without_a_body_needs_no_length) {
  const Outcome outcome = outcome_of({"HTTP/1.1 204 No Content\r\n\r\n"}, false);
  EXPECT_FALSE(outcome.error);
  EXPECT_EQ(outcome.status, 204);
  EXPECT_EQ(pool.idle(), 1U);
}

TEST_F(ClientTest, A_connection_with_more_bytes_than_its_answer_is_not_kept) {
  const Outcome outcome = outcome_of({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n"}, false);
  EXPECT_EQ(outcome.body, "ok");
  EXPECT_EQ(pool.idle(), 0U);
}

TEST_F(ClientTest, A_kept_connection_that_the_provider_has_closed_is_not_used_again) {
  EXPECT_EQ(outcome_of({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}).body, "ok");
  for (int i = 0; i < 3; ++i) reactor.post([] {}), reactor.run_once();
  EXPECT_EQ(outcome_of({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}).body, "ok");
}

TEST_F(ClientTest, A_kept_connection_is_closed_when_nobody_has_used_it_for_its_time) {
  ConnectionPool short_lived(connector, {}, milliseconds(40));
  bool closed = false;
  scope.spawn(answer_and_wait_for_the_end, std::ref(*listener), std::ref(closed), reactor.within(seconds(20)));
  Outcome outcome;
  const Endpoint here{.host = "127.0.0.1", .port = listener->local_address().port()};
  scope.spawn(call, std::ref(short_lived), here, std::ref(outcome), reactor.within(seconds(20)));
  const auto give_up = async::Clock::now() + seconds(30);
  while (!closed && async::Clock::now() < give_up) reactor.run_once();
  EXPECT_TRUE(outcome.done);
  EXPECT_TRUE(closed);
  EXPECT_EQ(short_lived.idle(), 0U);
}

TEST_F(ClientTest, A_kept_connection_is_closed_when_the_provider_hangs_up_though_nobody_calls) {
  ConnectionPool patient(connector, {}, seconds(8));  // looks every two seconds, long before it closes by time
  bool done = false;
  async::Scope calls;
  calls.spawn(answer_two_and_leave_one, std::ref(reactor), std::ref(*listener), std::cref(done),
              reactor.within(seconds(30)));
  Outcome outcomes[2];
  const Endpoint here{.host = "127.0.0.1", .port = listener->local_address().port()};
  for (Outcome& outcome : outcomes)
    calls.spawn(call, std::ref(patient), here, std::ref(outcome), reactor.within(seconds(20)));
  const auto give_up = async::Clock::now() + seconds(30);
  while (!(outcomes[0].done && outcomes[1].done) && async::Clock::now() < give_up) reactor.run_once();
  EXPECT_EQ(patient.idle(), 2U);
  while (patient.idle() == 2 && async::Clock::now() < give_up) reactor.run_once();
  EXPECT_EQ(patient.idle(), 1U) << "the other one is still good";
  done = true;
  while (calls.size() > 0 && async::Clock::now() < give_up) reactor.run_once();
}

TEST_F(ClientTest, A_silent_provider_meets_the_deadline) {
  const Outcome outcome = outcome_of({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}, false, milliseconds(50));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->kind, ErrorKind::provider_timeout);
}

}  // namespace
}  // namespace sluice::http
