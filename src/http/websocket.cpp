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
constexpr std::size_t max_control_bytes = 125;                                    // the payload of a control frame
constexpr std::size_t max_reason_bytes = max_control_bytes - 2;                   // behind the code

// The head of a frame (RFC 6455, section 5.2).
struct FrameHead {
  std::size_t size = 0;
  std::uint64_t payload = 0;
  bool closes = false;
};

// Nothing until all of the head is there.
std::optional<FrameHead> head_of(std::string_view bytes) {
  if (bytes.size() < 2) return std::nullopt;
  const auto at = [&](std::size_t index) { return static_cast<unsigned char>(bytes[index]); };
  FrameHead head{.size = 2, .payload = at(1) & 0x7fU, .closes = (at(0) & 0x0fU) == WSLAY_CONNECTION_CLOSE};
  if (head.payload >= 126) {
    const std::size_t length_bytes = head.payload == 126 ? 2 : 8;
    head.size += length_bytes;
    if (bytes.size() < head.size) return std::nullopt;
    head.payload = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) head.payload = head.payload << 8 | at(2 + i);
  }
  if ((at(1) & 0x80U) != 0) head.size += 4;  // the masking key
  if (bytes.size() < head.size) return std::nullopt;
  return head;
}

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
  std::string waiting;     // the begin of a frame whose head, or that of a close frame all of it, is yet to come
  std::uint64_t rest_of_payload = 0;  // of the frame that the library is reading
  std::string output;
  std::deque<std::string> messages;
  bool closing = false;  // a close frame went out or came in
  bool broken = false;   // the framing cannot go on

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* into, std::size_t size, int, void* self) {
    State& state = *static_cast<State*>(self);
    const std::size_t taken = state.piece(size);
    if (taken == 0) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    std::copy_n(state.input.data(), taken, into);
    state.input.remove_prefix(taken);
    return static_cast<ssize_t>(taken);
  }
  // How many bytes of the input the library gets now: of one frame at most, and of a close frame all or nothing, since
  // it looks at the text in one piece by piece and passes over two bytes of each. Its buffer has room for such a frame.
  std::size_t piece(std::size_t room) {
    std::size_t size = 0;
    if (rest_of_payload == 0) {
      const std::optional<FrameHead> head = head_of(input);
      if (!head || head->size > room) return 0;
      const bool whole = head->closes && head->payload <= max_control_bytes;
      if (whole && input.size() - head->size < head->payload) return 0;
      size = head->size;
      rest_of_payload = head->payload;
    }
    const auto of_payload =
        static_cast<std::size_t>(std::min<std::uint64_t>(rest_of_payload, std::min(room, input.size()) - size));
    rest_of_payload -= of_payload;
    return size + of_payload;
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
  if (!state_->waiting.empty()) bytes = state_->waiting.append(bytes);
  state_->input = bytes;
  const bool ill_framed = wslay_event_recv(state_->context) != 0;
  state_->waiting = std::string(closed() ? std::string_view() : state_->input);
  state_->input = {};
  // The library closes without a code when a frame's head is wrong; what it has queued is left where it is, unless the
  // client was to be told something else before.
  if (ill_framed && !state_->closing)
    state_->output.append(protocol_error_frame);
  else
    state_->flush();
  state_->broken = state_->broken || ill_framed;
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
