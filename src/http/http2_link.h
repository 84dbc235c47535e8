// What both sides of HTTP/2 share: the bytes between a stream and nghttp2, header blocks, and allowances for what a
// peer may do only so often. nghttp2 does the frames, HPACK and the states of streams; this side does the I/O.
#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/signal.h"
#include "async/task.h"
#include "http/headers.h"
#include "net/stream.h"

namespace sluice::http {

struct Http2SessionFree {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
using Http2SessionPtr = std::unique_ptr<nghttp2_session, Http2SessionFree>;

// How often a peer may do what costs us more than it costs the peer: so many at once, and so many a second after that.
class Allowance {
 public:
  Allowance(std::int64_t at_once, std::int64_t per_second, async::TimePoint now)
      : at_once_(at_once), per_second_(per_second), left_(at_once), filled_(now) {}
  bool take(async::TimePoint now);
  void give(std::int64_t more) { left_ = std::min(at_once_, left_ + more); }

 private:
  std::int64_t at_once_;
  std::int64_t per_second_;
  std::int64_t left_;
  async::TimePoint filled_;
};

// A header block on its way out: names in lower case, without what belongs to connections of HTTP/1.1.
class FieldBlock {
 public:
  void add(std::string_view name, std::string_view value);
  void add_all(const Headers& headers);
  // Good until the next change.
  const std::vector<nghttp2_nv>& fields();

 private:
  struct Place {
    std::size_t begin;
    std::size_t name_bytes;
    std::size_t value_bytes;
  };
  std::string text_;
  std::vector<Place> places_;
  std::vector<nghttp2_nv> fields_;
};

// True for fields that HTTP/2 does not have (RFC 9113, 8.2.2).
bool is_connection_field(std::string_view name);

// The way out of a connection. What nghttp2 has to send is collected as soon as it is there, and written by a coroutine
// of its own: what several streams have at the same time goes out in one write.
class Http2Link {
 public:
  Http2Link(net::Reactor& reactor, std::unique_ptr<net::Stream> stream, async::Duration write_timeout)
      : reactor_(reactor), stream_(std::move(stream)), write_timeout_(write_timeout), more_(reactor.scheduler()) {}

  net::Reactor& reactor() { return reactor_; }
  net::Stream& stream() { return *stream_; }
  nghttp2_session* session() { return session_.get(); }
  void use(nghttp2_session* session) { session_.reset(session); }

  // Takes from nghttp2 what there is room for. Not from its callbacks.
  void collect();
  // True when nothing is left to send and nothing more can come.
  bool is_done() const;
  bool is_empty() const { return out_.empty() && sending_.empty(); }
  // Writes until finish() and all is out, or writing fails; a failure is told by `on_failure`.
  static async::Task<> write_all(Http2Link* link, async::Signal* on_end);
  void finish() {
    finishing_ = true;
    more_.notify();
  }
  bool failed() const { return failed_; }
  bool ended() const { return ended_; }

 private:
  static constexpr std::size_t most_collected_bytes = 64 * 1024;  // then streams wait: back-pressure
  static constexpr std::size_t idle_buffer_bytes = 4096;          // what an idle connection may keep

  net::Reactor& reactor_;
  std::unique_ptr<net::Stream> stream_;
  async::Duration write_timeout_;
  Http2SessionPtr session_;
  async::Signal more_;
  std::string out_;
  std::string sending_;
  bool finishing_ = false;
  bool failed_ = false;
  bool ended_ = false;
};

}  // namespace sluice::http
