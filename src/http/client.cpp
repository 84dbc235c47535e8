#include "http/client.h"

#include "http/serialize.h"

namespace sluice::http {

struct Call::Connection {
  net::Reactor& reactor;
  std::unique_ptr<net::Stream> stream;
  std::string key;  // of its endpoint, in the pool
  async::TimePoint idle_since{};
  bool used = false;  // a call was on it before this one

  // The answer that is being read.
  enum class Framing : std::uint8_t { none, length, chunked, until_close };
  ResponseHead head;  // here because it is large
  std::string input;  // bytes not yet used
  Framing framing = Framing::none;
  std::uint64_t left = 0;  // for length
  ChunkedDecoder chunks;
  bool keep_alive = false;
  bool complete = false;  // read to its end: the connection may take another call

  async::Task<Result<std::size_t>> read_more(async::Deadline deadline);
  Result<void> take_body(std::string& out);
};

namespace {

constexpr std::chrono::milliseconds early_answer_within{1'000};  // after a write that failed

Error cut(std::string what) {
  return {.kind = ErrorKind::provider_unreachable, .message = std::move(what), .retry = Retry::anywhere};
}

std::string key_of(const Endpoint& endpoint) {
  return endpoint.unix_path + "|" + endpoint.host + "|" + std::to_string(endpoint.port) +
         (endpoint.tls ? "|tls|" : "|") + endpoint.server_name;
}

bool has_no_body(int status) { return status == 204 || status == 304; }

}  // namespace

Call::Call(ConnectionPool& pool, std::unique_ptr<Connection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}
Call::Call(Call&&) noexcept = default;
Call& Call::operator=(Call&&) noexcept = default;
Call::~Call() {
  if (connection_ && connection_->complete && connection_->keep_alive && connection_->input.empty())
    pool_->give_back(std::move(connection_));
}

bool Call::reused() const { return connection_->used; }

async::Task<Result<std::size_t>> Call::Connection::read_more(async::Deadline deadline) {
  CO_TRY(const std::size_t got, co_await stream->read(reactor.scratch(), deadline));
  input.append(reactor.scratch().data(), got);
  co_return got;
}

async::Task<Result<Response>> Call::send(std::string_view head, std::string_view body, async::Deadline deadline) {
  Connection& connection = *connection_;
  connection.complete = false;
  // A provider that refuses a large body may answer and close before it has taken it all.
  const Result<void> written = co_await connection.stream->write(head, body, deadline);
  if (!written && written.error().kind != ErrorKind::provider_unreachable) co_return std::unexpected(written.error());
  if (!written) deadline = deadline.earlier(connection.reactor.now() + early_answer_within);
  for (;;) {
    Result<std::size_t> read = co_await connection.read_more(deadline);
    if (!written && (!read || *read == 0)) co_return std::unexpected(written.error());
    CO_TRY(const std::size_t got, std::move(read));
    if (got == 0) co_return std::unexpected(cut("the provider closed the connection without an answer"));
    ResponseHead& parsed = connection.head;
    HeadOutcome outcome;
    while (
        (outcome = parse_response_head(connection.input, {.head_bytes = pool_->limits_.header_bytes}, parsed)).state ==
            HeadOutcome::State::complete &&
        parsed.status < 200)
      connection.input.erase(0, outcome.bytes);  // 100 Continue, 103 Early Hints
    if (outcome.state == HeadOutcome::State::incomplete) continue;
    if (outcome.state == HeadOutcome::State::malformed)
      co_return std::unexpected(cut(std::string("the provider's answer is not HTTP/1.1: ") + outcome.message));

    Response response{.status = parsed.status, .headers = {}};
    for (const FieldView& field : parsed) response.headers.add(std::string(field.name), std::string(field.value));
    connection.keep_alive = parsed.keep_alive && written.has_value();
    connection.chunks = ChunkedDecoder();
    connection.left = has_no_body(parsed.status) ? 0 : parsed.content_length.value_or(0);
    connection.framing = has_no_body(parsed.status) || parsed.content_length ? Connection::Framing::length
                         : parsed.chunked                                    ? Connection::Framing::chunked
                                                                             : Connection::Framing::until_close;
    if (connection.framing == Connection::Framing::until_close) connection.keep_alive = false;
    connection.input.erase(0, outcome.bytes);
    co_return response;
  }
}

Result<void> Call::Connection::take_body(std::string& out) {
  switch (framing) {
    case Framing::length: {
      const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(left, input.size()));
      out.append(input, 0, taken);
      input.erase(0, taken);
      left -= taken;
      complete = left == 0;
      return {};
    }
    case Framing::chunked: {
      Result<std::size_t> consumed = chunks.decode(input, out);
      if (!consumed) return std::unexpected(cut(consumed.error().message));
      input.erase(0, *consumed);
      complete = chunks.finished();
      return {};
    }
    case Framing::until_close:
      out.append(input);
      input.clear();
      return {};
    case Framing::none: break;
  }
  return {};
}

async::Task<Result<bool>> Call::read_some(std::string& out, async::Deadline deadline) {
  Connection& connection = *connection_;
  const std::size_t before = out.size();
  for (;;) {
    CO_CHECK_OK(connection.take_body(out));
    if (connection.complete) co_return out.size() > before;
    if (out.size() > before) co_return true;
    CO_TRY(const std::size_t got, co_await connection.read_more(deadline));
    if (got > 0) continue;
    if (connection.framing != Connection::Framing::until_close)
      co_return std::unexpected(cut("the provider closed the connection within its answer"));
    connection.complete = true;
    co_return false;
  }
}

async::Task<Result<std::string>> Call::read_all(async::Deadline deadline) {
  std::string body;
  for (;;) {
    CO_TRY(const bool more, co_await read_some(body, deadline));
    if (body.size() > pool_->limits_.body_bytes)
      co_return std::unexpected(
          cut("the provider's answer is larger than " + std::to_string(pool_->limits_.body_bytes) + " bytes"));
    if (!more || connection_->complete) co_return body;
  }
}

// --- ConnectionPool

ConnectionPool::ConnectionPool(net::Connector& connector, ClientLimits limits, async::Duration max_idle_time)
    : connector_(connector), limits_(limits), max_idle_time_(max_idle_time) {}
ConnectionPool::~ConnectionPool() = default;

async::Task<Result<Call>> ConnectionPool::open(Endpoint endpoint, async::Deadline deadline, bool fresh) {
  std::string key = key_of(endpoint);
  if (const auto found = idle_.find(key); found != idle_.end() && !fresh) {
    auto& kept = found->second;
    while (!kept.empty()) {
      std::unique_ptr<Call::Connection> connection = std::move(kept.back());  // the newest is the likeliest to live
      kept.pop_back();
      if (connector_.reactor.now() - connection->idle_since < max_idle_time_ && !connection->stream->stale())
        co_return Call(*this, std::move(connection));
    }
  }
  CO_TRY(std::unique_ptr<net::Stream> stream, co_await connector_.open(std::move(endpoint), deadline));
  auto connection = std::make_unique<Call::Connection>(
      Call::Connection{.reactor = connector_.reactor, .stream = std::move(stream), .key = std::move(key)});
  co_return Call(*this, std::move(connection));
}

void ConnectionPool::give_back(std::unique_ptr<Call::Connection> connection) {
  auto& kept = idle_[connection->key];
  if (kept.size() >= max_idle_per_endpoint) kept.erase(kept.begin());
  connection->idle_since = connector_.reactor.now();
  connection->used = true;
  connection->framing = Call::Connection::Framing::none;
  connection->input.shrink_to_fit();
  kept.push_back(std::move(connection));
  if (closing_.size() == 0) closing_.spawn(close_what_is_idle, this);
}

async::Task<> ConnectionPool::close_what_is_idle(ConnectionPool* pool) {
  net::Reactor& reactor = pool->connector_.reactor;
  while (!pool->idle_.empty()) {
    co_await reactor.scheduler().sleep(reactor.within(pool->max_idle_time_ / 4));
    pool->close_idle();
  }
}

void ConnectionPool::close_idle() {
  const async::TimePoint latest = connector_.reactor.now() - max_idle_time_;
  for (auto& [key, kept] : idle_)
    std::erase_if(
        kept, [&](const auto& connection) { return connection->idle_since <= latest || connection->stream->stale(); });
  std::erase_if(idle_, [](const auto& endpoint) { return endpoint.second.empty(); });
}

std::size_t ConnectionPool::idle() const {
  std::size_t count = 0;
  for (const auto& [key, kept] : idle_) count += kept.size();
  return count;
}

std::string request_head(std::string_view method, const BaseUrl& base, std::string_view path, const Headers& headers,
                         std::size_t body_bytes) {
  std::string head;
  head.reserve(512);
  head.append(method).append(" ").append(base.path_prefix).append(path).append(" HTTP/1.1\r\n");
  append_field(head, "host", base.host_header);
  for (const Field& field : headers) append_field(head, field.name, field.value);
  append_field(head, "content-length", std::to_string(body_bytes));
  head.append("\r\n");
  return head;
}

}  // namespace sluice::http
