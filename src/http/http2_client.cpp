#include "http/http2_client.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>

#include "async/scope.h"
#include "http/http2_link.h"

namespace sluice::http {
namespace {

using std::chrono::seconds;

constexpr std::int32_t stream_window_bytes = 256 * 1024;  // of an answer that nobody has read yet
constexpr std::int32_t connection_window_bytes = 16 * 1024 * 1024;
constexpr seconds write_timeout{60};
// A connection may die without a word, and would take every further call with it: one that has been silent for so long
// must show that it lives when the next call goes there.
constexpr seconds trusted_for{10};
constexpr seconds alive_within{5};

Error broken(std::string what) {
  return {.kind = ErrorKind::provider_unreachable, .message = std::move(what), .retry = Retry::anywhere};
}

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

struct Http2Client::State {
  State(net::Reactor& of, std::unique_ptr<net::Stream> stream, const ClientLimits& most, bool is_tls)
      : reactor(of),
        link(of, std::move(stream), write_timeout),
        limits(most),
        tls(is_tls),
        changed(of.scheduler()),
        idle_since(of.now()),
        heard_at(of.now()) {}

  struct Callbacks;
  void begin();
  void fail(const std::string& why);
  void ask_whether_it_lives();
  static async::Task<> read_all(State* state);
  static async::Task<> see_to_writing(State* state);
  static async::Task<> wait_for_a_sign(State* state);
  Http2Call::State* call_of(std::int32_t id) {
    return static_cast<Http2Call::State*>(nghttp2_session_get_stream_user_data(link.session(), id));
  }

  net::Reactor& reactor;
  Http2Link link;
  const ClientLimits limits;
  const bool tls;
  async::Signal changed;  // of the writing
  std::size_t running = 0;
  std::size_t begun = 0;
  bool settled = false;  // the provider has said what it allows
  bool leaving = false;  // GOAWAY
  bool dead = false;
  bool asked = false;  // whether it lives
  async::TimePoint idle_since;
  async::TimePoint heard_at;
  async::List<Http2Call::State> calls;
  async::Scope jobs;  // last: destroyed first
};

struct Http2Call::State : async::ListNode {
  State(Http2Client::State& of, bool is_reused) : connection(of), changed(of.reactor.scheduler()), reused(is_reused) {}

  Result<void> submit(std::string_view head, bool has_body);
  static ssize_t give_data(nghttp2_session* session, std::int32_t id, std::uint8_t* to, std::size_t room,
                           std::uint32_t* flags, nghttp2_data_source* source, void* connection);
  Error why_it_broke() const;

  Http2Client::State& connection;
  std::int32_t id = -1;
  async::Signal changed;
  const bool reused;
  std::string_view pending;  // of the request's body: a borrow of send(), or of rest
  std::string rest;          // of a body whose answer came before all of it was sent
  Response response;
  std::size_t head_bytes = 0;
  bool head_too_large = false;
  bool has_head = false;
  std::string body;    // come and not yet read
  bool ended = false;  // the answer is whole
  bool closed = false;
  std::uint32_t error = NGHTTP2_NO_ERROR;
  std::string broken_by;  // of the connection
  async::Duration waited{0};
};

// --- what nghttp2 tells

struct Http2Client::State::Callbacks {
  static State& self(void* user) { return *static_cast<State*>(user); }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_bytes,
                    const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* user) {
    Http2Call::State* call = self(user).call_of(frame->hd.stream_id);
    if (!call || call->has_head) return 0;  // trailers mean nothing here
    constexpr std::size_t field_overhead = 32;
    call->head_bytes += name_bytes + value_bytes + field_overhead;
    if (call->head_bytes > self(user).limits.header_bytes) {
      call->head_too_large = true;
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
    }
    const std::string_view field = text(name, name_bytes);
    if (field == ":status")
      std::from_chars(reinterpret_cast<const char*>(value), reinterpret_cast<const char*>(value) + value_bytes,
                      call->response.status);
    else
      call->response.headers.add(field, text(value, value_bytes));
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    State& state = self(user);
    if (frame->hd.type == NGHTTP2_SETTINGS) state.settled = true;
    if (frame->hd.type == NGHTTP2_GOAWAY) state.leaving = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    Http2Call::State* call = state.call_of(frame->hd.stream_id);
    if (!call) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && !call->has_head) {
      call->has_head = call->response.status >= 200;
      if (!call->has_head) call->response = Response();  // 100 Continue, 103 Early Hints
      call->head_bytes = 0;
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) call->ended = true;
    call->changed.notify();
    return 0;
  }

  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    // One answer that is not read must not hold up the others: its own window alone bounds it.
    nghttp2_session_consume_connection(session, size);
    if (Http2Call::State* call = self(user).call_of(id)) {
      call->body.append(text(bytes, size));
      call->changed.notify();
    }
    return 0;
  }

  static int stream_closed(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    if (Http2Call::State* call = self(user).call_of(id)) {
      call->closed = true;
      call->error = error;
      call->changed.notify();
    }
    return 0;
  }
};

void Http2Client::State::begin() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  nghttp2_session* session = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
  nghttp2_option_set_no_auto_window_update(option, 1);
  const int made = nghttp2_session_client_new2(&session, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) throw std::bad_alloc();
  link.use(session);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits.header_bytes)}};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, connection_window_bytes);
  link.collect();
  jobs.spawn(Http2Link::write_all, &link, &changed);
  jobs.spawn(see_to_writing, this);
  jobs.spawn(read_all, this);
}

void Http2Client::State::fail(const std::string& why) {
  dead = true;
  for (Http2Call::State* call = calls.front(); call; call = calls.after(*call)) {
    if (call->broken_by.empty()) call->broken_by = why;
    call->changed.notify();
  }
}

async::Task<> Http2Client::State::read_all(State* state) {
  std::string why = "the provider closed the connection";
  for (;;) {
    const Result<std::size_t> got =
        co_await state->link.stream().read(state->reactor.scratch(), async::Deadline::never());
    if (!got) why = got.error().message;
    if (!got || *got == 0) break;
    state->heard_at = state->reactor.now();
    const ssize_t used = nghttp2_session_mem_recv(
        state->link.session(), reinterpret_cast<const std::uint8_t*>(state->reactor.scratch().data()), *got);
    state->link.collect();
    if (used < 0) {
      why = std::string("the provider's answer is not HTTP/2: ") + nghttp2_strerror(static_cast<int>(used));
      break;
    }
    if (state->link.is_done()) break;
  }
  state->fail(why);
}

async::Task<> Http2Client::State::see_to_writing(State* state) {
  while (!state->link.ended()) (void)co_await state->changed.wait(async::Deadline::never());
  state->fail("the provider takes no more requests");
}

void Http2Client::State::ask_whether_it_lives() {
  if (asked || running > 0 || reactor.now() - heard_at < trusted_for) return;
  asked = true;
  nghttp2_submit_ping(link.session(), NGHTTP2_FLAG_NONE, nullptr);
  jobs.spawn(wait_for_a_sign, this);
}

async::Task<> Http2Client::State::wait_for_a_sign(State* state) {
  const async::TimePoint before = state->heard_at;
  co_await state->reactor.scheduler().sleep(state->reactor.within(alive_within));
  state->asked = false;
  if (state->heard_at == before) state->fail("the connection had died");
}

// --- Http2Client

Http2Client::Http2Client(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, const ClientLimits& limits,
                         bool tls)
    : state_(std::make_unique<State>(reactor, std::move(stream), limits, tls)) {
  state_->begin();
}

Http2Client::~Http2Client() = default;

bool Http2Client::has_room() const {
  nghttp2_session* session = state_->link.session();
  if (state_->dead || state_->leaving || state_->link.failed() || nghttp2_session_check_request_allowed(session) == 0)
    return false;
  if (!state_->settled) return state_->begun == 0;
  const std::uint32_t allowed = nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return state_->running < std::min<std::size_t>(allowed, max_calls);
}

bool Http2Client::is_over() const { return state_->running == 0 && (state_->dead || (state_->settled && !has_room())); }

std::size_t Http2Client::calls() const { return state_->running; }
async::TimePoint Http2Client::idle_since() const { return state_->idle_since; }

std::unique_ptr<Http2Call> Http2Client::open() {
  state_->ask_whether_it_lives();
  return std::make_unique<Http2Call>(*state_, state_->begun++ > 0);
}

// --- Http2Call

Http2Call::Http2Call(Http2Client::State& connection, bool reused)
    : state_(std::make_unique<State>(connection, reused)) {
  ++connection.running;
  connection.calls.push_back(*state_);
}

Http2Call::~Http2Call() {
  Http2Client::State& connection = state_->connection;
  if (state_->id >= 0 && !state_->closed) {
    nghttp2_session_set_stream_user_data(connection.link.session(), state_->id, nullptr);
    // The client has gone, or wants no more: the provider need not go on.
    nghttp2_submit_rst_stream(connection.link.session(), NGHTTP2_FLAG_NONE, state_->id, NGHTTP2_CANCEL);
    connection.link.collect();
  }
  if (--connection.running == 0) connection.idle_since = connection.reactor.now();
}

bool Http2Call::complete() const { return state_->ended && state_->body.empty(); }
bool Http2Call::reused() const { return state_->reused; }
bool Http2Call::refused() const { return !state_->has_head && state_->error == NGHTTP2_REFUSED_STREAM; }
async::Duration Http2Call::waited() const { return state_->waited; }

Result<void> Http2Call::State::submit(std::string_view head, bool has_body) {
  RequestHead parsed;
  if (parse_request_head(head, {.head_bytes = head.size() + 1}, parsed).state != HeadOutcome::State::complete)
    return fail(ErrorKind::internal, "the request to the provider has no valid head");
  FieldBlock block;
  block.add(":method", parsed.method);
  block.add(":scheme", connection.tls ? "https" : "http");
  block.add(":authority", parsed.get("host").value_or(""));
  block.add(":path", parsed.target);
  for (const Field& field : parsed)
    if (!is_connection_field(field.name) && !equal_ignoring_case(field.name, "host"))
      block.add(field.name, field.value);
  const auto& fields = block.fields();
  nghttp2_data_provider provider{.source = {.ptr = nullptr}, .read_callback = give_data};
  id = nghttp2_submit_request(connection.link.session(), nullptr, fields.data(), fields.size(),
                              has_body ? &provider : nullptr, this);
  if (id < 0) return std::unexpected(broken(nghttp2_strerror(id)));
  connection.link.collect();
  return {};
}

ssize_t Http2Call::State::give_data(nghttp2_session* session, std::int32_t id, std::uint8_t* to, std::size_t room,
                                    std::uint32_t* flags, nghttp2_data_source*, void*) {
  auto* call = static_cast<State*>(nghttp2_session_get_stream_user_data(session, id));
  if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::size_t taken = std::min(room, call->pending.size());
  std::memcpy(to, call->pending.data(), taken);
  call->pending.remove_prefix(taken);
  if (call->pending.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(taken);
}

Error Http2Call::State::why_it_broke() const {
  if (head_too_large) return broken("the provider's answer has a head that is too large");
  if (closed && error == NGHTTP2_REFUSED_STREAM) return broken("the provider did not begin with the request");
  if (closed && error != NGHTTP2_NO_ERROR)
    return broken(std::string("the provider ended its answer with ") + nghttp2_http2_strerror(error));
  return broken(broken_by.empty() ? "the provider ended its answer before it was whole" : broken_by);
}

namespace {

Error too_late(const async::Deadline& deadline) {
  if (deadline.cancel && deadline.cancel->fired())
    return {.kind = ErrorKind::client_gone, .message = "the client closed the connection"};
  return {.kind = ErrorKind::provider_timeout, .message = "no data in time", .retry = Retry::anywhere};
}

}  // namespace

async::Task<Result<Response>> Http2Call::send(std::string_view head, std::string_view body, async::Deadline deadline) {
  State& call = *state_;
  if (call.connection.dead) co_return std::unexpected(broken("the provider closed the connection"));
  call.pending = body;
  CO_CHECK_OK(call.submit(head, !body.empty()));
  const async::TimePoint begin = async::Clock::now();
  std::optional<Error> error;
  while (!call.has_head) {
    if (call.closed || !call.broken_by.empty()) {
      error = call.why_it_broke();
      break;
    }
    const bool told = co_await call.changed.wait(deadline);
    if (!told) {
      error = too_late(deadline);
      break;
    }
  }
  call.waited += async::Clock::now() - begin;
  if (!call.pending.empty()) {  // who asks lends the body until now only
    call.rest = call.pending;
    call.pending = call.rest;
  }
  if (error) co_return std::unexpected(*std::move(error));
  co_return std::move(call.response);
}

async::Task<Result<bool>> Http2Call::read_some(std::string& out, async::Deadline deadline) {
  State& call = *state_;
  for (;;) {
    if (!call.body.empty()) {
      const std::size_t size = call.body.size();
      if (out.empty()) {
        out.swap(call.body);
      } else {
        out.append(call.body);
        call.body.clear();
      }
      if (!call.closed) {
        nghttp2_session_consume_stream(call.connection.link.session(), call.id, size);
        call.connection.link.collect();
      }
      co_return true;
    }
    if (call.ended) co_return false;
    if (call.closed || !call.broken_by.empty()) co_return std::unexpected(call.why_it_broke());
    const bool told = co_await call.changed.wait(deadline);
    if (!told) co_return std::unexpected(too_late(deadline));
  }
}

}  // namespace sluice::http
