// The server's connection and the pool of the client's side, against each other and against raw bytes, over loopback.
#include "http/server.h"

#include <gtest/gtest.h>

#include "async/scope.h"
#include "http/client.h"

namespace sluice::http {
namespace {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Answers with the method, the path and the body; "/stream" in pieces, "/unread" without reading the body.
class Echo : public Handler {
 public:
  Task<> handle(Exchange& exchange) override {
    ++requests;
    const std::string path(exchange.head().path);
    if (path == "/unread") {
      (void)co_await exchange.respond(403, {}, "no");
      co_return;
    }
    Result<std::string> body = co_await exchange.read_body();
    if (!body) {
      last_error = body.error();
      if (body.error().kind == ErrorKind::request_too_large) (void)co_await exchange.respond(413, {}, "too large");
      co_return;
    }
    if (path != "/stream") {
      const Headers headers{{"x-a", "1"}};
      (void)co_await exchange.respond(200, headers, std::string(exchange.head().method) + " " + path + " " + *body);
      co_return;
    }
    (void)co_await exchange.begin_stream(200, {}, "one ");
    (void)co_await exchange.write("two ");
    const Headers trailers{{"x-t", "1"}};
    (void)co_await exchange.finish_stream("three", trailers);
  }
  std::string malformed(int status, std::string_view message, Headers&) override {
    return std::to_string(status) + " " + std::string(message);
  }
  void beyond_limit(std::string_view limit) override { limits_met.emplace_back(limit); }
  int requests = 0;
  std::vector<std::string> limits_met;
  std::optional<Error> last_error;
};

Task<> serve_all(net::Reactor& reactor, net::Listener& listener, const ServerLimits& limits, Handler& handler,
                 async::Cancel& stop, async::Scope& connections) {
  for (;;) {
    auto socket = co_await listener.accept(Deadline{async::TimePoint::max(), &stop});
    if (!socket) co_return;
    connections.spawn([](net::Reactor* r, std::unique_ptr<net::Stream> s, const ServerLimits* l, Handler* h,
                         async::Cancel* c) { return serve_connection(*r, std::move(s), *l, *h, *c); },
                      &reactor, std::unique_ptr<net::Stream>(*std::move(socket)), &limits, &handler, &stop);
  }
}

// Sends the pieces one by one and collects what comes until the server closes. Like many clients it looks for an answer
// only when it has sent everything.
Task<> talk(net::Connector& connector, Endpoint server, std::vector<std::string> pieces, std::string& out, bool& done,
            Deadline deadline) {
  auto stream = co_await net::connect(connector, server, deadline);
  bool sent = stream.has_value();
  for (const std::string& piece : pieces) {
    sent = sent && co_await (*stream)->write(piece, {}, deadline);
    co_await connector.reactor.scheduler().sleep(connector.reactor.within(milliseconds(1)));
  }
  char buffer[4096];
  while (sent) {
    const Result<std::size_t> got = co_await (*stream)->read(buffer, deadline);
    if (!got || *got == 0) break;
    out.append(buffer, *got);
  }
  done = true;
}

struct ServerTest : testing::Test {
  net::Reactor reactor;
  net::Resolver resolver{reactor};
  net::Connector connector{reactor, resolver, nullptr};
  std::unique_ptr<net::Listener> listener =
      *net::Listener::listen(reactor, *net::numeric_address("127.0.0.1", 0), false);
  ServerLimits limits;
  Echo echo;
  async::Cancel stop;
  ConnectionPool pool{connector, {}};
  async::Scope connections;
  async::Scope scope;

  void SetUp() override {
    scope.spawn(serve_all, std::ref(reactor), std::ref(*listener), std::cref(limits), std::ref(echo), std::ref(stop),
                std::ref(connections));
  }
  Endpoint here() { return {.host = "127.0.0.1", .port = listener->local_address().port()}; }
  template <class Done>
  void run_until(Done done) {
    const auto give_up = async::Clock::now() + seconds(30);
    while (!done()) {
      ASSERT_LT(async::Clock::now(), give_up);
      reactor.run_once();
    }
  }
  std::string reply_to_pieces(std::vector<std::string> pieces) {
    std::string out;
    bool done = false;
    scope.spawn(talk, std::ref(connector), here(), std::move(pieces), std::ref(out), std::ref(done),
                reactor.within(seconds(20)));
    run_until([&] { return done; });
    return out;
  }
  std::string reply_to(std::string text) { return reply_to_pieces({std::move(text)}); }
};

TEST_F(ServerTest, Answers_requests_that_come_in_one_piece_and_in_any) {
  const std::string request = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
  const std::string reply = "HTTP/1.1 200 OK\r\nx-a: 1\r\nconnection: close\r\ncontent-length: 13\r\n\r\nPOST /a hello";
  EXPECT_EQ(reply_to(request), reply);
  std::vector<std::string> bytes;
  for (const char c : request) bytes.emplace_back(1, c);
  EXPECT_EQ(reply_to_pieces(bytes), reply);
}

TEST_F(ServerTest, Answers_pipelined_requests_in_order_and_never_mixes_bodies_with_heads) {
  const std::string reply = reply_to(
      "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n"
      "GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
      "GET /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /d HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(reply.find("POST /a GET"), std::string::npos);
  EXPECT_LT(reply.find("POST /a GET"), reply.find("GET /b "));
  EXPECT_LT(reply.find("GET /b "), reply.find("GET /c "));
  EXPECT_EQ(reply.find("GET /d "), std::string::npos) << "after connection: close nothing is served";
  EXPECT_EQ(echo.requests, 3);
}

TEST_F(ServerTest, A_stream_is_chunked_for_http_1_1_and_ends_with_the_connection_for_http_1_0) {
  EXPECT_TRUE(reply_to("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                  .ends_with("\r\n\r\n4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\nx-t: 1\r\n\r\n"));
  EXPECT_TRUE(reply_to("GET /stream HTTP/1.0\r\n\r\n").ends_with("\r\n\r\none two three"));
}

TEST_F(ServerTest, Refuses_what_could_smuggle_and_closes) {
  const std::string reply = reply_to(
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
      "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 400 Bad Request\r\n")) << reply;
  EXPECT_EQ(echo.requests, 0);
}

TEST_F(ServerTest, A_body_that_nobody_read_is_not_taken_for_the_next_request) {
  const std::string reply = reply_to(
      "POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 37\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n..");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 403")) << reply;
  EXPECT_EQ(echo.requests, 1);
}

TEST_F(ServerTest, A_client_that_sends_a_body_that_is_too_large_to_its_end_still_sees_the_answer) {
  limits.body_bytes = 1000;
  const std::string large(8'000'000, 'x');
  EXPECT_TRUE(
      reply_to("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n" + large).ends_with("too large"));
  EXPECT_TRUE(reply_to("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7a1200\r\n" + large)
                  .ends_with("too large"));
}

TEST_F(ServerTest, A_head_that_does_not_end_is_answered_with_408) {
  limits.header_timeout = milliseconds(20);
  EXPECT_TRUE(reply_to("GET / HTTP/1.1\r\nHost:").starts_with("HTTP/1.1 408"));
}

TEST_F(ServerTest, A_head_without_end_is_refused_at_the_limit) {
  limits.header_bytes = 1000;
  EXPECT_TRUE(reply_to_pieces({"GET / HTTP/1.1\r\nX: ", std::string(500, 'a'), std::string(600, 'a')})
                  .starts_with("HTTP/1.1 431"));
}

TEST_F(ServerTest, Names_the_bound_that_a_request_has_met_once) {
  limits.header_bytes = 10'000;
  limits.header_timeout = limits.body_timeout = limits.idle_timeout = milliseconds(20);
  limits.body_bytes = 1000;
  const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "x: y\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {"idle_timeout", ""},
      {"head_timeout", head},
      {"head_bytes", head + "x: " + std::string(11'000, 'a')},
      {"head_fields", head + fields + "\r\n"},
      {"target_bytes", "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n"},
      {"body_bytes", head + "Content-Length: 1001\r\n\r\n"},
      {"body_bytes", chunked + "3e9\r\n" + std::string(1001, 'a')},
      {"body_timeout", head + "Content-Length: 10\r\n\r\n"},
      {"chunk_size_digits", chunked + std::string(16, '1')},
      {"chunk_extension_bytes", chunked + "1;" + std::string(5'000, 'a')},
      {"trailer_bytes", chunked + "0\r\nx: " + std::string(17'000, 'a')}};
  for (const auto& [name, text] : cases) {
    echo.limits_met.clear();
    (void)reply_to(text);
    EXPECT_EQ(echo.limits_met, std::vector{name});
  }
  echo.limits_met.clear();
  (void)reply_to(head + "Connection: close\r\n\r\n");
  (void)reply_to("POST /a HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(echo.limits_met.empty()) << "what is only wrong meets no bound";
}

// Asks for more than the sockets between the two hold, and reads none of it.
Task<> ask_and_not_read(net::Connector& connector, Endpoint server, std::string text, bool& over, Deadline deadline) {
  auto stream = co_await net::connect(connector, server, deadline);
  if (stream) (void)co_await (*stream)->write(text, {}, deadline);
  while (!over) co_await connector.reactor.scheduler().sleep(connector.reactor.within(milliseconds(5)));
}

TEST_F(ServerTest, A_client_that_does_not_read_its_answer_is_left_at_the_write_timeout) {
  limits.write_timeout = milliseconds(20);
  bool over = false;
  const std::string body(30'000'000, 'x');
  scope.spawn(ask_and_not_read, std::ref(connector), here(),
              "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
              std::ref(over), reactor.within(seconds(20)));
  run_until([&] { return !echo.limits_met.empty(); });
  over = true;
  EXPECT_EQ(echo.limits_met, std::vector<std::string>{"write_timeout"});
}

TEST_F(ServerTest, Tells_a_client_that_asks_to_go_on) {
  const std::string reply = reply_to_pieces(
      {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n", "ok"});
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")) << reply;
}

TEST_F(ServerTest, A_client_that_leaves_within_its_body_is_noticed) {
  bool done = false;
  scope.spawn(
      [](net::Connector* c, Endpoint e, bool* finished, Deadline d) -> Task<> {
        auto stream = co_await net::connect(*c, e, d);
        (void)co_await (*stream)->write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", {}, d);
        *finished = true;
      },
      &connector, here(), &done, reactor.within(seconds(20)));
  run_until([&] { return done && echo.last_error; });
  EXPECT_EQ(echo.last_error->kind, ErrorKind::client_gone);
}

Task<> call_once(ConnectionPool& pool, Endpoint server, std::string path, std::string body, std::string& out,
                 bool& reused, Deadline deadline) {
  Result<Call> call = co_await pool.open(server, deadline);
  EXPECT_TRUE(call);
  if (!call) co_return;
  reused = call->reused();
  const BaseUrl base{.endpoint = server, .path_prefix = {}, .host_header = "x"};
  const std::string head = request_head("POST", base, path, {}, body.size());
  const Result<Response> response = co_await call->send(head, body, deadline);
  EXPECT_TRUE(response) << response.error().message;
  Result<std::string> all = co_await call->read_all(deadline);
  EXPECT_TRUE(all);
  out = std::to_string(response->status) + " " + all.value_or("");
}

TEST_F(ServerTest, The_pool_keeps_a_connection_whose_answer_was_read_to_its_end) {
  std::string out;
  bool reused = true;
  scope.spawn(call_once, std::ref(pool), here(), "/a", "one", std::ref(out), std::ref(reused),
              reactor.within(seconds(20)));
  run_until([&] { return pool.idle() == 1; });
  EXPECT_EQ(out, "200 POST /a one");
  EXPECT_FALSE(reused);
  out.clear();
  scope.spawn(call_once, std::ref(pool), here(), "/stream", "", std::ref(out), std::ref(reused),
              reactor.within(seconds(20)));
  run_until([&] { return !out.empty() && pool.idle() == 1; });
  EXPECT_EQ(out, "200 one two three");
  EXPECT_TRUE(reused);
}

}  // namespace
}  // namespace sluice::http
