// HttpTransport against a server of its own on a free port of this machine.
#include "cli/http_transport.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "async/scope.h"
#include "cli/exit_code.h"
#include "cli/probe.h"
#include "dialects/openai_chat/openai_chat.h"
#include "http/server.h"
#include "json/json.h"
#include "net/connect.h"
#include "net/reactor.h"
#include "net/socket.h"

namespace sluice::cli {
namespace {

constexpr const char* good_key = "sk-sluice-good";

const http::Headers facts{{"content-type", "text/event-stream"}, {"x-sluice-request-id", "req_1"},
                          {"x-sluice-provider", "local"},        {"x-sluice-model", "tiny"},
                          {"x-sluice-ground", "self_hosted"},    {"x-sluice-attempts", "1"}};

constexpr const char* whole =
    R"({"id":"c1","object":"chat.completion","created":1,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant",)"
    R"("content":"Hello there"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})";
constexpr const char* first_chunk =
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,)"
    "\"delta\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n";
constexpr const char* last_chunks =
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,)"
    "\"delta\":{\"content\":\" there\"},\"finish_reason\":null}]}\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[{"index":0,)"
    "\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    R"(data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"tiny","choices":[],)"
    "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n"
    "data: [DONE]\n\n";

// Answers like a sluice. A question for the model "endless" gets a beginning and then nothing.
class Mock : public http::Handler {
 public:
  explicit Mock(net::Reactor& reactor) : reactor_(reactor) {}

  async::Task<> handle(http::Exchange& exchange) override {
    const bool get = exchange.head().method == "GET";
    const bool good = exchange.head().get("authorization") == std::string("Bearer ") + good_key;
    const Result<std::string> body = co_await exchange.read_body();
    const http::Headers plain;
    if (get) {
      (void)co_await exchange.respond(204, plain, "");
      co_return;
    }
    if (!good) {
      (void)co_await exchange.respond(401, plain, R"({"error":{"message":"this key is not known"}})");
      co_return;
    }
    const auto request = json::Document::parse(body.value_or(""));
    const bool stream = request && request->root()["stream"].boolean() == true;
    if (!stream) {
      (void)co_await exchange.respond(200, facts, whole);
      co_return;
    }
    (void)co_await exchange.begin_stream(200, facts, first_chunk);
    if (request->root()["model"].string() == "endless")
      co_await reactor_.scheduler().sleep({async::TimePoint::max(), &exchange.client_gone()});
    else
      (void)co_await exchange.finish_stream(last_chunks, plain);
  }
  std::string malformed(int, std::string_view message, http::Headers&) override { return std::string(message); }

 private:
  net::Reactor& reactor_;
};

// The mock on a thread of its own.
class Server {
 public:
  Server() : mock_(reactor_) {
    auto listener = net::Listener::listen(reactor_, *net::numeric_address("127.0.0.1", 0), false);
    if (!listener) std::abort();
    listener_ = *std::move(listener);
    url_ = "http://" + listener_->local_address().text();
    scope_.emplace();
    scope_->spawn(accept_all, this);
    thread_ = std::thread([this] { reactor_.run(); });
  }
  ~Server() {
    reactor_.stop();
    thread_.join();
    scope_.reset();
  }
  const std::string& url() const { return url_; }

 private:
  static async::Task<> accept_all(Server* server) {
    while (true) {
      auto socket = co_await server->listener_->accept(async::Deadline::never());
      if (!socket) co_return;
      server->scope_->spawn(serve_one, server, std::move(*socket));
    }
  }
  static async::Task<> serve_one(Server* server, std::unique_ptr<net::Socket> socket) {
    co_await http::serve_connection(server->reactor_, std::move(socket), server->limits_, server->mock_, server->stop_);
  }

  net::Reactor reactor_;
  http::ServerLimits limits_;
  async::Cancel stop_;
  Mock mock_;
  std::unique_ptr<net::Listener> listener_;
  std::string url_;
  std::optional<async::Scope> scope_;
  std::thread thread_;
};

struct Transport : testing::Test {
  std::atomic<bool> interrupted = false;

  Result<Answer> ask(
      const std::string& url, const std::string& model, bool stream, const OnText& on_text = [](std::string_view) {},
      const char* key = good_key) {
    auto transport = http_transport({.url = url, .key = Secret(key)}, dialects::make_openai_chat(), interrupted);
    if (!transport) return std::unexpected(transport.error());
    chat::ChatRequest request;
    request.model = model;
    request.stream = stream;
    request.messages.push_back({.role = chat::Role::user, .blocks = {chat::Text{"hi"}}});
    return (*transport)->ask(request, on_text);
  }
};

TEST_F(Transport, Reads_a_whole_answer_with_its_facts) {
  Server server;
  const Result<Answer> answer = ask(server.url(), "auto", false);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "Hello there");
  EXPECT_EQ(answer->usage.input, 3);
  EXPECT_EQ(answer->usage.output, 2);
  EXPECT_EQ(answer->facts.ground, "self_hosted");
  EXPECT_EQ(answer->facts.provider, "local");
}

TEST_F(Transport, Hands_on_a_streams_text_as_it_comes) {
  Server server;
  std::vector<std::string> pieces;
  const Result<Answer> answer =
      ask(server.url(), "auto", true, [&](std::string_view piece) { pieces.emplace_back(piece); });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(pieces, (std::vector<std::string>{"Hello", " there"}));
  EXPECT_EQ(answer->text, "Hello there");
  EXPECT_EQ(answer->usage.output, 2);
}

// Who makes the connections of a measurement, or waits for the next line of a chat, asks long after they were made.
TEST_F(Transport, That_was_made_long_ago_has_its_whole_time_for_a_connection) {
  Server server;
  auto transport = http_transport({.url = server.url(), .key = Secret(good_key)}, dialects::make_openai_chat(),
                                  interrupted, async::Clock::now() - std::chrono::hours(1));
  ASSERT_TRUE(transport);
  chat::ChatRequest request;
  request.model = "auto";
  request.messages.push_back({.role = chat::Role::user, .blocks = {chat::Text{"hi"}}});
  const Result<Answer> answer = (*transport)->ask(request, [](std::string_view) {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "Hello there");
}

TEST_F(Transport, Ends_a_stream_on_ctrl_c) {
  Server server;
  const Result<Answer> answer = ask(server.url(), "endless", true, [&](std::string_view) { interrupted = true; });
  ASSERT_FALSE(answer);
  EXPECT_EQ(exit_code_of(answer.error()), exit_interrupted);
}

TEST_F(Transport, Passes_on_the_servers_own_words_when_it_refuses) {
  Server server;
  const Result<Answer> answer = ask(server.url(), "auto", false, [](std::string_view) {}, "sk-sluice-bad");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "this key is not known");
  EXPECT_EQ(answer.error().kind, ErrorKind::unauthenticated);
}

TEST(Probe, Tells_who_answers_and_whether_a_port_is_free) {
  Server server;
  EXPECT_EQ(probe(server.url(), "/health/ready").value_or(0), 204);
  const auto endpoint = parse_base_url(server.url());
  ASSERT_TRUE(endpoint);
  const auto listening = try_to_listen(endpoint->endpoint);
  ASSERT_FALSE(listening);
  EXPECT_NE(listening.error().message.find("cannot listen on 127.0.0.1"), std::string::npos);
  EXPECT_TRUE(try_to_listen({.host = "127.0.0.1", .port = 0, .unix_path = {}, .server_name = {}}));
}

}  // namespace
}  // namespace sluice::cli
