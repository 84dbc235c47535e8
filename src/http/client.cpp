#include "http/client.h"

#include <algorithm>
#include <functional>
#include <span>

#include "async/signal.h"
#include "http/http2_client.h"
#include "http/serialize.h"

namespace sluice::http {

struct Call::Connection {
  net::Reactor& reactor;
  std::unique_ptr<net::Stream> stream;
  Endpoint endpoint;
  async::TimePoint idle_since{};
  bool used = false;  // a call was on it before this one

  // The answer that is being read.
  enum class Framing : std::uint8_t { none, length, chunked, until_close };
  ResponseHead head;  // here because it is large
  std::string input;  // of the body, come with the head or behind its end
  Framing framing = Framing::none;
  std::uint64_t left = 0;  // for length
  ChunkedDecoder chunks;
  bool keep_alive = false;
  bool complete = false;  // read to its end: the connection may take another call

  void begin(const ResponseHead& parsed, std::string_view behind);
  // Appends to `out` what belongs to the body, and says how many bytes that were; sets `complete` at its end.
  Result<std::size_t> take_body(std::string_view bytes, std::string& out);
  Result<void> take_input(std::string& out);
  void count_down(std::size_t bytes) {  // of a body with a length
    left -= bytes;
    complete = left == 0;
  }
};

namespace {

constexpr std::chrono::milliseconds early_answer_within{1'000};  // after a write that failed

Error cut(std::string what) {
  return {.kind = ErrorKind::provider_unreachable, .message = std::move(what), .retry = Retry::anywhere};
}

// Bytes behind a whole body: parsers read in blocks (json::Document), and so need not move it.
constexpr std::size_t parser_bytes = 64;
constexpr std::size_t reserve_bytes = 1024 * 1024;  // a promised length is not believed beyond this

bool has_no_body(int status) { return status == 204 || status == 304; }

}  // namespace

Call::Call(ConnectionPool& pool, std::unique_ptr<Connection> connection)
    : pool_(&pool), connection_(std::move(connection)) {}
Call::Call(ConnectionPool& pool, std::unique_ptr<Http2Call> stream) : pool_(&pool), stream_(std::move(stream)) {}
Call::Call(Call&&) noexcept = default;
Call& Call::operator=(Call&&) noexcept = default;
Call::~Call() {
  if (connection_ && connection_->complete && connection_->keep_alive && connection_->input.empty())
    pool_->give_back(std::move(connection_));
}

bool Call::reused() const { return stream_ ? stream_->reused() : connection_->used; }
bool Call::refused() const { return stream_ && stream_->refused(); }
async::Duration Call::waited() const { return stream_ ? waited_ + stream_->waited() : waited_; }
bool Call::is_complete() const { return stream_ ? stream_->complete() : connection_->complete; }

async::Task<Result<Response>> Call::send(std::string_view head, Body body, async::Deadline deadline) {
  if (!stream_) return send_http1(head, body, deadline);
  return body.front.empty() && body.back.empty() ? stream_->send(head, body.middle, deadline)
                                                 : send_joined(head, body, deadline);
}

// HTTP/2 cuts the body into frames, which are copies anyway.
async::Task<Result<Response>> Call::send_joined(std::string_view head, Body body, async::Deadline deadline) {
  std::string joined;
  joined.reserve(body.front.size() + body.middle.size() + body.back.size());
  joined.append(body.front).append(body.middle).append(body.back);
  co_return co_await stream_->send(head, joined, deadline);
}

async::Task<Result<bool>> Call::read_some(std::string& out, async::Deadline deadline) {
  return stream_ ? stream_->read_some(out, deadline) : read_some_http1(out, deadline);
}

void Call::Connection::begin(const ResponseHead& parsed, std::string_view behind) {
  const bool no_body = has_no_body(parsed.status);
  chunks = ChunkedDecoder();
  left = no_body ? 0 : parsed.content_length.value_or(0);
  framing = no_body || parsed.content_length ? Framing::length
            : parsed.chunked                 ? Framing::chunked
                                             : Framing::until_close;
  keep_alive = parsed.keep_alive && framing != Framing::until_close;
  std::string body;
  body.reserve(std::max<std::size_t>(std::min<std::uint64_t>(left, reserve_bytes), behind.size()) + parser_bytes);
  body.append(behind);
  input = std::move(body);  // last: what is behind the head may stand in it
}

async::Task<Result<Response>> Call::send_http1(std::string_view head, Body body, async::Deadline deadline) {
  Connection& connection = *connection_;
  net::Reactor& reactor = connection.reactor;
  connection.complete = false;
  // A provider that refuses a large body may answer and close before it has taken it all.
  const Result<void> written = co_await connection.stream->write({head, body.front, body.middle, body.back}, deadline);
  if (!written && written.error().kind != ErrorKind::provider_unreachable) co_return std::unexpected(written.error());
  if (!written) deadline = deadline.earlier(reactor.now() + early_answer_within);
  for (;;) {
    const async::TimePoint begin = async::Clock::now();
    Result<std::size_t> read = co_await connection.stream->read(reactor.scratch(), deadline);
    waited_ += async::Clock::now() - begin;
    if (!written && (!read || *read == 0)) co_return std::unexpected(written.error());
    CO_TRY(const std::size_t got, std::move(read));
    if (got == 0) co_return std::unexpected(cut("the provider closed the connection without an answer"));
    std::string_view bytes(reactor.scratch().data(), got);
    if (!connection.input.empty()) bytes = connection.input.append(bytes);  // a head that came in pieces
    ResponseHead& parsed = connection.head;
    HeadOutcome outcome;
    while ((outcome = parse_response_head(bytes, {.head_bytes = pool_->limits_.header_bytes}, parsed)).state ==
               HeadOutcome::State::complete &&
           parsed.status < 200)
      bytes.remove_prefix(outcome.bytes);  // 100 Continue, 103 Early Hints
    if (outcome.state == HeadOutcome::State::malformed)
      co_return std::unexpected(cut(std::string("the provider's answer is not HTTP/1.1: ") + outcome.message));
    if (outcome.state == HeadOutcome::State::incomplete) {
      connection.input = std::string(bytes);
      continue;
    }
    Response response{.status = parsed.status, .headers = {}};
    for (const Field& field : parsed) response.headers.add(field.name, field.value);
    connection.begin(parsed, bytes.substr(outcome.bytes));
    if (!written) connection.keep_alive = false;
    if (connection.framing == Connection::Framing::chunked) parsed = ResponseHead();  // likewise
    co_return response;
  }
}

Result<std::size_t> Call::Connection::take_body(std::string_view bytes, std::string& out) {
  switch (framing) {
    case Framing::length: {
      const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
      out.append(bytes, 0, taken);
      count_down(taken);
      return taken;
    }
    case Framing::chunked: {
      const Result<std::size_t> taken = chunks.decode(bytes, out);
      if (!taken) return std::unexpected(cut(taken.error().message));
      complete = chunks.finished();
      return *taken;
    }
    case Framing::until_close: out.append(bytes); return bytes.size();
    case Framing::none: break;
  }
  return 0;
}

Result<void> Call::Connection::take_input(std::string& out) {
  if (out.empty() && framing == Framing::length && input.size() <= left) {
    count_down(input.size());
    out.swap(input);
    return {};
  }
  TRY(const std::size_t taken, take_body(input, out));
  if (taken == input.size())
    std::string().swap(input);  // a stream may be long, and what comes now is in the scratch buffer
  else
    input.erase(0, taken);
  return {};
}

async::Task<Result<bool>> Call::read_some_http1(std::string& out, async::Deadline deadline) {
  Connection& connection = *connection_;
  const std::size_t before = out.size();
  if (!connection.complete) CO_CHECK_OK(connection.take_input(out));
  for (;;) {
    if (connection.complete) co_return out.size() > before;
    if (out.size() > before) co_return true;
    const std::span<char> scratch = connection.reactor.scratch();
    CO_TRY(const std::size_t got, co_await connection.stream->read(scratch, deadline));
    if (got > 0) {
      const std::string_view bytes(scratch.data(), got);
      CO_TRY(const std::size_t taken, connection.take_body(bytes, out));
      if (taken < got) connection.input.append(bytes.substr(taken));
      continue;
    }
    if (connection.framing != Connection::Framing::until_close)
      co_return std::unexpected(cut("the provider closed the connection within its answer"));
    connection.complete = true;
    co_return false;
  }
}

async::Task<Result<std::string>> Call::read_all(async::Deadline deadline) {
  std::string body;
  if (connection_) CO_CHECK_OK(connection_->take_input(body));
  for (;;) {
    if (body.size() > pool_->limits_.body_bytes)
      co_return std::unexpected(Error{
          .kind = ErrorKind::provider_unreachable,
          .message = "the provider's answer is larger than " + std::to_string(pool_->limits_.body_bytes) + " bytes",
          .code = "answer_bytes",
          .retry = Retry::anywhere});
    if (is_complete()) co_return body;
    const async::TimePoint begin = async::Clock::now();
    CO_TRY(const bool more, co_await read_some(body, deadline));
    waited_ += async::Clock::now() - begin;
    if (!more) co_return body;
  }
}

// --- ConnectionPool

ConnectionPool::ConnectionPool(net::Connector& connector, ClientLimits limits, async::Duration max_idle_time)
    : connector_(connector), limits_(limits), max_idle_time_(max_idle_time) {}
ConnectionPool::~ConnectionPool() = default;

std::size_t ConnectionPool::Hash::operator()(const Endpoint& endpoint) const noexcept {
  const std::string& name = endpoint.unix_path.empty() ? endpoint.host : endpoint.unix_path;
  return std::hash<std::string_view>{}(name) + endpoint.port;
}

struct ConnectionPool::Waiter : async::ListNode {
  explicit Waiter(async::Scheduler& scheduler) : signal(scheduler) {}
  async::Signal signal;
};

Http2Client* ConnectionPool::shared(const Endpoint& endpoint) {
  const auto found = multiplexed_.find(endpoint);
  if (found == multiplexed_.end()) return nullptr;
  auto& connections = found->second.connections;
  std::erase_if(connections, [](const auto& one) { return one->is_over(); });
  const auto room = std::ranges::find_if(connections, [](const auto& one) { return one->has_room(); });
  return room == connections.end() ? nullptr : room->get();
}

async::Task<Result<Call>> ConnectionPool::open(const Endpoint& endpoint, async::Deadline deadline, bool fresh) {
  if (const auto found = idle_.find(endpoint); found != idle_.end() && !fresh) {
    auto& kept = found->second;
    while (!kept.empty()) {
      std::unique_ptr<Call::Connection> connection = std::move(kept.back());  // the newest is the likeliest to live
      kept.pop_back();
      if (connector_.reactor.now() - connection->idle_since < max_idle_time_ && !connection->stream->stale())
        co_return Call(*this, std::move(connection));
    }
  }
  const async::TimePoint begin = async::Clock::now();
  if (!multiplexed_.empty() && !fresh) {
    if (Http2Client* client = shared(endpoint)) co_return Call(*this, client->open());
    const auto found = multiplexed_.find(endpoint);
    if (found != multiplexed_.end() && found->second.connecting > 0) {
      Waiter waiter(connector_.reactor.scheduler());
      found->second.waiters.push_back(waiter);
      (void)co_await waiter.signal.wait(deadline);
      if (Http2Client* client = shared(endpoint)) {
        Call call(*this, client->open());
        call.waited_ = async::Clock::now() - begin;
        co_return call;
      }
    }
  }
  CO_TRY(Call call, co_await connect(endpoint, deadline));
  call.waited_ = async::Clock::now() - begin;
  co_return call;
}

async::Task<Result<Call>> ConnectionPool::connect(const Endpoint& endpoint, async::Deadline deadline) {
  // Counted for as long as this runs, however it ends.
  struct Connecting {
    ConnectionPool& pool;
    const Endpoint& endpoint;
    bool counted;
    Connecting(ConnectionPool& of, const Endpoint& to)
        : pool(of), endpoint(to), counted(!of.multiplexed_.empty() && of.multiplexed_.contains(to)) {
      if (counted) ++pool.multiplexed_.at(endpoint).connecting;
    }
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;
    ~Connecting() {
      if (!counted) return;
      Multiplexed& known = pool.multiplexed_.at(endpoint);
      --known.connecting;
      while (Waiter* waiter = known.waiters.pop_front()) waiter->signal.notify();
    }
  };
  const Connecting connecting(*this, endpoint);
  CO_TRY(std::unique_ptr<net::Stream> stream, co_await connector_.open(endpoint, deadline));
  const bool http2 = stream->protocol() == "h2" || (!endpoint.tls && endpoint.http == HttpVersion::http2);
  if (!http2) {
    if (endpoint.http == HttpVersion::http2)
      co_return std::unexpected(Error{.kind = ErrorKind::provider_unreachable,
                                      .message = place_text(endpoint) + " does not offer HTTP/2",
                                      .hint = "the operator can set `http_version: auto` for this provider",
                                      .retry = Retry::anywhere});
    co_return Call(*this, std::make_unique<Call::Connection>(Call::Connection{
                              .reactor = connector_.reactor, .stream = std::move(stream), .endpoint = endpoint}));
  }
  auto& connections = multiplexed_[endpoint].connections;
  connections.push_back(std::make_unique<Http2Client>(connector_.reactor, std::move(stream), limits_, endpoint.tls));
  sweep();
  co_return Call(*this, connections.back()->open());
}

async::Task<Result<void>> ConnectionPool::warm(Endpoint endpoint, std::size_t connections, async::Deadline deadline) {
  for (std::size_t tries = 0; tries < connections; ++tries) {
    if (shared(endpoint)) co_return Result<void>();  // that one takes many
    close_idle();
    const auto found = idle_.find(endpoint);
    if (found != idle_.end() && found->second.size() >= connections) co_return Result<void>();
    CO_TRY(Call call, co_await connect(endpoint, deadline));
    if (!call.connection_) co_return Result<void>();
    call.connection_->complete = call.connection_->keep_alive = true;  // as after an answer: nothing is expected of it
    give_back(std::move(call.connection_), false);
  }
  co_return Result<void>();
}

void ConnectionPool::give_back(std::unique_ptr<Call::Connection> connection, bool used) {
  auto& kept = idle_[connection->endpoint];
  if (kept.size() >= max_idle_per_endpoint) kept.erase(kept.begin());
  connection->idle_since = connector_.reactor.now();
  connection->used = connection->used || used;
  connection->framing = Call::Connection::Framing::none;
  connection->input.shrink_to_fit();
  kept.push_back(std::move(connection));
  sweep();
}

void ConnectionPool::sweep() {
  if (closing_.size() == 0) closing_.spawn(close_what_is_idle, this);
}

async::Task<> ConnectionPool::close_what_is_idle(ConnectionPool* pool) {
  net::Reactor& reactor = pool->connector_.reactor;
  const auto multiplexes = [&] {
    return std::ranges::any_of(pool->multiplexed_, [](const auto& one) { return !one.second.connections.empty(); });
  };
  while (!pool->idle_.empty() || multiplexes()) {
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
  for (auto& [key, known] : multiplexed_)
    std::erase_if(known.connections, [&](const auto& one) {
      return one->is_over() || (one->calls() == 0 && one->idle_since() <= latest);
    });
}

std::size_t ConnectionPool::idle() const {
  std::size_t count = 0;
  for (const auto& [key, kept] : idle_) count += kept.size();
  for (const auto& [key, known] : multiplexed_)
    count += static_cast<std::size_t>(
        std::ranges::count_if(known.connections, [](const auto& one) { return one->calls() == 0; }));
  return count;
}

std::string request_head(std::string_view method, const BaseUrl& base, std::string_view path, const Headers& headers,
                         std::size_t body_bytes) {
  std::string head;
  head.reserve(512);
  head.append(method).append(" ").append(base.path_prefix).append(path).append(" HTTP/1.1\r\n");
  append_field(head, "host", base.host_header);
  head.append(headers.text());
  append_length(head, body_bytes);
  head.append("\r\n");
  return head;
}

}  // namespace sluice::http
