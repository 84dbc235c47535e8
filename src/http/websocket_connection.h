// A client's WebSocket connection: messages in, messages out, pings and the close handshake by themselves. One
// coroutine uses it at a time, except that watch() may run beside send().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "http/websocket.h"
#include "net/stream.h"

namespace sluice::http {

struct WebSocketLimits {
  std::size_t message_bytes = 32 * 1024 * 1024;
  async::Duration write_timeout = std::chrono::seconds(60);
  async::Duration ping_after =
      std::chrono::seconds(30);  // of silence; a client that is silent again after that is gone
};

class WebSocket {
 public:
  // `first` is what came behind the handshake. `stop` ends the wait for the next message. Borrows all but that.
  WebSocket(net::Reactor& reactor, net::Stream& stream, const WebSocketLimits& limits, async::Cancel& stop,
            std::string_view first);

  // The next message; empty when there will be none, or when `until` is over first (then closed() is false).
  async::Task<std::optional<std::string>> receive(async::TimePoint until);
  // Errors: client_gone.
  async::Task<Result<void>> send(std::string_view message);
  // Reads while something is being answered: messages are answered with `busy`, and when the client leaves, `gone`
  // fires. From `answered` on messages wait for receive(). Whoever cancels it calls settle() before.
  async::Task<> watch(std::string busy, const bool& answered, async::Cancel& gone);
  // Nothing is half written when this is over.
  async::Task<> settle();
  async::Task<> close(WebSocketClose code, std::string reason);
  bool closed() const { return gone_ || frames_.closed(); }

 private:
  enum class Got : std::uint8_t { bytes, nothing, end };
  // Waits for more from the client, at most until the next ping is due.
  async::Task<Got> read(async::Deadline deadline);
  async::Task<Result<void>> flush();

  net::Reactor& reactor_;
  net::Stream& stream_;
  const WebSocketLimits limits_;
  async::Cancel& stop_;
  WebSocketFrames frames_;
  bool writing_ = false;
  bool gone_ = false;
  bool pinged_ = false;  // since something came
};

}  // namespace sluice::http
