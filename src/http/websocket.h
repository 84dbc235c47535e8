// The server's side of WebSocket framing (RFC 6455), without I/O: bytes from the client go in, whole messages and the
// bytes to send come out. No extension is negotiated, so a frame with a reserved bit is an error.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice::http {

// The value of Sec-WebSocket-Accept (RFC 6455, section 4.2.2). Errors: invalid_request when `key` is not the base64 of
// 16 bytes.
Result<std::string> websocket_accept(std::string_view key);

enum class WebSocketClose : std::uint16_t {
  normal = 1000,
  going_away = 1001,  // the server shuts down, or the connection has had its time
  protocol_error = 1002,
  unsupported_data = 1003,  // a binary message
  bad_text = 1007,
  too_big = 1009,
};

class WebSocketFrames {
 public:
  // A message longer than `max_message_bytes`, however it is cut into frames, ends the connection with 1009.
  explicit WebSocketFrames(std::size_t max_message_bytes);
  ~WebSocketFrames();
  WebSocketFrames(const WebSocketFrames&) = delete;
  WebSocketFrames& operator=(const WebSocketFrames&) = delete;

  // Takes what has arrived; after a close frame or an error it is ignored. Pings are answered, a close frame is
  // answered, and what breaks the protocol is answered with a close frame of the right code: see take_output().
  void feed(std::string_view bytes);
  // The next whole text message.
  std::optional<std::string> next();

  // All of these append to the output; nothing is sent behind a close frame.
  void send_text(std::string_view message);
  void send_ping();
  void send_close(WebSocketClose code, std::string_view reason);
  // The bytes for the client that have gathered.
  std::string take_output();

  // Nothing more will come in: the client has closed, or has been told why it is closed.
  bool closed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::http
