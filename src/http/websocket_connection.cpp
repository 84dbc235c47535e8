#include "http/websocket_connection.h"

namespace sluice::http {

WebSocket::WebSocket(net::Reactor& reactor, net::Stream& stream, const WebSocketLimits& limits, async::Cancel& stop,
                     std::string_view first)
    : reactor_(reactor), stream_(stream), limits_(limits), stop_(stop), frames_(limits.message_bytes) {
  frames_.feed(first);
}

async::Task<WebSocket::Got> WebSocket::read(async::Deadline deadline) {
  const async::Deadline soon = deadline.earlier(reactor_.now() + limits_.ping_after);
  const Result<std::size_t> got = co_await stream_.read(reactor_.scratch(), soon);
  if (got && *got > 0) {
    pinged_ = false;
    frames_.feed(std::string_view(reactor_.scratch().data(), *got));
    co_return Got::bytes;
  }
  const bool silent = !got && got.error().kind == ErrorKind::provider_timeout;
  const bool cancelled = deadline.cancel && deadline.cancel->fired();
  if (cancelled || (silent && reactor_.now() >= deadline.at)) co_return Got::nothing;
  if (!silent || pinged_) {
    gone_ = true;
    co_return Got::end;
  }
  pinged_ = true;
  frames_.send_ping();
  co_return Got::bytes;
}

async::Task<std::optional<std::string>> WebSocket::receive(async::TimePoint until) {
  for (;;) {
    if (std::optional<std::string> message = frames_.next()) co_return message;
    const Result<void> flushed = co_await flush();
    if (!flushed || closed()) co_return std::nullopt;
    const Got got = co_await read({until, &stop_});
    if (got == Got::nothing && stop_.fired()) co_await close(WebSocketClose::going_away, "the server shuts down");
    if (got != Got::bytes) co_return std::nullopt;
  }
}

async::Task<> WebSocket::watch(std::string busy, const bool& answered, async::Cancel& gone) {
  for (;;) {
    if (answered) co_return;
    while (frames_.next()) frames_.send_text(busy);
    const Result<void> flushed = co_await flush();
    if (!flushed || closed() || co_await read(async::Deadline::never()) == Got::end) break;
  }
  gone.fire();
}

async::Task<Result<void>> WebSocket::send(std::string_view message) {
  frames_.send_text(message);
  co_return co_await flush();
}

// What has gathered is small, but for what send() has put there: whoever sends waits for it.
async::Task<Result<void>> WebSocket::flush() {
  co_await settle();
  if (gone_) co_return fail(ErrorKind::client_gone, "the client has gone");
  writing_ = true;
  for (std::string out = frames_.take_output(); !out.empty() && !gone_; out = frames_.take_output()) {
    const Result<void> written = co_await stream_.write(out, {}, reactor_.within(limits_.write_timeout));
    gone_ = !written;
  }
  writing_ = false;
  if (gone_) co_return fail(ErrorKind::client_gone, "the client does not take its answer");
  co_return Result<void>();
}

async::Task<> WebSocket::settle() {
  constexpr std::chrono::milliseconds look_again{1};  // the other side's pong is on its way into a full buffer
  while (writing_ && !gone_) co_await reactor_.scheduler().sleep(reactor_.within(look_again));
}

async::Task<> WebSocket::close(WebSocketClose code, std::string reason) {
  frames_.send_close(code, reason);
  (void)co_await flush();
}

}  // namespace sluice::http
