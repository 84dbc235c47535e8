#include "wire.h"

#include <cerrno>
#include <cstring>

namespace sluice::simulation {

using net::Attempt;

void Wire::send(std::string bytes) {
  for (std::size_t from = 0; from < bytes.size();) {
    // Mostly whole, sometimes cut anywhere: inside a line, an event, a character.
    const std::size_t left = bytes.size() - from;
    const std::size_t piece = world_.chance(30) ? 1 + world_.below(left) : left;
    last_to_stream_ = std::max(last_to_stream_, world_.now() + delay());
    world_.after(last_to_stream_ - world_.now(),
                 [self = shared_from_this(), part = bytes.substr(from, piece)] { self->arrive(part); });
    from += piece;
  }
}

void Wire::arrive(std::string piece) {
  if (!stream_ || stream_->reset_) return;
  stream_->inbox_.append(piece);
  stream_->notify(true, false, false);
}

void Wire::close() {
  last_to_stream_ = std::max(last_to_stream_, world_.now() + delay());
  world_.after(last_to_stream_ - world_.now(), [self = shared_from_this()] {
    if (!self->stream_) return;
    self->stream_->end_ = true;
    self->stream_->notify(true, false, true);
  });
}

void Wire::reset() {
  world_.after(delay(), [self = shared_from_this()] {
    if (!self->stream_) return;
    self->stream_->reset_ = true;
    self->stream_->notify(true, true, true);
  });
}

void Wire::detach() { peer_gone_ = true; }

std::unique_ptr<net::Stream> Wire::make_stream() {
  auto stream = std::make_unique<WireStream>(world_.reactor, shared_from_this());
  stream_ = stream.get();
  return stream;
}

std::size_t Wire::take(std::string_view bytes) {
  const std::size_t taken = std::min(bytes.size(), window_ - std::min(window_, on_the_way_));
  if (taken == 0) return 0;
  on_the_way_ += taken;
  last_to_peer_ = std::max(last_to_peer_, world_.now() + delay());
  world_.after(last_to_peer_ - world_.now(), [self = shared_from_this(), part = std::string(bytes.substr(0, taken))] {
    self->on_the_way_ -= part.size();
    if (!self->peer_gone_) self->peer_.received(part);
    if (self->stream_) self->stream_->notify(false, true, false);
  });
  return taken;
}

void Wire::on_stream_gone() {
  stream_ = nullptr;
  last_to_peer_ = std::max(last_to_peer_, world_.now() + delay());
  world_.after(last_to_peer_ - world_.now(), [self = shared_from_this()] {
    if (!self->peer_gone_) self->peer_.closed();
  });
}

WireStream::~WireStream() { wire_->on_stream_gone(); }

void WireStream::end_writing() {
  std::shared_ptr<Wire> wire = wire_;
  wire->last_to_peer_ = std::max(wire->last_to_peer_, wire->world_.now() + wire->delay());
  wire->world_.after(wire->last_to_peer_ - wire->world_.now(), [wire] {
    if (!wire->peer_gone_) wire->peer_.closed();
  });
}

void WireStream::cut() {
  reset_ = true;
  notify(true, true, true);
}

Attempt WireStream::try_read(std::span<char> buffer) {
  if (reset_) return {Attempt::State::broken, 0, ECONNRESET};
  if (inbox_.empty()) return {end_ ? Attempt::State::end : Attempt::State::wait_readable};
  const std::size_t count = std::min(buffer.size(), inbox_.size());
  std::memcpy(buffer.data(), inbox_.data(), count);
  inbox_.erase(0, count);
  return {Attempt::State::moved, count};
}

Attempt WireStream::try_write(std::span<const iovec> pieces) {
  if (reset_) return {Attempt::State::broken, 0, EPIPE};
  std::size_t moved = 0;
  for (const iovec& piece : pieces) {
    const std::size_t taken = wire_->take({static_cast<const char*>(piece.iov_base), piece.iov_len});
    moved += taken;
    if (taken < piece.iov_len) break;
  }
  if (moved == 0) return {Attempt::State::wait_writable};
  return {Attempt::State::moved, moved};
}

}  // namespace sluice::simulation
