#include "http/http2_server.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "http/http2_link.h"

namespace sluice::http {
namespace {

class Http2ServerConnection;

Error gone(std::string what) { return {.kind = ErrorKind::client_gone, .message = std::move(what)}; }

// One request of HTTP/2.
class Http2Exchange : public Exchange {
 public:
  Http2Exchange(Http2ServerConnection& connection, std::int32_t id);
  ~Http2Exchange() override;
  const RequestHead& head() const override { return head_; }
  async::Task<Result<std::string>> read_body() override;
  async::Task<Result<void>> respond(int status, const Headers& headers, std::string_view body) override;
  async::Task<Result<void>> begin_stream(int status, const Headers& headers, std::string_view first) override;
  async::Task<Result<void>> write(std::string_view piece) override;
  async::Task<Result<void>> finish_stream(std::string_view last, const Headers& trailers) override;
  async::Task<Result<std::unique_ptr<WebSocket>>> upgrade() override;

 private:
  friend class Http2ServerConnection;
  Result<void> submit(int status, const Headers& headers, bool has_body, std::optional<std::size_t> length = {});
  // Sends `piece`, which stays until then, and the end behind it.
  async::Task<Result<void>> push(std::string_view piece, bool last);
  void take_field(std::string_view name, std::string_view value);
  // The head is whole. False: it is refused, with refuse_status_.
  bool read_head();
  static ssize_t give_data(nghttp2_session* session, std::int32_t id, std::uint8_t* to, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source* source, void* connection);

  Http2ServerConnection& connection_;
  const std::int32_t id_;

  // The request. The head is the text of one of HTTP/1.1, so that one reader judges both.
  std::string method_, path_, authority_;
  std::string fields_;
  std::string text_;
  RequestHead head_;  // views into text_
  std::size_t head_bytes_ = 0;
  int refuse_status_ = 0;
  const char* refuse_message_ = "";
  std::string body_;
  std::size_t unread_ = 0;         // of body_: not yet told to the client's flow control
  bool reading_ = false;           // somebody waits for the body
  bool body_too_large_ = false;    // what came after that is dropped
  bool bodies_too_large_ = false;  // of the connection
  bool received_ = false;          // the client has ended its side
  async::Signal arrived_;

  // The answer.
  std::string_view pending_;  // a borrow of who waits for taken_
  bool last_ = false;         // the end is behind pending_
  Headers trailers_;
  bool submitted_ = false;
  bool sent_ = false;    // the end is out
  bool closed_ = false;  // both sides have ended, or one has reset the stream
  async::Signal taken_;
};

class Http2ServerConnection {
 public:
  Http2ServerConnection(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                        Handler& handler, async::Cancel& stop, Parting& parting)
      : reactor_(reactor),
        link_(reactor, std::move(stream), limits.write_timeout),
        limits_(limits),
        handler_(handler),
        stop_(stop),
        parting_(parting),
        look_(reactor.scheduler()),
        resets_(limits.http2.resets.at_once, limits.http2.resets.per_second, reactor.now()),
        control_frames_(limits.http2.control_frames.at_once, limits.http2.control_frames.per_second, reactor.now()),
        empty_frames_(limits.http2.empty_frames.at_once, limits.http2.empty_frames.per_second, reactor.now()) {}

  async::Task<> serve(std::string begun);

 private:
  friend class Http2Exchange;
  struct Callbacks;

  void open_session();
  void feed(std::string_view bytes);
  void start_requests();
  void look_at_parting();
  async::TimePoint give_up_reading_at() const;
  static async::Task<> read_all(Http2ServerConnection* connection);
  static async::Task<> notice_stop(Http2ServerConnection* connection);
  static async::Task<> run_one(Http2ServerConnection* connection, std::unique_ptr<Http2Exchange> exchange);
  async::Task<> answer(Http2Exchange& exchange);
  void clear_away(Http2Exchange& exchange);
  // Ends the connection: the client does what only somebody does who wants to hurt, or what no program should.
  void beyond(std::string_view limit, std::string_view message);
  void count_empty_frame() {
    if (!empty_frames_.take(reactor_.now())) beyond("http2_empty_frames", "too many DATA frames without data");
  }
  Http2Exchange* exchange_of(std::int32_t id) {
    return static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(link_.session(), id));
  }

  net::Reactor& reactor_;
  Http2Link link_;
  const ServerLimits& limits_;
  Handler& handler_;
  async::Cancel& stop_;
  Parting& parting_;
  async::Signal look_;  // something has changed that may end the connection
  Allowance resets_;
  Allowance control_frames_;
  Allowance empty_frames_;
  std::size_t bodies_bytes_ = 0;  // in memory, of all requests
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Http2Exchange>> arrived_;  // with a whole head, not yet started
  std::unique_ptr<Http2Exchange> opening_;               // its head is being read
  async::TimePoint begun_at_{};
  async::TimePoint head_begun_at_{};
  async::TimePoint idle_since_{};
  bool in_head_ = false;
  bool settled_ = false;         // the client's first SETTINGS have come
  std::size_t head_frames_ = 0;  // of the head that is being read
  std::size_t head_bytes_ = 0;
  bool terminated_ = false;     // beyond a limit
  bool reading_ended_ = false;  // the client has gone
  bool told_to_leave_ = false;
  bool told_to_stop_ = false;
  bool served_any_ = false;
  std::exception_ptr fault_;
  async::Scope jobs_;  // last: destroyed first
};

// --- what nghttp2 tells

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

struct Http2ServerConnection::Callbacks {
  static Http2ServerConnection& self(void* user) { return *static_cast<Http2ServerConnection*>(user); }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    Http2ServerConnection& c = self(user);
    if (frame->type == NGHTTP2_HEADERS) {
      c.in_head_ = true;
      c.head_begun_at_ = c.reactor_.now();
      c.head_frames_ = 0;
      c.head_bytes_ = 0;
    }
    if (frame->type == NGHTTP2_HEADERS || frame->type == NGHTTP2_CONTINUATION) {
      c.head_bytes_ += frame->length;
      if (c.head_bytes_ > c.limits_.http2.head_times * c.limits_.header_bytes)
        c.beyond("http2_head_bytes", "a request's head is too long");
    }
    if (frame->type == NGHTTP2_CONTINUATION && ++c.head_frames_ > c.limits_.http2.head_frames)
      c.beyond("http2_head_frames", "a request's head comes in too many frames");
    if (frame->type == NGHTTP2_DATA && frame->length == 0 && !(frame->flags & NGHTTP2_FLAG_END_STREAM))
      c.count_empty_frame();
    const bool control = frame->type == NGHTTP2_SETTINGS || frame->type == NGHTTP2_PING ||
                         frame->type == NGHTTP2_PRIORITY || frame->type == NGHTTP2_WINDOW_UPDATE;
    if (control && !c.control_frames_.take(c.reactor_.now()))
      c.beyond("http2_control_frames", "too many frames that carry no request");
    return 0;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2ServerConnection& c = self(user);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST || c.terminated_) return 0;
    const std::int32_t id = frame->hd.stream_id;
    if (c.running_ + c.arrived_.size() >= c.limits_.http2.streams) {
      // Those that were taken back still run until they have been settled.
      c.handler_.beyond_limit("http2_streams");
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    c.opening_ = std::make_unique<Http2Exchange>(c, id);
    nghttp2_session_set_stream_user_data(session, id, c.opening_.get());
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_bytes,
                    const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* user) {
    Http2ServerConnection& c = self(user);
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST && c.opening_ && c.opening_->id_ == frame->hd.stream_id)
      c.opening_->take_field(text(name, name_bytes), text(value, value_bytes));
    return 0;  // trailers mean nothing to anybody here
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2ServerConnection& c = self(user);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS: c.settled_ = true; break;
      case NGHTTP2_RST_STREAM: {
        const Http2Exchange* exchange = c.exchange_of(frame->hd.stream_id);
        if (!(exchange && exchange->sent_) && !c.resets_.take(c.reactor_.now()))
          c.beyond("http2_resets", "too many requests taken back before their end");
        break;
      }
      case NGHTTP2_HEADERS:
        c.in_head_ = false;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST && c.opening_ && c.opening_->id_ == frame->hd.stream_id)
          c.arrived_.push_back(std::move(c.opening_));
        [[fallthrough]];
      case NGHTTP2_DATA: {
        const bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
        const bool padding_alone = frame->hd.length > 0 && frame->hd.length <= frame->data.padlen;
        if (frame->hd.type == NGHTTP2_DATA && !end && padding_alone) c.count_empty_frame();
        Http2Exchange* exchange = end ? c.exchange_of(frame->hd.stream_id) : nullptr;
        if (exchange) {
          exchange->received_ = true;
          exchange->arrived_.notify();
        }
        break;
      }
      default: break;
    }
    return 0;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    Http2ServerConnection& c = self(user);
    Http2Exchange* exchange = c.exchange_of(id);
    if (!exchange) {
      nghttp2_session_consume(session, id, size);
      return 0;
    }
    exchange->body_too_large_ = exchange->body_too_large_ || exchange->body_.size() + size > c.limits_.body_bytes;
    exchange->bodies_too_large_ = exchange->bodies_too_large_ ||
                                  c.bodies_bytes_ + size > c.limits_.http2.bodies_per_connection * c.limits_.body_bytes;
    if (exchange->body_too_large_ || exchange->bodies_too_large_) {
      nghttp2_session_consume(session, id, size);
      exchange->arrived_.notify();
      return 0;
    }
    c.bodies_bytes_ += size;
    exchange->body_.append(text(bytes, size));
    if (exchange->reading_)
      nghttp2_session_consume(session, id, size);
    else
      exchange->unread_ += size;
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Http2ServerConnection& c = self(user);
    if (frame->hd.type == NGHTTP2_DATA) c.control_frames_.give(c.limits_.http2.frames_per_data);
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
      if (Http2Exchange* exchange = c.exchange_of(frame->hd.stream_id)) {
        exchange->sent_ = true;
        exchange->taken_.notify();
      }
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    Http2ServerConnection& c = self(user);
    if (c.opening_ && c.opening_->id_ == id) c.opening_.reset();
    Http2Exchange* exchange = c.exchange_of(id);
    if (!exchange) return 0;
    exchange->closed_ = true;
    if (!exchange->sent_) exchange->client_gone().fire();
    exchange->arrived_.notify();
    exchange->taken_.notify();
    std::erase_if(c.arrived_, [&](const auto& one) { return one.get() == exchange; });  // nobody has seen it yet
    return 0;
  }

  static int invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    self(user).handler_.beyond_limit("http2_protocol");
    return 0;
  }
};

void Http2ServerConnection::open_session() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* session = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::invalid_frame);
  // Bytes are given back to the client's windows when somebody reads them. Our own limits come before nghttp2's, which
  // end the session without a word.
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_continuations(option, 10 * limits_.http2.head_frames);
  nghttp2_option_set_max_outbound_ack(option, 10 * static_cast<std::size_t>(limits_.http2.control_frames.at_once));
  nghttp2_option_set_stream_reset_rate_limit(option, 10 * static_cast<std::uint64_t>(limits_.http2.resets.at_once),
                                             10 * static_cast<std::uint64_t>(limits_.http2.resets.per_second));
  const int made = nghttp2_session_server_new2(&session, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) throw std::bad_alloc();
  link_.use(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.http2.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(limits_.http2.stream_window_bytes)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.header_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, limits_.http2.connection_window_bytes);
}

void Http2ServerConnection::beyond(std::string_view limit, std::string_view message) {
  if (terminated_) return;
  terminated_ = true;
  handler_.beyond_limit(limit);
  nghttp2_submit_goaway(link_.session(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(link_.session()),
                        NGHTTP2_ENHANCE_YOUR_CALM, reinterpret_cast<const std::uint8_t*>(message.data()),
                        message.size());
  look_.notify();
}

void Http2ServerConnection::feed(std::string_view bytes) {
  const ssize_t used =
      nghttp2_session_mem_recv(link_.session(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) {
    // What nghttp2 cannot go on after: no preface, more answers asked for than it keeps.
    if (!terminated_) handler_.beyond_limit("http2_protocol");
    terminated_ = true;
  }
  start_requests();
  link_.collect();
  if (nghttp2_session_get_outbound_queue_size(link_.session()) > limits_.http2.queued_frames)
    beyond("http2_queued_frames", "too many frames that ask for an answer while none is read");
  look_.notify();
}

void Http2ServerConnection::start_requests() {
  std::vector<std::unique_ptr<Http2Exchange>> arrived;
  arrived.swap(arrived_);
  for (auto& exchange : arrived) {
    if (terminated_) break;
    ++running_;
    served_any_ = true;
    jobs_.spawn(run_one, this, std::move(exchange));
  }
  look_at_parting();
}

async::Task<> Http2ServerConnection::answer(Http2Exchange& exchange) {
  if (exchange.read_head()) co_return co_await handler_.handle(exchange);
  Headers headers;
  const std::string body = handler_.malformed(exchange.refuse_status_, exchange.refuse_message_, headers);
  (void)co_await exchange.respond(exchange.refuse_status_, headers, body);
}

async::Task<> Http2ServerConnection::run_one(Http2ServerConnection* connection,
                                             std::unique_ptr<Http2Exchange> exchange) {
  connection->parting_.running.push_back(*exchange);
  try {
    co_await connection->answer(*exchange);
  } catch (...) {
    connection->fault_ = std::current_exception();
    connection->reading_ended_ = true;
  }
  connection->clear_away(*exchange);
  exchange.reset();
  if (--connection->running_ == 0) connection->idle_since_ = connection->reactor_.now();
  connection->link_.collect();
  connection->look_.notify();
}

void Http2ServerConnection::clear_away(Http2Exchange& exchange) {
  nghttp2_session* session = link_.session();
  bodies_bytes_ -= exchange.body_.size();
  if (exchange.closed_) {
    if (exchange.unread_ > 0) nghttp2_session_consume_connection(session, exchange.unread_);
    return;
  }
  if (exchange.unread_ > 0) nghttp2_session_consume(session, exchange.id_, exchange.unread_);
  // An answer that is not whole is told from one that is by this alone; NO_ERROR: the rest of the body is not needed.
  nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, exchange.id_,
                            exchange.sent_ ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
}

// While the server leaves, clients are asked to go elsewhere as soon as one request of theirs was taken; when it stops,
// at once.
void Http2ServerConnection::look_at_parting() {
  if (stop_.fired()) {
    if (std::exchange(told_to_stop_, true)) return;
    nghttp2_submit_goaway(link_.session(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(link_.session()),
                          NGHTTP2_NO_ERROR, nullptr, 0);
  } else if (parting_.last_answer && served_any_ && !told_to_leave_) {
    nghttp2_submit_shutdown_notice(link_.session());
    told_to_leave_ = true;
  }
}

async::TimePoint Http2ServerConnection::give_up_reading_at() const {
  if (in_head_) return head_begun_at_ + limits_.header_timeout;
  if (!settled_) return begun_at_ + limits_.header_timeout;
  if (running_ == 0) return idle_since_ + limits_.idle_timeout;
  return async::TimePoint::max();  // what runs has its own limits
}

async::Task<> Http2ServerConnection::read_all(Http2ServerConnection* connection) {
  for (;;) {
    net::Reactor& reactor = connection->reactor_;
    const Result<std::size_t> got =
        co_await connection->link_.stream().read(reactor.scratch(), async::Deadline::never());
    if (!got || *got == 0) break;
    // What comes behind the end is read for nothing, so that no reset overtakes what the client is told.
    if (!connection->terminated_) connection->feed({reactor.scratch().data(), *got});
  }
  connection->reading_ended_ = true;
  connection->look_.notify();
}

async::Task<> Http2ServerConnection::notice_stop(Http2ServerConnection* connection) {
  co_await connection->reactor_.scheduler().sleep({async::TimePoint::max(), &connection->stop_});
  connection->look_.notify();
}

async::Task<> Http2ServerConnection::serve(std::string begun) {
  open_session();
  begun_at_ = idle_since_ = reactor_.now();
  parting_.on_last_answer = &look_;
  jobs_.spawn(Http2Link::write_all, &link_, &look_);
  jobs_.spawn(notice_stop, this);
  if (!begun.empty()) feed(begun);
  std::string().swap(begun);
  jobs_.spawn(read_all, this);
  while (!terminated_ && !reading_ended_ && !link_.failed() && !link_.is_done()) {
    const async::TimePoint until = give_up_reading_at();
    (void)co_await look_.wait({until, nullptr});
    if (reactor_.now() >= give_up_reading_at()) break;
    look_at_parting();
    link_.collect();
  }
  // What still runs has lost its client: each is settled and recorded before the connection goes.
  parting_.on_last_answer = nullptr;
  if (!terminated_)
    nghttp2_submit_goaway(link_.session(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(link_.session()),
                          NGHTTP2_NO_ERROR, nullptr, 0);
  link_.collect();
  for (Exchange* one = parting_.running.front(); one; one = parting_.running.after(*one)) one->client_gone().fire();
  while (running_ > 0) (void)co_await look_.wait(async::Deadline::never());
  link_.finish();
  const async::Deadline flushed_by = reactor_.within(limits_.linger_timeout);
  while (!link_.ended() && reactor_.now() < flushed_by.at) (void)co_await look_.wait(flushed_by);
  link_.stream().end_writing();
  while (terminated_ && !reading_ended_ && reactor_.now() < flushed_by.at) (void)co_await look_.wait(flushed_by);
  if (fault_) std::rethrow_exception(fault_);
}

// --- Exchange

Http2Exchange::Http2Exchange(Http2ServerConnection& connection, std::int32_t id)
    : connection_(connection),
      id_(id),
      arrived_(connection.reactor_.scheduler()),
      taken_(connection.reactor_.scheduler()) {}

Http2Exchange::~Http2Exchange() {
  if (!closed_) nghttp2_session_set_stream_user_data(connection_.link_.session(), id_, nullptr);
}

void Http2Exchange::take_field(std::string_view name, std::string_view value) {
  constexpr std::size_t field_overhead = 32;  // RFC 9113, 6.5.2
  head_bytes_ += name.size() + value.size() + field_overhead;
  if (head_bytes_ > connection_.limits_.header_bytes) return;
  if (name == ":method") {
    method_ = value;
  } else if (name == ":path") {
    path_ = value;
  } else if (name == ":authority") {
    authority_ = value;
  } else if (!name.starts_with(':')) {
    if (name != "host")
      append_field(fields_, name, value);
    else if (authority_.empty())
      authority_ = value;
  }
}

bool Http2Exchange::read_head() {
  refuse_status_ = 431;
  refuse_message_ = "the request's head is larger than the limit";
  if (head_bytes_ > connection_.limits_.header_bytes) {
    connection_.handler_.beyond_limit("http2_head_bytes");
    return false;
  }
  refuse_status_ = 400;
  refuse_message_ = "the method or the path has a character that is not allowed there";
  for (const std::string* word : {&method_, &path_})
    if (!is_field_value(*word) || word->find_first_of(" \t") != std::string::npos) return false;
  text_.reserve(method_.size() + path_.size() + authority_.size() + fields_.size() + 32);
  text_.append(method_).append(" ").append(path_).append(" HTTP/1.1\r\n");
  append_field(text_, "host", authority_);
  text_.append(fields_).append("\r\n");
  std::string().swap(fields_);
  const HeadOutcome outcome = parse_request_head(text_, {.head_bytes = text_.size() + 1}, head_);
  if (outcome.state == HeadOutcome::State::complete) return true;
  refuse_message_ = "the request's head is not whole";
  if (outcome.state == HeadOutcome::State::malformed) {
    refuse_status_ = outcome.status;
    refuse_message_ = outcome.message;
    if (outcome.limit != HeadLimit::none) connection_.handler_.beyond_limit(name(outcome.limit));
  }
  head_ = RequestHead();
  return false;
}

async::Task<Result<std::string>> Http2Exchange::read_body() {
  constexpr std::size_t parser_bytes = 64;            // behind a body: parsers read in blocks (json::Document)
  constexpr std::size_t reserve_bytes = 1024 * 1024;  // a promised length is not believed beyond this
  const ServerLimits& limits = connection_.limits_;
  nghttp2_session* session = connection_.link_.session();
  body_too_large_ = body_too_large_ || head_.content_length.value_or(0) > limits.body_bytes;
  if (!received_ && !closed_ && !body_too_large_) {
    reading_ = true;
    body_.reserve(std::min<std::size_t>(head_.content_length.value_or(0), reserve_bytes) + parser_bytes);
    if (head_.expect_continue && body_.empty()) {
      FieldBlock block;
      block.add(":status", "100");
      nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, id_, nullptr, block.fields().data(), 1, nullptr);
    }
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, id_, limits.http2.reading_window_bytes);
  }
  if (unread_ > 0) {
    if (closed_)
      nghttp2_session_consume_connection(session, unread_);
    else
      nghttp2_session_consume(session, id_, unread_);
    unread_ = 0;
  }
  connection_.link_.collect();
  const async::Deadline deadline = connection_.reactor_.within(limits.body_timeout, &client_gone_);
  const async::TimePoint begin = async::Clock::now();
  while (!received_ && !closed_ && !body_too_large_ && !bodies_too_large_ && !client_gone_.fired()) {
    const bool told = co_await arrived_.wait(deadline);
    if (!told) break;
  }
  waited_ += async::Clock::now() - begin;
  reading_ = false;
  if (body_too_large_) {
    connection_.handler_.beyond_limit("body_bytes");
    co_return fail(ErrorKind::request_too_large,
                   "the request body has more than " + std::to_string(limits.body_bytes) + " bytes, the limit",
                   "shorten it, or raise server.max_body_bytes");
  }
  if (bodies_too_large_) {
    connection_.handler_.beyond_limit("http2_bodies");
    co_return fail(ErrorKind::overloaded,
                   "the requests that run on this connection have bodies of more than " +
                       std::to_string(limits.http2.bodies_per_connection) + " times server.max_body_bytes together",
                   "send fewer large requests at the same time, or use more connections");
  }
  if (!received_) {
    if (closed_ || client_gone_.fired()) co_return std::unexpected(gone("the client took its request back"));
    connection_.handler_.beyond_limit("body_timeout");
    co_return fail(ErrorKind::invalid_request, "the request body did not arrive in time",
                   "send it without pauses; the operator can raise server.body_timeout_ms");
  }
  connection_.bodies_bytes_ -= body_.size();
  std::string body = std::move(body_);
  body_.clear();
  co_return body;
}

Result<void> Http2Exchange::submit(int status, const Headers& headers, bool has_body,
                                   std::optional<std::size_t> length) {
  started_ = true;
  if (closed_) return std::unexpected(gone("the client took its request back"));
  FieldBlock block;
  block.add(":status", std::to_string(status));
  block.add_all(headers);
  if (length) block.add("content-length", std::to_string(*length));
  const auto& fields = block.fields();
  nghttp2_data_provider provider{.source = {.ptr = nullptr}, .read_callback = give_data};
  const int submitted = nghttp2_submit_response(connection_.link_.session(), id_, fields.data(), fields.size(),
                                                has_body ? &provider : nullptr);
  if (submitted != 0)
    return std::unexpected(gone(std::string("no answer can be sent: ") + nghttp2_strerror(submitted)));
  submitted_ = true;
  return {};
}

ssize_t Http2Exchange::give_data(nghttp2_session* session, std::int32_t id, std::uint8_t* to, std::size_t room,
                                 std::uint32_t* flags, nghttp2_data_source*, void*) {
  auto* self = static_cast<Http2Exchange*>(nghttp2_session_get_stream_user_data(session, id));
  if (!self) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::size_t taken = std::min(room, self->pending_.size());
  if (taken == 0 && !self->last_) return NGHTTP2_ERR_DEFERRED;
  std::memcpy(to, self->pending_.data(), taken);
  self->pending_.remove_prefix(taken);
  if (!self->pending_.empty()) return static_cast<ssize_t>(taken);
  self->taken_.notify();
  if (!self->last_) return static_cast<ssize_t>(taken);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (self->trailers_.size() > 0) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    FieldBlock block;
    block.add_all(self->trailers_);
    const auto& fields = block.fields();
    nghttp2_submit_trailer(session, id, fields.data(), fields.size());
  }
  return static_cast<ssize_t>(taken);
}

async::Task<Result<void>> Http2Exchange::push(std::string_view piece, bool last) {
  if (closed_) co_return std::unexpected(gone("the client took its request back"));
  pending_ = piece;
  last_ = last;
  nghttp2_session_resume_data(connection_.link_.session(), id_);
  connection_.link_.collect();
  const async::Deadline deadline = connection_.reactor_.within(connection_.limits_.write_timeout, &client_gone_);
  while (!pending_.empty() || (last && !sent_)) {
    if (closed_ || connection_.link_.failed()) break;
    const bool told = co_await taken_.wait(deadline);
    if (!told) break;
  }
  const bool all = pending_.empty() && (!last || sent_);
  pending_ = {};
  if (!all) {
    if (!closed_ && !connection_.link_.failed() && !client_gone_.fired())
      connection_.handler_.beyond_limit("write_timeout");
    co_return std::unexpected(gone("the client does not take its answer"));
  }
  co_return Result<void>();
}

async::Task<Result<void>> Http2Exchange::respond(int status, const Headers& headers, std::string_view body) {
  const bool has_body = head_.method != "HEAD" && status != 204 && !body.empty();
  const std::optional<std::size_t> length = status == 204 ? std::nullopt : std::optional(body.size());  // RFC 9110, 8.6
  CO_CHECK_OK(submit(status, headers, has_body, length));
  if (!has_body) body = {};
  co_return co_await push(body, true);
}

async::Task<Result<void>> Http2Exchange::begin_stream(int status, const Headers& headers, std::string_view first) {
  CO_CHECK_OK(submit(status, headers, true));
  co_return co_await push(first, false);
}

async::Task<Result<void>> Http2Exchange::write(std::string_view piece) { return push(piece, false); }

async::Task<Result<void>> Http2Exchange::finish_stream(std::string_view last, const Headers& trailers) {
  trailers_ = trailers;
  return push(last, true);
}

async::Task<Result<std::unique_ptr<WebSocket>>> Http2Exchange::upgrade() {
  co_return fail(ErrorKind::invalid_request, "there are no WebSockets over HTTP/2 here",
                 "open the WebSocket on a connection of HTTP/1.1");
}

}  // namespace

async::Task<> serve_http2(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ServerLimits& limits,
                          Handler& handler, async::Cancel& stop, Parting& parting, std::string begun) {
  Http2ServerConnection connection(reactor, std::move(stream), limits, handler, stop, parting);
  co_await connection.serve(std::move(begun));
}

}  // namespace sluice::http
