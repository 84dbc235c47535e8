#include "http/server.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "http/chunked.h"
#include "http/http2_server.h"
#include "http/serialize.h"

namespace sluice::http {

namespace {

bool has_token(const RequestHead& head, std::string_view name, std::string_view token) {
  for (const Field& field : head) {
    if (!equal_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      while (one.starts_with(' ') || one.starts_with('\t')) one.remove_prefix(1);
      while (one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
      if (equal_ignoring_case(one, token)) return true;
    }
  }
  return false;
}

}  // namespace

class ServerConnection;

// One request of HTTP/1.1.
class Http1Exchange : public Exchange {
 public:
  explicit Http1Exchange(ServerConnection& connection) : connection_(connection) {}
  const RequestHead& head() const override;
  async::Task<Result<std::string>> read_body() override;
  async::Task<Result<void>> respond(int status, const Headers& headers, std::string_view body) override;
  async::Task<Result<void>> begin_stream(int status, const Headers& headers, std::string_view first) override;
  async::Task<Result<void>> write(std::string_view piece) override;
  async::Task<Result<void>> finish_stream(std::string_view last, const Headers& trailers) override;
  async::Task<Result<std::unique_ptr<WebSocket>>> upgrade() override;
  bool finished() const { return finished_; }

 private:
  std::string head_text(int status, const Headers& headers);
  ServerConnection& connection_;
  bool finished_ = false;
  bool chunked_ = false;
};

// The connection's state: what has been read and not yet used, and the head of the request that runs.
class ServerConnection {
 public:
  ServerConnection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                   Handler& handler, Parting& parting)
      : reactor_(reactor), stream_(std::move(stream)), limits_(limits), handler_(handler), parting_(parting) {}

  async::Task<> serve(async::Cancel& stop);
  // What came first is the preface of HTTP/2: serve() has read it and ended.
  bool is_http2() const { return first_ && input_.starts_with("PRI * HTTP/2.0\r\n"); }
  std::unique_ptr<net::Stream> take_stream() { return std::move(stream_); }
  std::string take_input() { return std::move(input_); }

 private:
  friend class Http1Exchange;
  enum class Next : std::uint8_t { request, end, malformed };

  async::Task<Next> read_head(async::Cancel& stop);
  void keep_head(std::string_view bytes, std::size_t head_bytes);
  async::Task<Result<std::string>> read_body(async::Cancel& client_gone, async::Duration& waited);
  // With frames of their own, so that the connection's has no room for them.
  [[gnu::noinline]] async::Task<> refuse(int status, std::string message);
  [[gnu::noinline]] async::Task<> linger();
  // What goes wrong with write() means that the client cannot be reached any more.
  Result<void> sent(Result<void> written);
  // co_await, then sent().
  net::Stream::Write write(std::string_view first, std::string_view second, async::Cancel& client_gone) {
    return stream_->write(first, second, reactor_.within(limits_.write_timeout, &client_gone));
  }
  // More of a body; in the reactor's scratch buffer, so good until the next co_await.
  async::Task<Result<std::string_view>> read_on(async::Deadline deadline, async::Duration& waited);

  net::Reactor& reactor_;
  std::unique_ptr<net::Stream> stream_;
  const ServerLimits& limits_;
  Handler& handler_;
  Parting& parting_;
  static constexpr std::size_t idle_buffer_bytes = 4096;     // what an idle connection may keep
  static constexpr std::size_t reserve_bytes = 1024 * 1024;  // a promised length is not believed beyond this
  static constexpr std::size_t parser_bytes = 64;            // behind a body: parsers read in blocks (json::Document)
  std::string input_;  // a head, and while it is not whole, all that has come; unchanged while its request runs
  std::string rest_;   // what has come behind the head and nobody has used: the body's beginning, the next request
  RequestHead head_;   // views into input_
  async::Cancel* stop_ = nullptr;
  bool body_pending_ = false;
  bool keep_alive_ = false;
  bool first_ = true;  // nothing but what is read now has come on this connection
  int refuse_status_ = 0;
  std::string refuse_message_;
  std::string_view refuse_limit_;  // by its name; empty: it was none
};

Result<void> ServerConnection::sent(Result<void> written) {
  if (written) return written;
  if (written.error().kind == ErrorKind::provider_timeout) handler_.beyond_limit("write_timeout");
  return fail(ErrorKind::client_gone, "the client does not take its answer: " + written.error().message);
}

async::Task<ServerConnection::Next> ServerConnection::read_head(async::Cancel& stop) {
  async::Deadline deadline = reactor_.within(limits_.idle_timeout, &stop);
  bool begun = false;
  std::size_t seen = 0;             // of `bytes`
  std::string_view bytes = input_;  // or in the scratch buffer, where most heads come whole
  for (;;) {
    // A head that comes byte by byte is looked at again only when a line has ended.
    const bool more =
        !begun || bytes.size() >= limits_.header_bytes || bytes.find('\n', seen) != std::string_view::npos;
    seen = bytes.size();
    if (!bytes.empty() && more) {
      if (!begun) deadline = reactor_.within(limits_.header_timeout, &stop);
      begun = true;
      const HeadOutcome outcome = parse_request_head(bytes, {.head_bytes = limits_.header_bytes}, head_);
      if (outcome.state == HeadOutcome::State::complete) {
        keep_head(bytes, outcome.bytes);
        co_return Next::request;
      }
      if (outcome.state == HeadOutcome::State::malformed) {
        if (bytes.data() != input_.data()) input_.assign(bytes);  // it may be HTTP/2
        refuse_status_ = outcome.status;
        refuse_message_ = outcome.message;
        refuse_limit_ = name(outcome.limit);
        co_return Next::malformed;
      }
    }
    if (bytes.data() != input_.data()) input_.assign(bytes);
    Result<std::size_t> got = co_await stream_->read(reactor_.scratch(), deadline);
    if (got && *got > 0) {
      bytes = std::string_view(reactor_.scratch().data(), *got);
      if (!input_.empty()) bytes = input_.append(bytes);
      continue;
    }
    if (!got && got.error().kind == ErrorKind::provider_timeout && begun) {
      refuse_status_ = 408;
      refuse_limit_ = "head_timeout";
      refuse_message_ = "the request's head did not arrive in time";
      co_return Next::malformed;
    }
    if (!got && got.error().kind == ErrorKind::provider_timeout) handler_.beyond_limit("idle_timeout");
    co_return Next::end;
  }
}

// The head lives as long as its request, and what came behind it not: so each has a place of its own.
void ServerConnection::keep_head(std::string_view bytes, std::size_t head_bytes) {
  const std::string_view behind = bytes.substr(head_bytes);
  rest_.clear();
  if (!behind.empty()) {
    rest_.reserve(behind.size() + parser_bytes);  // it may be the whole body
    rest_.append(behind);
  }
  if (bytes.data() == input_.data()) {
    input_.resize(head_bytes);
  } else {
    input_.assign(bytes.substr(0, head_bytes));
    head_.moved(bytes.data(), head_bytes, input_.data());
  }
}

async::Task<> ServerConnection::serve(async::Cancel& stop) {
  stop_ = &stop;
  while (!stop.fired()) {
    switch (co_await read_head(stop)) {
      case Next::end: co_return;
      case Next::malformed:
        if (is_http2()) co_return;
        co_return co_await refuse(refuse_status_, refuse_message_);
      case Next::request: break;
    }
    first_ = false;
    body_pending_ = head_.chunked || head_.content_length.value_or(0) > 0;
    keep_alive_ = head_.keep_alive;
    {
      Http1Exchange exchange(*this);
      stream_->fire_on_hangup(&exchange.client_gone());
      parting_.running.push_back(exchange);
      co_await handler_.handle(exchange);
      stream_->fire_on_hangup(nullptr);
      // An unread body would be taken for the next request.
      if (!exchange.finished() || body_pending_ || stream_->hung_up()) keep_alive_ = false;
    }
    if (!keep_alive_) {
      if (body_pending_) co_await linger();
      co_return;
    }
    input_.swap(rest_);
    rest_.clear();
    if (input_.capacity() > idle_buffer_bytes) input_.shrink_to_fit();
  }
}

async::Task<Result<std::string>> ServerConnection::read_body(async::Cancel& client_gone, async::Duration& waited) {
  if (head_.content_length.value_or(0) > limits_.body_bytes) {
    handler_.beyond_limit("body_bytes");
    co_return fail(ErrorKind::request_too_large,
                   "the request body has " + std::to_string(*head_.content_length) + " bytes, the limit is " +
                       std::to_string(limits_.body_bytes),
                   "shorten it, or raise server.max_body_bytes");
  }
  std::string body;
  if (!body_pending_) co_return body;
  if (head_.expect_continue && rest_.empty())
    CO_CHECK_OK(sent(co_await write("HTTP/1.1 100 Continue\r\n\r\n", {}, client_gone)));

  const async::Deadline deadline = reactor_.within(limits_.body_timeout, &client_gone);
  if (!head_.chunked) {
    const std::size_t length = *head_.content_length;
    if (rest_.size() <= length) {
      body.swap(rest_);
    } else {
      body.assign(rest_, 0, length);
      rest_.erase(0, length);
    }
    body.reserve(std::min(length, reserve_bytes) + parser_bytes);
    while (body.size() < length) {
      CO_TRY(const std::string_view fresh, co_await read_on(deadline, waited));
      const std::size_t taken = std::min(length - body.size(), fresh.size());
      body.append(fresh.substr(0, taken));
      rest_.assign(fresh.substr(taken));
    }
  } else {
    ChunkedDecoder decoder;
    const std::string begun = std::exchange(rest_, {});
    std::string_view fresh = begun;
    for (;;) {
      Result<std::size_t> used = decoder.decode(fresh, body);
      if (!decoder.limit().empty()) handler_.beyond_limit(decoder.limit());
      if (!used) co_return std::unexpected(std::move(used).error());
      rest_.assign(fresh.substr(*used));
      if (body.size() > limits_.body_bytes) {
        handler_.beyond_limit("body_bytes");
        co_return fail(ErrorKind::request_too_large,
                       "the request body has more than " + std::to_string(limits_.body_bytes) + " bytes, the limit",
                       "shorten it, or raise server.max_body_bytes");
      }
      if (decoder.finished()) break;
      CO_TRY(fresh, co_await read_on(deadline, waited));
    }
  }
  body_pending_ = false;
  co_return body;
}

async::Task<Result<std::string_view>> ServerConnection::read_on(async::Deadline deadline, async::Duration& waited) {
  const async::TimePoint begin = async::Clock::now();
  const Result<std::size_t> got = co_await stream_->read(reactor_.scratch(), deadline);
  waited += async::Clock::now() - begin;
  if (!got && got.error().kind == ErrorKind::provider_timeout) {
    handler_.beyond_limit("body_timeout");
    co_return fail(ErrorKind::invalid_request, "the request body did not arrive in time",
                   "send it without pauses; the operator can raise server.body_timeout_ms");
  }
  if (!got || *got == 0) co_return fail(ErrorKind::client_gone, "the client closed the connection within its request");
  co_return std::string_view(reactor_.scratch().data(), *got);
}

async::Task<> ServerConnection::refuse(int status, std::string message) {
  if (!refuse_limit_.empty()) handler_.beyond_limit(refuse_limit_);
  Headers headers;
  const std::string body = handler_.malformed(status, message, headers);
  head_ = RequestHead();  // whatever it has points into bytes that were given up
  keep_alive_ = false;
  Http1Exchange exchange(*this);
  (void)co_await exchange.respond(status, headers, body);
  co_await linger();
}

// Closing while the client still sends would reset the connection, and the reset may overtake the answer. So what it
// sends is read for a while, for nothing.
async::Task<> ServerConnection::linger() {
  stream_->end_writing();
  const async::Deadline deadline = reactor_.within(limits_.linger_timeout);
  for (std::size_t total = 0; total < limits_.linger_bytes;) {
    const Result<std::size_t> got = co_await stream_->read(reactor_.scratch(), deadline);
    if (!got || *got == 0) co_return;
    total += *got;
  }
}

// --- Exchange

const RequestHead& Http1Exchange::head() const { return connection_.head_; }

async::Task<Result<std::string>> Http1Exchange::read_body() { return connection_.read_body(client_gone_, waited_); }

std::string Http1Exchange::head_text(int status, const Headers& headers) {
  // A body that nobody read would be taken for the next request.
  if (connection_.body_pending_ || connection_.parting_.last_answer) connection_.keep_alive_ = false;
  started_ = true;
  std::string text;
  text.reserve(512);
  append_status_and_fields(text, status, headers);
  if (!connection_.keep_alive_)
    text.append("connection: close\r\n");
  else if (head().minor_version == 0)
    text.append("connection: keep-alive\r\n");
  return text;
}

async::Task<Result<void>> Http1Exchange::respond(int status, const Headers& headers, std::string_view body) {
  std::string text = head_text(status, headers);
  if (status != 204) append_length(text, body.size());  // RFC 9110, 8.6
  text.append("\r\n");
  // Finished when all of it is out: behind half an answer the next one would be taken for its rest.
  if (head().method == "HEAD") body = {};
  Result<void> written = connection_.sent(co_await connection_.write(text, body, client_gone_));
  finished_ = written.has_value();
  co_return written;
}

async::Task<Result<void>> Http1Exchange::begin_stream(int status, const Headers& headers, std::string_view first) {
  chunked_ = head().minor_version == 1;
  if (!chunked_) connection_.keep_alive_ = false;  // the end of the connection is the end of the body
  std::string text = head_text(status, headers);
  text.append(chunked_ ? "transfer-encoding: chunked\r\n\r\n" : "\r\n");
  if (chunked_) {
    append_chunk(text, first);
    first = {};
  }
  co_return connection_.sent(co_await connection_.write(text, first, client_gone_));
}

async::Task<Result<void>> Http1Exchange::write(std::string_view piece) {
  if (!chunked_) co_return connection_.sent(co_await connection_.write(piece, {}, client_gone_));
  std::string framed;
  framed.reserve(piece.size() + 20);
  append_chunk(framed, piece);
  co_return connection_.sent(co_await connection_.write(framed, {}, client_gone_));
}

async::Task<Result<void>> Http1Exchange::finish_stream(std::string_view last, const Headers& trailers) {
  std::string end;
  if (chunked_) {
    append_chunk(end, last);
    append_last_chunk(end, trailers);
    last = end;
  }
  Result<void> written = connection_.sent(co_await connection_.write(last, {}, client_gone_));
  finished_ = written.has_value();
  co_return written;
}

bool asks_for_websocket(const RequestHead& head) {
  return has_token(head, "upgrade", "websocket") && has_token(head, "connection", "upgrade");
}

async::Task<Result<std::unique_ptr<WebSocket>>> Http1Exchange::upgrade() {
  if (!asks_for_websocket(head()) || head().minor_version == 0 || connection_.body_pending_ ||
      head().get("sec-websocket-version") != "13")
    co_return fail(ErrorKind::invalid_request, "this is not the handshake of WebSocket's version 13",
                   "send Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key");
  CO_TRY(const std::string accept, websocket_accept(head().get("sec-websocket-key").value_or("")));
  started_ = true;
  connection_.keep_alive_ = false;
  const std::string text =
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: " +
      accept + "\r\n\r\n";
  CO_CHECK_OK(connection_.sent(co_await connection_.write(text, {}, client_gone_)));
  const ServerLimits& limits = connection_.limits_;
  const WebSocketLimits socket_limits{.message_bytes = limits.body_bytes, .write_timeout = limits.write_timeout};
  co_return std::make_unique<WebSocket>(connection_.reactor_, *connection_.stream_, socket_limits, *connection_.stop_,
                                        connection_.rest_);
}

async::Task<> serve_connection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                               Handler& handler, async::Cancel& stop, Parting& parting) {
  std::string begun;
  if (stream->protocol() != "h2") {
    ServerConnection connection(reactor, std::move(stream), limits, handler, parting);
    co_await connection.serve(stop);
    if (!connection.is_http2() || stop.fired()) co_return;
    stream = connection.take_stream();
    begun = connection.take_input();
  }
  co_await serve_http2(reactor, std::move(stream), limits, handler, stop, parting, std::move(begun));
}

async::Task<> serve_connection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                               Handler& handler, async::Cancel& stop) {
  Parting never;
  co_await serve_connection(reactor, std::move(stream), limits, handler, stop, never);
}

}  // namespace sluice::http
