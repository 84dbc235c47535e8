// A connection without a network: Sluice's end is a net::Stream like any other, the other end is code of the
// simulation. What is sent arrives later and in pieces; a side may close, reset, or stop reading.
#pragma once

#include <memory>
#include <string>

#include "net/connect.h"
#include "net/stream.h"
#include "world.h"

namespace sluice::simulation {

class WireStream;

// Who is at the other end: a client, or a provider.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void received(std::string_view bytes) = 0;
  // Sluice's end has been closed (or only its writing side). Nothing more will come.
  virtual void closed() = 0;
};

// The other end's handle. Outlives the stream; what is sent to a stream that has gone is lost, as in real life.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(World& world, Peer& peer) : world_(world), peer_(peer) {}

  // Arrives in order, in pieces, after some delay.
  void send(std::string bytes);
  // After all that was sent: an orderly end, or a reset at once that overtakes it.
  void close();
  void reset();
  void detach();  // the peer goes away without a word; nothing is told to it any more
  // How many bytes may be on their way to the peer before writing has to wait.
  void set_window(std::size_t bytes) { window_ = bytes; }
  TimePoint now() const { return world_.now(); }
  std::unique_ptr<net::Stream> make_stream();

 private:
  friend class WireStream;
  Duration delay() { return world_.between(std::chrono::microseconds(20), std::chrono::microseconds(900)); }
  void arrive(std::string piece);
  void on_stream_gone();
  std::size_t take(std::string_view bytes);  // from Sluice; how many were taken

  World& world_;
  Peer& peer_;
  WireStream* stream_ = nullptr;
  bool peer_gone_ = false;
  std::size_t window_ = 256 * 1024;
  std::size_t on_the_way_ = 0;
  TimePoint last_to_stream_{};  // arrivals keep their order
  TimePoint last_to_peer_{};
};

class WireStream : public net::Stream {
 public:
  WireStream(net::Reactor& reactor, std::shared_ptr<Wire> wire) : Stream(reactor), wire_(std::move(wire)) {}
  ~WireStream() override;
  bool stale() override { return hung_up() || !inbox_.empty() || end_; }
  void end_writing() override;
  void cut() override;

 protected:
  net::Attempt try_read(std::span<char> buffer) override;
  net::Attempt try_write(std::span<const iovec> pieces) override;

 private:
  friend class Wire;
  std::shared_ptr<Wire> wire_;
  std::string inbox_;
  bool end_ = false;    // after the inbox
  bool reset_ = false;  // now
};

}  // namespace sluice::simulation
