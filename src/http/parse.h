// HTTP/1.1 heads, read strictly in one pass. Nothing is copied: all views point into the buffer that was given. What
// two readers could understand in two ways is refused, because that is how requests are smuggled (RFC 9112, sections 5
// to 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/headers.h"

namespace sluice::http {

// What a head says; of a request or a response.
class Head {
 public:
  static constexpr std::size_t max_fields = 100;  // agents send about 30

  std::optional<std::string_view> get(std::string_view name) const;
  const Field* begin() const { return fields_.data(); }
  const Field* end() const { return fields_.data() + fields_.size(); }
  // Its text, of `size` bytes, stands at `to` from now on.
  void moved(const char* from, std::size_t size, const char* to);

  int minor_version = 1;  // HTTP/1.0 or HTTP/1.1
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;

 protected:
  static void move_view(std::string_view& view, const char* from, std::size_t size, const char* to);

 private:
  friend struct HeadParser;
  static constexpr std::size_t usual_fields = 16;
  std::vector<Field> fields_;  // at most max_fields
};

struct RequestHead : Head {
  std::string_view method;
  std::string_view target;  // as sent
  std::string_view path;    // of the target, without the query; not decoded
  std::string_view query;   // after '?', may be empty
  bool expect_continue = false;

  void moved(const char* from, std::size_t size, const char* to);
};

struct ResponseHead : Head {
  int status = 0;
};

struct HeadLimits {
  std::size_t head_bytes = 64 * 1024;
  std::size_t target_bytes = 8 * 1024;
};

// Which bound a head has met: beyond one, or none.
enum class HeadLimit : std::uint8_t { none, bytes, fields, target };
// By its name in telemetry/limit_table.h; empty for none.
std::string_view name(HeadLimit limit);

struct HeadOutcome {
  enum class State : std::uint8_t { incomplete, complete, malformed } state = State::incomplete;
  std::size_t bytes = 0;  // complete: the head's length, with its empty line
  int status = 400;       // malformed: what to answer (400, 414, 431, 501, 505)
  HeadLimit limit = HeadLimit::none;
  const char* message = "";  // malformed: why
};

HeadOutcome parse_request_head(std::string_view buffer, const HeadLimits& limits, RequestHead& head);
// `malformed` of a response means: not usable, close the connection.
HeadOutcome parse_response_head(std::string_view buffer, const HeadLimits& limits, ResponseHead& head);

}  // namespace sluice::http
