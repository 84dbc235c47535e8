// Stream: a two-way byte stream, plain or TLS, and the awaiters that read and write it. An awaiter tries the system
// call first and waits only when it would block, so a busy connection never touches the event loop. Writes of a round
// go out one behind the other when all code of the round has run: the peers are woken once, not once for each.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "net/reactor.h"

namespace sluice::net {

// What one non-blocking attempt came to.
struct Attempt {
  enum class State : std::uint8_t { moved, wait_readable, wait_writable, end, broken } state;
  std::size_t bytes = 0;  // for moved
  int error = 0;          // errno for broken; 0 for a TLS failure
};

class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  class Read;
  class Write;

  // co_await read(buffer, deadline): Result of the bytes read, 0 at the peer's end. Errors: provider_unreachable
  // (reset, TLS), provider_timeout (deadline), client_gone (cancelled); the caller re-words them where it knows better.
  Read read(std::span<char> buffer, async::Deadline deadline);
  // co_await write(first, second, deadline): all of both, as one system call when it fits. The bytes must stay until
  // then.
  Write write(std::string_view first, std::string_view second, async::Deadline deadline);
  // The same of up to four pieces; empty ones do not count.
  static constexpr std::size_t most_pieces = 4;
  using Pieces = std::array<std::string_view, most_pieces>;
  Write write(const Pieces& pieces, async::Deadline deadline);

  // Fires when the peer has gone although nobody reads: a client that left while its answer is awaited. The Cancel is a
  // borrow: reset with nullptr before it dies.
  void fire_on_hangup(async::Cancel* cancel);
  bool hung_up() const { return hung_up_; }
  // True when a kept idle connection can no longer be used: the peer closed it or sent what nobody asked for. As far as
  // the reactor's last round has told: who gets a dead one all the same finds out by using it.
  virtual bool stale() = 0;
  // What TLS has agreed on (ALPN): "h2", "http/1.1"; empty when it has not, or there is no TLS.
  virtual std::string_view protocol() const { return {}; }
  // Tells the peer that nothing more will come, and goes on reading. A stream that cannot do this ignores it.
  virtual void end_writing() {}
  // Ends the stream now: who uses it finds the peer gone. A stream that cannot do this ignores it.
  virtual void cut() {}

 protected:
  explicit Stream(Reactor& reactor) : reactor_(reactor) {}
  virtual Attempt try_read(std::span<char> buffer) = 0;
  virtual Attempt try_write(std::span<const iovec> pieces) = 0;
  // Called by the socket below when epoll reports a change.
  void notify(bool readable, bool writable, bool hung_up);

  class Transfer;
  Transfer*& read_slot() { return reader_; }
  Reactor& reactor_;

 private:
  Transfer* reader_ = nullptr;
  Transfer* writer_ = nullptr;
  async::Cancel* on_hangup_ = nullptr;
  bool hung_up_ = false;
};

// What reading and writing share: one attempt, the wait for readiness, the outcome.
class Stream::Transfer : public async::Wait {
 public:
  // `slot` is the stream's reader_ or writer_: who waits; the flags below say what for, as TLS may write in order to
  // read.
  Transfer(Stream& stream, Transfer*& slot, async::Deadline deadline)
      : Wait(stream.reactor_.scheduler()), stream_(stream), slot_(slot), deadline_(deadline) {}
  ~Transfer() override { detach(); }

 protected:
  virtual Attempt once() = 0;
  bool advance();  // true when the transfer is over, one way or the other
  bool attempt() override { return advance(); }
  void suspend(std::coroutine_handle<> coroutine) {
    slot_ = this;
    arm(coroutine, deadline_);
  }
  void suspend_late(std::coroutine_handle<> coroutine) {
    slot_ = this;
    arm_late(coroutine, deadline_);
  }
  void detach() {
    if (slot_ == this) slot_ = nullptr;
  }
  Error error() const;

  Stream& stream_;
  Transfer*& slot_;
  async::Deadline deadline_;
  Attempt last_{};

 private:
  friend class Stream;
  bool wants_read_ = false;
  bool wants_write_ = false;
};

class Stream::Read : public Transfer {
 public:
  Read(Stream& stream, std::span<char> buffer, async::Deadline deadline)
      : Transfer(stream, stream.reader_, deadline), buffer_(buffer) {}
  bool await_ready() { return advance(); }
  void await_suspend(std::coroutine_handle<> coroutine) { suspend(coroutine); }
  Result<std::size_t> await_resume();

 private:
  Attempt once() override { return stream_.try_read(buffer_); }
  std::span<char> buffer_;
};

class Stream::Write : public Transfer {
 public:
  Write(Stream& stream, const Pieces& pieces, async::Deadline deadline)
      : Transfer(stream, stream.writer_, deadline), pieces_(pieces) {}
  bool await_ready() { return deadline_.cancelled() && advance(); }
  void await_suspend(std::coroutine_handle<> coroutine) { suspend_late(coroutine); }
  Result<void> await_resume();

 private:
  Attempt once() override;
  Pieces pieces_;
};

inline Stream::Read Stream::read(std::span<char> buffer, async::Deadline deadline) {
  return Read(*this, buffer, deadline);
}
inline Stream::Write Stream::write(std::string_view first, std::string_view second, async::Deadline deadline) {
  return Write(*this, {first, second}, deadline);
}
inline Stream::Write Stream::write(const Pieces& pieces, async::Deadline deadline) {
  return Write(*this, pieces, deadline);
}

}  // namespace sluice::net
