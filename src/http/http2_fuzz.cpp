// A connection of HTTP/2 from any bytes, to the server and to the client: whatever comes, each request ends, each call
// is answered or fails, and the connection ends with its bytes. The first byte says which of the two, and whether the
// bytes stand behind a good beginning.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "async/scope.h"
#include "http/http2_client.h"
#include "http/http2_server.h"

namespace {

using namespace sluice;

// A peer that has said all it will ever say, in pieces, and takes whatever it is told.
class Told : public net::Stream {
 public:
  Told(net::Reactor& reactor, std::string bytes, std::size_t piece)
      : Stream(reactor), bytes_(std::move(bytes)), piece_(piece) {}
  bool stale() override { return false; }

 protected:
  net::Attempt try_read(std::span<char> buffer) override {
    const std::size_t size = std::min({buffer.size(), bytes_.size() - at_, piece_});
    if (size == 0) return {net::Attempt::State::end};
    std::memcpy(buffer.data(), bytes_.data() + at_, size);
    at_ += size;
    return {net::Attempt::State::moved, size};
  }
  net::Attempt try_write(std::span<const iovec> pieces) override {
    return {net::Attempt::State::moved, pieces.front().iov_len};
  }

 private:
  std::string bytes_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

struct Answering : http::Handler {
  async::Task<> handle(http::Exchange& exchange) override {
    ++begun;
    const http::Headers headers{{"x-a", "b"}};  // g++ 12 takes no such list within a co_await
    const http::Headers trailers{{"x-t", "1"}};
    const Result<std::string> body = co_await exchange.read_body();
    if (exchange.head().path.size() % 2 == 0) {
      (void)co_await exchange.respond(200, headers, body ? *body : body.error().message);
    } else {
      (void)co_await exchange.begin_stream(200, headers, "one");
      (void)co_await exchange.write("two");
      (void)co_await exchange.finish_stream("three", trailers);
    }
    ++ended;
  }
  std::string malformed(int, std::string_view message, http::Headers&) override { return std::string(message); }
  int begun = 0;
  int ended = 0;
};

async::Task<> serve(net::Reactor* reactor, std::string bytes, std::size_t piece, http::ServerLimits* limits,
                    Answering* handler, bool* done) {
  async::Cancel stop;
  http::Parting parting;
  co_await http::serve_http2(*reactor, std::make_unique<Told>(*reactor, std::move(bytes), piece), *limits, *handler,
                             stop, parting, std::string());
  *done = true;
}

async::Task<> call(net::Reactor* reactor, http::Http2Client* client, bool* done) {
  const std::unique_ptr<http::Http2Call> one = client->open();
  const async::Deadline deadline = reactor->within(std::chrono::seconds(5));
  const Result<http::Response> response =
      co_await one->send("POST /v1/chat HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n", "{}", deadline);
  std::string body;
  while (response) {
    const Result<bool> more = co_await one->read_some(body, deadline);
    if (!more || !*more) break;
  }
  *done = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t kind = data[0];
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static constexpr std::string_view settings("\0\0\0\4\0\0\0\0\0", 9);
  const std::size_t piece = kind & 4 ? 3 : 4096;
  net::Reactor reactor;
  if (kind & 1) {
    if (kind & 2) bytes.insert(0, settings);
    http::Http2Client client(reactor, std::make_unique<Told>(reactor, std::move(bytes), piece), {}, false);
    bool done = false;
    async::Scope scope;
    scope.spawn(call, &reactor, &client, &done);
    while (!done) reactor.run_once();
    return 0;
  }
  if (kind & 2) bytes.insert(0, std::string(http::http2_preface).append(settings));
  // Whoever leaves at once is not waited for.
  http::ServerLimits limits{.header_bytes = 1024, .body_bytes = 4096, .linger_timeout = std::chrono::milliseconds(1)};
  Answering handler;
  bool done = false;
  async::Scope scope;
  scope.spawn(serve, &reactor, std::move(bytes), piece, &limits, &handler, &done);
  while (!done) reactor.run_once();
  if (handler.begun != handler.ended) std::abort();
  return 0;
}
