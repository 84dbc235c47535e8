#include "net/stream.h"

#include <algorithm>
#include <cstring>

namespace sluice::net {

using async::Woken;

void Stream::notify(bool readable, bool writable, bool hung_up) {
  for (Transfer* transfer : {reader_, writer_})
    if (transfer && ((readable && transfer->wants_read_) || (writable && transfer->wants_write_)))
      transfer->wake(Woken::event);
  if (hung_up && !hung_up_) {
    hung_up_ = true;
    if (on_hangup_) on_hangup_->fire();
  }
}

void Stream::fire_on_hangup(async::Cancel* cancel) {
  on_hangup_ = cancel;
  if (cancel && hung_up_) cancel->fire();
}

bool Stream::Transfer::advance() {
  last_ = once();
  wants_read_ = last_.state == Attempt::State::wait_readable;
  wants_write_ = last_.state == Attempt::State::wait_writable;
  return !wants_read_ && !wants_write_;
}

Error Stream::Transfer::error() const {
  if (woken() == Woken::cancelled)
    return {.kind = ErrorKind::client_gone, .message = "the client closed the connection"};
  if (woken() == Woken::deadline)
    return {.kind = ErrorKind::provider_timeout, .message = "no data in time", .retry = Retry::anywhere};
  return {.kind = ErrorKind::provider_unreachable,
          .message = last_.error ? std::strerror(last_.error) : "the TLS connection failed",
          .retry = Retry::anywhere};
}

Result<std::size_t> Stream::Read::await_resume() {
  detach();
  if (woken() == Woken::cancelled || woken() == Woken::deadline) return std::unexpected(error());
  if (last_.state == Attempt::State::moved) return last_.bytes;
  if (last_.state == Attempt::State::end) return std::size_t{0};
  return std::unexpected(error());
}

Attempt Stream::Write::once() {
  for (;;) {
    std::array<iovec, most_pieces> todo;
    std::size_t count = 0;
    for (const std::string_view piece : pieces_)
      if (!piece.empty()) todo[count++] = {const_cast<char*>(piece.data()), piece.size()};
    if (count == 0) return {Attempt::State::moved};
    const Attempt attempt = stream_.try_write(std::span<const iovec>(todo.data(), count));
    if (attempt.state != Attempt::State::moved) return attempt;
    std::size_t moved = attempt.bytes;
    for (std::string_view& piece : pieces_) {
      const std::size_t of_piece = std::min(moved, piece.size());
      piece.remove_prefix(of_piece);
      moved -= of_piece;
    }
  }
}

Result<void> Stream::Write::await_resume() {
  detach();
  if (woken() == Woken::cancelled || woken() == Woken::deadline) return std::unexpected(error());
  if (last_.state == Attempt::State::moved) return {};
  return std::unexpected(error());
}

}  // namespace sluice::net
