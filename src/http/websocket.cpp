#include "http/websocket.h"

#include <wslay/wslay.h>

#include <algorithm>
#include <new>
#include <utility>

#include "base/crypto.h"

namespace sluice::http {
namespace {

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3
constexpr std::size_t key_chars = 24;                                             // base64 of 16 bytes
constexpr std::string_view protocol_error_frame = "\x88\x02\x03\xea";             // a close frame with 1002
constexpr std::size_t max_reason_bytes = 123;  // a control frame has 125 bytes, the code takes two

// 16 bytes are 24 characters: the last two, and only they, are padding, and the one before has four bits of nothing.
bool is_key(std::string_view key) {
  const auto is_base64 = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  return key.size() == key_chars && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, key_chars - 2), is_base64) &&
         std::string_view("AQgw").contains(key[key_chars - 3]);
}

}  // namespace

Result<std::string> websocket_accept(std::string_view key) {
  if (!is_key(key))
    return fail(ErrorKind::invalid_request, "Sec-WebSocket-Key is not the base64 of 16 bytes",
                "send 16 random bytes, as RFC 6455 wants it");
  return crypto::base64(crypto::sha1(std::string(key).append(accept_guid)));
}

struct WebSocketFrames::State {
  wslay_event_context_ptr context = nullptr;
  std::string_view input;  // what feed() still has
  std::string output;
  std::deque<std::string> messages;
  bool closing = false;  // a close frame went out or came in
  bool broken = false;   // the framing cannot go on

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* into, std::size_t size, int, void* self) {
    std::string_view& input = static_cast<State*>(self)->input;
    if (input.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const std::size_t taken = std::min(size, input.size());
    std::copy_n(input.data(), taken, into);
    input.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  static ssize_t send(wslay_event_context_ptr, const std::uint8_t* bytes, std::size_t size, int, void* self) {
    static_cast<State*>(self)->output.append(reinterpret_cast<const char*>(bytes), size);
    return static_cast<ssize_t>(size);
  }
  static void received(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message, void* self) {
    State& state = *static_cast<State*>(self);
    if (message->opcode == WSLAY_CONNECTION_CLOSE) state.closing = true;
    if (state.closing) return;
    if (message->opcode == WSLAY_TEXT_FRAME)
      state.messages.emplace_back(reinterpret_cast<const char*>(message->msg), message->msg_length);
    if (message->opcode == WSLAY_BINARY_FRAME)
      state.close(WebSocketClose::unsupported_data, "send text messages: binary ones are not understood");
  }
  void close(WebSocketClose code, std::string_view reason) {
    if (closing || broken) return;
    closing = true;
    reason = reason.substr(0, max_reason_bytes);
    (void)wslay_event_queue_close(context, static_cast<std::uint16_t>(code),
                                  reinterpret_cast<const std::uint8_t*>(reason.data()), reason.size());
  }
  void queue(std::uint8_t opcode, std::string_view payload) {
    const wslay_event_msg message{opcode, reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()};
    if (!closing && !broken && wslay_event_queue_msg(context, &message) != 0) broken = true;
  }
  void flush() {
    if (!broken && wslay_event_send(context) != 0) broken = true;
  }
};

WebSocketFrames::WebSocketFrames(std::size_t max_message_bytes) : state_(std::make_unique<State>()) {
  const wslay_event_callbacks callbacks{&State::receive, &State::send, nullptr,         nullptr,
                                        nullptr,         nullptr,      &State::received};
  if (wslay_event_context_server_init(&state_->context, &callbacks, state_.get()) != 0) throw std::bad_alloc();
  wslay_event_config_set_max_recv_msg_length(state_->context, max_message_bytes);
}

WebSocketFrames::~WebSocketFrames() { wslay_event_context_free(state_->context); }

void WebSocketFrames::feed(std::string_view bytes) {
  if (closed()) return;
  state_->input = bytes;
  const bool ill_framed = wslay_event_recv(state_->context) != 0;
  state_->input = {};
  // The library closes without a code when a frame's head is wrong; what it has queued is left where it is.
  if (ill_framed && !state_->closing && !state_->broken) state_->output.append(protocol_error_frame);
  state_->broken = state_->broken || ill_framed;
  if (!state_->broken) state_->flush();
}

std::optional<std::string> WebSocketFrames::next() {
  if (state_->messages.empty()) return std::nullopt;
  std::string message = std::move(state_->messages.front());
  state_->messages.pop_front();
  return message;
}

void WebSocketFrames::send_text(std::string_view message) {
  state_->queue(WSLAY_TEXT_FRAME, message);
  state_->flush();
}

void WebSocketFrames::send_ping() {
  state_->queue(WSLAY_PING, {});
  state_->flush();
}

void WebSocketFrames::send_close(WebSocketClose code, std::string_view reason) {
  state_->close(code, reason);
  state_->flush();
}

std::string WebSocketFrames::take_output() { return std::exchange(state_->output, {}); }

bool WebSocketFrames::closed() const {
  return state_->closing || state_->broken || wslay_event_get_close_sent(state_->context) != 0 ||
         wslay_event_get_read_enabled(state_->context) == 0;
}

}  // namespace sluice::http
